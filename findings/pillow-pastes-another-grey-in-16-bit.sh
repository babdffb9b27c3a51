#!/usr/bin/env bash
# Library: Pillow 13.0.0.
# Seen: On a 16-bit grey picture ("I;16") `paste(40000, box)` writes 16448, which is the low byte of 40000 in both
# bytes. `ImageDraw.rectangle`, `putpixel`, `Image.new` and the fill colour of `rotate` write 40000.
# One would have guessed: The ways to write one value into a picture write the same value.
# Why it matters: Occlusion by `paste` is the usual way to erase a box with Pillow. On 16-bit pictures it erases with
# another grey than the one asked for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from PIL import Image, ImageDraw


def picture():
    return Image.new("I;16", (8, 8))


pasted, drawn, put = picture(), picture(), picture()
pasted.paste(40000, (0, 0, 4, 4))
ImageDraw.Draw(drawn).rectangle((0, 0, 3, 3), fill=40000)
put.putpixel((0, 0), 40000)
seen = {"paste": pasted, "rectangle": drawn, "putpixel": put, "new": Image.new("I;16", (8, 8), 40000)}
seen = {name: int(np.asarray(image)[0, 0]) for name, image in seen.items()}
print(seen)
assert seen == {"paste": 0x4040, "rectangle": 40000, "putpixel": 40000, "new": 40000}
assert 40000 & 0xFF == 0x40
PYTHON
