"""Draw the parts of a guitar, from pickguard to head, as flat shapes in millimetres of the instrument."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("guitar", "dustaug.examples", "PIL"):
    from PIL import Image, ImageDraw

from .guitar_looks import BLACK, EBONY, IVORY, MAPLE, PEARL, ROSEWOOD, Colour, Look
from .guitar_shapes import HEADS, Outline, Pickup

__all__ = ["Camera", "Floats", "Pen", "blur", "curve", "draw_parts"]

Curve = NDArray[np.float64]
Floats = NDArray[np.float32]


@functools.cache
def curve(outline: Outline, steps: int = 8) -> Curve:
    """Return points of a smooth closed curve through an outline: cubic pieces, with tangents by chord length."""
    points: Curve = np.array([point[:2] for point in outline], float)
    corner = np.array([[len(point) == 3] for point in outline])
    ahead = np.roll(points, -1, 0) - points
    length = np.hypot(*ahead.T)[:, None]
    ahead, behind, before = ahead / length, np.roll(ahead / length, 1, 0), np.roll(length, 1, 0)
    tangent = (ahead * before + behind * length) / (length + before)
    start = np.where(corner, ahead, tangent) * length
    end = np.roll(np.where(corner, behind, tangent), -1, 0) * length
    t = (np.arange(steps) / steps)[:, None, None]
    blend: Curve = points + (3 - 2 * t) * t**2 * (ahead * length) + t * (1 - t) ** 2 * start - t**2 * (1 - t) * end
    return blend.transpose(1, 0, 2).reshape(-1, 2)


def blur(field: Floats, radius: float, shift: tuple[float, float] = (0, 0)) -> Floats:
    """Blur with approximately a Gaussian of `radius` pixels, and move the result by `shift` (y, x)."""
    for move in shift:
        field = _blur_down(field, radius, move).T
    return field


def _blur_down(field: Floats, radius: float, move: float) -> Floats:
    """Blur along the first axis with three box filters, computed as differences of running sums.

    A product of matrices would be as fast, but the threads of BLAS wait for each other on a busy machine.
    """
    variance = radius**2 / 3
    # The box has at most three pixels; it weights the outer ones by their covered parts.
    width = 1 / (1 - variance) if variance < 2 / 3 else math.sqrt(12 * variance + 1)
    low, high = 0.5 - width / 2 - move / 3, 0.5 + width / 2 - move / 3
    pad = math.ceil(1.5 * width + abs(move)) + 4
    rows = np.pad(field, ((pad, pad), (0, 0)), mode="edge")
    for _ in range(3):
        sums = np.zeros((len(rows) + 1, rows.shape[1]), np.float32)
        np.cumsum(rows, 0, out=sums[1:])
        below, above = math.floor(low), math.floor(high)
        first, last = max(0, -below), len(rows) - max(0, above)
        rows = (_between(sums, first, last, high) - _between(sums, first, last, low)) / np.float32(width)
        pad -= first
    return rows[pad : pad + len(field)]


def _between(sums: Floats, first: int, last: int, offset: float) -> Floats:
    """Return running sums at fractional positions: `offset` after each of the rows first to last."""
    whole, part = math.floor(offset), np.float32(offset % 1)
    lower = sums[first + whole : last + whole]
    return lower + part * (sums[first + whole + 1 : last + whole + 1] - lower)


@dataclasses.dataclass(frozen=True)
class Camera:
    """The map from millimetres of the guitar to pixels of the picture: pixel = matrix @ point + offset."""

    size: int
    matrix: Curve
    offset: Curve
    scale: float

    @staticmethod
    def of(look: Look, size: int) -> Camera:
        """Aim at the body or at the whole guitar; the look says which."""
        body = curve(look.shape.outline)
        (left, top), (right, bottom) = body.min(0), body.max(0)
        if look.whole:
            top = -look.shape.scale - 190
        extent = max(bottom - top, 1.1 * (right - left)) * (1 + 0.2 * (look.zoom - 1) if look.whole else look.zoom)
        scale, turn = size / float(extent), math.radians(look.angle)
        rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        matrix = rotation @ np.diag([(-scale if look.mirrored else scale) * look.stretch, scale])
        place = np.array([0.5, 0.5] if look.whole else look.centre) * size
        return Camera(size, matrix, place - matrix @ [(left + right) / 2, (top + bottom) / 2], scale)

    def enlarged(self, times: int) -> Camera:
        """Return the camera of the same picture with more pixels."""
        return Camera(self.size * times, self.matrix * times, self.offset * times, self.scale * times)

    def project(self, points: Any) -> Curve:
        """Return the pixels of points."""
        pixels: Curve = np.asarray(points, float) @ self.matrix.T + self.offset
        return pixels

    def grid(self) -> tuple[Floats, Floats]:
        """Return x and y of every pixel in millimetres of the guitar."""
        y, x = np.mgrid[: self.size, : self.size] + 0.5 - self.offset[::-1, None, None]
        inverse = np.linalg.inv(self.matrix)
        return (
            (inverse[0, 0] * x + inverse[0, 1] * y).astype(np.float32),
            (inverse[1, 0] * x + inverse[1, 1] * y).astype(np.float32),
        )


class Pen:
    """A pen that draws in millimetres of the guitar."""

    def __init__(self, camera: Camera, image: Image.Image) -> None:
        self.camera = camera
        self.draw = ImageDraw.Draw(image)

    def polygon(self, points: Any, colour: Any) -> None:
        """Fill a polygon."""
        self.draw.polygon(self.camera.project(points).ravel().tolist(), fill=colour)

    def line(self, points: Any, width: float, colour: Any) -> None:
        """Draw a line, at least one pixel wide."""
        pixels = self.camera.project(points).ravel().tolist()
        self.draw.line(pixels, fill=colour, width=max(1, round(width * self.camera.scale)), joint="curve")

    def disc(self, x: float, y: float, radius: float, colour: Any) -> None:
        """Fill a disc about (x, y)."""
        (x, y), radius = self.camera.project((x, y)), radius * self.camera.scale
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def slab(
        self, x: float, y: float, width: float, height: float, colour: Any, *, angle: float = 0, radius: float = 3
    ) -> None:
        """Draw a rectangle with round corners about (x, y), turned clockwise by `angle` degrees."""
        self.polygon(_slab(width, height, min(radius, width / 2, height / 2), angle) + (x, y), colour)  # noqa: RUF005

    def raised(
        self, x: float, y: float, width: float, height: float, colour: Colour, *, angle: float = 0, radius: float = 3
    ) -> None:
        """Draw a slab with a dark rim and a bright top."""
        self.slab(x, y, width + 2.5, height + 2.5, _shade(colour, 0.5), angle=angle, radius=radius + 1)
        self.slab(x, y, width, height, colour, angle=angle, radius=radius)
        self.slab(x - 0.5, y - 0.2 * height, width - 5, height * 0.22, _shade(colour, 1.22), angle=angle, radius=radius)


@functools.lru_cache(512)
def _slab(width: float, height: float, radius: float, angle: float) -> Curve:
    turns = np.arange(0, 4, 0.25).reshape(4, 4) + np.linspace(0, 0.08, 4)
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])[:, None] * (width / 2 - radius, height / 2 - radius)
    arcs = np.stack([np.cos(turns * math.pi / 2), np.sin(turns * math.pi / 2)], -1) * radius
    turn = math.radians(angle)
    return (corners + arcs).reshape(-1, 2) @ [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, int(channel * factor)) for channel in colour)
    return red, green, blue


def draw_parts(pen: Pen, look: Look) -> None:
    """Draw all parts except the paint of the body, from the bottom to the top."""
    shape = look.shape
    if look.binding:
        pen.polygon(curve(shape.outline), look.binding)
        pen.polygon(_inset(curve(shape.outline), 5), (0, 0, 0, 0))
    if not shape.knobs:
        _draw_sound_hole(pen)
    if look.guard:
        _draw_guard(pen, look, curve(look.guard))
    for plate in shape.plates:
        pen.polygon(curve(plate), _shade(look.metal, 0.55))
        pen.polygon(_inset(curve(plate), 1.5), look.metal)
        pen.polygon(_inset(curve(plate), 7), _shade(look.metal, 1.15))
    BRIDGES[shape.bridge](pen, look)
    for pickup in look.pickups:
        PICKUPS[pickup.kind](pen, look, pickup)
    _draw_neck(pen, look)
    _draw_controls(pen, look)
    _draw_head(pen, look)
    _draw_strings(pen, look)


def _inset(points: Curve, distance: float) -> Curve:
    """Move a closed curve inwards."""
    along = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1) / np.hypot(*along.T)[:, None]
    x, y = points.T
    inwards = np.sign(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    moved: Curve = points + normal * distance * inwards
    return moved


def _draw_guard(pen: Pen, look: Look, edge: Curve) -> None:
    dark = sum(look.guard_colour) < 240
    pen.polygon(edge, (206, 204, 198) if dark else _shade(look.guard_colour, 0.62))
    pen.polygon(_inset(edge, 2.2), look.guard_colour)
    if look.shape.knobs:
        for x, y in _inset(edge, 6)[:: len(edge) // 11]:
            pen.disc(x, y, 1.7, (150, 152, 154))


def _draw_sound_hole(pen: Pen) -> None:
    for radius, colour in (
        (64, EBONY),
        (61.5, IVORY),
        (59, ROSEWOOD),
        (55, IVORY),
        (53, (30, 20, 16)),
        (49, (52, 34, 24)),
    ):
        pen.disc(0, -152, radius, colour)
    pen.disc(4, -146, 42, (40, 26, 20))


def _draw_single(pen: Pen, look: Look, pickup: Pickup) -> None:
    pen.slab(0, pickup.y, 87, 23, _shade(look.cover, 0.55), angle=pickup.slant, radius=11)
    pen.slab(0, pickup.y, 84, 20, look.cover, angle=pickup.slant, radius=10)
    _draw_poles(pen, pickup, 0, (120, 122, 126))


def _draw_soapbar(pen: Pen, look: Look, pickup: Pickup) -> None:
    pen.slab(0, pickup.y, 97, 46, _shade(look.cover, 0.5), angle=pickup.slant, radius=9)
    pen.slab(0, pickup.y, 93, 42, look.cover, angle=pickup.slant, radius=8)
    pen.slab(0, pickup.y - 12, 80, 4, _shade(look.cover, 1.15), angle=pickup.slant)
    _draw_poles(pen, pickup, 0, (120, 122, 126))


def _draw_humbucker(pen: Pen, look: Look, pickup: Pickup) -> None:
    ring = _shade(look.cover, 0.9)
    pen.slab(0, pickup.y, 93, 50, _shade(ring, 0.5), radius=4)
    pen.slab(0, pickup.y, 90, 47, ring, radius=3)
    if look.metal_covers:
        pen.raised(0, pickup.y, 70, 36, look.metal, radius=5)
        _draw_poles(pen, pickup, 9, _shade(look.metal, 0.6))
        return
    for side in (-9, 9):
        pen.slab(0, pickup.y + side, 70, 17, BLACK, radius=8)
        _draw_poles(pen, pickup, side, (176, 178, 182))


def _draw_lipstick(pen: Pen, look: Look, pickup: Pickup) -> None:
    pen.raised(0, pickup.y, 74, 18, look.metal, radius=8)


def _draw_poles(pen: Pen, pickup: Pickup, shift: float, colour: Colour) -> None:
    rise = math.tan(math.radians(pickup.slant))
    for x in np.linspace(-26, 26, 6).tolist():
        pen.disc(x, pickup.y + shift + x * rise, 2.6, colour)


def _draw_saddles(pen: Pen, look: Look, height: float) -> None:
    for x in np.linspace(-27, 27, 6).tolist():
        pen.slab(x, 0, 9, height, _shade(look.metal, 0.72), radius=2)
        pen.slab(x - 0.5, 0, 6.5, height - 2, _shade(look.metal, 1.1), radius=2)


def _draw_arm(pen: Pen, look: Look, y: float) -> None:
    if look.arm:
        path = [(36, y), (50, y + 4), (64, y - 16), (74, y - 60), (80, y - 78)]
        pen.line(path, 6, _shade(look.metal, 0.6))
        pen.line(path, 4, look.metal)
        pen.disc(80, y - 78, 5, look.cover)


def _draw_tremolo(pen: Pen, look: Look) -> None:
    pen.raised(0, 8, 82, 46, look.metal)
    _draw_saddles(pen, look, 26)
    _draw_arm(pen, look, 22)


def _draw_floating(pen: Pen, look: Look) -> None:
    pen.slab(0, 0, 96, 15, _shade(look.metal, 0.5), radius=7)
    pen.raised(0, 0, 88, 18, look.metal, radius=4)
    _draw_saddles(pen, look, 14)
    plate = np.array([(-40, 66), (40, 66), (40, 88), (27, 148), (-27, 148), (-40, 88)])
    pen.polygon(_inset(plate, -1.5), _shade(look.metal, 0.5))
    pen.polygon(plate, look.metal)
    pen.polygon(_inset(plate, 8), _shade(look.metal, 1.14))
    pen.slab(0, 76, 66, 9, _shade(look.metal, 0.55), radius=4)
    pen.slab(0, 112, 8, 22, _shade(look.metal, 0.55), radius=4)
    _draw_arm(pen, look, 92)


def _draw_mustang(pen: Pen, look: Look) -> None:
    plate = np.array([(-48, -14), (48, -14), (50, 74), (40, 84), (-40, 84), (-50, 74)])
    pen.polygon(_inset(plate, -1.5), _shade(look.metal, 0.5))
    pen.polygon(plate, look.metal)
    pen.slab(0, 34, 84, 30, _shade(look.metal, 1.12), radius=4)
    pen.raised(0, 58, 76, 13, _shade(look.metal, 0.9), radius=6)
    pen.slab(0, 0, 86, 19, _shade(look.metal, 0.5), radius=4)
    _draw_saddles(pen, look, 14)
    _draw_arm(pen, look, 60)


def _draw_stop(pen: Pen, look: Look) -> None:
    for x in (-42, 42):
        pen.disc(x, 45, 9, _shade(look.metal, 0.6))
        pen.disc(x, 0, 8, _shade(look.metal, 0.6))
    pen.raised(0, 0, 88, 12, look.metal, angle=2, radius=5)
    for x in np.linspace(-26, 26, 6).tolist():
        pen.slab(x, 0.5, 5, 9, _shade(look.metal, 0.6))
    pen.raised(0, 46, 98, 15, look.metal, radius=7)


def _draw_ashtray(pen: Pen, look: Look) -> None:
    pen.slab(0, -18, 83, 93, _shade(look.metal, 0.5), radius=4)
    pen.slab(0, -18, 80, 90, look.metal, radius=3)
    pen.slab(0, -18, 72, 84, _shade(look.metal, 1.12), radius=3)
    for x in (-18, 0, 18):
        pen.raised(x, 4, 16, 8, _shade(look.metal, 0.9), radius=4)


def _draw_pins(pen: Pen, look: Look) -> None:
    half = ((0, 27), (26, 24), (50, 14), (78, 10), (78, -9), (66, -13), (30, -13))
    belly = half + tuple((-x, y) for x, y in half[:0:-1])
    wood = ROSEWOOD if look.board == MAPLE else look.board
    pen.polygon(curve(belly), _shade(wood, 0.6))
    pen.polygon(_inset(curve(belly), 2), wood)
    pen.slab(0, 0, 74, 4, IVORY, angle=3, radius=2)
    for x in np.linspace(-27, 27, 6).tolist():
        pen.disc(x, 13, 3.6, IVORY if look.metal_covers else BLACK)


PICKUPS: dict[str, Callable[[Pen, Look, Pickup], None]] = {
    "single": _draw_single,
    "soapbar": _draw_soapbar,
    "humbucker": _draw_humbucker,
    "lipstick": _draw_lipstick,
}
BRIDGES: dict[str, Callable[[Pen, Look], None]] = {
    "tremolo": _draw_tremolo,
    "floating": _draw_floating,
    "mustang": _draw_mustang,
    "stop": _draw_stop,
    "ashtray": _draw_ashtray,
    "pins": _draw_pins,
}


def _draw_controls(pen: Pen, look: Look) -> None:
    shape, radius = look.shape, look.shape.knob_radius
    for x, y in shape.knobs:
        pen.disc(x, y, radius + 1.5, _shade(look.knob, 0.5))
        pen.disc(x, y, radius, _shade(look.knob, 0.85))
        pen.disc(x - 0.5, y - 0.5, radius * 0.68, _shade(look.knob, 1.1))
    for x, y, angle in shape.slides:
        pen.raised(x, y, 34, 15, look.metal, angle=angle)
        pen.slab(x, y, 14, 6, BLACK, angle=angle)
    if shape.switch:
        x, y = shape.switch
        pen.disc(x, y, 8, IVORY if shape.bridge == "stop" else _shade(look.metal, 0.7))
        pen.line([(x, y), (x - 6, y - 9)], 5, look.cover)
    if shape.jack:
        pen.disc(*shape.jack, 8, _shade(look.metal, 0.9))
        pen.disc(*shape.jack, 4.5, BLACK)


def _half_width(look: Look, y: Any) -> Any:
    """Return half the width of the fingerboard at y."""
    return 28 - 6.5 * (y + 190) / (190 - look.shape.scale)


def _draw_neck(pen: Pen, look: Look) -> None:
    scale, frets = look.shape.scale, look.shape.frets
    fret = -scale / 2 ** (np.arange(frets + 2) / 12)
    end = fret[frets] + 5
    for grow, colour in ((1.8, _shade(look.board, 0.55)), (0, look.board)):
        top, bottom = _half_width(look, -scale) + grow, _half_width(look, end) + grow
        pen.polygon([(-top, -scale), (top, -scale), (bottom, end + grow), (-bottom, end + grow)], colour)
    inlay = BLACK if look.board == MAPLE else PEARL
    for number in (3, 5, 7, 9, 12, 15, 17, 19, 21):
        y = (fret[number - 1] + fret[number]) / 2
        if look.blocks:
            pen.slab(0, y, _half_width(look, y) * 1.35, (fret[number] - fret[number - 1]) * 0.62, inlay, radius=1)
        else:
            for x in (-11, 11) if number == 12 else (0,):
                pen.disc(x, y, 3.4, inlay)
        if number + 2 > frets:
            break
    for y in fret[1 : frets + 1].tolist():
        pen.line([(-_half_width(look, y), y), (_half_width(look, y), y)], 2.2, (192, 194, 190))


def _draw_head(pen: Pen, look: Look) -> None:
    outline, tuners = HEADS[look.head]
    edge = curve(outline) - (0, look.shape.scale)
    for x, y, side in tuners:
        pen.slab(x + 22 * side, y - look.shape.scale, 17, 12, _shade(look.metal, 0.8), radius=5)
        pen.slab(x + 12 * side, y - look.shape.scale, 14, 4, _shade(look.metal, 0.6))
    pen.polygon(edge, _shade(look.head_colour, 0.6))
    pen.polygon(_inset(edge, 1.5), look.head_colour)
    for x, y, side in tuners:
        pen.disc(x + 6 * (side < 0), y - look.shape.scale, 5, _shade(look.metal, 0.95))
    pen.slab(0, -look.shape.scale, 43, 5, IVORY, radius=1)


def _draw_strings(pen: Pen, look: Look) -> None:
    end = {"stop": 44.0, "floating": 74.0, "mustang": 58.0, "pins": 12.0}.get(look.shape.bridge, 2.0)
    for i, x in enumerate(np.linspace(-1, 1, 6).tolist()):
        colour = (196, 184, 156) if i < 3 else (206, 208, 210)
        pen.line([(17.5 * x, -look.shape.scale), (26.5 * x, 0), (26 * x, end)], 1.5 - 0.12 * i, colour)
