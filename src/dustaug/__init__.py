"""Hide random parts of training images, so that image classifiers stop relying on one local detail.

>>> import numpy as np
>>> import dustaug
>>> images = np.full((32, 224, 224, 3), 255, np.uint8)
>>> dusted = dustaug.add_dust(images)  # in place: 0-31 random grey rectangles on every image
"""

from ._names import index_of
from ._version import __version__
from .core import DustStream, Rectangles, add_dust, paint_rectangles, sample_rectangles, warmup
from .guides import guide_of_boxes, guide_of_map
from .mixing import mix_labels, partner_of
from .presets import cutmix, cutout, dust, grid_mask, hide_and_seek, patch_drop, random_erasing, sprinkles
from .schedule import Schedule
from .spec import Spec

__all__ = [
    "DustStream",
    "Rectangles",
    "Schedule",
    "Spec",
    "__version__",
    "add_dust",
    "cutmix",
    "cutout",
    "dust",
    "grid_mask",
    "guide_of_boxes",
    "guide_of_map",
    "hide_and_seek",
    "index_of",
    "mix_labels",
    "paint_rectangles",
    "partner_of",
    "patch_drop",
    "random_erasing",
    "sample_rectangles",
    "sprinkles",
    "warmup",
]
