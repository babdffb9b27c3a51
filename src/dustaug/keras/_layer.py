"""What the layers of Keras share: where they run, their layout, and how often they were called."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Literal

import keras

from dustaug._engine.checks import check_choice
from dustaug._engine.memory import Layout, is_ambiguous
from dustaug._errors import shown
from dustaug._graph.mixing import mix
from dustaug._graph.program import Ops, build

from ._inputs import dtype_of, is_taken

DataFormat = Literal["channels_last", "channels_first"]

# Modules that trace a model to write it to a file.
_EXPORTERS = {
    "keras": frozenset({"export"}),
    "tensorflow": frozenset({"saved_model", "lite"}),
    "jax": frozenset({"export", "_export", "jax2tf"}),
}


class ImageLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer that takes images, or a dict with them, on each backend and in ``dataset.map``."""

    def __init__(self, data_format: DataFormat | None, *, name: str | None, dtype: Any, trainable: bool) -> None:
        # With autocast, Keras would round boxes, labels and masks to the dtype of the layer.
        super().__init__(name=name, dtype=dtype, trainable=trainable, autocast=False)
        if not dtype_of(self.compute_dtype):
            raise TypeError(f'dtype must be of real numbers, got {shown(dtype)}: type dtype="float32"')
        given = keras.config.image_data_format() if data_format is None else data_format
        self.data_format = check_choice("data_format", given, ("channels_last", "channels_first"))
        # If `data_format` was not given, refuse shapes that look like the other one.
        self._guess = data_format is None and self.data_format == "channels_last"
        tf, owner = sys.modules.get("tensorflow"), type(self).__name__
        if tf is not None and not tf.executing_eagerly():
            raise RuntimeError(
                f"{owner} must be made outside of a graph, once: type layer = {owner}() before dataset.map(layer)"
            )
        self.supports_masking = True
        self.generator = keras.random.SeedGenerator(0)  # It counts the calls, also those of a compiled step.
        self._calls: Any = None

    def _call_on(self, inputs: Any, kwargs: dict[str, Any]) -> Any:
        """Call the layer with checked inputs."""
        # Without a word from the caller, `training` may be the default of one of Keras' augmentation layers before.
        if kwargs.get("training") is None and is_exported():
            kwargs["training"] = False
        if keras.config.backend() != "tensorflow" and is_in_tensorflow_graph(inputs):
            # Keras would take TensorFlow's tensors for arrays, and fail to convert them.
            return self.call(inputs, **kwargs)
        is_dict = isinstance(inputs, Mapping)
        others = {key: value for key, value in inputs.items() if not is_taken(key, value)} if is_dict else {}
        if not others:
            return super().__call__(inputs, **kwargs)
        # Names, numbers and the like are passed on; Keras takes nothing but tensors.
        outputs = super().__call__({key: inputs[key] for key in inputs if key not in others}, **kwargs)
        return {key: others[key] if key in others else outputs[key] for key in inputs}

    def _channel_axis(self, rank: int) -> int:
        return rank - (1 if self.data_format == "channels_last" else 3)

    def _layout_of(self, shape: tuple[int | None, ...]) -> Layout:
        rank = len(shape)
        if rank not in (3, 4):
            raise ValueError(f"images must have 3 axes, or 4 in a batch, got shape {shape}")
        if self._guess and None not in shape[-3:] and is_ambiguous(shape):
            raise ValueError(
                f"data_format must be given where the shape does not tell it, got shape {shape}: type "
                f'data_format="channels_last" if the last axis is {shape[-1]} channels, "channels_first" if they come '
                "first, or images[..., None] if there is none"
            )
        first = self.data_format == "channels_first"
        return ("NCHW" if first else "NHWC") if rank == 4 else ("CHW" if first else "HWC")

    def _count_call(self, framework: str) -> Any:
        # A SeedGenerator may give the same number to two calls that run in parallel, but TensorFlow can save it.
        if framework != "tensorflow" or is_exported():
            return self.generator.next()[1]
        if self._calls is None:
            from dustaug._graph.tensorflow import Calls

            self._calls = Calls()
        return self._calls.count()


def is_in_tensorflow_graph(inputs: Any) -> bool:
    """Tell whether inputs are tensors of a TensorFlow graph, as in ``dataset.map``."""
    tf = sys.modules.get("tensorflow")
    images = inputs.get("images") if isinstance(inputs, Mapping) else inputs
    return tf is not None and tf.is_tensor(images) and not tf.executing_eagerly()


def is_exported() -> bool:
    """Tell whether a model is being written to a file for serving, by Keras, TensorFlow, JAX or PyTorch.

    Keras traces a model for its export with `training` unset, which it resolves to the first default that it meets.
    """
    if keras.config.backend() == "torch":
        torch = sys.modules["torch"]
        is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_dynamo_compiling)  # Since PyTorch 2.7.
        return bool(is_exporting() or torch.jit.is_tracing())
    # TensorFlow and JAX have no function that tells it, but they trace a model while a function of theirs waits.
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        package, *modules = frame.f_globals.get("__name__", "").split(".")
        if package in _EXPORTERS and not _EXPORTERS[package].isdisjoint(modules):
            return True
        frame = frame.f_back
    return False


def framework_of(images: Any) -> str:
    backend: str = keras.config.backend()
    return "tensorflow" if is_in_tensorflow_graph(images) else backend


def find_operations(framework: str, images: Any) -> tuple[Ops, Callable[..., tuple[Any, Any]]]:
    """Return the operations of a framework on the images' device, and ``_graph.program.build`` with them."""
    if framework == "tensorflow":
        from dustaug._graph import tensorflow

        return tensorflow.OPS, functools.partial(build, tensorflow.OPS)
    if framework == "jax":
        from dustaug._graph import jax

        return jax.OPS, jax.build
    if framework == "torch":
        from dustaug._graph.torch import Torch

        ops = Torch(images.device)
        return ops, functools.partial(build, ops)
    raise ValueError(f"Keras must run on tensorflow, jax or torch, got {framework}: type KERAS_BACKEND=tensorflow")


def find_mix(framework: str, ops: Ops) -> Callable[..., tuple[Any, Any, Any]]:
    """Return ``_graph.mixing.mix`` with operations of a framework."""
    if framework == "jax":
        from dustaug._graph import jax

        jitted: Callable[..., tuple[Any, Any, Any]] = jax.mix
        return jitted
    return functools.partial(mix, ops)
