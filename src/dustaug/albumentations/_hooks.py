"""The hooks by which Albumentations 2.0.8 and AlbumentationsX seed, draw and apply a transform."""

from __future__ import annotations

import functools
import operator
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from albumentations.core.transforms_interface import BasicTransform

# AlbumentationsX hands the generators to a hook of its own, and refuses classes that define the hooks of 2.0.8.
_X = hasattr(BasicTransform, "sample_parameters")
if _X:
    from albumentations.core.transform_params import SampledParams

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import DualTransform as _Base
else:
    _Base = object  # Albumentations would list a subclass of its own as a transform that files can name.


class VersionHooks(_Base):  # type: ignore[misc]
    """The methods that each of the two libraries calls in its own way, built on methods that serve both."""

    _params: Callable[[Mapping[str, Any], Any], dict[str, Any]]
    _rectangles: Callable[..., dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._creation_pid = os.getpid()

    if _X:

        def apply_in_invocation(self, invocation: Any, /, *args: Any, force_apply: bool, **kwargs: Any) -> Any:
            """Apply the transform to named targets, and hand them back in C-contiguous memory."""
            return self._tidy(self._apply_in_invocation(invocation, *args, force_apply=force_apply, **kwargs))

        def _apply_in_invocation(self, invocation: Any, /, *args: Any, force_apply: bool, **kwargs: Any) -> Any:
            """Apply the transform to named targets, in half the base class's time unless a special case needs it."""
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
            """Draw seed, epoch and index, and the rectangles, as the caller wants to see them."""
            drawn = self._params(data, sampling.py_random)
            return SampledParams(params={**drawn, **self._rectangles(**drawn)})

    else:

        def set_random_seed(self, seed: int | None) -> None:
            """Seed the generators."""
            super().set_random_seed(seed)
            self._creation_pid = os.getpid()

        def set_random_state(self, random_generator: np.random.Generator, py_random: Any) -> None:
            """Set the generators."""
            super().set_random_state(random_generator, py_random)
            self._creation_pid = os.getpid()

        def __call__(self, *args: Any, force_apply: bool = False, **kwargs: Any) -> Any:
            """Apply the transform to named targets, and hand them back in C-contiguous memory."""
            if args or self.replay_mode or self.deterministic:
                return self._tidy(super().__call__(*args, force_apply=force_apply, **kwargs))
            return self._tidy(self._apply(force_apply=force_apply, **kwargs))

        def _apply(self, *, force_apply: bool, **kwargs: Any) -> Any:
            """Apply the transform to named targets, in half the base class's time, and without copies of its own."""
            self.params = {}
            if self.p < 1 and not self.should_apply(force_apply=force_apply):
                return kwargs
            self.params = self._params(kwargs, self.py_random)
            if "applied_transforms" in kwargs:
                self.get_applied_params()
            return self._run(self.params, kwargs)

        def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
            """Draw seed, epoch and index, and the rectangles, as ReplayCompose keeps them."""
            drawn = self._params(data, self.py_random)
            return {**drawn, **self._rectangles(**drawn)}

        def get_applied_params(self) -> dict[str, Any]:
            """Return what the last call drew, with the rectangles; an empty dict if it was not applied."""
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

    def _tidy(self, data: dict[str, Any]) -> dict[str, Any]:
        """Copy what is no C-contiguous array among the targets: Albumentations hands back no other arrays."""
        functions = self._key2func
        for name, value in data.items():
            if name in functions:
                data[name] = _contiguous(value)
        return data

    def _draw_seed(self, py_random: Any) -> int:
        """Draw 64 bits from a generator, or from the operating system if another process has a copy of it."""
        salt = _fork_salt(self._creation_pid)
        return int.from_bytes(os.urandom(8), "little") if salt is None else py_random.getrandbits(64) ^ salt


def _contiguous(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        # An axis of length 1 may have a negative stride in C-contiguous memory, which torch.from_numpy refuses.
        tidy = value.flags.c_contiguous and min(value.strides, default=0) >= 0
        return value if tidy else value.copy()
    if isinstance(value, (list, tuple)):
        copies = list(map(_contiguous, value))
        return value if all(map(operator.is_, copies, value)) else copies
    return value


@functools.cache
def _fork_salt(creation_pid: int) -> int | None:
    """Return bits that make this process's copy of a generator differ from the original in `creation_pid`, or None.

    Copies made by fork or pickle draw the same numbers. Albumentations 2.0.8 never prevents that, and AlbumentationsX
    only in torch's workers.
    """
    torch_data = sys.modules.get("torch.utils.data")
    worker = None if torch_data is None else torch_data.get_worker_info()
    if worker is not None:
        return worker.seed  # type: ignore[no-any-return]  # It differs in each worker and epoch.
    return 0 if creation_pid == os.getpid() else None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork_salt.cache_clear)
