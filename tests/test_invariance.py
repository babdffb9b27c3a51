"""Pixels depend on nothing but (image, spec, seed, epoch, index): this file tests that promise.

Each test changes one other thing, for every kind of spec: the batch split, the order, the layout, the memory, the
dtype, the threads, the processes. tests/test_core.py tests what each argument means. tests/engine tests the mechanisms
that could break the promise, such as prefetching.
"""

import concurrent.futures
import hashlib
import multiprocessing
import pickle
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
from dustaug import add_dust

SPECS = {
    "dust": dustaug.dust(),
    "cutout": dustaug.cutout(9),
    "random_erasing": dustaug.random_erasing(p=0.7),
    "color": dustaug.dust(fill="color"),
    "mean": dustaug.dust(fill="mean"),
    "fraction": dustaug.dust(height_fraction_range=(0.05, 0.2), center="inside"),
    "grid": dustaug.patch_drop(0.6, 5),
    "lattice": dustaug.grid_mask((4, 15), lattice_hides="lines", kept_share=0.7, fill="color"),
    "keep": dustaug.sprinkles(keep=True, count_range=(1, 9)),
    "share": dustaug.cutmix(0.5, fill="grey"),
}
ALL = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
N = 60


def photos(n=N, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, (n, 32, 40, 3)).astype(dtype)


def expected_of(spec):
    return add_dust(photos(), spec, seed=11, epoch=4, index=100)


@ALL
@settings(max_examples=25)
@given(data=st.data())
def test_the_batch_split_changes_nothing(spec, data):
    """Any split into batches gives the same images."""
    cuts = sorted(data.draw(st.sets(st.integers(1, N - 1), max_size=8)))
    images = photos()
    for start, stop in zip([0, *cuts], [*cuts, N], strict=True):
        add_dust(images[start:stop], spec, seed=11, epoch=4, index=100 + start)

    assert (expected_of(spec) == images).all()


@ALL
@settings(max_examples=25)
@given(data=st.data())
def test_the_order_changes_nothing(spec, data):
    """Any order, and any image twice, gives the same images."""
    order = np.array(data.draw(st.lists(st.integers(0, N - 1), min_size=1, max_size=N)))

    assert (expected_of(spec)[order] == add_dust(photos()[order], spec, seed=11, epoch=4, index=100 + order)).all()


@ALL
def test_the_layout_changes_nothing(spec):
    """NCHW, NHWC, channels-last memory and flipped memory give the same images."""
    expected = expected_of(spec)
    planes = np.ascontiguousarray(photos().transpose(0, 3, 1, 2))
    channels_last = photos().transpose(0, 3, 1, 2)
    bottom_up = photos()[:, ::-1].copy()[:, ::-1]
    reversed_channels = photos()[..., ::-1].copy()[..., ::-1]

    add_dust(planes, spec, seed=11, epoch=4, index=100, layout="NCHW")
    add_dust(channels_last, spec, seed=11, epoch=4, index=100, layout="NCHW")

    assert (expected == planes.transpose(0, 2, 3, 1)).all()
    assert (expected == channels_last.transpose(0, 2, 3, 1)).all()
    for view in (bottom_up, reversed_channels):
        assert (expected == add_dust(view, spec, seed=11, epoch=4, index=100)).all()


@ALL
def test_the_dtype_changes_no_rectangle(spec):
    """The same brightness is painted at the same places in every dtype."""
    expected = expected_of(spec)
    for dtype in (np.uint16, np.float32, np.float64, np.int32):
        images = add_dust(photos(dtype=dtype), spec, seed=11, epoch=4, index=100, value_range=(0, 255))

        assert (expected == np.rint(images)).all()


@ALL
def test_threads_change_nothing(spec):
    """Any number of threads, more than images too, and calls from several Python threads give the same images."""
    expected = expected_of(spec)
    for num_threads in (2, 3, N + 1):
        images = add_dust(photos(), spec, seed=11, epoch=4, index=100, num_threads=num_threads)

        assert (expected == images).all()

    def part(start):
        images = photos()[start : start + 5]
        return add_dust(images, spec, seed=11, epoch=4, index=100 + start, num_threads=2)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert (expected == np.concatenate(list(pool.map(part, range(0, N, 5))))).all()


def test_threads_that_meet_a_new_spec_together_agree():
    """Plans and launches that several threads make at once are all the same."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for side in range(100, 200):
            spec, gate, painted = dustaug.dust(count_range=(9, side)), threading.Barrier(4), []

            def paint(spec=spec, side=side, gate=gate, painted=painted):
                image = np.zeros((side, side, 3), np.uint8)
                gate.wait()
                painted.append(add_dust(image, spec, seed=0, index=1).tobytes())

            threads = [threading.Thread(target=paint) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert [painted[0]] * 4 == painted
    finally:
        sys.setswitchinterval(interval)


FIRST_CALLS = """
import hashlib, sys, threading
import numpy as np
import dustaug

sys.setswitchinterval(1e-5)
images, gate = np.zeros((64, 40, 30, 3), np.uint8), threading.Barrier(16)

def paint(first):
    gate.wait()
    for index in range(first, 64, 16):
        dustaug.add_dust(images[index], seed=11, index=index)
        np.full((1120, 4), 7, np.uint32)  # Takes the place of what was freed too early.

threads = [threading.Thread(target=paint, args=(first,)) for first in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(hashlib.sha256(images).hexdigest())
"""


def test_the_first_calls_of_a_process_may_come_from_many_threads(run_python):
    """A process whose very first calls meet on 16 threads, as in Grain's workers, paints what any other paints."""
    expected = hashlib.sha256(add_dust(np.zeros((64, 40, 30, 3), np.uint8), seed=11, index=0)).hexdigest()

    for _ in range(3):
        assert run_python(FIRST_CALLS) == expected


def work(spec_bytes, start):
    images = photos()[start : start + 10]
    return add_dust(images, pickle.loads(spec_bytes), seed=11, epoch=4, index=100 + start, num_threads=2)


# A forked worker inherits the parent's plans, and each kind of spec makes its own: so every kind is forked.
# A spawned worker inherits nothing. It unpickles the spec, as tests/test_spec.py does with every kind, and then paints
# like any new process. Starting it takes seconds, so one spec is spawned: one that reads the most tables.
WORKERS = [*(("fork", name) for name in SPECS), ("spawn", "random_erasing")]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize(("method", "name"), WORKERS)
def test_processes_change_nothing(method, name):
    """Forked and spawned workers with threads, after the parent has used threads, give the same images."""
    spec = SPECS[name]
    expected = add_dust(photos(), spec, seed=11, epoch=4, index=100, num_threads=2)
    with multiprocessing.get_context(method).Pool(3) as pool:
        parts = pool.starmap_async(work, [(pickle.dumps(spec), start) for start in range(0, N, 10)]).get(timeout=120)

    assert (expected == np.concatenate(parts)).all()


def test_the_spec_counts_by_value():
    """An equal spec made another way paints the same, from cached plans and from new ones."""
    images = add_dust(photos(), dustaug.Spec.from_dict(dustaug.dust().to_dict()), seed=11, epoch=4, index=100)

    assert (expected_of(None) == images).all()
    for remembered in (dustaug._engine.launch._find_launch, dustaug._engine.plan.make_plan):
        remembered.cache_clear()
    assert (expected_of(None) == images).all()
