"""Conductors, telecom bundles and service drops: hanging curves between points. They carry no label."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core.yolo.scene.camera import NEAR
from core.yolo.scene.dice import Dice, vec
from core.yolo.scene.stage import Stage

if TYPE_CHECKING:
    from core.yolo.scene.poles import Pole


def wire(
    stage: Stage, a: np.ndarray, b: np.ndarray, sag: float, radius: float, colour: np.ndarray, steps: int = 16
) -> None:
    """A wire from a to b that hangs `sag` metres below the straight line at its middle.

    A parabola stands for the catenary: for sags of a few per cent of the span they differ by millimetres.
    """
    share = np.linspace(0, 1, steps)[:, None]
    points = a * (1 - share) + b * share
    points[:, 1] -= (4 * sag * share * (1 - share))[:, 0]
    seen = stage.camera.to_camera(points)
    light, focal = stage.light, stage.camera.focal
    base = np.asarray(colour, np.float32) * (light.gain * (light.ambient + 0.4 * light.diffuse))
    for p, q in pairwise(seen):
        if p[2] < NEAR + 0.15 or q[2] < NEAR + 0.15:
            continue
        depth = (p[2] + q[2]) / 2
        ends = stage.camera.to_pixels(np.array([p, q]))
        stage.canvas.stroke(
            ends[0], ends[1], light.hazed(base, depth), 2 * radius * focal / depth, faintest=0.35
        )


def spans(stage: Stage, dice: Dice, first: Pole, second: Pole, tension: float) -> None:
    """All conductors and telecom cables between two neighbouring poles.

    Args:
        tension: Sag of the conductors in metres.
    """
    style = first.style
    for a, b in zip(first.seats, second.seats, strict=False):
        wire(stage, a, b, tension * dice.between(0.85, 1.15), style.wire_radius, style.wire_colour)
    for a, b in zip(first.telecom, second.telecom, strict=False):
        thick = dice.between(0.008, 0.028)
        wire(stage, a, b, tension * dice.between(0.8, 1.8), thick, np.full(3, dice.between(22, 60)))


def service_drop(stage: Stage, dice: Dice, pole: Pole) -> None:
    """A single wire from the shaft to somewhere out of the picture or to a house."""
    start = pole.point(pole.height * dice.between(0.5, 0.95))
    end = start + vec(dice.between(-25, 25), dice.between(-4, 1), dice.between(-15, 25))
    wire(stage, start, end, 0.5, dice.between(0.006, 0.02), dice.tint((45, 45, 45)))


def drop_fan(stage: Stage, dice: Dice, pole: Pole) -> None:
    """The fan of many service drops around one pole."""
    start = pole.point(pole.height * dice.between(0.6, 0.97))
    radius, colour = dice.between(0.004, 0.011), dice.tint((40, 40, 40), 0.3)
    for _ in range(dice.count(3, 22)):
        end = start + dice.heading() * 25 + vec(0, dice.between(-5, 3), 0)
        wire(
            stage, start + pole.up * dice.between(-0.4, 0.2), end, dice.between(0.2, 1.2), radius, colour, 12
        )


def birds(stage: Stage, dice: Dice, a: np.ndarray, b: np.ndarray) -> None:
    """Birds or spacers that sit on the wire between two points."""
    for share in dice.spread(0, 1, dice.count(1, 10)):
        pixels, depths = stage.camera.project(a * (1 - share) + b * share)
        if depths[0] < 2 or np.abs(pixels).max() > 3000:
            continue
        wide = max(1, int(0.1 * stage.camera.scale(float(depths[0]))))
        centre = pixels[0].astype(int).tolist()
        cv2.ellipse(
            stage.canvas.image, centre, (wide, max(1, wide // 2)), 30, 0, 360, (25, 25, 25), -1, cv2.LINE_AA
        )
