"""A pole with everything on it: where its parts are and in which order they are painted.

The label of a pole is its shaft; each crossarm (arms.py) has its own. What hangs on it is hardware.py.
"""

from __future__ import annotations

import math

import numpy as np

from core.yolo.scene import hardware
from core.yolo.scene.arms import Arm
from core.yolo.scene.dice import Dice, unit
from core.yolo.scene.mesh import box, rod, shadow, tube
from core.yolo.scene.stage import CROSSARM, POLE, Stage
from core.yolo.scene.styles import ARM_STEELS, ArmStyle, PoleStyle
from core.yolo.scene.vegetation import foliage_ramp, place
from core.yolo.scene.wires import drop_fan, wire

_SEAT_LIFT = {"pin": 0.16, "post": 0.32, "suspension": -0.5, "deadend": 0.0, "none": 0.02}
_TWIN_HALF_GAP = 1.3  # metres from the middle of a two-pole structure to either shaft


class Pole:
    """One pole in the world.

    Args:
        dice: Decides lean and details.
        style: Its build.
        foot: World point on the ground, (3,).
        heading: Direction of the line in radians from straight ahead; arms run across it.
    """

    def __init__(self, dice: Dice, style: PoleStyle, foot: np.ndarray, heading: float) -> None:
        lean = 0.012 if dice.chance(0.82) else 0.06
        self.style, self.foot, self.height = style, np.asarray(foot, float), style.height
        self.up = unit([dice.normal(lean), 1.0, dice.normal(lean)])
        self.along = np.array([math.sin(heading), 0.0, math.cos(heading)])
        self.across = np.array([math.cos(heading), 0.0, -math.sin(heading)])
        self.depth = 10.0
        self._dice = dice.fork()
        self.arms = [self._arm(style_of_arm) for style_of_arm in style.arms]
        self.seats, self.telecom = self._wire_seats()

    def point(self, height: float) -> np.ndarray:
        """The point on the axis at a height in metres."""
        return self.foot + self.up * height

    def radius(self, height: float) -> float:
        """Radius of the shaft at a height, metres."""
        share = height / self.height
        return self.style.foot_radius * (1 - share) + self.style.top_radius * share

    def _arm(self, style: ArmStyle) -> Arm:
        height = style.height
        axis = self.along if style.buck else self.across
        length = style.length
        if self.style.twin:
            length = max(length, 2 * _TWIN_HALF_GAP + 0.8)
        return Arm(style, self.point(height), axis, self.up, self.radius(height), length)

    def _wire_seats(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        style, seats = self.style, []
        for arm in self.arms:
            if not arm.style.buck:
                lift = _SEAT_LIFT[arm.style.insulator] + arm.style.depth / 2
                seats += [seat + self.up * lift for seat in arm.seats]
        if style.top_pin:
            seats.append(self.point(self.height + 0.3))
        for number in range(style.side_posts):
            out = self.across * (-1 if number % 2 else 1)
            seats.append(
                self.point(self.height - 0.3 - 0.6 * number) + out * (self.radius(self.height) + 0.35)
            )
        if style.neutral:
            seats.append(self.point(self.height * 0.8) + self.across * 0.15)
        telecom = []
        for number in range(style.telecom):
            height = min(self.height * 0.6, 5.2 + 0.45 * number)
            telecom.append(self.point(height) + self.across * (0.18 * (-1) ** number))
        return seats, telecom

    def draw(self, stage: Stage) -> None:
        """Paint the pole and register its labels."""
        camera, dice = stage.camera, self._dice
        depths = [camera.depth(self.point(share * self.height)) for share in (0.0, 0.6, 1.0)]
        if max(depths) < 1.2:
            return
        self.depth = max(depths[1], 1.0)
        metre = camera.scale(self.depth)
        if metre > 4:
            shadow(stage, self.foot, self.height, self.style.foot_radius)
        front, back = [], []
        for arm in self.arms:
            arm_id = stage.register(CROSSARM, arm.ends)
            for beam in arm.beams:
                (front if arm.in_front(beam, camera.position) else back).append((arm, beam, arm_id))
        for arm, beam, arm_id in back:
            arm.draw_beam(stage, beam, arm_id)
        self._draw_shafts(stage, dice)
        if metre > 3:
            self._draw_attachments(stage, dice, metre)
        for arm, beam, arm_id in front:
            arm.draw_beam(stage, beam, arm_id)
        if metre > 3:
            self._draw_insulation(stage, dice, metre)

    def _draw_shafts(self, stage: Stage, dice: Dice) -> None:
        style = self.style
        shift = self.across * _TWIN_HALF_GAP
        feet = [self.foot - shift, self.foot + shift] if style.twin else [self.foot]
        paint = self._shaft_paint(dice)
        for foot in feet:
            top = foot + self.up * self.height
            shaft = stage.register(POLE, np.array([foot, top]))
            if style.square:
                half = style.foot_radius * 0.8
                axes = (self.across, self.up, np.cross(self.across, self.up))
                box(
                    stage,
                    (foot + top) / 2,
                    axes,
                    (half, self.height / 2, half),
                    style.colour,
                    grain=0.12,
                    object_id=shaft,
                )
            else:
                wood = style.material == "wood"
                tube(
                    stage,
                    foot,
                    top,
                    style.foot_radius,
                    style.top_radius,
                    style.colour,
                    strip="wood" if wood else "plain",
                    grain=0.32 if wood else 0.1,
                    object_id=shaft,
                    caps=True,
                    gloss=0.3 if style.material == "steel" else 0.0,
                    paint=paint,
                )
        if style.twin and dice.chance(0.6):
            iron = stage.light.lit(style.colour, None, self.depth)
            high, low = self.up * self.height * 0.85, self.up * self.height * 0.6
            rod(stage, feet[0] + high, feet[1] + low, iron, 0.06)
            rod(stage, feet[1] + high, feet[0] + low, iron, 0.06)

    def _shaft_paint(self, dice: Dice):
        """Stains, a damp foot, joints or painted stripes along the shaft."""
        wood = self.style.material == "wood"
        foot_dark = dice.between(6, 25) if wood and dice.chance(0.5) else 0.0
        stain = dice.spread(0.75, 1.2, 7) if dice.chance(0.5) else None
        stripes = dice.count(1, 5) if dice.chance(0.07) else 0
        stripe_colour = dice.tint(dice.pick([(225, 225, 225), (235, 200, 40), (190, 50, 50), (40, 40, 40)]))
        pitch = dice.between(0.03, 0.09)
        joints = dice.count(6, 20) if not wood and dice.chance(0.4) else 0

        def paint(strip: np.ndarray) -> np.ndarray:
            rows = len(strip)
            share = np.linspace(0, 1, rows, dtype=np.float32)
            factor = np.ones(rows, np.float32)
            if foot_dark:
                factor *= 1 - 0.35 * np.exp(-share * foot_dark)
            if stain is not None:
                factor *= np.interp(share, np.linspace(0, 1, 7), stain).astype(np.float32)
            strip = strip * factor[:, None, None]
            for number in range(stripes):
                strip[int(rows * (0.02 + number * pitch)) : int(rows * (0.02 + (number + 0.5) * pitch))] *= (
                    stripe_colour / np.maximum(self.style.colour, 1)
                )
            if joints:
                strip[:: max(4, rows // joints)] *= 0.8
            return strip

        return paint

    def _draw_attachments(self, stage: Stage, dice: Dice, metre: float) -> None:
        """Everything on the shaft that is painted before the front arms."""
        style = self.style
        for number in range(style.risers):
            hardware.riser(stage, dice, self, number)
        if style.transformers:
            lowest = min([a.style.height for a in self.arms] + [style.height])
            hardware.transformers(
                stage, dice, self, style.transformers, lowest - dice.between(0.9, 2.0), style.tank_colour
            )
        if style.light:
            out = dice.pick((self.across, -self.across, self.along))
            hardware.street_light(
                stage, dice, self.point(self.height * dice.between(0.55, 0.8)), out, self.up
            )
        for seat in self.telecom:
            if metre > 6 and dice.chance(0.5):
                centre = seat + self.along * dice.between(0.3, 1.2) - self.up * 0.08
                box(
                    stage,
                    centre,
                    (self.along, self.up, self.across),
                    (dice.between(0.2, 0.4), 0.07, 0.07),
                    np.array([35.0, 35, 35]),
                )
        if style.rack and metre > 8:
            height = self.height * 0.74
            out = self.across * (self.radius(height) + 0.02)
            for number in range(3):
                hardware.insulator(
                    stage,
                    self.point(height - 0.2 * number) + out,
                    self.across,
                    0.09,
                    0.05,
                    1,
                    style.insulator_colour,
                )
            rod(
                stage,
                self.point(height + 0.1) + out,
                self.point(height - 0.5) + out,
                stage.light.lit((130, 130, 130), None, self.depth),
                0.03,
            )
        if metre > 12:
            hardware.small_things(stage, dice, self)
        if dice.chance(0.13):
            drop_fan(stage, dice, self)
        if metre > 8 and dice.chance(0.1):
            hardware.cable_coil(stage, dice, self, metre)
        if dice.chance(0.28):
            hardware.guys(stage, dice, self)

    def _draw_insulation(self, stage: Stage, dice: Dice, metre: float) -> None:
        """Braces, insulators, cut-outs and jumpers in front of the arms, and the pole top."""
        style, light = self.style, stage.light
        for arm in self.arms:
            iron = light.lit(dice.tint(dice.pick([*ARM_STEELS, arm.style.colour]), 0.1), None, self.depth)
            arm.draw_braces(stage, dice, iron)
            hardware.arm_insulators(stage, dice, arm, style.insulator_colour, iron)
            for seat in arm.seats if metre > 8 else ():
                if style.cutouts and dice.chance(0.6):
                    hardware.cutout(stage, dice, seat, arm, self.depth)
                if dice.chance(0.25):
                    low = self.point(max(1.0, arm.style.height - dice.between(0.8, 2))) + self.across * 0.2
                    wire(stage, seat + self.up * 0.1, low, 0.12, 0.006, np.full(3, 40.0), 8)
        if style.top_pin:
            hardware.insulator(
                stage, self.point(self.height), self.up, 0.32, 0.07, dice.count(1, 6), style.insulator_colour
            )
        for number in range(style.side_posts):
            out = self.across * (-1 if number % 2 else 1)
            start = self.point(self.height - 0.3 - 0.6 * number) + out * self.radius(self.height)
            hardware.insulator(stage, start, out + self.up * 0.3, 0.42, 0.07, 6, style.insulator_colour)

    def draw_vines(self, stage: Stage, greens: list) -> None:
        """Creepers around the foot of the shaft; they hide it."""
        pixels, depths = stage.camera.project(self.foot)
        if depths[0] < 1.5:
            return
        metre = stage.camera.scale(float(depths[0]))
        tall = self.height * stage.dice.between(0.1, 0.45) * metre
        wide = tall * stage.dice.between(0.15, 0.4) + 3 * self.style.foot_radius * metre
        place(
            stage,
            stage.dice.pick(stage.textures.crowns),
            tuple(pixels[0]),
            (wide, tall),
            foliage_ramp(stage, greens, float(depths[0])),
        )
