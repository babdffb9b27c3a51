"""Images of any value range, and odd arguments: each answer is a value or one sentence."""

import json
import math
import re
import warnings

import numpy as np
import pytest
from matplotlib import pyplot as plt

import dustaug
from dustaug import dust
from dustaug.robustness import (
    OcclusionCurve,
    OcclusionDifferences,
    OcclusionGap,
    OcclusionMap,
    OcclusionRuns,
    PastedObjects,
    PatchDrop,
    occlusion_gap,
    occlusion_table,
    pasted_objects,
    patch_drops,
)
from toy_models import curve_of, map_of, pictures

END = ", or whatever black and white are"


def scaled(dtype, high, low=0):
    """Return images that go from `low` to `high`."""
    images = pictures(4, 8, 8).astype(np.float64)
    images[0, 0, :2] = 0, 255
    return (low + np.round(images / 255 * (high - low), 6)).astype(dtype)


RANGES = [
    (scaled(np.int64, 255), "int64 must come with a value_range, as no picture fills it, got 0 to 255", "(0, 255)"),
    (scaled(np.int32, 4095), "int32 must come with a value_range, as no picture fills it, got 0 to 4095", "(0, 4095)"),
    (scaled(np.uint32, 255), "uint32 must come with a value_range, as no picture fills it, got 0 to 255", "(0, 255)"),
    (scaled(np.uint64, 0), "uint64 must come with a value_range, as no picture fills it, got 0 to 0", "(0, 255)"),
    (scaled(np.uint16, 255), "uint16 must fill [0, 65535], got 0 to 255", "(0, 255)"),
    (scaled(np.uint16, 3000), "uint16 must fill [0, 65535], got 0 to 3000", "(0, 4095)"),
    (scaled(np.int16, 3071, -1024), "int16 must lie in [0, 32767], got -1024 to 3071", "(-1024, 3071)"),
    (scaled(np.int8, 127, -128), "int8 must lie in [0, 127], got -128 to 127", "(-128, 127)"),
    (scaled(np.uint8, 1), "uint8 must fill [0, 255], got 0 to 1", "(0, 1)"),
    (scaled(np.uint8, 16), "uint8 must fill [0, 255], got 0 to 16", "(0, 16)"),
    (scaled(np.float32, 255), "float32 must lie in [0, 1], got 0 to 255", "(0, 255)"),
    (scaled(np.float64, 1, -1), "float64 must lie in [0, 1], got -1 to 1", "(0, 255)"),
    (scaled(np.float64, 1 / 255), "float64 must fill [0, 1], got 0 to 0.003922", "(0, 0.00392)"),
]


class TestRanges:
    """Images that do not fill the range of their dtype are refused, unless a value range is given."""

    @pytest.mark.parametrize(("images", "got", "hint"), RANGES, ids=[got for _, got, _ in RANGES])
    def test_of_images_that_do_not_fill_their_dtype(self, images, got, hint):
        """Both tools refuse them, and name a range; a given range is taken."""
        before = images.copy()
        message = re.escape(f" of {got}: type value_range={hint}{END}")
        with pytest.raises(ValueError, match=f"^images{message}$"):
            curve_of(images, np.zeros(4, int), {1: dust()})
        with pytest.raises(ValueError, match=f"^image of {re.escape(got.partition(',')[0])}"):
            map_of(images[0])

        assert (images == before).all()
        given = (-1, 1) if images.min() == -1 else tuple(json.loads(f"[{hint[1:-1]}]"))
        assert curve_of(images, np.zeros(4, int), {1: dust()}, value_range=given).n_images == 4
        assert map_of(images[0], lambda x: np.stack([x.sum((1, 2)), x[:, 0, 0]], 1), value_range=given).patch == 1

    @pytest.mark.parametrize("share", [0.1, 0.6, 1])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float16, np.float32, bool])
    def test_of_images_that_do(self, dtype, share):
        """Bytes and floats may be dark, 16 bits are filled to a half."""
        white = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
        if np.dtype(dtype).itemsize == 2 and share == 0.1 and np.dtype(dtype).kind in "iu":
            share = 0.51
        images = scaled(dtype, share * white)

        assert curve_of(images, np.zeros(4, int), {1: dust()}).n_images == 4

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
    def test_of_black_images(self, dtype):
        """Black images say nothing about their range."""
        assert curve_of(np.zeros((4, 8, 8), dtype), np.zeros(4, int), {1: dust()}).n_images == 4

    def test_of_what_draws_no_brightness(self):
        """Functions and normalised specs need no range; means are of the image's own range."""
        images = scaled(np.float32, 2, -2)

        assert curve_of(images, np.zeros(4, int), {1: lambda images, _: images}).coverage == (0,)
        assert curve_of(images[..., None], None, {1: dust(normalize_mean=(0,), normalize_std=(1,))}).n_images == 4

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_of_images_that_are_not_finite(self, bad):
        """A pixel that is no number is refused; it used to hide a wrong range."""
        images = scaled(np.float32, 255)
        images[3, 3, 3] = bad
        for measure in (lambda: curve_of(images, np.zeros(4, int), {1: dust()}), lambda: map_of(images[3])):
            with pytest.raises(ValueError, match=r"^images? must be finite, got .*: type numpy.nan_to_num\(images?\)$"):
                measure()

    def test_pixels_that_are_not_numbers_are_not_covered(self):
        """A function that changes nothing covers nothing, though NaN differs from NaN."""
        images = np.full((4, 8, 8), np.nan, np.float32)

        assert curve_of(images, np.zeros(4, int), {1: lambda x, _: x}, lambda x: np.ones((len(x), 2))).coverage == (0,)

    def test_only_as_much_is_read_as_is_needed(self, tmp_path):
        """A file of bytes is not read to its end to learn that it is bright."""
        file = np.memmap(tmp_path / "images", np.uint8, "w+", shape=(50, 8, 8))
        file[0] = 255

        assert curve_of(file, np.zeros(50, int), {1: dust()}).n_images == 50


class TestBlankMaps:
    """A map on which nothing changes says so."""

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_of_a_saturated_softmax(self, dtype):
        """The score stays at 1, and the warning names the logits."""
        image = pictures(8, 8, 3)

        def logits(batch):
            return brightness_of(batch) * [1, 2, 3]

        def softmax(batch):
            powers = np.exp(500 * (logits(batch) - logits(batch).max(axis=1, keepdims=True)))
            return (powers / powers.sum(axis=1, keepdims=True)).astype(dtype)

        want = "let predict return logits, the numbers before the softmax, which is saturated here"
        for target, score in ((2, "1"), (0, "0")):
            with pytest.warns(UserWarning, match=f"^the score of class {target} stays at {score} wherever .*: {want}$"):
                map_of(image, softmax, patch=2, target=target)
        assert np.abs(map_of(image, logits, patch=2).heat).max() > 0

    def test_of_a_patch_that_hides_nothing(self):
        """A patch of the image's own colour changes nothing."""
        want = "type a larger patch, or a fill_value that the image does not have$"
        with pytest.warns(UserWarning, match=want) as caught:
            map_of(np.full((8, 8), 255, np.uint8), fill_value=255)

        assert caught[0].filename.endswith("toy_models.py")

    @pytest.mark.parametrize("factor", [1e-9, 1e9])
    def test_of_scores_of_any_size(self, factor):
        """Scores in small or large units are no blank map; what changes by the rounding of float32 is one."""

        def predict(batch):
            return brightness_of(batch) * factor

        def rounded(batch):
            flat = batch.reshape(len(batch), -1)
            return np.stack([1000 + 1e-4 * (flat[:, 0] != flat[:, -1]), np.zeros(len(batch))], axis=1)

        assert np.abs(map_of(pictures(8, 8, 3), predict, patch=2).heat).max() > 0
        with pytest.warns(UserWarning, match="^the score of class 0 stays at 1000 wherever"):
            map_of(pictures(8, 8, 3), rounded, patch=2)


def brightness_of(batch):
    return batch.reshape(len(batch), -1, 3).mean(axis=1)


class TestResults:
    """Results can be read back, and refuse what is none."""

    def test_a_curve_comes_back_from_json(self):
        """JSON makes lists of tuples and whole numbers of some floats."""
        curve = curve_of()

        assert OcclusionCurve(**json.loads(json.dumps(curve.to_dict()))) == curve
        assert hash(OcclusionCurve(**json.loads(json.dumps(curve.to_dict())))) == hash(curve)

    @pytest.mark.parametrize(
        ("fields", "error", "message"),
        [
            ({"n_images": 0}, ValueError, "n_images must be from 1 to 9223372036854775807, got 0"),
            ({"accuracy": 0.5}, TypeError, "accuracy must be a tuple of numbers, got float"),
            ({"accuracy": ("a", "b")}, TypeError, "each number of accuracy must be a number, got str"),
            (
                {"accuracy": (0.5,)},
                ValueError,
                (
                    "severities, coverage, accuracy and flip_rate must have one number for each severity, "
                    "got 3, 3, 1, 3 numbers"
                ),
            ),
            ({"clean_accuracy": None}, TypeError, "clean_accuracy must be a number, got NoneType"),
            (
                {"clean_accuracy": 10**400},
                ValueError,
                "clean_accuracy must be a number that floats can hold, got a larger one",
            ),
        ],
    )
    def test_of_a_curve_that_is_none(self, fields, error, message):
        """A field of the wrong kind is named."""
        with pytest.raises(error) as caught:
            OcclusionCurve(**{**curve_of().to_dict(), **fields})

        assert str(caught.value) == message

    @pytest.mark.parametrize(
        ("fields", "error", "message"),
        [
            ({"heat": None}, TypeError, "heat must be an array of real numbers, got NoneType"),
            ({"heat": [[1, 2], [3]]}, TypeError, "heat must be an array of real numbers, got list"),
            ({"heat": [1, 2]}, ValueError, "heat must have 2 axes, got shape (2,)"),
            ({"picture": 0}, ValueError, "picture must have 2 or 3 axes, got shape ()"),
            ({"score": "high"}, TypeError, "score must be a number, got str"),
        ],
    )
    def test_of_a_map_that_is_none(self, fields, error, message):
        """A field of the wrong kind is named."""
        good = {"heat": [[1, 2]], "target": 0, "score": 1, "patch": 1, "stride": 1, "picture": [[0, 1]]}
        assert OcclusionMap(**good).to_dict()["heat"] == [[1.0, 2.0]]
        with pytest.raises(error) as caught:
            OcclusionMap(**{**good, **fields})

        assert str(caught.value) == message

    @pytest.mark.parametrize(
        ("ax", "message"),
        [
            (lambda: plt.subplots(1, 2)[1], "got ndarray: type ax=axes.flat[0], or another one of them"),
            (plt.figure, "got Figure: type ax=figure.gca()"),
            (lambda: 3, "got int: type ax=figure.gca()"),
        ],
    )
    def test_axes_are_axes(self, ax, message):
        """An array of Axes, or a figure, is refused by both plots."""
        given = ax()
        for result in (curve_of(), map_of()):
            with pytest.raises(TypeError) as caught:
                result.plot(given)
            assert str(caught.value) == f"ax must be the Axes of a matplotlib figure, {message}"
        plt.close("all")


class TestNames:
    """Each mistake is named by what was given, and by what to type."""

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (
                lambda: map_of(pictures(1, 28, 28)),
                ValueError,
                (
                    "layout must be given where the shape does not tell it, got shape (1, 28, 28): type "
                    'layout="HWC" if the last axis is 28 channels, else "CHW"'
                ),
            ),
            (lambda: map_of([[0, 1]]), TypeError, "image must be a NumPy array, got list: type numpy.array(image)"),
            (
                lambda: map_of(pictures(8, 8), layout="HWC"),
                ValueError,
                "image must have 3 axes for layout HWC, got shape (8, 8)",
            ),
            (lambda: map_of(pictures(8, 8, 0)), ValueError, "image must have at least one pixel, got shape (8, 8, 0)"),
            (
                lambda: map_of(np.ma.masked_less(pictures(8, 8), 9)),
                TypeError,
                ("image must not be masked, got a MaskedArray: type image.filled(0), or image.data"),
            ),
            (
                lambda: curve_of(labels=[[0, 1], [2]]),
                TypeError,
                (
                    "labels must be an array of whole numbers, one for each image, got list that NumPy cannot read: "
                    "type numpy.array(labels) and see what is uneven"
                ),
            ),
            (
                lambda: curve_of(labels=np.full(23, 2**64 - 1, np.uint64)),
                ValueError,
                (
                    "labels must be from 0 to 2, as predict returns 3 classes, got 18446744073709551615 to "
                    "18446744073709551615"
                ),
            ),
            (
                lambda: curve_of(occlusions={8: dustaug.cutout}),
                TypeError,
                (
                    "an occlusion must be a dustaug.Spec or a function (images, index) -> images, got cutout "
                    "without its arguments: type dustaug.cutout(…)"
                ),
            ),
            (
                lambda: curve_of(occlusions={10**400: dust()}),
                ValueError,
                "severities must be above 0 and finite, got inf: the clean images are measured anyway",
            ),
            (
                lambda: curve_of(occlusions={2**53: dust(), 2**53 + 1: dust()}),
                ValueError,
                "severities must differ as floats, got 9.0072e+15 twice",
            ),
            (
                lambda: curve_of(occlusions={1: lambda images, _: images}, value_range=3),
                TypeError,
                "value_range must be a tuple of two numbers, got 3: type value_range=(0, 255)",
            ),
            (lambda: curve_of(progress="yes"), TypeError, "progress must be True or False, got 'yes'"),
            (lambda: map_of(progress=1), TypeError, "progress must be True or False, got 1"),
        ],
    )
    def test_of_odd_arguments(self, call, error, message):
        """The message is one sentence."""
        with pytest.raises(error) as caught:
            call()

        assert str(caught.value) == message

    def test_of_an_output_with_logits(self):
        """What Hugging Face's models return is no table of scores, and has one."""

        class Output:
            logits = None

        with pytest.raises(TypeError, match=r"got Output of object: type \.logits after the call of the model$"):
            curve_of(predict=lambda _: Output())


ODD = [
    *(None, True, 0, -1, 1.5, 2**64, math.nan, math.inf, "a", b"a", [], (), {}, [1, 2], ("a", "b"), [[1, 2], [3]]),
    *(np.array(3), np.array([]), np.array([None]), np.float32(2), np.bool_(True), object(), int, 1j, {1: 2}, range(3)),
    *(np.datetime64("2020"), dust(), ..., np.ma.masked, np.zeros((2, 8, 8), "c8"), np.zeros((2, 8, 8), "M8[s]")),
    *(np.zeros((2, 8, 8), ">f4"), np.zeros((2, 8, 8), np.longdouble), np.zeros((2, 8, 8), [("a", "f4")])),
    *(np.zeros((2, 0, 8)), np.zeros((2, 8, 8, 0)), np.zeros((28, 28, 28))),
]
CURVE = ("images", "labels", "occlusions", "seed", "batch_size", "layout", "value_range", "progress")
DROPS, DROP, GAP = (
    ("choice", "saliency", "ratios", "share_of", "grid", "fill_value"),
    ("order", "count", "grid"),
    ("train", "test"),
)
PASTED = ("objects", "masks", "share", "seed", "layout")
TRAIN = {"train_images": pictures(2, 8, 8), "train_labels": [0, 0]}
MAP = ("image", "target", "patch", "stride", "fill_value", "batch_size", "layout", "value_range", "progress")


def ones(batch):
    return np.ones((len(batch), 2))


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{type(odd).__name__}-{str(odd)[:12]}")
def test_every_odd_argument_has_an_answer(odd):
    """An argument is taken, or refused by an error of ours whose sentence says what must hold."""
    calls = [lambda name=name: curve_of(**{"predict": ones, "labels": [0] * 23, name: odd}) for name in CURVE]
    calls += [lambda name=name: map_of(**{"predict": ones, name: odd}) for name in MAP]
    calls += [lambda: curve_of(predict=lambda _: odd), lambda: map_of(predict=lambda _: odd)]
    calls += [lambda: curve_of(predict=ones, occlusions={1: lambda *_: odd})]
    calls += [lambda name=name: patch_drops(**{"choice": "salient", "saliency": [[[1]]], name: odd}) for name in DROPS]
    calls += [lambda: patch_drops(saliency=odd), lambda: curve_of().relative_to(odd)]
    calls += [
        lambda name=name: PatchDrop(**{"order": [[1, 0, 2, 3]], "count": 1, "grid": 2, name: odd}) for name in DROP
    ]
    calls += [lambda: PatchDrop(order=[[0]], count=1, grid=1).rectangles(odd, height=2, width=2)]
    calls += [lambda name=name: OcclusionGap(**{"train": curve_of(), "test": curve_of(), name: odd}) for name in GAP]
    things = {"objects": pictures(2, 8, 8), "masks": np.ones((2, 8, 8), bool)}
    calls += [lambda name=name: PastedObjects(**{**things, "share": 0.1, name: odd}) for name in PASTED]
    calls += [lambda: pasted_objects(**things, shares=odd)]
    calls += [lambda: PastedObjects(**things, share=0.1)(odd, [0, 1])]
    calls += [lambda: PastedObjects(**things, share=0.1)(pictures(2, 8, 8), odd)]
    runs = OcclusionRuns([curve_of()])
    calls += [lambda: OcclusionRuns(odd), lambda: OcclusionRuns([odd]), lambda: runs.minus(odd)]
    calls += [lambda: OcclusionDifferences(runs=odd, others=runs)]
    calls += [lambda: occlusion_table(odd), lambda: occlusion_table({"a": odd})]
    calls += [lambda name=name: occlusion_table({"a": runs}, **{name: odd}) for name in ("of", "digits")]
    calls += [
        lambda name=name: occlusion_gap(ones, pictures(2, 8, 8), [0, 0], progress=False, **{**TRAIN, name: odd})
        for name in ("train_images", "train_labels")
    ]
    if not callable(odd):
        calls += [lambda: curve_of(predict=odd), lambda: curve_of(predict=ones, occlusions={1: odd})]
    for call in calls:
        assert " must " in answer(call)


def answer(call):
    """Return the message of an error of ours, or that there must be none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except (TypeError, ValueError) as error:
        return str(error)
    return "there must be no error"
