"""JAX: dust as a pure function of arrays, under jit, vmap and grad, on any backend, without 64-bit mode."""

from __future__ import annotations

import functools
import importlib
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import shown, unexpected_error
from ._extras import name_extra

with name_extra("jax", "dustaug.jax", "jax"):
    import jax
    import jax.numpy as jnp

from ._engine.checks import (
    check_dtype,
    check_ends,
    check_layout,
    check_plain,
    check_value_range,
    check_whole,
    look_at_values,
    resolve_kind,
)
from ._engine.contract import FILLS, MAX_EPOCH, MAX_SEED
from ._engine.coordinates import check_epoch, check_index, check_seed
from ._engine.guide import (
    check_donors_kind,
    check_donors_wanted,
    check_guide,
    check_guide_kind,
    check_guide_wanted,
    check_weights,
    may_weigh_too_much,
    takes_donors,
    takes_guide,
)
from ._engine.memory import CHANNEL_AXIS, ImageKind, Layout, check_axes, guess_layout
from ._graph.jax import OPS, build
from ._graph.program import WordCoordinates, Words, check_flat, check_no_objects
from .schedule import Schedule, check_moves_p, check_plan, moves_p, spec_at
from .spec import FIELD_NAMES, Spec

__all__ = ["add_dust", "to_words"]


def add_dust(
    images: ArrayLike | jax.Array,
    spec: Spec | Schedule | None = None,
    *,
    seed: int | ArrayLike | jax.Array | None = None,
    epoch: int | ArrayLike | jax.Array = 0,
    index: int | ArrayLike | jax.Array | None = None,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    guide: NDArray[Any] | jax.Array | None = None,
    donors: NDArray[Any] | jax.Array | None = None,
    **unexpected: NoReturn,
) -> jax.Array:
    """Return images with random rectangles painted on them.

    The pixels are those of :func:`dustaug.add_dust` for the same spec, seed, epoch, index, guide and donors, byte for
    byte. The function is pure, as JAX's arrays cannot be painted in place. ``jax.jit(…, donate_argnums=0)`` lets XLA
    reuse the memory of the images.

    Parameters
    ----------
    images : array, (n, h, w, c), (n, c, h, w), (n, h, w), (h, w, c), (c, h, w) or (h, w)
        JAX or NumPy; any dtype that holds numbers, of 64 bits in 64-bit mode only.
    seed : int, whole-number array (), uint32 array (2,) or JAX key, required
        0 … 2**64 - 1. Two words are the high and the low one, as in the data of JAX's keys: ``jax.random.key(7)`` is
        the seed 7. Keys must be of the implementation ``threefry2x32``, JAX's default.
    epoch : int or whole-number array () or (n,), default 0
        0 … 2**32 - 1.
    index : int, whole-number array () or (n,), or uint32 array (n, 2), or (2,) for an image alone, required
        Position of the first image in its data set, the others follow; or one for each image, as numbers or as two
        words, the high one first. 0 … 2**63 - 1.
    spec, layout, value_range : optional
        As in :func:`dustaug.add_dust`. A spec that needs objects and a layout of volumes are errors. A schedule of
        nothing but ``p`` takes any epoch; any other needs one whose number is known when the function is traced.
    guide : uint8 or bool array, (n, rows, columns), or (rows, columns) for an image alone
        JAX or NumPy, required with ``center="guide"``: weights of the places where a rectangle may have its centre, as
        in :func:`dustaug.add_dust`.
    donors : array of the shape and dtype of `images`
        JAX or NumPy, required with ``fill="donors"``: the images whose pixels are copied.

    Returns
    -------
    jax.Array
        An array of the shape and dtype of `images`.

    Raises
    ------
    TypeError
        If a seed, an index, a guide or donors are missing, or an argument is of the wrong type.
    ValueError
        If an argument is out of its limits, or the spec does not suit the images, or needs their objects; if the images
        are volumes, or donors have another shape.

    Warns
    -----
    UserWarning
        As :func:`dustaug.add_dust`, for NumPy's images; those of JAX would have to be waited for.

    Notes
    -----
    Seed, epoch, index, guide and donors may be traced, and then cost no compilation when they change; `spec`, `layout`
    and `value_range` are static. Traced numbers cannot be checked: a negative one is taken modulo 2**32, and an image
    whose weights in a traced guide sum to 2**31 or more gets no dust. JAX itself cuts NumPy's 64-bit numbers to 32 bits
    when they become arguments of a compiled function; :func:`to_words` avoids that.

    The gradient with respect to the images is 1 where there is no dust and 0 under it, also with ``fill="mean"``. That
    with respect to donors is 1 under the dust and 0 elsewhere.

    Examples
    --------
    >>> images = jnp.full((8, 64, 64, 3), 255, jnp.uint8)
    >>> dusted = jax.jit(lambda images, index: add_dust(images, seed=7, index=index))(images, 0)
    >>> alone = jax.vmap(lambda image, index: add_dust(image, seed=7, index=index))(images, jnp.arange(8))
    >>> bool((alone == dusted).all())
    True
    """
    plan = check_plan(spec)
    check_no_objects(spec_at(plan, 0))
    if unexpected:
        raise unexpected_error("jax.add_dust()", unexpected, FIELD_NAMES)
    plan = _plan_at(plan, epoch)
    spec = spec_at(plan, 0)
    if seed is None or index is None:
        raise TypeError(
            "seed and index must be given, or a compiled function would paint the same dust at every call, got "
            f"seed={seed!r} and index={index!r}: type add_dust(images, seed=0, index=position_of_the_first_image)"
        )
    seed, epoch, index = _as_numbers("seed", seed), _as_numbers("epoch", epoch), _as_numbers("index", index)
    layout, value_range = check_layout(layout), check_value_range(value_range)
    check_flat(layout or "")
    per = FILLS[spec.fill].per
    is_default = value_range is None and spec.normalize_mean is None and per not in ("image", "donor")
    images = _as_array(images, default_range=is_default)
    layout = layout or guess_layout(images.shape)
    check_axes(images.shape, layout)
    channels = images.shape[CHANNEL_AXIS[layout]] if layout in CHANNEL_AXIS else 1
    resolve_kind(spec, ImageKind(np.dtype(images.dtype), layout, channels, value_range))
    batched = "N" in layout
    n = images.shape[0] if batched else 1
    coordinates = WordCoordinates(_seed_words(seed), _epoch_word(epoch, n), _index_words(index, n, batched=batched))
    if guide is not None or takes_guide(spec):
        guide = _as_guide(guide, spec, n, batched=batched)
    if donors is not None or takes_donors(spec):
        donors = _as_donors(donors, spec, images)
    if 0 in images.shape:
        return images
    paint = functools.partial(_dust, spec=plan, layout=layout, value_range=value_range)
    sharding = jax.typeof(images).sharding
    if jax.sharding.AxisType.Explicit in sharding.mesh.axis_types:
        # Under explicit sharding every gather needs an out_sharding; all of ours go where the images are.
        paint = _auto_axes()(paint, out_sharding=sharding)
    dusted: jax.Array = paint(images, coordinates, guide, donors)
    return dusted


def to_words(numbers: ArrayLike) -> NDArray[np.uint32]:
    """Split whole numbers of up to 64 bits into two words each, which JAX can hold without its 64-bit mode.

    Parameters
    ----------
    numbers : whole numbers, (…)
        0 … 2**64 - 1.

    Returns
    -------
    uint32, (…, 2)
        High and low word, in the order of ``jax.random.key_data``: what :func:`add_dust` takes as a seed or as indices.

    Raises
    ------
    TypeError
        If they are not whole numbers.
    ValueError
        If one is out of its limits.

    Examples
    --------
    >>> to_words(2**40 + 5).tolist()
    [256, 5]
    >>> to_words(np.arange(3)).shape
    (3, 2)
    """
    # A list may hold more bits than NumPy's default, and would become floats.
    if _is_key(numbers):
        raise TypeError("numbers must be whole numbers, got a key: type jax.random.key_data(key)")
    array = np.asarray(numbers, None if hasattr(numbers, "dtype") else object)
    if array.dtype.kind not in "iu":
        each = [check_whole("numbers", number, 0, MAX_SEED) for number in array.ravel().tolist()]
        array = np.array(each, np.uint64).reshape(array.shape)
    check_ends("numbers", array, MAX_SEED)
    array = array.astype(np.uint64)
    return np.stack([array >> 32, array & 0xFFFFFFFF], axis=-1).astype(np.uint32)


@functools.partial(jax.jit, static_argnames=("spec", "layout", "value_range"))
def _dust(images: Any, coordinates: WordCoordinates, guide: Any, donors: Any, **options: Any) -> Any:
    # Only the images are returned, so that XLA does not compute the mask of covered pixels.
    return build(images, coordinates=coordinates, guide=guide, donors=donors, **options)[0]


def _auto_axes() -> Any:
    if hasattr(jax.sharding, "auto_axes"):
        return jax.sharding.auto_axes
    # JAX 0.6, the last one for Python 3.10, has it in another module.
    return importlib.import_module("jax.experimental.shard").auto_axes


def _plan_at(plan: Spec | Schedule, epoch: Any) -> Spec | Schedule:
    """Return what a graph holds: of a schedule that moves more than `p`, the spec of an epoch whose number is known."""
    if isinstance(plan, Spec) or moves_p(plan):
        return plan
    host = _on_host(epoch)
    if host is None or np.ndim(host):
        check_moves_p(
            plan,
            "with an epoch that is traced, or one for each image",
            'jax.jit(function, static_argnames="epoch"), or schedule.at(epoch)',
        )
    return plan.at(host)


def _as_array(images: Any, *, default_range: bool, name: str = "images") -> jax.Array:
    """Return images as a JAX array, or refuse a dtype whose values JAX would cut to fewer bits."""
    if not isinstance(images, (jax.Array, np.ndarray)):
        hint = f": type jnp.stack({name}) if they are of one size" if isinstance(images, (list, tuple)) else ""
        if hasattr(images, "todense"):
            hint = f": type {name}.todense()"
        raise TypeError(f"{name} must be a JAX or NumPy array, got {type(images).__name__}{hint}")
    check_plain(images, name)
    if _is_key(images):
        raise TypeError(f"{name} must hold numbers, got an array of {images.dtype}")
    dtype = np.dtype(images.dtype)
    check_dtype(dtype)
    if isinstance(images, jax.Array):
        return images
    if default_range:
        look_at_values(images)
    native = dtype.newbyteorder("=")
    if jax.dtypes.canonicalize_dtype(native) != native:
        narrow = (
            f"{name}.astype(numpy.uint8) if they are 0 … 255" if dtype.kind in "iu" else f"{name}.astype(numpy.float32)"
        )
        raise TypeError(
            f"{name} must have a dtype that JAX can hold without its 64-bit mode, got {dtype}: type {narrow}, or "
            'jax.config.update("jax_enable_x64", True)'
        )
    return jnp.asarray(images.astype(native, copy=False))


def _as_guide(guide: Any, spec: Spec, n: int, *, batched: bool) -> jax.Array:
    """Return the guide of n images as a JAX array, or refuse one that no graph may draw from."""
    if isinstance(guide, np.ndarray):
        return jnp.array(check_guide(guide, spec, n, batched=batched))  # A copy, which the caller cannot change.
    check_guide_wanted(guide, spec)
    if not isinstance(guide, jax.Array):
        raise TypeError(
            f"guide must be a JAX or NumPy array, got {shown(guide)}: type numpy.asarray(guide, numpy.uint8)"
        )
    check_guide_kind(guide.shape, guide.dtype.name, n, batched=batched)
    host = _on_host(guide) if may_weigh_too_much(guide.shape) else None
    if host is not None:
        check_weights(host.reshape(n, *host.shape[-2:]))
    return guide


def _as_donors(donors: Any, spec: Spec, images: jax.Array) -> jax.Array:
    """Return the donors of images as a JAX array."""
    check_donors_wanted(donors, spec)
    array = _as_array(donors, default_range=False, name="donors")
    check_donors_kind(array.shape, array.dtype, images.shape, images.dtype)
    return array


def _is_key(numbers: Any) -> bool:
    return isinstance(numbers, jax.Array) and bool(jnp.issubdtype(numbers.dtype, jax.dtypes.prng_key))


def _as_numbers(name: str, numbers: Any) -> Any:
    """Return numbers of which lists have become arrays; only a seed may be a key."""
    if name != "seed" and _is_key(numbers):
        raise TypeError(f"{name} must be whole numbers, got {numbers.dtype}: type seed=key")
    if not isinstance(numbers, (list, tuple)):
        return numbers
    try:
        is_traced = any(isinstance(number, jax.core.Tracer) for number in numbers)
        return jnp.stack([jnp.asarray(number) for number in numbers]) if is_traced else np.asarray(numbers)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, or an array of one for each image, got {shown(numbers)}") from None


def _seed_words(seed: Any) -> Words:
    """Return the low and the high word of a seed, given as a number, two words or a key."""
    if _is_key(seed):
        data = jax.random.key_data(seed)
        if data.shape[seed.ndim :] != (2,):
            raise TypeError(
                f"seed must be a key of two words, got {seed.dtype}: type jax.random.key(0, impl="
                '"threefry2x32"), or a number'
            )
        seed = data
    if _are_words(seed, 1):
        return OPS.as_words(seed[1]), OPS.as_words(seed[0])
    if np.ndim(seed):
        dtype = getattr(seed, "dtype", type(seed).__name__)
        raise ValueError(
            f"seed must be one number, uint32 of shape (2,) or one key, got {dtype} of shape {np.shape(seed)}: type "
            "jax.vmap(lambda seed: add_dust(images, seed=seed, index=0))(seeds) for several"
        )
    host = _on_host(seed)
    if host is None:
        _check_numbers("seed", seed, 1)
        return OPS.to_words(seed)
    return OPS.to_words(check_seed(host))


def _epoch_word(epoch: Any, n: int) -> Any:
    """Return the low word of one epoch, or of one for each image."""
    host = _on_host(epoch)
    if host is not None and np.ndim(host) == 0:
        return OPS.to_words(check_epoch(host))[0]
    numbers = epoch if isinstance(epoch, jax.Array) else np.asarray(epoch)
    _check_numbers("epoch", numbers, n)
    if host is not None:
        check_ends("epoch", np.asarray(host), MAX_EPOCH)
    return OPS.to_words(numbers)[0]


def _index_words(index: Any, n: int, *, batched: bool) -> Words:
    """Return the low and the high word of the first index, or of one for each image."""
    paired = _are_words(index, 1 + batched)
    host = _on_host(index)
    if host is None:
        _check_numbers("index", index[..., 0] if paired else index, n)
    else:
        if paired:
            high, low = np.moveaxis(host.reshape(-1, 2).astype(np.uint64), -1, 0)
            host = (high << 32) + low
        checked = check_index(host, n)
    if not isinstance(index, jax.Array):
        return OPS.to_words(checked)
    if paired:
        return OPS.as_words(index[..., 1]), OPS.as_words(index[..., 0])
    return OPS.to_words(index)


def _are_words(numbers: Any, ndim: int) -> bool:
    """Tell whether an array of `ndim` axes holds two words for each number."""
    return (
        isinstance(numbers, (jax.Array, np.ndarray))
        and numbers.dtype == np.uint32
        and numbers.ndim == ndim
        and numbers.shape[-1] == 2
    )


def _on_host(numbers: Any) -> Any:
    """Return numbers whose values can be read, as NumPy holds them; None if they are traced or on other machines."""
    if not isinstance(numbers, jax.Array):
        return numbers
    if isinstance(numbers, jax.core.Tracer) or not numbers.is_fully_addressable:
        return None
    return np.asarray(numbers)


def _check_numbers(name: str, numbers: Any, n: int) -> None:
    """Check dtype and shape, which are known even if the values are not."""
    if not jnp.issubdtype(numbers.dtype, jnp.integer):
        raise TypeError(f"{name} must be whole numbers, got an array of {numbers.dtype}")
    if numbers.shape not in ((), (n,)):
        raise ValueError(f"{name} must be a number or of shape ({n},), one for each image, got shape {numbers.shape}")
