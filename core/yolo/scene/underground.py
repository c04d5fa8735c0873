"""Equipment of buried lines, class underground: pad-mounted transformers, pedestals, hand-hole lids."""

from __future__ import annotations

import numpy as np

from core.yolo.scene.dice import Dice, frame
from core.yolo.scene.mesh import box, plate, rod, tube
from core.yolo.scene.stage import UNDERGROUND, Stage
from core.yolo.scene.vegetation import grass_tuft

CABINETS = [
    (45, 90, 60),
    (60, 105, 70),
    (40, 75, 50),
    (85, 110, 80),
    (100, 130, 95),
    (70, 85, 55),
    (160, 165, 150),
    (120, 125, 120),
    (185, 178, 160),
]
LIDS = [(158, 155, 150), (125, 125, 120), (90, 120, 90), (178, 178, 175), (95, 90, 80)]
LABELS = [(240, 130, 40), (240, 210, 50), (235, 235, 235), (200, 60, 60)]
Axes = tuple[np.ndarray, np.ndarray, np.ndarray]
_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))
_RING = np.linspace(0, 2 * np.pi, 21)[:-1]


def draw_underground(stage: Stage, x: float, z: float, greens: list) -> None:
    """One piece of equipment of any kind at (x, z), with its label."""
    dice = stage.dice
    origin = stage.on_ground(x, z)
    if stage.camera.depth(origin) < 0.8:
        return
    axes = frame(dice.between(-1.2, 1.2))
    kind = dice.weighted({"cabinet": 0.55, "pedestal": 0.23, "lid": 0.22})
    if kind == "cabinet":
        _cabinet(stage, dice, origin, axes)
    elif kind == "pedestal":
        _pedestal(stage, dice, origin, axes)
    else:
        _lid(stage, dice, origin, axes)
    if kind != "lid" and dice.chance(0.4):
        front = origin + _toward(stage, origin, axes[2]) * 0.5
        grass_tuft(stage, front, dice, greens, dice.between(0.4, 1.6), dice.between(0.15, 0.5))


def _toward(stage: Stage, origin: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return axis if axis @ (stage.camera.position - origin) > 0 else -axis


def _corners(half: float, centre: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([centre + half * (i * a + j * b) for i, j in _SQUARE])


def _cabinet(stage: Stage, dice: Dice, origin: np.ndarray, axes: Axes) -> None:
    """A pad-mounted transformer or switch cabinet on its concrete pad; the label is the cabinet."""
    a, up, b = axes
    if dice.chance(0.3):
        wide, tall, deep = dice.between(0.8, 1.2), dice.between(0.6, 0.95), dice.between(0.5, 1.0)
    else:
        wide, tall, deep = dice.between(0.4, 0.75), dice.between(0.3, 0.55), dice.between(0.35, 0.6)
    colour = dice.tint(dice.pick(CABINETS), 0.18)
    depth = max(stage.camera.depth(origin), 1.0)
    face = _toward(stage, origin, b)
    base = origin + up * 0.08
    top = base + up * (2 * tall)
    object_id = stage.register(
        UNDERGROUND, np.array([base - a * wide, base + a * wide, top - a * wide, top + a * wide])
    )
    pad = dice.between(1.05, 1.3)
    box(stage, origin + up * 0.04, axes, (wide * pad, 0.05, deep * pad), dice.tint((172, 170, 165), 0.1))
    box(stage, base + up * tall, axes, (wide, tall, deep), colour, grain=0.1, object_id=object_id)
    if dice.chance(0.55):  # sloping hood over the doors
        drop = dice.between(0.1, 0.35) * tall
        hood = np.array(
            [
                top - a * wide - face * deep * 0.3,
                top + a * wide - face * deep * 0.3,
                top + a * wide * 1.01 + face * deep * 1.05 - up * drop,
                top - a * wide * 1.01 + face * deep * 1.05 - up * drop,
            ]
        )
        plate(stage, hood, stage.light.lit(colour * 1.08, up, depth), 0.08, object_id)
    else:
        box(stage, top, axes, (wide * 1.03, 0.03, deep * 1.03), colour * 1.05, object_id=object_id)
    front = base + up * tall + face * (deep + 0.004)
    seam = stage.light.lit(colour * 0.55, None, depth)
    rod(stage, front - up * tall, front + up * tall * 0.9, seam, 0.008)
    if dice.chance(0.5):
        level = front + up * tall * 0.5
        rod(stage, level - a * wide * 0.95, level + a * wide * 0.95, seam, 0.008)
    box(stage, front + a * 0.06 + up * tall * 0.1, axes, (0.02, 0.07, 0.02), colour * 0.5, grain=0)
    for _ in range(dice.count(0, 3)):
        spot = front + a * dice.between(-0.75, 0.75) * wide + up * dice.between(-0.5, 0.6) * tall
        plate(
            stage,
            _corners(dice.between(0.05, 0.12), spot, a, up),
            stage.light.lit(dice.tint(dice.pick(LABELS), 0.1), None, depth),
        )
    if dice.chance(0.3):
        for side in (-1, 1):
            post = origin + face * (deep + 0.7) + a * side * wide
            tube(stage, post, post + up, 0.07, 0.07, dice.tint((235, 200, 50)), caps=True)


def _pedestal(stage: Stage, dice: Dice, origin: np.ndarray, axes: Axes) -> None:
    """A telecom or secondary pedestal, round or square."""
    a, up, b = axes
    height = dice.between(0.5, 1.2)
    colour = dice.tint(dice.pick(CABINETS), 0.15)
    object_id = stage.register(UNDERGROUND, np.array([origin, origin + up * height]))
    if dice.chance(0.4):
        radius = dice.between(0.1, 0.2)
        tube(stage, origin, origin + up * height, radius, radius, colour, object_id=object_id, caps=True)
        tube(
            stage,
            origin + up * height * 0.6,
            origin + up * (height + 0.04),
            radius * 1.08,
            radius * 1.02,
            colour * 1.05,
            object_id=object_id,
            caps=True,
        )
        return
    wide = dice.between(0.1, 0.3)
    box(
        stage,
        origin + up * height / 2,
        axes,
        (wide, height / 2, wide * dice.between(0.6, 1)),
        colour,
        object_id=object_id,
    )
    box(
        stage,
        origin + up * (height + 0.02),
        axes,
        (wide * 1.1, 0.03, wide * 1.1),
        colour * 1.1,
        object_id=object_id,
    )
    if dice.chance(0.4):
        spot = origin + _toward(stage, origin, b) * (wide + 0.02) + up * height * 0.7
        depth = max(stage.camera.depth(origin), 1.0)
        plate(stage, _corners(0.07, spot, a, up), stage.light.lit(dice.tint(dice.pick(LABELS)), None, depth))


def _lid(stage: Stage, dice: Dice, origin: np.ndarray, axes: Axes) -> None:
    """The lid of a hand-hole, flush with the ground."""
    a, up, b = axes
    wide, deep = dice.between(0.2, 0.7), dice.between(0.15, 0.45)
    colour = dice.tint(dice.pick(LIDS), 0.15)
    depth = max(stage.camera.depth(origin), 1.0)
    round_lid = dice.chance(0.15)

    def outline(size: float, lift: float) -> np.ndarray:
        middle = origin + up * lift
        if round_lid:
            return middle + size * wide * (np.cos(_RING)[:, None] * a + np.sin(_RING)[:, None] * b)
        return np.array([middle + size * (i * wide * a + j * deep * b) for i, j in _SQUARE])

    object_id = stage.register(UNDERGROUND, outline(1.0, 0.02))
    plate(stage, outline(1.1, 0.015), stage.light.lit(colour * 0.55, up, depth), 0.15, object_id)
    plate(
        stage,
        outline(1.0, 0.02),
        stage.light.lit(colour, up, depth),
        0.2,
        object_id,
        dice.pick(stage.textures.fine),
    )
    plate(stage, outline(0.3, 0.022), stage.light.lit(colour * 0.8, up, depth), 0.1)
    if dice.chance(0.5):
        line = origin + up * 0.022
        rod(
            stage,
            line - a * wide * 0.5,
            line + a * wide * 0.5,
            stage.light.lit(colour * 0.6, up, depth),
            0.015,
        )
