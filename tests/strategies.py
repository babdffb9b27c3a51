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
    """Draw any spec of rectangles that suits images of so many channels; all_specs() draws the rest too."""
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


@st.composite
def grids(draw):
    """Draw the fields of a grid."""
    sides = st.lists(st.sampled_from([0, 1, 2, 3, 5, 8, 13, 40]), min_size=1, max_size=8).map(tuple)
    shapes = st.tuples(*[st.sampled_from([1, 2, 3, 5, 14, 30])] * 2)
    size = draw(st.one_of(st.builds(dict, grid_shape=shapes), st.builds(dict, cell_sides=sides)))
    counts = ordered(st.sampled_from([0, 1, 2, 5, 9, 40, 300]))
    shares = st.sampled_from([0.0, 0.2, 0.5, 1.0])
    hidden = draw(st.one_of(st.builds(dict, count_range=counts), st.builds(dict, cell_p=shares)))
    return {"kind": "grid", **size, **hidden, "keep": draw(st.booleans())}


@st.composite
def lattices(draw):
    """Draw the fields of a lattice."""
    return {
        "kind": "lattice",
        "period_range": draw(ordered(st.sampled_from([1, 2, 3, 5, 8, 13, 40]))),
        "kept_share": draw(st.one_of(st.sampled_from([0.0, 0.5, 0.6]), st.floats(0, 1, exclude_max=True))),
        "lattice_hides": draw(st.sampled_from(["squares", "lines"])),
    }


def halved():
    """Draw fractions that halve."""
    fractions = ordered(st.floats(0, 1))
    return st.fixed_dictionaries(
        {"height_fraction_range": fractions, "width_fraction_range": fractions, "halve_sizes": st.just(True)}
    )


def betas():
    """Draw the parameter of a share."""
    return st.builds(dict, area_beta=st.one_of(st.just(1.0), st.floats(0.1, 1)))


def kept():
    """Draw few rectangles, which stay."""
    counts = ordered(st.sampled_from([1, 2, 5, 9, 32, 0]))
    return st.fixed_dictionaries({"keep": st.just(True), "count_range": counts})


def of_rectangles():
    """Draw what a spec of rectangles may have besides, in any combination."""
    nothing = st.just({})
    both = st.tuples(st.one_of(nothing, halved(), betas()), st.one_of(nothing, kept()))
    return both.map(lambda pair: pair[0] | pair[1])


@st.composite
def depths(draw, spec):
    """Draw how many slices the rectangles of a spec reach through, or nothing."""
    if spec.keep:
        return {}
    slices = st.builds(dict, depth_range=ordered(st.integers(0, 7)))
    fractions = st.builds(dict, depth_fraction_range=ordered(st.floats(0, 1)))
    return draw(st.one_of(st.just({}), slices, fractions))


@st.composite
def all_specs(draw, channels, dtype, *, volumes=False, donors=False):
    """Draw any spec of any kind, for volumes and with donors if there are some."""
    spec = draw(specs(channels, dtype))
    changes = draw(st.one_of(grids(), lattices(), of_rectangles()))
    spec = spec.replace(**changes)
    if volumes:
        spec = spec.replace(**draw(depths(spec)))
    if donors and draw(st.booleans()):
        spec = spec.replace(fill="donors")
    return spec


def range_of(dtype):
    """Return black and white of a dtype if they must be given, or a few images would not tell them."""
    return (0, int(np.iinfo(dtype).max)) if dtype.kind in "iu" and dtype != np.uint8 else None


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


def as_nhwc(view, layout):
    """Return a view with all four axes, or with all five if it has slices, on the same memory."""
    axes = "NDHWC" if "D" in layout else "NHWC"
    missing = [axis for axis in axes if axis not in layout]
    names = [*layout, *missing]
    return view[(..., *[None] * len(missing))].transpose([names.index(axis) for axis in axes])
