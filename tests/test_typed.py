"""mypy checks a user's program against the types of the installed package."""

import os
import subprocess
import sys

PROGRAM = """
import numpy as np
from numpy.typing import NDArray

import dustaug
from dustaug.robustness import OcclusionRuns, occlusion_curve, occlusion_table, pasted_objects, patch_drops

def predict(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return images.reshape(len(images), -1).astype(float)

images: NDArray[np.uint8] = dustaug.add_dust(np.zeros((4, 32, 32, 3), np.uint8), seed=1, index=0, layout="NHWC")
stream = dustaug.DustStream(dustaug.cutout(8).replace(p=0.5), seed=7)
rectangles = dustaug.sample_rectangles(dustaug.Spec(), height=32, width=32, seed=7, index=np.arange(4))
hidden: NDArray[np.bool_] = rectangles.mask(32, 32)
images = stream(images)
coverage: tuple[float, ...] = occlusion_curve(predict, images, [0, 1, 2, 3]).coverage
dropped = occlusion_curve(predict, images, [0, 1, 2, 3], patch_drops("salient", np.ones((4, 7, 7))))
pasted = occlusion_curve(predict, images, [0, 1, 2, 3], pasted_objects(images, images[..., 0] > 9, seed=1))
interval: tuple[tuple[float, float], ...] = OcclusionRuns((pasted,)).minus(OcclusionRuns((pasted,))).interval
table: str = occlusion_table({"pasted": pasted}, of="error")
error: float = dropped.relative_to(occlusion_curve(predict, images, [0, 1, 2, 3], patch_drops())).corruption_error
"""
MISTAKES = {
    'dustaug.add_dust(images, layout="NCWH")': "incompatible type \"Literal['NCWH']\"",
    "dustaug.DustStream(seed=7.5)": 'incompatible type "float"; expected "int"',
    "dustaug.cutout()": 'Missing positional argument "size"',
    "stream.seeed": '"DustStream" has no attribute "seeed"',
}


def check(folder, program):
    """Run mypy in a folder that holds nothing but a program."""
    (folder / "program.py").write_text(program)
    environment = {name: value for name, value in os.environ.items() if name not in ("MYPYPATH", "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "program.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_passes(tmp_path):
    """The program passes mypy's strict mode."""
    done = check(tmp_path, PROGRAM)

    assert done.stdout == "Success: no issues found in 1 source file\n"


def test_mistakes_are_seen(tmp_path):
    """Mistakes are reported, so mypy does not take the package for an untyped one."""
    found = check(tmp_path, PROGRAM + "\n".join(MISTAKES)).stdout.splitlines()
    first = len(PROGRAM.splitlines()) + 1

    for number, message in enumerate(MISTAKES.values(), first):
        assert any(line.startswith(f"program.py:{number}: error:") and message in line for line in found), found
    assert len({line.split(":")[1] for line in found if ": error:" in line}) == len(MISTAKES)
