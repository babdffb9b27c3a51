"""docs/explore/dustaug.js paints the bytes of add_dust, and says what Spec says."""

import importlib.util
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
import guided
import kinds
import strategies
from dustaug import Spec, add_dust, partner_of, sample_rectangles
from dustaug._errors import CENTER_HINTS, FIELD_HINTS, FILL_HINTS
from dustaug.presets import __all__ as presets
from javascript import EXPLORE, Script, ScriptError
from test_pixels import ADAPTED, CASES, KEYS, photos

SIDES = st.one_of(*[st.integers(1, 5), st.integers(6, 70)] * 3, st.just(224))


@pytest.fixture(scope="module")
def script():
    running = Script("dustaug.js")
    yield running
    running.close()


def keys(coordinates, guide=None, objects=None, donors=None):
    """Return the last argument of addDust for one image; numbers beyond 2**53 go as BigInts."""
    given = dict(coordinates)
    if guide is not None:
        rows, columns = guide.shape
        given["guide"] = {"data": guide.astype(np.uint8), "rows": rows, "columns": columns}
    if objects is not None:
        given["objects"] = np.asarray(objects).tolist()
    if donors is not None:
        given["donors"] = donors
    return given


def shape_of(image):
    return dict(zip(("height", "width", "channels"), image.shape, strict=True))


def painted(script, image, spec, given):
    return script.call("addDust", image, shape_of(image), spec.to_dict(), given).reshape(image.shape)


def outcome(call):
    """Return what a call returns, or the kind of error that it raises or that a script throws, and its words."""
    try:
        return call()
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error)
    except ScriptError as error:
        kind, message = error.args
        return {"RangeError": "ValueError"}.get(kind, kind), message


@st.composite
def cases(draw):
    """Draw an image, any spec that suits it, and what it needs."""
    channels, dtype = draw(st.sampled_from([1, 3, 3, 4, 5])), np.dtype(np.uint8)
    height, width = draw(SIDES), draw(SIDES)
    spec = draw(st.one_of(strategies.specs(channels, dtype), strategies.kinds("HWC", dtype)))
    terms = {}
    if spec.center != "inside" and spec.kind == "rectangles" and not spec.per_object and draw(st.booleans()):
        spec = spec.replace(center="guide")
        weights = st.lists(st.sampled_from([0, 0, 1, 7, 255]), min_size=12, max_size=12)
        terms["guide"] = np.array(draw(weights), np.uint8).reshape(draw(st.sampled_from([(3, 4), (1, 12), (6, 2)])))
    if spec.per_object or spec.max_hidden is not None:
        boxes = draw(strategies.boxes_of_images(1, height, width))[0]
        terms["objects"] = np.array(boxes, int).reshape(-1, 4)
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = numbers.integers(0, 256, (height, width, channels), np.uint8)
    if spec.fill == "donors":
        terms["donors"] = numbers.integers(0, 256, image.shape, np.uint8)
    coordinates = {
        "seed": draw(strategies.SEEDS),
        "epoch": draw(strategies.EPOCHS),
        "index": draw(strategies.INDICES),
    }
    return image, spec, coordinates, terms


class TestPixels:
    """The bytes are those of add_dust."""

    @given(case=cases())
    @settings(max_examples=2000)
    def test_any_spec_paints_the_bytes_of_numpy(self, script, case):
        """Of any spec, size, seed, epoch and index; where one refuses, so does the other, with the same words."""
        image, spec, coordinates, terms = case
        expected = outcome(lambda: add_dust(image.copy(), spec, layout="HWC", **coordinates, **terms).tobytes())

        assert outcome(lambda: painted(script, image, spec, keys(coordinates, **terms)).tobytes()) == expected

    @given(case=cases())
    @settings(max_examples=600)
    def test_any_spec_draws_the_rectangles_of_numpy(self, script, case):
        """Edges and fills, and how much of the image they cover, are those of sample_rectangles."""
        image, spec, coordinates, terms = case
        terms.pop("donors", None)
        height, width, channels = image.shape
        size = {"height": height, "width": width, "channels": channels}
        expected = outcome(lambda: sample_rectangles(spec, **size, **coordinates, **terms))
        if not isinstance(expected, dustaug.Rectangles):
            return  # What is said is tested with pixels.
        drawn = script.call("sampleRectangles", spec.to_dict(), {**size, **keys(coordinates, **terms)})
        boxes = [[each[edge] for edge in ("top", "left", "bottom", "right")] for each in drawn]

        assert boxes == expected.boxes.tolist()
        if np.isnan(expected.fill).any():
            assert {each["fill"] for each in drawn} == {None}
        else:
            fills = np.array([each["fill"] for each in drawn])
            assert fills.reshape(expected.fill.shape).tolist() == expected.fill.tolist()
        assert script.call("coverage", drawn, size) == pytest.approx(expected.share()[0], abs=1e-15)

    @pytest.mark.parametrize("name", CASES)
    def test_the_vectors_of_all_backends(self, script, name):
        """vectors/pixels.json, of which test_pixels.py checks that add_dust paints them."""
        spec, images, coordinates = CASES[name]
        images = images()
        if images.dtype != np.uint8:
            images = (np.arange(images.size) % 251).astype(np.uint8).reshape(images.shape)
        expected = add_dust(images.copy(), spec, layout="NHWC", **coordinates)
        for i, image in enumerate(images):
            own = {**coordinates, "index": coordinates["index"] + i}
            assert (painted(script, image, spec, keys(own)) == expected[i]).all()

    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("name", kinds.IMAGES)
    def test_the_vectors_of_kinds(self, script, name, key):
        """vectors/kinds.json, with its guides, objects and donors."""
        spec, terms, _ = kinds.IMAGES[name]
        for i, image in enumerate(photos()):
            own = {**KEYS[key], "index": KEYS[key]["index"] + i}
            given = keys(own, **{term: each[i] for term, each in terms.items()})
            assert (painted(script, image, spec, given) == kinds.expected(name, key)[i]).all()

    @pytest.mark.parametrize("name", guided.CASES)
    def test_the_vectors_of_guides(self, script, name):
        """Guides and objects at the ends of what seeds and indices may be."""
        spec, terms = guided.CASES[name]
        expected = add_dust(photos(), spec, **KEYS["any"], **terms)
        for i, image in enumerate(photos()):
            own = {**KEYS["any"], "index": KEYS["any"]["index"] + i}
            given = keys(own, **{term: each[i] for term, each in terms.items()})
            assert (painted(script, image, spec, given) == expected[i]).all()

    def test_keys_may_be_numbers_bigints_and_strings(self, script):
        """All three name the same dust, up to the largest seed and index."""
        image = np.zeros((20, 30, 3), np.uint8)
        expected = add_dust(image.copy(), seed=2**64 - 1, epoch=2**32 - 1, index=2**63 - 1)
        largest = {"seed": 2**64 - 1, "epoch": 2**32 - 1, "index": 2**63 - 1}

        assert (painted(script, image, Spec(), largest) == expected).all()
        assert (painted(script, image, Spec(), {name: str(each) for name, each in largest.items()}) == expected).all()
        assert (
            painted(script, image, Spec(), {"seed": 7, "index": 3})
            == painted(script, image, Spec(), {"seed": "7", "epoch": 0, "index": "3"})
        ).all()

    @pytest.mark.parametrize("aspect", [0.3, 1 / 0.3, 1, 2**-96, 2**96, 1e-300, 1.7e308, 1 + 2**-52, math.pi])
    def test_aspects_are_rounded_from_the_exact_logarithm(self, script, aspect):
        """Aspects of every magnitude give the same rectangles; those too thin to fit give the same error."""
        spec = Spec(area_range=(1e-9, 0.02), aspect_range=(min(aspect, 1), max(aspect, 1)), fill="color", p=0.9)
        image = np.zeros((200, 100, 3), np.uint8)
        for index in range(20):
            coordinates = {"seed": 3, "epoch": 1, "index": index}
            expected = add_dust(image.copy(), spec, **coordinates)
            assert (painted(script, image, spec, coordinates) == expected).all()

    @given(seed=strategies.SEEDS, epoch=strategies.EPOCHS, n=st.one_of(st.integers(1, 40), st.integers(1, 2**63 - 1)))
    @settings(max_examples=100)
    def test_partners(self, script, seed, epoch, n):
        """Partners are those of partner_of."""
        for index in {0, n // 3, n - 1}:
            expected = partner_of(seed, epoch, index, n)
            assert script.call("partnerOf", seed, epoch, index, n) == expected


# What a field gets besides values that suit it.
ODD = [
    None,
    True,
    -1,
    0,
    0.5,
    1,
    2.5,
    70_000,
    1e-7,
    1e22,
    math.nan,
    math.inf,
    -math.inf,
    "grey",
    "Random",
    "it's",
    [],
    [3],
]
ODD += [[1, 2], [3, 1], [1, 2.5], ["a", 1], [0.25, 0.5], [-1, 2], [True, 1], [1, 2, 3], [0, 255], [10**6, 0], [0, 31]]
ODD += ["guide", "inside", "lattice", "grid", "mean", "donors", "constant", "lines", list(range(40)), {"a": 1}]


@st.composite
def fields(draw):
    """Draw fields of a spec, most of which do not suit each other."""
    names = st.sampled_from([*Spec().to_dict(), "prob", "heigth_range", "count", "seed", "kept", "mask_ratio", "x"])
    chosen = draw(st.lists(names, max_size=3, unique=True))
    base = draw(st.sampled_from([{}, *(spec.to_dict() for spec in ADAPTED.values()), kinds.KEPT.to_dict()]))
    return {**base, **{name: draw(st.sampled_from(ODD)) for name in chosen}}


def with_tuples(value):
    """Return a value as Python has it in a spec: JavaScript's arrays stand for tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(with_tuples(each) for each in value)
    # A number of JavaScript is a whole number if it can be one.
    return int(value) if isinstance(value, float) and value.is_integer() and value < 2**53 else value


def as_arrays(spec):
    """Return the fields of a spec as JSON has them."""
    return json.loads(json.dumps(spec.to_dict()))


class TestSpecs:
    """Specs are completed, refused, changed and written as in Python."""

    @given(given=fields())
    @settings(max_examples=700)
    def test_what_is_said(self, script, given):
        """Of any fields, both make the same spec or throw the same error."""
        given = {name: with_tuples(value) for name, value in given.items()}
        expected = outcome(lambda: as_arrays(Spec.from_dict(given)))

        assert outcome(lambda: script.call("makeSpec", given)) == expected

    @given(data=st.data())
    @settings(max_examples=300)
    def test_replace(self, script, data):
        """What only the old kind, size, fill or centre had is dropped."""
        base = data.draw(st.sampled_from([case.spec for case in kinds.IMAGES.values()]))
        changes = data.draw(st.dictionaries(st.sampled_from(list(Spec().to_dict())), st.sampled_from(ODD), max_size=2))
        changes = {name: with_tuples(value) for name, value in changes.items()}
        expected = outcome(lambda: as_arrays(base.replace(**changes)))

        assert outcome(lambda: script.call("replaceSpec", base.to_dict(), changes)) == expected

    @given(spec=st.one_of(strategies.specs(3, np.dtype(np.float32)), strategies.kinds("NDHWC", np.dtype(np.float32))))
    @settings(max_examples=150)
    def test_repr(self, script, spec):
        """Specs are written as Python writes them, and can be read from that."""
        assert script.call("reprSpec", spec.to_dict()) == repr(spec)

    def test_names_of_all_hints(self, script):
        """The words of other libraries are answered with what to type here."""
        for names, field in ((FIELD_HINTS, None), (FILL_HINTS, "fill"), (CENTER_HINTS, "center")):
            for name in names:
                given = {name: 1} if field is None else {field: name}
                expected = outcome(lambda given=given: Spec.from_dict(given))
                assert isinstance(expected, tuple)
                assert outcome(lambda given=given: script.call("makeSpec", given)) == expected

    def test_fields_are_those_of_spec(self, script):
        """The list that controls are made of has every field, with its default."""
        page = (EXPLORE / "dustaug.js").read_text("utf-8")
        names = re.findall(r'\bname: "(\w+)"', page.partition("const fields = [")[2].partition("\n  ];")[0])

        assert names == list(Spec().to_dict())
        assert script.call("makeSpec") == as_arrays(Spec())


@pytest.mark.parametrize(
    ("shape", "spec", "given", "message"),
    [
        ({"height": 0, "width": 4, "channels": 3}, {}, {}, "images must have sides from 1 to 65535 pixels, got 0 by 4"),
        (
            {"height": 4, "width": 4, "channels": 3},
            {},
            {},
            "data must have height * width * channels = 48 bytes, got 12",
        ),
        ({}, {}, {"seed": -1}, "seed must be from 0 to 18446744073709551615, got -1"),
        ({}, {}, {"index": "1.5"}, "index must be a whole number, got '1.5'"),
        ({}, {}, {"epoch": 2**32}, "epoch must be from 0 to 4294967295, got 4294967296"),
        ({}, {"center": "guide"}, {}, 'guide must be given with center="guide", got none: '),
        ({}, {}, {"guide": {"data": [1], "rows": 1, "columns": 1}}, 'guide must be given with center="guide", got a '),
        ({}, {"center": "guide"}, {"guide": {"data": [1], "rows": 1, "columns": 2}}, "guide must have from 1 to 65535"),
        ({}, {"center": "guide"}, {"guide": {"data": [256], "rows": 1, "columns": 1}}, "guide must have whole numbers"),
        ({}, {"max_hidden": 0.5}, {}, "objects must be given with max_hidden, got none: "),
        ({}, {}, {"objects": []}, "objects must be given with max_hidden or per_object, got a spec without: "),
        (
            {},
            {"max_hidden": 0.5},
            {"objects": [[0, 0, 1]]},
            "objects must be arrays of four whole numbers, got (0, 0, 1)",
        ),
        ({}, {"max_hidden": 0.5}, {"objects": [[3, 0, 1, 1]]}, "objects must not be reversed, got [3, 0, 1, 1]"),
        ({}, {"max_hidden": 0.5}, {"objects": 5}, "objects must be an array of boxes [top, left, bottom, right], got "),
        ({}, {}, {"epochs": 5}, "addDust must be given names that it knows, got epochs: type seed, epoch, index, "),
        ({}, {"fill": "donors"}, {}, 'donors must be given with fill="donors", got none: '),
        ({}, {}, {"donors": np.zeros(12, np.uint8)}, 'donors must be given with fill="donors", got donors with '),
        ({}, {"fill": "donors"}, {"donors": np.zeros(9, np.uint8)}, "donors must have height * width * channels = 12"),
        ({}, {"depth_range": [1, 2]}, {}, "layout must be one of NDHWC, NCDHW with depth_range, got HWC: "),
        (
            {},
            {"fill": "constant", "fill_value": [1, 2]},
            {},
            "fill_value must have one number for each of the images' 3",
        ),
        (
            {},
            {"normalize_mean": [0], "normalize_std": [1]},
            {},
            "images must be floating-point with normalize_mean and ",
        ),
    ],
)
def test_what_else_is_refused(script, shape, spec, given, message):
    """Bad images, keys, guides, objects and donors are refused in one clear sentence."""
    shape = shape or {"height": 2, "width": 2, "channels": 3}
    with pytest.raises(ScriptError, match=re.escape(message)):
        script.call("addDust", np.zeros(12, np.uint8), shape, spec, {"seed": 0, "index": 0, **given})


def test_seed_and_index_must_be_exact_and_given(script):
    """A number that is no longer exact is refused, and so is dust without a key."""
    image, shape = np.zeros(12, np.uint8), {"height": 2, "width": 2, "channels": 3}
    with pytest.raises(ScriptError, match="seed must be exact, got 18014398509481984: type it as a BigInt or as a str"):
        script.call("addDust", image, shape, {}, {"seed": 2.0**54, "index": 0})
    with pytest.raises(ScriptError, match="seed and index must be given, got none"):
        script.call("addDust", image, shape, {}, {"seed": 0})


def test_what_is_generated_is_what_the_package_has():
    """Tables, presets and hints are those that docs/explore/generate.py writes."""
    source = importlib.util.spec_from_file_location("generate", EXPLORE / "generate.py")
    generate = importlib.util.module_from_spec(source)
    source.loader.exec_module(generate)
    text = generate.FILE.read_text(encoding="utf-8")

    assert generate.updated(text) == text
    assert [name.partition("(")[0] for name, *_ in generate.PRESETS] == sorted(
        presets, key=[name.partition("(")[0] for name, *_ in generate.PRESETS].index
    )
    for call, spec, *_ in generate.PRESETS:
        assert eval(f"dustaug.{call}", {"dustaug": dustaug}) == spec  # noqa: S307
