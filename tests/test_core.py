"""The public functions return what they promise, refuse the rest, and leave refused images untouched.

Layouts, indices and epochs are tested here as arguments. That pixels depend on nothing else, as on threads and batches,
is the promise of tests/test_invariance.py.
"""

import functools
import json
import pickle
import threading
import warnings

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import dustaug
from dustaug import DustStream, Rectangles, add_dust, cutout, dust, paint_rectangles, random_erasing, sample_rectangles
from dustaug._engine.memory import array_at
from strategies import EPOCHS, SEEDS, range_of, specs, views


def grey(*shape, dtype=np.uint8):
    return np.full(shape, 100, dtype)


class TestAddDust:
    """add_dust() paints arrays in place."""

    def test_it_paints_in_place_and_returns_the_array(self):
        """add_dust() changes its argument and returns it."""
        images = grey(4, 64, 64, 3)

        assert add_dust(images, seed=0, index=0) is images
        assert (images != 100).any(axis=(1, 2, 3)).all()

    def test_without_a_seed_every_call_differs(self):
        """Every call draws fresh entropy, and none from NumPy's global generator."""
        np.random.seed(0)  # noqa: NPY002
        state = np.random.get_state()[1].tolist()  # noqa: NPY002

        assert (add_dust(grey(8, 64, 64, 3)) != add_dust(grey(8, 64, 64, 3))).any()
        assert state == np.random.get_state()[1].tolist()  # noqa: NPY002

    def test_images_of_a_batch_differ(self):
        """No two images of a batch get the same dust (most peers repeat one draw)."""
        images = add_dust(grey(64, 64, 64, 3), dust(count_range=(5, 9)), seed=0, index=0)

        assert len({image.tobytes() for image in images}) == 64

    @pytest.mark.parametrize(
        ("shape", "layout", "nhwc"),
        [
            ((2, 40, 50, 3), "NHWC", (0, 1, 2, 3)),
            ((2, 3, 40, 50), "NCHW", (0, 2, 3, 1)),
            ((40, 50, 3), "HWC", (0, 1, 2)),
            ((3, 40, 50), "CHW", (1, 2, 0)),
        ],
    )
    def test_layouts_agree(self, shape, layout, nhwc):
        """Every layout shows the same picture."""
        axes = dict(zip(layout, shape, strict=True))
        expected = add_dust(grey(axes.get("N", 1), 40, 50, 3), seed=3, index=9)
        images = add_dust(grey(*shape), seed=3, index=9, layout=layout)

        assert (expected == images.transpose(nhwc).reshape(expected.shape)).all()

    def test_layouts_without_channels_agree(self):
        """Grey images are one channel of a coloured one."""
        expected = add_dust(grey(2, 40, 50, 3), seed=3, index=9)[..., 0]

        assert (expected == add_dust(grey(2, 40, 50), seed=3, index=9, layout="NHW")).all()
        assert (expected[0] == add_dust(grey(40, 50), seed=3, index=9)).all()

    def test_the_default_layout_follows_the_axes(self):
        """Two, three and four axes are HW, HWC and NHWC."""
        for shape, layout in (((9, 8), "HW"), ((9, 8, 3), "HWC"), ((2, 9, 8, 3), "NHWC")):
            assert (
                add_dust(grey(*shape), seed=0, index=0) == add_dust(grey(*shape), seed=0, index=0, layout=layout)
            ).all()

    @pytest.mark.parametrize("shape", [(60, 28, 28), (1797, 8, 8), (6, 3, 32, 32), (64, 3, 16, 16)])
    def test_a_doubtful_shape_needs_a_layout(self, shape):
        """Batches of grey images are not taken for one image of many channels, nor NCHW for NHWC."""
        images, layout = grey(*shape), "NHWC" if len(shape) == 4 else "NHW"
        with pytest.raises(
            ValueError, match=rf"layout must be given where the shape does not tell it.*{shape[-1]} chan"
        ):
            add_dust(images, seed=0, index=0)
        assert (images == 100).all()

        add_dust(images, seed=0, index=0, layout=layout)
        for index, image in enumerate(images):
            channel = add_dust(grey(*shape[1:3]), seed=0, index=index)
            assert (image == (channel[..., None] if layout == "NHWC" else channel)).all()

    @pytest.mark.parametrize("shape", [(40, 50, 13), (2, 40, 50, 8)])
    def test_all_channels_get_the_same_rectangles(self, shape):
        """The channels of a multispectral image, whose layout is given, are painted alike."""
        expected = add_dust(grey(*shape[:-1]), seed=0, index=0, layout="NHW" if len(shape) == 4 else "HW")

        assert (expected != 100).any()
        layout = "NHWC" if len(shape) == 4 else "HWC"
        assert (add_dust(grey(*shape), seed=0, index=0, layout=layout) == expected[..., None]).all()

    @pytest.mark.parametrize(
        ("dtype", "white"),
        [
            (np.uint8, 255),
            (np.uint16, 65_535),
            (np.uint32, 2**32 - 1),
            (np.uint64, 2**64 - 1),
            (np.int8, 127),
            (np.int16, 32_767),
            (np.int64, 2**63 - 1),
            (np.bool_, True),
            (np.float16, 1),
            (np.float32, 1),
            (np.float64, 1),
            (np.complex64, 1),
            (ml_dtypes.bfloat16, 1),
            (ml_dtypes.float8_e5m2, 1),
            (">u2", 65_535),
            (">f8", 1),
        ],
    )
    def test_black_and_white_of_every_dtype(self, dtype, white):
        """Brightness 0 and 255 are the ends of the dtype's range."""
        for brightness, value in ((0, 0), (255, white)):
            images = np.full((1, 8, 8, 1), white).astype(dtype)
            # No picture fills the integers of 4 and 8 bytes, so black and white must be said.
            given = (0, white) if images.dtype.kind in "iu" and images.dtype.itemsize > 2 else None
            add_dust(images, cutout(64, fill_value=brightness), seed=0, index=0, value_range=given)

            assert images.astype(object).ravel().tolist() == [np.array(value).astype(dtype).astype(object).item()] * 64

    def test_grey_is_linear_and_exact(self):
        """Brightness b is b in uint8, 257 b in uint16, b / 255 in float32, and follows a given range."""
        levels = np.arange(256)
        for dtype, limits, expected in (
            (np.uint8, None, levels),
            (np.uint16, None, levels * 257),
            (np.float32, None, levels.astype(np.float32) / np.float32(255)),
            (np.float32, (0, 255), levels),
            (np.uint16, (0, 255), levels),
            (np.int16, (-255, 255), 2 * levels - 255),
            (np.uint64, (0, 2**64 - 1), levels.astype(object) * (2**64 - 1) // 255),
        ):
            images = np.zeros((256, 1, 1, 1), dtype)
            boxes = np.tile([0, 0, 1, 1], (256, 1))
            rectangles = Rectangles(image=levels, boxes=boxes, fill=levels, n_images=256)
            paint_rectangles(images, rectangles, value_range=limits)

            assert images.ravel().tolist() == np.asarray(expected).astype(dtype).tolist()

    def test_fills_after_normalisation_look_the_same(self):
        """Dust painted on normalised images equals dust painted before normalising, to rounding."""
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        before = add_dust(np.full((4, 64, 64, 3), 0.5, np.float32), seed=1, index=0)
        expected = (before - np.array(mean, np.float32)) / np.array(std, np.float32)
        images = ((np.full((4, 64, 64, 3), 0.5) - mean) / std).astype(np.float32)
        add_dust(images, dust(normalize_mean=mean, normalize_std=std), seed=1, index=0)

        np.testing.assert_allclose(images, expected, rtol=0, atol=1e-6)

    def test_an_index_per_image_is_its_own(self):
        """An array of indices gives each image the dust of its index."""
        images = add_dust(grey(3, 64, 64, 3), seed=5, index=[17, 2, 17])

        assert (images[0] == images[2]).all()
        assert (images[1] == add_dust(grey(64, 64, 3), seed=5, index=2)).all()

    @pytest.mark.parametrize("fill", ["grey", "color", "noise"])
    def test_the_last_index_is_one_like_others(self, fill):
        """The greatest index paints the same as a first index and in an array."""
        spec, last = dust(fill=fill, count_range=(9, 9)), 2**63 - 1
        expected = add_dust(grey(32, 32, 3), spec, seed=5, index=[last])

        assert (expected != 100).any()
        assert (expected == add_dust(grey(32, 32, 3), spec, seed=5, index=last)).all()

    def test_seeds_epochs_and_indices_all_count(self):
        """Each coordinate alone changes the dust, and sums of them do not repeat."""
        coordinates = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2**32, 0, 0), (0, 0, 2**32), (2**63, 0, 0)]
        spec = dust(count_range=(8, 8))
        seen = {add_dust(grey(99, 99, 3), spec, seed=s, epoch=e, index=i).tobytes() for s, e, i in coordinates}

        assert len(seen) == len(coordinates)

    def test_memory_without_items_needs_no_address(self):
        """PyTorch gives no address for an empty tensor, and NumPy before 2.4 refuses a missing one."""
        empty = array_at(0, (0, 4, 4, 3), (192, 48, 12, 4), np.dtype(np.float32))

        assert (empty.shape, empty.dtype, empty.flags.writeable) == ((0, 4, 4, 3), np.float32, True)

    def test_empty_batches_are_fine(self):
        """An empty batch is no error, but its arguments are checked."""
        for shape in ((0, 8, 8, 3), (2, 0, 8, 3), (2, 8, 8, 0)):
            assert add_dust(np.zeros(shape, np.uint8), seed=0, index=0).shape == shape
            assert add_dust(np.zeros(shape, np.uint8)).shape == shape
        assert sample_rectangles(height=8, width=8, seed=0, index=[]).mask(8, 8).shape == (0, 8, 8)
        with pytest.raises(ValueError, match="num_threads must be from 1 to 4096, got 0"):
            add_dust(np.zeros((0, 8, 8, 3), np.uint8), num_threads=0)

    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda: [[1, 2], [3, 4]], TypeError, "images must be a NumPy array, got list: type numpy.stack"),
            (lambda: memoryview(b"1"), TypeError, "images must be a NumPy array, got memoryview$"),
            (
                lambda: np.array([grey(3, 3), None], object),
                TypeError,
                "images must hold numbers, got an array of object",
            ),
            (lambda: np.zeros((4, 4), "M8[s]"), TypeError, "images must hold numbers, got an array of datetime64"),
            (lambda: np.zeros((4, 4), "S4"), TypeError, "images must hold numbers"),
            (lambda: np.zeros((4, 4), "V4"), TypeError, "images must hold numbers"),
            (lambda: np.zeros((4, 4), [("a", "u1")]), TypeError, "images must hold numbers"),
            (lambda: np.zeros((4, 4), ml_dtypes.int4), TypeError, "images must hold numbers"),
            (lambda: np.zeros((4, 4), np.complex128), TypeError, "images must have items of 1, 2, 4 or 8 bytes"),
            (lambda: np.zeros(4, np.uint8), ValueError, r"images must have 2, 3 or 4 axes, got shape \(4,\)"),
            (lambda: np.zeros((1, 2, 3, 4, 5), np.uint8), ValueError, "images must have 2, 3 or 4 axes"),
            (lambda: np.zeros((70_000, 2), np.uint8), ValueError, "images must have sides from 1 to 65535 pixels"),
        ],
    )
    def test_what_is_no_image_is_refused(self, make, error, message):
        """Bad images raise with what was given and what to type."""
        with pytest.raises(error, match=message):
            add_dust(make(), seed=0, index=0)

    @pytest.mark.parametrize("kind", ["read-only", "broadcast", "windows", "overlapping rows"])
    def test_dangerous_memory_is_refused_untouched(self, kind):
        """Read-only and self-overlapping arrays raise before anything is written."""
        buffer = grey(64, 64)
        if kind == "read-only":
            images = buffer.view()
            images.flags.writeable = False
        elif kind == "broadcast":
            images = np.lib.stride_tricks.as_strided(buffer, (64, 64, 3), (64, 1, 0))
        elif kind == "windows":
            images = np.lib.stride_tricks.as_strided(buffer, (30, 8, 8), (64, 64, 1))
        else:
            images = np.lib.stride_tricks.as_strided(buffer, (60, 64), (32, 1))
        with pytest.raises(ValueError, match=r"images must (be writable|not overlap).*type images.copy\(\)"):
            add_dust(images, seed=0, index=0, layout={2: "HW", 3: "HWC" if kind == "broadcast" else "NHW"}[images.ndim])
        assert (buffer == 100).all()

    @pytest.mark.parametrize(
        ("keywords", "error", "message"),
        [
            ({"seed": 0}, TypeError, r"index must be given with a seed.*DustStream\(seed=0\)"),
            ({"index": 0}, TypeError, "seed must be given together with index and epoch"),
            ({"epoch": 1}, TypeError, "seed must be given together with index and epoch"),
            ({"seed": -1, "index": 0}, ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
            ({"seed": 2**64, "index": 0}, ValueError, "seed must be from 0 to 18446744073709551615"),
            ({"seed": 0.5, "index": 0}, TypeError, "seed must be a whole number, got 0.5"),
            ({"seed": 0, "index": 0, "epoch": 2**32}, ValueError, "epoch must be from 0 to 4294967295"),
            ({"seed": 0, "index": -1}, ValueError, "index must be from 0 to"),
            ({"seed": 0, "index": 2**63 - 1}, ValueError, "index must be from 0 to 9223372036854775806"),
            ({"seed": 0, "index": [0.0, 1.0]}, TypeError, "index must be a whole number or an array of them"),
            ({"seed": 0, "index": [0, 1, 2]}, ValueError, r"index must be a number or an array of shape \(2,\)"),
            ({"seed": 0, "index": [0, -1]}, ValueError, "index must be from 0 to"),
            ({"seed": 0, "index": np.array([0, 2**63], np.uint64)}, ValueError, "index must be from 0 to"),
            ({"spec": "dust"}, TypeError, r"spec must be a dustaug.Spec, got str: type dustaug.dust\(\)"),
            (
                {"layout": "HWN"},
                ValueError,
                "layout must be one of NHWC, NCHW, NHW, HWC, CHW, HW, NDHWC, NCDHW, got 'HWN'",
            ),
            ({"layout": "HW"}, ValueError, "images must have 2 axes for layout HW"),
            (
                {"value_range": 255},
                TypeError,
                r"value_range must be a tuple of two numbers, got 255: type value_range=\(0, 255\)",
            ),
            ({"value_range": (1, 0)}, ValueError, "value_range must be two finite numbers, the smaller first"),
            ({"value_range": (0, 256)}, ValueError, "value_range must be whole numbers from 0 to 255 for uint8 images"),
            ({"num_threads": 0}, ValueError, "num_threads must be from 1 to 4096, got 0"),
            (
                {"spec": dust(fill="constant", fill_value=(1, 2))},
                ValueError,
                "fill_value must have one number for each",
            ),
            (
                {"spec": dust(normalize_mean=(0, 0, 0), normalize_std=(1, 1, 1))},
                ValueError,
                "images must be floating-point with normalize_mean",
            ),
        ],
    )
    def test_bad_arguments_leave_images_untouched(self, keywords, error, message):
        """Each bad argument raises by name, before anything is written."""
        images = grey(2, 32, 32, 3)
        with pytest.raises(error, match=message):
            add_dust(images, **keywords)
        assert (images == 100).all()

    def test_floats_out_of_range_are_noticed(self):
        """Float images of 0…255 without a value_range would get almost black dust: a warning says what to type."""
        with pytest.warns(UserWarning, match=r"taken to lie in \[0, 1\], got 100.*value_range=\(0, 255\)"):
            add_dust(grey(2, 32, 32, 3, dtype=np.float32), seed=0, index=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            images = add_dust(grey(9, 64, 64, 3, dtype=np.float32), seed=0, index=0, value_range=(0, 255))
        assert images.max() > 200

    def test_floats_too_large_for_the_dtype_are_refused(self):
        """A value range that float16 cannot hold raises instead of painting infinities."""
        images = grey(8, 8, dtype=np.float16)
        with pytest.raises(ValueError, match="value_range must be two values that float16 can hold"):
            add_dust(images, seed=0, index=0, value_range=(0, 1e6))
        assert (images == 100).all()

    def test_means_need_no_range(self):
        """fill="mean" paints values of the image itself, so nothing is wrong with floats of any range."""
        images = add_dust(grey(8, 8, dtype=np.float32), dust(fill="mean"), seed=0, index=0)

        assert (images == 100).all()

    def test_a_mean_of_wild_floats_is_refused(self):
        """fill="mean" refuses images that are not finite."""
        images = np.full((8, 8, 1), np.nan, np.float32)
        with pytest.raises(ValueError, match='images must be finite.*fill="mean"'):
            add_dust(images, dust(fill="mean"), seed=0, index=0)


class TestRectangles:
    """sample_rectangles() returns what add_dust() paints, and paint_rectangles() paints it."""

    @settings(max_examples=300)
    @given(st.data())
    def test_painting_what_was_sampled_equals_add_dust(self, data):
        """sample_rectangles() returns exactly what add_dust() paints, for any spec on any view."""
        buffer, view, layout = data.draw(views(min_side=8))
        shape = dict(zip(layout, view.shape, strict=True))
        spec = data.draw(specs(shape.get("C", 1), view.dtype))
        seed, epoch = data.draw(SEEDS), data.draw(EPOCHS)
        index = np.arange(shape.get("N", 1)) + data.draw(st.integers(0, 2**40))
        size = {"height": shape["H"], "width": shape["W"], "channels": shape.get("C", 1)}
        try:
            rectangles = sample_rectangles(spec, **size, seed=seed, epoch=epoch, index=index)
        except ValueError as error:  # No rectangle of these areas fits into so small an image.
            if "area_range and aspect_range must allow" not in str(error):
                raise
            reject()
        before = buffer.copy()
        value_range = range_of(view.dtype)
        add_dust(view, spec, seed=seed, epoch=epoch, index=index, layout=layout, value_range=value_range)
        expected = buffer.tobytes()
        buffer[...] = before
        paint_rectangles(view, rectangles, layout=layout, value_range=value_range)

        assert expected == buffer.tobytes()

    def test_all_drawn_rectangles_are_there(self):
        """Rectangles clipped to nothing stay in, so that counts are the drawn ones."""
        rectangles = sample_rectangles(dust(count_range=(9, 9)), height=4, width=4, seed=0, index=np.arange(50))
        top, left, bottom, right = rectangles.boxes.T

        assert len(rectangles) == 450
        assert (np.bincount(rectangles.image) == 9).all()
        assert ((top <= bottom) & (left <= right)).all()
        assert ((bottom - top) * (right - left) == 0).any()

    def test_the_arrays_have_their_dtypes(self):
        """Positions, boxes and fills are arrays of the promised kinds."""
        grey_ones = sample_rectangles(height=64, width=64, seed=0, index=np.arange(3))
        coloured = sample_rectangles(dust(fill="color"), height=64, width=64, seed=0, index=np.arange(3), channels=4)
        constant = sample_rectangles(cutout(3, fill_value=(1.5, 2, 3)), height=64, width=64, seed=0, index=np.arange(3))
        noise = sample_rectangles(random_erasing(p=1), height=64, width=64, seed=0, index=np.arange(3))

        assert (np.int64, np.int32) == (grey_ones.image.dtype, grey_ones.boxes.dtype)
        assert (grey_ones.fill.dtype, grey_ones.fill.shape) == (np.uint8, (len(grey_ones),))
        assert (coloured.fill.dtype, coloured.fill.shape) == (np.uint8, (len(coloured), 4))
        assert constant.fill.tolist() == [[1.5, 2, 3]] * 3
        assert np.isnan(noise.fill).all()

    def test_channels_are_limited_for_colour_alone(self):
        """Images of any number of channels get the rectangles of add_dust, but colour has words for 1024 alone."""
        where = {"height": 8, "width": 8, "seed": 7, "index": np.arange(4), "channels": 5000}
        images = np.zeros((4, 8, 8, 5000), np.uint8)
        painted = paint_rectangles(images.copy(), sample_rectangles(**where), layout="NHWC")

        assert (painted == add_dust(images, seed=7, index=0, layout="NHWC")).all()
        assert painted.any()
        with pytest.raises(ValueError, match="channels must be from 1 to 1024, got 5000"):
            sample_rectangles(dust(fill="color"), **where)

    def test_a_mask_is_what_is_covered(self):
        """mask() is True exactly where painting white on black shows, also if the fill is unknown."""
        for spec in (dust(), random_erasing(p=1), dust(fill="mean")):
            rectangles = sample_rectangles(spec, height=50, width=60, seed=2, index=np.arange(20))
            white = sample_rectangles(
                spec.replace(fill="constant", fill_value=255), height=50, width=60, seed=2, index=np.arange(20)
            )
            expected = paint_rectangles(np.zeros((20, 50, 60), np.uint8), white, layout="NHW") == 255

            assert (expected == rectangles.mask(50, 60)).all()

    def test_rectangles_can_be_stored_and_replayed(self, tmp_path):
        """Arrays saved by NumPy and a spec saved as JSON paint the same again."""
        spec = random_erasing(p=1)
        drawn = sample_rectangles(spec, height=32, width=32, seed=2, index=np.arange(5))
        np.savez(tmp_path / "drawn.npz", image=drawn.image, boxes=drawn.boxes, fill=drawn.fill, index=drawn.index)
        text = json.dumps(spec.to_dict())
        with np.load(tmp_path / "drawn.npz") as stored:
            again = Rectangles(**stored, n_images=5, spec=dustaug.Spec.from_dict(json.loads(text)), seed=2)

        expected = add_dust(grey(5, 32, 32, 3), spec, seed=2, index=0)
        assert (expected == paint_rectangles(grey(5, 32, 32, 3), again)).all()
        assert (expected == paint_rectangles(grey(5, 32, 32, 3), pickle.loads(pickle.dumps(drawn)))).all()

    def test_later_rectangles_lie_on_top(self):
        """Where rectangles overlap, the last row of the arrays is visible."""
        boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 1, 1]])
        rectangles = Rectangles(image=np.zeros(3, int), boxes=boxes, fill=np.array([1, 2, 3]), n_images=1)

        assert paint_rectangles(np.zeros((3, 3), np.uint8), rectangles).tolist() == [[3, 1, 0], [1, 2, 2], [0, 2, 2]]

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            (
                {"boxes": [[0, 0, 9, 2]]},
                ValueError,
                r"inside the 8 by 8 pixels and not be reversed, got \[0, 0, 9, 2\]",
            ),
            ({"boxes": [[-1, 0, 2, 2]]}, ValueError, "rectangles must lie inside the 8 by 8"),
            ({"boxes": [[0, 0, 2]]}, ValueError, r"rectangles must have image \(r,\), boxes \(r, 4\)"),
            ({"boxes": [[0.0, 0, 2, 2]]}, TypeError, "rectangles must have whole numbers in image and boxes"),
            ({"image": [1]}, ValueError, "rectangles must lie on images 0 to 0, got 1 to 1"),
            ({"boxes": [[3, 3, 2, 4]]}, ValueError, "and not be reversed"),
            ({"fill": [256]}, ValueError, "rectangles must have a fill from 0 to 255, got 256 to 256"),
            ({"fill": [np.nan]}, ValueError, "rectangles must have a fill from 0 to 255, got NaN"),
            ({"fill": [[1, 2]]}, ValueError, "fill must have one number for each of the images' 1 channels, got 2"),
            ({"fill": ["red"]}, TypeError, "numbers in fill"),
            ({"n_images": 2}, ValueError, "rectangles must be of 1 images, got n_images=2"),
            ({"spec": random_erasing()}, ValueError, "must carry their seed and index"),
        ],
    )
    def test_bad_rectangles_leave_images_untouched(self, change, error, message):
        """Rectangles that do not fit raise before anything is written."""
        fields = {"image": [0], "boxes": [[0, 0, 2, 2]], "fill": [9], "n_images": 1, **change}
        arrays = {
            name: np.array(value) if name in ("image", "boxes", "fill") else value for name, value in fields.items()
        }
        images = grey(8, 8)
        with pytest.raises(error, match=message):
            paint_rectangles(images, Rectangles(**arrays))
        assert (images == 100).all()

    def test_a_list_is_no_rectangles(self):
        """Only Rectangles are painted."""
        with pytest.raises(TypeError, match="rectangles must be dustaug.Rectangles, got list"):
            paint_rectangles(grey(8, 8), [(0, 0, 2, 2)])

    def test_a_mask_of_a_smaller_image_is_refused(self):
        """mask() does not clip what does not fit."""
        with pytest.raises(ValueError, match="rectangles must lie inside the 9 by 9 pixels"):
            sample_rectangles(height=64, width=64, seed=0, index=np.arange(9)).mask(9, 9)


class TestDustStream:
    """DustStream counts the images that it paints."""

    def test_it_counts_the_images(self):
        """A stream paints batches of any size as one call paints all images."""
        expected = add_dust(grey(10, 40, 40, 3), seed=7, epoch=2, index=5)
        stream = DustStream(seed=7, epoch=2, index=5)
        parts = [stream(grey(n, 40, 40, 3)) for n in (3, 1, 0, 6)]

        assert (expected == np.concatenate(parts)).all()
        assert stream.index == 15

    def test_it_resumes(self):
        """A stream goes on where another stopped, by its state or its pickle."""
        first = DustStream(dust(count_range=(9, 9)), seed=7)
        first(grey(4, 40, 40, 3))
        state = json.loads(json.dumps(first.state_dict()))
        second = DustStream(dust(count_range=(9, 9)), seed=7)
        second.load_state_dict(state)
        third = pickle.loads(pickle.dumps(first))
        expected = first(grey(4, 40, 40, 3))

        assert (expected == second(grey(4, 40, 40, 3))).all()
        assert (expected == third(grey(4, 40, 40, 3))).all()

    def test_a_foreign_state_is_refused(self):
        """The state of another seed or spec raises and changes nothing."""
        stream = DustStream(seed=7, index=3)
        with pytest.raises(
            ValueError, match=r"state must come from a stream of Spec\(\) and seed 7, got Spec\(\) and seed 8"
        ):
            stream.load_state_dict(DustStream(seed=8).state_dict())
        assert stream.index == 3

    def test_epochs_start_at_the_first_image(self):
        """set_epoch() begins anew with other dust."""
        stream = DustStream(seed=7)
        first = stream(grey(4, 40, 40, 3))
        stream.set_epoch(1)
        second = stream(grey(4, 40, 40, 3))

        assert (first != second).any()
        assert (second == add_dust(grey(4, 40, 40, 3), seed=7, epoch=1, index=0)).all()

    def test_refused_batches_are_not_counted(self):
        """A refused batch leaves the stream where it was, whenever it is refused."""
        stream = DustStream(dust(fill="mean"), seed=7)
        with pytest.raises(TypeError, match="images must be a NumPy array"):
            stream([1, 2])
        with pytest.raises(ValueError, match="num_threads"):
            stream(grey(4, 8, 8, 3), num_threads=0)
        with pytest.raises(ValueError, match="images must be finite"):
            stream(np.full((4, 8, 8, 3), np.nan, np.float32))
        assert stream.index == 0

    def test_the_last_index_can_be_used(self):
        """A stream that has used up all indices stops there, and its state can be loaded."""
        stream = DustStream(seed=7, index=2**63 - 1)
        stream(grey(8, 8))
        with pytest.raises(ValueError, match="index must be from 0 to"):
            stream(grey(8, 8))
        resumed = DustStream(seed=7)
        resumed.load_state_dict(stream.state_dict())

        assert resumed.index == 2**63

    @pytest.mark.parametrize(
        "paint",
        [
            DustStream(seed=7),
            functools.partial(add_dust, seed=7, index=0),
            lambda images: paint_rectangles(images, sample_rectangles(height=8, width=8, seed=7, index=0)),
        ],
        ids=["stream", "add_dust", "paint_rectangles"],
    )
    def test_a_suspicious_batch_is_reported_once(self, paint):
        """The warning of floats out of range comes once a call, from the caller's line."""
        with pytest.warns(UserWarning, match="taken to lie in") as caught:
            paint(grey(1, 8, 8, 3, dtype=np.float32))

        assert [__file__] == [warning.filename for warning in caught]

    def test_threads_share_a_stream(self):
        """Every index is used once, however many threads call."""
        stream = DustStream(dust(count_range=(6, 6)), seed=7)
        results = []

        def work():
            results.extend(stream(grey(1, 64, 64, 3)).tobytes() for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = add_dust(grey(200, 64, 64, 3), dust(count_range=(6, 6)), seed=7, index=0)

        assert sorted(image.tobytes() for image in expected) == sorted(results)


def test_the_generator_of_the_post():
    """The post's expression ((add_dust(x), y) for x, y in flow) works, and so does its seeded form."""
    flow = [(grey(4, 64, 64, 3), [0, 1, 2, 3]) for _ in range(3)]
    noised = list((add_dust(x), y) for x, y in flow)  # noqa: C400

    assert all((x != 100).any() and y == [0, 1, 2, 3] for x, y in noised)

    stream = DustStream(seed=7)
    noised = list((stream(x), y) for x, y in [(grey(4, 64, 64, 3), 0) for _ in range(3)])  # noqa: C400
    expected = add_dust(grey(12, 64, 64, 3), seed=7, index=0)

    assert (expected == np.concatenate([x for x, _ in noised])).all()
