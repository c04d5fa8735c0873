"""Small and loose things of streets and yards: cars, tanks, frames, bins, rails, people. No label."""

from __future__ import annotations

import numpy as np

from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import Dice, frame, unit, vec
from core.yolo.scene.distractors import METALS
from core.yolo.scene.mesh import box, rod, tube
from core.yolo.scene.stage import Stage

CARS = [
    (200, 200, 200),
    (40, 40, 42),
    (125, 125, 120),
    (160, 40, 40),
    (40, 80, 140),
    (240, 240, 240),
    (90, 100, 80),
]
_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def draw_car(stage: Stage, x: float, z: float) -> None:
    """A car or a van, roughly."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 2:
        return
    axes = frame(dice.between(-3, 3))
    a, up, b = axes
    van = dice.chance(0.25)
    half, tall = (2.7, 0.9) if van else (2.2, 0.5)
    colour = dice.tint(dice.pick(CARS), 0.1)
    box(stage, foot + up * (0.3 + tall / 2), axes, (half, tall, 0.9), colour, object_id=HIDE)
    cabin = colour if van else np.array([50.0, 55, 60])
    box(
        stage,
        foot + up * (0.55 + tall * 1.5) + a * dice.between(-0.3, 0.3),
        axes,
        (half * 0.55, 0.4, 0.8),
        cabin,
        object_id=HIDE,
    )
    for front in (-1, 1):
        for side in (-1, 1):
            hub = foot + up * 0.33 + a * half * 0.62 * front
            tube(
                stage,
                hub + b * 0.8 * side,
                hub + b * 0.93 * side,
                0.33,
                0.33,
                (30, 30, 30),
                grain=0,
                caps=True,
            )


def draw_tank(stage: Stage, x: float, z: float) -> None:
    """A water tank on a braced stand."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    depth = stage.camera.depth(foot)
    if depth < 2:
        return
    a, up, b = frame(dice.between(-1.5, 1.5))
    height, radius = dice.between(2, 8), dice.between(0.5, 1.1)
    steel = dice.tint((112, 112, 110))
    for i, j in _SQUARE:
        start = foot + radius * (a * i + b * j)
        tube(stage, start, start * 0.9 + foot * 0.1 + up * height, 0.06, 0.06, steel, object_id=HIDE)
    lit = stage.light.lit(steel, None, depth)
    for share in (0.33, 0.66, 1.0):
        for axis in (a, b):
            middle = foot + up * height * share
            rod(stage, middle - axis * radius, middle + axis * radius, lit, 0.05)
    colour = dice.tint(dice.pick([(35, 35, 35), (60, 120, 190), (180, 180, 180), (60, 130, 60)]))
    for number in range(dice.count(1, 3)):
        base = foot + up * height + a * radius * 1.9 * number
        tube(
            stage, base, base + up * dice.between(1.2, 2.6), radius, radius, colour, object_id=HIDE, caps=True
        )


def draw_frame(stage: Stage, x: float, z: float) -> None:
    """A free-standing frame: goal, clothes line, gate, pergola."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 2:
        return
    a, up, _ = frame(dice.between(-1.2, 1.2))
    height, half, thick = dice.between(1.8, 6), dice.between(0.8, 4.5), dice.between(0.03, 0.12)
    colour = dice.tint(dice.pick([(200, 200, 200), (100, 95, 90), (100, 80, 60)]), 0.2)
    for side in (-1, 1):
        tube(
            stage,
            foot + a * side * half,
            foot + a * side * half + up * height,
            thick,
            thick,
            colour,
            strip="wood",
            grain=0.2,
            object_id=HIDE,
        )
    tube(
        stage,
        foot - a * half + up * height,
        foot + a * half + up * height,
        thick,
        thick,
        colour,
        strip="wood",
        grain=0.2,
    )


def draw_odds(stage: Stage, x: float, z: float) -> None:
    """Bins, mail boxes, guard rails, bollards and people."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 1.5:
        return
    axes = frame(dice.between(-1.5, 1.5))
    a, up, _ = axes
    kind = dice.pick(("bin", "mail", "rail", "person", "bollards"))
    if kind == "bin":
        tall = dice.between(0.4, 0.6)
        colour = dice.tint(
            dice.pick([(40, 80, 150), (42, 40, 40), (90, 90, 92), (70, 110, 60), (150, 50, 40)]), 0.2
        )
        box(
            stage,
            foot + up * tall,
            axes,
            (dice.between(0.22, 0.4), tall, dice.between(0.22, 0.4)),
            colour,
            object_id=HIDE,
        )
        box(
            stage,
            foot + up * (2 * tall + 0.04),
            axes,
            (0.35, 0.05, 0.38),
            dice.tint((50, 50, 50)),
            object_id=HIDE,
        )
    elif kind == "mail":
        tube(
            stage, foot, foot + up * 1.1, 0.05, 0.05, (120, 100, 80), strip="wood", grain=0.2, object_id=HIDE
        )
        box(stage, foot + up * 1.2, axes, (0.12, 0.13, 0.25), dice.tint(dice.pick(CARS)), object_id=HIDE)
    elif kind == "rail":
        count, colour = dice.count(3, 11), dice.tint((168, 168, 165), 0.15)
        for number in range(count):
            post = foot + a * 2 * number
            tube(stage, post, post + up * 0.75, 0.07, 0.07, colour * 0.8, object_id=HIDE)
        box(stage, foot + a * (count - 1) + up * 0.6, axes, (count, 0.15, 0.03), colour, object_id=HIDE)
    elif kind == "bollards":
        colour = dice.tint(dice.pick([(235, 200, 50), (200, 200, 200), (90, 90, 90)]))
        for number in range(dice.count(1, 5)):
            post = foot + a * 1.4 * number
            tube(
                stage, post, post + up * dice.between(0.8, 1.1), 0.09, 0.09, colour, caps=True, object_id=HIDE
            )
    else:
        tall = dice.between(1.1, 1.85)
        tube(stage, foot, foot + up * tall * 0.5, 0.12, 0.14, dice.tint((55, 55, 65), 0.3), object_id=HIDE)
        tube(
            stage,
            foot + up * tall * 0.5,
            foot + up * tall * 0.86,
            0.17,
            0.15,
            dice.spread(30, 220, 3),
            object_id=HIDE,
        )
        tube(
            stage,
            foot + up * tall * 0.86,
            foot + up * tall,
            0.09,
            0.09,
            (170, 130, 105),
            caps=True,
            object_id=HIDE,
        )


def draw_clutter(stage: Stage, dice: Dice) -> None:
    """A few loose beams, rods and plates in front of everything; they look like arms and are none."""
    camera = stage.camera
    for _ in range(dice.count(1, 4)):
        depth = dice.between(5, 50)
        centre = camera.at(dice.between(0, camera.width), dice.between(0, camera.height), depth)
        along = unit(dice.heading() + vec(0, dice.normal(0.5), 0))
        colour = dice.tint(dice.pick([*METALS, (110, 90, 70), (60, 60, 60), (190, 190, 185)]), 0.2)
        kind = dice.weighted({"beam": 0.45, "plate": 0.15, "rod": 0.4})
        if kind == "beam":
            reach, thick = depth * dice.between(0.02, 0.1), 0.01 * depth * dice.between(0.1, 0.8)
            tube(stage, centre - along * reach, centre + along * reach, thick, thick, colour, grain=0.2)
        elif kind == "plate":
            side = unit(np.cross(along, dice.heading() + vec(0, 0.3, 0)))
            box(
                stage,
                centre,
                (along, side, np.cross(along, side)),
                dice.spread(0.01, 0.08, 3) * depth * 0.5,
                colour,
            )
        else:
            reach = depth * dice.between(0.05, 0.5)
            rod(
                stage,
                centre - along * reach,
                centre + along * reach,
                stage.light.lit(colour, None, depth),
                0.02,
            )
