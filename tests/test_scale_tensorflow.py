"""Workers of the tf.data service run in processes of their own; some are killed, and others come."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dustaug import add_dust
from dustaug.tensorflow import make_dust_fn

service = tf.data.experimental.service

N, SEED = 400, 7

# The worker never imports dustaug, and paints with the graph that is sent to it.
WORKER = """
import sys
import tensorflow as tf
service = tf.data.experimental.service
config = service.WorkerConfig(
    dispatcher_address=sys.argv[1],
    worker_address="localhost:" + sys.argv[2],
    port=int(sys.argv[2]),
    heartbeat_interval_ms=100,
)
worker = service.WorkerServer(config)
assert "dustaug" not in sys.modules
print("ready", flush=True)
worker.join()
"""


def photos():
    return np.random.default_rng(3).integers(0, 256, (N, 64, 64, 3), dtype=np.uint8)


class Cluster:
    """A cluster has a dispatcher, and workers that can be killed."""

    def __init__(self):
        self.dispatcher, self.workers = service.DispatchServer(), {}

    def start(self, ports):
        """Start a worker at each port, and wait until they are there."""
        address = self.dispatcher.target.split("://")[1]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        for port in ports:
            self.workers[port] = subprocess.Popen(
                [sys.executable, "-c", WORKER, address, str(port)], env=environment, stdout=subprocess.PIPE, text=True
            )
        for port in ports:
            assert "ready\n" == self.workers[port].stdout.readline()

    def kill(self, port):
        """Kill the worker at a port."""
        worker = self.workers.pop(port)
        worker.kill()
        worker.wait(timeout=60)
        worker.stdout.close()

    def serve(self, dataset):
        """Return the elements as the service deals them out."""
        dealt = service.distribute(
            processing_mode=service.ShardingPolicy.DYNAMIC, service=self.dispatcher.target, max_outstanding_requests=2
        )
        return dataset.apply(dealt)


def free_ports(n):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(n)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def cluster():
    cluster = Cluster()
    yield cluster
    for port in list(cluster.workers):
        cluster.kill(port)


def dusted(epoch):
    """Return the pairs of an index and its image, which the service deals out."""
    fn = make_dust_fn(seed=SEED, epoch=epoch, indexed=True, backend="graph")
    pairs = tf.data.Dataset.from_tensor_slices((np.arange(N), photos()))
    return pairs.map(lambda index, image: (index, fn(index, image)))


def expected(epoch):
    return add_dust(photos(), seed=SEED, epoch=epoch, index=0)


def collect(pairs):
    """Return arrays of the indices and images."""
    index, images = zip(*pairs, strict=True)
    return np.array(index), np.stack(images)


def test_workers_may_come_and_go(cluster):
    """All images have the bytes of one process, whichever worker painted them."""
    first, second, third = free_ports(3)
    cluster.start([first, second])
    pairs, killed = [], 0
    for pair in cluster.serve(dusted(1)).as_numpy_iterator():
        pairs.append(pair)
        if len(pairs) == 40:
            cluster.kill(first)
            cluster.start([first, third])  # A client waits for a worker until it is back at its address.
            killed = len(pairs)
    index, images = collect(pairs)

    assert 0 < killed < len(pairs)
    assert len(set(index)) == len(index)  # The service loses the elements that a dead worker was working on.
    assert N // 2 < len(index) <= N
    assert (expected(1)[index] == images).all()

    index, images = collect(cluster.serve(dusted(2)).as_numpy_iterator())

    assert list(range(N)) == sorted(index)
    assert (expected(2)[index] == images).all()


def test_the_epoch_may_be_a_component_and_not_a_variable():
    """The service keeps the value of a variable from when the data set was sent.

    docs/scale.md warns of it.
    """
    dispatcher = service.DispatchServer()
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=dispatcher.target.split("://")[1]))
    distribute = service.distribute(service.ShardingPolicy.DYNAMIC, dispatcher.target)
    variable = tf.Variable(1, dtype=tf.int64)
    sent = dusted(variable).take(8).apply(distribute)
    for number in (1, 2):
        variable.assign(number)
        index, images = collect(sent.as_numpy_iterator())

        assert (expected(1)[index] == images).all()

    triples = tf.data.Dataset.from_tensor_slices(
        (np.repeat([1, 2], 8), np.tile(np.arange(8), 2), np.tile(photos()[:8], (2, 1, 1, 1)))
    )

    def dust(epoch, index, image):
        return epoch, index, make_dust_fn(seed=SEED, epoch=epoch, indexed=True, backend="graph")(index, image)

    seen = list(triples.map(dust).apply(distribute).as_numpy_iterator())

    assert 16 == len(seen)
    assert all((expected(epoch)[index] == image).all() for epoch, index, image in seen)
    del worker
