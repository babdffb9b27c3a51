"""Graffiti on the bodies of guitars, in two styles of paint: strokes of a marker, and spray.

A classifier is tuned on one style and tested on the other. The program adds marks until they hide the wanted share of
the body. A mark is a stroke, letter, disc, star or splatter, and never a rectangle, so it does not look like dust.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("guitar", "dustaug.examples", "PIL"):
    from PIL import Image, ImageDraw

from .guitar_parts import Floats, blur
from .guitars import whole

__all__ = ["SHARES", "STYLES", "paint_graffiti"]

SHARES = {1: 0.11, 2: 0.22, 3: 0.36}
"""The share of the body that each severity hides."""

# The program stops adding marks this close to the wanted share, or after this many tries.
_NEAR = 0.01
_TRIES = 300

# Strokes of capital letters, as points (x, y) of a grid of 3 by 5. There are no vowels, so chance spells no word.
_LETTERS = (
    "000424", "0400122024", "04002420", "0400202202", "0400202202 0224", "0020 1014", "0004122420", "0024 2004",
    "001220 1214", "00200424", "001420", "0020140403",
)  # fmt: skip

# A mark is a list of strokes. A stroke has points and a width; without a width it is a filled polygon.
# The middle of a mark is at (0, 0), and its size is about 1.
Points = NDArray[np.float64]
Mark = list[tuple[Points, float]]


def paint_graffiti(
    images: NDArray[np.uint8],
    bodies: NDArray[np.bool_],
    *,
    severity: int,
    style: str,
    seed: int = 0,
    index: int = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Paint graffiti on a copy of the images.

    The paint on image i is a pure function of (body of image i, severity, style, seed, index + i).

    Parameters
    ----------
    images : ndarray of uint8, shape (n, size, size, 3)
        The images; they are not changed.
    bodies : ndarray of bool, shape (n, size, size)
        The pixels of each guitar's body; each image needs at least one.
    severity : {1, 2, 3}
        The share of the body that is hidden: about 0.11, 0.22 or 0.36.
    style : {"marker", "spray"}
        Hard strokes and letters (marker), or soft blobs, drips, discs, stars and splatter (spray).
    seed : int
        Not negative.
    index : int
        Number of the first image; not negative.

    Returns
    -------
    painted : ndarray of uint8, shape (n, size, size, 3)
        The painted copy.
    coverage : ndarray of float64, shape (n,)
        The share of each body that is hidden, that is, under paint of more than half opacity.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shape or size.

    Examples
    --------
    >>> images, bodies = np.full((2, 64, 64, 3), 255, np.uint8), np.ones((2, 64, 64), np.bool_)
    >>> painted, coverage = paint_graffiti(images, bodies, severity=2, style="marker")
    >>> bool(abs(coverage - 0.22).max() < 0.02)
    True
    """
    _check_arrays(images, bodies)
    if not isinstance(severity, (int, np.integer)) or severity not in tuple(SHARES) or isinstance(severity, bool):
        raise ValueError(f"severity must be 1, 2 or 3, got {severity!r}: type severity=1")
    if not isinstance(style, str) or style not in STYLES:
        raise ValueError(f"style must be one of {', '.join(map(repr, STYLES))}, got {style!r}")
    seed, index = whole("seed", seed, 0), whole("index", index, 0)
    painted, coverage = images.copy(), np.zeros(len(images))
    for i, (image, body) in enumerate(zip(painted, bodies, strict=True)):
        key = np.random.SeedSequence((seed, index + i, STYLES.index(style)))
        rng = np.random.Generator(np.random.Philox(key))
        coverage[i] = _paint(image, body, SHARES[severity], style, rng)
    return painted, coverage


def _check_arrays(images: Any, bodies: Any) -> None:
    for name, array, dtype in (("images", images, np.uint8), ("bodies", bodies, np.bool_)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype:
            kind = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"{name} must be an array of {np.dtype(dtype)}, got {kind}: type {name}.astype(…)")
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise ValueError(f"images must be of shape (n, size, size, 3), got {images.shape}: type images[None] for one")
    if bodies.shape != images.shape[:3]:
        raise ValueError(f"bodies must be of shape {images.shape[:3]}, got {bodies.shape}: give one for each image")
    if not bodies.any((1, 2)).all():
        empty = int(np.flatnonzero(~bodies.any((1, 2)))[0])
        raise ValueError(f"bodies must each have a pixel that is True, got none in number {empty}: leave it out")


def _paint(
    image: NDArray[np.uint8], body: NDArray[np.bool_], share: float, style: str, rng: np.random.Generator
) -> float:
    """Paint marks on one image in place until `share` of the body is hidden, and return the share that is hidden."""
    places, unit = np.argwhere(body), math.sqrt(body.sum())
    canvas, opacity = image.astype(np.float32), np.zeros(body.shape, np.float32)
    covered = 0.0
    # If a mark would hide too much, the next try makes it smaller.
    shrink = 1.0
    for _ in range(_TRIES):
        if covered > share - _NEAR:
            break
        mark = _MARKS[style][int(rng.integers(len(_MARKS[style])))](rng)
        place = places[rng.integers(len(places))][::-1] + rng.uniform(0, 1, 2)
        size = float(rng.uniform(0.45, 0.95)) * unit * shrink
        colour, turn = _draw_colour(rng), float(rng.normal(0, 0.5)) * (style == "marker")
        alpha = _rasterise(mark, place, size, turn, len(body))
        if style == "spray":
            alpha = _spray(alpha, unit, rng)
        after = opacity + (1 - opacity) * alpha
        more = float((after > 0.5)[body].mean())
        if more > share + _NEAR:
            shrink *= 0.85
            continue
        canvas += (colour - canvas) * alpha[..., None]
        opacity, covered = after, more
    image[...] = np.rint(canvas).clip(0, 255)
    return covered


def _draw_colour(rng: np.random.Generator) -> Floats:
    kind = rng.random()
    if kind < 0.3:
        return np.full(3, 14 if kind < 0.16 else 246, np.float32)
    colour = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.7, 1), rng.uniform(0.55, 1))
    return np.array(colour, np.float32) * 255


def _rasterise(mark: Mark, place: Points, size: float, turn: float, side: int) -> Floats:
    """Return the share of each pixel that a mark covers, from 0 to 1."""
    times = 3
    image = Image.new("L", (side * times, side * times))
    draw = ImageDraw.Draw(image)
    matrix = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) * size * times
    for points, width in mark:
        pixels = points @ matrix + place * times
        thick = width * size * times
        if not width:
            draw.polygon(pixels.ravel().tolist(), fill=255)
            continue
        draw.line(pixels.ravel().tolist(), fill=255, width=max(1, round(thick)), joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=255)
    return np.asarray(image.reduce(times), np.float32) / np.float32(255)


def _spray(cover: Floats, unit: float, rng: np.random.Generator) -> Floats:
    """Soften the edge of a mark, and add thin grains around it."""
    grains = rng.random(cover.shape, np.float32) < 0.4 * blur(cover, 0.07 * unit)
    core = (1.5 * blur(cover, 0.022 * unit) - 0.2).clip(0, 1)
    alpha: Floats = np.maximum(core, grains * np.float32(0.35))
    return alpha


# Marks of the marker.


def _wander(rng: np.random.Generator, steps: int, bend: float) -> Points:
    """Draw a smooth line of length 1 with random changes of direction, centred at its middle."""
    heading = rng.uniform(0, 2 * math.pi) + np.cumsum(np.cumsum(rng.normal(0, bend, steps)) / 2)
    points = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0) / steps
    return np.asarray(points - points.mean(0))


def _scrawl(rng: np.random.Generator) -> Mark:
    return [(1.3 * _wander(rng, 40, 0.12), float(rng.uniform(0.06, 0.11)))]


def _scribble(rng: np.random.Generator) -> Mark:
    """Draw strokes to and fro, as if crossing something out."""
    turns = int(rng.integers(5, 10))
    x = np.linspace(-0.45, 0.45, turns) + rng.normal(0, 0.03, turns)
    y = np.where(np.arange(turns) % 2, 0.22, -0.22) + rng.normal(0, 0.06, turns)
    return [(np.stack([x, y], 1), float(rng.uniform(0.04, 0.07)))]


def _tag(rng: np.random.Generator) -> Mark:
    """Write two to four slanted letters."""
    n = int(rng.integers(2, 5))
    width, slant = float(rng.uniform(0.06, 0.09)), float(rng.uniform(-0.35, 0.1))
    mark: Mark = []
    for i in range(n):
        for stroke in _LETTERS[int(rng.integers(len(_LETTERS)))].split():
            grid = np.array(list(stroke), float).reshape(-1, 2)
            points = (grid - (1, 2)) * (0.13, 0.11) + rng.normal(0, 0.012, grid.shape)
            points[:, 0] += 0.36 * (i - (n - 1) / 2) + slant * points[:, 1]
            mark.append((points, width))
    return mark


def _rings(rng: np.random.Generator) -> Mark:
    """Draw a circle or a spiral that looks hand-drawn."""
    turns = float(rng.choice([1.1, 2.2, 3.1]))
    angle = np.linspace(0, turns * 2 * math.pi, 40) + rng.uniform(0, 6)
    radius = np.linspace(0.32, 0.32 if turns < 2 else 0.07, 40) * rng.uniform(0.8, 1.1)
    points = np.stack([np.cos(angle) * radius, np.sin(angle) * radius * rng.uniform(0.7, 1)], 1)
    return [(points, float(rng.uniform(0.05, 0.08)))]


def _arrow(rng: np.random.Generator) -> Mark:
    width = float(rng.uniform(0.06, 0.09))
    shaft = np.stack([np.linspace(-0.45, 0.45, 12), 0.1 * np.sin(np.linspace(0, rng.uniform(1, 5), 12))], 1)
    head = shaft[-1] + np.array([(-0.2, -0.16), (0.0, 0.0), (-0.2, 0.16)])
    return [(shaft, width), (head, width)]


# Marks of the spray can.


def _stripe(rng: np.random.Generator) -> Mark:
    """Spray a broad line with paint running down from it."""
    points, width = 0.9 * _wander(rng, 24, 0.07), float(rng.uniform(0.15, 0.22))
    return [(points, width), *_drips(rng, points[:: 24 // int(rng.integers(2, 5))])]


def _drips(rng: np.random.Generator, starts: Points) -> Mark:
    mark: Mark = []
    for start in starts:
        length = float(rng.uniform(0.12, 0.42))
        mark += [
            (start + np.array([(0, 0), (0, length)]), 0.035),
            (start + np.array([(0, length), (0, length + 0.02)]), 0.055),
        ]
    return mark


def _blob(rng: np.random.Generator) -> Mark:
    """Spray a disc or a ring, with drips."""
    angle = np.linspace(0, 2 * math.pi, 28)
    radius = float(rng.uniform(0.14, 0.24))
    circle = np.stack([np.cos(angle), np.sin(angle)], 1) * radius
    disc = (circle, 0.0) if rng.random() < 0.6 else (circle, radius * 0.6)
    return [disc, *_drips(rng, circle[[4, 9]] * (0.8, 0.6))]


def _star(rng: np.random.Generator) -> Mark:
    points = int(rng.integers(5, 8))
    angle = np.arange(2 * points) * math.pi / points + rng.uniform(0, 6)
    radius = np.where(np.arange(2 * points) % 2, 0.14, 0.32)
    return [(np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None], 0.0)]


def _splatter(rng: np.random.Generator) -> Mark:
    """Throw drops of paint, with smaller drops farther out."""
    mark: Mark = []
    for _ in range(int(rng.integers(10, 22))):
        far, angle = abs(rng.normal(0, 0.24)), rng.uniform(0, 2 * math.pi)
        spot = far * np.array([math.cos(angle), math.sin(angle)])
        mark.append((np.stack([spot, spot * 1.06]), float(rng.uniform(0.05, 0.17) / (1 + 3 * far))))
    return mark


_MARKS: dict[str, tuple[Callable[[np.random.Generator], Mark], ...]] = {
    "marker": (_scrawl, _scribble, _tag, _rings, _arrow, _tag),
    "spray": (_stripe, _blob, _star, _splatter, _stripe),
}
STYLES = tuple(_MARKS)
