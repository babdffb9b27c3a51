#!/usr/bin/env bash
# Library: litdata 0.2.76 and mosaicml-streaming 0.13.0 with Pillow 13.0.0 and PyTorch 2.14.1.
# Seen: A picture is opened, a black rectangle is drawn on it, and it is written into a data set for streaming. When
# it was opened from a JPEG file, `litdata.optimize` and the encoding "jpeg" of MDSWriter write the bytes of that
# file: the rectangle is lost. It is kept when the file was a PNG, after `copy()`, and with the encoding "png" of
# MDSWriter.
# One would have guessed: The picture that was given is written. From any other file it is.
# Why it matters: An occlusion test set becomes the clean one, and blanked faces or number plates are in the shards
# after all. No warning comes, and a test with PNG files passes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check litdata==0.2.76 torch==2.14.1 torchvision==0.29.1 \
    pillow==13.0.0 numpy==2.4.6 brotli==1.2.1 catalogue==2.0.10 python-snappy==0.7.3 tqdm==4.70.1 \
    xxhash==4.1.0 zstd==1.5.7.2
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps mosaicml-streaming==0.13.0
cat >"$work/write.py" <<'PYTHON'
import functools
import json
import pathlib
import sys
import types

import litdata
import numpy as np
from PIL import Image, ImageDraw

# These packages import the clients of several clouds. Writing into a folder needs none of them.
for name in ("streaming", "streaming.base"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(pathlib.Path(litdata.__file__).parents[1] / name.replace(".", "/"))]
from streaming.base.format.mds.reader import MDSReader
from streaming.base.format.mds.writer import MDSWriter


def painted(path, copy):
    image = Image.open(path)
    image = image.copy() if copy else image
    ImageDraw.Draw(image).rectangle((0, 0, 31, 31), fill=(0, 0, 0))
    return {"image": image}


def black(image):
    return float((np.asarray(image) < 20).mean())


def by_litdata(path, copy, folder):
    function = functools.partial(painted, copy=copy)
    litdata.optimize(fn=function, inputs=[path], output_dir=folder, chunk_bytes="1MB", num_workers=1)
    return black(litdata.StreamingDataset(folder)[0]["image"])


def by_streaming(path, copy, folder, encoding):
    with MDSWriter(out=folder, columns={"image": encoding}) as writer:
        writer.write(painted(path, copy))
    (shard,) = json.loads(pathlib.Path(folder, "index.json").read_text())["shards"]
    return black(MDSReader.from_json(folder, None, shard)[0]["image"])


if __name__ == "__main__":
    seen = {}
    for kind, copy in (("jpg", False), ("png", False), ("jpg", True)):
        Image.new("RGB", (64, 64), (200, 200, 200)).save(f"one.{kind}")
        seen[kind, copy] = (
            by_litdata(f"one.{kind}", copy, f"litdata-{kind}-{copy}"),
            by_streaming(f"one.{kind}", copy, f"jpeg-{kind}-{copy}", "jpeg"),
            by_streaming(f"one.{kind}", copy, f"png-{kind}-{copy}", "png"),
        )
    for (kind, copy), shares in seen.items():
        print(f"share of black in litdata, MDS jpeg, MDS png, from {kind}{' with copy()' if copy else ''}: {shares}")
    assert seen["jpg", False] == (0.0, 0.0, 0.25)
    assert seen["png", False] == seen["jpg", True] == (0.25, 0.25, 0.25)
PYTHON
cd "$work"
HOME="$work" "$work/venv/bin/python" -W ignore write.py
