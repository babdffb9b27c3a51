"""What to draw: :class:`Spec`, a validated value, and the presets that return one.

Conventions of the whole package:

- A range is a tuple of two numbers, **both ends included**, and its field is named ``*_range``.
- A field says its unit. Neither the type nor the size of a number tells pixels from fractions.
- Brightness runs from 0 (black) to 255 (white) for every image dtype; painting maps it onto the image's own range.
- Pairs are (height, width) or (y, x), y before x.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from ._engine.contract import FILLS, PLACEMENTS
from ._errors import FIELD_HINTS, hint_for, shown

__all__ = ["Spec", "cutout", "dust", "random_erasing"]

Center = Literal["normal", "uniform", "inside", "guide"]
Fill = Literal["grey", "constant", "color", "noise", "mean"]

MAX_COUNT = 65_535
MAX_SIDE = 65_535

# The ways to say a size. A spec uses exactly one of them.
_SIZE_FIELDS = (
    ("half_height_range", "half_width_range"),
    ("side_range",),
    ("height_fraction_range", "width_fraction_range"),
    ("area_range", "aspect_range"),
)
_DEFAULT_HALF_SIZE = (1, 7)
_DEFAULT_ASPECT = (0.3, 1 / 0.3)

_Number = TypeVar("_Number", int, float)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=True)
class Spec:
    """What is drawn on an image: how many rectangles, where, how large, and with what they are filled.

    ``Spec()`` is :func:`dust`, the dust of the 2017 post. A spec is a value: frozen, hashable, comparable,
    picklable. It holds no seed and no image size.

    Parameters
    ----------
    p : float, default 1.0
        Probability, for each image on its own, that it is dusted at all. In [0, 1].
    count_range : (int, int), default (0, 31)
        Rectangles per image, uniform, at most 65 535. Zero is allowed.
    center : {"normal", "uniform", "inside", "guide"}, default "normal"
        The rule of placement. ``"normal"``: the centre is a normal draw in fractions of the side, clipped to [0, 1].
        ``"uniform"``: every pixel is equally likely to be the centre.
        Both clip the rectangle at the border. ``"inside"``: every position at which the whole rectangle
        lies inside the image is equally likely; a rectangle larger than the image becomes as large as the image.
        ``"guide"``: the caller says with ``guide=`` how likely each place is; clipped as by the first two.
    center_mean, center_std : (float, float), default (0.5, 0.5) and (0.25, 0.25)
        Mean and standard deviation of ``center="normal"``, as (y, x), in fractions of the height and of the width.
    half_height_range, half_width_range : (int, int), default (1, 7)
        Size as half sizes in pixels, independent and uniform: a rectangle is twice as high and wide.
    side_range : (int, int), optional
        Size as the side of a square in pixels, uniform.
    height_fraction_range, width_fraction_range : (float, float), optional
        Size as fractions of the image's height and width, independent and uniform, rounded to whole pixels, halves up.
        If one is given, the other takes its value. The rectangles scale with the image.
    area_range, aspect_range : (float, float), optional
        Size as the share of the image's area, uniform, and the aspect ratio height / width, log-uniform
        (default 0.3 to 1 / 0.3), under the condition that height and width are smaller than the image's. A rectangle
        has ten tries to fit, and is left out if none does. The rectangles scale with the image.
    spare_last : bool, default True
        Never paint the last row and the last column, as the post's function does.
    max_hidden : float, optional
        Share of any object that dust may hide, above 0, up to 1. The objects of each image are given with ``objects=``.
        A rectangle that would hide more is left out; overlapping rectangles count twice, so less may be hidden.
    per_object : bool, default False
        Whether each object is dusted as if it were an image of its own, instead of the image. The boxes of each image
        are given with ``objects=``: `p`, the count, places, sizes and `spare_last` are those of the box, which clips
        the rectangles, box after box. Boxes within others are dusted twice, boxes without pixels never.
        ``random_erasing(per_object=True)`` is the paper's object-aware erasing. Its combination with the whole image
        takes two calls, first :func:`random_erasing` as it is. Give them two seeds: with one, the first rectangle of
        the image and that of the first box would have the same words.
    fill : {"grey", "constant", "color", "noise", "mean"}, default "grey"
        ``"grey"``: one random brightness per rectangle, the same in all channels.
        ``"constant"``: `fill_value`. ``"color"``: one random brightness per rectangle and channel.
        ``"noise"``: one random brightness per pixel and channel. ``"mean"``: the image's own mean per channel.
    fill_range : (int, int), default (0, 255)
        Brightness of ``"grey"``, ``"color"`` and ``"noise"``, uniform over the whole numbers.
    fill_value : float or tuple of float, optional
        Brightness of ``"constant"`` in 0…255, one number or one per channel.
    normalize_mean, normalize_std : tuple of float, optional
        For images that were normalised already, ``(image - mean) / std``: the fill goes the same way and
        looks the same as if it had been painted before. One number per channel, in units of the value range
        before normalising (the ones given to the framework's ``Normalize``). Floating-point images only.

    Raises
    ------
    TypeError
        If a field is unknown or of the wrong kind.
    ValueError
        If a range is reversed, a number is NaN or outside its limits, or two units of size are mixed.

    Examples
    --------
    >>> Spec()
    Spec()
    >>> few = Spec(count_range=(1, 3), side_range=(20, 40), center="uniform")
    >>> few
    Spec(count_range=(1, 3), center='uniform', side_range=(20, 40))
    >>> few.replace(side_range=(5, 9)) == Spec(count_range=(1, 3), side_range=(5, 9), center="uniform")
    True
    >>> Spec(count_range=(3, 1))
    Traceback (most recent call last):
        ...
    ValueError: count_range must not be reversed, got (3, 1): type count_range=(1, 3)
    """

    p: float = 1.0
    count_range: tuple[int, int] = (0, 31)
    center: Center = "normal"
    center_mean: tuple[float, float] = (0.5, 0.5)
    center_std: tuple[float, float] = (0.25, 0.25)
    half_height_range: tuple[int, int] | None = None
    half_width_range: tuple[int, int] | None = None
    side_range: tuple[int, int] | None = None
    height_fraction_range: tuple[float, float] | None = None
    width_fraction_range: tuple[float, float] | None = None
    area_range: tuple[float, float] | None = None
    aspect_range: tuple[float, float] | None = None
    spare_last: bool = True
    max_hidden: float | None = None
    per_object: bool = False
    fill: Fill = "grey"
    fill_range: tuple[int, int] = (0, 255)
    fill_value: float | tuple[float, ...] | None = None
    normalize_mean: tuple[float, ...] | None = None
    normalize_std: tuple[float, ...] | None = None
    # Specs are keys of caches that are asked at every call: their hash is computed once.
    _hash: int = dataclasses.field(init=False, repr=False, compare=False, default=0)
    # The fields as a literal, which is what a compiled graph holds of a spec.
    _text: str = dataclasses.field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("p", _number("p", self.p, float, 0, 1))
        put("count_range", _range("count_range", self.count_range, int, 0, MAX_COUNT))
        _choice("center", self.center, PLACEMENTS)
        put("center_mean", _tuple("center_mean", self.center_mean, 0, 1, length=2))
        put("center_std", _tuple("center_std", self.center_std, 0, math.inf, length=2))
        self._complete_size(put)
        for name in ("spare_last", "per_object"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {shown(getattr(self, name))}")
        if self.max_hidden is not None:
            put("max_hidden", _number("max_hidden", self.max_hidden, float, 0, 1, open_low=True))
        _choice("fill", self.fill, FILLS)
        put("fill_range", _range("fill_range", self.fill_range, int, 0, 255))
        self._check_fill_value(put)
        self._check_use()
        self._check_normalize(put)
        put("_hash", hash(tuple(self.to_dict().items())))
        put("_text", repr(self.to_dict()))

    def _complete_size(self, put: Callable[[str, object], None]) -> None:
        given = [group for group in _SIZE_FIELDS if any(getattr(self, name) is not None for name in group)]
        if len(given) > 1:
            names = [name for group in given for name in group if getattr(self, name) is not None]
            raise ValueError(f"a size must be given in one unit, got {', '.join(names)}: keep the fields of one unit")
        if not given or given[0] == _SIZE_FIELDS[0]:
            for name in _SIZE_FIELDS[0]:
                value = getattr(self, name)
                put(name, _DEFAULT_HALF_SIZE if value is None else _range(name, value, int, 0, MAX_SIDE // 2))
        elif given[0] == _SIZE_FIELDS[1]:
            put("side_range", _range("side_range", self.side_range, int, 0, MAX_SIDE))
        elif given[0] == _SIZE_FIELDS[2]:
            for name, other in (_SIZE_FIELDS[2], _SIZE_FIELDS[2][::-1]):
                value = getattr(self, other) if getattr(self, name) is None else getattr(self, name)
                put(name, _range(name, value, float, 0, 1))
        else:
            if self.area_range is None:
                raise ValueError("area_range must be given with aspect_range: type area_range=(0.02, 0.4)")
            aspect = _DEFAULT_ASPECT if self.aspect_range is None else self.aspect_range
            put("area_range", _range("area_range", self.area_range, float, 0, 1, open_low=True))
            put("aspect_range", _range("aspect_range", aspect, float, 0, math.inf, open_low=True))

    def _check_fill_value(self, put: Callable[[str, object], None]) -> None:
        if self.fill != "constant":
            if self.fill_value is not None:
                raise ValueError(
                    f"fill_value must be left out with fill={self.fill!r}, got {shown(self.fill_value)}: "
                    'type fill="constant"'
                )
        elif self.fill_value is None:
            raise ValueError('fill_value must be given with fill="constant": type fill_value=0')
        elif isinstance(self.fill_value, (tuple, list)):
            put("fill_value", _tuple("fill_value", self.fill_value, 0, 255))
        else:
            put("fill_value", _number("fill_value", self.fill_value, float, 0, 255))

    def _check_use(self) -> None:
        """Refuse fields that would change nothing."""
        if not FILLS[self.fill].drawn and self.fill_range != (0, 255):
            raise ValueError(
                f"fill_range must be left out with fill={self.fill!r}, got {self.fill_range}: "
                'type fill="grey", "color" or "noise"'
            )
        for name, default in (("center_mean", (0.5, 0.5)), ("center_std", (0.25, 0.25))):
            if self.center != "normal" and getattr(self, name) != default:
                raise ValueError(
                    f"{name} must be left out with center={self.center!r}, got {getattr(self, name)}: "
                    'type center="normal"'
                )

        if self.per_object and self.center == "guide":
            raise ValueError(
                'per_object must be False with center="guide", got True: type center="inside", "uniform" or "normal"'
            )

    def _check_normalize(self, put: Callable[[str, object], None]) -> None:
        mean, std = self.normalize_mean, self.normalize_std
        if mean is None and std is None:
            return
        if mean is None or std is None:
            raise ValueError("normalize_mean and normalize_std must be given together")
        put("normalize_mean", _tuple("normalize_mean", mean, -math.inf, math.inf))
        put("normalize_std", _tuple("normalize_std", std, 0, math.inf, open_low=True))
        if len(mean) != len(std):
            raise ValueError(
                f"normalize_mean and normalize_std must be of one length, got {len(mean)} and {len(std)} numbers"
            )

    def replace(self, **changes: Any) -> Spec:
        """Return a copy with some fields changed.

        A size in another unit takes the place of the old one, and what only the old fill or centre had is dropped.

        Raises
        ------
        TypeError, ValueError
            As in :class:`Spec`.

        Examples
        --------
        >>> dust().replace(side_range=(8, 8))
        Spec(side_range=(8, 8))
        """
        fields = self.to_dict()
        for name, choices in (("fill", FILLS), ("center", PLACEMENTS)):
            if name in changes:
                _choice(name, changes[name], choices)
        for group in _SIZE_FIELDS:
            if any(name in changes for name in group):
                fields.update((name, None) for other in _SIZE_FIELDS if other != group for name in other)
        if changes.get("fill", "constant") != "constant":
            fields["fill_value"] = None
        if "fill" in changes and not FILLS[changes["fill"]].drawn:
            fields["fill_range"] = _DEFAULTS["fill_range"]
        if changes.get("center", "normal") != "normal":
            fields.update((name, _DEFAULTS[name]) for name in ("center_mean", "center_std"))
        return Spec.from_dict({**fields, **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain numbers, strings and tuples, ready for JSON and YAML.

        Examples
        --------
        >>> Spec.from_dict(dust().to_dict()) == dust()
        True
        """
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Spec:
        """Make a spec from :meth:`to_dict`'s fields; lists, as JSON has them, become tuples.

        Raises
        ------
        TypeError
            If a field is unknown or of the wrong kind.
        ValueError
            As in :class:`Spec`.
        """
        if not isinstance(fields, Mapping):
            raise TypeError(
                f"fields of Spec must be a mapping of names to values, got {shown(fields)}: type "
                "Spec.from_dict(spec.to_dict())"
            )
        unknown = [name for name in fields if name not in FIELD_NAMES]
        if unknown:
            raise TypeError(
                f"fields of Spec must be known, got {', '.join(map(str, unknown))}: {_hint_for_fields(unknown)}"
            )
        return cls(**fields)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        changed = (
            f"{field.name}={value!r}"
            for field in dataclasses.fields(self)
            if field.init and (value := getattr(self, field.name)) not in (None, _DEFAULTS[field.name])
        )
        return f"Spec({', '.join(changed)})"

    def __reduce__(self) -> tuple[Callable[..., Spec], tuple[dict[str, Any]]]:
        # The hash of a string differs between processes, so a pickle carries the fields only.
        return Spec.from_dict, (self.to_dict(),)


FIELD_NAMES = tuple(field.name for field in dataclasses.fields(Spec) if field.init)
_COORDINATES = ("seed", "epoch", "index")


def _hint_for_fields(unknown: list[Any]) -> str:
    """Return what to type instead of names that a spec does not have."""
    words = [name for name in unknown if isinstance(name, str)]
    known = [FIELD_HINTS[name] for name in words if name in FIELD_HINTS]
    if known:
        return f"type {' and '.join(dict.fromkeys(known))}"
    if any(name in _COORDINATES for name in words):
        return "a spec holds none of seed, epoch and index: type dustaug.add_dust(images, spec, seed=0, index=0)"
    import difflib

    near = [close for name in words for close in difflib.get_close_matches(name, FIELD_NAMES, 1)]
    return f"did you mean {', '.join(near)}?" if near else "see help(dustaug.Spec)"


def resolve_spec(spec: Spec | None, fields: Mapping[str, Any]) -> Spec:
    """Return a ready spec, or the spec of its own field names: what every adapter's constructor accepts.

    Raises
    ------
    TypeError
        If both are given, or `spec` is not a Spec.
    """
    if spec is None:
        return Spec.from_dict(fields)
    if not isinstance(spec, Spec):
        kind = type(spec).__name__
        hint = "schedule.at(epoch)" if kind == "Schedule" else "dustaug.dust() or another preset"
        raise TypeError(f"spec must be a dustaug.Spec, got {kind}: type {hint}")
    if fields:
        raise TypeError(f"spec must be given alone, got {', '.join(fields)} too: type spec.replace(…)")
    return spec


def size_fields(spec: Spec) -> tuple[str, ...]:
    """Return the names of the fields that say how large the rectangles of a spec are."""
    return next(group for group in _SIZE_FIELDS if getattr(spec, group[0]) is not None)


def _number(
    name: str,
    value: Any,
    kind: Callable[[Any], _Number],
    low: float,
    high: float,
    *,
    open_low: bool = False,
    of: tuple[Any, ...] | None = None,
) -> _Number:
    """Return `value` as an int or float between `low` and `high`, or raise with `name` and the rule.

    `of` is the pair that it is one of.
    """
    what = ("a whole number" if kind is int else "a number") if of is None else f"two {'whole ' * (kind is int)}numbers"
    given = shown(value if of is None else of)
    is_flag = isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"
    if is_flag or isinstance(value, (str, bytes)) or getattr(value, "ndim", False):
        raise TypeError(f"{name} must be {what}, got {given}")
    try:
        number = kind(operator.index(value)) if kind is int else kind(value)
    except OverflowError:  # A whole number beyond what a double holds.
        number = kind(math.inf)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be {what}, got {given}") from None
    if not (low <= number <= high) or math.isinf(number) or (open_low and number == low):
        raise ValueError(f"{name} must be {what} {_limits(low, high, open_low=open_low)}, got {given}")
    return number + 0  # Makes 0.0 of -0.0, which is equal to it: caches know specs by what they are equal to.


def _limits(low: float, high: float, *, open_low: bool) -> str:
    if math.isinf(low) and math.isinf(high):
        return "that is finite"
    if math.isinf(high):
        return f"above {low:g}" if open_low else f"not below {low:g}"
    return f"above {low:g}, up to {high:g}" if open_low else f"from {low:g} to {high:g}"


def _pair_hint(name: str, kind: Callable[[Any], Any]) -> str:
    return f"type {name}=({'1, 8' if kind is int else '0.1, 0.5'})"


def _range(
    name: str, value: Any, kind: Callable[[Any], _Number], low: float, high: float, *, open_low: bool = False
) -> tuple[_Number, _Number]:
    """Return `value` as a tuple (low, high) of numbers in order."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a tuple of two numbers, got {shown(value)}: {_pair_hint(name, kind)}")
    first, last = (_number(name, item, kind, low, high, open_low=open_low, of=tuple(value)) for item in value)
    if first > last:
        raise ValueError(f"{name} must not be reversed, got {shown(tuple(value))}: type {name}=({last!r}, {first!r})")
    return first, last


def _tuple(
    name: str, value: Any, low: float, high: float, *, length: int | None = None, open_low: bool = False
) -> tuple[Any, ...]:
    """Return `value` as a tuple of floats."""
    wanted = "numbers, one per channel" if length is None else f"{length} numbers"
    if not isinstance(value, (tuple, list)) or not value or length not in (None, len(value)):
        raise TypeError(f"{name} must be a tuple of {wanted}, got {shown(value)}")
    return tuple(_number(name, item, float, low, high, open_low=open_low) for item in value)


def _choice(name: str, value: object, choices: Mapping[str, Any]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}, got {shown(value)}{hint_for(name, value)}"
        )


_DEFAULTS = Spec().to_dict()
# Twice the half sizes of the post, as fractions of the side of its images.
_RELATIVE_SIZE = {"height_fraction_range": (2 / 224, 14 / 224), "width_fraction_range": (2 / 224, 14 / 224)}


def dust(*, relative: bool = False, **changes: Any) -> Spec:
    """Return the dust of the 2017 post: 0–31 small grey rectangles, denser near the middle.

    For an image of height h and width w: the count is uniform on 0…31; the centre is
    ``floor(clip(N(0.5, 0.25), 0, 1) * h)``, and likewise with w; half height and half width are uniform
    on 1…7 pixels, independent; the brightness is uniform on 0…255, the same in all channels. Painted are the rows from
    ``clip(y - half, 0, h - 1)`` up to, not including, ``clip(y + half, 0, h - 1)``, and the columns likewise: the last
    row and the last column stay as they are, as in the post (``spare_last=False`` lifts that).

    The post's images had 224 by 224 pixels. On larger ones, sizes in pixels hide less: on a photo of 6000 by 4000
    pixels less than 0.01 %. With `relative`, the sizes are the same fractions of the sides as in the post: heights are
    uniform on 2/224…14/224 of the image's height, widths on as much of its width.

    Parameters
    ----------
    relative : bool, default False
        Whether the sizes grow with the image.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`; or `relative` is no bool, or a size is given besides.

    Examples
    --------
    >>> dust() == Spec()
    True
    >>> dust(count_range=(0, 63))
    Spec(count_range=(0, 63))
    >>> dust(relative=True).height_fraction_range == (2 / 224, 14 / 224)
    True
    """
    if not isinstance(relative, bool):
        raise TypeError(f"relative must be True or False, got {shown(relative)}")
    if not relative:
        return Spec.from_dict(changes)
    sizes = [name for group in _SIZE_FIELDS for name in group if changes.get(name) is not None]
    if sizes:
        raise ValueError(f"relative=True must be given without a size, got {', '.join(sizes)}: leave one of them out")
    return Spec.from_dict({**changes, **_RELATIVE_SIZE})


def cutout(size: int, **changes: Any) -> Spec:
    """Return Cutout (DeVries and Taylor, 2017, arXiv:1708.04552): one black square.

    The centre is uniform over the pixels, and the square is clipped at the border, so that what is hidden
    is smaller there. A square of odd size is exact: ``size // 2`` pixels above and left of its centre.

    Parameters
    ----------
    size : int
        Side of the square in pixels.
    **changes
        Fields of :class:`Spec` that are to differ, for instance ``fill_value=127.5``.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`, or `size` is not a whole number of pixels.

    Examples
    --------
    >>> cutout(16).side_range
    (16, 16)
    """
    size = _number("size", size, int, 0, MAX_SIDE)
    fields: dict[str, Any] = {
        "count_range": (1, 1),
        "center": "uniform",
        "side_range": (size, size),
        "spare_last": False,
        "fill": "constant",
        "fill_value": 0,
    }
    return Spec(**fields).replace(**changes)


def random_erasing(
    scale: tuple[float, float] = (0.02, 0.4),
    ratio: tuple[float, float] = _DEFAULT_ASPECT,
    fill: Fill = "noise",
    **changes: Any,
) -> Spec:
    """Return Random Erasing (Zhong et al., 2017, arXiv:1708.04896): one rectangle of random area and aspect.

    The area is uniform, the aspect ratio is log-uniform (as in torchvision and timm: a uniform one would favour
    tall rectangles), height and width are rounded to whole pixels, and the rectangle lies fully inside the image,
    at any position alike. Sizes that do not fit are rejected: the distribution is conditioned on the rectangle fitting
    into the image. The defaults are the paper's, p = 0.5 among them.

    A rectangle has ten tries, as in torchvision; an image for which none fits gets no rectangle.

    Parameters
    ----------
    scale : (float, float)
        Range of the share of the image's area.
    ratio : (float, float)
        Range of height / width.
    fill : {"noise", "grey", "color", "constant", "mean"}
        See :class:`Spec`; with ``"constant"`` give `fill_value` too.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`, or `scale` or `ratio` is not a range.

    Examples
    --------
    >>> random_erasing(scale=(0.02, 0.33), fill="constant", fill_value=0).fill_value
    0.0
    """
    fields: dict[str, Any] = {
        "p": 0.5,
        "count_range": (1, 1),
        "center": "inside",
        "area_range": _range("scale", scale, float, 0, 1, open_low=True),
        "aspect_range": _range("ratio", ratio, float, 0, math.inf, open_low=True),
        "spare_last": False,
    }
    return Spec(**fields).replace(fill=fill, **changes)
