"""Objects of other images are pasted along their outlines, as a plain twin pastes them pixel by pixel."""

import itertools
import math
import pickle
import typing

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dustaug import dust
from dustaug.robustness import PastedObjects, pasted_objects
from toy_models import HEIGHT, WIDTH, N, brightness, curve_of, pictures

SIDES = st.integers(1, 12)


def masks_of(m, height, width, seed=3):
    """Return masks of random pixels, each with at least one."""
    rng = np.random.default_rng(seed)
    masks = rng.random((m, height, width)) < rng.random((m, 1, 1))
    masks[np.arange(m), rng.integers(height, size=m), rng.integers(width, size=m)] = True
    return masks


def blots(height=20, width=24, m=9):
    """Return ellipses of several sizes, whose areas change smoothly when they are resized."""
    rows, columns = np.ogrid[:height, :width]
    sizes = np.linspace(0.2, 0.45, m)[:, None, None]
    return ((rows - 9.5) / (height * sizes)) ** 2 + ((columns - 11.5) / (width * sizes[::-1])) ** 2 < 1


def by_hand(images, index, objects, masks, share, seed):
    """Paste pixel by pixel, (n, h, w) or (n, h, w, c)."""
    painted, m = [image.tolist() for image in images], len(objects)
    height, width = images.shape[1:3]
    for image, i in zip(painted, index, strict=True):
        u = [word // 2**11 / 2**53 for word in np.random.Philox(key=seed + (i << 64)).random_raw(3).tolist()]
        others = [k for k in range(m) if k != i]
        k = others[int(u[0] * len(others))]
        where = [(row, column) for row, column in np.ndindex(masks.shape[1:]) if masks[k][row][column]]
        ends = [(min(each), max(each) + 1) for each in zip(*where, strict=True)]
        scale = math.sqrt(share * height * width / len(where))
        sides = [stop - start for start, stop in ends]
        new = [min(max(int(side * scale + 0.5), 1), most) for side, most in zip(sides, (height, width), strict=True)]
        top, left = int(u[1] * (height - new[0] + 1)), int(u[2] * (width - new[1] + 1))
        for y, x in np.ndindex(*new):
            row = ends[0][0] + (2 * y + 1) * sides[0] // (2 * new[0])
            column = ends[1][0] + (2 * x + 1) * sides[1] // (2 * new[1])
            if masks[k][row][column]:
                image[top + y][left + x] = objects[k][row][column].tolist()
    return np.array(painted, images.dtype)


class TestPixels:
    """The pixels are those of the twin."""

    @settings(max_examples=60, deadline=None)
    @given(
        m=st.integers(2, 5),
        sides=st.tuples(SIDES, SIDES, SIDES, SIDES),
        share=st.floats(0.001, 1),
        seed=st.integers(0, 2**64 - 1),
        start=st.sampled_from((0, 1, 7, 2**40)),
        dtype=st.sampled_from((np.uint8, np.uint16, np.float32, bool)),
    )
    def test_they_are_those_of_the_twin(self, m, sides, share, seed, start, dtype):
        """For all sizes of images and objects, shares, seeds and numbers of images."""
        rng = np.random.default_rng(seed)
        objects, images = (rng.integers(0, 256, shape).astype(dtype) for shape in ((m, *sides[:2]), (4, *sides[2:])))
        masks, index = masks_of(m, *sides[:2], seed), np.arange(start, start + 4)
        pasted = PastedObjects(objects=objects, masks=masks, share=share, seed=seed)

        assert np.array_equal(pasted(images, index), by_hand(images, index.tolist(), objects, masks, share, seed))

    @pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64])
    def test_layouts_hold_the_same(self, dtype):
        """Channels last, channels first and grey get the same pixels."""
        objects, images, masks = (
            pictures(5, 9, 7, 3, dtype=dtype),
            pictures(6, 12, 17, 3, dtype=dtype),
            masks_of(5, 9, 7),
        )
        expected = by_hand(images, range(6), objects, masks, 0.3, 4)
        options = {"masks": masks, "share": 0.3, "seed": 4}
        planes, first = np.moveaxis(images, -1, 1), np.moveaxis(objects, -1, 1).copy()

        assert (PastedObjects(objects=objects, **options)(images, range(6)) == expected).all()
        for given_planes in (planes, planes.copy()):
            found = PastedObjects(objects=first, layout="NCHW", **options)(given_planes, range(6))
            assert (np.moveaxis(found, 1, -1) == expected).all()
        for channel in range(3):
            grey = PastedObjects(objects=objects[..., channel], **options)(images[..., channel], range(6))
            assert (grey == expected[..., channel]).all()

    def test_strided_and_read_only_arrays_are_taken(self):
        """Memory of any order is read, and the given arrays stay as they are."""
        objects, images, masks = pictures(10, 18, 14), pictures(12, 24, 34), masks_of(10, 18, 14)
        parts = [array[::2, ::-2, ::2] for array in (objects, images, masks)]
        copies = [part.copy() for part in parts]
        for part in parts:
            part.flags.writeable = False
        found = PastedObjects(objects=parts[0], masks=parts[2], share=0.2)(parts[1], range(6))

        assert found.flags.c_contiguous
        assert found.flags.writeable
        assert (found == by_hand(copies[1], range(6), copies[0], copies[2], 0.2, 0)).all()
        assert all((part == copy).all() for part, copy in zip(parts, copies, strict=True))

    def test_bytes_are_masks_too(self):
        """Any byte that is not zero is the object."""
        objects, images, masks = pictures(5, 9, 7), pictures(6, 12, 17), masks_of(5, 9, 7)
        by_bytes, by_bools = (
            PastedObjects(objects=objects, masks=each, share=0.3)(images, range(6))
            for each in (masks.astype(np.uint8) * np.arange(1, 8, dtype=np.uint8) * 36, masks)
        )

        assert (by_bytes == by_bools).all()


class TestChoice:
    """Seed and number choose the object and its place, and nothing else does."""

    def test_batches_change_nothing(self):
        """An image of a number gets the same in any batch and order."""
        objects, images, index = pictures(5, 9, 7), pictures(N, HEIGHT, WIDTH), np.arange(N)
        pasted = PastedObjects(objects=objects, masks=masks_of(5, 9, 7), share=0.3)
        whole = pasted(images, index)

        assert (pasted(images[::-1], index[::-1]) == whole[::-1]).all()
        for size in (1, 4, 20):
            parts = [pasted(images[i : i + size], index[i : i + size]) for i in range(0, N, size)]
            assert (np.concatenate(parts) == whole).all()

    def test_curves_are_those_of_any_batch_size(self):
        """Images are their own donors, and another seed gives another curve."""
        images, masks = pictures(N, HEIGHT, WIDTH), masks_of(N, HEIGHT, WIDTH)
        before = images.copy()
        curves = [
            curve_of(images, occlusions=pasted_objects(images, masks, seed=seed), batch_size=size)
            for seed, size in ((0, 64), (0, 5), (1, 64))
        ]

        assert curves[0] == curves[1]
        assert curves[0].severities == (0.1, 0.2, 0.3, 0.4)
        assert curves[0] != curves[2]
        assert (images == before).all()

    def test_no_image_gets_the_object_of_its_number(self):
        """Each of the others comes as often; an image beyond the objects may get any of them."""
        values, n = np.arange(1, 5, dtype=np.uint16), 3000
        objects = np.ones((4, 1, 1), np.uint16) * values[:, None, None]
        masks, black = np.ones((4, 1, 1), bool), np.zeros((1, 1, 1), np.uint16)
        seeds = [PastedObjects(objects=objects, masks=masks, share=1, seed=seed) for seed in range(n)]
        for number, expected in ((0, [0, 1, 1, 1]), (2, [1, 1, 0, 1]), (4, [1, 1, 1, 1])):
            got = [int(pasted(black, [number])[0, 0, 0]) for pasted in seeds]
            counts = np.bincount(got, minlength=5)[1:]
            mean = n / sum(expected)
            assert (np.abs(counts - mean * np.array(expected)) <= 5 * math.sqrt(mean) * np.array(expected)).all()

    def test_places_are_uniform(self):
        """A square of one pixel lies everywhere as often."""
        pasted = PastedObjects(objects=np.ones((2, 1, 1), np.uint8), masks=np.ones((2, 1, 1), bool), share=1 / 12)
        counts = pasted(np.zeros((12_000, 3, 4), np.uint8), np.arange(12_000)).sum(axis=0, dtype=int)

        assert counts.sum() == 12_000
        assert (np.abs(counts - 1000) < 5 * math.sqrt(1000)).all()

    def test_all_shares_have_the_same_object(self):
        """The object is the same, and lies at the same relative place."""
        objects = np.ones((9, 20, 24), np.uint8) * np.arange(1, 10, dtype=np.uint8)[:, None, None]
        black, index = np.zeros((N, 60, 60), np.uint8), np.arange(N)
        found = [each(black, index) for each in pasted_objects(objects, blots(), shares=(0.1, 0.15, 0.2)).values()]

        assert len({tuple(each.max(axis=(1, 2))) for each in found}) == 1
        for less, more in itertools.pairwise(found):
            assert np.count_nonzero((less > 0) & (more > 0)) > 0.8 * np.count_nonzero(less)

    @pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
    def test_masks_cover_about_the_share(self, share):
        """Where the object fits, the area is right to within the rounding of its sides."""
        pasted = PastedObjects(objects=np.ones((9, 20, 24), np.uint8), masks=blots(), share=share)
        covered = pasted(np.zeros((200, 100, 120), np.uint8), np.arange(200)).mean(axis=(1, 2))

        assert np.abs(covered / share - 1).max() < 0.12
        assert covered.mean() == pytest.approx(share, rel=0.04)

    def test_what_does_not_fit_is_squeezed(self):
        """What is too wide gets the width of the image, and what is too high gets its height; the other side stays."""
        masks = np.zeros((2, 9, 9), bool)
        masks[:, 4] = True
        pasted = PastedObjects(objects=np.ones((2, 9, 9), np.uint8), masks=masks, share=0.5)
        covered = pasted(np.zeros((2, 8, 8), np.uint8), [0, 1])

        assert (covered.sum(axis=2) == 8).sum(axis=1).tolist() == [2, 2]
        assert covered.sum() == 32
        whole = PastedObjects(objects=np.ones((2, 9, 9), np.uint8), masks=np.ones((2, 9, 9), bool), share=1)
        assert whole(np.zeros((2, 3, 50), np.uint8), [0, 1]).sum(axis=(1, 2)).tolist() == [3 * 12, 3 * 12]


class TestResult:
    """Occlusions are values."""

    def test_fields_are_those_that_were_given(self):
        """Severities are the shares in their order; the repr is one line."""
        objects, masks = pictures(12, 9, 7, 3), masks_of(12, 9, 7)
        made = pasted_objects(objects, masks, shares=(0.5, 1), seed=3)

        assert list(made) == [0.5, 1]
        assert [(each.share, each.seed, each.layout) for each in made.values()] == [(0.5, 3, "NHWC"), (1, 3, "NHWC")]
        assert all(np.shares_memory(each.objects, objects) for each in made.values())
        assert repr(made[0.5]) == "PastedObjects(share=0.5, of 12 objects)"
        assert typing.get_type_hints(PastedObjects)["share"] is float

    def test_they_survive_a_pickle(self):
        """A pickle paints the same."""
        pasted, images = pasted_objects(pictures(5, 9, 7), masks_of(5, 9, 7))[0.2], pictures(6, 12, 17)
        again = pickle.loads(pickle.dumps(pasted))

        assert (again(images, range(6)) == pasted(images, range(6))).all()
        assert b"_pasted" not in pickle.dumps(pasted)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16])
    def test_pixels_off_the_masks_may_be_anything(self, dtype):
        """They are never pasted, so that NaN and infinity may stand for no object."""
        objects, masks, images = pictures(5, 9, 7, dtype=dtype), masks_of(5, 9, 7), pictures(N, 12, 17, dtype=dtype)
        made = pasted_objects(objects, masks)
        for value in (np.nan, np.inf, 255):
            odd = np.where(masks, objects, np.array(value, dtype))
            assert curve_of(images, occlusions=pasted_objects(odd, masks)) == curve_of(images, occlusions=made)

    def test_objects_of_other_ranges_go_with_their_images(self):
        """Floats of 0 to 255, normalised ones, those that are nearly in [0, 1], and those of a value range."""
        unit, masks = pictures(N, HEIGHT, WIDTH, dtype=np.float32), np.ones((N, HEIGHT, WIDTH), bool)
        for images, objects in (
            (unit * 255, unit * 255),
            ((unit - 0.5) * 4, (unit - 0.5) * 4),
            (unit, unit * 1.0005),
            (unit * 0, unit * 255),
        ):
            assert curve_of(images, occlusions=pasted_objects(objects, masks)).n_images == N
        pasted = pasted_objects(unit * 16, masks)
        assert curve_of(unit, occlusions=pasted, value_range=(0, 16)).n_images == N

    def test_values_need_no_range(self):
        """Pixels are copied, so that images of any range are taken."""
        images = pictures(N, HEIGHT, WIDTH).astype(np.int64) - 1000

        assert curve_of(images, occlusions=pasted_objects(images, images > -900), predict=brightness).n_images == N


def call(images=None, index=range(6), **fields):
    """Paste on six images, with some arguments replaced."""
    given_fields = {"objects": pictures(5, 9, 7, 3), "masks": masks_of(5, 9, 7), "share": 0.3, **fields}
    return PastedObjects(**given_fields)(pictures(6, 12, 17, 3) if images is None else images, index)


def floats(value=None, factor=1):
    """Return float objects, with one odd value."""
    objects = pictures(5, 9, 7, dtype=np.float32) * np.float32(factor)
    if value is not None:
        objects[3, 4, 5] = value
    return objects


def curve_with(objects):
    images, masks = pictures(N, HEIGHT, WIDTH, dtype=np.float32), np.ones((5, 9, 7), bool)
    return curve_of(images, occlusions=pasted_objects(objects, masks))


def two_masks(*, empty):
    masks = np.ones((5, 9, 7), bool)
    masks[empty:] = False
    return masks


ERRORS = [
    (lambda: call(objects=[[1]]), TypeError, "objects must be a NumPy array, got list: type numpy.stack(objects)"),
    (
        lambda: call(objects=pictures(1, 9, 7), masks=masks_of(1, 9, 7)),
        ValueError,
        "objects must be at least two, as an image never gets the one of its own number, got 1",
    ),
    (
        lambda: call(objects=pictures(5, 9)),
        ValueError,
        "objects must have 3 or 4 axes, got shape (5, 9): type objects.reshape(len(objects), height, width)",
    ),
    (
        lambda: call(objects=pictures(5, 9, 7, 3), layout="NHW"),
        ValueError,
        "objects must have 3 axes for layout NHW, got shape (5, 9, 7, 3)",
    ),
    (
        lambda: call(masks=[[1]]),
        TypeError,
        "masks must be a NumPy array, got list: type numpy.array(masks)",
    ),
    (
        lambda: call(masks=np.ma.masked_array(masks_of(5, 9, 7))),
        TypeError,
        "masks must not be masked, got a MaskedArray: type masks.filled(0), or masks.data",
    ),
    (
        lambda: call(masks=np.ones((5, 9, 7))),
        TypeError,
        "masks must be of bool or uint8, got float64: type masks > 0, or what the object is",
    ),
    (
        lambda: call(masks=masks_of(5, 7, 9)),
        ValueError,
        "masks must have shape (5, 9, 7), one for each of the objects, got shape (5, 7, 9)",
    ),
    (
        lambda: call(masks=two_masks(empty=3)),
        ValueError,
        (
            "masks must have at least one pixel each, got none in number 3: type kept = masks.any(axis=(1, 2)), and "
            "objects[kept], masks[kept]"
        ),
    ),
    (
        lambda: call(objects=floats(np.nan), masks=np.ones((5, 9, 7), bool)),
        ValueError,
        "objects must be finite, got nan to nan: type numpy.nan_to_num(objects)",
    ),
    (
        lambda: pasted_objects(floats(-np.inf), np.ones((5, 9, 7), bool)),
        ValueError,
        "objects must be finite, got -inf to 1: type numpy.nan_to_num(objects)",
    ),
    (
        lambda: curve_with(floats(0, 255)),
        ValueError,
        (
            "objects must lie in [0, 1], as the images do, got 0 to 255: type objects / 255, or what makes "
            "black 0 and white 1"
        ),
    ),
    (
        lambda: curve_with(floats(-0.25)),
        ValueError,
        "objects must lie in [0, 1], as the images do, got -0.25 to 1: type numpy.clip(objects, 0, 1)",
    ),
    (
        lambda: call(share=0),
        ValueError,
        "share must be above 0, up to 1, got 0: the clean images are measured anyway",
    ),
    (lambda: call(share="a"), TypeError, "each of share must be a number, got str"),
    (
        lambda: pasted_objects(pictures(5, 9, 7), masks_of(5, 9, 7), shares=(0.1, 1.5)),
        ValueError,
        "shares must be above 0, up to 1, got 1.5: the clean images are measured anyway",
    ),
    (
        lambda: pasted_objects(pictures(5, 9, 7), masks_of(5, 9, 7), shares=0.1),
        TypeError,
        "shares must be some numbers, got 0.1: type shares=(0.25, 0.5)",
    ),
    (lambda: call(seed=-1), ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
    (
        lambda: call(pictures(6, 12, 17, 3).astype(np.float32)),
        ValueError,
        "images must have the objects' dtype uint8, got float32",
    ),
    (lambda: call(pictures(6, 12, 17, 1)), ValueError, "images must have the objects' 3 channels, got 1"),
    (
        lambda: call(pictures(6, 12, 17)),
        ValueError,
        "images must have 4 axes for layout NHWC, got shape (6, 12, 17)",
    ),
    (lambda: call([1]), TypeError, "images must be a NumPy array, got list: type numpy.stack(images)"),
    (lambda: call(index=range(5)), ValueError, "index must have a number for each of 6 images, got 5 numbers"),
    (lambda: call(index=0), TypeError, "index must be whole numbers of shape (n,), got 0: type numpy.arange(n)"),
    (
        lambda: call(index=[[1], [2, 3]]),
        TypeError,
        "index must be whole numbers of shape (n,), got [[1], [2, 3]]: type numpy.arange(n)",
    ),
    (lambda: call(index=range(-1, 5)), ValueError, "index must be from 0 to 9223372036854775807, got -1"),
]


@pytest.mark.parametrize(("mistake", "error", "message"), ERRORS, ids=[message for *_, message in ERRORS])
def test_errors(mistake, error, message):
    """Each mistake is named by what was given, and by what to type."""
    with pytest.raises(error) as caught:
        mistake()

    assert str(caught.value) == message


def test_curves_refuse_images_of_another_dtype():
    """The error of the occlusion reaches the caller of occlusion_curve()."""
    occlusions = {**pasted_objects(pictures(5, 9, 7), masks_of(5, 9, 7)), 2: dust()}
    with pytest.raises(ValueError, match="^images must have the objects' dtype uint8, got float32$"):
        curve_of(pictures(N, HEIGHT, WIDTH, dtype=np.float32), occlusions=occlusions)
