"""What to draw in each epoch: :class:`Schedule`, a spec of which some fields are functions of the epoch."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._engine.checks import check_spec, check_whole
from ._engine.contract import MAX_EPOCH
from ._engine.coordinates import check_epoch
from ._engine.forks import fork_lock
from ._engine.guide import takes_donors, takes_guide, takes_objects
from ._errors import shown
from .spec import FIELD_NAMES, Spec, has_depth, resolve_spec

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Schedule"]

# A field is computed in each of the epochs between two values when the schedule is made.
MAX_EPOCHS = 10_000
# Fields of whole numbers, among them those that later versions of a spec will have.
_WHOLE = {field.name for field in dataclasses.fields(Spec) if re.search(r"\bint\b", str(field.type))}
# What a spec needs besides the images, or of them, and whether it does.
_NEEDS: dict[str, Callable[[Spec], bool]] = {
    "guide": takes_guide,
    "objects": takes_objects,
    "donors": takes_donors,
    "depths": has_depth,
}

_Points = tuple[tuple[int, Any], ...]


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Course:
    """One field as a function of the epoch: what :meth:`Schedule.linear`, ``cosine`` and ``steps`` return.

    Parameters
    ----------
    name : {"linear", "cosine", "steps"}
        How the value moves from point to point.
    points : tuple of (epoch, value)
        By rising epochs. Before the first point and from the last one on the value stays.
    """

    name: str
    points: _Points

    def at(self, epoch: int, *, whole: bool) -> Any:
        """Return the value of an epoch; `whole` numbers are rounded, halves up."""
        before = [point for point in self.points if point[0] <= epoch] or [self.points[0]]
        first, start = before[-1]
        if self.name == "steps" or epoch <= first or len(before) == len(self.points):
            return start
        last, stop = self.points[len(before)]
        weight = _WEIGHTS[self.name](_fraction(epoch - first, last - first))
        if not isinstance(start, tuple):
            return _between(start, stop, weight, whole=whole)
        return tuple(_between(low, high, weight, whole=whole) for low, high in zip(start, stop, strict=True))

    def epochs(self) -> Iterator[int]:
        """Go through the epochs in which the value may be another one than before, those of the points first."""
        yield from (epoch for epoch, _ in self.points)
        if self.name != "steps":
            yield from range(self.points[0][0] + 1, self.points[-1][0])

    def with_values_of(self, specs: Callable[[int], Spec], field: str) -> Course:
        """Return the course with the values that specs have in the epochs of its points, as plain numbers."""
        return Course(self.name, tuple((epoch, getattr(specs(epoch), field)) for epoch, _ in self.points))

    def to_dict(self) -> dict[str, Any]:
        """Return name and points, ready for JSON."""
        return {"course": self.name, "points": self.points}

    def __repr__(self) -> str:
        if self.name == "steps":
            return f"Schedule.steps({dict(self.points)!r})"
        (begin, start), (end, stop) = self.points
        from_epoch = f", begin={begin}" if begin else ""
        return f"Schedule.{self.name}({start!r}, {stop!r}, epochs={end - begin}{from_epoch})"


@dataclasses.dataclass(frozen=True, slots=True, init=False, repr=False)
class Schedule:
    """A spec of which some fields are functions of the epoch, for every argument that takes a spec and knows an epoch.

    A schedule is a value, as a spec is: frozen, hashable, comparable, picklable. It counts nothing. The dust of an
    image is a function of (spec, seed, epoch, index), and the spec one of the epoch, so that all workers agree.

    Parameters
    ----------
    spec : Spec, optional
        The fields that stay; :func:`~dustaug.dust` if left out.
    **courses
        For fields of :class:`Spec` by name, what :meth:`linear`, :meth:`cosine` or :meth:`steps` returns. As with
        :meth:`Spec.replace`, a size in another unit takes the place of the spec's.

    Raises
    ------
    TypeError
        If a field is unknown, or its course is none.
    ValueError
        If the spec of an epoch has a value out of its limits, or needs a guide or objects and that of another epoch
        does not. All epochs are checked when the schedule is made.

    Notes
    -----
    Values are computed in exact fractions and rounded once, so that they are the same on every machine: numbers to the
    next double, fields of whole numbers to the next whole one, halves up. The items of a tuple move separately.

    Examples
    --------
    GridMask's own course of the probability, 0 to 0.8 over 240 epochs (Chen et al., 2020, arXiv:2001.04086):

    >>> schedule = Schedule(Spec(), p=Schedule.linear(0, 0.8, epochs=240))
    >>> schedule.at(0).p, schedule.at(120).p, schedule.at(240).p, schedule.at(300).p
    (0.0, 0.4, 0.8, 0.8)

    >>> import numpy as np
    >>> from dustaug import add_dust
    >>> images = np.zeros((8, 32, 32, 3), np.uint8)
    >>> dusted = add_dust(images.copy(), schedule, seed=7, epoch=120, index=0)
    >>> bool((dusted == add_dust(images.copy(), Spec(p=0.4), seed=7, epoch=120, index=0)).all())
    True
    """

    spec: Spec
    _courses: tuple[tuple[str, Course], ...]
    # Schedules are keys of caches that are asked at every call: their hash is computed once.
    _hash: int = dataclasses.field(repr=False, compare=False)
    # The schedule as a literal, which is what a compiled graph holds of it.
    _text: str = dataclasses.field(repr=False, compare=False)
    # The last epoch in which a field may have another value than before.
    last_epoch: int = dataclasses.field(repr=False, compare=False)

    def __init__(self, spec: Spec | None = None, **courses: Course) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("spec", check_spec(spec))
        if not courses:
            raise TypeError(
                "a Schedule must have the course of at least one field, got none: type "
                "Schedule(spec, p=Schedule.linear(0, 0.8, epochs=240)), or give the spec itself"
            )
        for name, course in courses.items():
            if name not in FIELD_NAMES:
                self.spec.replace(**{name: course})  # Raises: the field is unknown.
            if not isinstance(course, Course):
                raise TypeError(
                    f"{name} must be a course, got {shown(course)}: type Schedule.linear(…), Schedule.cosine(…) or "
                    f"Schedule.steps(…), or spec.replace({name}=…) for a value that stays"
                )
        given = {name: courses[name] for name in FIELD_NAMES if name in courses}
        put("_courses", tuple(given.items()))
        put("last_epoch", max(course.points[-1][0] for course in given.values()))
        specs = self._check_all()
        put("_courses", tuple((name, course.with_values_of(specs, name)) for name, course in given.items()))
        put("_hash", hash((self.spec, self._courses)))
        put("_text", repr(self.to_dict()))

    def _check_all(self) -> Callable[[int], Spec]:
        """Make the specs of all epochs, and return what finds them again."""
        known: dict[tuple[Any, ...], Spec] = {}

        def spec_of(epoch: int) -> Spec:
            values = self._values(epoch)
            key = tuple((type(value), value) for value in values.values())
            if key not in known:
                known[key] = self._make(epoch, values)
            return known[key]

        first = spec_of(0)
        for epoch in (epoch for _, course in self._courses for epoch in course.epochs()):
            spec = spec_of(epoch)
            for name, needs in _NEEDS.items():
                if needs(spec) != needs(first):
                    raise ValueError(
                        f"a Schedule must take {name} in all epochs or in none, got {first} in epoch 0 and {spec} in "
                        f"epoch {epoch}: type add_dust(…) with a spec of your own for each of the two"
                    )
        return spec_of

    def _values(self, epoch: int) -> dict[str, Any]:
        return {name: course.at(epoch, whole=name in _WHOLE) for name, course in self._courses}

    def _make(self, epoch: int, values: dict[str, Any]) -> Spec:
        try:
            return self.spec.replace(**values)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{error} (in epoch {epoch} of the Schedule)") from None

    @property
    def courses(self) -> dict[str, Course]:
        """The courses by the names of their fields."""
        return dict(self._courses)

    def at(self, epoch: int) -> Spec:
        """Return the spec of an epoch, 0 … 2**32 - 1; after the last epoch of a course its value stays.

        Raises
        ------
        TypeError
            If `epoch` is not a whole number.
        ValueError
            If it is out of its limits.

        Examples
        --------
        >>> schedule = Schedule(count_range=Schedule.steps({0: (0, 5), 30: (0, 31)}))
        >>> schedule.at(29), schedule.at(30)
        (Spec(count_range=(0, 5)), Spec())
        """
        return _spec_of(self, min(check_epoch(epoch), self.last_epoch))

    @staticmethod
    def linear(start: Any, stop: Any, *, epochs: int, begin: int = 0) -> Course:
        """Return a course in equal steps: `start` in epoch `begin` and before, `stop` from ``begin + epochs`` on.

        Parameters
        ----------
        start, stop : number, or tuples of as many numbers
        epochs : int
            How many epochs it takes from the one to the other, 1 … 10 000.
        begin : int, default 0
            The last epoch that has `start`.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind, or out of its limits; or the values are not of one shape.

        Examples
        --------
        >>> Schedule(count_range=Schedule.linear((0, 0), (0, 31), epochs=10)).at(5).count_range
        (0, 16)
        """
        return _make_course("linear", start, stop, epochs, begin)

    @staticmethod
    def cosine(start: Any, stop: Any, *, epochs: int, begin: int = 0) -> Course:
        """Return a course of half a wave, slow at both ends; the arguments are those of :meth:`linear`.

        The value of epoch ``begin + t * epochs`` is ``start + (stop - start) * (1 - cos(pi * t)) / 2``, with that
        weight to the next multiple of 2**-64.

        Examples
        --------
        >>> schedule = Schedule(p=Schedule.cosine(0, 1, epochs=90))
        >>> schedule.at(30).p, schedule.at(45).p, schedule.at(60).p
        (0.25, 0.5, 0.75)
        """
        return _make_course("cosine", start, stop, epochs, begin)

    @staticmethod
    def steps(values: Mapping[int, Any]) -> Course:
        """Return a course that jumps: each value holds from its epoch up to the next one's.

        Parameters
        ----------
        values : dict of int to a value of the field
            By the first epoch of each, 0 … 2**32 - 1, and 0 among them. Any field may have steps, also ``fill``.

        Raises
        ------
        TypeError, ValueError
            If it is no such dict.

        Examples
        --------
        >>> schedule = Schedule(fill=Schedule.steps({0: "grey", 30: "noise"}))
        >>> schedule.at(29).fill, schedule.at(30).fill
        ('grey', 'noise')
        """
        if not isinstance(values, Mapping):
            raise TypeError(
                f"values must be a dict of epochs to values, got {shown(values)}: type Schedule.steps({{0: …, 30: …}})"
            )
        points = {check_whole("epochs of steps", epoch, 0, MAX_EPOCH): _plain(value) for epoch, value in values.items()}
        for value in points.values():
            _check_hashable(value)
        if 0 not in points:
            raise ValueError(f"values must begin in epoch 0, got {shown(values)}: type Schedule.steps({{0: …, 30: …}})")
        return Course("steps", tuple(sorted(points.items(), key=operator.itemgetter(0))))

    def to_dict(self) -> dict[str, Any]:
        """Return spec and courses as plain numbers, strings and tuples, ready for JSON and YAML.

        Examples
        --------
        >>> schedule = Schedule(p=Schedule.cosine(0, 1, epochs=90))
        >>> schedule.to_dict()["courses"]
        {'p': {'course': 'cosine', 'points': ((0, 0.0), (90, 1.0))}}
        >>> Schedule.from_dict(schedule.to_dict()) == schedule
        True
        """
        return {"spec": self.spec.to_dict(), "courses": {name: course.to_dict() for name, course in self._courses}}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Schedule:
        """Make a schedule from what :meth:`to_dict` returned; lists, as JSON has them, become tuples.

        Raises
        ------
        TypeError, ValueError
            If it is no such dict; otherwise as in :class:`Schedule`.
        """
        courses = fields.get("courses") if isinstance(fields, Mapping) else None
        if not isinstance(courses, Mapping) or set(fields) != {"spec", "courses"}:
            raise TypeError(
                f"fields of Schedule must be a mapping with spec and courses, got {shown(fields)}: type "
                "Schedule.from_dict(schedule.to_dict())"
            )
        return cls(Spec.from_dict(fields["spec"]), **{str(name): _read_course(each) for name, each in courses.items()})

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Schedule({self.spec!r}, {', '.join(f'{name}={course!r}' for name, course in self._courses)})"

    def __reduce__(self) -> tuple[Callable[..., Schedule], tuple[dict[str, Any]]]:
        # As with specs, a pickle carries no hash.
        return Schedule.from_dict, (self.to_dict(),)


@functools.lru_cache(maxsize=256)
def _spec_of(schedule: Schedule, epoch: int) -> Spec:
    return schedule._make(epoch, schedule._values(epoch))  # noqa: SLF001


def _make_course(name: str, start: Any, stop: Any, epochs: Any, begin: Any) -> Course:
    epochs = check_whole("epochs", epochs, 1, MAX_EPOCHS)
    begin = check_whole("begin", begin, 0, MAX_EPOCH - epochs)
    start, stop = _check_numbers("start", start), _check_numbers("stop", stop)
    lengths = [len(value) if isinstance(value, tuple) else None for value in (start, stop)]
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"start and stop must be two numbers, or tuples of as many, got {shown(start)} and {shown(stop)}: type "
            f"Schedule.{name}((0, 5), (0, 31), epochs={epochs})"
        )
    return Course(name, ((begin, start), (begin + epochs, stop)))


def _check_numbers(name: str, value: Any) -> Any:
    """Return a finite number, or a tuple of them."""
    plain = _plain(value)
    for number in plain if isinstance(plain, tuple) else (plain,):
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise TypeError(
                f"{name} must be a number or a tuple of numbers, got {shown(value)}: type "
                "Schedule.steps({0: …, 30: …}) for anything else"
            )
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{name} must be finite, got {shown(value)}")
    return plain


def _check_hashable(value: Any) -> None:
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            f"values of steps must be those of a field, got {shown(value)}: type a number, a string or a tuple"
        ) from None


def _plain(value: Any) -> Any:
    """Turn lists into tuples, and NumPy's numbers into Python's; the fields of a spec tell what else they take."""
    if isinstance(value, (tuple, list)):
        return tuple(map(_plain, value))
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "ndim", 0):
        return value.item()
    return value


def _read_course(fields: Any) -> Course:
    """Make a course of what its `to_dict` returned."""
    try:
        name, points = fields["course"], tuple((epoch, value) for epoch, value in fields["points"])
        given: tuple[Any, ...] = (dict(points),)
        make: Callable[..., Course] = Schedule.steps
        if name != "steps":
            make = {"linear": Schedule.linear, "cosine": Schedule.cosine}[name]
            (begin, start), (end, stop) = points
            given = start, stop, end - begin, begin
    except (KeyError, TypeError, ValueError, IndexError):
        raise TypeError(
            f"a course must be a mapping with course and points, got {shown(fields)}: type "
            "Schedule.from_dict(schedule.to_dict())"
        ) from None
    return make(*given) if name == "steps" else make(*given[:2], epochs=given[2], begin=given[3])


def _fraction(*numbers: Any) -> Fraction:
    with fork_lock:
        from fractions import Fraction  # It takes a tenth of the time to import dustaug, and few have a schedule.
    return Fraction(*numbers)


def _between(start: float, stop: float, weight: Fraction, *, whole: bool) -> float:
    """Return the number at `weight` of the way, rounded once."""
    exact = _fraction(start) + (_fraction(stop) - _fraction(start)) * weight
    return math.floor(exact + _fraction(1, 2)) if whole else float(exact)


# Pi in units of 10**-50. The function cos of the operating system would differ in the last digits between systems.
_PI = 314159265358979323846264338327950288419716939937511
_PI_UNIT, _BITS = 10**50, 192


def _half_wave(part: Fraction) -> Fraction:
    """Return (1 - cos(pi * part)) / 2 to the next multiple of 2**-64, by whole numbers alone.

    It is a multiple of 2**-64 itself only at 0, 1/3, 1/2, 2/3 and 1, where it is exact.
    """
    angle = (_PI * part.numerator << _BITS) // (_PI_UNIT * part.denominator)
    square = angle * angle >> _BITS
    term = cosine = 1 << _BITS
    for k in range(1, 80, 2):
        term = -(term * square // (k * (k + 1)) >> _BITS)
        cosine += term
    return _fraction((((1 << _BITS) - cosine >> (_BITS - 64)) + 1) // 2, 1 << 64)


_WEIGHTS: dict[str, Callable[[Fraction], Fraction]] = {"linear": lambda part: part, "cosine": _half_wave}


# What takes a spec and knows the epoch takes a schedule: these are all the functions that tell them apart.


def check_plan(spec: Spec | Schedule | None, fields: Mapping[str, Any] | None = None) -> Spec | Schedule:
    """Return a spec or a schedule; of None the default, or the spec of its own field names."""
    if not isinstance(spec, Schedule):
        return resolve_spec(spec, fields) if fields else check_spec(spec)
    if fields:
        raise TypeError(f"spec must be given alone, got {', '.join(fields)} too: type Schedule(spec.replace(…), …)")
    return spec


def spec_at(spec: Spec | Schedule | None, epoch: Any) -> Spec:
    """Return the spec of an epoch, for what has a seed."""
    return spec.at(epoch) if isinstance(spec, Schedule) else check_spec(spec)


def spec_of_call(spec: Spec | Schedule | None, seed: Any, epoch: Any) -> Spec:
    """Return the spec of a call, which has an epoch only if it has a seed."""
    if not isinstance(spec, Schedule):
        return check_spec(spec)
    if seed is None:
        raise TypeError(
            "seed must be given with a Schedule, whose spec is that of an epoch, got none: type add_dust(images, "
            "schedule, seed=0, epoch=epoch, index=position_of_the_first_image), or schedule.at(epoch) as the spec"
        )
    return spec.at(epoch)


def moves_p(spec: Spec | Schedule) -> bool:
    """Tell whether nothing moves but `p`, the one field that a compiled graph can look up by the epoch."""
    return isinstance(spec, Schedule) and set(spec.courses) == {"p"} and spec.last_epoch <= MAX_EPOCHS


def check_moves_p(spec: Spec | Schedule, where: str, instead: str) -> None:
    """Refuse a schedule that moves more than a compiled graph can look up."""
    if isinstance(spec, Schedule) and not moves_p(spec):
        got = ", ".join(spec.courses) if set(spec.courses) != {"p"} else f"p up to epoch {spec.last_epoch}"
        raise TypeError(
            f"a Schedule must move p alone, and up to epoch {MAX_EPOCHS}, {where}, got {got}: type {instead}"
        )


def read_plan(fields: Any) -> Spec | Schedule:
    """Make a spec or a schedule of what its `to_dict` returned."""
    is_schedule = isinstance(fields, Mapping) and "courses" in fields
    return Schedule.from_dict(fields) if is_schedule else Spec.from_dict(fields)


def refuse_schedule(spec: Any, where: str, instead: str) -> None:
    """Refuse a schedule where no epoch is known, and say what to type instead."""
    if isinstance(spec, Schedule):
        raise TypeError(f"spec must be a Spec {where}, got a Schedule: type {instead}, or schedule.at(epoch)")
