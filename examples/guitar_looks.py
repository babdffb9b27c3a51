"""The random choices of one picture of a guitar: finish, hardware and camera."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .guitar_shapes import SHAPES, Outline, Pickup, Shape

__all__ = ["BLACK", "EBONY", "IVORY", "MAPLE", "PEARL", "ROSEWOOD", "Colour", "Look", "draw_look"]

Colour = tuple[int, int, int]

# All models share these, so the colour does not give away the model.
SOLIDS: tuple[Colour, ...] = (
    (24, 24, 26), (240, 238, 230), (234, 222, 184), (206, 42, 40), (150, 22, 34), (92, 20, 34), (222, 118, 96),
    (238, 158, 178), (240, 200, 84), (232, 128, 40), (158, 208, 178), (120, 184, 202), (40, 92, 158), (24, 40, 88),
    (34, 92, 62), (108, 130, 82), (96, 62, 130), (128, 132, 138),
)  # fmt: skip
METALLICS: tuple[Colour, ...] = (
    (186, 190, 196), (190, 158, 88), (112, 142, 172), (138, 40, 48), (74, 104, 84), (62, 66, 76), (88, 70, 120),
)  # fmt: skip
# These run from the middle of the body to its edge.
BURSTS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((222, 160, 74), (158, 62, 30), (26, 18, 16)),
    ((226, 172, 88), (176, 106, 44), (44, 26, 18)),
    ((236, 180, 78), (204, 88, 44), (140, 26, 30)),
    ((216, 168, 104), (150, 98, 52), (60, 36, 22)),
    ((196, 198, 202), (120, 124, 130), (28, 28, 32)),
    ((118, 176, 210), (52, 104, 166), (16, 26, 58)),
    ((206, 92, 70), (150, 36, 36), (48, 14, 18)),
)
# The light and the dark colour of the grain.
WOODS: tuple[tuple[Colour, Colour], ...] = (
    ((232, 198, 142), (206, 162, 102)),
    ((222, 178, 112), (190, 138, 76)),
    ((168, 96, 56), (130, 68, 38)),
    ((116, 68, 44), (84, 46, 30)),
    ((204, 148, 88), (168, 110, 58)),
)
GUARDS: tuple[Colour, ...] = (
    (246, 246, 242), (26, 26, 28), (118, 46, 26), (206, 226, 204), (236, 226, 194), (214, 208, 196), (64, 22, 18),
)  # fmt: skip
DARK_GUARDS = (GUARDS[1], GUARDS[2], GUARDS[6])
COVERS: tuple[Colour, ...] = ((244, 244, 240), (28, 28, 30), (234, 222, 186), (204, 222, 200))
METALS: tuple[Colour, ...] = ((196, 200, 206), (196, 200, 206), (208, 168, 84), (52, 52, 56))
MAPLE, ROSEWOOD, EBONY = (226, 178, 108), (84, 52, 36), (40, 34, 34)
BLACK, IVORY, PEARL = (22, 22, 24), (238, 232, 212), (228, 230, 226)


@dataclasses.dataclass(frozen=True)
class Look:
    """All choices of one picture."""

    shape: Shape
    finish: str
    colours: tuple[Colour, ...]
    flame: float
    stripe: bool
    binding: Colour | None
    guard: Outline | None
    guard_colour: Colour
    pickups: tuple[Pickup, ...]
    cover: Colour
    metal_covers: bool
    metal: Colour
    knob: Colour
    board: Colour
    blocks: bool
    head: str
    head_colour: Colour
    arm: bool
    mirrored: bool
    whole: bool
    zoom: float
    angle: float
    stretch: float
    centre: tuple[float, float]
    light: float
    gloss: float
    gloss_place: float
    gloss_angle: float
    backdrop: Colour
    fade: float
    shadow: tuple[float, float, float]
    gain: float
    tint: tuple[float, float, float]
    blur: float
    noise: float


def draw_look(rng: np.random.Generator, model: str) -> Look:
    """Draw all choices of one picture."""
    shape = SHAPES[model]
    acoustic = not shape.knobs
    finish = _pick(rng, ("solid", "burst", "wood", "metallic"), (3, 4, 7, 1) if acoustic else (9, 5, 4, 3))
    colours = _draw_colours(rng, finish)
    maple = rng.random() < (0.45 if shape.scale > 640 and not acoustic else 0.1)
    board = MAPLE if maple else _pick(rng, (ROSEWOOD, EBONY))
    head = _pick(rng, shape.heads)
    plain = MAPLE if head in ("fender", "telecaster") else _pick(rng, (BLACK, ROSEWOOD, BLACK))
    guard = _pick(rng, shape.guards) if rng.random() < shape.guard_chance else None
    return Look(
        shape=shape,
        finish=finish,
        colours=colours,
        flame=float(rng.uniform(0.04, 0.12)) if finish == "burst" and rng.random() < 0.4 else 0.0,
        stripe=bool(finish != "burst" and rng.random() < shape.stripe_chance),
        binding=IVORY if rng.random() < shape.binding_chance else None,
        guard=guard,
        guard_colour=_pick(rng, DARK_GUARDS if acoustic else GUARDS),
        pickups=_pick(rng, shape.pickups),
        cover=_pick(rng, COVERS),
        metal_covers=bool(rng.random() < 0.6),
        metal=_pick(rng, METALS),
        knob=_pick(rng, ((240, 238, 230), BLACK, BLACK, (206, 166, 84), (190, 194, 200))),
        board=board,
        blocks=bool(rng.random() < (0.6 if shape.bridge == "stop" else 0.15)),
        head=head,
        head_colour=colours[-1] if rng.random() < 0.2 else plain,
        arm=bool(rng.random() < 0.5),
        mirrored=bool(rng.random() < 0.15),
        whole=bool(rng.random() < 0.1),
        zoom=float(rng.uniform(1.12, 1.6)),
        angle=float(rng.uniform(-8, 8) if rng.random() < 0.85 else rng.uniform(-22, 22)),
        stretch=float(rng.uniform(0.97, 1.03)),
        centre=(float(rng.uniform(0.45, 0.55)), float(rng.uniform(0.5, 0.58))),
        light=float(rng.uniform(-2.6, -0.6)),
        gloss=float(rng.uniform(0.04, 0.3)),
        gloss_place=float(rng.uniform(-0.25, 0.25)),
        gloss_angle=float(rng.uniform(-0.9, 0.9)),
        backdrop=_pick(rng, ((255, 255, 255), (250, 250, 250), (238, 239, 241), (243, 240, 234), (234, 238, 242))),
        fade=float(rng.uniform(0, 22) if rng.random() < 0.7 else 0),
        shadow=(float(rng.uniform(5, 20)), float(rng.uniform(6, 22)), float(rng.uniform(0.12, 0.42))),
        gain=float(rng.uniform(0.94, 1.03)),
        tint=tuple(rng.uniform(0.98, 1.02, 3).tolist()),
        blur=float(rng.uniform(0, 1.1)),
        noise=float(rng.uniform(0, 2.5)),
    )


def _pick(rng: np.random.Generator, choices: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    shares = None if weights is None else np.divide(weights, sum(weights))
    return choices[int(rng.choice(len(choices), p=shares))]


def _draw_colours(rng: np.random.Generator, finish: str) -> tuple[Colour, ...]:
    """Draw the colours of a finish, each slightly different from the usual one."""
    chosen = _pick(rng, {"solid": SOLIDS, "metallic": METALLICS, "burst": BURSTS, "wood": WOODS}[finish])
    colours = np.array(chosen).reshape(-1, 3) * rng.uniform(0.9, 1.1) + rng.normal(0, 4, 3)
    return tuple(tuple(colour) for colour in colours.clip(8, 250).astype(int).tolist())
