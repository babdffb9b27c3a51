"""Keras 3: dust as a layer on TensorFlow, JAX or PyTorch, and on flows of batches as in the 2017 post."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Literal, final

from dustaug._errors import shown
from dustaug._extras import name_extra

with (
    name_extra("keras", "dustaug.keras", "keras"),
    name_extra(
        "keras,tensorflow",
        "Keras' backend",
        *("jax", "tensorflow", "torch"),
        instead=", or set KERAS_BACKEND to a backend that is installed",
    ),
):
    import keras

from dustaug._adapters.keys import check_name, check_seed_and_keys
from dustaug._adapters.targets import check_mask_class
from dustaug._adapters.terms import check_term_keys
from dustaug._engine.checks import check_choice, check_given_range, check_mask_value
from dustaug._engine.contract import MAX_EPOCH, MAX_INDEX
from dustaug._engine.memory import Layout, is_ambiguous
from dustaug._graph.program import Ops, WordCoordinates, build, check_no_objects
from dustaug.schedule import Schedule, check_moves_p, check_plan, read_plan, spec_at
from dustaug.spec import Spec

from ._flow import draw_seed, dust_flow
from ._inputs import (
    bare_guide,
    check_guide,
    check_images,
    check_masks,
    check_numbers,
    dtype_of,
    entry_of,
    images_of,
    is_taken,
    shape_of,
)

__all__ = ["DustRectangles", "dust_flow"]

DataFormat = Literal["channels_last", "channels_first"]

# Modules that trace a model to write it to a file.
_EXPORTERS = {
    "keras": frozenset({"export"}),
    "tensorflow": frozenset({"saved_model", "lite"}),
    "jax": frozenset({"export", "_export", "jax2tf"}),
}


@final
@keras.saving.register_keras_serializable(package="dustaug")
class DustRectangles(keras.layers.Layer):  # type: ignore[misc]
    """Paint random rectangles on images in training; at other times pass them on.

    The layer consists of operations of Keras' backend alone (TensorFlow, JAX or PyTorch), so it can be compiled and
    runs on any device. Put it into a model, or into ``dataset.map(layer)`` with any backend. It takes images, or a dict
    with Keras' keys: it changes ``"images"`` and ``"segmentation_masks"``, and passes on boxes, labels and all else. A
    spec with ``max_hidden`` or ``per_object`` is an error, as a compiled graph takes no boxes.

    Parameters
    ----------
    spec : Spec or Schedule, optional
        What to draw; :func:`dustaug.dust` if neither this nor fields are given. ``p`` of the spec is decided for
        each image on its own. A schedule needs an `epoch_key`, and may have no other course than that of ``p``.
    seed : int, optional
        0 … 2**64 - 1. By default Keras draws one, which ``keras.utils.set_random_seed`` seeds.
    data_format : {"channels_last", "channels_first"}, optional
        By default that of Keras' configuration; a shape that looks like the other one is then an error.
    value_range : (float, float), default (0, 255)
        Values of black and white, as in Keras' own layers.
    fill_mask : int, optional
        Class to write into segmentation masks under the dust. By default masks are left alone.
    index_key, epoch_key : str, optional
        With a seed: where the dict has the index (of the first image, or one for each) and the epoch (0 by default).
        The dust then depends on spec, seed, epoch and index alone.
    guide_key : str, required with ``center="guide"``
        Where the dict has the guide, which may be ``"segmentation_masks"``: weights of the places where a rectangle may
        have its centre, uint8 or bool, (n, rows, columns), or (rows, columns) for an image alone; of any resolution,
        and also with a channel. An image whose weights are all zero gets no dust.
    name, dtype, trainable : optional
        As in all layers of Keras. The output has the compute dtype of the layer, which is float32 unless a policy sets
        another one; ``dtype="uint8"`` keeps bytes.
    **fields
        Fields of :class:`dustaug.Spec` instead of a spec, ``count_range=(0, 63)``.

    Raises
    ------
    RuntimeError
        If the layer is made inside of ``dataset.map``.
    TypeError
        If a field is unknown, or comes together with a spec, or an index key comes without a seed, or a guide key
        without ``center="guide"``, or the other way round.
    ValueError
        If an argument is out of its limits, or the spec needs objects; in a call, if the number of channels of the
        images is unknown.

    Notes
    -----
    Without an index key the layer counts its calls, and call number k paints the dust of
    ``add_dust(images, spec, seed=seed, epoch=k, index=0)``: the same with every backend. Two layers of the same seed
    share their dust. In ``dataset.map(layer, num_parallel_calls=…)`` no dust is drawn twice, but which images get it
    depends on the order of the calls. The count, unlike an index, begins anew when a model is loaded.

    Height and width may be unknown, as in ``keras.Input((None, None, 3))``. An image whose size a graph learns only
    when it runs gets no dust if an ``area_range`` does not fit it, or if its weights in a guide sum to 2**31 or more,
    which are errors elsewhere.

    As with all of Keras' augmentation layers, a direct call of a layer or a model means training: type
    ``model(images, training=False)`` for inference; ``fit``, ``evaluate`` and ``predict`` choose by themselves. A model
    that is exported (``model.export``, SavedModel, ``torch.export``, ``jax.export``) paints no dust, unless its call
    says ``training=True``. TensorFlow and JAX keep what they traced of a function: say which in functions of your own.

    Outside of training the layer runs on all of Keras' backends. `load_model` needs ``import dustaug.keras`` before.

    Examples
    --------
    >>> import numpy as np
    >>> layer = DustRectangles(count_range=(0, 63), seed=7)
    >>> images = np.zeros((8, 64, 64, 3), np.uint8)
    >>> dusted = np.asarray(layer(images))
    >>> dusted.shape, dusted.dtype
    ((8, 64, 64, 3), dtype('float32'))
    >>> from dustaug import add_dust
    >>> expected = add_dust(images, layer.spec, seed=7, epoch=0, index=0)
    >>> bool((dusted == expected).all())
    True
    """

    def __init__(
        self,
        spec: Spec | Schedule | None = None,
        *,
        seed: int | None = None,
        data_format: DataFormat | None = None,
        value_range: tuple[float, float] = (0, 255),
        fill_mask: int | None = None,
        index_key: str | None = None,
        epoch_key: str | None = None,
        guide_key: str | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **fields: Any,
    ) -> None:
        # With autocast, Keras would round boxes, labels and masks to the dtype of the layer.
        super().__init__(name=name, dtype=dtype, trainable=trainable, autocast=False)
        if not dtype_of(self.compute_dtype):
            raise TypeError(f'dtype must be of real numbers, got {shown(dtype)}: type dtype="float32"')
        self.spec = check_plan(spec, fields)
        self.seed = check_seed_and_keys(seed, index_key, epoch_key, what="an entry", owner="DustRectangles")
        self.index_key, self.epoch_key = index_key, epoch_key
        self.guide_key = None if guide_key is None else check_name("guide_key", guide_key, "an entry")
        if isinstance(self.spec, Schedule) and epoch_key is None:
            raise TypeError(
                "epoch_key must be given with a Schedule, as the layer counts calls and not epochs, got none: type "
                'DustRectangles(schedule, seed=0, index_key="index", epoch_key="epoch"), or model.fit('
                "dustaug.keras.dust_flow(flow, schedule, seed=0))"
            )
        check_moves_p(
            self.spec,
            "in a layer, whose graph learns the epoch when it runs",
            "model.fit(dustaug.keras.dust_flow(flow, schedule, seed=0))",
        )
        check_no_objects(spec_at(self.spec, 0))
        check_term_keys(spec_at(self.spec, 0), "DustRectangles", guide_key=guide_key, objects_key=None)
        given = keras.config.image_data_format() if data_format is None else data_format
        self.data_format = check_choice("data_format", given, ("channels_last", "channels_first"))
        self.value_range = check_given_range(value_range)
        self.fill_mask = check_mask_class(fill_mask)
        # If `data_format` was not given, refuse shapes that look like the other one.
        self._guess = data_format is None and self.data_format == "channels_last"
        tf = sys.modules.get("tensorflow")
        if tf is not None and not tf.executing_eagerly():
            raise RuntimeError(
                "DustRectangles must be made outside of a graph, once: type layer = DustRectangles() before "
                "dataset.map(layer)"
            )
        self._seed = draw_seed() if seed is None else self.seed
        self.supports_masking = True
        self.generator = keras.random.SeedGenerator(0)  # It counts the calls, also those of a compiled step.
        self._calls: Any = None

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Call the layer; arguments are those of :meth:`call`."""
        if isinstance(inputs, (tuple, list)):
            raise TypeError(
                f"inputs must be images or a dict with them, got a {type(inputs).__name__}: type "
                "dataset.map(lambda images, labels: (layer(images), labels))"
            )
        # Without a word from the caller, `training` may be the default of one of Keras' augmentation layers before.
        if kwargs.get("training") is None and _is_exported():
            kwargs["training"] = False
        images = images_of(inputs)
        shape = check_images(images, self.compute_dtype)
        self._layout_of(shape)
        if isinstance(inputs, Mapping):
            inputs = {**inputs, **self._checked(inputs, shape)}
        elif self.index_key is not None or self.guide_key is not None:
            key = self.guide_key if self.index_key is None else self.index_key
            raise ValueError(f'inputs must be a dict with "images" and {key!r}, got images alone')
        if keras.config.backend() != "tensorflow" and _is_in_tensorflow_graph(inputs):
            # Keras would take TensorFlow's tensors for arrays, and fail to convert them.
            return self.call(inputs, **kwargs)
        others = {} if inputs is images else {key: value for key, value in inputs.items() if not is_taken(key, value)}
        if not others:
            return super().__call__(inputs, **kwargs)
        # Names, numbers and the like are passed on; Keras takes nothing but tensors.
        outputs = super().__call__({key: inputs[key] for key in inputs if key not in others}, **kwargs)
        return {key: others[key] if key in others else outputs[key] for key in inputs}

    def _checked(self, inputs: Mapping[str, Any], shape: tuple[int | None, ...]) -> dict[str, Any]:
        """Check what a dict has beside its images; return the index and epoch, as arrays if their values are known."""
        axis = self._channel_axis(len(shape))
        if self.fill_mask is not None and "segmentation_masks" in inputs:
            check_masks(inputs["segmentation_masks"], shape, axis)
        if self.guide_key is not None:
            check_guide(self.guide_key, entry_of(inputs, self.guide_key), shape, axis)
        max_index = 2**31 - 1 if keras.config.backend() == "jax" else MAX_INDEX
        n = shape[0] if len(shape) == 4 else 1
        limits = ((self.index_key, max_index), (self.epoch_key, MAX_EPOCH))
        return {key: check_numbers(key, entry_of(inputs, key), n, limit) for key, limit in limits if key is not None}

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # noqa: FBT001  As Keras calls it.
        """Dust images, or the images and masks of a dict."""
        training = True if training is None else training
        images, covered = self._dust(images_of(inputs), inputs, training=training)
        if not isinstance(inputs, Mapping):
            return images
        outputs = {**inputs, "images": images}
        if covered is not None and self.fill_mask is not None and "segmentation_masks" in inputs:
            outputs["segmentation_masks"] = self._fill(inputs["segmentation_masks"], covered)
        return outputs

    def _dust(self, images: Any, inputs: Any, *, training: bool) -> tuple[Any, Any]:
        """Return dusted images and a mask of the dust, or the images and None outside of training."""
        layout, framework = self._layout_of(shape_of(images)), _framework_of(images)
        if not training and framework == keras.config.backend():
            # All backends can do this, also those that train no models.
            return keras.ops.cast(images, self.compute_dtype), None
        ops, paint = _find_operations(framework, images)
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images, None
        if self.index_key is None:
            epoch, index = ops.as_words(self._count_call(framework)), ops.to_words(0)
        else:
            keys = (self.epoch_key, self.index_key)
            (epoch, _), index = (ops.to_words(0 if key is None else entry_of(inputs, key)) for key in keys)
        coordinates = WordCoordinates(ops.to_words(self._seed), epoch, index)
        guide = None
        if self.guide_key is not None:
            guide = bare_guide(
                entry_of(inputs, self.guide_key), shape_of(images), self._channel_axis(len(images.shape))
            )
        # TensorFlow wraps tuples that are attributes.
        value_range = tuple(self.value_range)
        return paint(
            images, spec=self.spec, coordinates=coordinates, layout=layout, value_range=value_range, guide=guide
        )

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
        if framework != "tensorflow" or _is_exported():
            return self.generator.next()[1]
        if self._calls is None:
            from dustaug._graph.tensorflow import Calls

            self._calls = Calls()
        return self._calls.count()

    def _fill(self, masks: Any, covered: Any) -> Any:
        ops, _ = _find_operations(_framework_of(masks), masks)
        value = check_mask_value(self.fill_mask, ops.numpy_dtype(masks))
        if len(masks.shape) > len(covered.shape):
            covered = covered[..., None] if self.data_format == "channels_last" else covered[..., None, :, :]
        return ops.where(covered, ops.constant(value), masks)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the inputs."""
        return input_shape

    def compute_output_spec(self, inputs: Any, **_: Any) -> Any:
        """Return the shapes of the inputs; images get the dtype of the layer."""
        shape = check_images(images_of(inputs), self.compute_dtype)
        self._layout_of(shape)
        images = keras.KerasTensor(shape, self.compute_dtype)
        if not isinstance(inputs, Mapping):
            return images
        specs = keras.tree.map_structure(lambda tensor: keras.KerasTensor(tensor.shape, tensor.dtype), dict(inputs))
        return {**specs, "images": images}

    def get_config(self) -> dict[str, Any]:
        """Return all arguments, ready for JSON."""
        names = ("seed", "data_format", "fill_mask", "index_key", "epoch_key", "guide_key")
        config = {name: getattr(self, name) for name in names}
        config |= {"spec": self.spec.to_dict(), "value_range": tuple(self.value_range)}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DustRectangles:
        """Make a layer from the arguments that :meth:`get_config` returns."""
        if not isinstance(config, Mapping):
            raise TypeError(f"config must be a dict, got {type(config).__name__}: type layer.get_config()")
        spec = config.get("spec")
        ready = spec is None or isinstance(spec, (Spec, Schedule))
        return cls(**{**config, "spec": spec if ready else read_plan(spec)})


def _is_in_tensorflow_graph(inputs: Any) -> bool:
    """Tell whether inputs are tensors of a TensorFlow graph, as in ``dataset.map``."""
    tf = sys.modules.get("tensorflow")
    images = inputs.get("images") if isinstance(inputs, Mapping) else inputs
    return tf is not None and tf.is_tensor(images) and not tf.executing_eagerly()


def _is_exported() -> bool:
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


def _framework_of(images: Any) -> str:
    backend: str = keras.config.backend()
    return "tensorflow" if _is_in_tensorflow_graph(images) else backend


def _find_operations(framework: str, images: Any) -> tuple[Ops, Callable[..., tuple[Any, Any]]]:
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
