"""occlusion_curve() measures what is known of toy models."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from dustaug import add_dust, cutout, dust, sample_rectangles
from dustaug.robustness import occlusion_curve
from toy_models import HEIGHT, LEVELS, WIDTH, N, brightness, curve_of, pictures


class TestOcclusionCurve:
    """occlusion_curve() measures accuracy, flips and coverage for each severity."""

    def test_it_equals_a_plain_loop(self):
        """A plain loop over single images gives the same numbers."""
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
        """The same seed repeats the curve, and another seed occludes other pixels."""
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
        """A function gets copies of images and their positions; the coverage is the share that it changed."""
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
        """A model that is always wrong, in two ways, has flips though its accuracy stays."""
        images = np.zeros((10, 4, 4), np.uint8)

        curve = curve_of(images, np.full(10, 2), {1: lambda x, _: x + 255}, lambda x: np.eye(3)[x[:, 0, 0] // 255])

        assert (curve.clean_accuracy, curve.accuracy, curve.flip_rate) == (0, (0,), (1,))

    def test_the_default_is_the_dust_of_the_post(self):
        """By default, 4 to 64 rectangles of dust() are painted."""
        default = curve_of(pictures(N, 64, 64, 3), occlusions=None)
        spelled = {n: dust(count_range=(n, n)) for n in (4, 8, 16, 32, 64)}

        assert default == curve_of(pictures(N, 64, 64, 3), occlusions=spelled)

    def test_severities_rise(self):
        """Severities are sorted and become floats."""
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
