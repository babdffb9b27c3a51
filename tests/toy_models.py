"""The toy model has known answers; short calls of occlusion_curve() and occlusion_map() measure it."""

import numpy as np

import dustaug
from dustaug import cutout, dust
from dustaug.robustness import occlusion_curve, occlusion_map

N, HEIGHT, WIDTH = 23, 12, 17
LEVELS = {
    2: dust(count_range=(2, 2), half_height_range=(1, 2), half_width_range=(1, 2)),
    9: cutout(9, fill="noise"),
    0.5: dustaug.random_erasing(scale=(0.1, 0.4), p=0.7),
}


def pictures(*shape, dtype=np.uint8):
    drawn = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    return drawn if dtype == np.uint8 else (drawn / 255).astype(dtype)


def brightness(images):
    """Return three scores, for the darkest, middle and brightest images.

    The scores depend on the pixels in the middle, and the images may have any layout.
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    middle = flat[:, flat.shape[1] // 2 - 8 : flat.shape[1] // 2 + 8].mean(axis=1)
    middle = middle / (255 if images.dtype == np.uint8 else 1)
    return np.stack([1 - middle, np.full(len(images), 0.5), middle], axis=1)


def curve_of(images=None, labels=None, occlusions=LEVELS, predict=brightness, **options):
    images = pictures(N, HEIGHT, WIDTH, 3) if images is None else images
    labels = np.arange(len(images)) % 3 if labels is None else labels
    return occlusion_curve(predict, images, labels, occlusions, **{"progress": False, **options})


def map_of(image=None, predict=brightness, **options):
    image = pictures(HEIGHT, WIDTH, 3) if image is None else image
    return occlusion_map(predict, image, **{"progress": False, **options})
