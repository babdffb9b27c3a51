"""The drawn guitars depend on their numbers alone, and look like seven models."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from examples import guitar_sheet
from examples.guitar_looks import draw_look
from examples.guitar_parts import Camera
from examples.guitars import MODELS, _paint, draw_guitar, make_guitars

N = 24


@pytest.fixture(scope="module")
def guitars():
    return make_guitars(N, size=96, seed=3)


def straight(model, **changes):
    """Draw a guitar that stands straight in the middle."""
    look = dataclasses.replace(
        draw_look(np.random.default_rng(0), model),
        **{
            "mirrored": False,
            "whole": False,
            "angle": 0.0,
            "centre": (0.5, 0.5),
            "zoom": 1.2,
            "stretch": 1.0,
            **changes,
        },
    )
    return _paint(Camera.of(look, 96), look, np.random.default_rng(0))


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


def test_order_and_number_do_not_matter(guitars):
    """A picture is the same drawn alone, backwards, or in a smaller set."""
    for i in (N * 7 - 1, 9, 0):
        alone = draw_guitar(MODELS[i % 7], size=96, seed=3, index=i)

        assert np.array_equal(guitars.images[i], alone.image)
        assert np.array_equal(guitars.bodies[i], alone.body)
    few = make_guitars(2, size=96, seed=3)

    assert np.array_equal(guitars.images[:14], few.images)


def test_processes_do_not_matter():
    """Two processes draw what one draws."""
    one, two = make_guitars(2, size=32, seed=5), make_guitars(2, size=32, seed=5, processes=2)

    assert np.array_equal(one.images, two.images)
    assert np.array_equal(one.bodies, two.bodies)


def test_global_generators_are_left_alone(monkeypatch):
    """Drawing asks for no generator that depends on the order of calls."""
    for name in ("default_rng", "seed", "rand", "random", "normal", "uniform"):
        monkeypatch.delattr(np.random, name)

    assert draw_guitar("Mustang", size=32).body.any()


def test_seed_index_and_model_matter():
    """Another seed, index or model gives another picture."""
    pictures = [
        draw_guitar(model, size=32, seed=seed, index=index).image.tobytes()
        for model in MODELS
        for seed in (0, 1)
        for index in (0, 1)
    ]

    assert len(set(pictures)) == len(pictures)


def test_arrays_are_as_promised(guitars):
    """Shapes and dtypes are those of the docs, and the models take turns."""
    assert (guitars.images.shape, guitars.images.dtype) == ((N * 7, 96, 96, 3), np.uint8)
    assert (guitars.bodies.shape, guitars.bodies.dtype) == ((N * 7, 96, 96), np.bool_)
    assert guitars.labels.dtype == np.int64
    assert list(range(7)) * N == guitars.labels.tolist()


def test_size_changes_the_pixels_only():
    """The same guitar is drawn at every size."""
    for i, model in enumerate(MODELS):
        small, large = (draw_guitar(model, size=size, seed=1, index=i) for size in (64, 128))
        shrunk = large.image.reshape(64, 2, 64, 2, 3).mean((1, 3))

        assert np.abs(shrunk - small.image).mean() < 6
        assert overlap(large.body[::2, ::2], small.body) > 0.9


@pytest.mark.parametrize("model", MODELS)
def test_bodies_fill_a_good_part_of_the_picture(guitars, model):
    """The body is large enough to see, and lies within the picture."""
    shares = guitars.bodies[guitars.labels == MODELS.index(model)].mean((1, 2))

    assert 0.15 < shares.mean() < 0.6
    assert shares.min() > 0.04
    assert shares.max() < 0.75


def test_backgrounds_are_light(guitars):
    """The left and right edges of a product photo are nearly white."""
    edges = np.concatenate([guitars.images[:, :, :2], guitars.images[:, :, -2:]], 2)
    medians = np.median(edges.mean(-1), (1, 2))

    assert medians.min() > 190
    assert medians.mean() > 220


def test_models_differ_in_shape():
    """No two models have nearly the same silhouette."""
    bodies = [straight(model).body for model in MODELS]
    for i, first in enumerate(bodies):
        for second in bodies[:i]:
            assert overlap(first, second) < 0.93


def test_colours_do_not_tell_the_model(guitars):
    """The body's mean colour says little about the model: the nearest mean is right about as often as a guess."""
    means = np.array([image[body].mean(0) for image, body in zip(guitars.images, guitars.bodies, strict=True)])
    half = len(means) // 2
    centres = np.array([means[:half][guitars.labels[:half] == label].mean(0) for label in range(7)])
    nearest = np.linalg.norm(means[half:, None] - centres, axis=-1).argmin(1)

    assert (nearest == guitars.labels[half:]).mean() < 0.4


def test_left_handed_guitars_are_mirrored():
    """A left-handed guitar is a mirror image, and some are drawn."""
    for model in MODELS:
        right, left = straight(model), straight(model, mirrored=True)

        assert overlap(right.body, left.body[:, ::-1]) > 0.97
    mirrored = [draw_look(np.random.default_rng(i), "Telecaster").mirrored for i in range(200)]

    assert 0.05 < np.mean(mirrored) < 0.3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "Gibson"}, ValueError, "model must be one of 'Stratocaster', 'Jazzmaster', .*, got 'Gibson'"),
        ({"model": 3}, ValueError, "model must be one of .*, got 3"),
        ({"size": 31}, ValueError, "size must be a whole number not below 32, got 31: type size=32"),
        ({"size": 10**400}, ValueError, "size must be a whole number not above 4096, got a larger one: type size=32"),
        ({"size": 96.5}, TypeError, "size must be a whole number, got 96.5: type size=32"),
        ({"seed": -1}, ValueError, "seed must be a whole number not below 0, got -1: type seed=1"),
        ({"index": "7"}, TypeError, "index must be a whole number, got '7': type index=1"),
        ({"index": True}, TypeError, "index must be a whole number, got True: type index=1"),
    ],
)
def test_mistakes_are_named(arguments, error, message):
    """A wrong argument is an error that says what to type."""
    with pytest.raises(error, match=message):
        draw_guitar(**{"model": "Mustang", **arguments})


@pytest.mark.parametrize("arguments", [{"per_model": 0}, {"per_model": 1, "processes": 0}])
def test_empty_sets_are_refused(arguments):
    """A set must have at least one picture and one process."""
    with pytest.raises(ValueError, match="must be a whole number not below 1, got 0"):
        make_guitars(**arguments)


def test_sheets_are_written(tmp_path):
    """The command writes a sheet of guitars, and one of graffiti."""
    guitar_sheet.main([str(tmp_path / "guitars.png"), "--columns", "2", "--size", "32"])
    guitar_sheet.main([str(tmp_path / "graffiti.png"), "--graffiti", "--size", "32"])
    for name, columns in (("guitars.png", 2), ("graffiti.png", 7)):
        with Image.open(tmp_path / name) as sheet:
            assert sheet.size == (columns * 36 + 4, 7 * 36 + 4)
