"""Houses, blocks, walls, fences, columns, eaves and chimneys: straight edges that are no poles."""

from __future__ import annotations

import math

import cv2
import numpy as np

from core.yolo.scene.camera import NEAR
from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import UP, Dice, frame, unit, vec
from core.yolo.scene.mesh import box, picture, plate, rod, tube
from core.yolo.scene.stage import Stage
from core.yolo.scene.textures import crop

PLASTERS = [
    (210, 205, 200),
    (180, 165, 150),
    (160, 110, 90),
    (140, 130, 120),
    (205, 195, 180),
    (180, 160, 130),
    (120, 140, 160),
    (235, 235, 235),
    (110, 80, 70),
    (196, 170, 120),
]
ROOFS = [
    (75, 70, 70),
    (110, 65, 60),
    (105, 95, 90),
    (125, 120, 120),
    (80, 60, 50),
    (150, 125, 110),
    (160, 84, 62),
]
GLASS = [(50, 60, 70), (100, 110, 120), (36, 38, 40), (160, 175, 190)]
WALLS = [
    (165, 160, 150),
    (140, 130, 120),
    (150, 100, 80),
    (205, 200, 190),
    (190, 170, 140),
    (115, 120, 110),
    (90, 120, 160),
]


def facade(stage: Stage, dice: Dice) -> np.ndarray:
    """A wall with rows of windows, (128, 128, 3) float32 RGB."""
    size = 128
    base = dice.tint(dice.pick(PLASTERS), 0.15)
    wall = np.ones((size, size, 3), np.float32) * base
    kind = dice.weighted({"boards": 0.4, "rough": 0.25, "brick": 0.15, "plain": 0.2})
    if kind == "boards":
        wall[:: dice.count(4, 8)] *= dice.between(0.7, 0.92)
    elif kind == "brick":
        wall[::4] *= 0.8
        wall[:, ::9] *= 0.88
    noise = crop(dice, dice.pick(stage.textures.fine), size, size).astype(np.float32)[..., None]
    wall *= 1 + (0.25 if kind == "rough" else 0.1) * (noise / 127.5 - 1)
    across, down = dice.count(1, 5), dice.count(1, 5)
    share_x, share_y = dice.between(0.3, 0.65), dice.between(0.35, 0.65)
    glass, trim = dice.tint(dice.pick(GLASS), 0.2), base * dice.between(0.8, 1.25)
    for i in range(across):
        for j in range(down):
            if dice.chance(0.12):
                continue
            x0, y0 = int(size * (i + (1 - share_x) / 2) / across), int(size * (j + (1 - share_y) / 2) / down)
            x1, y1 = x0 + int(size * share_x / across), y0 + int(size * share_y / down)
            cv2.rectangle(wall, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), trim.tolist(), -1)
            cv2.rectangle(wall, (x0, y0), (x1, y1), (glass * dice.between(0.7, 1.4)).tolist(), -1)
            if dice.chance(0.5):
                cv2.line(wall, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), (base * 1.1).tolist(), 1)
    return np.clip(wall, 0, 255)


def draw_house(stage: Stage, x: float, z: float, tall: bool = False) -> None:
    """A house with a gable roof, or a flat-roofed block when `tall`."""
    dice, eye = stage.dice, stage.camera.position
    wide, deep = dice.between(3, 7), dice.between(3, 6)
    height = dice.between(8, 30) if tall else dice.between(2.7, 6.5)
    a, up, b = frame(dice.between(-0.8, 0.8) + dice.pick((0.0, math.pi / 2)))
    centre = stage.on_ground(x, z) + up * (height / 2 - 0.3)
    wall = facade(stage, dice)
    depth = max(1.0, stage.camera.depth(centre))
    faces = []
    for axis, out, side, half in ((a, wide, b, deep), (b, deep, a, wide)):
        for sign in (-1, 1):
            normal = axis * sign
            middle = centre + normal * out
            if normal @ (eye - middle) > 0:
                corners = [
                    middle - side * half + up * height / 2,
                    middle + side * half + up * height / 2,
                    middle + side * half - up * height / 2,
                    middle - side * half - up * height / 2,
                ]
                faces.append((math.dist(middle, eye), np.array(corners), normal))
    for _, corners, normal in sorted(faces, key=lambda face: -face[0]):
        picture(stage, corners, wall, normal)
    eaves = centre + up * height / 2
    colour = dice.tint(dice.pick(ROOFS), 0.2)
    if tall or dice.chance(0.2):
        flat = np.array(
            [eaves + i * a * wide + j * b * deep for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        )
        plate(stage, flat, stage.light.lit(colour, up, depth), 0.1, HIDE)
        for _ in range(dice.count(0, 7)):  # starter bars of an unfinished storey, or aerials
            start = eaves + a * dice.between(-1, 1) * wide + b * dice.between(-1, 1) * deep
            rod(
                stage,
                start,
                start + up * dice.between(0.4, 1.6),
                stage.light.lit((110, 90, 80), None, depth),
                0.03,
            )
        return
    rise, over = dice.between(1, 3.2), dice.between(0.2, 0.6)
    ridge = eaves + up * rise
    for sign in (-1, 1):
        gable = np.array(
            [eaves + a * wide * sign - b * deep, eaves + a * wide * sign + b * deep, ridge + a * wide * sign]
        )
        if (a * sign) @ (eye - gable[0]) > 0:
            plate(stage, gable, stage.light.lit(wall.mean((0, 1)), a * sign, depth), 0.1, HIDE)
    slopes = []
    for sign in (-1, 1):
        edge = eaves + b * (deep + over) * sign - up * over * 0.5
        corners = np.array(
            [
                ridge - a * (wide + over),
                ridge + a * (wide + over),
                edge + a * (wide + over),
                edge - a * (wide + over),
            ]
        )
        slopes.append((math.dist(corners.mean(0), eye), corners, unit(b * sign * rise + up * deep)))
    for _, corners, normal in sorted(slopes, key=lambda slope: -slope[0]):
        plate(
            stage, corners, stage.light.lit(colour, normal, depth), 0.2, HIDE, dice.pick(stage.textures.fine)
        )
    if dice.chance(0.4):
        stack = ridge + a * dice.between(-0.6, 0.6) * wide
        box(stage, stack + up * 0.2, (a, up, b), (0.35, 0.9, 0.35), dice.tint((140, 90, 80)), object_id=HIDE)
    if dice.chance(0.2):
        _aerial(stage, dice, ridge + a * dice.between(-0.6, 0.6) * wide, a, depth)


def _aerial(stage: Stage, dice: Dice, foot: np.ndarray, axis: np.ndarray, depth: float) -> None:
    metal = stage.light.lit((120, 120, 120), None, depth)
    rod(stage, foot, foot + UP * 2.5, metal, 0.025)
    for number in range(dice.count(2, 6)):
        middle = foot + UP * (1.6 + 0.13 * number)
        rod(stage, middle - axis * 0.5, middle + axis * 0.5, metal, 0.012)


def draw_fence(stage: Stage, x: float, z: float) -> None:
    """A row of posts with rails, wires or boards."""
    dice = stage.dice
    turn = dice.between(-0.5, 0.5) + dice.pick((0.0, math.pi / 2))
    run = np.array([math.cos(turn), 0.0, math.sin(turn)])
    count, gap, height = dice.count(4, 24), dice.between(1.2, 3), dice.between(0.9, 1.9)
    colour = dice.tint(
        dice.pick([(105, 85, 70), (215, 212, 210), (120, 115, 110), (75, 60, 50), (140, 140, 140)]), 0.15
    )
    start = np.array([x, 0.0, z]) - run * gap * count / 2
    solid, thick, wood = dice.chance(0.3), dice.between(0.03, 0.09), dice.chance(0.6)
    for number in range(count):
        post = start + run * gap * number
        post[1] = stage.ground(post[0], post[2])
        depth = stage.camera.depth(post)
        if depth < 1.2:
            continue
        following = post + run * gap
        if solid and stage.camera.depth(following) > 1:
            panel = np.array([post + UP * height, following + UP * height, following, post])
            plate(
                stage, panel, stage.light.lit(colour, None, depth), 0.25, HIDE, dice.pick(stage.textures.fine)
            )
        lean = dice.normal(0.04)
        tube(
            stage,
            post,
            post + vec(lean, height * dice.between(0.98, 1.1), lean),
            thick,
            thick,
            colour,
            strip="wood" if wood else "plain",
            grain=0.25,
            object_id=HIDE,
        )
        for share in () if solid else (0.35, 0.65, 0.95):
            rod(
                stage,
                post + UP * height * share,
                following + UP * height * share,
                stage.light.lit(colour, None, depth),
                thick * 0.4,
            )


def draw_wall(stage: Stage, x: float, z: float) -> None:
    """A garden or street wall with pillars and joints; it hides the feet of what stands behind."""
    dice = stage.dice
    turn = dice.normal(0.35) + (math.pi / 2 if dice.chance(0.25) else 0)
    run = np.array([math.cos(turn), 0.0, math.sin(turn)])
    half, height = dice.between(2, 16), dice.between(0.8, 2.8)
    foot = stage.on_ground(x, z)
    normal = unit(np.cross(run, UP))
    if normal @ (stage.camera.position - foot) < 0:
        normal = -normal
    colour = dice.tint(dice.pick(WALLS), 0.2)
    depth = max(1.0, stage.camera.depth(foot))
    face = np.array(
        [
            foot - run * half + UP * height,
            foot + run * half + UP * height,
            foot + run * half,
            foot - run * half,
        ]
    )
    tiles = stage.textures.fine if dice.chance(0.6) else stage.textures.mid
    plate(stage, face, stage.light.lit(colour, normal, depth), dice.between(0.1, 0.5), HIDE, dice.pick(tiles))
    joint = stage.light.lit(colour * dice.between(0.6, 1.25), normal, depth)
    for along in np.arange(-half, half, dice.between(1.5, 4)):
        rod(
            stage,
            foot + run * along,
            foot + run * along + UP * height * dice.between(1, 1.12),
            joint,
            dice.between(0.02, 0.12),
            HIDE,
        )
    for share in (1.0, 0.97, dice.between(0, 1)):
        rod(
            stage,
            foot - run * half + UP * height * share,
            foot + run * half + UP * height * share,
            joint,
            dice.between(0.02, 0.09),
        )
    if dice.chance(0.25):  # railings or spikes on top
        for along in np.arange(-half, half, dice.between(0.12, 0.4)):
            start = foot + run * along + UP * height
            rod(stage, start, start + UP * dice.between(0.15, 0.5), joint, 0.012)


def draw_columns(stage: Stage, x: float, z: float) -> None:
    """A porch or bridge: round or square columns under a beam."""
    dice = stage.dice
    a, up, b = frame(dice.between(-0.7, 0.7))
    count, gap, height = dice.count(1, 6), dice.between(2, 5), dice.between(2.5, 7)
    radius = dice.between(0.1, 0.35)
    colour = dice.tint(dice.pick(PLASTERS), 0.15)
    foot = stage.on_ground(x, z)
    round_ones = dice.chance(0.6)
    for number in range(count):
        at = foot + a * gap * (number - (count - 1) / 2)
        if stage.camera.depth(at) < 1:
            continue
        if round_ones:
            tube(stage, at, at + up * height, radius, radius * 0.9, colour, grain=0.12, object_id=HIDE)
        else:
            box(stage, at + up * height / 2, (a, up, b), (radius, height / 2, radius), colour, object_id=HIDE)
        box(
            stage,
            at + up * (height - 0.1),
            (a, up, b),
            (radius * 1.4, 0.12, radius * 1.4),
            colour,
            object_id=HIDE,
        )
    if count > 1 or dice.chance(0.5):
        beam = (gap * count / 2 + radius, dice.between(0.15, 0.6), radius * 1.5)
        box(
            stage,
            foot + up * (height + beam[1]),
            (a, up, b),
            beam,
            colour * dice.between(0.8, 1.1),
            object_id=HIDE,
        )


def draw_building_edge(stage: Stage, x: float, z: float) -> None:
    """A near corner of a building with its eaves, gutter and down-pipe, running out of the picture."""
    dice = stage.dice
    a, up, b = frame(dice.between(-1.0, 1.0))
    height, half = dice.between(3, 12), dice.between(2, 5)
    foot = stage.on_ground(x, z)
    depth = stage.camera.depth(foot)
    if depth < NEAR * 8:
        return
    wall = facade(stage, dice)
    toward = -b if b @ (stage.camera.position - foot) < 0 else b
    for axis, normal in ((a, toward), (-toward, a)):
        corners = np.array(
            [foot + up * height, foot + axis * half * 2 + up * height, foot + axis * half * 2, foot]
        )
        picture(stage, corners, wall, normal)
    pipe = dice.tint(dice.pick(GLASS), 0.3) + 40
    tube(stage, foot + toward * 0.1, foot + toward * 0.1 + up * height, 0.05, 0.05, pipe, object_id=HIDE)
    eave = foot + up * height + toward * 0.4
    box(
        stage,
        eave + a * half,
        (a, up, toward),
        (half + 0.6, dice.between(0.08, 0.3), 0.5),
        dice.tint(dice.pick(ROOFS)),
        object_id=HIDE,
    )
    for _ in range(dice.count(0, 2)):
        stack = foot + a * dice.between(0.5, half) + up * height
        tube(
            stage,
            stack,
            stack + up * dice.between(1, 3),
            0.18,
            0.18,
            dice.tint(dice.pick(ROOFS)),
            caps=True,
            object_id=HIDE,
        )
