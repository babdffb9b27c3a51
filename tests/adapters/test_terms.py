"""Guide and objects of a sample are found, and become what add_dust() takes; test_torch.py has those of tensors."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import dustaug
import guided
from dustaug._adapters.terms import (
    as_guide,
    as_objects,
    check_term_keys,
    for_batch,
    for_frames,
    read_terms,
)

MASK, BOXES = guided.masks()[0], guided.objects()[0]
GUIDED, SPARING = dustaug.dust(center="guide"), dustaug.dust(max_hidden=0.4)


@pytest.mark.parametrize(
    ("spec", "keys", "message"),
    [
        (
            GUIDED,
            (None, None),
            (
                'guide_key must be given with center="guide", got none: type Adapter(…, guide_key="mask"), or '
                'spec.replace(center="normal")'
            ),
        ),
        (
            dustaug.dust(),
            ("mask", None),
            (
                "guide_key must be given with center=\"guide\", got 'mask' with center='normal': type "
                'spec.replace(center="guide"), or leave guide_key out'
            ),
        ),
        (
            SPARING,
            (None, None),
            (
                'objects_key must be given with max_hidden, got none: type Adapter(…, objects_key="boxes"), or '
                "spec.replace(max_hidden=None)"
            ),
        ),
        (
            dustaug.dust(per_object=True),
            (None, None),
            (
                'objects_key must be given with per_object, got none: type Adapter(…, objects_key="boxes"), or '
                "spec.replace(per_object=False)"
            ),
        ),
        (
            GUIDED,
            ("mask", 2),
            (
                "objects_key must be given with max_hidden or per_object, got 2 with a spec without: type "
                "spec.replace(max_hidden=0.4) or spec.replace(per_object=True), or leave objects_key out"
            ),
        ),
    ],
)
def test_a_spec_and_its_keys_belong_together(spec, keys, message):
    """The error has both ways out."""
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        check_term_keys(spec, "Adapter", guide_key=keys[0], objects_key=keys[1])


def test_right_keys_are_no_error():
    """Keys may be places, also the first one."""
    check_term_keys(dustaug.dust(), "Adapter", guide_key=None, objects_key=None)
    check_term_keys(GUIDED.replace(max_hidden=0.4), "Adapter", guide_key=0, objects_key="boxes")


@pytest.mark.parametrize(
    ("sample", "keys"),
    [
        ({"mask": MASK, "boxes": BOXES}, ("mask", "boxes")),
        ((None, BOXES, MASK), (2, 1)),
    ],
)
def test_terms_are_read_by_their_keys(sample, keys):
    """In dicts and tuples, each by its own key; what has no key is not read."""
    adapter = SimpleNamespace(guide_key=keys[0], objects_key=keys[1])
    found = read_terms(sample, adapter, "Adapter")

    assert found["guide"] is MASK
    assert found["objects"] is BOXES
    assert read_terms(sample, SimpleNamespace(guide_key=None, objects_key=None), "Adapter") == {}
    assert list(read_terms(sample, SimpleNamespace(guide_key=None, objects_key=keys[1]), "Adapter")) == ["objects"]


def test_missing_terms_are_named():
    """The error says what the sample has, and the argument to type."""
    for keys, sample, message in (
        (("m", None), {"x": 1}, "sample must have a guide at 'm', got ['x']: type Adapter(…, guide_key=…)"),
        ((None, 2), (1, 2), "sample must have objects at 2, got 2 entries: type Adapter(…, objects_key=…)"),
    ):
        with pytest.raises(LookupError, match=re.escape(message)):
            read_terms(sample, SimpleNamespace(guide_key=keys[0], objects_key=keys[1]), "Adapter")
    with pytest.raises(TypeError, match=r"a list with a guide_key or objects_key, got ndarray$"):
        read_terms(MASK, SimpleNamespace(guide_key=0, objects_key=None), "Adapter")


def test_masks_of_pillow_are_arrays():
    """Black and white is bool; grey and classes of a palette are their numbers."""
    grey = (MASK * 200).astype(np.uint8)
    with_palette = Image.fromarray(grey)
    with_palette.putpalette([7] * 768)
    for mask, expected in (
        (Image.fromarray(MASK), MASK),
        (Image.fromarray(grey), grey),
        (with_palette, grey),
    ):
        found = as_guide(mask)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    assert [Image.fromarray(MASK).mode, with_palette.mode] == ["1", "P"]


@pytest.mark.parametrize("mode", ["RGB", "LA", "I;16", "F"])
def test_other_pictures_are_no_masks(mode):
    """A picture in colour has no weights."""
    with pytest.raises(TypeError, match=f'must be of mode 1, L, P, got {mode}: type mask.convert."L".'):
        as_guide(Image.new(mode, (4, 3)))


def test_masked_arrays_are_no_guides():
    """Their mask would be forgotten."""
    with pytest.raises(TypeError, match="guide must not be masked, got a MaskedArray: type guide.filled"):
        as_guide(np.ma.array(MASK))


def test_rows_of_lists_become_boxes():
    """Arrow has boxes as arrays within an array, also none."""
    rows = np.empty(2, object)
    rows[:] = list(BOXES)

    assert np.array_equal(as_objects(rows), BOXES)
    assert as_objects(np.empty(0, object)) == []
    assert as_objects(BOXES) is BOXES


def test_frames_share_the_terms_of_their_sample():
    """A guide without an axis of frames holds for all; one that has it holds for each."""
    assert for_frames({}, 3) == {}
    for guide in (MASK, MASK[None]):
        shared = for_frames({"guide": guide, "objects": BOXES}, 3)
        assert np.array_equal(shared["guide"], [MASK] * 3)
        assert shared["objects"] == [BOXES] * 3
    each = guided.masks()[:3]
    assert for_frames({"guide": each}, 3)["guide"] is each


def test_a_batch_may_have_its_boxes_in_one_array():
    """An array (n, k, 4) is as good as a list."""
    listed = for_batch({"objects": np.stack([BOXES, BOXES + 1]), "guide": MASK})

    assert [boxes.tolist() for boxes in listed["objects"]] == [BOXES.tolist(), (BOXES + 1).tolist()]
    assert listed["guide"] is MASK
    assert for_batch({}) == {}
