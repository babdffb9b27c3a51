"""These helpers are shared by the tests of Albumentations 2.0.8 and AlbumentationsX.

The tests run with whichever of the two libraries is installed. X is True for AlbumentationsX.
"""

import albumentations as A
import numpy as np

from dustaug import Spec, add_dust, sample_rectangles
from dustaug.albumentations import DustRectangles

X = hasattr(A.BasicTransform, "sample_parameters")
FORMAT = "coord_format" if X else "format"

# Every image gets many rectangles.
DENSE = Spec(count_range=(20, 31))


def grey(*shape, dtype=np.uint8):
    return np.full(shape, 100, dtype)


def always(spec=DENSE, **arguments):
    return DustRectangles(spec, p=1, **arguments)


def seeded(spec=DENSE, **arguments):
    return DustRectangles(spec, seed=7, index_key="index", epoch_key="epoch", **arguments)


def expected(images, spec=DENSE, **key):
    return add_dust(images.copy(), spec, seed=7, **key)


def covered(image, index=5):
    """Return the mask of what the dust of an index covers of an image."""
    return sample_rectangles(DENSE, height=image.shape[0], width=image.shape[1], seed=7, index=index).mask(
        *image.shape[:2]
    )[0]


def boxed(*transforms, **params):
    return A.Compose(transforms, bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=["labels"], **params))


def pointed(*transforms, **params):
    params = {FORMAT: "xy", "label_fields": ["names"], **({"label_mapping": {}} if X else {}), **params}
    return A.Compose(transforms, keypoint_params=A.KeypointParams(**params))


def drawn(transform):
    """Return the parameters of a transform's last call."""
    applied = transform.get_applied_params()
    return applied["params"] if X else applied
