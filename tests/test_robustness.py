"""Curves and maps say of toy models what is known of them, and refuse what they cannot measure."""

import dataclasses
import json
import pickle
import re
import typing

import matplotlib as mpl
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import dustaug
from conftest import without
from dustaug import add_dust, cutout, dust, robustness, sample_rectangles
from dustaug.robustness import OcclusionCurve, _plots, occlusion_curve, occlusion_map

mpl.use("Agg")
from matplotlib import pyplot as plt

N, HEIGHT, WIDTH = 23, 12, 17
LEVELS = {
    2: dust(count_range=(2, 2), half_height_range=(1, 2), half_width_range=(1, 2)),
    9: cutout(9, fill="noise"),
    0.5: dustaug.random_erasing(scale=(0.1, 0.4), p=0.7),
}


def pictures(*shape, dtype=np.uint8):
    drawn = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    return drawn if dtype == np.uint8 else (drawn / 255).astype(dtype)


def brightness(images):
    """Three scores: darkest, middle, brightest, by the pixels in the middle; a model that takes any layout."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    middle = flat[:, flat.shape[1] // 2 - 8 : flat.shape[1] // 2 + 8].mean(axis=1)
    middle = middle / (255 if images.dtype == np.uint8 else 1)
    return np.stack([1 - middle, np.full(len(images), 0.5), middle], axis=1)


def curve_of(images=None, labels=None, occlusions=LEVELS, predict=brightness, **options):
    images = pictures(N, HEIGHT, WIDTH, 3) if images is None else images
    labels = np.arange(len(images)) % 3 if labels is None else labels
    return occlusion_curve(predict, images, labels, occlusions, **{"progress": False, **options})


def map_of(image=None, predict=brightness, **options):
    image = pictures(HEIGHT, WIDTH, 3) if image is None else image
    return occlusion_map(predict, image, **{"progress": False, **options})


class TestOcclusionCurve:
    """occlusion_curve()."""

    def test_it_equals_a_plain_loop(self):
        """One image after the other, by hand, gives the same numbers."""
        images, labels = pictures(N, HEIGHT, WIDTH, 3), np.arange(N) % 3
        clean = [int(np.argmax(brightness(image[None])[0])) for image in images]
        rows = []
        for severity in sorted(LEVELS):
            guesses, covered = [], 0
            for i, image in enumerate(images):
                occluded = add_dust(image.copy(), LEVELS[severity], seed=4, index=i)
                guesses.append(int(np.argmax(brightness(occluded[None])[0])))
                rectangles = sample_rectangles(LEVELS[severity], height=HEIGHT, width=WIDTH, seed=4, index=i)
                covered += int(rectangles.mask(HEIGHT, WIDTH).sum())
            hits = sum(guess == label for guess, label in zip(guesses, labels, strict=True))
            flips = sum(guess != before for guess, before in zip(guesses, clean, strict=True))
            rows.append((severity, covered / (N * HEIGHT * WIDTH), hits / N, flips / N))

        curve = curve_of(images, labels, seed=4)

        assert rows == list(zip(curve.severities, curve.coverage, curve.accuracy, curve.flip_rate, strict=True))
        assert curve.clean_accuracy == sum(c == label for c, label in zip(clean, labels, strict=True)) / N
        assert curve.n_images == N
        assert any(curve.flip_rate)

    @settings(max_examples=10)
    @given(st.integers(1, N + 3))
    def test_the_batch_size_changes_nothing(self, batch_size):
        """The same images get the same occlusion, however they are split."""
        levels = {**LEVELS, 3: lambda images, index: images * (index % 2).astype(np.uint8)[:, None, None, None]}

        assert curve_of(occlusions=levels) == curve_of(occlusions=levels, batch_size=batch_size)

    def test_the_seed_decides(self):
        """One seed repeats, another occludes otherwise."""
        assert curve_of(seed=1) == curve_of(seed=1)
        assert curve_of(seed=1).coverage != curve_of(seed=2).coverage

    def test_a_severity_does_not_hang_on_the_others(self):
        """A curve of one severity has the numbers that it has among others."""
        both, alone = curve_of(), curve_of(occlusions={9: LEVELS[9]})

        assert alone.accuracy == both.accuracy[-1:]
        assert alone.coverage == both.coverage[-1:]

    def test_growing_counts_hide_more_of_the_same(self):
        """What fewer rectangles hide, more of them hide too."""
        covers = [
            sample_rectangles(dust(count_range=(n, n)), height=64, width=64, seed=0, index=np.arange(9)).mask(64, 64)
            for n in (4, 8, 16)
        ]

        assert (covers[0] <= covers[1]).all()
        assert (covers[1] <= covers[2]).all()

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
    @pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
    def test_layouts_and_dtypes_agree(self, layout, dtype):
        """Predict sees the images as add_dust paints them, in the layout and dtype that they came in."""
        shape = {"NHWC": (N, HEIGHT, WIDTH, 3), "NCHW": (N, 3, HEIGHT, WIDTH), "NHW": (N, HEIGHT, WIDTH)}[layout]
        images, seen = pictures(*shape, dtype=dtype), []

        def predict(batch):
            seen.append(batch.copy())
            return np.eye(2)[np.zeros(len(batch), int)]

        curve = curve_of(images, np.zeros(N, int), {1: dust()}, predict, layout=layout, batch_size=N)
        expected = add_dust(images.copy(), seed=0, index=0, layout=layout)

        assert [batch.dtype for batch in seen] == [images.dtype] * 2
        assert (seen[0] == images).all()
        assert (seen[1] == expected).all()
        assert curve.coverage == curve_of(occlusions={1: dust()}).coverage

    def test_three_axes_are_a_batch_of_grey_images(self):
        """No layout is needed where labels tell a batch from an image."""
        images = pictures(N, HEIGHT, WIDTH)

        assert curve_of(images) == curve_of(images, layout="NHW")

    def test_a_value_range_is_passed_on(self):
        """Images of 0 to 16 are painted in 0 to 16."""
        images = pictures(N, HEIGHT, WIDTH, dtype=np.float64) * 16
        greatest = []

        def predict(batch):
            greatest.append(batch.max())
            return np.ones((len(batch), 2))

        curve_of(images, np.zeros(N, int), {1: dust(fill_range=(255, 255))}, predict, value_range=(0, 16), batch_size=N)

        assert greatest == [16, 16]

    def test_normalized_images_need_no_value_range(self):
        """A spec that knows the mean and the deviation paints images beyond [0, 1]."""
        images = (pictures(N, HEIGHT, WIDTH, 3, dtype=np.float64) - 0.5) / 0.2
        spec = dust(normalize_mean=(0.5, 0.5, 0.5), normalize_std=(0.2, 0.2, 0.2))

        assert curve_of(images, occlusions={1: spec}).n_images == N
        assert curve_of(images, occlusions={1: lambda images, _: images}).coverage == (0,)

    @pytest.mark.parametrize("greedy", [False, True])
    def test_images_stay_as_they_are(self, greedy):
        """Neither rectangles nor a careless model or occlusion change the caller's arrays."""
        images, labels = pictures(N, HEIGHT, WIDTH, 3), np.arange(N) % 3
        before = images.copy(), labels.copy()

        def predict(batch):
            scores = brightness(batch)
            if greedy:
                batch[:] = 0
            return scores

        def blacken(batch, index):
            batch[:], index[:] = 0, -1
            return batch

        curve = curve_of(images, labels, {1: blacken, **LEVELS}, predict)
        images.flags.writeable = False

        assert (images == before[0]).all()
        assert (labels == before[1]).all()
        assert curve == curve_of(images, labels, {1: blacken, **LEVELS})
        assert curve.flip_rate[1] > 0

    def test_a_function_occludes_what_it_likes(self):
        """It gets copies and their positions; the share that it changed is the coverage."""
        images, seen = np.full((10, 4, 5, 3), 200, np.uint8), []

        def hide_corner(batch, index):
            seen.extend(index.tolist())
            batch[:, :2, :2, 0] = 0
            return batch

        curve = curve_of(images, np.zeros(10, int), {7: hide_corner}, lambda x: np.ones((len(x), 2)), batch_size=4)

        assert seen == list(range(10))
        assert curve.coverage == (4 / 20,)
        assert (curve.severities, curve.accuracy, curve.flip_rate) == ((7,), (1,), (0,))

    def test_flips_count_wrong_answers_too(self):
        """A model that errs always, in two ways, flips though its accuracy stays."""
        images = np.zeros((10, 4, 4), np.uint8)

        curve = curve_of(images, np.full(10, 2), {1: lambda x, _: x + 255}, lambda x: np.eye(3)[x[:, 0, 0] // 255])

        assert (curve.clean_accuracy, curve.accuracy, curve.flip_rate) == (0, (0,), (1,))

    def test_the_default_is_the_dust_of_the_post(self):
        """Without occlusions, 4 to 64 rectangles are painted."""
        default = curve_of(pictures(N, 64, 64, 3), occlusions=None)
        spelled = {n: dust(count_range=(n, n)) for n in (4, 8, 16, 32, 64)}

        assert default == curve_of(pictures(N, 64, 64, 3), occlusions=spelled)

    def test_severities_rise(self):
        """They are sorted, and are floats whatever they were."""
        curve = curve_of(occlusions={np.int64(3): dust(), 0.5: cutout(3), np.float32(2): dust()})

        assert [0.5, 2.0, 3.0] == list(curve.severities)
        assert {float} == set(map(type, curve.severities))

    @pytest.mark.parametrize(
        "convert",
        [
            np.ndarray.tolist,
            lambda scores: scores.astype(np.float16),
            lambda scores: scores.astype(ml_dtypes.bfloat16),
            lambda scores: np.argsort(np.argsort(scores)),
            lambda scores: scores == scores.max(axis=1, keepdims=True),
        ],
        ids=["list", "float16", "bfloat16", "int64", "bool"],
    )
    def test_scores_may_be_of_any_kind(self, convert):
        """Only the greatest score of a row matters."""
        images = np.repeat(np.array([0, 128, 255], np.uint8), 4)[:, None, None].repeat(8, 1).repeat(8, 2)
        labels = np.repeat([0, 1, 2], 4)
        levels = {1: lambda images, _: 255 - images}

        expected = curve_of(images, labels, levels)

        assert expected == curve_of(images, labels, levels, lambda x: convert(brightness(x)))

    def test_digits_of_scikit_learn(self):
        """A real classifier suffers more from more dust, and its clean accuracy is its own score."""
        images, labels = load_digits(return_X_y=True)
        model = LogisticRegression(max_iter=2000).fit(images[:1000] / 16, labels[:1000])
        tests = images[1000:].reshape(-1, 8, 8)
        small = {
            n: dust(count_range=(n, n), half_height_range=(1, 1), half_width_range=(1, 1), spare_last=False)
            for n in (1, 4, 16)
        }

        def predict(batch):
            return model.predict_proba(batch.reshape(len(batch), -1) / 16)

        curve = occlusion_curve(predict, tests, labels[1000:], small, value_range=(0, 16), progress=False)

        assert curve.clean_accuracy == model.score(images[1000:] / 16, labels[1000:])
        assert curve.clean_accuracy > curve.accuracy[0] > curve.accuracy[1] > curve.accuracy[2]
        assert curve.flip_rate[0] < curve.flip_rate[1] < curve.flip_rate[2]


class TestOcclusionMap:
    """occlusion_map()."""

    @pytest.mark.parametrize("layout", ["HWC", "CHW", "HW"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32])
    def test_it_lights_up_where_the_model_looks(self, layout, dtype):
        """A model of one pixel has heat on the patches over it, and nowhere else."""
        white = 255 if dtype == np.uint8 else 1
        image = np.full({"HWC": (9, 12, 3), "CHW": (3, 9, 12), "HW": (9, 12)}[layout], white, dtype)
        place = {"HWC": (slice(None), 4, 7, 0), "CHW": (slice(None), 0, 4, 7), "HW": (slice(None), 4, 7)}[layout]

        def predict(batch):
            return np.stack([batch[place] / white, np.full(len(batch), -1.0)], axis=1)

        found = map_of(image, predict, patch=3, stride=3, fill_value=0, layout=layout)
        expected = np.zeros((9, 12))
        expected[3:6, 6:9] = 1

        assert (found.heat == expected).all()
        assert (found.target, found.score) == (0, 1)

    @pytest.mark.parametrize(("patch", "stride"), [(1, 1), (4, 3), (5, 2), (12, 12), (3, 1)])
    def test_it_equals_a_plain_loop(self, patch, stride):
        """One patch after the other, by hand, gives the same heat."""
        image = pictures(HEIGHT, WIDTH, 3)
        falls, n = np.zeros((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))
        tops = sorted({*range(0, HEIGHT - patch, stride), HEIGHT - patch})
        lefts = sorted({*range(0, WIDTH - patch, stride), WIDTH - patch})
        clean = brightness(image[None])[0, 2]
        for top in tops:
            for left in lefts:
                occluded = image.copy()
                occluded[top : top + patch, left : left + patch] = 51
                falls[top : top + patch, left : left + patch] += clean - brightness(occluded[None])[0, 2]
                n[top : top + patch, left : left + patch] += 1

        found = map_of(image, target=2, patch=patch, stride=stride, fill_value=51)

        assert (n > 0).all()
        assert (found.heat == falls / n).all()

    @settings(max_examples=10)
    @given(st.integers(1, 99))
    def test_the_batch_size_changes_nothing(self, batch_size):
        """However patches are split, the heat is the same."""
        assert (map_of(patch=4).heat == map_of(patch=4, batch_size=batch_size).heat).all()

    def test_no_batch_is_larger_than_asked(self):
        """The model never gets more images at once."""
        sizes = []

        def predict(batch):
            sizes.append(len(batch))
            return brightness(batch)

        map_of(predict=predict, patch=4, stride=4, batch_size=8)

        assert sizes == [1, 8, 7]

    def test_defaults(self):
        """The patch is an eighth of the shorter side, the stride is half of it, the target is the predicted class."""
        image = pictures(40, 56, 3)

        found = map_of(image)

        assert (found.patch, found.stride) == (5, 2)
        assert found.target == brightness(image[None]).argmax()
        assert map_of(pictures(7, 9)).patch == 1

    def test_a_target_may_be_chosen(self):
        """What raises one score lowers the other here."""
        assert map_of(target=0).heat == pytest.approx(-map_of(target=2).heat)
        assert map_of(target=np.int64(1)).heat.max() == 0

    def test_a_fill_may_have_one_number_per_channel(self):
        """The patch is painted in that colour, in the image's own range."""
        seen = []

        def predict(batch):
            seen.append(batch.copy())
            return brightness(batch)

        map_of(
            pictures(6, 6, 3, dtype=np.float64) * 100,
            predict,
            patch=6,
            fill_value=(0, 51, 255),
            value_range=(0, 100),
        )

        assert [0, 20, 100] == seen[1][0, 3, 3].tolist()

    def test_the_image_stays_as_it_is(self):
        """A read-only image can be mapped, and a careless model changes nothing."""
        image = pictures(HEIGHT, WIDTH, 3)
        before, expected = image.copy(), map_of(image).heat
        image.flags.writeable = False

        def predict(batch):
            scores = brightness(batch)
            batch[:] = 0
            return scores

        assert (map_of(image, predict).heat == expected).all()
        assert (image == before).all()

    @pytest.mark.parametrize(
        ("shape", "layout", "expected"),
        [
            ((6, 7), None, (6, 7)),
            ((6, 7, 1), None, (6, 7)),
            ((6, 7, 2), None, (6, 7)),
            ((6, 7, 3), None, (6, 7, 3)),
            ((6, 7, 4), None, (6, 7, 3)),
            ((3, 6, 7), "CHW", (6, 7, 3)),
            ((9, 6, 7), "CHW", (6, 7)),
        ],
    )
    def test_the_picture_can_be_drawn(self, shape, layout, expected):
        """Grey or RGB, from 0 to 1, whatever the channels are."""
        image = pictures(*shape)
        found = map_of(image, layout=layout)

        assert found.picture.shape == expected
        assert 0 <= found.picture.min() <= found.picture.max() <= 1
        if shape == expected:
            assert (found.picture == image / 255).all()


class TestResults:
    """OcclusionCurve and OcclusionMap."""

    def test_curves_become_json_and_come_back(self):
        """Plain numbers only, which make the same curve again."""
        curve = curve_of()
        read = json.loads(json.dumps(curve.to_dict()))

        assert OcclusionCurve(**curve.to_dict()) == curve
        assert repr(OcclusionCurve(**read)) == repr(curve)

    def test_maps_become_json(self):
        """All numbers but the picture's."""
        found = map_of()
        read = json.loads(json.dumps(found.to_dict()))

        assert read == {
            "target": found.target,
            "score": found.score,
            "patch": found.patch,
            "stride": found.stride,
            "heat": found.heat.tolist(),
        }

    @pytest.mark.parametrize("result", [curve_of, map_of])
    def test_results_are_frozen(self, result):
        """A measurement is a value."""
        measured = result()
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(measured, dataclasses.fields(measured)[0].name, 0)

    def test_curves_print_a_table(self):
        """One row for each severity, the clean images first."""
        lines = repr(curve_of()).splitlines()

        assert lines[:2] == ["OcclusionCurve of 23 images", "severity  coverage  accuracy  flip rate"]
        assert [line.split()[0] for line in lines[2:]] == ["clean", "0.5", "2", "9"]
        assert {len(line) for line in lines[1:]} == {len(lines[1])}


class TestPlace:
    """Everything lies where users import it, whichever file it is written in."""

    @pytest.mark.parametrize("name", robustness.__all__)
    def test_names_and_pickles_are_those_of_the_public_module(self, name):
        """What was pickled does not know the private files."""
        public = getattr(robustness, name)

        assert public.__module__ == "dustaug.robustness"
        assert pickle.loads(pickle.dumps(public)) is public
        assert b"_occlusion" not in pickle.dumps(public)
        assert typing.get_type_hints(robustness.OcclusionMap)["target"] is int

    def test_results_survive_a_pickle(self):
        """As results of a pool of processes do."""
        curve, found = curve_of(), map_of()

        assert pickle.loads(pickle.dumps(curve)) == curve
        assert pickle.loads(pickle.dumps(found)).to_dict() == found.to_dict()


class TestPlots:
    """OcclusionCurve.plot() and OcclusionMap.plot()."""

    @pytest.fixture(autouse=True)
    def _close_figures(self):
        yield
        plt.close("all")

    @pytest.mark.parametrize("x", ["severity", "coverage"])
    @pytest.mark.parametrize("y", ["accuracy", "flip_rate"])
    def test_curves_are_drawn_in_percent(self, x, y):
        """The line begins at the clean images and goes through every severity."""
        curve = curve_of()
        ax = curve.plot(x=x, y=y)
        ax.figure.canvas.draw()
        across, shares = (data.tolist() for data in ax.lines[0].get_data())

        assert across == [
            0,
            *(s if x == "severity" else 100 * s for s in getattr(curve, "severities" if x == "severity" else x)),
        ]
        assert shares == [100 * share for share in (curve.clean_accuracy if y == "accuracy" else 0, *getattr(curve, y))]
        assert "%" in ax.get_ylabel()
        assert ax.get_title(loc="left")

    def test_several_curves_share_an_axes(self):
        """Each has a colour and an entry in the legend, with its clean accuracy."""
        curve, (_, ax) = curve_of(), plt.subplots()
        for label in ("one", "other"):
            assert curve.plot(ax, label=label) is ax
        ax.figure.canvas.draw()
        clean = f"{100 * curve.clean_accuracy:.1f} %"

        assert [f"{name} (clean: {clean})" for name in ("one", "other")] == [
            text.get_text() for text in ax.get_legend().get_texts()
        ]
        assert ax.lines[0].get_color() != ax.lines[3].get_color()

    def test_a_lone_curve_says_its_clean_accuracy(self):
        """The legend needs no label for it; flips without a label have no legend."""
        assert curve_of().plot().get_legend().get_texts()[0].get_text().startswith("clean: ")
        assert curve_of().plot(y="flip_rate").get_legend() is None

    def test_the_band_is_wilsons(self):
        """Its limits are those of SciPy, also where nothing or everything is right."""
        from scipy import stats

        for hits, n in ((0, 7), (3, 7), (7, 7), (500, 1797)):
            expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
            low, high = _plots.wilson_interval(np.array(hits / n), n)

            assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-7)

    @pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3)])
    def test_maps_are_drawn_with_a_colour_bar(self, shape):
        """Picture and heat lie in one axes, and the bar in another; no heat at all can be drawn too."""
        _, ax = plt.subplots()
        found = map_of(pictures(*shape))

        assert found.plot(ax) is ax
        assert len(ax.images) == 2
        assert len(ax.figure.axes) == 2
        assert (ax.images[1].get_array() == found.heat).all()

        ax = map_of(pictures(*shape), lambda batch: np.ones((len(batch), 2))).plot()
        ax.figure.canvas.draw()

        assert ax.get_title(loc="left") == "Class 0, score 1"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"x": "dose"}, "x must be 'severity' or 'coverage', got 'dose'"),
            ({"y": "loss"}, "y must be 'accuracy' or 'flip_rate', got 'loss'"),
        ],
    )
    def test_choices_are_checked(self, options, message):
        """Another axis is refused."""
        with pytest.raises(ValueError, match=re.escape(message)):
            curve_of().plot(**options)


TABLE = "predict must return scores of shape ({n}, classes), a row for each image and at least two classes, got shape"
PAIR = ": type numpy.stack([1 - p, p], axis=1) for two classes, or predict_proba instead of predict"


class TestErrors:
    """Each mistake has one sentence, and no answer of the model comes into it but by predict's own."""

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"predict": LogisticRegression()},
                TypeError,
                (
                    "predict must be a function of a batch of images, got LogisticRegression: type predict=lambda "
                    "images: model.predict_proba(images.reshape(len(images), -1)), or what your model needs"
                ),
            ),
            (
                {"images": [pictures(4, 4)]},
                TypeError,
                (
                    "images must be a NumPy array, got list: type numpy.stack(images) if they are of one size, or give "
                    "them one by one"
                ),
            ),
            (
                {"images": pictures(N, 64)},
                ValueError,
                "images must have 3 or 4 axes, got shape (23, 64): type images.reshape(len(images), height, width)",
            ),
            (
                {"images": pictures(0, 8, 8)},
                ValueError,
                "images must be at least one image of at least one pixel, got shape (0, 8, 8)",
            ),
            (
                {"images": pictures(4, 0, 8)},
                ValueError,
                "images must be at least one image of at least one pixel, got shape (4, 0, 8)",
            ),
            (
                {"images": np.array([["a"]])[None]},
                TypeError,
                "images must hold numbers, got an array of <U1: type images.astype(numpy.float32)",
            ),
            (
                {"images": pictures(N, 3, 32, 32)},
                ValueError,
                (
                    "layout must be given where the shape does not tell it, got shape (23, 3, 32, 32): type "
                    'layout="NHWC" if the last axis is 32 channels, else NCHW'
                ),
            ),
            ({"layout": "HWC"}, ValueError, "layout must be 'NHW' or 'NHWC' or 'NCHW', got 'HWC'"),
            ({"layout": "NHW"}, ValueError, "images must have 3 axes for layout NHW, got shape (23, 12, 17, 3)"),
            (
                {"images": pictures(N, 8, 8, dtype=np.float32) * 16},
                ValueError,
                (
                    "images of float32 must lie in [0, 1], got 0 to 16: type value_range=(0, 255), or whatever black "
                    "and white are"
                ),
            ),
            (
                {"value_range": 3},
                TypeError,
                "value_range must be a tuple of two numbers, got 3: type value_range=(0, 255)",
            ),
            ({"labels": [0]}, ValueError, "labels must be of shape (23,), one for each image, got shape (1,)"),
            (
                {"labels": np.zeros((N, 10))},
                ValueError,
                "labels must be of shape (23,), one for each image, got shape (23, 10): type labels.argmax(axis=1)",
            ),
            (
                {"labels": np.zeros((N, 1), int)},
                ValueError,
                "labels must be of shape (23,), one for each image, got shape (23, 1): type labels.ravel()",
            ),
            (
                {"labels": np.zeros(N)},
                TypeError,
                "labels must be whole numbers, got float64: type labels.astype(int), or number the names",
            ),
            (
                {"labels": np.arange(N)},
                ValueError,
                "labels must be from 0 to 2, as predict returns 3 classes, got 0 to 22",
            ),
            (
                {"labels": np.arange(N) % 3 - 1},
                ValueError,
                "labels must be from 0 to 2, as predict returns 3 classes, got -1 to 1",
            ),
            (
                {"occlusions": dust()},
                TypeError,
                "occlusions must be a dict of severities, got Spec: type {8: dustaug.dust(count_range=(8, 8))}",
            ),
            (
                {"occlusions": {}},
                ValueError,
                "occlusions must name at least one severity, got none: type {8: dustaug.dust(count_range=(8, 8))}",
            ),
            ({"occlusions": {"high": dust()}}, TypeError, "severities must be numbers, got 'high'"),
            ({"occlusions": {True: dust()}}, TypeError, "severities must be numbers, got True"),
            (
                {"occlusions": {-1: dust()}},
                ValueError,
                "severities must be above 0 and finite, got -1: the clean images are measured anyway",
            ),
            (
                {"occlusions": {0: dust()}},
                ValueError,
                "severities must be above 0 and finite, got 0: the clean images are measured anyway",
            ),
            (
                {"occlusions": {float("nan"): dust()}},
                ValueError,
                "severities must be above 0 and finite, got nan: the clean images are measured anyway",
            ),
            (
                {"occlusions": {1: "dust"}},
                TypeError,
                "an occlusion must be a dustaug.Spec or a function (images, index) -> images, got str",
            ),
            (
                {"occlusions": {1: lambda *_: None}},
                TypeError,
                "an occlusion must return the images as a NumPy array, got NoneType: type return images",
            ),
            (
                {"occlusions": {1: lambda images, _: images / 2}},
                ValueError,
                (
                    "an occlusion must return uint8 images of shape (23, 12, 17, 3), as it got them, got float64 of "
                    "shape (23, 12, 17, 3)"
                ),
            ),
            (
                {"occlusions": {1: lambda images, _: images[:4]}},
                ValueError,
                (
                    "an occlusion must return uint8 images of shape (23, 12, 17, 3), as it got them, got uint8 of "
                    "shape (4, 12, 17, 3)"
                ),
            ),
            ({"seed": -1}, ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
            ({"batch_size": 0}, ValueError, "batch_size must be from 1 to 2147483647, got 0"),
            ({"batch_size": 1.5}, TypeError, "batch_size must be a whole number, got 1.5"),
        ],
    )
    def test_of_curves(self, options, error, message):
        """occlusion_curve() refuses what it cannot measure."""
        with pytest.raises(error) as caught:
            curve_of(**options)

        assert message == str(caught.value)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"predict": None},
                TypeError,
                (
                    "predict must be a function of a batch of images, got NoneType: type predict=lambda images: "
                    "model.predict_proba(images.reshape(len(images), -1)), or what your model needs"
                ),
            ),
            (
                {"image": pictures(2, 8, 8, 3)},
                ValueError,
                "image must have 2 or 3 axes, got shape (2, 8, 8, 3): type images[0] for one of a batch",
            ),
            ({"image": pictures(0, 8)}, ValueError, "image must have at least one pixel, got shape (0, 8)"),
            ({"layout": "NHW"}, ValueError, "layout must be 'HW' or 'HWC' or 'CHW', got 'NHW'"),
            (
                {"image": np.full((8, 8), -1.75)},
                ValueError,
                (
                    "image of float64 must lie in [0, 1], got -1.75 to -1.75: type value_range=(0, 255), or whatever "
                    "black and white are"
                ),
            ),
            (
                {"patch": 13},
                ValueError,
                "patch must fit into the 12 by 17 pixels of the image, got 13: type patch=12",
            ),
            ({"patch": 0}, ValueError, "patch must be from 1 to 2147483647, got 0"),
            ({"patch": 0.1}, TypeError, "patch must be a whole number, got 0.1"),
            (
                {"patch": 3, "stride": 4},
                ValueError,
                "stride must be at most the 3 pixels of the patch, so that every pixel is hidden, got 4: type stride=3",
            ),
            ({"stride": 0}, ValueError, "stride must be from 1 to 2147483647, got 0"),
            ({"target": 3}, ValueError, "target must be from 0 to 2, got 3"),
            ({"target": "cat"}, TypeError, "target must be a whole number, got 'cat'"),
            ({"fill_value": 256}, ValueError, "fill_value must be a number from 0 to 255, got 256"),
            ({"fill_value": "grey"}, TypeError, "fill_value must be a number, got 'grey'"),
            (
                {"fill_value": (1, 2)},
                ValueError,
                "fill must have one number for each of the images' 3 channels, got 2",
            ),
            ({"batch_size": 0}, ValueError, "batch_size must be from 1 to 2147483647, got 0"),
        ],
    )
    def test_of_maps(self, options, error, message):
        """occlusion_map() refuses what it cannot measure."""
        with pytest.raises(error) as caught:
            map_of(**options)

        assert message == str(caught.value)

    @pytest.mark.parametrize("measure", [curve_of, lambda **options: map_of(batch_size=N, **options)])
    @pytest.mark.parametrize(
        ("answer", "error", "message"),
        [
            (np.zeros, ValueError, f"{TABLE} ({{n}},){PAIR}"),
            (lambda n: np.zeros((n, 1)), ValueError, f"{TABLE} ({{n}}, 1){PAIR}"),
            (lambda n: np.zeros((n + 1, 3)), ValueError, f"{TABLE} ({{m}}, 3)"),
            (lambda n: np.zeros((n, 3, 2)), ValueError, f"{TABLE} ({{n}}, 3, 2)"),
            (lambda n: np.full((n, 3), np.nan), ValueError, "predict must return finite scores, got nan"),
            (lambda n: [[0, 1, -np.inf]] * n, ValueError, "predict must return finite scores, got -inf"),
            (lambda n: [["a", "b"]] * n, TypeError, "predict must return real numbers, got list of <U1"),
            (lambda _: None, TypeError, "predict must return real numbers, got NoneType of object"),
            (
                lambda n: np.ones((n, 3), "c16"),
                TypeError,
                "predict must return real numbers, got ndarray of complex128",
            ),
        ],
    )
    def test_of_scores(self, measure, answer, error, message):
        """What predict returns must be a table of finite numbers."""
        sizes = []

        def predict(batch):
            sizes.append(len(batch))
            return answer(len(batch))

        with pytest.raises(error) as caught:
            measure(predict=predict)

        assert message.format(n=sizes[0], m=sizes[0] + 1) == str(caught.value)

    def test_of_scores_that_numpy_cannot_read(self):
        """The words of NumPy are in the message."""
        with pytest.raises(
            TypeError, match=r"^predict must return scores as an array, got list \(.*inhomogeneous.*\)$"
        ):
            curve_of(predict=lambda _: [[0, 1], [2]])

    @pytest.mark.parametrize("measure", [curve_of, map_of])
    def test_of_classes_that_change(self, measure):
        """All batches have the same columns."""
        widths = iter((3, 4))

        with pytest.raises(
            ValueError, match=r"^predict must return the same number of classes for every batch, got 4 after 3$"
        ):
            measure(predict=lambda batch: np.zeros((len(batch), next(widths))))

    def test_errors_of_the_model_come_through(self):
        """What predict raises is not touched."""

        def predict(batch):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            curve_of(predict=predict)


PLOT = """
import numpy as np
from dustaug.robustness import occlusion_curve
ones = lambda x: np.ones((len(x), 2))
curve = occlusion_curve(ones, np.zeros((2, 8, 8), np.uint8), [0, 1], progress={})
curve.plot()
"""


class TestExtras:
    """Rich and matplotlib are asked for by name, and only when they are needed."""

    def test_progress_goes_to_the_error_stream(self, capsys):
        """The bar counts the calls of predict, and leaves the output alone."""
        curve = curve_of(progress=True, batch_size=10)
        out, err = capsys.readouterr()

        assert curve == curve_of()
        assert not out
        assert "Occluding" in err
        assert "12/12" in err

    def test_maps_count_patches(self, capsys):
        """The bar of a map counts the places of the patch."""
        found = map_of(progress=True, patch=4, stride=4)

        assert (found.heat == map_of(patch=4, stride=4).heat).all()
        assert "15/15" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("package", "progress", "message"),
        [
            ("rich", True, 'a progress bar needs rich: type pip install "dustaug[robustness]", or progress=False'),
            ("matplotlib", False, 'a plot needs matplotlib: type pip install "dustaug[robustness]"'),
        ],
    )
    def test_what_is_missing_is_named(self, run_python, package, progress, message):
        """Without the package, the error says what to install."""
        error = run_python(without(package) + PLOT.format(progress), check=False).stderr.splitlines()[-1]

        assert error == f"dustaug._extras.MissingExtraError: {message}"

    def test_no_progress_needs_no_rich(self, run_python):
        """Neither a measurement nor a plot does."""
        assert run_python(without("rich") + PLOT.format(False)) == ""
