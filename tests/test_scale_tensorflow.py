"""The tf.data service with workers in processes of their own: some are killed, others come."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dustaug import add_dust
from dustaug.tensorflow import make_dust_fn

service = tf.data.experimental.service

N, SEED = 400, 7

# It knows nothing of dustaug, and paints by the graph that is sent to it.
WORKER = """
import sys
import tensorflow as tf
service = tf.data.experimental.service
worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=sys.argv[1], heartbeat_interval_ms=100))
assert "dustaug" not in sys.modules
print("ready", flush=True)
worker.join()
"""


def photos():
    return np.random.default_rng(3).integers(0, 256, (N, 64, 64, 3), dtype=np.uint8)


class Cluster:
    """A dispatcher, and workers that can be killed."""

    def __init__(self):
        config = service.DispatcherConfig(job_gc_check_interval_ms=500, worker_timeout_ms=3000)
        self.dispatcher, self.workers = service.DispatchServer(config), []

    def start(self, n):
        """Start n workers, and wait until they are there."""
        address = self.dispatcher.target.split("://")[1]
        command = [sys.executable, "-c", WORKER, address]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(n)]
        self.workers += started
        for worker in started:
            assert "ready\n" == worker.stdout.readline()

    def kill(self):
        """Kill the worker that has been there longest."""
        worker = self.workers.pop(0)
        worker.kill()
        worker.wait(timeout=60)
        worker.stdout.close()

    def serve(self, dataset):
        """Elements as the service gives them."""
        dealt = service.distribute(
            processing_mode=service.ShardingPolicy.DYNAMIC, service=self.dispatcher.target, max_outstanding_requests=2
        )
        return dataset.apply(dealt)


@pytest.fixture
def cluster():
    cluster = Cluster()
    cluster.start(2)
    yield cluster
    while cluster.workers:
        cluster.kill()


def dusted(epoch):
    """Pairs of an index and its image, which the service deals out."""
    fn = make_dust_fn(seed=SEED, epoch=epoch, indexed=True, backend="graph")
    pairs = tf.data.Dataset.from_tensor_slices((np.arange(N), photos()))
    return pairs.map(lambda index, image: (index, fn(index, image)))


def expected(epoch):
    return add_dust(photos(), seed=SEED, epoch=epoch, index=0)


def collect(pairs):
    """Arrays of indices and images."""
    index, images = zip(*pairs, strict=True)
    return np.array(index), np.stack(images)


def test_workers_may_come_and_go(cluster):
    """What arrives has the bytes of one process, whoever painted it."""
    index, images = collect(cluster.serve(dusted(0)).as_numpy_iterator())

    assert list(range(N)) == sorted(index)
    assert (expected(0)[index] == images).all()

    pairs, killed = [], 0
    for pair in cluster.serve(dusted(1)).as_numpy_iterator():
        pairs.append(pair)
        if len(pairs) == 40:
            cluster.kill()
            cluster.start(1)
            killed = len(pairs)
    index, images = collect(pairs)

    assert 0 < killed < len(pairs)
    assert len(set(index)) == len(index)  # The service gives up what a dead worker had on its bench.
    assert N - 40 < len(index) <= N
    assert (expected(1)[index] == images).all()

    cluster.start(1)
    index, images = collect(cluster.serve(dusted(2)).as_numpy_iterator())

    assert list(range(N)) == sorted(index)
    assert (expected(2)[index] == images).all()
