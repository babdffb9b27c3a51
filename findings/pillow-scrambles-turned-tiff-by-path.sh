#!/usr/bin/env bash
# Library: Pillow 13.0.0.
# Seen: A picture of 32 × 16 is stored as an uncompressed TIFF in grey, 16-bit grey or RGBA with one of the
# orientations 5 to 8. From a file object it opens upright, 16 × 32. By its path it opens with its pixels scrambled:
# the rows of the file are cut at 16 pixels instead of 32, and `size` is (16, 32) before loading and (32, 16)
# afterwards. RGB and compressed files are read alike both ways.
# One would have guessed: `Image.open(path)` and `Image.open(file)` give the same picture.
# Why it matters: Masks, X-rays and depth maps are stored like that. No error comes, the mean and the histogram are
# right, and the augmentation, the boxes and the training work on noise until somebody looks at the picture.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import os
import tempfile

import numpy as np
from PIL import Image

os.chdir(tempfile.mkdtemp())
generator = np.random.default_rng(0)
pictures = {
    "grey": generator.integers(0, 256, (16, 32), dtype=np.uint8),
    "16-bit grey": generator.integers(0, 65536, (16, 32), dtype=np.uint16),
    "RGBA": generator.integers(0, 256, (16, 32, 4), dtype=np.uint8),
    "RGB": generator.integers(0, 256, (16, 32, 3), dtype=np.uint8),
}


def both(pixels, orientation, compression):
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(pixels).save("picture.tiff", exif=exif, compression=compression)
    with open("picture.tiff", "rb") as file:
        from_file = np.asarray(Image.open(file))
    with Image.open("picture.tiff") as image:
        before = image.size
        by_path = np.asarray(image)
        return from_file, by_path, before, image.size


for compression in (None, "tiff_lzw"):
    for name, pixels in pictures.items():
        alike = []
        for orientation in range(1, 9):
            from_file, by_path, before, after = both(pixels, orientation, compression)
            alike.append(np.array_equal(from_file, by_path))
            if orientation == 6:
                assert np.array_equal(from_file, np.rot90(pixels, -1))
                assert np.array_equal(np.sort(by_path, axis=None), np.sort(pixels, axis=None))
                print(f"{name}, {compression or 'uncompressed'}: size by path", before, "then", after, end="; ")
        print("orientations read alike:", *(n for n in range(1, 9) if alike[n - 1]))
        swapped = compression is None and name != "RGB"
        assert alike == [True] * 4 + [not swapped] * 4
        assert (before, after) == ((16, 32), (32, 16) if swapped else (16, 32))
from_file, by_path, _, _ = both(pictures["grey"], 6, None)
stored = np.rot90(by_path)
print("by path, turned back:", stored.shape, "its first two rows are the first row of the file:", end=" ")
print(np.array_equal(stored[:2].ravel(), pictures["grey"][0]))
assert np.array_equal(stored, pictures["grey"].reshape(32, 16))
PYTHON
