"""Product photos of seven guitar models, drawn by code: the data of the guitar classifier.

Every picture is a pure function of (model, size, seed, index). `guitar_shapes` has the measures of each model. This
module draws a random look (finish, hardware, camera), and then paints it. Pillow paints the flat parts on a larger
canvas, which is then shrunk. NumPy paints the light, bursts and grain of the body.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import multiprocessing
import operator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dustaug._extras import name_extra

with name_extra("guitar", "dustaug.examples", "PIL"):
    from PIL import Image

from .guitar_looks import Look, draw_look
from .guitar_parts import Camera, Floats, Pen, blur, curve, draw_parts
from .guitar_shapes import MODELS, SHAPES

__all__ = ["MAX_SIZE", "MODELS", "Guitars", "Picture", "draw_guitar", "make_guitars"]

MAX_SIZE = 4096
"""Greatest side of a picture in pixels."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture, uint8 of shape (size, size, 3), and the pixels of the guitar's body, bool of shape (size, size)."""

    image: NDArray[np.uint8]
    body: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Guitars:
    """Pictures uint8 (n, size, size, 3), labels int64 (n,) as indices of MODELS, and bodies bool (n, size, size)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    bodies: NDArray[np.bool_]


def make_guitars(per_model: int, *, size: int = 224, seed: int = 0, processes: int = 1) -> Guitars:
    """Draw `per_model` pictures of each model; the models take turns.

    Picture i is ``draw_guitar(MODELS[i % 7], size=size, seed=seed, index=i)``, for any number of pictures and of
    processes.

    Parameters
    ----------
    per_model : int
        Number of pictures of each model, at least 1.
    size : int
        Height and width in pixels, at least 32.
    seed : int
        Not negative. Give the training, validation and test sets different seeds.
    processes : int
        Number of processes that draw, at least 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is no whole number, or too small.

    Examples
    --------
    >>> guitars = make_guitars(2, size=32)
    >>> guitars.images.shape, guitars.labels[:8]
    ((14, 32, 32, 3), array([0, 1, 2, 3, 4, 5, 6, 0]))
    """
    n = whole("per_model", per_model, 1) * len(MODELS)
    draw = functools.partial(_draw_numbered, whole("size", size, 32, MAX_SIZE), whole("seed", seed, 0))
    processes = whole("processes", processes, 1)
    if processes == 1:
        pictures = list(map(draw, range(n)))
    else:
        # A fork of a process with threads can hang, and NumPy may have threads.
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            pictures = list(pool.map(draw, range(n), chunksize=16))
    return Guitars(
        np.stack([picture.image for picture in pictures]),
        np.arange(n, dtype=np.int64) % len(MODELS),
        np.stack([picture.body for picture in pictures]),
    )


def draw_guitar(model: str, *, size: int = 224, seed: int = 0, index: int = 0) -> Picture:
    """Draw one guitar.

    Parameters
    ----------
    model : str
        One of :data:`MODELS`.
    size : int
        Height and width in pixels, at least 32.
    seed, index : int
        The choice among the many looks of the model; not negative.

    Raises
    ------
    TypeError, ValueError
        If the model is unknown, or a number is not whole or too small.

    Examples
    --------
    >>> picture = draw_guitar("Jazzmaster", size=96, seed=7, index=3)
    >>> picture.image.shape, picture.body.shape
    ((96, 96, 3), (96, 96))
    """
    if not isinstance(model, str) or model not in SHAPES:
        raise ValueError(f"model must be one of {', '.join(map(repr, MODELS))}, got {model!r}")
    size = whole("size", size, 32, MAX_SIZE)
    key = (whole("seed", seed, 0), whole("index", index, 0), MODELS.index(model))
    looks, grains = (np.random.Generator(np.random.Philox(key)) for key in np.random.SeedSequence(key).spawn(2))
    look = draw_look(looks, model)
    return _paint(Camera.of(look, size), look, grains)


def _draw_numbered(size: int, seed: int, index: int) -> Picture:
    return draw_guitar(MODELS[index % len(MODELS)], size=size, seed=seed, index=index)


def whole(name: str, value: Any, low: int, high: int = 2**63 - 1) -> int:
    """Return a whole number from `low` to `high`, or raise with its name."""
    hint = f"type {name}={max(low, 1)}"
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}: {hint}")
    if number < low:
        raise ValueError(f"{name} must be a whole number not below {low}, got {value!r}: {hint}")
    if number > high:
        raise ValueError(f"{name} must be a whole number not above {high}, got a larger one: {hint}")
    return number


def _paint(camera: Camera, look: Look, rng: np.random.Generator) -> Picture:
    times = 4 if camera.size <= 128 else 3
    large = camera.enlarged(times)
    mask = Image.new("L", (large.size, large.size))
    Pen(large, mask).polygon(curve(look.shape.outline), 255)
    body = np.asarray(mask.reduce(times), np.float32) / np.float32(255)
    parts = Image.new("RGBA", (large.size, large.size))
    draw_parts(Pen(large, parts), look)
    layer = np.asarray(parts.convert("RGBa").reduce(times), np.float32)
    over = layer[..., 3] / np.float32(255)

    unit = camera.scale
    distance, softness, darkness = look.shadow
    towards = (-math.sin(look.light) * unit, -math.cos(look.light) * unit)
    picture = _backdrop(camera, look)
    cast = blur(np.maximum(body, over), softness * unit, (distance * towards[0], distance * towards[1]))
    picture *= 1 - darkness * cast[..., None]

    paint = _lit(_finish(camera, look, body, rng), camera, look, body)
    contact = blur(over, 2.2 * unit, (2.5 * towards[0], 2.5 * towards[1]))
    paint *= 1 - 0.4 * contact[..., None]
    picture += (paint - picture) * body[..., None]
    sheen = _gloss(camera, look)[..., None] * 0.45
    picture *= 1 - over[..., None]
    picture += layer[..., :3] * (1 - sheen) + 255 * sheen * over[..., None]
    return Picture(_photograph(picture, camera, look, rng), body > 0.5)


def _backdrop(camera: Camera, look: Look) -> Floats:
    y, x = np.mgrid[: camera.size, : camera.size].astype(np.float32) / camera.size - 0.5
    falling = look.fade * ((y + 0.5) * math.sin(look.light) ** 2 + 1.2 * (x * x + y * y))
    light: Floats = np.asarray(look.backdrop, np.float32) - falling[..., None].astype(np.float32)
    return light


def _finish(camera: Camera, look: Look, body: Floats, rng: np.random.Generator) -> Floats:
    """Return the colour of every pixel of the body, before light falls on it."""
    x, y = camera.grid()
    colours = np.array(look.colours, np.float32)
    wood = _noise_along(rng, x + 9 * np.sin(y / 110 + rng.uniform(0, 6)), 7)
    if look.finish == "wood":
        return _mix(colours[0], colours[1], 0.5 + 0.45 * wood)
    if look.finish == "burst":
        depth = (2 * blur(body, 34 * camera.scale) - 0.9).clip(0, 1)
        inner = _mix(colours[1], colours[0], ((depth - 0.35) / 0.55).clip(0, 1))
        paint: Floats = _mix(colours[2], inner, (depth / 0.45).clip(0, 1))
        curl = look.flame * _noise_along(rng, y + 0.3 * abs(x), 11) + 0.04 * wood
        paint *= (1 + curl * depth)[..., None]
        return paint
    paint = np.broadcast_to(colours[0], (*body.shape, 3)).copy()
    if look.stripe:
        along = 0.82 * x - 0.57 * y + 122
        for place, width, factor in ((0, 11, 1.0), (-21, 5, 0.8), (21, 5, 0.8)):
            band = (1.2 + (width - abs(along - place)) * camera.scale).clip(0, 1)[..., None]
            paint += band * (_contrast(colours[0], factor) - paint)
    if look.finish == "metallic":
        paint *= 1 + rng.normal(0, 0.035, body.shape).astype(np.float32)[..., None]
    return paint


def _contrast(colour: Floats, factor: float) -> Floats:
    """Return the colour of a stripe: dark on light paint, white on dark paint."""
    return colour * (0.35 * factor) if colour.mean() > 120 else np.float32(235 * factor) + 0 * colour


def _noise_along(rng: np.random.Generator, place: Floats, step: float) -> Floats:
    """Return smooth noise within -1…1 that depends on one coordinate, with knots every `step` millimetres."""
    knots = rng.uniform(-1, 1, 256)
    return np.interp(place, (np.arange(256) - 128) * step, knots).astype(np.float32)


def _mix(first: Floats, second: Floats, share: Floats) -> Floats:
    return first + (second - first) * share[..., None]


def _lit(paint: Floats, camera: Camera, look: Look, body: Floats) -> Floats:
    """Add light on the rounded edges, and reflections in the lacquer."""
    height = blur(body, max(0.7, look.shape.edge * camera.scale))
    down, right = np.gradient(height)
    slope = (down * math.sin(look.light) + right * math.cos(look.light)) * -max(0.7, look.shape.edge * camera.scale)
    metal = 1.7 if look.finish == "metallic" else 1.0
    shine = (_gloss(camera, look) * metal + 0.5 * slope.clip(0)).clip(0, 0.8)[..., None]
    rim = 0.75 + 0.25 * (2 * height - 1).clip(0, 1) ** 0.5
    lit: Floats = paint * ((1 + 0.9 * slope.clip(-0.6, 0.3)) * rim)[..., None]
    lit += (255 - lit) * shine
    return lit


def _gloss(camera: Camera, look: Look) -> Floats:
    y, x = np.mgrid[: camera.size, : camera.size].astype(np.float32) / camera.size - 0.5
    along = x * math.cos(look.gloss_angle) + y * math.sin(look.gloss_angle) - look.gloss_place
    gloss: Floats = look.gloss * np.exp(-((along / 0.16) ** 2)).astype(np.float32)
    return gloss


def _photograph(picture: Floats, camera: Camera, look: Look, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add exposure, blur and noise of the camera."""
    sharp = look.blur * camera.size / 448
    if sharp > 0.3:
        picture = np.stack([blur(picture[..., channel], sharp) for channel in range(3)], -1)
    picture = picture * (np.array(look.tint, np.float32) * look.gain)
    picture = picture + rng.normal(0, look.noise, picture.shape[:2]).astype(np.float32)[..., None]
    return np.rint(picture).clip(0, 255).astype(np.uint8)
