"""Run the Triton kernel in Triton's interpreter, which needs no GPU but a process of its own.

Triton decides at its import whether it compiles or interprets.
"""

import atexit
import concurrent.futures
import functools
import multiprocessing
import os
from unittest import mock

import numpy as np


@functools.cache
def interpreter():
    """Start the process at the first call, and return its executor."""
    pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    atexit.register(pool.shutdown)
    return pool


def run(function, *arguments):
    """Call a function in the process, with arguments that can be pickled, and return what it returns."""
    before = os.environ.get("TRITON_INTERPRET")
    os.environ["TRITON_INTERPRET"] = "1"  # A new process copies the environment.
    try:
        return interpreter().submit(function, *arguments).result()
    finally:
        if before is None:
            del os.environ["TRITON_INTERPRET"]
        else:
            os.environ["TRITON_INTERPRET"] = before


def paint(buffer, name, place, spec, coordinates, layout, value_range=None, guide=None):
    """Paint a view of an array of whole numbers with the kernel, and return the array.

    The view is a tensor of the dtype of this name; its place is shape, strides and offset, in items. Indices, epoch and
    guide may be arrays, which become tensors.
    """
    import torch

    from agreement import as_tensor

    coordinates = {
        word: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for word, value in coordinates.items()
    }
    tensor = as_tensor(torch.from_numpy(buffer), name, place)
    guide = None if guide is None else torch.from_numpy(guide)
    paint_tensor(tensor, spec, layout, value_range, guide, **coordinates)
    return buffer


def paint_sizes(batches, spec, coordinates):
    """Paint batches (n, h, w, c) of many sizes through one door, and return them, and how many painters were made.

    In place of a batch that was refused comes what was said about it.
    """
    import torch

    from dustaug._engine.coordinates import Coordinates
    from dustaug._tensors import devices
    from dustaug._tensors.painter import Painter

    painter, made = Painter(spec, "NHWC"), []

    def make_painter(*facts):
        made.append(devices.KernelPainter(*facts))
        return made[-1]

    def dust(images):
        painter._paint_elsewhere(torch.from_numpy(images), Coordinates(**coordinates), 1)

    with mock.patch.object(devices, "make_painter", make_painter):
        return [painted_or_refused(dust, images) for images in batches], len(made)


def painted_or_refused(dust, images):
    """Return images that a function has painted in place, or what it said when it refused them."""
    try:
        dust(images)
    except ValueError as error:
        return str(error)
    return images


def paint_tensor(tensor, spec, layout, value_range=None, guide=None, **coordinates):
    """Paint a tensor with the kernel.

    The programs run from the last to the first. On a GPU they run in any order; in this order, a pixel that two
    programs write ends up wrong.
    """
    from triton.runtime.interpreter import interpreter_builder as builder

    from agreement import kind_of
    from dustaug._engine.coordinates import Coordinates
    from dustaug._tensors.devices import KernelPainter

    painter = KernelPainter(spec, kind_of(tensor, layout, value_range), tensor.device)
    forwards = builder.set_grid_idx

    def backwards(*place):
        forwards(*(n - 1 - i for n, i in zip(builder.grid_dim, place, strict=True)))

    with mock.patch.object(builder, "set_grid_idx", backwards):
        painter(tensor, Coordinates(**coordinates), guide=guide)


def philox(counters, keys):
    """Return the words that Triton draws for counters (n, 4) and keys (n, 2): (n, 4)."""
    import torch

    from philox_in_triton import draw_words

    words = torch.zeros((len(counters), 4), dtype=torch.int64)
    seeds = torch.from_numpy(keys[:, 0] | keys[:, 1] << np.uint64(32))
    draw_words[(len(counters),)](torch.from_numpy(counters), seeds, words)
    return words.numpy()
