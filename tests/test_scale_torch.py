"""A DistributedSampler runs in several processes, with other world sizes and a restart in mid-epoch."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from dustaug import add_dust

N, SEED, BATCH = 60, 7, 5

# This is one rank. It kills itself before step `stop`, and begins after the first `skip` images of the epoch.
RANK = f"""
import os, signal, sys
import numpy as np
import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler, Subset, TensorDataset
from dustaug.torch import DustDataset

folder, (rank, world, epoch, skip, stop) = sys.argv[1], map(int, sys.argv[2:])
dist.init_process_group("gloo", init_method=f"file://{{folder}}/store", rank=rank, world_size=world)
images = torch.from_numpy(np.load(folder + "/photos.npy")).permute(0, 3, 1, 2)
dataset = DustDataset(TensorDataset(images, torch.arange(len(images))), seed={SEED})
dataset.set_epoch(epoch)
sampler = DistributedSampler(dataset)
sampler.set_epoch(epoch)
if skip:  # What is left of the same order, dealt out to the ranks that there are now.
    order = torch.randperm({N}, generator=torch.Generator().manual_seed(epoch)).tolist()
    dataset = Subset(dataset, order[skip:])
    sampler = DistributedSampler(dataset, shuffle=False)
seen, indices = [], []
for step, (images, index) in enumerate(DataLoader(dataset, batch_size={BATCH}, sampler=sampler, num_workers=rank % 2)):
    if step == stop:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()
    seen.append(images.permute(0, 2, 3, 1).numpy())
    indices.append(index.numpy())
    np.savez(f"{{folder}}/{{rank}}.npz", images=np.concatenate(seen), index=np.concatenate(indices))
"""


def photos():
    return np.random.default_rng(3).integers(0, 256, (N, 16, 20, 3), dtype=np.uint8)


def run(folder, world, epoch, skip=0, stop=-1):
    """Return the images that the ranks of one run have seen, and their indices."""
    folder.mkdir()
    np.save(folder / "photos.npy", photos())
    command = [sys.executable, "-c", RANK, folder]
    ranks = [
        subprocess.Popen(
            [*map(str, [*command, rank, world, epoch, skip, stop])], env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        for rank in range(world)
    ]
    ends = {process.wait(timeout=240) for process in ranks}

    assert ends == ({-signal.SIGKILL} if stop >= 0 else {0})
    parts = [np.load(folder / f"{rank}.npz") for rank in range(world)]
    return np.concatenate([part["images"] for part in parts]), np.concatenate([part["index"] for part in parts])


def expected(epoch):
    return add_dust(photos(), seed=SEED, epoch=epoch, index=0)


@pytest.mark.parametrize("world", [2, 3])
def test_any_world_size_sees_the_images_of_one_process(world, tmp_path):
    """Each image is seen once, with the dust of its place in the data set."""
    images, index = run(tmp_path / "run", world, epoch=4)

    assert list(range(N)) == sorted(index)
    assert (expected(4)[index] == images).all()


def test_a_run_killed_in_mid_epoch_goes_on_with_more_ranks(tmp_path):
    """Two ranks see half of the epoch and three see the rest, as one process would see them."""
    first, first_index = run(tmp_path / "first", 2, epoch=4, stop=3)
    rest, rest_index = run(tmp_path / "rest", 3, epoch=4, skip=len(first_index))
    index = np.concatenate([first_index, rest_index])

    assert (30, 30) == (len(first_index), len(rest_index))
    assert list(range(N)) == sorted(index)
    assert (expected(4)[index] == np.concatenate([first, rest])).all()
