"""A schedule gives each epoch its spec, the same everywhere, and is a value that survives every way of storing it."""

import copy
import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dustaug
from dustaug import (
    DustStream,
    Rectangles,
    Schedule,
    Spec,
    add_dust,
    cutout,
    dust,
    grid_mask,
    hide_and_seek,
    patch_drop,
    sample_rectangles,
)
from dustaug.ray import DustBatch
from dustaug.robustness import occlusion_curve
from dustaug.schedule import MAX_EPOCHS, Course

GRID_MASK = Schedule(dust(), p=Schedule.linear(0.0, 0.8, epochs=240))
MANY = Schedule(
    cutout(8),
    p=Schedule.cosine(0.25, 1, epochs=8, begin=2),
    count_range=Schedule.linear((0, 1), (4, 7), epochs=6),
    fill=Schedule.steps({0: "constant", 5: "noise"}),
)


# Graphs look up the probability of an epoch, 0 and 1 among them.
MOVES_P = Schedule(dust(count_range=(3, 9)), p=Schedule.linear(0, 1, epochs=4, begin=1))


def images(n=6):
    return np.full((n, 24, 24, 3), 90, np.uint8)


def test_a_linear_course_moves_in_equal_steps_and_stays():
    """GridMask's probability is 0.8 * epoch / 240 up to epoch 240, and 0.8 from there on."""
    values = [GRID_MASK.at(epoch).p for epoch in (0, 1, 30, 120, 239, 240, 241, 2**32 - 1)]

    assert [0.0, *(float(Fraction(0.8) * k / 240) for k in (1, 30, 120, 239)), 0.8, 0.8, 0.8] == values
    assert Schedule(p=Schedule.linear(1, 0.5, epochs=2, begin=3)).at(3).p == 1
    assert Schedule(p=Schedule.linear(1, 0.5, epochs=2, begin=3)).at(4).p == 0.75


def test_a_cosine_course_is_half_a_wave():
    """Values are exact where the wave is a fraction, symmetric, and elsewhere those of the formula."""
    schedule = Schedule(p=Schedule.cosine(0, 1, epochs=90))
    values = [schedule.at(epoch).p for epoch in range(91)]

    assert [0, 0.25, 0.5, 0.75, 1] == [values[epoch] for epoch in (0, 30, 45, 60, 90)]
    assert [1] * 91 == [low + high for low, high in zip(values, values[::-1], strict=True)]
    assert values == pytest.approx([(1 - math.cos(math.pi * epoch / 90)) / 2 for epoch in range(91)], abs=1e-15)


def test_cosine_values_are_the_same_on_every_machine():
    """The values are pinned as literal bits, since the cosine of an operating system may differ in the last one."""
    schedule = Schedule(p=Schedule.cosine(0, 0.8, epochs=7))

    assert [schedule.at(epoch).p.hex() for epoch in range(1, 7)] == [
        "0x1.448155aea7d2ep-5",
        "0x1.346fe9586837ep-3",
        "0x1.3e7496c32bee6p-2",
        "0x1.f4be9c700744ep-2",
        "0x1.4c7d9f437f8bap-1",
        "0x1.8551843eaf1c7p-1",
    ]


def test_steps_hold_until_the_next():
    """A value holds from its epoch on, whatever the order of the dict, and any field may have steps."""
    schedule = Schedule(count_range=Schedule.steps({30: (0, 31), 0: (0, 5), 60: (7, 7)}))

    assert [(0, 5), (0, 5), (0, 31), (0, 31), (7, 7), (7, 7)] == [
        schedule.at(epoch).count_range for epoch in (0, 29, 30, 59, 60, 10**9)
    ]
    assert (("constant", 0.0), ("noise", None)) == tuple(
        (spec.fill, spec.fill_value) for spec in (MANY.at(4), MANY.at(5))
    )


def test_whole_numbers_are_rounded_halves_up():
    """Items of a tuple move separately, and a half goes to the greater number, also on the way down."""
    up = Schedule(count_range=Schedule.linear((0, 1), (1, 10), epochs=4))
    down = Schedule(side_range=Schedule.linear((4, 9), (3, 5), epochs=2))

    assert [(0, 1), (0, 3), (1, 6), (1, 8), (1, 10)] == [up.at(epoch).count_range for epoch in range(5)]
    assert [(4, 9), (4, 7), (3, 5)] == [down.at(epoch).side_range for epoch in range(3)]
    assert all(type(number) is int for number in up.at(1).count_range)


@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 50),
    st.integers(0, 60),
    st.sampled_from(["linear", "cosine"]),
)
def test_values_lie_between_the_ends(start, stop, epochs, epoch, name):
    """No value leaves the range of its ends, and none moves back."""
    schedule = Schedule(side_range=getattr(Schedule, name)((start, start), (stop, stop), epochs=epochs))
    now, later = schedule.at(epoch).side_range, schedule.at(epoch + 1).side_range

    assert min(start, stop) <= now[0] <= max(start, stop)
    assert now[0] <= later[0] if start <= stop else now[0] >= later[0]


def test_the_spec_keeps_its_other_fields():
    """A course changes its field as replace() does, so a size in another unit takes the place of the old one."""
    schedule = Schedule(dust(fill="color"), height_fraction_range=Schedule.linear((0.1, 0.1), (0.1, 0.3), epochs=2))

    assert dust(fill="color", height_fraction_range=(0.1, 0.2)) == schedule.at(1)
    assert dust(fill="color") == schedule.spec
    assert Spec() == Schedule(p=Schedule.steps({0: 0, 9: 1})).spec
    assert {"height_fraction_range"} == set(schedule.courses)


@pytest.mark.parametrize(
    "schedule", [GRID_MASK, MANY, Schedule(fill_value=Schedule.steps({0: 3}), fill=Schedule.steps({0: "constant"}))]
)
def test_a_schedule_survives_every_round_trip(schedule):
    """Dict, JSON, pickle, copy and repr give back an equal schedule with the same hash and the same specs."""
    copies = [
        Schedule.from_dict(schedule.to_dict()),
        Schedule.from_dict(json.loads(json.dumps(schedule.to_dict()))),
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
        eval(repr(schedule)),  # noqa: S307
    ]

    assert [schedule] * len(copies) == copies
    assert {hash(schedule)} == set(map(hash, copies))
    assert all(each.at(epoch) is schedule.at(epoch) for each in copies for epoch in (0, 3, 7, 500))


def test_a_pickled_schedule_is_found_in_another_process(run_python):
    """The hash is made anew where a pickle is opened, since hashes of strings differ between processes."""
    program = (
        "import pickle, sys, dustaug\n"
        "schedule = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "print({schedule: 1}[eval(repr(schedule), vars(dustaug))])"
    )

    assert run_python(program, pickle.dumps(MANY).hex(), PYTHONHASHSEED="123") == "1"


def test_schedules_are_frozen_and_compared_by_value():
    """A schedule cannot be changed, and differs if its spec or a course does, but not by the order of its fields."""
    first = Schedule(p=Schedule.linear(0, 1, epochs=5), side_range=Schedule.steps({0: (3, 3)}))
    second = Schedule(side_range=Schedule.steps({0: [3, np.int64(3)]}), p=Schedule.linear(0.0, np.float64(1), epochs=5))

    with pytest.raises(AttributeError):
        first.spec = dust()
    with pytest.raises(AttributeError):
        first.courses["p"].name = "cosine"
    assert first == second
    assert repr(first) == repr(second)
    assert 4 == len({GRID_MASK, MANY, first, second, Schedule(dust(fill="noise"), p=GRID_MASK.courses["p"])})
    assert GRID_MASK != dust()


def test_the_repr_is_what_is_typed():
    """A schedule and its courses show the call that makes them."""
    assert "Schedule(Spec(), p=Schedule.linear(0.0, 0.8, epochs=240))" == repr(GRID_MASK)
    assert "Schedule.cosine(0.25, 1.0, epochs=8, begin=2)" == repr(MANY.courses["p"])
    assert "Schedule.steps({0: 'constant', 5: 'noise'})" == repr(MANY.courses["fill"])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Schedule(dust()), TypeError, "a Schedule must have the course of at least one field, got none: type"),
        (lambda: Schedule(p=0.5), TypeError, r"p must be a course, got 0.5: type Schedule.linear\(…\)"),
        (
            lambda: Schedule(prob=Schedule.steps({0: 1})),
            TypeError,
            "fields of Spec must be known, got prob: type p=0.5",
        ),
        (lambda: Schedule(3, p=Schedule.steps({0: 1})), TypeError, "spec must be a dustaug.Spec, got int"),
        (
            lambda: Schedule(GRID_MASK, p=Schedule.steps({0: 1})),
            TypeError,
            r"spec must be a dustaug.Spec, got Schedule: type schedule.at\(epoch\)",
        ),
        (
            lambda: Schedule(p=Schedule.linear(0, 1.2, epochs=9)),
            ValueError,
            r"p must be a number from 0 to 1, got 1.2 \(in epoch 9 of the Schedule\)",
        ),
        (
            lambda: Schedule(count_range=Schedule.linear((0, 0.5), (0, 9), epochs=9)),
            TypeError,
            r"count_range must be two whole numbers, got \(0, 0.5\) \(in epoch 0 of the Schedule\)",
        ),
        (
            lambda: Schedule(count_range=Schedule.steps({0: (1, 2), 7: (5, 2)})),
            ValueError,
            r"count_range must not be reversed, got \(5, 2\): type count_range=\(2, 5\) \(in epoch 7",
        ),
        (
            lambda: Schedule(fill=Schedule.steps({0: "grey", 7: "constant"})),
            ValueError,
            r'fill_value must be given with fill="constant": type fill_value=0 \(in epoch 7 of the Schedule\)',
        ),
        (
            lambda: Schedule(center=Schedule.steps({0: "normal", 7: "guide"})),
            ValueError,
            r"a Schedule must take guide in all epochs or in none, got Spec\(\) in epoch 0 and Spec\(center='guide'\)",
        ),
        (
            lambda: Schedule(max_hidden=Schedule.steps({0: 0.5, 7: None})),
            ValueError,
            "a Schedule must take objects in all epochs or in none",
        ),
        (
            lambda: Schedule(depth_range=Schedule.steps({0: None, 7: (1, 2)})),
            ValueError,
            "a Schedule must take depths in all epochs or in none",
        ),
        (
            lambda: Schedule(fill=Schedule.steps({0: "grey", 7: "donors"})),
            ValueError,
            "a Schedule must take donors in all epochs or in none",
        ),
        (lambda: Schedule(center=Schedule.linear(0, 1, epochs=3)), ValueError, "center must be one of 'normal'"),
        (lambda: Schedule.linear(0, 1, epochs=0), ValueError, f"epochs must be from 1 to {MAX_EPOCHS}, got 0"),
        (lambda: Schedule.linear(0, 1, epochs=1.5), TypeError, "epochs must be a whole number, got 1.5"),
        (lambda: Schedule.linear(0, 1, epochs=3, begin=-1), ValueError, "begin must be from 0 to 4294967292, got -1"),
        (lambda: Schedule.linear("a", 1, epochs=3), TypeError, "start must be a number or a tuple of numbers, got 'a'"),
        (
            lambda: Schedule.cosine(0, True, epochs=3),
            TypeError,
            "stop must be a number or a tuple of numbers, got True",
        ),
        (lambda: Schedule.cosine(0, math.nan, epochs=3), ValueError, "stop must be finite, got nan"),
        (
            lambda: Schedule.cosine((0, 1), 1, epochs=3),
            ValueError,
            r"start and stop must be two numbers, or tuples of as many, got \(0, 1\) and 1: type Schedule.cosine",
        ),
        (lambda: Schedule.steps({}), ValueError, r"values must begin in epoch 0, got \{\}: type Schedule.steps"),
        (lambda: Schedule.steps({3: 1}), ValueError, "values must begin in epoch 0"),
        (lambda: Schedule.steps({0: 1, "a": 2}), TypeError, "epochs of steps must be a whole number, got 'a'"),
        (lambda: Schedule.steps({0: {}}), TypeError, r"values of steps must be those of a field, got \{\}"),
        (lambda: Schedule.steps([0, 1]), TypeError, r"values must be a dict of epochs to values, got \[0, 1\]"),
        (lambda: GRID_MASK.at(-1), ValueError, "epoch must be from 0 to 4294967295, got -1"),
        (lambda: GRID_MASK.at(0.5), TypeError, "epoch must be a whole number, got 0.5"),
        (lambda: Schedule.from_dict(dust().to_dict()), TypeError, "fields of Schedule must be a mapping with spec and"),
        (
            lambda: Schedule.from_dict({"spec": {}, "courses": {"p": {"course": "linear", "points": [[0, 1]]}}}),
            TypeError,
            "a course must be a mapping with course and points, got",
        ),
    ],
)
def test_errors_come_when_a_schedule_is_made(make, error, message):
    """Each message says what must hold, what was given, and in which epoch."""
    with pytest.raises(error, match=message):
        make()


def test_all_epochs_are_checked():
    """Both ends are valid here, and an epoch between them is not."""
    course = Schedule.steps({0: "uniform", 9: "normal"})
    with pytest.raises(ValueError, match=r"center_mean must be left out with center='uniform', .* \(in epoch 1 of"):
        Schedule(center=course, center_mean=Schedule.linear((0.5, 0.5), (0.5, 0.9), epochs=9))


@pytest.mark.parametrize("epoch", [0, 3, 5, 40])
def test_add_dust_paints_the_spec_of_the_epoch(epoch):
    """add_dust() and sample_rectangles() with a schedule give what they give with schedule.at(epoch)."""
    keys = {"seed": 7, "epoch": epoch, "index": 5}
    index = {**keys, "index": np.arange(9)}
    scheduled = sample_rectangles(MANY, height=24, width=24, **index)

    assert (add_dust(images(), MANY, **keys) == add_dust(images(), MANY.at(epoch), **keys)).all()
    assert (scheduled.boxes == sample_rectangles(MANY.at(epoch), height=24, width=24, **index).boxes).all()
    assert MANY.at(epoch) == scheduled.spec


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(grid_mask((4, 9)), p=Schedule.linear(0, 1, epochs=4), kept_share=Schedule.linear(0.9, 0.3, epochs=4)),
        Schedule(patch_drop(0.5, grid=6), count_range=Schedule.linear((0, 0), (30, 30), epochs=4)),
        Schedule(
            hide_and_seek(), cell_p=Schedule.cosine(0, 0.5, epochs=4), cell_sides=Schedule.steps({0: (6,), 3: (3, 5)})
        ),
    ],
)
def test_every_kind_may_have_a_schedule(schedule):
    """Lattices and grids hide ever more, and are those of the spec of the epoch."""
    hidden = []
    for epoch in (0, 3, 4):
        keys = {"seed": 7, "epoch": epoch, "index": 0}
        dusted = add_dust(images(), schedule, **keys)
        hidden.append(int((dusted != 90).sum()))

        assert (dusted == add_dust(images(), schedule.at(epoch), **keys)).all()
    assert hidden[0] == 0 < hidden[1] < hidden[2]


def test_a_guide_and_objects_go_with_a_schedule():
    """What a spec takes besides the images, its schedule takes too."""
    schedule = Schedule(dust(center="guide", max_hidden=0.5), p=Schedule.linear(0, 1, epochs=4))
    terms = {"guide": np.eye(24, dtype=bool)[None].repeat(6, 0), "objects": [[[0, 0, 9, 9]]] * 6}
    keys = {"seed": 7, "epoch": 3, "index": 0, **terms}

    assert (add_dust(images(), schedule, **keys) == add_dust(images(), schedule.at(3), **keys)).all()


def test_a_stream_follows_its_epoch():
    """A DustStream paints the spec of its epoch, and its state and its pickle have the schedule."""
    stream = DustStream(MANY, seed=7)
    for epoch in (0, 1, 5):
        stream.set_epoch(epoch)
        wanted = add_dust(images(), MANY.at(epoch), seed=7, epoch=epoch, index=0)
        assert (stream(images()) == wanted).all()
    resumed = DustStream(MANY, seed=7)
    resumed.load_state_dict(json.loads(json.dumps(stream.state_dict())))
    loaded = pickle.loads(pickle.dumps(stream))

    assert (resumed.index, resumed.epoch, resumed.spec) == (loaded.index, loaded.epoch, loaded.spec) == (6, 5, MANY)
    with pytest.raises(ValueError, match="state must come from a stream of Spec"):
        DustStream(seed=7).load_state_dict(stream.state_dict())


def test_a_batch_of_several_epochs_has_the_spec_of_each():
    """Ray's DustBatch draws each row by the epoch of its row, or all by that of set_epoch()."""
    batch = {"image": images(), "id": np.arange(6), "epoch": np.array([0, 3, 5, 3, 0, 9])}
    dusted = DustBatch(MANY, seed=7, index_column="id", epoch_column="epoch")(batch)["image"]
    moved = DustBatch(MANY, seed=7, index_column="id")
    moved.set_epoch(3)

    for i, epoch in enumerate(batch["epoch"].tolist()):
        assert (dusted[i] == add_dust(images(1)[0], MANY.at(epoch), seed=7, epoch=epoch, index=i)).all()
    assert (moved(batch)["image"] == add_dust(images(), MANY.at(3), seed=7, epoch=3, index=0)).all()


def test_what_knows_no_epoch_refuses_a_schedule():
    """Without a seed there is no epoch; rectangles and severities have none either. The images stay as they were."""
    given = images()
    for call, message in (
        (
            lambda: add_dust(given, MANY),
            r"seed must be given with a Schedule, .*: type add_dust\(images, schedule, seed",
        ),
        (lambda: add_dust(given, MANY, epoch=3), "seed must be given with a Schedule"),
        (
            lambda: occlusion_curve(len, given, np.zeros(6, int), occlusions={1: MANY}),
            r"spec must be a Spec at each severity, got a Schedule: type \{8: dust.*, or schedule.at\(epoch\)",
        ),
        (
            lambda: dustaug.paint_rectangles(
                given,
                Rectangles(
                    image=np.zeros(1, int), boxes=np.zeros((1, 4), int), fill=np.zeros(1), n_images=6, spec=MANY
                ),
            ),
            r"spec must be a dustaug.Spec, got Schedule: type schedule.at\(epoch\)",
        ),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    assert (given == 90).all()


def test_a_course_is_a_value():
    """Courses are equal by what they hold, and may be shared by fields and schedules."""
    course = Schedule.linear((0.1, 0.2), (0.3, 0.4), epochs=4)

    assert Course("linear", ((0, (0.1, 0.2)), (4, (0.3, 0.4)))) == course
    assert Schedule(area_range=course) == Schedule(area_range=Schedule.linear([0.1, 0.2], [0.3, 0.4], epochs=4))
