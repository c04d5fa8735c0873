"""What hangs on a pole and carries no label: insulators, cut-outs, transformers, risers, lights, guys.

Each function draws one kind of thing at world points that poles.py hands in.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core.yolo.scene.camera import NEAR
from core.yolo.scene.canvas import fixed
from core.yolo.scene.dice import Dice, unit
from core.yolo.scene.mesh import box, plate, rod, tube
from core.yolo.scene.stage import Stage
from core.yolo.scene.styles import PORCELAINS

if TYPE_CHECKING:
    from core.yolo.scene.arms import Arm
    from core.yolo.scene.poles import Pole

_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def insulator(
    stage: Stage,
    foot: np.ndarray,
    direction: np.ndarray,
    length: float,
    radius: float,
    sheds: int,
    colour: np.ndarray,
) -> None:
    """A stack of sheds from `foot` along a direction; length and radius in metres."""
    direction = unit(direction)
    pixels, depths = stage.camera.project(np.array([foot, foot + direction * length]))
    if depths.min() < NEAR or np.abs(pixels).max() > 8000:
        return
    metre = stage.camera.scale(float(depths.mean()))
    run = pixels[1] - pixels[0]
    lit = stage.light.lit(colour, None, float(depths.mean()))
    wide = radius * metre
    stage.canvas.stroke(pixels[0], pixels[1], lit * 0.7, max(wide * 0.7, 0.7))
    if wide < 0.5:
        return
    # a shed is a disc: seen from its side it is thin, seen along the axis it is round
    side_on = min(1.0, math.hypot(*run) / (length * metre + 1e-6))
    thin = max(length / sheds * 0.36 * metre * side_on, wide * math.sqrt(max(0.0, 1 - side_on**2)) * 0.9, 0.5)
    angle = math.degrees(math.atan2(run[1], run[0])) + 90
    for shed in range(sheds):
        middle = fixed(pixels[0] + run * ((shed + 0.5) / sheds)).tolist()
        reach = wide * (0.85 + 0.25 * (sheds - shed) / sheds if sheds < 4 else 1)
        axes = (max(4, int(reach * 8)), max(3, int(thin * 8)))
        tone = (lit * (1 - 0.15 * (shed % 2))).tolist()
        cv2.ellipse(stage.canvas.image, middle, axes, angle, 0, 360, tone, -1, cv2.LINE_AA, 3)
        if wide > 3:
            spot = fixed(pixels[0] + run * ((shed + 0.5) / sheds) - [wide * 0.25, thin * 0.3]).tolist()
            shine = np.clip(lit * 1.35 + 12, 0, 255).tolist()
            small = (max(2, int(wide * 3)), max(2, int(thin * 3)))
            cv2.ellipse(stage.canvas.image, spot, small, angle, 0, 360, shine, -1, cv2.LINE_AA, 3)


def arm_insulators(stage: Stage, dice: Dice, arm: Arm, colour: np.ndarray, iron: np.ndarray) -> None:
    """The insulators of one arm, of the kind its style names."""
    kind, up, half = arm.style.insulator, arm.up, arm.style.depth / 2
    radius = dice.between(0.055, 0.095)
    sheds, length = dice.count(4, 8), dice.between(0.22, 0.42)
    strings = (-1, 1) if dice.chance(0.5) else (dice.sign(),)
    for seat in arm.seats:
        top = seat + up * half
        if kind == "pin":
            rod(stage, top, top + up * 0.1, iron, 0.012)
            insulator(stage, top + up * 0.06, up, length * 0.45, radius, 1 + sheds % 3, colour)
        elif kind == "post":
            insulator(stage, top, up, length, radius * 0.85, sheds, colour)
        elif kind == "suspension":
            insulator(stage, seat - up * half, -up, length * 1.8, radius * 1.1, sheds - 2, colour)
        elif kind == "deadend":
            for side in strings:
                pull = unit(np.cross(arm.axis, up) * side - up * 0.1)
                insulator(stage, seat + pull * 0.08, pull, length * 1.6, radius, sheds - 2, colour)


def cutout(stage: Stage, dice: Dice, seat: np.ndarray, arm: Arm, depth: float) -> None:
    """A fuse cut-out hanging under a seat, its tube sometimes open."""
    top = seat + arm.axis * dice.between(0.1, 0.25) + arm.normal * 0.08
    body = dice.tint(dice.pick([(205, 205, 200), (110, 60, 60), (150, 150, 150)]), 0.1)
    insulator(stage, top - arm.up * 0.35 + arm.normal * 0.15, arm.up + arm.normal * 0.3, 0.4, 0.04, 5, body)
    if dice.chance(0.6):
        brown = stage.light.lit((120, 100, 90), None, depth)
        rod(
            stage,
            top - arm.up * 0.38 + arm.normal * 0.32,
            top + arm.up * 0.02 + arm.normal * 0.28,
            brown,
            0.018,
        )


def transformers(stage: Stage, dice: Dice, pole: Pole, count: int, height: float, colour: np.ndarray) -> None:
    """One to three pole-top transformers around the shaft at a height in metres."""
    half, radius = dice.between(0.35, 0.6), dice.between(0.19, 0.34)
    first = dice.between(0, 2 * math.pi) if count == 1 else dice.pick((0.0, math.pi))
    centres = []
    for number in range(count):
        angle = first + (number - (count - 1) / 2) * 1.35
        away = pole.across * math.sin(angle) + pole.along * math.cos(angle)
        centres.append(pole.point(height) + away * (radius + pole.radius(height) + 0.08))
    centres.sort(key=lambda c: -math.dist(c, stage.camera.position))
    up, rusty, bushings = pole.up, dice.chance(0.15), dice.chance(0.5)
    porcelain, plated = dice.pick(PORCELAINS), dice.chance(0.6)
    for centre in centres:
        rod(
            stage,
            centre + up * half * 0.6,
            pole.point(height + half * 0.6),
            stage.light.lit((120, 120, 120), None, pole.depth),
            0.03,
        )
        tank = dice.tint(colour, 0.05)
        tube(
            stage,
            centre - up * half,
            centre + up * half,
            radius,
            radius,
            tank,
            caps=True,
            gloss=0.25,
            strip="smooth_bark" if rusty else "plain",
            grain=0.3 if rusty else 0.06,
        )
        tube(
            stage,
            centre + up * half,
            centre + up * (half + 0.08),
            radius * 1.05,
            radius * 0.8,
            tank * 0.9,
            caps=True,
        )
        for side in (-1, 1) if bushings else (0,):
            insulator(
                stage,
                centre + up * (half + 0.06) + pole.across * side * radius * 0.5,
                up + pole.across * side * 0.25,
                0.3,
                0.045,
                5,
                porcelain,
            )
        if plated:
            toward = unit((stage.camera.position - centre) * [1, 0, 1])
            box(
                stage,
                centre + toward * radius * 1.01,
                (np.cross(toward, up), up, toward),
                (0.07, 0.05, 0.01),
                dice.tint((225, 225, 225)),
                grain=0,
            )


def riser(stage: Stage, dice: Dice, pole: Pole, number: int) -> None:
    """A conduit up the shaft."""
    angle = number * 0.9 + pole.style.height
    away = pole.across * math.cos(angle) + pole.along * math.sin(angle)
    if away @ (stage.camera.position - pole.foot) <= 0:
        return
    top, thick = pole.height * dice.between(0.35, 0.85), dice.between(0.025, 0.06)
    colour = dice.tint(dice.pick([(150, 150, 150), (112, 110, 110), (60, 60, 60), (190, 190, 185)]), 0.1)
    tube(
        stage,
        pole.foot + away * (pole.radius(0) + 0.05),
        pole.point(top) + away * (pole.radius(top) + 0.05),
        thick,
        thick,
        colour,
    )


def street_light(stage: Stage, dice: Dice, start: np.ndarray, out: np.ndarray, up: np.ndarray) -> None:
    """A curved or straight street-light arm with its head; never labelled."""
    length, curved = dice.between(0.8, 3.2), dice.chance(0.6)
    metal = dice.tint((160, 160, 160), 0.15)
    rise = dice.between(0.2, 0.3) + length * 0.25
    shares = np.linspace(0, 1, 7)
    points = [
        start + out * length * t + up * (rise * math.sin(t * 1.57) if curved else length * 0.12 * t)
        for t in shares
    ]
    for a, b in pairwise(points):
        tube(stage, a, b, 0.03, 0.03, metal, grain=0.05)
    axes = (out, up, np.cross(out, up))
    head = points[-1] + out * 0.2
    box(stage, head, axes, (0.32, 0.06, 0.13), metal * dice.between(0.7, 1.2))
    box(stage, head - up * 0.08, axes, (0.18, 0.04, 0.1), np.array([230.0, 230, 225]), grain=0)


def small_things(stage: Stage, dice: Dice, pole: Pole) -> None:
    """Tags, plates, meter boxes, steps and flags on the lower shaft."""
    toward = unit((stage.camera.position - pole.foot) * [1, 0, 1])
    side = np.cross(toward, pole.up)
    for _ in range(dice.count(0, 4) if pole.style.tags else 0):
        height = dice.between(1.2, 3)
        colour = dice.tint(
            dice.pick([(230, 230, 230), (235, 200, 60), (195, 200, 200), (190, 60, 60), (30, 60, 120)])
        )
        centre = pole.point(height) + toward * (pole.radius(height) + 0.01) + side * dice.between(-0.04, 0.04)
        box(
            stage,
            centre,
            (side, pole.up, toward),
            (dice.between(0.03, 0.09), dice.between(0.03, 0.13), 0.004),
            colour,
        )
    if dice.chance(0.22):
        height, away = dice.between(1.4, 5), dice.heading()
        colour = dice.tint(dice.pick([(150, 150, 150), (185, 190, 190), (100, 110, 100)]), 0.1)
        box(
            stage,
            pole.point(height) + away * (pole.radius(height) + 0.13),
            (np.cross(away, pole.up), pole.up, away),
            (dice.between(0.1, 0.3), dice.between(0.15, 0.5), 0.12),
            colour,
        )
    if dice.chance(0.15):
        iron = stage.light.lit((110, 110, 110), None, pole.depth)
        for step in range(dice.count(6, 24)):
            height = 2 + 0.4 * step
            out = pole.across * (-1) ** step
            if height < pole.height * 0.85:
                rod(
                    stage,
                    pole.point(height) + out * pole.radius(height),
                    pole.point(height) + out * (pole.radius(height) + 0.15),
                    iron,
                    0.01,
                )
    if dice.chance(0.06):
        height = dice.between(2, pole.height * 0.6)
        cloth = stage.light.lit(
            dice.tint(dice.pick([(190, 40, 50), (225, 120, 40), (40, 80, 170)])), None, pole.depth
        )
        corner = pole.point(height) + toward * pole.radius(height)
        across, drop = side * dice.sign() * dice.between(0.3, 0.8), pole.up * dice.between(0.4, 1.2)
        plate(
            stage,
            np.array(
                [corner, corner + across - drop * 0.3, corner + across * 0.6 - drop, corner - drop * 0.8]
            ),
            cloth,
            0.25,
        )


def guys(stage: Stage, dice: Dice, pole: Pole) -> None:
    """One or two guy wires to the ground, some with a bright guard."""
    steel = stage.light.lit((120, 120, 120), None, pole.depth)
    for _ in range(dice.count(1, 2)):
        away = dice.pick((pole.along, -pole.along, pole.across, -pole.across))
        anchor = pole.foot + unit(away + dice.heading() * 0.15) * dice.between(2.5, 8)
        top = pole.point(pole.height * dice.between(0.65, 0.97))
        rod(stage, top, anchor, steel, 0.008)
        if dice.chance(0.6):
            share = min(1.0, 2.4 / math.dist(top, anchor))
            guard = dice.tint(dice.pick([(240, 210, 50), (220, 220, 220), (240, 120, 60)]), 0.1)
            rod(
                stage,
                anchor,
                anchor + (top - anchor) * share,
                stage.light.lit(guard, None, pole.depth),
                0.035,
            )


def cable_coil(stage: Stage, dice: Dice, pole: Pole, metre: float) -> None:
    """Spare telecom cable coiled on the shaft."""
    height = pole.height * dice.between(0.4, 0.85)
    pixels, depths = stage.camera.project(pole.point(height) + pole.along * pole.radius(height))
    if depths[0] < 0.5 or np.abs(pixels).max() > 5000:
        return
    reach = dice.between(0.15, 0.35) * metre
    colour = stage.light.lit((30, 30, 30), None, pole.depth).tolist()
    for _ in range(dice.count(2, 5)):
        axes = (max(1, int(reach * dice.between(0.7, 1))), max(1, int(reach * dice.between(0.8, 1.1))))
        cv2.ellipse(
            stage.canvas.image,
            pixels[0].astype(int).tolist(),
            axes,
            dice.between(-20, 20),
            0,
            360,
            colour,
            max(1, int(0.015 * metre)),
            cv2.LINE_AA,
        )
