"""Crossarms: where the beams of one arm are, how they and their braces are drawn.

An arm is one labelled object even when it has two beams; pins and braces stay outside its label.
"""

from __future__ import annotations

import math

import numpy as np

from core.yolo.scene.camera import NEAR
from core.yolo.scene.dice import Dice, unit
from core.yolo.scene.mesh import box, rod, tube
from core.yolo.scene.stage import Stage
from core.yolo.scene.styles import ArmStyle


class Arm:
    """One crossarm in the world.

    Args:
        style: Its build.
        centre: Point on the pole's axis at the height of the arm.
        axis: Unit vector along the arm before its own yaw and tilt.
        up: Unit vector along the pole.
        radius: Radius of the shaft here, metres.
        length: Length from end to end, metres.
    """

    def __init__(
        self,
        style: ArmStyle,
        centre: np.ndarray,
        axis: np.ndarray,
        up: np.ndarray,
        radius: float,
        length: float,
    ) -> None:
        turned = axis * math.cos(style.yaw) + np.cross(up, axis) * math.sin(style.yaw)
        self.style, self.up, self.radius, self.length = style, up, radius, length
        self.on_pole = centre
        self.axis = unit(turned + up * style.tilt)
        self.normal = unit(np.cross(self.axis, up))
        if style.kind == "alley":
            self.centre = centre + self.axis * style.side * (length / 2 - 0.1)
        else:
            self.centre = centre + self.axis * (style.offset * length / 2)
        reach = radius * 0.85 + style.thickness / 2
        sides = (-1, 1) if style.kind == "double" else (style.face,)
        self.beams = [self.centre + self.normal * (reach * side) for side in sides]
        self.seats = self._seats()

    def _seats(self) -> list[np.ndarray]:
        """Where the insulators stand."""
        half = self.length / 2 - 0.1
        spots = np.linspace(-half, half, self.style.insulators)
        if self.style.insulators == 3:
            spots[1] = spots[0] * 0.35
        if self.style.kind != "alley":
            spots = spots[np.abs(spots + self.style.offset * self.length / 2) > 0.12]
        lift = math.sin(self.style.rise)
        return [self.centre + self.axis * s + self.up * abs(s) * lift for s in spots]

    def _halves(self, beam: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Ends of the straight pieces of a beam: one piece, or two for a vee arm."""
        half = self.length / 2
        if self.style.rise and self.style.kind == "single":
            tips = [unit(self.axis * side + self.up * self.style.rise) * half for side in (-1, 1)]
            return [(beam, beam + tip) for tip in tips]
        return [(beam - self.axis * half, beam + self.axis * half)]

    @property
    def ends(self) -> np.ndarray:
        """The far ends of all beams, (N, 3): what the label must reach."""
        points = []
        for beam in self.beams:
            pieces = self._halves(beam)
            points += [pieces[0][0], pieces[0][1]] if len(pieces) == 1 else [piece[1] for piece in pieces]
        return np.array(points)

    def in_front(self, beam: np.ndarray, eye: np.ndarray) -> bool:
        """Whether a beam is on the camera's side of the shaft."""
        out = float((beam - self.on_pole) @ self.normal)
        return out * float(self.normal @ unit(eye - beam)) > -0.002

    def draw_beam(self, stage: Stage, beam: np.ndarray, object_id: int) -> None:
        """Draw one beam and mark it in the id buffer from end to end."""
        style = self.style
        wood = style.material == "wood"
        for a, b in self._halves(beam):
            if style.round:
                tube(
                    stage,
                    a,
                    b,
                    style.depth / 2,
                    style.depth / 2,
                    style.colour,
                    strip="wood" if wood else "plain",
                    grain=0.25 if wood else 0.1,
                    object_id=object_id,
                    caps=True,
                )
            else:
                along = unit(b - a)
                axes = (along, unit(np.cross(self.normal, along)), self.normal)
                half = (float(np.linalg.norm(b - a)) / 2, style.depth / 2, style.thickness / 2)
                box(
                    stage,
                    (a + b) / 2,
                    axes,
                    half,
                    style.colour,
                    grain=0.22 if wood else 0.08,
                    object_id=object_id,
                    tile=stage.dice.pick(stage.textures.fine),
                )
            pixels, depths = stage.camera.project(np.array([a, b]))
            if depths.min() > NEAR and np.abs(pixels).max() < 20_000:
                stage.canvas.mark_line(pixels[0], pixels[1], object_id)

    def draw_braces(self, stage: Stage, dice: Dice, colour: np.ndarray) -> None:
        """The flat irons from the arm down to the shaft; colour is already lit."""
        width = dice.between(0.015, 0.03)
        style, axis, up = self.style, self.axis, self.up
        below = self.centre - up * (style.depth / 2)
        out = self.normal * (style.face * self.radius)

        def brace(along: float, drop: float, thick: float = 1.0) -> None:
            rod(
                stage, below + axis * along + out * 1.1, self.on_pole - up * drop + out, colour, width * thick
            )

        if style.kind == "alley":
            brace(style.side * self.length * 0.2, self.length * 0.45)
            if dice.chance(0.4):
                brace(style.side * self.length * 0.42, self.length * 0.6)
        elif style.brace in ("vee", "wide", "solid"):
            share = {"vee": 0.22, "wide": 0.36, "solid": 0.25}[style.brace]
            drop = dice.between(0.35, 0.8)
            for side in (-1, 1):
                brace(side * self.length * share, drop, 1.8 if style.brace == "solid" else 1.0)
        elif style.brace == "one":
            brace(dice.sign() * self.length * 0.3, 0.7)
