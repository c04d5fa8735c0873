"""The ground: soils, grass, snow, roads with markings, mottled shade, seen in true perspective.

Computed at half size per pixel from the ray to the ground plane, then enlarged with fine grain on top.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from core.yolo.scene.stage import Stage
from core.yolo.scene.textures import crop

SOILS = {
    "grass": ((45, 62, 28), (112, 130, 68)),
    "dry": ((125, 110, 72), (190, 175, 130)),
    "dirt": ((110, 86, 62), (172, 148, 118)),
    "red": ((130, 80, 55), (190, 140, 105)),
    "sand": ((172, 148, 118), (222, 200, 170)),
    "gravel": ((112, 110, 104), (168, 166, 160)),
    "asphalt": ((66, 68, 70), (110, 111, 113)),
    "concrete": ((150, 147, 142), (196, 193, 188)),
    "field": ((88, 92, 42), (150, 152, 90)),
    "snow": ((205, 210, 216), (243, 245, 248)),
    "litter": ((62, 46, 32), (130, 98, 66)),
}


@dataclass(frozen=True)
class Road:
    """A straight road: direction in radians from straight ahead, side offset and width in metres, soil."""

    heading: float
    offset: float
    width: float
    soil: str


class _Ground:
    """Noise sampled on the ground plane for the rows below the horizon."""

    def __init__(self, stage: Stage, top: int) -> None:
        self.stage = stage
        camera = stage.camera
        rays = camera.axes.astype(np.float32)
        x = (np.arange(0, camera.width, 2, dtype=np.float32) + 1 - camera.width / 2) / np.float32(
            camera.focal
        )
        y = (np.arange(top, camera.height, 2, dtype=np.float32) + 1 - camera.height / 2) / np.float32(
            camera.focal
        )
        x, y = x[None], y[:, None]
        down = -(rays[0, 1] * x + rays[1, 1] * y + rays[2, 1])
        self.down = down
        self.seen = down > 1e-3
        eye = np.float32(max(0.3, camera.position[1]))
        self.distance = np.minimum(eye / np.maximum(down, np.float32(1e-3)), np.float32(3000))
        self.x = (rays[0, 0] * x + rays[1, 0] * y + rays[2, 0]) * self.distance
        self.z = (rays[0, 2] * x + rays[1, 2] * y + rays[2, 2]) * self.distance

    def noise(self, tiles: list[np.ndarray], scale: float) -> np.ndarray:
        """A tile repeated as mirrors over the ground, `scale` texels a metre, 0..1 float32."""
        dice = self.stage.dice
        tile = dice.pick(tiles)
        period = np.float32(2 * tile.shape[0] - 4)
        middle = np.float32(tile.shape[0] - 2)
        shift_x, shift_z = dice.between(0, 500), dice.between(0, 500)
        u = np.abs(np.mod(self.x * np.float32(scale) + np.float32(shift_x), period) - middle)
        v = np.abs(np.mod(self.z * np.float32(scale) + np.float32(shift_z), period) - middle)
        return cv2.remap(tile, u, v, cv2.INTER_LINEAR).astype(np.float32) * np.float32(1 / 255)


def _cover(colour: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    share = np.ascontiguousarray(share, np.float32)
    return cv2.blendLinear(other, colour, share, 1 - share)


def paint_ground(stage: Stage, soil: str, second: str, roads: list[Road]) -> None:
    """Paint the ground below the horizon.

    Args:
        soil: Main soil, a key of SOILS.
        second: Soil of patches.
        roads: Roads laid over it, first to last.
    """
    camera, light, dice = stage.camera, stage.light, stage.dice
    horizon = camera.horizon(np.array([0.0, camera.width]))
    upright = abs(camera.axes[1, 1]) > 0.05
    top = int(np.clip(horizon.min() - 4, 0, camera.height)) // 2 * 2 if upright else 0
    if top >= camera.height - 6:
        return
    ground = _Ground(stage, top)
    if ground.seen.sum() < 50:
        return
    coarse = ground.noise(stage.textures.mid, dice.between(6, 20))
    medium = ground.noise(stage.textures.fine, dice.between(25, 80))
    fine = ground.noise(stage.textures.grit, dice.between(35, 140))
    # without mip maps far noise would turn to hard dots, so each layer fades where its cells get small
    near, middle = np.clip(1.1 - ground.distance / 30, 0, 1), np.clip(1.2 - ground.distance / 60, 0, 1)
    share = dice.between(0.08, 0.3)
    layers = (
        share * (coarse - 0.5)
        + 0.25 * middle * (medium - 0.5)
        + dice.between(0.15, 0.5) * near * (fine - 0.5)
    )
    noise = np.clip(0.5 + layers, 0, 1)[..., None]

    def material(name: str) -> np.ndarray:
        dark, bright = SOILS[name]
        low, high = dice.tint(dark, 0.12), dice.tint(bright, 0.12)
        return (low + (high - low) * noise).astype(np.float32)

    colour = material(soil)
    if dice.chance(0.55):
        colour = _cover(colour, material(second), np.clip((coarse - dice.between(0.4, 0.7)) * 6, 0, 1))
    for road in roads:
        colour = _lay_road(stage, ground, colour, road, coarse, material)
    if light.diffuse > 0.4 and dice.chance(0.5):
        mottle = ground.noise(stage.textures.cloud, dice.between(15, 50))
        shade = np.clip((mottle - dice.between(0.45, 0.7)) * 8, 0, 1) * dice.between(0.3, 0.6)
        colour *= (1 - shade)[..., None]
    strength = (light.ambient + light.diffuse * max(0.15, float(light.sun[1]))) * light.ground_gain
    haze = (1 - np.exp(-ground.distance / np.float32(light.visibility)))[..., None]
    colour = colour * (np.float32(strength) * (1 - haze)) + light.haze * haze
    cover = (np.clip(ground.down * np.float32(camera.focal / 2.4), 0, 1) * ground.seen).astype(np.float32)
    rows, columns = camera.height - top, camera.width
    paint = cv2.resize(
        np.clip(colour, 0, 255).astype(np.uint8), (columns, rows), interpolation=cv2.INTER_LINEAR
    )
    fading = np.clip(dice.between(0.2, 0.9) / (1 + ground.distance / dice.between(10, 60)), 0.08, 0.8) * 0.45
    strength_map = cv2.resize(fading.astype(np.float32), (columns, rows))
    grain = crop(dice, dice.pick(stage.textures.grit), rows, columns).astype(np.float32) - 128
    factor = cv2.merge([1 + strength_map * grain * np.float32(1 / 100)] * 3)
    paint = cv2.multiply(paint, factor, dtype=cv2.CV_8U)
    stage.canvas.blend((0, top, columns, camera.height), paint, cv2.resize(cover, (columns, rows)))


def _lay_road(
    stage: Stage,
    ground: _Ground,
    colour: np.ndarray,
    road: Road,
    coarse: np.ndarray,
    material: Callable[[str], np.ndarray],
) -> np.ndarray:
    dice = stage.dice
    across = ground.x * math.cos(road.heading) - ground.z * math.sin(road.heading) - road.offset
    along = ground.x * math.sin(road.heading) + ground.z * math.cos(road.heading)
    paved = road.soil in ("asphalt", "concrete")
    from_middle = np.abs(across)
    edge = (coarse - 0.5) * (0.1 if paved else 0.9)
    if road.soil == "asphalt" and dice.chance(0.4):
        walk = np.clip((road.width / 2 + 2.2 - from_middle) * 12, 0, 1)
        colour = _cover(colour, material("concrete"), walk)
    colour = _cover(colour, material(road.soil), np.clip((road.width / 2 + edge - from_middle) * 12, 0, 1))
    if road.soil != "asphalt" or dice.chance(0.3):
        return colour
    line = from_middle < 0.09
    if dice.chance(0.5):
        line &= np.mod(along, 9) < 4
    if dice.chance(0.6):
        line |= np.abs(from_middle - road.width / 2 + 0.4) < 0.07
    share = line * (np.clip(1 - ground.distance / 120, 0, 1) * dice.between(0.3, 0.9))
    paint = np.empty_like(colour)
    paint[:] = dice.tint(dice.pick([(225, 190, 70), (225, 225, 225)]), 0.1)
    return _cover(colour, paint, share)
