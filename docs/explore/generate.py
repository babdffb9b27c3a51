"""Write what dustaug.js has from the package: python docs/explore/generate.py.

The constants and tables of the contract, the presets, and what errors say to those who know other libraries. A test
holds the file against this script.
"""

import itertools
import json
import textwrap
from pathlib import Path

from dustaug import cutmix, cutout, dust, grid_mask, hide_and_seek, patch_drop, random_erasing, sprinkles
from dustaug._engine import contract
from dustaug._engine.tables import LOG_ROW, POWER_ROW, QUANTILE_ROW, curves
from dustaug._errors import CENTER_HINTS, FIELD_HINTS, FILL_HINTS
from dustaug.spec import MAX_COUNT, MAX_SIDE

FILE = Path(__file__).parent / "dustaug.js"
_CONSTANTS = (
    *("WORDS", "HALF_WORD", "PARTNER_BLOCK", "OBJECT_BLOCK", "SIZE_BLOCK", "SIZE_BLOCKS_PER_RECTANGLE"),
    *("COLOR_BLOCK", "COLOR_BLOCKS_PER_RECTANGLE", "NOISE_BLOCK", "MAX_COLOR_CHANNELS", "MAX_NOISE_BYTES"),
    *("MAX_NOISE_HALVES", "AREA_TRIES", "AREA_BITS", "MAX_AREA_SCALE", "MAX_LOG_ASPECT", "MAX_CELL_SIDES", "MAX_KEPT"),
    "MAX_GUIDE_SUM",
)
# What a button is for: the call, the title, and where it comes from.
PRESETS = (
    ("dust()", dust(), "Dust", "2017 post", "https://qiita.com/coz-a/items/b8f27f452677ec80a40a"),
    ("cutout(56)", cutout(56), "Cutout", "DeVries and Taylor, 2017", "https://arxiv.org/abs/1708.04552"),
    ("random_erasing()", random_erasing(), "Random Erasing", "Zhong et al., 2017", "https://arxiv.org/abs/1708.04896"),
    ("hide_and_seek()", hide_and_seek(), "Hide-and-Seek", "Singh and Lee, 2017", "https://arxiv.org/abs/1704.04232"),
    ("grid_mask()", grid_mask(), "GridMask", "Chen et al., 2020", "https://arxiv.org/abs/2001.04086"),
    ("patch_drop(0.5)", patch_drop(0.5), "PatchDrop", "Naseer et al., 2021", "https://arxiv.org/abs/2105.10497"),
    ("sprinkles()", sprinkles(), "Sprinkles", "YOLOv5", "https://github.com/ultralytics/yolov5"),
    ("cutmix()", cutmix(), "CutMix", "Yun et al., 2019", "https://arxiv.org/abs/1905.04899"),
)


def constants() -> str:
    """Return the lines of the contract's constants."""
    numbers = {"MAX_COUNT": MAX_COUNT, "MAX_SIDE": MAX_SIDE, **{name: getattr(contract, name) for name in _CONSTANTS}}
    lines = [f"const {name} = {number};" for name, number in numbers.items()]
    ends = {"seed": contract.MAX_SEED, "epoch": contract.MAX_EPOCH, "index": contract.MAX_INDEX}
    lines.append(f"const LIMITS = {{ {', '.join(f'{name}: {end}n' for name, end in ends.items())} }};")
    for name, table in (("FILLS", contract.FILLS), ("KINDS", contract.KINDS)):
        lines.append(f"const {name} = {{")
        lines += [f"  {key}: {json.dumps(row._asdict())}," for key, row in table.items()]
        lines.append("};")
    lines.append(f"const PLACEMENTS = {json.dumps(contract.PLACEMENTS)};")
    return textwrap.indent("\n".join(lines) + "\n", "  ")


def tables() -> str:
    """Return the lines of the tables, the presets, and what errors say to those who know other libraries."""
    table, rows = curves()[:, :3], (("quantile", QUANTILE_ROW), ("log", LOG_ROW), ("power", POWER_ROW), ("", None))
    lines = ["const GENERATED = {"]
    for (name, start), (_, stop) in itertools.pairwise(rows):
        lines.append(f"  // Rows of three words: {name}.")
        lines.append(f"  {name}: Uint32Array.of(")
        numbers = ", ".join(map(str, table[start:stop].ravel().tolist()))
        lines += textwrap.wrap(numbers, 116, initial_indent="    ", subsequent_indent="    ")
        lines[-1] += ","
        lines.append("  ),")
    lines.append("  presets: [")
    for call, spec, title, paper, url in PRESETS:
        changed = {name: value for name, value in spec.to_dict().items() if value != dust().to_dict()[name]}
        # The sizes of dust are left out where there are others.
        changed = {name: value for name, value in changed.items() if value is not None}
        preset = {"name": call.partition("(")[0], "call": call, "title": title, "paper": paper, "url": url}
        lines.append(f"    {json.dumps({**preset, 'donors': spec.fill == 'donors', 'spec': changed})},")
    lines.append("  ],")
    for name, hints in (("fieldHints", FIELD_HINTS), ("fillHints", FILL_HINTS), ("centerHints", CENTER_HINTS)):
        lines.append(f"  {name}: {{")
        lines += [f"    {json.dumps(word)}: {json.dumps(hint)}," for word, hint in hints.items()]
        lines.append("  },")
    lines.append("};")
    return textwrap.indent("\n".join(lines) + "\n", "  ")


def updated(text: str) -> str:
    """Return the text of dustaug.js with what is generated."""
    for name, write in (("constants", constants), ("tables", tables)):
        begin, end = f"  // generated: {name}\n", f"  // end of {name}\n"
        before, _, rest = text.partition(begin)
        text = before + begin + write() + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    FILE.write_text(updated(FILE.read_text(encoding="utf-8")), encoding="utf-8")
