#!/usr/bin/env bash
# Library: JAX 0.10.2 on the CPU, with NumPy 2.4.6.
# Seen: `jax.device_put` of a NumPy array whose memory starts at a multiple of 64 bytes gives an array over that
# memory: writing into the NumPy array afterwards changes the JAX array. At any other address it copies.
# `jnp.asarray` copies in both cases.
# One would have guessed: Putting an array on a device copies it, and asarray may share: so say the names. JAX arrays
# do not change.
# Why it matters: A loader that fills one buffer again and again and puts it on the device overwrites batches that
# are still in use, or does not, by where the buffer happens to lie.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy as np


def buffer(offset):
    memory = np.zeros(4096 + 128, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    return memory[start : start + 4096]


seen = {}
for name, put in {"device_put": jax.device_put, "asarray": jnp.asarray}.items():
    for offset in (0, 1):
        source = buffer(offset)
        array = jax.block_until_ready(put(source))
        source[:] = 7
        seen[name, offset] = int(np.asarray(array).max())
    print(f"{name:10}: aligned memory overwritten with 7 reads {seen[name, 0]}, other memory {seen[name, 1]}")
assert seen == {("device_put", 0): 7, ("device_put", 1): 0, ("asarray", 0): 0, ("asarray", 1): 0}
PYTHON
