"""The comparison that the tests of devices share fails where it must."""

import pytest

import agreement
from agreement import REFUSED, case_of
from dustaug import add_dust, dust


def paint(tensor, spec, **arguments):
    add_dust(tensor.numpy(), spec, **arguments)


def paint_anyway(tensor, spec, **arguments):
    tensor.fill_(0)


def refuse_after_painting(tensor, spec, **arguments):
    tensor.fill_(0)
    paint(tensor, spec, **arguments)


def refuse_in_other_words(tensor, spec, **arguments):
    raise ValueError("no")


def paint_beside_the_view(tensor, spec, **arguments):
    paint(tensor, spec, **arguments)
    tensor.as_strided((1,), (1,), 0).fill_(0)


@pytest.mark.parametrize("case", [case_of(dust(count_range=(9, 9)), 30), REFUSED], ids=["painted", "refused"])
def test_equal_results_pass(case):
    """Painting twice on the CPU agrees, whether add_dust() paints the images or refuses them."""
    agreement.check(case, paint)


@pytest.mark.parametrize(
    ("painter", "case"),
    [
        (paint_anyway, REFUSED),
        (refuse_after_painting, REFUSED),
        (refuse_in_other_words, REFUSED),
        (refuse_in_other_words, case_of(dust(), 30)),
        (paint_anyway, case_of(dust(), 30)),
        (paint_beside_the_view, case_of(dust(), 30)),
    ],
)
def test_differences_are_noticed(painter, case):
    """The comparison fails for other bytes, other words, and a refusal on one side alone."""
    with pytest.raises(AssertionError):
        agreement.check(case, painter)
