"""How a utility builds: pole material, arms, insulators, wires. Plain values, nothing is drawn here.

A family has one `UtilityStyle`; every pole of a scene gets a `PoleStyle` drawn from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.yolo.scene.dice import Dice

WOODS = [
    (115, 90, 70),
    (122, 102, 85),
    (142, 132, 120),
    (70, 55, 45),
    (128, 85, 60),
    (172, 162, 150),
    (160, 125, 95),
    (52, 42, 35),
    (105, 95, 75),
    (88, 74, 62),
]
CONCRETES = [(175, 172, 165), (197, 195, 190), (152, 148, 140), (165, 158, 146)]
STEELS = [(148, 150, 150), (90, 100, 95), (120, 80, 60), (182, 185, 185), (70, 70, 70)]
ARM_STEELS = [(152, 152, 150), (112, 112, 110), (120, 85, 70), (188, 190, 190)]
FIBRES = [(185, 170, 150), (178, 178, 175), (130, 130, 120)]
PORCELAINS = [
    (105, 60, 45),
    (168, 168, 165),
    (220, 218, 215),
    (130, 165, 150),
    (80, 65, 60),
    (165, 70, 70),
    (140, 170, 190),
    (100, 95, 95),
    (50, 48, 48),
]
TANKS = [(168, 168, 165), (140, 145, 140), (190, 192, 190), (90, 110, 95), (122, 122, 120), (150, 165, 175)]
WIRES = [(40, 40, 40), (90, 90, 90), (150, 150, 150), (90, 70, 60), (25, 25, 25)]
INSULATORS = ("pin", "post", "suspension", "deadend", "none")
BRACES = ("vee", "vee", "none", "wide", "one", "solid")


@dataclass(frozen=True)
class ArmStyle:
    """One crossarm position on a pole; lengths in metres, angles in radians.

    Args:
        height: Above ground on a pole of the style's height.
        kind: single, double (a beam on either face: one label) or alley (all to one side).
        buck: True when the arm runs along the line instead of across it.
        depth, thickness: Section of the beam.
        offset: Shift along the beam as a share of half its length.
        rise: Upward angle of both halves of a vee arm; 0 for a straight beam.
    """

    height: float
    length: float
    kind: str
    buck: bool
    depth: float
    thickness: float
    offset: float
    side: int
    face: int
    colour: np.ndarray
    material: str
    tilt: float
    yaw: float
    rise: float
    round: bool
    brace: str
    insulator: str
    insulators: int


@dataclass(frozen=True)
class PoleStyle:
    """One pole with everything on it; lengths in metres, counts in pieces."""

    height: float
    foot_radius: float
    top_radius: float
    material: str
    colour: np.ndarray
    square: bool
    arms: tuple[ArmStyle, ...]
    top_pin: bool
    side_posts: int
    insulator_colour: np.ndarray
    transformers: int
    tank_colour: np.ndarray
    cutouts: bool
    telecom: int
    light: bool
    risers: int
    neutral: bool
    rack: bool
    tags: bool
    twin: bool
    wire_radius: float
    wire_colour: np.ndarray


@dataclass(frozen=True)
class UtilityStyle:
    """The habits of one utility: what its poles have in common."""

    material: str
    colour: np.ndarray
    height: float
    slim: float
    arm_material: str
    arm_colour: np.ndarray
    arm_length: float
    arm_section: float
    insulators: tuple[str, str]
    insulator_colour: np.ndarray
    brace: str
    tank_colour: np.ndarray
    wire_radius: float
    wire_colour: np.ndarray


def _arm_colour(dice: Dice, material: str) -> np.ndarray:
    palette = {"wood": WOODS, "steel": ARM_STEELS, "fibre": FIBRES, "concrete": CONCRETES}[material]
    return dice.tint(dice.pick(palette), 0.15)


def draw_utility(dice: Dice) -> UtilityStyle:
    """The house style of a family."""
    material = dice.weighted({"wood": 0.7, "concrete": 0.16, "steel": 0.14})
    palette = {"wood": WOODS, "concrete": CONCRETES, "steel": STEELS}[material]
    arm_material = (
        "wood"
        if material == "wood" and dice.chance(0.75)
        else dice.weighted({"steel": 0.5, "wood": 0.25, "fibre": 0.15, "concrete": 0.1})
    )
    return UtilityStyle(
        material=material,
        colour=dice.tint(dice.pick(palette), 0.15),
        height=dice.between(7.5, 14) if dice.chance(0.85) else dice.between(14, 22),
        slim=dice.between(0.7, 1.25),
        arm_material=arm_material,
        arm_colour=_arm_colour(dice, arm_material),
        arm_length=dice.between(1.1, 3.3) if dice.chance(0.85) else dice.between(3.3, 4.8),
        arm_section=dice.between(0.8, 1.3),
        insulators=(dice.pick(INSULATORS), dice.pick(INSULATORS)),
        insulator_colour=dice.tint(dice.pick(PORCELAINS), 0.1),
        brace=dice.pick(BRACES),
        tank_colour=dice.tint(dice.pick(TANKS), 0.1),
        wire_radius=dice.between(0.004, 0.013),
        wire_colour=dice.tint(dice.pick(WIRES), 0.2),
    )


def _draw_arm(dice: Dice, utility: UtilityStyle, height: float, first: bool) -> ArmStyle:
    material = utility.arm_material
    thin = material == "steel"
    rise = 0.0
    if dice.chance(0.07):
        rise = dice.between(0.15, 0.5) if dice.chance(0.7) else dice.between(-0.3, -0.05)
    return ArmStyle(
        height=height,
        length=utility.arm_length * (1 if dice.chance(0.5) else dice.between(0.6, 1.35)),
        kind=dice.weighted({"single": 0.6, "double": 0.24, "alley": 0.16}),
        buck=not first and dice.chance(0.35),
        depth=(dice.between(0.05, 0.12) if thin else dice.between(0.09, 0.14)) * utility.arm_section,
        thickness=(dice.between(0.04, 0.1) if thin else dice.between(0.07, 0.11)) * utility.arm_section,
        offset=0.0 if dice.chance(0.8) else dice.between(-0.35, 0.35),
        side=dice.sign(),
        face=dice.sign(),
        colour=dice.tint(utility.arm_colour, 0.1 if dice.chance(0.7) else 0.3),
        material=material,
        tilt=dice.normal(0.015 if dice.chance(0.85) else 0.08),
        yaw=dice.normal(0.03),
        rise=rise,
        round=dice.chance(0.05),
        brace=utility.brace if dice.chance(0.6) else dice.pick(BRACES),
        insulator=dice.pick(utility.insulators) if dice.chance(0.75) else dice.pick(INSULATORS),
        insulators=dice.count(2, 4),
    )


def draw_pole_style(dice: Dice, utility: UtilityStyle, arms_wanted: bool = False) -> PoleStyle:
    """A pole as this utility builds it.

    Args:
        arms_wanted: Give it at least one crossarm.
    """
    height = utility.height * dice.between(0.88, 1.12)
    count = dice.weighted({0: 0.0 if arms_wanted else 0.13, 1: 0.5, 2: 0.22, 3: 0.11, 4: 0.04})
    at = height - (dice.between(0.1, 0.45) if dice.chance(0.75) else dice.between(0.5, 1.8))
    arms = []
    for number in range(count):
        arms.append(_draw_arm(dice, utility, at, number == 0))
        at -= dice.between(0.45, 1.5)
    foot = dice.between(0.12, 0.19) * utility.slim * (1 if height < 14 else 1.3)
    return PoleStyle(
        height=height,
        foot_radius=foot,
        top_radius=foot * dice.between(0.5, 0.88),
        material=utility.material,
        colour=dice.tint(utility.colour, 0.15),
        square=utility.material == "concrete" and dice.chance(0.35),
        arms=tuple(arms),
        top_pin=dice.chance(0.42),
        side_posts=dice.count(1, 3) if count == 0 or dice.chance(0.08) else 0,
        insulator_colour=utility.insulator_colour,
        transformers=dice.weighted({0: 0.6, 1: 0.27, 2: 0.05, 3: 0.08}),
        tank_colour=dice.tint(utility.tank_colour, 0.1),
        cutouts=dice.chance(0.4),
        telecom=dice.weighted({0: 0.35, 1: 0.2, 2: 0.2, 3: 0.15, 4: 0.1}),
        light=dice.chance(0.16),
        risers=dice.count(1, 3) if dice.chance(0.25) else 0,
        neutral=dice.chance(0.6),
        rack=dice.chance(0.3),
        tags=dice.chance(0.5),
        twin=dice.chance(0.04),
        wire_radius=utility.wire_radius,
        wire_colour=utility.wire_colour,
    )


def neighbour(dice: Dice, style: PoleStyle) -> PoleStyle:
    """The next pole of the same line: the same build with small differences."""
    taller = 1 if dice.chance(0.5) else dice.between(0.94, 1.06)
    arms = tuple(replace(arm, height=arm.height * taller) for arm in style.arms)
    if arms and dice.chance(0.15):
        arms = arms[: max(1, len(arms) - 1)]
    return replace(
        style,
        height=style.height * taller,
        arms=arms,
        transformers=style.transformers if dice.chance(0.25) else 0,
        light=style.light and dice.chance(0.4),
        risers=0,
        twin=False,
    )
