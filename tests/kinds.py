"""Kinds, kept rectangles, donors and volumes that all backends and adapters are tried with.

vectors/kinds.json has what they must paint, by the twin of tests/reference.py. ``python tests/kinds.py`` writes that
file anew, which is a breaking change, as that of vectors/pixels.json is.
"""

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import reference
from dustaug import Spec, cutmix, cutout, dust, grid_mask, hide_and_seek, patch_drop, random_erasing, sprinkles
from guided import maps, objects
from test_pixels import KEYS, hash_of, photos

FILE = Path(__file__).parent / "vectors" / "kinds.json"
# Images are those of photos(), and volumes have as many pixels: six of eight slices of 16 by 24 pixels.
SHAPES = {"NHWC": photos().shape, "NDHWC": (6, 8, 16, 24, 3)}


def donors(layout="NHWC"):
    """Return the images that are pasted: those of photos(), in another order."""
    return np.roll(photos(), 2, axis=0).reshape(SHAPES[layout])


class Case(NamedTuple):
    """A spec, what it is given with the images (``donors=``, ``guide=``, ``objects=``), and their layout."""

    spec: Spec
    terms: dict[str, Any]
    layout: str = "NHWC"

    def images(self):
        """Return the images or volumes as they are before."""
        return photos().reshape(SHAPES[self.layout])


def volumes(spec):
    """Return a case of volumes."""
    return Case(spec, {"donors": donors("NDHWC")} if spec.fill == "donors" else {}, "NDHWC")


BOXES = Spec(count_range=(2, 9), center="uniform", height_fraction_range=(0.1, 0.6), spare_last=False)
KEPT = BOXES.replace(keep=True, count_range=(1, 3), fill="constant", fill_value=(124, 116, 104))

IMAGES = {
    "hide_and_seek": Case(hide_and_seek((0, 8, 16, 20)), {}),
    "patch_drop": Case(patch_drop(0.75, 7), {}),
    "grid count": Case(Spec(kind="grid", cell_sides=(7, 12, 48), count_range=(0, 9)), {}),
    "grid color": Case(Spec(kind="grid", grid_shape=(5, 9), cell_p=0.3, fill="color", p=0.8, spare_last=False), {}),
    "grid keep": Case(Spec(kind="grid", grid_shape=(6, 5), count_range=(3, 12), keep=True, fill="noise"), {}),
    "grid max_hidden": Case(
        Spec(kind="grid", cell_sides=(9,), count_range=(10, 40), max_hidden=0.3), {"objects": objects()}
    ),
    "squares": Case(grid_mask((8, 30)), {}),
    "squares mean": Case(grid_mask((3, 9), 0.3, fill="mean", p=0.7, spare_last=True), {}),
    "lines": Case(Spec(kind="lattice", period_range=(6, 20), kept_share=0.7, lattice_hides="lines"), {}),
    "lines max_hidden": Case(
        Spec(kind="lattice", period_range=(9, 15), lattice_hides="lines", max_hidden=0.5), {"objects": objects()}
    ),
    "sprinkles": Case(sprinkles(p=1), {}),
    "halved": Case(BOXES.replace(halve_sizes=True, count_range=(5, 40), fill="grey", spare_last=True), {}),
    "cutmix": Case(cutmix(), {"donors": donors()}),
    "cutmix half": Case(cutmix(0.5, p=0.8), {"donors": donors()}),
    "beta": Case(cutmix(0.3, fill="grey", count_range=(1, 4), center="inside", spare_last=True), {}),
    "donors": Case(dust(fill="donors"), {"donors": donors()}),
    "donors lattice": Case(grid_mask((8, 30), fill="donors"), {"donors": donors()}),
    "keep": Case(KEPT, {}),
    "keep noise": Case(KEPT.replace(fill="noise", fill_range=(10, 200), p=0.8), {}),
    "keep color": Case(KEPT.replace(fill="color", spare_last=True, count_range=(0, 32)), {}),
    "keep guide": Case(cutout(20, keep=True, center="guide", fill_value=9), {"guide": maps()}),
    "keep area": Case(random_erasing((0.2, 0.7), keep=True, p=1, fill="grey"), {}),
    "keep donors": Case(KEPT.replace(fill="donors"), {"donors": donors()}),
}
VOLUMES = {
    "tubes": volumes(BOXES),
    "cuboids": volumes(BOXES.replace(depth_range=(1, 5))),
    "cuboids inside": volumes(BOXES.replace(depth_range=(2, 9), center="inside", fill="color", spare_last=True)),
    "cuboids fraction": volumes(dust(depth_fraction_range=(0.2, 0.7), fill="noise")),
    "cuboids mean": volumes(BOXES.replace(depth_range=(0, 4), fill="mean", p=0.8)),
    "cuboids donors": volumes(cutmix(depth_fraction_range=(0.3, 1.0))),
    "cuboids grid": volumes(Spec(kind="grid", grid_shape=(4, 4), count_range=(3, 9), depth_range=(1, 6))),
    "tubes keep": volumes(KEPT),
    "tubes lattice": volumes(grid_mask((5, 11))),
}
CASES = IMAGES | VOLUMES


def dusted(case, key):
    """Return the images of a case as the twin dusts them."""
    spec, terms, _ = case
    coordinates = KEYS[key]
    images = case.images()
    for i, image in enumerate(images):
        guide, donor = (terms[term][i] if term in terms else None for term in ("guide", "donors"))
        boxes = terms["objects"][i].tolist() if "objects" in terms else None
        where = coordinates["seed"], coordinates["epoch"], coordinates["index"] + i
        images[i] = reference.dust(image, spec, *where, (0, 255), guide, boxes, donor)
    return images


@functools.cache
def painted(name, key):
    """Return the images of one of the cases, which are painted once, as the twin dusts them."""
    images = dusted(CASES[name], key)
    images.flags.writeable = False
    return images


def expected(name, key="any"):
    """Return the images of a case, dusted as vectors/kinds.json has it; by the twin, of which the hash is checked."""
    images = painted(name, key)
    assert hash_of(images) == json.loads(FILE.read_text())[f"{name}-{key}"]
    return images


def as_tensors(terms):
    """Return the guide, the objects and the donors of a case as tensors of PyTorch."""
    import torch

    return {
        name: list(map(torch.from_numpy, value)) if name == "objects" else torch.from_numpy(value)
        for name, value in terms.items()
    }


if __name__ == "__main__":
    hashes = {f"{name}-{key}": hash_of(painted(name, key)) for name in CASES for key in KEYS}
    FILE.write_text(json.dumps(hashes, indent=1) + "\n")
