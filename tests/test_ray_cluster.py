"""DustBatch paints the same bytes on a cluster of two nodes, whose processes ray.cluster_utils starts."""

import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # This keeps Ray from sending statistics.

import ray
import ray.data
from ray.cluster_utils import Cluster
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import dustaug
from dustaug import add_dust, index_of
from dustaug.ray import DustBatch

pytestmark = [
    # Ray uses deprecated settings, and leaves sockets and processes to the garbage collector.
    pytest.mark.filterwarnings("ignore:`use_.*` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # Only one worker of pytest starts the cluster.
    pytest.mark.xdist_group("ray"),
]

N, SEED = 96, 7
SPEC = dustaug.dust(count_range=(3, 31))
# Actors keep their share of a core to the end. The rest is left for the tasks before them.
ACTOR, TASK = 0.6, 0.4
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
# A dead node refuses connections, and counts as dead after five; a slow one has fifty seconds.
HEALTH = {"health_check_period_ms": 500, "health_check_failure_threshold": 5, "health_check_timeout_ms": 10_000}


def photos():
    return np.random.default_rng(3).integers(0, 256, (N, 24, 32, 3), dtype=np.uint8)


def paths():
    return [f"train/{i % 7}/{i:04}.jpg" for i in range(N)]


@pytest.fixture(scope="module")
def cluster():
    """Start two nodes of one core each; the second one may be killed."""
    cluster = Cluster()
    cluster.add_node(**NODE, _system_config=HEALTH)
    cluster.add_node(**NODE)
    ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.wait_for_min_actors_s = 60  # Otherwise a slow start could leave one node without work.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_the_cluster_has_two_nodes(cluster):
    """There are two nodes, without which the tests below would prove nothing."""
    assert 2 == sum(node["Alive"] for node in ray.nodes())
    assert 2 == ray.cluster_resources()["CPU"]


def data_set(images=None, blocks=8):
    images = photos() if images is None else images
    rows = [{"image": image, "path": path} for image, path in zip(images, paths(), strict=True)]
    return ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
        add_index, batch_format="numpy", num_cpus=TASK
    )


def add_index(batch):
    return {**batch, "index": index_of(batch["path"])}


def dust(dataset, actors=2, batch_size=None, **options):
    keywords = {"spec": SPEC, "seed": SEED, "index_column": "index", **options}
    return dataset.map_batches(
        DustBatch,
        fn_constructor_kwargs=keywords,
        batch_format="numpy",
        batch_size=batch_size,
        concurrency=actors,
        num_cpus=ACTOR,
    )


def expected(images=None, epoch=0):
    images = photos() if images is None else images
    index = index_of(paths())
    return {
        path: add_dust(image.copy(), SPEC, seed=SEED, epoch=epoch, index=int(i)).tobytes()
        for path, image, i in zip(paths(), images, index, strict=True)
    }


def digests(rows):
    return {row["path"]: np.ascontiguousarray(row["image"]).tobytes() for row in rows}


@pytest.mark.parametrize(("blocks", "batch_size", "actors"), [(8, None, 2), (3, 7, 1)])
def test_a_cluster_paints_the_bytes_of_one_process(cluster, blocks, batch_size, actors):
    """Any number of blocks, batches and actors gives the bytes of one process."""
    assert expected(epoch=3) == digests(dust(data_set(blocks=blocks), actors, batch_size, epoch=3).take_all())


def ragged():
    return [image[: 10 + i % 5, : 32 - i % 3] for i, image in enumerate(photos())]


def test_ragged_images_stay_ragged(cluster):
    """Each image is painted in its own size, also in blocks of one image."""
    for blocks in (2, 24):
        dusted = dust(data_set(ragged(), blocks), batch_size=None).take_all()

        assert expected(ragged()) == digests(dusted)
        assert {image.shape for image in ragged()} == {row["image"].shape for row in dusted}


class Checked(DustBatch):
    """The class reports whether its input was writable, and whether it stayed the same."""

    def __call__(self, batch):
        """Paint the batch, and report."""
        before = batch["image"].copy()
        dusted = super().__call__(batch)
        n = len(before)
        same, writable = (before == batch["image"]).all(), batch["image"].flags.writeable
        return {**dusted, "same": np.full(n, same), "writable": np.full(n, writable)}


def test_blocks_in_the_object_store_keep_their_bytes(cluster):
    """Blocks are read-only and are copied, so the next epoch gets them as they were."""
    stored = data_set().materialize()
    keywords = {"spec": SPEC, "seed": SEED, "index_column": "index", "inplace": True}
    for epoch in (0, 1):
        dusted = stored.map_batches(
            Checked,
            fn_constructor_kwargs={**keywords, "epoch": epoch},
            batch_format="numpy",
            concurrency=1,
            num_cpus=ACTOR,
        ).take_all()

        assert expected(epoch=epoch) == digests(dusted)
        assert {(True, False)} == {(row["same"], row["writable"]) for row in dusted}
    assert {path: image.tobytes() for path, image in zip(paths(), photos(), strict=True)} == digests(stored.take_all())


class Keep:
    """The function keeps the array that it returns."""

    def __init__(self):
        self.images = np.full((8, 24, 32, 3), 0.5, np.float32)

    def __call__(self, batch):
        """Return the array and its address."""
        return {**batch, "image": self.images, "address": np.full(8, self.images.ctypes.data)}


def tell_shared(batch):
    return {**batch, "shared": batch["image"].ctypes.data == batch["address"]}


def test_an_array_that_a_function_keeps_is_not_painted_on(cluster):
    """Ray passes an array to the next function of the process without a copy."""
    blocks = ray.data.from_items([{"path": path} for path in paths()[:8]], override_num_blocks=1)
    kept = blocks.map_batches(add_index, batch_format="numpy").map_batches(Keep()).map_batches(tell_shared)
    rows = kept.map_batches(Checked(SPEC, seed=SEED, index_column="index", inplace=True)).take_all()
    grey = np.full((N, 24, 32, 3), 0.5, np.float32)

    assert {path: expected(grey)[path] for path in paths()[:8]} == digests(rows)
    assert {(True, True)} == {(row["shared"], row["same"]) for row in rows}


def test_epochs_may_run_on_in_a_column(cluster):
    """One shuffled data set may hold two epochs."""
    rows = [
        {"image": image, "path": path, "epoch": epoch}
        for epoch in (4, 5)
        for image, path in zip(photos(), paths(), strict=True)
    ]
    both = ray.data.from_items(rows, override_num_blocks=5).map_batches(add_index, batch_format="numpy")
    dusted = dust(both.random_shuffle(seed=1).materialize(), epoch_column="epoch").take_all()
    for epoch in (4, 5):
        assert expected(epoch=epoch) == digests(row for row in dusted if row["epoch"] == epoch)


def test_a_loop_of_training_sets_the_epoch(cluster):
    """A training loop goes over the same data set again, and dusts the batches itself."""
    stored, dust_batch = data_set().materialize(), DustBatch(SPEC, seed=SEED, index_column="index")
    for epoch in (0, 1):
        dust_batch.set_epoch(epoch)
        batches = [dust_batch(batch) for batch in stored.iter_batches(batch_size=10, batch_format="numpy")]
        rows = [
            {"image": image, "path": path}
            for batch in batches
            for image, path in zip(batch["image"], batch["path"], strict=True)
        ]

        assert expected(epoch=epoch) == digests(rows)


def test_guides_and_boxes_are_as_ray_makes_them(cluster):
    """Masks of several sizes, and boxes as arrays or lists, of any number, come through Arrow."""
    # The workers of the cluster import this file for its functions, and do not find what lies beside it.
    import guided
    import test_pixels

    case, key = guided.CASES["both"], test_pixels.KEYS["any"]
    images, guides, boxes = test_pixels.photos(), guided.masks(), guided.objects()
    for columns in (
        {"guide": guides, "objects": boxes},
        # A weight that stands twice in its row draws the same centres.
        {"guide": [np.repeat(guide, 1 + i % 2, axis=1) for i, guide in enumerate(guides)], "objects": boxes},
        {"guide": guides, "objects": [each.tolist() for each in boxes]},
    ):
        rows = [
            {"image": images[i], "path": paths()[i], "index": key["index"] + i, **{k: v[i] for k, v in columns.items()}}
            for i in range(guided.N)
        ]
        options = {"spec": case.spec, "seed": key["seed"], "epoch": key["epoch"]}
        options |= {f"{name}_column": name for name in columns}
        dusted = dust(ray.data.from_items(rows, override_num_blocks=2), 1, **options).take_all()
        wanted = dict(zip(paths(), (image.tobytes() for image in guided.expected("both")), strict=False))

        assert wanted == digests(dusted)


def test_errors_come_through(cluster):
    """Errors of the constructor and of a batch reach the caller."""
    with pytest.raises(ray.exceptions.RayError, match=r"make one of the paths, as in ray.data.read_images"):
        dust(data_set(blocks=1), 1, index_column=None).take_all()
    with pytest.raises(
        ray.exceptions.RayError, match=r"column 'path' must .* type dustaug.index_of\(batch\['path'\]\)"
    ):
        dust(data_set(blocks=1), 1, index_column="path").take_all()


class SlowDustBatch(DustBatch):
    """The class takes its time, and reports when and where it ran."""

    def __call__(self, batch):
        """Paint slowly."""
        time.sleep(0.2)
        n, node = len(batch["path"]), ray.get_runtime_context().get_node_id()
        return {**super().__call__(batch), "node": np.full(n, node), "time": np.full(n, time.monotonic())}


@pytest.mark.parametrize("kind", ["actors", "tasks"])
def test_a_node_killed_in_mid_run_changes_nothing(cluster, kind):
    """Images that are lost with a node are painted again with the same bytes, and none comes twice."""
    victim = next(iter(cluster.worker_nodes), None) or cluster.add_node(**NODE)
    keywords = {"spec": SPEC, "seed": SEED, "index_column": "index"}
    options = {"batch_format": "numpy", "num_cpus": ACTOR}
    if kind == "actors":
        options |= {"fn_constructor_kwargs": keywords, "concurrency": 2}
    dusted = data_set(blocks=48).map_batches(
        SlowDustBatch if kind == "actors" else SlowDustBatch(**keywords), **options
    )
    rows, killed = [], None
    for row in dusted.iter_rows():
        rows.append(row)
        if killed is None and row["node"] == victim.node_id:
            cluster.remove_node(victim, allow_graceful=False)
            killed = time.monotonic()

    assert killed is not None
    assert not victim.any_processes_alive()
    assert victim.node_id in {node["NodeID"] for node in ray.nodes() if not node["Alive"]}
    assert any(row["time"] > killed for row in rows)
    assert expected() == digests(rows)
    assert N == len(rows)


def test_the_examples_of_the_docs_run(cluster, tmp_path, monkeypatch):
    """The blocks of docs/ray.md run one after another."""
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parent.parent / "docs" / "ray.md"
    examples = list(Sybil(parsers=[PythonCodeBlockParser()], patterns=["*.md"]).parse(page).examples())
    for example in examples:
        example.evaluate()

    assert 4 == len(examples)
