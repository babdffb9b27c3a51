"""Use one extra in an environment without any other: ``python tests/alone.py torch`` compares it with add_dust().

pytest does not collect this file: it must run where the wheel and that extra are installed, and pytest is not.
"""

import importlib
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# Albumentations 2.0.8 asks the network for its newest version at import, and warns where there is none.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import dustaug

EXPECTED = dustaug.add_dust(np.zeros((4, 48, 64, 3), np.uint8), seed=7, index=0)


def none():
    """Use the library, and its command line, which names the extra that it needs."""
    assert 0 < np.count_nonzero(EXPECTED) < EXPECTED.size
    done = subprocess.run([Path(sys.executable).with_name("dustaug"), "preview"], capture_output=True, check=False)
    assert done.returncode == 1
    assert b'pip install "dustaug[cli]"' in done.stderr


def cli():
    """Draw the contact sheet of the packaged photograph."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([Path(sys.executable).with_name("dustaug"), "preview"], cwd=folder, check=True)
        assert Path(folder, "dust.png").read_bytes().startswith(b"\x89PNG")


def robustness():
    """Measure a model that answers by brightness, with a bar, and draw the curve."""
    from dustaug.robustness import occlusion_curve

    os.environ.setdefault("MPLBACKEND", "agg")
    images = np.repeat(np.array([0, 255], np.uint8), 4)[:, None, None, None] * np.ones((1, 32, 32, 1), np.uint8)
    curve = occlusion_curve(
        lambda batch: np.eye(2)[(batch.mean((1, 2, 3)) > 127).astype(int)], images, [0] * 4 + [1] * 4, progress=True
    )
    assert curve.plot().get_title(loc="left")


def torch():
    """Paint a tensor."""
    import torch

    from dustaug.torch import add_dust

    images = torch.zeros(4, 3, 48, 64, dtype=torch.uint8)
    assert (add_dust(images, seed=7, index=0).numpy() == EXPECTED.transpose(0, 3, 1, 2)).all()
    assert add_dust(torch.zeros(3, 8, 8, dtype=torch.bfloat16), seed=7, index=0).any()


def torchvision():
    """Paint a tensor and a Pillow image."""
    import PIL.Image
    import torch

    from dustaug.torchvision import DustRectangles

    transform = DustRectangles(count_range=(5, 31))
    assert transform(torch.zeros(4, 3, 48, 64)).any()
    assert np.asarray(transform(PIL.Image.new("RGB", (64, 48)))).any()


def albumentations():
    """Paint an image by its index."""
    from dustaug.albumentations import DustRectangles

    transform = DustRectangles(seed=7, index_key="index")
    for index, expected in enumerate(EXPECTED):
        assert (transform(image=np.zeros((48, 64, 3), np.uint8), index=index)["image"] == expected).all()


def tensorflow():
    """Paint in tf.data, by Numba and by the graph."""
    import tensorflow as tf

    from dustaug.tensorflow import make_dust_fn

    dataset = tf.data.Dataset.from_tensors(tf.zeros((48, 64, 3), tf.uint8)).repeat(4)
    for backend in ("numba", "graph"):
        dusted = dataset.enumerate().map(make_dust_fn(seed=7, indexed=True, backend=backend))
        assert (np.stack(list(dusted.as_numpy_iterator())) == EXPECTED).all()


def keras():
    """Keras brings no backend of its own, so the error names one."""
    try:
        importlib.import_module("dustaug.keras")
    except ImportError as error:
        assert 'pip install "dustaug[keras,tensorflow]"' in str(error)  # noqa: PT017  There is no pytest here.
    else:
        raise AssertionError(f"dustaug.keras found a backend: {sys.modules.keys() & {'tensorflow', 'torch', 'jax'}}")


def jax():
    """Paint under jit."""
    import jax

    from dustaug.jax import add_dust

    dust = jax.jit(lambda images, index: add_dust(images, seed=7, index=index))
    assert (np.asarray(dust(np.zeros((4, 48, 64, 3), np.uint8), 0)) == EXPECTED).all()


def grain():
    """Paint the records of a map data set."""
    import grain

    from dustaug.grain import DustRectangles

    records = [{"image": np.zeros((48, 64, 3), np.uint8)} for _ in EXPECTED]
    dataset = grain.MapDataset.source(records).map_with_index(DustRectangles(seed=7, records_per_epoch=len(records)))
    assert (np.stack([dataset[i]["image"] for i in range(len(records))]) == EXPECTED).all()


def monai():
    """Paint a volume in a dictionary."""
    from dustaug.monai import DustRectanglesd

    transform = DustRectanglesd("image", count_range=(5, 31), depth_range=(2, 9)).set_random_state(seed=7)
    dusted = transform({"image": np.zeros((1, 48, 64, 12), np.float32)})["image"]
    assert dusted.any()
    assert (dusted != dusted[..., :1]).any()


def ray():
    """Paint a batch as Ray Data hands it over; without a cluster, the class is called here."""
    import ray.data

    from dustaug.ray import DustBatch

    batch = {"image": np.zeros((4, 48, 64, 3), np.uint8), "index": np.arange(4)}
    assert (DustBatch(seed=7, index_column="index")(batch)["image"] == EXPECTED).all()
    assert callable(ray.data.Dataset.map_batches)


if __name__ == "__main__":
    warnings.filterwarnings("error", module="dustaug")
    globals()[sys.argv[1]]()
    print(f"dustaug {dustaug.__version__} alone with {sys.argv[1]}: NumPy {np.__version__}")  # noqa: T201
