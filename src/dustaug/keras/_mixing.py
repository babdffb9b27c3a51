"""A layer that mixes batches with themselves, as ``keras.layers.CutMix`` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import keras

from dustaug._adapters.terms import check_mixing_spec
from dustaug._engine.coordinates import check_seed
from dustaug._errors import shown
from dustaug._graph.program import WordCoordinates
from dustaug.presets import cutmix
from dustaug.spec import Spec, resolve_spec

from ._flow import draw_seed
from ._inputs import check_images, check_masks, dtype_of, entry_of, images_of, shape_of
from ._layer import DataFormat, ImageLayer, find_mix, find_operations, framework_of


@final
@keras.saving.register_keras_serializable(package="dustaug")
class DustCutMix(ImageLayer):
    """Fill rectangles of a batch with pixels of its other images in training, and mix the labels by what is hidden.

    Takes and returns what ``keras.layers.CutMix`` does: a dict with ``"images"`` (n, h, w, c) and soft or one-hot
    ``"labels"`` (n, k). ``"segmentation_masks"`` follow the images, and all else is passed on. The share of the donor's
    label is the number of pixels that came from the donor, divided by that of all. The layer consists of operations of
    Keras' backend alone, as :class:`DustRectangles`, and stands in a model or in ``dataset.map``, after ``batch``.

    Parameters
    ----------
    spec : Spec, optional
        What to draw, with ``fill="donors"``; :func:`dustaug.cutmix` if neither this nor fields are given. Its `p` is
        decided for each image on its own.
    seed : int, optional
        0 … 2**64 - 1. By default Keras draws one, which ``keras.utils.set_random_seed`` seeds.
    data_format : {"channels_last", "channels_first"}, optional
        By default that of Keras' configuration; a shape that looks like the other one is then an error.
    name, dtype, trainable : optional
        As in all layers of Keras. The images get the compute dtype of the layer; ``dtype="uint8"`` keeps bytes. Labels
        keep their dtype if it is floating-point, and become float32 otherwise.
    **fields
        Fields of :func:`dustaug.cutmix` instead of a spec, ``p=0.5``.

    Raises
    ------
    RuntimeError
        If the layer is made inside of ``dataset.map``.
    TypeError
        If a field is unknown, or comes together with a spec; in a call, if there are no labels.
    ValueError
        If an argument is out of its limits, or the spec takes no donors, or needs a guide or objects; in a call, if
        images or labels are no batch.

    Notes
    -----
    Call number k gives the images of ``add_dust(images, spec, seed=seed, epoch=k, index=0, donors=images[partners])``
    with ``partners = partner_of(seed, k, range(n), n)``, the same with every backend, and labels as
    :func:`dustaug.mix_labels` makes them, up to the last bit of float32. Training, export and the count of calls are
    those of :class:`DustRectangles`. A layer passes images on as they are outside of training.

    Examples
    --------
    >>> import numpy as np
    >>> batch = {"images": np.random.default_rng(0).random((8, 32, 32, 3), np.float32), "labels": np.eye(8, 4)}
    >>> mixed = DustCutMix(seed=7)(batch)
    >>> np.asarray(mixed["images"]).shape, np.asarray(mixed["labels"]).shape
    ((8, 32, 32, 3), (8, 4))
    """

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        seed: int | None = None,
        data_format: DataFormat | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **fields: Any,
    ) -> None:
        super().__init__(data_format, name=name, dtype=dtype, trainable=trainable)
        self.spec = cutmix(**fields) if spec is None else resolve_spec(spec, fields)
        check_mixing_spec(self.spec, "DustCutMix")
        self.seed = None if seed is None else check_seed(seed)
        self._seed = draw_seed() if seed is None else self.seed

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Call the layer; arguments are those of :meth:`call`."""
        self._check(inputs)
        return self._call_on(inputs, kwargs)

    def _check(self, inputs: Any) -> None:
        if not isinstance(inputs, Mapping):
            raise TypeError(
                f'inputs must be a dict with "images" and "labels", got a {type(inputs).__name__}: type '
                'layer({"images": images, "labels": labels})'
            )
        shape, labels = check_images(images_of(inputs), self.compute_dtype), entry_of(inputs, "labels")
        layout = self._layout_of(shape)
        if "N" not in layout:
            raise ValueError(f"images must be a batch, got shape {shape}: type dataset.batch(32).map(layer)")
        if not hasattr(labels, "shape") or not dtype_of(getattr(labels, "dtype", None)):
            raise TypeError(
                f"labels must be a tensor of numbers, got {shown(labels)}: type keras.ops.one_hot(labels, k)"
            )
        of_labels = shape_of(labels)
        if len(of_labels) != 2 or (None not in (shape[0], of_labels[0]) and shape[0] != of_labels[0]):
            raise ValueError(
                f"labels must have shape ({shape[0] or 'n'}, classes), got {of_labels}: type "
                "keras.ops.one_hot(labels, classes)"
            )
        if "segmentation_masks" in inputs:
            check_masks(inputs["segmentation_masks"], shape, self._channel_axis(4))

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # noqa: FBT001  As Keras calls it.
        """Mix the images, labels and masks of a dict."""
        images, labels, masks = inputs["images"], inputs["labels"], inputs.get("segmentation_masks")
        framework = framework_of(images)
        ops, _ = find_operations(framework, images)
        images, labels = ops.cast(images, self.compute_dtype), ops.cast(labels, _soft_dtype(labels))
        if training is None or training:
            epoch = ops.as_words(self._count_call(framework))
            coordinates = WordCoordinates(ops.to_words(self._seed), epoch, ops.to_words(0))
            layout = self._layout_of(shape_of(images))
            images, labels, masks = find_mix(framework, ops)(
                images, labels, masks, self.spec, coordinates, layout=layout
            )
        mixed = {**inputs, "images": images, "labels": labels}
        return mixed if masks is None else {**mixed, "segmentation_masks": masks}

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the inputs."""
        return input_shape

    def compute_output_spec(self, inputs: Any, **_: Any) -> Any:
        """Return the shapes of the inputs; images get the dtype of the layer, and labels are floating-point."""
        self._check(inputs)
        specs = keras.tree.map_structure(lambda tensor: keras.KerasTensor(tensor.shape, tensor.dtype), dict(inputs))
        images, labels = inputs["images"], inputs["labels"]
        return {
            **specs,
            "images": keras.KerasTensor(images.shape, self.compute_dtype),
            "labels": keras.KerasTensor(labels.shape, _soft_dtype(labels)),
        }

    def get_config(self) -> dict[str, Any]:
        """Return all arguments, ready for JSON."""
        config = {"spec": self.spec.to_dict(), "seed": self.seed, "data_format": self.data_format}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DustCutMix:
        """Make a layer from the arguments that :meth:`get_config` returns."""
        return cls(**{**config, "spec": Spec.from_dict(config["spec"])})


def _soft_dtype(labels: Any) -> str:
    dtype = dtype_of(labels.dtype)
    return dtype if keras.backend.is_float_dtype(dtype) else "float32"
