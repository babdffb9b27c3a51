"""What to draw: :class:`Spec`, a validated value.

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
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeVar

from ._engine.contract import FILLS, KINDS, MAX_CELL_SIDES, MAX_KEPT, PLACEMENTS
from ._errors import FIELD_HINTS, hint_for, shown

__all__ = ["Spec"]

Center = Literal["normal", "uniform", "inside", "guide"]
Fill = Literal["grey", "constant", "color", "noise", "mean", "donors"]
Kind = Literal["rectangles", "grid", "lattice"]
LatticeHides = Literal["squares", "lines"]

MAX_COUNT = 65_535
MAX_SIDE = 65_535

# The ways to say a size, of each kind. A spec uses exactly one of those of its kind.
_SIZES_OF_KIND = {
    "rectangles": (
        ("half_height_range", "half_width_range"),
        ("side_range",),
        ("height_fraction_range", "width_fraction_range"),
        ("area_range", "aspect_range"),
        ("area_beta",),
    ),
    "grid": (("grid_shape",), ("cell_sides",)),
    "lattice": (("period_range", "kept_share"),),
}
SIZE_FIELDS = tuple(group for groups in _SIZES_OF_KIND.values() for group in groups)
_KIND_OF_SIZE = {name: kind for kind, groups in _SIZES_OF_KIND.items() for group in groups for name in group}
_DEPTH_FIELDS = ("depth_range", "depth_fraction_range")
# What to type for a kind.
_KIND_HINTS = {"grid": "grid_shape=(14, 14), or cell_sides=(16, 32) in pixels", "lattice": "period_range=(96, 223)"}
_DEFAULT_HALF_SIZE = (1, 7)
DEFAULT_ASPECT = (0.3, 1 / 0.3)
_DEFAULT_KEPT_SHARE = 0.6
# Below a tenth, nearly all rectangles would hide all or nothing; above 1, a share has too few tries.
_BETA_LIMITS = (0.1, 1.0)

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
    kind : {"rectangles", "grid", "lattice"}, default "rectangles"
        What is drawn. ``"rectangles"``: rectangles with places and sizes of their own. ``"grid"``: cells of a grid, of
        which some are hidden. ``"lattice"``: squares or lines at a regular distance, with a random phase. Cells and
        lattices take neither `center` nor the sizes of rectangles.
    count_range : (int, int), default (0, 31)
        Rectangles per image, uniform, at most 65 535. Zero is allowed. Of a grid: how many cells are hidden; those
        hidden for a count are among those hidden for any larger count.
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
    area_beta : float, optional
        Size as CutMix has it: the rectangle has the aspect of the image, and its share of the image's area, before it
        is clipped, has the distribution Beta(`area_beta`, `area_beta`). In [0.1, 1]; 1 is uniform.
    halve_sizes : bool, default False
        Whether fractions are those of the first rectangle, and half as large for rectangles 2 and 3, a quarter for
        4 … 7, and so on. No rectangle is then smaller than a pixel.
    grid_shape : (int, int), optional
        Rows and columns of the cells of a grid. Where they do not divide a side, cells differ by a pixel.
    cell_sides : tuple of int, optional
        Up to eight sides of square cells in pixels, one of which is drawn for each image, all alike; 0 leaves the image
        as it is. Cells begin at the top left, and the last row and column are narrower where a side is no multiple.
    cell_p : float, optional
        Probability, for each cell on its own, that it is hidden; without it, `count_range` says how many are.
    period_range : (int, int), optional
        Distance from one square or line of a lattice to the next in pixels, uniform, for each image.
    kept_share : float, default 0.6
        Share of the period, in [0, 1), that is not hidden, along each side. Squares hide ``(1 - kept_share) ** 2`` of
        the image on average, lines all but ``kept_share ** 2``.
    lattice_hides : {"squares", "lines"}, default "squares"
        Whether a lattice hides squares, or the lines between squares.
    keep : bool, default False
        Whether the rectangles, or the cells that would be hidden, are what stays, and all the rest is hidden. Up to 32
        rectangles can be kept, and `spare_last` limits what stays. An image without rectangles stays as it is.
    depth_range : (int, int), optional
        Of volumes (``layout="NDHWC"`` or ``"NCDHW"``): how many slices a rectangle reaches through, uniform, anywhere
        among the slices as its `center` has it: inside, or with a middle that is equally likely to be any slice.
        Without a depth it reaches through all slices, as a tube.
    depth_fraction_range : (float, float), optional
        The same as a fraction of the number of slices.
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
    fill : {"grey", "constant", "color", "noise", "mean", "donors"}, default "grey"
        ``"grey"``: one random brightness per rectangle, the same in all channels.
        ``"constant"``: `fill_value`. ``"color"``: one random brightness per rectangle and channel.
        ``"noise"``: one random brightness per pixel and channel. ``"mean"``: the image's own mean per channel.
        ``"donors"``: the pixels of another image at the same place, which the caller gives with ``donors=``.
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
    kind: Kind = "rectangles"
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
    area_beta: float | None = None
    halve_sizes: bool = False
    grid_shape: tuple[int, int] | None = None
    cell_sides: tuple[int, ...] | None = None
    cell_p: float | None = None
    period_range: tuple[int, int] | None = None
    kept_share: float | None = None
    lattice_hides: LatticeHides = "squares"
    keep: bool = False
    depth_range: tuple[int, int] | None = None
    depth_fraction_range: tuple[float, float] | None = None
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

        put("p", check_number("p", self.p, float, 0, 1))
        _choice("kind", self.kind, KINDS)
        put("count_range", check_range("count_range", self.count_range, int, 0, MAX_COUNT))
        _choice("center", self.center, PLACEMENTS)
        put("center_mean", _tuple("center_mean", self.center_mean, 0, 1, length=2))
        put("center_std", _tuple("center_std", self.center_std, 0, math.inf, length=2))
        self._complete_size(put)
        self._check_depth(put)
        if self.cell_p is not None:
            put("cell_p", check_number("cell_p", self.cell_p, float, 0, 1))
        _choice("lattice_hides", self.lattice_hides, ("squares", "lines"))
        for name in ("spare_last", "per_object", "keep", "halve_sizes"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {shown(getattr(self, name))}")
        if self.max_hidden is not None:
            put("max_hidden", check_number("max_hidden", self.max_hidden, float, 0, 1, open_low=True))
        _choice("fill", self.fill, FILLS)
        put("fill_range", check_range("fill_range", self.fill_range, int, 0, 255))
        self._check_fill_value(put)
        self._check_use()
        self._check_normalize(put)
        put("_hash", hash(tuple(self.to_dict().items())))
        put("_text", repr(self.to_dict()))

    def _complete_size(self, put: Callable[[str, object], None]) -> None:
        given = [group for group in SIZE_FIELDS if any(getattr(self, name) is not None for name in group)]
        names = [name for group in given for name in group if getattr(self, name) is not None]
        foreign = [name for name in names if _KIND_OF_SIZE[name] != self.kind]
        if foreign:
            raise ValueError(
                f"{foreign[0]} must be left out with kind={self.kind!r}, got {shown(getattr(self, foreign[0]))}: type "
                f'kind="{_KIND_OF_SIZE[foreign[0]]}"'
            )
        if len(given) > 1:
            raise ValueError(f"a size must be given in one unit, got {', '.join(names)}: keep the fields of one unit")
        if not given and self.kind != "rectangles":
            raise ValueError(f"a size must be given with kind={self.kind!r}, got none: type {_KIND_HINTS[self.kind]}")
        _COMPLETE_SIZE[given[0] if given else SIZE_FIELDS[0]](self, put)

    def _check_depth(self, put: Callable[[str, object], None]) -> None:
        if self.depth_range is not None and self.depth_fraction_range is not None:
            raise ValueError(
                "a depth must be given in one unit, got depth_range, depth_fraction_range: leave one of them out"
            )
        if self.depth_range is not None:
            put("depth_range", check_range("depth_range", self.depth_range, int, 0, MAX_SIDE))
        if self.depth_fraction_range is not None:
            put("depth_fraction_range", check_range("depth_fraction_range", self.depth_fraction_range, float, 0, 1))

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
            put("fill_value", check_number("fill_value", self.fill_value, float, 0, 255))

    def _check_use(self) -> None:
        """Refuse fields that would change nothing."""
        if not FILLS[self.fill].drawn and self.fill_range != (0, 255):
            raise ValueError(
                f"fill_range must be left out with fill={self.fill!r}, got {self.fill_range}: "
                'type fill="grey", "color" or "noise"'
            )
        for name, default in (("center_mean", (0.5, 0.5)), ("center_std", (0.25, 0.25))):
            if (self.center != "normal" or not KINDS[self.kind].placed) and getattr(self, name) != default:
                with_what = f"center={self.center!r}" if self.center != "normal" else f"kind={self.kind!r}"
                raise ValueError(
                    f'{name} must be left out with {with_what}, got {getattr(self, name)}: type center="normal"'
                )
        if self.per_object and self.center == "guide":
            raise ValueError(
                'per_object must be False with center="guide", got True: type center="inside", "uniform" or "normal"'
            )
        self._check_kind()
        if self.keep:
            self._check_keep()
        if self.fill == "donors" and (self.normalize_mean, self.normalize_std) != (None, None):
            raise ValueError(
                'normalize_mean and normalize_std must be left out with fill="donors", which copies pixels'
            )

    def _check_kind(self) -> None:
        """Refuse fields that another kind has."""
        wrong = {}
        if not KINDS[self.kind].placed:
            wrong = {"center": "normal", "per_object": False, "halve_sizes": False}
        elif self.halve_sizes and self.height_fraction_range is None:
            raise ValueError(
                "halve_sizes must be given with sizes in fractions, got "
                f"{size_fields(self)[0]}: type height_fraction_range=(0, 0.5)"
            )
        if self.halve_sizes and self.per_object:
            raise ValueError("halve_sizes must be False with per_object, got True: the rectangles of all objects count")
        if self.kind != "grid":
            wrong["cell_p"] = None
        if self.kind != "lattice":
            wrong["lattice_hides"] = "squares"
        if not KINDS[self.kind].counted:
            wrong["count_range"] = (0, 31)
            wrong["keep"] = False
        for name, default in wrong.items():
            if getattr(self, name) != default:
                raise ValueError(
                    f"{name} must be left out with kind={self.kind!r}, got {shown(getattr(self, name))}"
                    + (': type lattice_hides="lines"' if name == "keep" else "")
                )
        if self.cell_p is not None and self.count_range != (0, 31):
            raise ValueError(
                f"count_range must be left out with cell_p, got {self.count_range}: leave out cell_p for as many cells"
            )

    def _check_keep(self) -> None:
        """Refuse what cannot be kept."""
        for name, default in (("per_object", False), ("depth_range", None), ("depth_fraction_range", None)):
            if getattr(self, name) != default:
                raise ValueError(f"{name} must be left out with keep=True, got {shown(getattr(self, name))}")
        if self.kind != "rectangles":
            return
        if self.max_hidden is not None:
            raise ValueError(
                f"max_hidden must be left out with keep=True, got {self.max_hidden}: it hides all the rest"
            )
        if self.count_range[1] > MAX_KEPT:
            low = min(self.count_range[0], MAX_KEPT)
            raise ValueError(
                f"count_range must be at most {MAX_KEPT} with keep=True, got {self.count_range}: type "
                f"count_range=({low}, {MAX_KEPT})"
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
        >>> Spec().replace(side_range=(8, 8))
        Spec(side_range=(8, 8))
        """
        fields = self.to_dict()
        for name, choices in (("fill", FILLS), ("center", PLACEMENTS), ("kind", KINDS)):
            if name in changes:
                _choice(name, changes[name], choices)
        if changes.get("kind", self.kind) != self.kind:
            fields.update((name, _DEFAULTS[name]) for name in _OF_KIND)
            fields.update((name, None) for group in SIZE_FIELDS for name in group)
        for group in SIZE_FIELDS:
            if any(name in changes for name in group):
                fields.update((name, None) for other in SIZE_FIELDS if other != group for name in other)
        for name, other in (_DEPTH_FIELDS, _DEPTH_FIELDS[::-1]):
            if changes.get(name) is not None:
                fields[other] = None
        if changes.get("fill", "constant") != "constant":
            fields["fill_value"] = None
        if "fill" in changes and not FILLS[changes["fill"]].drawn:
            fields["fill_range"] = _DEFAULTS["fill_range"]
        if changes.get("fill") == "donors":
            fields["normalize_mean"] = fields["normalize_std"] = None
        if changes.get("center", "normal") != "normal":
            fields.update((name, _DEFAULTS[name]) for name in ("center_mean", "center_std"))
        if changes.get("cell_p") is not None:
            fields["count_range"] = _DEFAULTS["count_range"]
        if "count_range" in changes:
            fields["cell_p"] = None
        return Spec.from_dict({**fields, **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain numbers, strings and tuples, ready for JSON and YAML.

        Examples
        --------
        >>> Spec.from_dict(Spec().to_dict()) == Spec()
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
    return next(group for group in SIZE_FIELDS if getattr(spec, group[0]) is not None)


def has_depth(spec: Spec) -> bool:
    """Whether the rectangles of a spec reach through some slices of a volume, instead of all."""
    return spec.depth_range is not None or spec.depth_fraction_range is not None


def depth_field(spec: Spec) -> str:
    """Return the name of the field that says through how many slices rectangles reach."""
    return next((name for name in _DEPTH_FIELDS if getattr(spec, name) is not None), _DEPTH_FIELDS[0])


def without_depth(spec: Spec) -> Spec:
    """Return a spec for the slices of a volume."""
    return spec.replace(depth_range=None, depth_fraction_range=None) if has_depth(spec) else spec


def _complete_half_sizes(spec: Any, put: Callable[[str, object], None]) -> None:
    for name in ("half_height_range", "half_width_range"):
        value = getattr(spec, name)
        put(name, _DEFAULT_HALF_SIZE if value is None else check_range(name, value, int, 0, MAX_SIDE // 2))


def _complete_sides(spec: Any, put: Callable[[str, object], None]) -> None:
    put("side_range", check_range("side_range", spec.side_range, int, 0, MAX_SIDE))


def _complete_fractions(spec: Any, put: Callable[[str, object], None]) -> None:
    names = ("height_fraction_range", "width_fraction_range")
    for name, other in (names, names[::-1]):
        value = getattr(spec, other) if getattr(spec, name) is None else getattr(spec, name)
        put(name, check_range(name, value, float, 0, 1))


def _complete_areas(spec: Any, put: Callable[[str, object], None]) -> None:
    if spec.area_range is None:
        raise ValueError("area_range must be given with aspect_range: type area_range=(0.02, 0.4)")
    aspect = DEFAULT_ASPECT if spec.aspect_range is None else spec.aspect_range
    put("area_range", check_range("area_range", spec.area_range, float, 0, 1, open_low=True))
    put("aspect_range", check_range("aspect_range", aspect, float, 0, math.inf, open_low=True))


def _complete_beta(spec: Any, put: Callable[[str, object], None]) -> None:
    put("area_beta", check_number("area_beta", spec.area_beta, float, *_BETA_LIMITS))


def _complete_grid_shape(spec: Any, put: Callable[[str, object], None]) -> None:
    value = spec.grid_shape
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"grid_shape must be a tuple of two numbers, got {shown(value)}: type grid_shape=(14, 14)")
    rows, columns = (check_number("grid_shape", item, int, 1, MAX_COUNT, of=tuple(value)) for item in value)
    if rows * columns > MAX_COUNT:
        raise ValueError(f"grid_shape must have at most {MAX_COUNT} cells, got {shown((rows, columns))}")
    put("grid_shape", (rows, columns))


def _complete_cell_sides(spec: Any, put: Callable[[str, object], None]) -> None:
    value = spec.cell_sides
    if not isinstance(value, (tuple, list)) or not 1 <= len(value) <= MAX_CELL_SIDES:
        raise TypeError(
            f"cell_sides must be a tuple of 1 to {MAX_CELL_SIDES} whole numbers, got {shown(value)}: type "
            "cell_sides=(16, 32)"
        )
    put("cell_sides", tuple(check_number("cell_sides", item, int, 0, MAX_SIDE) for item in value))


def _complete_period(spec: Any, put: Callable[[str, object], None]) -> None:
    if spec.period_range is None:
        raise ValueError("period_range must be given with kept_share: type period_range=(96, 223)")
    share = _DEFAULT_KEPT_SHARE if spec.kept_share is None else spec.kept_share
    put("period_range", check_range("period_range", spec.period_range, int, 1, MAX_SIDE))
    put("kept_share", check_number("kept_share", share, float, 0, 1))
    if spec.kept_share == 1:
        raise ValueError("kept_share must be below 1, got 1.0: type kept_share=0.6, or p=0")


# One row for each way to say a size: what completes and checks its fields.
_COMPLETE_SIZE: dict[tuple[str, ...], Callable[[Any, Callable[[str, object], None]], None]] = {
    ("half_height_range", "half_width_range"): _complete_half_sizes,
    ("side_range",): _complete_sides,
    ("height_fraction_range", "width_fraction_range"): _complete_fractions,
    ("area_range", "aspect_range"): _complete_areas,
    ("area_beta",): _complete_beta,
    ("grid_shape",): _complete_grid_shape,
    ("cell_sides",): _complete_cell_sides,
    ("period_range", "kept_share"): _complete_period,
}
# What a spec of another kind does not keep.
_OF_KIND = (
    *("count_range", "center", "center_mean", "center_std", "halve_sizes", "cell_p", "lattice_hides", "keep"),
    "per_object",
)


def check_number(
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


def check_range(
    name: str, value: Any, kind: Callable[[Any], _Number], low: float, high: float, *, open_low: bool = False
) -> tuple[_Number, _Number]:
    """Return `value` as a tuple (low, high) of numbers in order."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a tuple of two numbers, got {shown(value)}: {_pair_hint(name, kind)}")
    first, last = (check_number(name, item, kind, low, high, open_low=open_low, of=tuple(value)) for item in value)
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
    return tuple(check_number(name, item, float, low, high, open_low=open_low) for item in value)


def _choice(name: str, value: object, choices: Collection[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}, got {shown(value)}{hint_for(name, value)}"
        )


_DEFAULTS = Spec().to_dict()
