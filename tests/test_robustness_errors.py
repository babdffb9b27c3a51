"""Each mistake raises an error of one sentence, and the errors of a model come through."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dustaug import dust
from toy_models import N, curve_of, map_of, pictures

TABLE = "predict must return scores of shape ({n}, classes), a row for each image and at least two classes, got shape"
PAIR = ": type numpy.stack([1 - p, p], axis=1) for two classes, or predict_proba instead of predict"


class TestErrors:
    """Each mistake raises an error of one sentence that says what must hold."""

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
                "images must be a NumPy array, got list: type numpy.stack(images)",
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
                    'layout="NHWC" if the last axis is 32 channels, else "NCHW"'
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
        """The message quotes NumPy's own words."""
        with pytest.raises(
            TypeError, match=r"^predict must return scores as an array, got list \(.*inhomogeneous.*\)$"
        ):
            curve_of(predict=lambda _: [[0, 1], [2]])

    @pytest.mark.parametrize("measure", [curve_of, map_of])
    def test_of_classes_that_change(self, measure):
        """All batches must have the same number of classes."""
        widths = iter((3, 4))

        with pytest.raises(
            ValueError, match=r"^predict must return the same number of classes for every batch, got 4 after 3$"
        ):
            measure(predict=lambda batch: np.zeros((len(batch), next(widths))))

    def test_errors_of_the_model_come_through(self):
        """An error that predict raises reaches the caller."""

        def predict(batch):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            curve_of(predict=predict)
