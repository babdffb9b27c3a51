"""How a model copes with occlusion: its accuracy on occluded images, and the parts of an image its answer depends on.

All tools need only a function ``predict(images) -> scores``. It gets batches in the layout and dtype of the given
images, always with the axis of the batch in front, each a copy that it may change. It returns one row for each image
and one column for each of at least two classes, as anything that NumPy reads::

    lambda images: model.predict_proba(images.reshape(len(images), -1))      scikit-learn: flat rows
    model.predict_on_batch                                                   Keras
    torch.no_grad()(lambda images: model(torch.from_numpy(images)))          PyTorch: NCHW, after model.eval()

The plots need matplotlib and the progress bars need rich: ``pip install "dustaug[robustness]"``.
"""

from __future__ import annotations

from typing import Any  # noqa: F401  typing.get_type_hints looks up the annotations of results here.

import numpy as np  # noqa: F401
from numpy.typing import NDArray  # noqa: F401

from dustaug._engine.memory import Layout  # noqa: F401

from ._cells import PatchDrop, patch_drops
from ._curve import occlusion_curve, occlusion_gap
from ._map import OcclusionMap, occlusion_map
from ._pasted import PastedObjects, pasted_objects
from ._results import OcclusionComparison, OcclusionCurve, OcclusionGap
from ._runs import OcclusionDifferences, OcclusionRuns, occlusion_table

__all__ = [
    "OcclusionComparison",
    "OcclusionCurve",
    "OcclusionDifferences",
    "OcclusionGap",
    "OcclusionMap",
    "OcclusionRuns",
    "PastedObjects",
    "PatchDrop",
    "occlusion_curve",
    "occlusion_gap",
    "occlusion_map",
    "occlusion_table",
    "pasted_objects",
    "patch_drops",
]

# Users see these names here, and pickles name them here.
for _public in map(globals().__getitem__, __all__):
    _public.__module__ = __name__
