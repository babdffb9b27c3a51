"""Keras 3: dust as a layer on TensorFlow, JAX or PyTorch, and on flows of batches as in the 2017 post."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

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
from dustaug._adapters.terms import check_term_keys, refuse_donors
from dustaug._engine.checks import check_given_range, check_mask_value
from dustaug._engine.contract import MAX_EPOCH, MAX_INDEX
from dustaug._graph.program import WordCoordinates, check_no_objects
from dustaug.schedule import Schedule, check_moves_p, check_plan, read_plan, spec_at
from dustaug.spec import Spec

from ._flow import draw_seed, dust_flow
from ._inputs import (
    bare_guide,
    check_guide,
    check_images,
    check_masks,
    check_numbers,
    entry_of,
    images_of,
    shape_of,
)
from ._layer import DataFormat, ImageLayer, find_operations, framework_of
from ._mixing import DustCutMix

__all__ = ["DustCutMix", "DustRectangles", "dust_flow"]


@final
@keras.saving.register_keras_serializable(package="dustaug")
class DustRectangles(ImageLayer):
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
        super().__init__(data_format, name=name, dtype=dtype, trainable=trainable)
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
        refuse_donors(spec_at(self.spec, 0), "DustRectangles")
        check_term_keys(spec_at(self.spec, 0), "DustRectangles", guide_key=guide_key, objects_key=None)
        self.value_range = check_given_range(value_range)
        self.fill_mask = check_mask_class(fill_mask)
        self._seed = draw_seed() if seed is None else self.seed

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Call the layer; arguments are those of :meth:`call`."""
        if isinstance(inputs, (tuple, list)):
            raise TypeError(
                f"inputs must be images or a dict with them, got a {type(inputs).__name__}: type "
                "dataset.map(lambda images, labels: (layer(images), labels))"
            )
        images = images_of(inputs)
        shape = check_images(images, self.compute_dtype)
        self._layout_of(shape)
        if isinstance(inputs, Mapping):
            inputs = {**inputs, **self._checked(inputs, shape)}
        elif self.index_key is not None or self.guide_key is not None:
            key = self.guide_key if self.index_key is None else self.index_key
            raise ValueError(f'inputs must be a dict with "images" and {key!r}, got images alone')
        return self._call_on(inputs, kwargs)

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
        layout, framework = self._layout_of(shape_of(images)), framework_of(images)
        if not training and framework == keras.config.backend():
            # All backends can do this, also those that train no models.
            return keras.ops.cast(images, self.compute_dtype), None
        ops, paint = find_operations(framework, images)
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

    def _fill(self, masks: Any, covered: Any) -> Any:
        ops, _ = find_operations(framework_of(masks), masks)
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
