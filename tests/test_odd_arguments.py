"""Every public function, given odd arguments, answers with a value or one sentence, and leaves images untouched."""

# ruff: noqa: ARG005

import dataclasses
import inspect
import pathlib
import re
import warnings

import numpy as np
import pytest

import dustaug

# What nobody means to give, and what somebody may give by mistake.
ODD = {
    "None": None,
    "True": True,
    "minus one": -1,
    "minus zero": -0.0,
    "half": 0.5,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "2**31": 2**31,
    "2**63": 2**63,
    "2**64": 2**64,
    "10**400": 10**400,
    "5,000 digits": 10**5000,
    "complex": 1j,
    "text": "a/b.png",
    "digits": "12",
    "empty text": "",
    "bytes": b"ab",
    "path": pathlib.PurePath("a/b.png"),
    "empty tuple": (),
    "pair": (1, 2),
    "reversed pair": (2, 1),
    "pair of digits": ("0", "1"),
    "pair of large": (0, 10**400),
    "extreme pair": (1e300, 1e308),
    "pair of NaN": (float("nan"), 1.0),
    "triple": (1, 2, 3),
    "list": [3, 4],
    "ragged": [[1, 2], [3]],
    "nested": ((1, 2), (3, 4)),
    "dict": {"a": 1},
    "dict of numbers": {1: 2},
    "set": {1, 2},
    "NumPy number": np.uint8(3),
    "NumPy float": np.float32(0.5),
    "NumPy bool": np.True_,
    "array of no axis": np.array(3),
    "array": np.array([0.5, 0.5]),
    "empty array": np.zeros(0),
    "array of objects": np.array([None, 1], object),
    "array of text": np.array(["a", "b"]),
    "masked": np.ma.masked_array([1, 2], [True, False]),
    "date": np.datetime64("2020-01-01"),
    "class": int,
    "function": len,
    "object": object(),
    "spec": dustaug.cutout(3),
}
# What all of our errors have; what Python says of missing arguments; and of indices, which data sets must say.
OURS = re.compile(r"\b(must|got multiple values|missing \d+ required|takes \d+ positional|out of bounds)\b")


HALVED = dustaug.Schedule.linear(1, 0.5, epochs=2)


def images():
    return np.full((2, 16, 16, 3), 7, np.uint8)


def rectangles(**changes):
    one = dustaug.Rectangles(
        image=np.array([0]), boxes=np.array([[1, 2, 5, 6]]), fill=np.array([9]), n_images=2, spec=dustaug.dust()
    )
    return dataclasses.replace(one, **changes)


def seeded(**options):
    return {"seed": 0, "index": 0, **options}


def stream_state(**changes):
    return {**dustaug.DustStream(seed=1).state_dict(), **changes}


def load(state):
    dustaug.DustStream(seed=1).load_state_dict(state)


# What takes a guide, and objects.
GUIDED = {
    "add_dust": lambda x, spec, **terms: dustaug.add_dust(x, spec, **seeded(**terms)),
    "DustStream": lambda x, spec, **terms: dustaug.DustStream(spec, seed=0)(x, **terms),
    "sample_rectangles": lambda x, spec, **terms: dustaug.sample_rectangles(
        spec, height=16, width=16, seed=0, index=[0, 1], **terms
    ),
}

# Each argument of each public function: what is called with an odd value in its place, on images.
CALLS = {
    "add_dust(images)": lambda x, odd: dustaug.add_dust(odd, **seeded()),
    "add_dust(spec)": lambda x, odd: dustaug.add_dust(x, odd, **seeded()),
    **{
        f"add_dust({name})": lambda x, odd, name=name: dustaug.add_dust(x, **seeded(**{name: odd}))
        for name in ("seed", "epoch", "index", "layout", "value_range", "num_threads", "p", "gamma")
    },
    "add_dust(float32)": lambda x, odd: dustaug.add_dust(x.astype(np.float32) / 255, **seeded(value_range=odd)),
    "DustStream(spec)": lambda x, odd: dustaug.DustStream(odd, seed=0),
    **{
        f"DustStream({name})": lambda x, odd, name=name: dustaug.DustStream(**{"seed": 0, name: odd})
        for name in ("seed", "epoch", "index")
    },
    "DustStream()(images)": lambda x, odd: dustaug.DustStream(seed=0)(odd),
    **{
        f"DustStream()({name})": lambda x, odd, name=name: dustaug.DustStream(seed=0)(x, **{name: odd})
        for name in ("layout", "value_range", "num_threads")
    },
    "set_epoch": lambda x, odd: dustaug.DustStream(seed=0).set_epoch(odd),
    "load_state_dict": lambda x, odd: load(odd),
    **{
        f"load_state_dict({name})": lambda x, odd, name=name: load(stream_state(**{name: odd}))
        for name in ("spec", "seed", "epoch", "index")
    },
    **{
        f"sample_rectangles({name})": lambda x, odd, name=name: dustaug.sample_rectangles(
            **{"height": 9, "width": 9, "seed": 0, "index": 0, name: odd}
        )
        for name in ("spec", "height", "width", "seed", "epoch", "index", "channels")
    },
    "paint_rectangles(images)": lambda x, odd: dustaug.paint_rectangles(odd, rectangles()),
    "paint_rectangles(rectangles)": dustaug.paint_rectangles,
    **{
        f"paint_rectangles({name})": lambda x, odd, name=name: dustaug.paint_rectangles(x, rectangles(), **{name: odd})
        for name in ("layout", "value_range")
    },
    **{
        f"Rectangles({name})": lambda x, odd, name=name: dustaug.paint_rectangles(x, rectangles(**{name: odd}))
        for name in ("image", "boxes", "fill", "n_images", "spec")
    },
    **{
        f"Rectangles(noise, {name})": lambda x, odd, name=name: dustaug.paint_rectangles(
            x, rectangles(**{"spec": dustaug.dust(fill="noise"), "seed": 1, "index": np.arange(2), name: odd})
        )
        for name in ("seed", "epoch", "index")
    },
    **{
        f"{name}(guide)": lambda x, odd, name=name: GUIDED[name](x, dustaug.dust(center="guide"), guide=odd)
        for name in ("add_dust", "DustStream", "sample_rectangles")
    },
    **{
        f"{name}(objects)": lambda x, odd, name=name: GUIDED[name](x, dustaug.dust(max_hidden=0.5), objects=odd)
        for name in ("add_dust", "DustStream", "sample_rectangles")
    },
    **{
        f"{name}(objects, per_object)": lambda x, odd, name=name: GUIDED[name](
            x, dustaug.dust(per_object=True), objects=odd
        )
        for name in ("add_dust", "DustStream", "sample_rectangles")
    },
    **{
        f"{name}(box)": lambda x, odd, name=name: GUIDED[name](x, dustaug.dust(per_object=True), objects=[odd, []])
        for name in ("add_dust", "DustStream", "sample_rectangles")
    },
    "hidden(objects)": lambda x, odd: rectangles().hidden(odd),
    "hidden(object)": lambda x, odd: rectangles().hidden([odd, []]),
    "covers(points)": lambda x, odd: rectangles().covers(odd),
    "covers(point)": lambda x, odd: rectangles().covers([odd, []]),
    "guide_of_map": lambda x, odd: dustaug.guide_of_map(odd),
    **{
        f"guide_of_boxes({name})": lambda x, odd, name=name: dustaug.guide_of_boxes(
            **{"boxes": [[1, 1, 3, 3]], "protected": [[2, 2, 3, 3]], "height": 9, "width": 9, name: odd}
        )
        for name in ("boxes", "height", "width", "weights", "protected", "margin")
    },
    "mask(height)": lambda x, odd: rectangles().mask(odd, 9),
    "mask(width)": lambda x, odd: rectangles().mask(9, odd),
    "mask(boxes)": lambda x, odd: rectangles(boxes=odd).mask(9, 9),
    "mask(n_images)": lambda x, odd: rectangles(n_images=odd).mask(9, 9),
    **{
        f"{method}({name})": lambda x, odd, method=method, name=name: getattr(
            rectangles(**{"height": 9, "width": 9, "depth": 5, "slices": np.array([[1, 3]]), name: odd}), method
        )()
        for method in ("mask", "share")
        for name in ("image", "boxes", "n_images", "height", "width", "depth", "slices")
        if (method, name) != ("share", "n_images")  # Of 2**31 images the shares are 16 GiB, which is no error.
    },
    **{
        f"partner_of({name})": lambda x, odd, name=name: dustaug.partner_of(
            **{"seed": 0, "epoch": 0, "index": [0, 1], "n": 3, name: odd}
        )
        for name in ("seed", "epoch", "index", "n")
    },
    **{
        f"mix_labels({name})": lambda x, odd, name=name: dustaug.mix_labels(
            **{"labels": [0, 1], "donor_labels": [1, 1], "share": [0.5, 0.1], "n_classes": 2, name: odd}
        )
        for name in ("labels", "donor_labels", "share", "n_classes")
    },
    "index_of": lambda x, odd: dustaug.index_of(odd),
    **{
        f"Spec({name})": lambda x, odd, name=name: dustaug.add_dust(
            x, dustaug.Spec(**({"fill": "constant"} if name == "fill_value" else {}), **{name: odd}), **seeded()
        )
        for name in inspect.signature(dustaug.Spec).parameters
    },
    "Spec(both normalize)": lambda x, odd: dustaug.Spec(normalize_mean=odd, normalize_std=odd),
    "Spec.from_dict": lambda x, odd: dustaug.Spec.from_dict(odd),
    **{
        f"replace({name})": lambda x, odd, name=name: dustaug.dust().replace(**{name: odd})
        for name in ("fill", "center", "side_range", "fill_value")
    },
    "Schedule(spec)": lambda x, odd: dustaug.Schedule(odd, p=HALVED),
    **{
        f"Schedule({name})": lambda x, odd, name=name: dustaug.Schedule(**{name: odd})
        for name in ("p", "fill", "gamma")
    },
    **{
        f"Schedule.{kind}({name})": lambda x, odd, kind=kind, name=name: dustaug.Schedule(
            p=getattr(dustaug.Schedule, kind)(**{"start": 0, "stop": 1, "epochs": 3, name: odd})
        )
        for kind in ("linear", "cosine")
        for name in ("start", "stop", "epochs", "begin")
    },
    "Schedule.linear(both)": lambda x, odd: dustaug.Schedule(center_std=dustaug.Schedule.linear(odd, odd, epochs=3)),
    "Schedule.steps(values)": lambda x, odd: dustaug.Schedule(p=dustaug.Schedule.steps(odd)),
    **{
        f"Schedule.steps(value of {name})": lambda x, odd, name=name: dustaug.Schedule(
            **{name: dustaug.Schedule.steps({0: odd})}
        )
        for name in ("p", "count_range", "fill", "cell_sides")
    },
    "Schedule.steps(epoch)": lambda x, odd: dustaug.Schedule(
        p=dustaug.Schedule.steps({0: 1, **({odd: 1} if odd.__hash__ else {})})
    ),
    "Schedule.at": lambda x, odd: dustaug.Schedule(p=HALVED).at(odd),
    "Schedule.from_dict": lambda x, odd: dustaug.Schedule.from_dict(odd),
    **{
        f"Schedule.from_dict({name})": lambda x, odd, name=name: dustaug.Schedule.from_dict(
            {**dustaug.Schedule(p=HALVED).to_dict(), name: odd}
        )
        for name in ("spec", "courses")
    },
    **{
        f"Schedule.from_dict(p, {name})": lambda x, odd, name=name: dustaug.Schedule.from_dict(
            {"spec": {}, "courses": {"p": {"course": "linear", "points": ((0, 0), (3, 1)), name: odd}}}
        )
        for name in ("course", "points")
    },
    "Schedule.from_dict(point)": lambda x, odd: dustaug.Schedule.from_dict(
        {"spec": {}, "courses": {"p": {"course": "linear", "points": ((0, 0), (odd, 1))}}}
    ),
    "add_dust(schedule, epoch)": lambda x, odd: dustaug.add_dust(x, dustaug.Schedule(p=HALVED), **seeded(epoch=odd)),
    "cutout": lambda x, odd: dustaug.cutout(odd),
    **{
        f"random_erasing({name})": lambda x, odd, name=name: dustaug.random_erasing(**{name: odd})
        for name in ("scale", "ratio", "fill")
    },
    "cutout(inside)": lambda x, odd: dustaug.cutout(3, inside=odd),
    **{
        f"{preset}({name})": lambda x, odd, preset=preset, name=name: getattr(dustaug, preset)(
            **{**({"ratio": 0.5} if preset == "patch_drop" else {}), name: odd}
        )
        for preset, names in {
            "hide_and_seek": ("cell_sides", "cell_p"),
            "grid_mask": ("period_range", "kept_share", "lattice_hides"),
            "patch_drop": ("ratio", "grid", "keep"),
            "sprinkles": ("p", "halve_sizes"),
            "cutmix": ("alpha",),
        }.items()
        for name in names
    },
}


def answer(function, given, odd):
    """Return what an error says, if there is one; a mask of 2**31 images may find no memory."""
    try:
        function(given, odd)
    except (TypeError, ValueError, LookupError) as error:
        return str(error)
    except MemoryError:
        return None
    return None


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("call", CALLS)
def test_the_answer_is_a_value_or_one_sentence(call, odd):
    """An error says what must hold and what was given, in at most 600 characters, and the images stay as they were."""
    given = images()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        said = answer(CALLS[call], given, ODD[odd])

    if said is not None:
        assert OURS.search(said), said
        assert len(said) <= 600, said
        assert "\n" not in said
        assert (given == 7).all()


def test_the_table_has_every_public_function():
    """A new public function is missed here until it has rows of its own."""
    tried = " ".join(CALLS)
    untried = {name for name in dustaug.__all__ if not re.search(rf"\b{name}\b", tried)}

    assert untried <= {"dust", "warmup", "__version__"}
