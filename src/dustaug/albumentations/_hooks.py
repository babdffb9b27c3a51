"""The hooks by which a transform of Albumentations 2.0.8, or of AlbumentationsX, is seeded, drawn and applied."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from albumentations.core.transforms_interface import BasicTransform

__all__ = ["Hooks"]

# AlbumentationsX hands the generators to a hook of its own, and refuses classes that define the hooks of 2.0.8.
_X = hasattr(BasicTransform, "sample_parameters")
if _X:
    from albumentations.core.transform_params import SampledParams


if TYPE_CHECKING:
    from albumentations.core.transforms_interface import DualTransform as _Base
else:
    _Base = object  # A transform of its own would be listed as one that can be loaded from a file.


class Hooks(_Base):  # type: ignore[misc]
    """What each of the two libraries asks of a transform in its own way, from methods that serve both."""

    _params: Callable[[Mapping[str, Any], Any], dict[str, Any]]
    _rectangles: Callable[..., dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._home = os.getpid()

    if _X:

        def apply_in_invocation(self, invocation: Any, /, *args: Any, force_apply: bool, **kwargs: Any) -> Any:
            """Apply the transform to named targets, in half the base class's time if nothing special is going on."""
            special = (
                args
                or self.replay_mode
                or self.deterministic
                or getattr(invocation, "collect_applied", True)
                or getattr(invocation, "has_tensor_inputs", True) is not False
                or getattr(invocation, "frame_state", True) is not None
            )
            if special:
                return super().apply_in_invocation(invocation, *args, force_apply=force_apply, **kwargs)
            if force_apply or self.p >= 1 or (self.p > 0 and invocation.py_random.uniform(0, 1) < self.p):
                return self._run(self._params(kwargs, invocation.py_random), kwargs)
            return kwargs

        def sample_parameters(self, params: dict[str, Any], data: dict[str, Any], targets: Any, sampling: Any) -> Any:  # noqa: ARG002
            """Draw where the dust comes from, and the rectangles: somebody is going to look at them."""
            drawn = self._params(data, sampling.py_random)
            return SampledParams(params={**drawn, **self._rectangles(**drawn)})

    else:

        def set_random_seed(self, seed: int | None) -> None:
            """Seed the generators."""
            super().set_random_seed(seed)
            self._home = os.getpid()

        def set_random_state(self, random_generator: np.random.Generator, py_random: Any) -> None:
            """Set the generators."""
            super().set_random_state(random_generator, py_random)
            self._home = os.getpid()

        def __call__(self, *args: Any, force_apply: bool = False, **kwargs: Any) -> Any:
            """Apply the transform to named targets, in half the base class's time, and without copies of its own."""
            if args or self.replay_mode or self.deterministic:
                return super().__call__(*args, force_apply=force_apply, **kwargs)
            self.params = {}
            if self.p < 1 and not self.should_apply(force_apply=force_apply):
                return kwargs
            self.params = self._params(kwargs, self.py_random)
            if "applied_transforms" in kwargs:
                self.get_applied_params()
            return self._run(self.params, kwargs)

        def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
            """Draw where the dust comes from, and the rectangles: ReplayCompose is going to keep them."""
            drawn = self._params(data, self.py_random)
            return {**drawn, **self._rectangles(**drawn)}

        def get_applied_params(self) -> dict[str, Any]:
            """Return what the last call drew, the rectangles among it; nothing if it was not applied."""
            if self.params and "holes" not in self.params:
                self.params |= self._rectangles(**self.params)
            return self.params

    def _run(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Dust the targets among the data."""
        functions = self._key2func
        for name, value in data.items():
            if name in functions and value is not None:
                data[name] = functions[name](value, **params)
        return data

    def _draw_seed(self, py_random: Any) -> int:
        """Draw 64 bits from a generator, or from the operating system if other processes draw the same."""
        salt = _salt(self._home)
        return int.from_bytes(os.urandom(8), "little") if salt is None else py_random.getrandbits(64) ^ salt


@functools.cache
def _salt(home: int) -> int | None:
    """Bits that tell generators seeded in the process `home` from their copies elsewhere; None if nothing can.

    Copies that came by fork or pickle draw the same numbers. Albumentations 2.0.8 lets them, and AlbumentationsX does
    outside of torch's workers.
    """
    torch_data = sys.modules.get("torch.utils.data")
    worker = None if torch_data is None else torch_data.get_worker_info()
    if worker is not None:
        return worker.seed  # type: ignore[no-any-return]  # Another one in each worker and epoch.
    return 0 if home == os.getpid() else None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_salt.cache_clear)
