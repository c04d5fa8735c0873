"""Where the camera stands for each kind of scene, as photographers of poles do and as others do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.yolo.scene.camera import Camera
from core.yolo.scene.dice import Dice

ASPECTS = (4 / 3, 3 / 4, 16 / 9, 9 / 16, 1.0, 3 / 2, 2 / 3, 3 / 4, 4 / 3)


@dataclass(frozen=True)
class View:
    """A camera and the spot on the ground it was set up for.

    Args:
        camera: The camera at x = z = 0.
        x, z: Metres to the right of and ahead of the camera.
    """

    camera: Camera
    x: float
    z: float


def choose_view(
    dice: Dice, kind: str, long_side: int, pole_height: float, field_of_view: tuple[float, float], roll: float
) -> View:
    """The view of one scene.

    Args:
        kind: A key of KINDS in kinds.py.
        long_side: Longer side of the canvas in pixels.
        pole_height: Height of the pole it looks at, metres.
        field_of_view: Range of the vertical field of view in degrees.
        roll: Standard deviation of the roll in radians.
    """
    aspect = dice.pick(ASPECTS)
    width, height = (
        (long_side, int(long_side / aspect)) if aspect >= 1 else (int(long_side * aspect), long_side)
    )
    eye, offset = dice.between(1.2, 2.2), dice.between(-0.4, 0.4)
    wide = math.radians(dice.between(*field_of_view))

    def far_enough(span: float) -> float:
        """Distance from which `span` metres fill the height of the picture."""
        return span / 2 / math.tan(wide / 2)

    if kind == "full":
        distance = far_enough(pole_height * dice.between(0.95, 2.0))
        aim = pole_height * dice.between(0.4, 0.6)
    elif kind == "far":
        distance = far_enough(pole_height * dice.between(2.5, 9))
        aim = pole_height * dice.between(-0.3, 1.2)
    elif kind == "top":
        span = dice.between(1.6, 7)
        slant = max(far_enough(span), dice.between(1.5, 10))
        aim = pole_height - span * dice.between(0.1, 0.45)
        # the span is seen along the slanted line of sight; near poles force a steep look up
        rise = min(slant * 0.95, max(0.0, aim - eye))
        distance = math.sqrt(max(1.5**2, slant**2 - rise**2))
    elif kind == "worm":
        wide = math.radians(dice.between(45, 80))
        distance = dice.between(1.2, 4)
        aim = eye + distance * math.tan(dice.between(0.6, 1.25))
    elif kind == "shaft":
        distance, aim = far_enough(dice.between(1.0, 4.5)), dice.between(0.5, 4)
    elif kind == "drone":
        span = dice.between(2, 16)
        distance = max(3.0, far_enough(span))
        aim = pole_height - span * dice.between(0.1, 0.4)
        eye = min(pole_height * dice.between(0.5, 2.0), aim + distance * 1.2)
    elif kind == "underground":
        wide = math.radians(dice.between(30, 70))
        distance, aim = dice.between(2, 9), dice.between(0.2, 1.2)
    elif kind in ("plantation", "forest"):
        wide = math.radians(dice.between(35, 80))
        distance, aim = dice.between(1.5, 14), 0.0
        aim = eye + distance * math.tan(
            dice.between(-0.1, 0.15) if dice.chance(0.75) else dice.between(0.2, 0.9)
        )
    elif kind == "trunk":
        distance = dice.between(0.9, 8)
        aim = eye + distance * math.tan(
            dice.between(-0.25, 0.3) if dice.chance(0.7) else dice.between(0.3, 1.1)
        )
    elif kind == "branches":
        distance, aim = 10.0, eye + 10 * math.tan(dice.between(0.15, 1.1))
    elif kind == "building":
        distance = dice.between(3, 16)
        aim = dice.between(1, 9)
    else:
        wide = math.radians(dice.between(40, 85))
        distance, aim = dice.between(8, 40), dice.between(1, 7)
    distance = float(np.clip(distance, 0.9, 160))
    pitch = float(np.clip(math.atan2(aim - eye, distance) + dice.normal(0.03), -1.2, 1.25))
    focal = height / 2 / math.tan(wide / 2)
    half = width / 2 / focal
    side = (
        dice.between(-0.9, 0.9) if kind in ("street", "underground", "far") else offset * dice.between(0.3, 2)
    )
    tilt = dice.normal(roll) if dice.chance(0.87) else dice.normal(0.14)
    camera = Camera(width, height, focal, (0.0, eye, 0.0), pitch, roll=tilt)
    return View(camera, side * half * distance, distance)
