#!/usr/bin/env bash
# Library: Triton 3.8.0, the compiler of GPU kernels that PyTorch brings.
# Seen: A kernel whose argument is named `params` cannot be launched: "TypeError: failed to specialize argument of type:
# dict". The launcher that Triton writes for a kernel has a variable `params` of its own, a dict of all arguments, and
# looks at it in place of the argument. Under any other name the same kernel is compiled. Triton's own interpreter
# (TRITON_INTERPRET=1), where kernels are tested without a GPU, runs both.
# One would have guessed: An argument may have any name that Python allows; or the name is refused where it is defined.
# Why it matters: An augmentation in Triton is given a table of numbers, for which `params` is the first name one thinks
# of. Its tests pass in the interpreter, and its first launch on a GPU fails with an error that names no argument.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" TRITON_CACHE_DIR="$work/cache"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check triton==3.8.0
cat >"$work/kernels.py" <<'PYTHON'
import types

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.runtime import driver


@triton.jit
def fill_named_params(images, params):
    tl.store(images + tl.program_id(0), tl.load(params))


@triton.jit
def fill_named_table(images, table):
    tl.store(images + tl.program_id(0), tl.load(table))


class Pointer:
    """What Triton asks of a tensor."""

    dtype = "i32"

    def data_ptr(self):
        return 256


# What Triton asks of the driver of a GPU before it compiles; nothing is launched.
driver.set_active(
    types.SimpleNamespace(
        get_current_device=lambda: 0,
        set_current_device=lambda _: None,
        get_current_stream=lambda _: 0,
        get_current_target=lambda: GPUTarget("cuda", 90, 32),
    )
)
seen = {}
for kernel in (fill_named_params, fill_named_table):
    try:
        seen[kernel.__name__] = type(kernel.warmup(Pointer(), Pointer(), grid=(1,))).__name__
    except TypeError as error:
        seen[kernel.__name__] = f"TypeError: {error}"
for name, found in seen.items():
    print(f"{name}: {found}")
assert seen["fill_named_params"] == "TypeError: failed to specialize argument of type: dict"
assert seen["fill_named_table"] == "CompiledKernel"
PYTHON
"$work/venv/bin/python" "$work/kernels.py"
