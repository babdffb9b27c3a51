"""The compiled code draws the published words, has one signature, and never writes outside of the images."""

import numpy as np
import pytest
from numba import njit

import dustaug
import reference
from conftest import VECTORS
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.launch import make_params
from dustaug._engine.memory import ImageKind, make_memory

KNOWN_ANSWERS = [
    [int(word, 16) for word in line.split()]
    for line in (VECTORS / "philox4x32_10.txt").read_text().splitlines()
    if not line.startswith("#")
]


@njit
def compiled_philox(c0, c1, c2, c3, k0, k1):
    return kernels._philox(c0, c1, c2, c3, k0, k1)


@njit
def compiled_runs(plan, row_stride, column_stride, channel_stride):
    return kernels._memory_of(kernels._params_at(plan), row_stride, column_stride, channel_stride)


def test_there_are_known_answers():
    """The file of known answers holds three, and all of them are read."""
    assert [10, 10, 10] == list(map(len, KNOWN_ANSWERS))


@pytest.mark.parametrize("answer", KNOWN_ANSWERS, ids=["zeros", "ones", "pi"])
def test_philox_gives_the_published_words(answer):
    """Kernel, NumPy form and twin reproduce the known answers of Random123."""
    counter, key, expected = answer[:4], answer[4:6], tuple(answer[6:])

    assert expected == compiled_philox(*map(np.uint64, counter), *map(np.uint64, key))
    assert expected == tuple(map(int, kernels_numpy.philox(counter, *key)))
    assert expected == reference.philox(counter, key)


def test_one_signature_serves_all_dtypes_and_layouts(monkeypatch):
    """Each entry is compiled once, whatever it paints."""
    monkeypatch.setattr(launch, "_engine", lambda: kernels)
    monkeypatch.setattr(launch, "_find_launch", launch._find_launch.__wrapped__)
    for dtype in (np.uint8, np.uint16, np.float32, np.float64, bool):
        for shape, layout in (((2, 3, 20, 20), "NCHW"), ((2, 20, 20, 3), "NHWC"), ((20, 20), "HW")):
            guide = np.ones((2, 5, 7) if "N" in layout else (5, 7), bool)
            at_guide = dustaug.dust(center="guide")
            dustaug.add_dust(np.zeros(shape, dtype), at_guide, seed=0, index=0, layout=layout, guide=guide)
            for spec in (
                dustaug.dust(),
                dustaug.random_erasing(p=1),
                dustaug.dust(fill="color"),
                dustaug.dust(fill="mean"),
            ):
                images = np.zeros(shape, dtype)
                dustaug.add_dust(images, spec, seed=2**64 - 1, epoch=2**32 - 1, index=2**62, layout=layout)
                dustaug.add_dust(
                    images[..., ::-1], spec, seed=0, index=np.arange(len(images) if "N" in layout else 1), layout=layout
                )
                dustaug.paint_rectangles(
                    images,
                    dustaug.sample_rectangles(
                        spec,
                        height=20,
                        width=20,
                        seed=0,
                        index=np.arange(2 if "N" in layout else 1),
                        channels=images.shape[layout.index("C")] if "C" in layout else 1,
                    ),
                    layout=layout,
                )
    for entry in (
        kernels.dust_batch,
        kernels.dust_batch_in_detail,
        kernels.dust_any_batch,
        kernels.count_rectangles,
        kernels.draw_rectangles,
        kernels.paint_boxes,
        kernels.mean_patterns,
    ):
        assert len(entry.signatures) == 1


PIXELS = np.zeros((2, 4, 5, 3), np.float32)
PLANES = np.zeros((2, 3, 4, 5), np.float32)


@pytest.mark.parametrize(
    ("images", "layout", "columns", "expected"),
    [
        # The column and channel strides, the runs of a column, their bytes, where they begin; whether they interleave.
        (PIXELS, "NHWC", 1, (12, 4, 1, 12, 0, 0, 0)),
        (PIXELS, "NHWC", 3, (12, 4, 3, 4, 0, 1, 0)),
        (PIXELS[..., ::-1], "NHWC", 1, (12, -4, 1, 12, -8, 0, -8)),
        (PIXELS[..., ::-1], "NHWC", 3, (12, -4, 3, 4, 0, 1, -8)),
        (PIXELS[:, :, ::-1], "NHWC", 3, (-12, 4, 3, 4, 0, 1, 0)),
        (PIXELS[..., :2], "NHWC", 1, (12, 4, 1, 8, 0, 0, 0)),
        (PIXELS[..., :2], "NHWC", 2, (12, 4, 2, 4, 0, 0, 0)),
        (PIXELS[..., ::2], "NHWC", 1, (12, 8, 2, 4, 0, 0, 0)),
        (PLANES, "NCHW", 1, (4, 80, 3, 4, 0, 0, 0)),
        (PLANES, "NCHW", 3, (4, 80, 3, 4, 0, 0, 0)),
        (PLANES[:, ::-1], "NCHW", 1, (4, -80, 3, 4, 0, 0, -160)),
        (PIXELS[..., 0], "NHW", 1, (12, 4, 1, 4, 0, 0, 0)),
    ],
)
def test_one_store_paints_what_lies_together(images, layout, columns, expected):
    """Channels that lie together and are equal are one run; others are painted one by one, or interleaved."""
    memory = make_memory(images.shape, images.strides, 4, layout)
    kind = ImageKind(images.dtype, layout, memory.channels)
    params = make_params(dustaug.dust(), kind, np.zeros((256, columns), np.uint64))
    found = compiled_runs(kernels.operand_of(params), memory.row_stride, memory.column_stride, memory.channel_stride)

    assert (memory.row_stride, *expected) == found


@pytest.mark.parametrize("side", [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_is_written_outside(side, dtype, channels):
    """Bytes around a buffer that is painted over and over stay as they were, for all sizes of runs."""
    guard = 256
    item = np.dtype(dtype).itemsize
    for width in range(1, side + 2, max(1, side // 8)):
        n_bytes = 3 * width * channels * item
        memory = np.full(2 * guard + n_bytes, 0xA5, np.uint8)
        images = memory[guard : guard + n_bytes].view(dtype).reshape(3, width, channels)
        for fill in ({"fill": "constant", "fill_value": 255}, {"fill": "color"}, {"fill": "noise"}):
            spec = dustaug.dust(half_width_range=(0, side), count_range=(50, 50), spare_last=False, **fill)
            dustaug.add_dust(images, spec, seed=1, index=0, layout="HWC")
            dustaug.add_dust(images[:, ::-1], spec, seed=2, index=0, layout="HWC")

        assert (memory[:guard] == 0xA5).all()
        assert (memory[-guard:] == 0xA5).all()


def test_prefetching_changes_no_pixel():
    """Batches above and below the size from which the kernel prefetches are painted alike, also at their ends."""
    large = np.zeros((400, 128, 128, 3), np.uint8)

    assert large.nbytes > kernels._PREFETCH_BYTES

    dustaug.add_dust(large, seed=1, index=0)
    small = [
        dustaug.add_dust(np.zeros((50, 128, 128, 3), np.uint8), seed=1, index=start) for start in range(0, 400, 50)
    ]

    assert (large == np.concatenate(small)).all()


def test_more_rectangles_than_lanes():
    """An image with more rectangles than one block draws gets those of the next blocks too."""
    spec = dustaug.dust(count_range=(100, 100))
    image = np.zeros((64, 64, 1), np.uint8)

    assert (
        reference.dust(image, spec, 5, 0, 9, (0, 255)) == dustaug.add_dust(image.copy(), spec, seed=5, index=9)
    ).all()


def test_the_greatest_count_is_painted():
    """All 65,535 rectangles of an image are painted, in their order."""
    spec = dustaug.dust(count_range=(65_535, 65_535))
    image = np.zeros((9, 8, 1), np.uint8)
    drawn = dustaug.sample_rectangles(spec, height=9, width=8, seed=5, index=np.array([9]))

    assert len(drawn) == 65_535
    assert (
        reference.dust(image, spec, 5, 0, 9, (0, 255)) == dustaug.add_dust(image.copy(), spec, seed=5, index=9)
    ).all()
