"""Hypothesis draws specs here, and arrays that lie in memory in every way that dustaug accepts."""

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from dustaug import Spec

DTYPES = [
    np.dtype(name)
    for name in ("?", "i1", "u1", "i2", "u2", "f2", "i4", "u4", "f4", "i8", "u8", "f8", "c8", ">u2", ">f4", ">f8")
] + [np.dtype(ml_dtypes.bfloat16), np.dtype(ml_dtypes.float8_e4m3fn)]
SEEDS = st.integers(0, 2**64 - 1)
EPOCHS = st.integers(0, 2**32 - 1)
INDICES = st.integers(0, 2**63 - 1)
LAYOUTS = ("NHWC", "NCHW", "NHW", "HWC", "CHW", "HW")
VOLUME_LAYOUTS = ("NDHWC", "NCDHW")


def ordered(values):
    return st.tuples(values, values).map(sorted).map(tuple)


@st.composite
def specs(draw, channels, dtype):
    """Draw any spec that suits images of so many channels."""
    floating = dtype.kind not in "biuc"
    fills = ["grey", "constant", "color", "noise"] + ["mean"] * (dtype.kind != "c")
    fields = {
        "p": draw(st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.0])),
        "count_range": draw(ordered(st.sampled_from([1, 2, 5, 9, 33, 40, 0]))),
        "center": draw(st.sampled_from(["normal", "uniform", "inside"])),
        "spare_last": draw(st.sampled_from([False, True])),
        "fill": draw(st.sampled_from(fills)),
    }
    if fields["center"] == "normal":
        fields["center_mean"] = draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
        fields["center_std"] = draw(st.tuples(*[st.one_of(st.just(0.0), st.floats(1e-3, 3))] * 2))
    if fields["fill"] in ("grey", "color", "noise"):
        fields["fill_range"] = draw(ordered(st.integers(0, 255)))
    size = draw(st.sampled_from(["half", "side", "fraction", "area"]))
    if size == "half":
        fields["half_height_range"] = draw(ordered(st.sampled_from([1, 2, 3, 5, 9, 0])))
        fields["half_width_range"] = draw(ordered(st.sampled_from([1, 2, 3, 5, 9, 0])))
    elif size == "side":
        fields["side_range"] = draw(ordered(st.sampled_from([1, 2, 3, 7, 16, 40, 0])))
    elif size == "fraction":
        fields["height_fraction_range"] = draw(ordered(st.floats(0, 1)))
        fields["width_fraction_range"] = draw(ordered(st.floats(0, 1)))
    else:
        fields["area_range"] = draw(ordered(st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.2])))
        fields["aspect_range"] = draw(ordered(st.sampled_from([0.5, 0.8, 1.0, 1.3, 2.0])))
    if fields["fill"] == "constant":
        value = st.integers(0, 255) if not floating else st.floats(0, 255)
        fields["fill_value"] = draw(st.one_of(value, st.tuples(*[value] * channels)))
    if floating and draw(st.booleans()):
        fields["normalize_mean"] = draw(st.tuples(*[st.floats(-2, 2)] * channels))
        fields["normalize_std"] = draw(st.tuples(*[st.floats(0.1, 4)] * channels))
    return Spec(**fields)


SIDES = st.sampled_from([1, 2, 3, 5, 8, 16, 40])


@st.composite
def shares_and_halves(draw):
    """Draw rectangles with the sizes that `specs` does not draw, or with others of which all but they are hidden."""
    fields = {"count_range": draw(ordered(st.sampled_from([1, 2, 5, 9, 32, 0]))), "keep": draw(st.booleans())}
    fields["center"] = draw(st.sampled_from(["normal", "uniform", "inside"]))
    size = draw(st.sampled_from(["share", "halved", "side"]))
    if size == "share":
        return fields | {"area_beta": draw(st.sampled_from([0.1, 0.3, 0.999, 1.0]))}
    if size == "halved":
        ends = ordered(st.floats(0, 1))
        return fields | {"halve_sizes": True, "height_fraction_range": draw(ends), "width_fraction_range": draw(ends)}
    return fields | {"side_range": draw(ordered(st.integers(0, 9)))}


@st.composite
def grids(draw):
    """Draw a grid of a shape or of cells with sides, of which each or so many are hidden, or all others."""
    fields = {"kind": "grid", "keep": draw(st.booleans())}
    if draw(st.booleans()):
        fields["grid_shape"] = draw(st.tuples(*[st.integers(1, 7)] * 2))
    else:
        fields["cell_sides"] = draw(st.lists(st.sampled_from([0, 1, 3, 5, 8, 16, 40]), min_size=1, max_size=8))
    if draw(st.booleans()):
        return fields | {"cell_p": draw(st.floats(0, 1))}
    return fields | {"count_range": draw(ordered(st.integers(0, 50)))}


@st.composite
def lattices(draw):
    """Draw squares or lines of a lattice."""
    return {
        "kind": "lattice",
        "period_range": draw(ordered(SIDES)),
        "kept_share": draw(st.floats(0, 0.999)),
        "lattice_hides": draw(st.sampled_from(["squares", "lines"])),
    }


@st.composite
def kinds(draw, layout, dtype):
    """Draw what `specs` does not: a spec of any kind, shares, halved sizes, kept rectangles, donors and depths."""
    fields = draw(st.one_of(shares_and_halves(), grids(), lattices()))
    fills = ["grey", "constant", "color", "noise", "donors"] + ["mean"] * (dtype.kind != "c")
    fields |= {
        "p": draw(st.sampled_from([1.0, 1.0, 0.5])),
        "spare_last": draw(st.booleans()),
        "fill": draw(st.sampled_from(fills)),
    }
    if fields["fill"] == "constant":
        fields["fill_value"] = draw(st.integers(0, 255))
    kept = fields.get("keep", False)
    if "kind" in fields or not kept:
        fields["max_hidden"] = draw(st.sampled_from([None, None, 0.3]))
    if "kind" not in fields and not kept and not fields.get("halve_sizes", False):
        fields["per_object"] = draw(st.sampled_from([False, False, True]))
    if layout in VOLUME_LAYOUTS and not kept:
        name, end = draw(
            st.sampled_from([("depth_range", st.integers(0, 9)), ("depth_fraction_range", st.floats(0, 1))])
        )
        fields[name] = draw(st.one_of(st.none(), ordered(end)))
    return Spec(**fields)


def range_of(dtype):
    """Return black and white of a dtype if they must be given, or a few images would not tell them."""
    return (0, int(np.iinfo(dtype).max)) if dtype.kind in "iu" and dtype != np.uint8 else None


@st.composite
def boxes_of_images(draw, n, height, width):
    """Draw up to four boxes for each image: nested, empty, of one pixel, and out of the image."""
    places = st.tuples(*[st.integers(-3, height + 3), st.integers(-3, width + 3)] * 2)
    box = places.map(lambda e: [min(e[::2]), min(e[1::2]), max(e[::2]), max(e[1::2])])
    return [draw(st.lists(box, max_size=4)) for _ in range(n)]


@st.composite
def views(draw, *, min_side=1, max_side=24, dtypes=DTYPES, layouts=LAYOUTS, steps=(1, 1, 1, -1, 2, -2, 3)):
    """Draw (buffer, view of it, layout).

    Views are strided, sliced, flipped and transposed, and lie inside a larger buffer of noise.
    """
    dtype = draw(st.sampled_from(dtypes))
    layout = draw(st.sampled_from(layouts))
    side = st.one_of(st.integers(min_side, min(min_side + 2, max_side)), st.integers(min_side, max_side))
    length = {"N": draw(st.integers(1, 3)), "H": draw(side), "W": draw(side), "C": draw(st.integers(1, 6))}
    if "D" in layout:
        length["D"] = draw(st.integers(1, 5))
    order = draw(st.permutations(layout))
    steps = {axis: draw(st.sampled_from(steps)) for axis in layout}
    margins = {axis: draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for axis in layout}
    shape = [length[axis] * abs(steps[axis]) + sum(margins[axis]) for axis in order]
    buffer = sample_items(shape, dtype, draw(st.integers(0, 2**32 - 1)))
    slices = []
    for axis in order:
        start, step = margins[axis][0], steps[axis]
        stop = start + length[axis] * abs(step)
        if step < 0:
            start, stop = stop - 1, (start - 1 if start else None)
        slices.append(slice(start, stop, step))
    view = buffer[tuple(slices)].transpose([order.index(axis) for axis in layout])
    return buffer, view, layout


def sample_items(shape, dtype, seed):
    """Return random finite items of any dtype; floats lie in [0, 1]."""
    rng = np.random.default_rng(seed)
    if dtype.kind in "biu":
        limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        native = np.bool_ if dtype.kind == "b" else dtype.newbyteorder("=")
        return rng.integers(*limits, shape, dtype=native, endpoint=True).astype(dtype)
    return rng.random(shape).astype(dtype)


def as_nhwc(view, layout, order="NHWC"):
    """Return a view with all four axes, or those of an order, on the same memory."""
    missing = [axis for axis in order if axis not in layout]
    names = [*layout, *missing]
    return view[(..., *[None] * len(missing))].transpose([names.index(axis) for axis in order])
