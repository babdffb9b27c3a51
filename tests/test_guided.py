"""The pixels of guided dust and of dust that spares objects are those of vectors/guides.json."""

import json

import numpy as np
import pytest

import guided
from dustaug import sample_rectangles
from guided import CASES, expected
from test_pixels import KEYS


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", CASES)
def test_the_core_paints_what_the_file_has(name, key):
    """The pixels are what they have always been."""
    assert expected(name, key).shape == (guided.N, guided.HEIGHT, guided.WIDTH, 3)


def test_the_file_has_no_other_cases():
    """Every case of the file is tested."""
    assert set(json.loads(guided.FILE.read_text())) == {f"{name}-{key}" for name in CASES for key in KEYS}


@pytest.mark.parametrize("name", CASES)
def test_every_case_paints_and_differs_from_the_others(name):
    """Each case draws rectangles; without its guide or its objects it would draw others."""
    spec, terms = CASES[name]
    coordinates = {**KEYS["any"], "index": KEYS["any"]["index"] + np.arange(guided.N)}
    drawn = sample_rectangles(spec, height=guided.HEIGHT, width=guided.WIDTH, **coordinates, **terms)
    plain = spec.replace(center="normal" if spec.center == "guide" else spec.center, max_hidden=None, per_object=False)
    freely = sample_rectangles(plain, height=guided.HEIGHT, width=guided.WIDTH, **coordinates)

    assert len(drawn) > 3
    assert drawn.boxes.tolist() != freely.boxes.tolist()
