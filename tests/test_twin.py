"""The kernel and its NumPy form paint the bytes of the slow twin."""

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import dustaug
import reference
from dustaug._engine import kernels, kernels_numpy, launch
from dustaug._engine.fills import default_value_range
from dustaug._engine.guide import takes_donors, takes_objects
from strategies import (
    EPOCHS,
    INDICES,
    LAYOUTS,
    SEEDS,
    VOLUME_LAYOUTS,
    as_nhwc,
    boxes_of_images,
    kinds,
    ordered,
    range_of,
    sample_items,
    specs,
    views,
)


@pytest.fixture(params=[kernels, kernels_numpy], ids=["numba", "numpy"], scope="module")
def engine(request):
    """Paint with both engines in turn."""
    original = launch._engine
    launch._engine = lambda: request.param
    launch._find_launch.cache_clear()  # A launch belongs to the engine that it was made for.
    yield request.param
    launch._engine = original
    launch._find_launch.cache_clear()


def limits_of(draw, dtype):
    if dtype.kind == "b":
        return None, (0, 1)
    if draw(st.booleans()):
        return range_of(dtype), default_value_range(dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low = draw(st.integers(info.min, info.max - 1))
        limits = low, draw(st.integers(low + 1, info.max))
    else:
        limits = draw(st.sampled_from([(0, 255), (-1, 1), (0.25, 0.5)]))
    return limits, limits


@settings(max_examples=400)
@given(st.data())
def test_add_dust_equals_the_twin(engine, data):
    """Any spec on any view of any dtype gives the twin's bytes, and no byte around the view changes."""
    buffer, view, layout = data.draw(views())
    spec = data.draw(specs(view.shape[layout.index("C")] if "C" in layout else 1, view.dtype))
    seed, epoch = data.draw(SEEDS), data.draw(EPOCHS)
    given_range, limits = limits_of(data.draw, view.dtype)
    n = view.shape[0] if "N" in layout else 1
    index = data.draw(st.one_of(st.integers(0, 2**63 - 1 - n), st.lists(INDICES, min_size=n, max_size=n)))
    expected = buffer.copy()
    before = as_nhwc(view, layout).copy()
    keywords = {
        "seed": seed,
        "epoch": epoch,
        "index": np.array(index) if isinstance(index, list) else index,
        "layout": layout,
        "value_range": given_range,
    }
    after = np.empty_like(before)
    try:
        for i, image in enumerate(before):
            number = index[i] if isinstance(index, list) else index + i
            after[i] = reference.dust(image, spec, seed, epoch, number, limits)
    except ValueError:  # No rectangle of these areas fits into so small an image.
        with pytest.raises(ValueError, match="area_range and aspect_range must allow"):
            dustaug.add_dust(view, spec, **keywords)
    else:
        try:
            result = dustaug.add_dust(view, spec, **keywords)
        except ValueError as error:  # Normalised fills may be more than an 8-bit float can hold.
            if "fills must be numbers that" not in str(error):
                raise
            assert buffer.tobytes() == expected.tobytes()
            reject()

        assert result is view
        assert as_nhwc(view, layout).tobytes() == after.tobytes()

        as_nhwc(view, layout)[...] = before

    assert buffer.tobytes() == expected.tobytes()


@settings(max_examples=200)
@given(st.data())
def test_kinds_equal_the_twins(engine, data):
    """Cells, lattices, shares, kept rectangles and donors on views of images and volumes are the twin's."""
    buffer, view, layout = data.draw(views(max_side=16, layouts=(*LAYOUTS, *3 * VOLUME_LAYOUTS)))
    spec = data.draw(kinds(layout, view.dtype))
    limits = default_value_range(view.dtype)
    where = {"seed": data.draw(SEEDS), "epoch": data.draw(EPOCHS), "index": data.draw(st.integers(0, 2**62))}
    indices = where["index"] + np.arange(view.shape[0] if "N" in layout else 1)
    given = data.draw(st.sampled_from([{}, {"index": indices}, {"num_threads": 2}]))
    after, volumes = buffer.copy(), as_nhwc(view, layout, "NDHWC")
    donors = sample_items(view.shape[::-1], view.dtype, 5).T
    terms, others = {"donors": donors} if takes_donors(spec) else {}, as_nhwc(donors, layout, "NDHWC")
    before = volumes.copy()
    boxes = [None] * len(before)
    if takes_objects(spec):
        boxes = data.draw(boxes_of_images(len(before), *before.shape[2:4]))
        terms["objects"] = boxes if "N" in layout else boxes[0]
    expected = np.empty_like(before)
    for i, volume in enumerate(before):
        numbers = where["seed"], where["epoch"], where["index"] + i
        expected[i] = reference.dust(volume, spec, *numbers, limits, None, boxes[i], others[i])
    dustaug.add_dust(view, spec, layout=layout, value_range=limits, **where | given, **terms)

    assert volumes.tobytes() == expected.tobytes()

    volumes[...] = before

    assert buffer.tobytes() == after.tobytes()


@st.composite
def far_specs(draw):
    """Draw a spec whose numbers may be as far out as a spec allows."""
    fields = {
        "count_range": (4, 4),
        "center": draw(st.sampled_from(["normal", "uniform", "inside"])),
        "spare_last": draw(st.booleans()),
    }
    if fields["center"] == "normal":
        fields["center_mean"] = draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
        fields["center_std"] = draw(st.tuples(st.floats(0, 1.7e308), st.floats(0, 4)))
    fields["keep"] = draw(st.sampled_from([False, False, False, True]))
    size = draw(st.sampled_from(["half", "side", "fraction", "area", "share"]))
    if size == "half":
        fields["half_height_range"] = draw(ordered(st.integers(0, 32_767)))
        fields["half_width_range"] = draw(ordered(st.integers(0, 32_767)))
    elif size == "side":
        fields["side_range"] = draw(ordered(st.integers(0, 65_535)))
    elif size == "fraction":
        fields["height_fraction_range"] = draw(ordered(st.floats(0, 1)))
        fields["width_fraction_range"] = draw(ordered(st.floats(0, 1)))
        fields["halve_sizes"] = draw(st.booleans())
    elif size == "share":
        fields["area_beta"] = draw(st.floats(0.1, 1))
    else:
        share, aspect = st.floats(0, 1, exclude_min=True), st.floats(0, 1e308, exclude_min=True)
        near = st.floats(1e-3, 0.9), st.floats(0.1, 10)
        fields["area_range"] = draw(ordered(st.one_of(near[0], share)))
        fields["aspect_range"] = draw(ordered(st.one_of(near[1], aspect)))
    return dustaug.Spec(**fields)


@st.composite
def far_cells(draw):
    """Draw a grid or a lattice of few cells, which are as large as a spec allows."""
    fields, sides = {"spare_last": draw(st.booleans())}, ordered(st.integers(5_000, 65_535))
    kind = draw(st.sampled_from(["grid_shape", "cell_sides", "period_range"]))
    if kind == "period_range":
        fields |= {"kept_share": draw(st.floats(0, 1, exclude_max=True))}
        fields |= {"lattice_hides": draw(st.sampled_from(["squares", "lines"]))}
        return dustaug.Spec(kind="lattice", period_range=draw(sides), **fields)
    fields[kind] = draw(st.tuples(*[st.integers(1, 12)] * 2) if kind == "grid_shape" else sides)
    return dustaug.Spec(kind="grid", count_range=(0, 200), keep=draw(st.booleans()), **fields)


@settings(max_examples=400)
@given(
    st.one_of(far_specs(), far_specs(), far_cells()),
    st.integers(1, 65_535),
    st.integers(1, 65_535),
    SEEDS,
    EPOCHS,
    INDICES,
)
def test_rectangles_equal_the_twins_on_images_of_any_size(engine, spec, height, width, seed, epoch, index):
    """Images of up to 65,535 pixels a side, and specs with the smallest and greatest numbers, get the same boxes."""
    where = {"height": height, "width": width, "seed": seed, "epoch": epoch, "index": index}
    try:
        expected = [list(drawn[:4]) for drawn in reference.rectangles(spec, height, width, 1, seed, epoch, index)]
    except ValueError:
        with pytest.raises(ValueError, match="area_range and aspect_range must allow"):
            dustaug.sample_rectangles(spec, **where)
    else:
        assert expected == dustaug.sample_rectangles(spec, **where).boxes.tolist()


def test_many_cells_equal_the_twins(engine):
    """Of 1,600 cells, any number of hidden ones is the twin's: no words are kept of so many."""
    spec = dustaug.Spec(kind="grid", grid_shape=(32, 50), count_range=(0, 1600), spare_last=False)
    for index in range(3):
        expected = [list(drawn[:4]) for drawn in reference.rectangles(spec, 70, 99, 1, 2020, 0, index)]

        assert expected == dustaug.sample_rectangles(spec, height=70, width=99, seed=2020, index=index).boxes.tolist()


# Numbers of two cells that have one word, and how many have smaller ones: they were found by trying indices.
TIES = {(25, 40): (13_550, 447, 735, 598), (40, 40): (9644, 176, 1181, 1525), (255, 257): (1, 22_439, 52_013, 8093)}


@pytest.mark.parametrize("shape", TIES)
def test_of_cells_with_one_word_the_first_is_hidden_first(engine, shape):
    """Two cells of an image that have the same word are hidden in the order of their numbers."""
    index, first, second, n_below = TIES[shape]
    words = [reference.block_words(cell + 1, 2020, 0, index)[0] for cell in (first, second)]
    hidden = []
    for k in range(n_below, n_below + 3):
        spec = dustaug.Spec(kind="grid", grid_shape=shape, count_range=(k, k), spare_last=False)
        top, _, bottom, _ = dustaug.sample_rectangles(spec, height=300, width=300, seed=2020, index=index).boxes.T
        hidden.append(set(np.flatnonzero(bottom > top).tolist()))

    assert words[0] == words[1]
    assert [len(cells) for cells in hidden] == [n_below, n_below + 1, n_below + 2]
    assert [hidden[1] - hidden[0], hidden[2] - hidden[1]] == [{first}, {second}]
