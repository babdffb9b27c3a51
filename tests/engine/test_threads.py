"""A call with several threads leaves none at work, whatever is raised, and a fork waits for first calls."""

import os
import sys
import threading
import weakref

import numpy as np
import pytest

import dustaug
from dustaug import add_dust
from dustaug._engine import threads
from dustaug._engine.threads import run_on_threads

# 5,000 rectangles as large as the image take a second or two.
INTERRUPTED = """
import signal, sys, time
import numpy as np
import dustaug

spec = dustaug.dust(count_range=(5000, 5000), half_height_range=(3000, 3000), half_width_range=(3000, 3000))
dustaug.add_dust(np.zeros((4, 8, 8), np.uint8), seed=0, index=0, layout="NHW", num_threads=4)
images = np.zeros((4, 1500, 1500), np.uint8)
raised = 0

def interrupt(*_):
    global raised
    raised += 1
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    dustaug.add_dust(images, spec, seed=0, index=0, layout="NHW", num_threads=4)
except KeyboardInterrupt:
    left = images.copy()
else:
    sys.exit("not interrupted")
time.sleep(0.5)
assert (images == left).all(), "a thread painted on"
assert raised == 1
dustaug.add_dust(images, seed=0, index=0, layout="NHW", num_threads=4)
print("left whole")
"""


# Both helpers have a part when the first alarm comes, and end only after more than a hundred.
AGAIN = """
import signal, sys, threading, time
from dustaug._engine.threads import run_on_threads

raised, ended = 0, []
begun = threading.Barrier(3)

def interrupt(_, frame):
    # An alarm may also come after the call, before the timer is stopped.
    global raised
    while frame is not None and frame.f_code is not run_on_threads.__code__:
        frame = frame.f_back
    if frame is not None:
        raised += 1
        raise KeyboardInterrupt

def part(start, stop):
    begun.wait()
    if threading.current_thread() is threading.main_thread():
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        time.sleep(60)
    deadline = time.monotonic() + 60
    while raised <= 100 and time.monotonic() < deadline:
        time.sleep(0.001)
    ended.append(start)

signal.signal(signal.SIGALRM, interrupt)
try:
    run_on_threads(part, 3, 3)
except KeyboardInterrupt:
    left = len(ended)
    signal.setitimer(signal.ITIMER_REAL, 0)
assert left == 2, left
assert raised > 100, raised
print("left whole")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no alarms")
@pytest.mark.parametrize("program", [INTERRUPTED, AGAIN], ids=["once", "again and again"])
def test_no_thread_is_left_at_work_by_an_interrupt(run_python, program):
    """Ctrl+C reaches the caller when every part has ended, also if it is pressed again and again."""
    assert run_python(program) == "left whole"


def test_a_thread_that_cannot_be_started_is_done_without(monkeypatch):
    """Where no thread may be started, or only some, the calling thread paints the rest."""
    expected = add_dust(np.zeros((16, 20, 20, 3), np.uint8), seed=3, index=0)
    start = threading.Thread.start
    for allowed in (0, 1, 3):
        monkeypatch.setattr(threads, "_pools", [])
        left = [allowed]

        def begin(thread, left=left):
            if not left[0]:
                raise RuntimeError("can't start new thread")
            left[0] -= 1
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", begin)
        for _ in range(3):
            painted = add_dust(np.zeros((16, 20, 20, 3), np.uint8), seed=3, index=0, num_threads=16)
            assert (painted == expected).all()


def test_helpers_that_come_late_find_nothing(monkeypatch):
    """What was handed out and never taken is not painted later."""
    waiting = []

    class Late:
        def submit(self, function):
            waiting.append(function)

    monkeypatch.setattr(threads, "_pools", [Late()])
    done = []
    run_on_threads(lambda start, stop: done.append((start, stop)), 5, 3)
    for function in waiting:
        function()

    assert len(waiting) == 2
    assert done == [(0, 1), (1, 3), (3, 5)]


def test_there_is_one_pool(monkeypatch):
    """Batches of all lengths share their threads."""
    monkeypatch.setattr(threads, "_pools", [])
    before = threading.active_count()
    for n in range(1, 65):
        add_dust(np.zeros((n, 8, 8, 3), np.uint8), seed=0, index=0, num_threads=64)

    assert len(threads._pools) == 1
    assert threading.active_count() - before < 64


@pytest.mark.parametrize("at", [0, 2])
def test_what_a_part_raises_reaches_the_caller(at):
    """Whoever paints the part, its error is raised when all others have ended."""
    ended, meet = [], threading.Barrier(3, timeout=60)

    def part(start, _):
        meet.wait()
        ended.append(start)
        if start == at:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_on_threads(part, 3, 3)

    assert sorted(ended) == [0, 1, 2]


def test_parts_hold_what_they_paint():
    """The memory of the images lives as long as a helper may write to it."""
    owner = np.zeros(3)
    alive, seen = weakref.ref(owner), []
    parts = threads._Job(lambda *_: seen.append(alive() is not None), [(0, 1)], owner)
    del owner
    parts.help()

    assert seen == [True]


FORKED = """
import os, signal, sys, threading, time
import numpy as np
import dustaug

def paint():
    return dustaug.add_dust(np.zeros((2, 8, 8, 3), np.uint8), seed=0, index=0, num_threads=2)

first = threading.Thread(target=paint)
first.start()
while sys.argv[1] not in sys.modules and first.is_alive():
    time.sleep(0.001)
child = os.fork()
if not child:
    signal.alarm(120)
    os._exit(0 if paint().any() else 1)
first.join()
print(os.waitpid(child, 0)[1], paint().any())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
@pytest.mark.parametrize(
    ("module", "way"), [("dustaug._engine.objects", "numba"), ("numba", "machine code"), ("numba", "numba")]
)
def test_a_fork_may_meet_a_first_call(run_python, tmp_path, module, way):
    """A child that is forked while another thread imports or compiles paints, as the fork has waited for it."""
    if way == "numba":
        (tmp_path / "dustaug").touch()  # Takes the place of the folder of machine code.

    assert run_python(FORKED, module, NUMBA_CACHE_DIR=str(tmp_path)).split() == ["0", "True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_fork_may_meet_a_stream_that_counts():
    """A child can go on with a stream that another thread was using."""
    stream, stop = dustaug.DustStream(seed=1), threading.Event()

    def use():
        while not stop.is_set():
            stream(np.zeros((1, 4, 4, 3), np.uint8))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=use)
    thread.start()
    try:
        for _ in range(50):
            child = os.fork()
            if not child:
                threading.Timer(60, os._exit, [1]).start()
                stream(np.zeros((1, 4, 4, 3), np.uint8))
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
