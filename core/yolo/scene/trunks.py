"""Trunks without end: single trunks near and far, plantations in rows, forests, dead trees, snags.

All of these are negatives: straight, upright and round like a pole, but bark, flare, bend, forks and rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import UP, Dice, unit, vec
from core.yolo.scene.mesh import plate, rod, tube
from core.yolo.scene.stage import Stage
from core.yolo.scene.vegetation import draw_palm, foliage_ramp, grass_tuft, place

BARK_KINDS = {
    "bark": [(92, 78, 62), (70, 60, 50), (112, 98, 84), (52, 44, 38), (126, 104, 84), (104, 88, 76)],
    "smooth_bark": [(160, 152, 140), (182, 172, 158), (140, 128, 112), (120, 116, 108), (172, 150, 128)],
    "birch": [(215, 212, 205), (190, 188, 182)],
    "plain": [(96, 86, 74), (128, 118, 106), (150, 140, 128), (72, 62, 54)],
}


@dataclass(frozen=True)
class Species:
    """What the trees of one wood have in common; lengths in metres."""

    strip: str
    colour: np.ndarray
    radius: float
    height: float
    bend: float
    branches: float
    crown: str


def draw_species(dice: Dice) -> Species:
    """The kind of tree that a plantation or wood is made of."""
    strip = dice.weighted({"bark": 0.46, "smooth_bark": 0.34, "plain": 0.1, "birch": 0.1})
    return Species(
        strip=strip,
        colour=dice.tint(dice.pick(BARK_KINDS[strip]), 0.15),
        radius=dice.between(0.07, 0.3),
        height=dice.between(7, 28),
        bend=dice.between(0.002, 0.03),
        branches=dice.between(0, 1),
        crown=dice.weighted({"broadleaf": 0.4, "conifer": 0.3, "none": 0.2, "bare": 0.1}),
    )


def draw_trunk(stage: Stage, dice: Dice, species: Species, x: float, z: float, greens: list) -> None:
    """One tree of the species: a bent, flaring, forking trunk with what crown it has."""
    foot = stage.on_ground(x, z)
    depth = stage.camera.depth(foot)
    if depth < 0.7:
        return
    metre = stage.camera.scale(depth)
    height = species.height * dice.between(0.8, 1.15)
    radius = species.radius * dice.between(0.65, 1.35)
    colour = dice.tint(species.colour, 0.15)
    lean = np.array([dice.normal(0.025), 0.0, dice.normal(0.025)])
    near = radius * metre > 9  # close enough that the eye sees bumps, knots and a crooked line
    grain = dice.between(0.45, 0.75) if near else 0.5
    pieces = 18 if near else 6 if radius * metre > 4 else 3
    bend_x, bend_z, phase = dice.normal(species.bend), dice.normal(species.bend), dice.between(0, 6)
    points = []
    for share in np.linspace(0, 1, pieces + 1):
        wave = math.sin(share * 5 + phase) - math.sin(phase)
        drift = np.array([bend_x * wave, 0.0, bend_z * wave]) * height
        points.append(foot + drift + (lean * share + np.array([0, share, 0])) * height)
    radii = radius * (1 - 0.75 * np.linspace(0, 1, pieces + 1))
    if near:
        rough = dice.between(0.03, 0.1)
        radii = radii * (1 + rough * dice.rng.standard_normal(pieces + 1))
        points = [point + dice.heading() * radius * dice.between(0, 2.2 * rough) for point in points]
    if radius * metre > 3:  # the root flare that no pole has
        tube(
            stage,
            foot - vec(0, 0.05, 0),
            foot + vec(0, radius * 2.5, 0),
            radius * dice.between(1.3, 1.9),
            radius,
            colour,
            strip=species.strip,
            grain=grain,
            object_id=HIDE,
        )
    for number in range(pieces):
        tube(
            stage,
            points[number],
            points[number + 1],
            radii[number],
            radii[number + 1],
            colour,
            strip=species.strip,
            grain=grain,
            object_id=HIDE,
        )
    for _ in range(dice.count(1, 6) if near else 0):
        _knot(stage, dice, points, radii, colour, depth)
    _branches(stage, dice, species, points, radii, colour, depth)
    _crown(stage, dice, species, points, height, greens)
    if radius * metre > 5 and dice.chance(0.5):
        grass_tuft(stage, foot, dice, greens, radius * dice.between(3, 9), radius * dice.between(1, 3))


def _knot(
    stage: Stage, dice: Dice, points: list[np.ndarray], radii: np.ndarray, colour: np.ndarray, depth: float
) -> None:
    """A knot hole or the scar of a branch on the side towards the camera, with or without a stub."""
    number = dice.count(0, len(points) - 2)
    toward = unit((stage.camera.position - points[number]) * np.array([1.0, 0.0, 1.0]))
    side = np.cross(toward, UP)
    out = unit(toward + side * dice.between(-0.8, 0.8))
    centre = points[number] + (points[number + 1] - points[number]) * dice.between(0, 1) + out * radii[number]
    size = radii[number] * dice.between(0.12, 0.4)
    angles = np.linspace(0, 2 * np.pi, 13)[:-1]
    across = np.cross(out, UP)
    ring = np.cos(angles)[:, None] * across + dice.between(0.6, 1.8) * np.sin(angles)[:, None] * UP
    plate(stage, centre + size * ring, stage.light.lit(colour * dice.between(0.35, 0.75), None, depth), 0.3)
    if dice.chance(0.4):
        tip = centre + unit(out + UP * dice.between(-0.2, 0.8)) * dice.between(0.05, 0.5)
        tube(stage, centre, tip, size * 0.7, size * 0.4, colour, strip="bark", grain=0.4, caps=True)


def _branches(
    stage: Stage,
    dice: Dice,
    species: Species,
    points: list[np.ndarray],
    radii: np.ndarray,
    colour: np.ndarray,
    depth: float,
) -> None:
    lit = stage.light.lit(colour, None, depth)
    for _ in range(int(species.branches * dice.between(0, 14))):
        number = dice.count(0, len(points) - 2)
        share = dice.between(0, 1)
        start = points[number] * (1 - share) + points[number + 1] * share
        if start[1] - points[0][1] < 1.2 and dice.chance(0.7):
            continue
        out = unit(dice.heading() + vec(0, dice.between(-0.3, 0.9), 0))
        length, thick = dice.between(0.2, 2.2), radii[number] * dice.between(0.08, 0.3)
        elbow = start + out * length * 0.5
        rod(stage, start, elbow, lit, thick)
        rod(stage, elbow, elbow + unit(out + dice.heading() * 0.4) * length * 0.5, lit, thick * 0.6)
    if dice.chance(0.12):  # a fork
        start = points[len(points) // 2]
        tip = start + unit([dice.sign() * dice.between(0.2, 0.6), 1, dice.normal(0.2)]) * dice.between(2, 6)
        thick = radii[len(points) // 2] * 0.75
        tube(stage, start, tip, thick, thick * 0.4, colour, strip=species.strip, grain=0.5, object_id=HIDE)


def _crown(
    stage: Stage, dice: Dice, species: Species, points: list[np.ndarray], height: float, greens: list
) -> None:
    if species.crown == "none" or dice.chance(0.1):
        return
    top, depths = stage.camera.project(points[-1])
    depth = float(depths[0])
    if depth < 1.5:
        return
    metre = stage.camera.scale(depth)
    art = stage.textures
    tall = height * dice.between(0.3, 0.65) * metre
    if species.crown == "bare":
        sprites, wide, ramp = art.bare, tall, stage.light.ramp(species.colour * 0.6, species.colour, depth)
    else:
        sprites = art.conifers if species.crown == "conifer" else art.crowns
        wide, ramp = tall * dice.between(0.45, 0.9), foliage_ramp(stage, greens, depth)
    place(stage, dice.pick(sprites), (top[0, 0], top[0, 1] + tall * 0.75), (wide, tall), ramp)


def plantation_spots(dice: Dice, distance: float, width: float) -> list[tuple[float, float]]:
    """Places (x, z) of trees planted in rows, nearest row at `distance`, jittered as people plant."""
    gap_x, gap_z = dice.between(2, 5), dice.between(2, 6)
    turn = dice.between(-0.6, 0.6)
    across = np.array([math.cos(turn), math.sin(turn)])
    along = np.array([-math.sin(turn), math.cos(turn)])
    jitter = dice.between(0.05, 0.6)
    columns = int(min(16, max(4, width / gap_x)))
    spots = []
    for row in range(dice.count(3, 9)):
        for column in range(-columns // 2, columns // 2 + 1):
            if dice.chance(0.1):
                continue
            at = (
                across * column * gap_x
                + along * row * gap_z
                + [dice.normal(jitter), distance + dice.normal(jitter)]
            )
            if at[1] > 1.2:
                spots.append((float(at[0]), float(at[1])))
    return spots


def forest_spots(dice: Dice, distance: float, width: float) -> list[tuple[float, float]]:
    """Places (x, z) of trees that sowed themselves."""
    spots = []
    for _ in range(dice.count(8, 45)):
        z = distance + dice.between(0, 1) ** 1.5 * dice.between(10, 45)
        spots.append((dice.between(-0.7, 0.7) * (width + z), z))
    return spots


def draw_snag(stage: Stage, x: float, z: float) -> None:
    """A dead trunk, stump or broken tree, with or without branch stubs."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    if stage.camera.depth(foot) < 1:
        return
    height, radius = dice.between(0.5, 9), dice.between(0.1, 0.4)
    tip = foot + vec(dice.normal(0.1) * height, height, dice.normal(0.1) * height)
    colour = dice.tint(dice.pick([(90, 75, 60), (118, 106, 96), (60, 50, 42), (168, 160, 150)]), 0.2)
    tube(
        stage,
        foot,
        tip,
        radius * 1.25,
        radius * dice.between(0.4, 0.8),
        colour,
        strip="bark",
        grain=0.5,
        object_id=HIDE,
    )
    for _ in range(dice.count(0, 7)):
        share = dice.between(0.3, 1)
        start = foot * (1 - share) + tip * share
        end = start + unit(dice.heading() + vec(0, dice.between(-0.2, 1), 0)) * dice.between(0.4, 2.5)
        tube(stage, start, end, radius * 0.3, radius * 0.08, colour, strip="bark", grain=0.4)


def draw_palm_row(stage: Stage, x: float, z: float, greens: list) -> None:
    """One or several palms; their bare trunks are pole-like."""
    dice = stage.dice
    run, gap = dice.heading(), dice.between(4, 10)
    height = dice.between(4, 16)
    spots = [(x + run[0] * gap * n, z + abs(run[2]) * gap * n) for n in range(dice.count(1, 5))]
    for px, pz in sorted(spots, key=lambda spot: -spot[1]):
        draw_palm(stage, px, pz, height * dice.between(0.8, 1.2), greens)
