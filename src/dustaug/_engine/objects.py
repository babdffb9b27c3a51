"""Machine code of the compiled entries on disk, so that only the first process of an installation needs the compiler.

That process compiles an entry with Numba, writes its object code to a file, and loads it. Later ones load the file with
llvmlite, which Numba brings, in a tenth of a second and a fifth of the memory; they never import Numba. Where there is
no place for a file, or anything goes wrong, Numba's own way is taken, with a disk cache of its own.

How an entry is called
----------------------
Beside the native function of Numba, the object code holds a function that Python calls as it calls its own builtins: it
turns Python ints and floats into numbers, releases the GIL, and makes an int of the status.

What is trusted
---------------
A file is loaded if it belongs to this user or to root, in a folder that no one else may write to, and its digest is
right. It is written whole, under another name, and renamed. Its name holds a digest of all that the machine code
depends on: sources, versions, processor.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import stat
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from . import calls
from .forks import fork_lock, wait_at_forks

ENTRIES = (
    "dust_batch",
    "dust_batch_in_detail",
    "dust_any_batch",
    "count_rectangles",
    "draw_rectangles",
    "paint_boxes",
    "mean_patterns",
)


class _Engine:
    """The compiled entries, each looked up when it is first needed, and what Python does around them."""

    TAKES_ADDRESSES, ARRAY, SUMMED = calls.TAKES_ADDRESSES, calls.ARRAY, calls.SUMMED
    operand_of = staticmethod(calls.operand_of)
    operand_of_array = staticmethod(calls.operand_of_array)
    operand_of_images = staticmethod(calls.operand_of_images)
    bind = staticmethod(calls.bind)
    bind_array = staticmethod(calls.bind_array)
    bind_part = staticmethod(calls.bind_part)
    bind_array_with_terms = staticmethod(calls.bind_array_with_terms)
    bind_part_with_terms = staticmethod(calls.bind_part_with_terms)
    call_with_terms = staticmethod(calls.call_with_terms)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in ENTRIES:
            raise AttributeError(name)
        entry = find_entry(name)
        setattr(self, name, entry)
        return entry


def engine() -> Any:
    """Compiled entries, or their twin in NumPy if Numba's compiler is switched off."""
    if _is_switched_off():
        from . import kernels_numpy

        return kernels_numpy
    return _Engine()


def _is_switched_off() -> bool:
    """Whether Numba is told not to compile, without importing it if the environment alone tells."""
    if "numba" in sys.modules:
        return bool(sys.modules["numba"].config.DISABLE_JIT)
    if Path(".numba_config.yaml").exists():
        from .kernels import is_switched_off

        return is_switched_off()
    try:
        return bool(int(os.environ.get("NUMBA_DISABLE_JIT") or 0))
    except ValueError:
        return False


def find_entry(name: str) -> Callable[..., Any]:
    """Return an entry from the disk, or compile it and write it there."""
    with fork_lock:
        entry = _tried(_load, "loaded", name)
    if entry is None:
        entry = _compile(name)
    _tell()
    return entry  # type: ignore[no-any-return]


def _compile(name: str) -> Callable[..., Any]:
    _wait_before_logging()
    with fork_lock:
        # Another thread may have been here meanwhile; what was wrong with a file is not said twice.
        entry = _tried(_load, "loaded", name) if not _problems else None
        if entry is None:
            from . import kernels

            if _is_writable():
                entry = _tried(_make, "made", name, getattr(kernels, name))
            if entry is None:
                entry = kernels.compiled_by_numba(getattr(kernels, name))
    return entry  # type: ignore[no-any-return]


@functools.cache
def _wait_before_logging() -> None:
    """Let forks take our lock before that of logging, which Numba takes: what was registered last is taken first."""
    import logging  # noqa: F401

    wait_at_forks()


def _tried(function: Callable[..., Any], verb: str, name: str, *arguments: Any) -> Any:
    """Return what a function returns, or warn and return None: Numba's own way is there for whatever fails."""
    try:
        return function(name, *arguments)
    except Exception as error:  # noqa: BLE001  llvmlite and Numba's internals may raise anything.
        _warn(f"{verb} ({type(error).__name__}: {error})")
        return None


_problems: list[str] = []
_told = False


def _warn(what: str) -> None:
    """Note what could not be done, to be told when it is mended: where warnings are errors, the next start is well."""
    _problems.append(what)


def _tell() -> None:
    """Warn, once in a process: what is wrong with one file is mostly wrong with all of them."""
    global _told  # noqa: PLW0603
    if _told or not _problems:
        return
    _told = True
    warnings.warn(
        f"dustaug's machine code could not be {_problems[0]}; Numba compiles instead, which takes about five seconds",
        RuntimeWarning,
        stacklevel=2,
    )


# ------------------------------------------------------------------------------------------------ the key


@functools.cache
def _key() -> str:
    """Return a digest of everything that machine code depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    folder = Path(__file__).parent
    sources = [path.read_bytes() for path in (*sorted(folder.glob("*.py")), folder.parent / "spec.py")]
    # How Numba is told to compile: all but where it keeps files, and on how many threads it runs.
    settings = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name not in ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS")
    )
    facts = (
        *(llvmlite.__version__, metadata.version("numba")),
        *(sys.implementation.cache_tag, sys.abiflags if hasattr(sys, "abiflags") else "", struct.calcsize("P")),
        *(object.__basicsize__, bytes.__basicsize__, sys.platform, platform.machine()),
        *(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()),
        settings,
    )
    digest = hashlib.sha256(repr(facts).encode())
    for source in sources:
        digest.update(hashlib.sha256(source).digest())
    return digest.hexdigest()[:32]


# ------------------------------------------------------------------------------------------------- files

_MAGIC = b"dustaug 1\n"
_SUFFIX = ".dust"


def _folders() -> list[Path]:
    """Return where files may lie, best first."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return [Path(given) / "dustaug"]
    return [Path(__file__).parent / "__pycache__", *_user_folders()]


def _user_folders() -> Iterator[Path]:
    names = {"win32": ("LOCALAPPDATA", "~/AppData/Local"), "darwin": ("", "~/Library/Caches")}
    variable, usual = names.get(sys.platform, ("XDG_CACHE_HOME", "~/.cache"))
    try:
        yield Path(os.environ.get(variable) or usual).expanduser() / "dustaug"
    except RuntimeError:
        return  # There is no home.


def _owners() -> tuple[int, int]:
    """Return the users whose files are trusted."""
    return 0, os.geteuid()


def _is_ours(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user or to root, and nobody else may write to it."""
    if not hasattr(os, "geteuid"):
        return True  # Windows keeps its lists of who may write elsewhere; its folders for caches are the user's own.
    return status.st_uid in _owners() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_trusted(folder: Path) -> bool:
    try:
        link, status = folder.lstat(), folder.stat()
    except OSError:
        return False
    is_own_link = not stat.S_ISLNK(link.st_mode) or not hasattr(os, "geteuid") or link.st_uid in _owners()
    return is_own_link and stat.S_ISDIR(status.st_mode) and _is_ours(status)


def _read(name: str) -> bytes | None:
    """Return the object code of an entry, if a trusted folder has it whole."""
    for folder in filter(_is_trusted, _folders()):
        path = folder / f"{name}-{_key()}{_SUFFIX}"
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        except OSError:
            continue
        with os.fdopen(handle, "rb") as file:
            if not _is_ours(os.fstat(handle)):
                continue
            content = file.read()
        digest, code = content[len(_MAGIC) :][:32], content[len(_MAGIC) + 32 :]
        if content.startswith(_MAGIC) and hashlib.sha256(code).digest() == digest:
            return code
        _warn(f"read at {path}, as it is broken")
    return None


def _write(name: str, code: bytes) -> None:
    """Write the object code of an entry to the first folder that is trusted and can be written to, if there is one."""
    content = _MAGIC + hashlib.sha256(code).digest() + code
    for folder in _folders():
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not _is_trusted(folder):
                continue
            handle, temporary = tempfile.mkstemp(prefix=f"{name}-", suffix=".part", dir=folder)
        except OSError:
            continue
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                if hasattr(os, "fchmod"):
                    os.fchmod(handle, 0o644)  # Another user may run what root has installed.
            Path(temporary).replace(folder / f"{name}-{_key()}{_SUFFIX}")
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            continue
        return


def _is_writable() -> bool:
    """Whether a file would find a place."""
    for folder in _folders():
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError:
            continue
        if _is_trusted(folder) and os.access(folder, os.W_OK):
            return True
    return False


# ------------------------------------------------------------------------------------------- machine code

# What the machine code may ask for outside of itself.
_PYTHON = (
    "PyLong_AsLongLong",
    "PyFloat_AsDouble",
    "PyErr_Occurred",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyLong_FromLongLong",
)
_OUTSIDE = {*_PYTHON, "memcpy", "memmove", "memset"}


def _target_machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )


def _make(name: str, entry: Any) -> Callable[..., Any]:
    """Compile an entry, write its object code, and load it. What Numba refuses, it refuses again when it is called."""
    from . import kernels

    code = _emit(name, *kernels.compile_entry(entry))
    _write(name, code)
    return _link(name, code)


def _emit(name: str, bitcode: bytes, native: str, doubles: list[bool]) -> bytes:
    """Return object code of a native function of Numba, and of one that Python calls like a builtin."""
    import llvmlite.binding as llvm

    module = llvm.parse_bitcode(bitcode)
    wrapper = llvm.parse_assembly(_wrap(name, native, doubles, module.triple))
    wrapper.data_layout = module.data_layout
    module.link_in(wrapper)
    # All but the wrapper and what it calls may go: it refers to functions of Numba's that are not there later.
    for defined in (*module.functions, *module.global_variables):
        if not defined.is_declaration and defined.name != _symbol(name):
            defined.linkage = "internal"
    machine = _target_machine()
    if hasattr(llvm, "create_pass_builder"):
        passes = llvm.create_new_module_pass_manager()
        passes.add_global_dead_code_eliminate_pass()
        passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    else:
        passes = llvm.create_module_pass_manager()
        passes.add_global_dce_pass()
        passes.run(module)
    asked = {each.name for each in (*module.functions, *module.global_variables) if each.is_declaration}
    unknown = {each for each in asked if not each.startswith("llvm.")} - _OUTSIDE
    if unknown:
        raise RuntimeError(f"machine code must stand alone, got calls of {sorted(unknown)}")
    return bytes(machine.emit_object(module))


def _symbol(name: str) -> str:
    return f"dustaug.{name}"


def _wrap(name: str, native: str, doubles: list[bool], triple: str) -> str:
    """Return ``PyObject *f(PyObject *self, PyObject *const *arguments, Py_ssize_t n)`` as assembly of LLVM."""
    from llvmlite import ir

    word, double, pointer = ir.IntType(64), ir.DoubleType(), ir.IntType(8).as_pointer()
    module = ir.Module(name)
    module.triple = triple

    def declare(function: str, result: Any, *arguments: Any) -> Any:
        return ir.Function(module, ir.FunctionType(result, arguments), function)

    kinds = [double if is_double else word for is_double in doubles]
    compiled = declare(native, ir.IntType(32), word.as_pointer(), pointer.as_pointer(), *kinds)
    as_word, as_double = declare(_PYTHON[0], word, pointer), declare(_PYTHON[1], double, pointer)
    error, save = declare(_PYTHON[2], pointer), declare(_PYTHON[3], pointer)
    restore, from_word = declare(_PYTHON[4], ir.VoidType(), pointer), declare(_PYTHON[5], pointer, word)
    function = declare(_symbol(name), pointer, pointer, pointer.as_pointer(), word)
    builder = ir.IRBuilder(function.append_basic_block())
    result, exception = builder.alloca(word), builder.alloca(pointer)
    numbers = []
    for place, is_double in enumerate(doubles):
        argument = builder.load(builder.gep(function.args[1], [word(place)]))
        numbers.append(builder.call(as_double if is_double else as_word, [argument]))
    failed = builder.icmp_unsigned("!=", builder.ptrtoint(builder.call(error, []), word), word(0))
    with builder.if_then(failed, likely=False):
        builder.ret(ir.Constant(pointer, None))
    thread = builder.call(save, [])
    builder.call(compiled, [result, exception, *numbers])
    builder.call(restore, [thread])
    builder.ret(builder.call(from_word, [builder.load(result)]))
    return str(module)


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_METH_FASTCALL = 0x80
# What loaded code needs as long as the process lives.
_alive: list[Any] = []


def _load(name: str) -> Callable[..., Any] | None:
    """Return an entry whose object code is on the disk."""
    code = _read(name)
    return None if code is None else _link(name, code)


def _link(name: str, code: bytes) -> Callable[..., Any]:
    """Return the entry of object code."""
    import llvmlite.binding as llvm

    for outside in _PYTHON:
        llvm.add_symbol(outside, ctypes.cast(getattr(ctypes.pythonapi, outside), ctypes.c_void_p).value)
    compiler = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
    compiler.add_object_file(llvm.ObjectFileRef.from_data(code))
    compiler.finalize_object()
    address = compiler.get_function_address(_symbol(name))
    if not address:
        raise RuntimeError(f"{_symbol(name)} is not in the file")
    compiler.detach()  # At the end of the process another thread may still be in it.
    method = _Method(name.encode(), address, _METH_FASTCALL, None)
    _alive.extend((compiler, method))
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    entry: Callable[..., Any] = make(ctypes.addressof(method), None, None)
    return entry
