"""Street furniture and other things that look like poles or arms and are neither. None has a label."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from core.yolo.scene.buildings import facade
from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import frame, vec
from core.yolo.scene.mesh import box, picture, plate, rod, tube
from core.yolo.scene.stage import Stage

METALS = [(140, 140, 140), (90, 90, 90), (75, 92, 75), (100, 80, 60), (178, 180, 182)]
SIGN_COLOURS = [(200, 40, 40), (240, 200, 60), (40, 120, 70), (230, 230, 230), (30, 90, 160), (240, 120, 30)]
_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def draw_sign(stage: Stage, x: float, z: float) -> None:
    """A traffic sign on its post."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    depth = stage.camera.depth(foot)
    if depth < 1:
        return
    a, up, b = frame(dice.between(-0.7, 0.7))
    height, thick = dice.between(2, 3.4), dice.between(0.03, 0.06)
    tube(stage, foot, foot + up * height, thick, thick, dice.tint(dice.pick(METALS), 0.1), object_id=HIDE)
    corners = dice.pick((3, 4, 4, 8, 16))
    angles = np.linspace(0, 2 * np.pi, corners + 1)[:-1] + dice.pick((0, math.pi / 4, math.pi / 8))
    ring = np.cos(angles)[:, None] * a + np.sin(angles)[:, None] * up
    size, centre = dice.between(0.3, 0.55), foot + up * (height - 0.3) - b * 0.05
    plate(
        stage,
        centre + size * ring,
        stage.light.lit(dice.tint(dice.pick(SIGN_COLOURS)), None, depth),
        0.05,
        HIDE,
    )
    if dice.chance(0.5):
        plate(stage, centre - b * 0.01 + size * 0.6 * ring, stage.light.lit((235, 235, 235), None, depth))


def draw_lamp_post(stage: Stage, x: float, z: float) -> None:
    """A metal street lamp with one or two arms."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 1:
        return
    a, up, b = frame(dice.between(-1.5, 1.5))
    height = dice.between(4, 11)
    metal = dice.tint(dice.pick(METALS), 0.1)
    tube(stage, foot, foot + up * height, 0.09, 0.05, metal, grain=0.08, object_id=HIDE, gloss=0.2)
    reach, rise = dice.between(0.6, 2.8), dice.between(0, 0.7)
    for side in (-1, 1) if dice.chance(0.3) else (dice.sign(),):
        start = foot + up * (height - 0.1)
        end = start + a * side * reach + up * rise
        tube(stage, start, end, 0.035, 0.03, metal, grain=0.05)
        box(stage, end, (a, up, b), (0.3, 0.07, 0.14), metal * 0.9, object_id=HIDE)


def draw_gantry(stage: Stage, x: float, z: float) -> None:
    """A traffic-light mast or a sign gantry over the road."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 2:
        return
    axes = frame(dice.between(-0.6, 0.6))
    a, up, _ = axes
    height, reach = dice.between(5, 7.5), dice.between(3, 9) * dice.sign()
    metal = dice.tint(dice.pick(METALS), 0.1)
    tube(stage, foot, foot + up * height, 0.13, 0.1, metal, object_id=HIDE)
    start, end = foot + up * (height - 0.5), foot + up * (height - 0.5 + dice.between(0, 0.5)) + a * reach
    tube(stage, start, end, 0.09, 0.06, metal)
    if dice.chance(0.35):  # a second leg and a lattice make it a gantry
        tube(stage, end - up * (height - 0.5), end, 0.12, 0.1, metal, object_id=HIDE)
        tube(stage, start + up * 0.7, end + up * 0.7, 0.05, 0.05, metal)
        for share in np.linspace(0, 1, 9):
            middle = start * (1 - share) + end * share
            rod(
                stage,
                middle,
                middle + up * 0.7,
                stage.light.lit(metal, None, stage.camera.depth(middle)),
                0.03,
            )
    for share in dice.spread(0.3, 1, dice.count(1, 3)):
        middle = start * (1 - share) + end * share - up * 0.2
        if dice.chance(0.5):
            box(stage, middle, axes, (0.15, 0.45, 0.12), dice.tint((42, 42, 40)), object_id=HIDE)
        else:
            box(
                stage,
                middle,
                axes,
                (dice.between(0.5, 1.5), dice.between(0.3, 0.7), 0.04),
                dice.tint(dice.pick(SIGN_COLOURS)),
                object_id=HIDE,
            )


def draw_flagpole(stage: Stage, x: float, z: float) -> None:
    """A thin bright mast, with or without a flag."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    depth = stage.camera.depth(foot)
    if depth < 1:
        return
    height = dice.between(5, 14)
    tube(
        stage,
        foot,
        foot + vec(0, height, 0),
        0.07,
        0.03,
        dice.tint((210, 210, 210)),
        gloss=0.3,
        object_id=HIDE,
    )
    if dice.chance(0.5):
        a, up, _ = frame(dice.between(-1, 1))
        top = foot + up * height
        cloth = np.array([top, top + a * 1.5 - up * 0.2, top + a * 1.4 - up * 1.2, top - up * 1.0])
        plate(stage, cloth, stage.light.lit(dice.tint(dice.pick(SIGN_COLOURS)), None, depth), 0.3)


def draw_billboard(stage: Stage, x: float, z: float) -> None:
    """A board on two legs."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 2:
        return
    a, up, _ = frame(dice.between(-0.7, 0.7))
    wide, tall, lift = dice.between(1.5, 5), dice.between(0.8, 3), dice.between(1, 4)
    metal = dice.tint(dice.pick(METALS), 0.1)
    for side in (-1, 1):
        leg = foot + a * side * wide * 0.7
        tube(stage, leg, leg + up * lift, 0.1, 0.1, metal, object_id=HIDE)
    c = foot + up * (lift + tall)
    corners = np.array(
        [
            c - a * wide + up * tall,
            c + a * wide + up * tall,
            c + a * wide - up * tall,
            c - a * wide - up * tall,
        ]
    )
    picture(stage, corners, facade(stage, dice))


def draw_lattice_tower(stage: Stage, x: float, z: float) -> None:
    """A steel transmission tower: its arms and legs are not the poles and arms of distribution lines."""
    dice = stage.dice
    origin = stage.on_ground(x, z)
    depth = stage.camera.depth(origin)
    if depth < 8:
        return
    height = dice.between(16, 45)
    broad = height * dice.between(0.07, 0.13)
    a, up, b = frame(dice.between(0, 1.5))
    steel = stage.light.lit(dice.tint((150, 150, 150), 0.2), None, depth)

    def half_width(share: float) -> float:
        return broad * (1 - share) ** 0.8 + 0.45

    def ring(share: float) -> list[np.ndarray]:
        return [origin + up * height * share + half_width(share) * (i * a + j * b) for i, j in _SQUARE]

    levels = np.linspace(0, 1, dice.count(7, 13))
    for low, high in pairwise(levels):
        lower, upper = ring(low), ring(high)
        for i in range(4):
            j = (i + 1) % 4
            rod(stage, lower[i], upper[i], steel, 0.09)
            rod(stage, lower[i], upper[j], steel, 0.045)
            rod(stage, lower[j], upper[i], steel, 0.045)
            rod(stage, upper[i], upper[j], steel, 0.04)
    for share in dice.spread(0.62, 0.97, dice.count(1, 3)):
        reach, deck = dice.between(3, 8), origin + up * height * share
        for side in (-1, 1):
            tip = deck + a * side * (reach + half_width(share))

            for other in (-1, 1):
                root = deck + half_width(share) * (a * side + b * other)
                rod(stage, root, tip, steel, 0.06)
                rod(stage, root + up * 1.3, tip, steel, 0.06)
            rod(stage, tip, tip - up * dice.between(1, 2.5), steel * 0.8, 0.09)
