"""The sky and the far skyline: gradients, clouds, sun glow, hills, far woods and towns.

Painted at half size and enlarged, because a sky has no fine detail.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from core.yolo.scene.dice import Dice
from core.yolo.scene.stage import Stage
from core.yolo.scene.textures import crop

ZENITHS = {
    "clear": [
        (70, 140, 205),
        (50, 120, 190),
        (110, 165, 220),
        (45, 100, 170),
        (120, 180, 225),
        (95, 130, 185),
    ],
    "clouds": [(80, 150, 210), (60, 125, 190), (115, 170, 215), (130, 160, 190)],
    "sunset": [(80, 100, 150), (120, 150, 190), (70, 80, 120), (105, 110, 130)],
}
HORIZONS = {
    "clear": [(195, 220, 235), (215, 222, 225), (180, 205, 230)],
    "clouds": [(205, 222, 232), (220, 222, 220)],
    "sunset": [(245, 150, 90), (240, 170, 120), (230, 140, 150), (235, 190, 130), (205, 175, 150)],
}


def _gradient(dice: Dice, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Colours at the horizon and overhead."""
    if kind in ZENITHS:
        return dice.tint(dice.pick(HORIZONS[kind])), dice.tint(dice.pick(ZENITHS[kind]))
    if kind == "white":
        return np.full(3, 250, np.float32), np.array([243, 246, 248], np.float32)
    if kind == "overcast":
        grey = dice.between(150, 242)
        cool = dice.between(-6, 10)
        return (
            dice.tint((grey - cool, grey, grey + cool), 0.04, 2),
            dice.tint((grey * 0.9 - cool, grey * 0.92, grey * 0.94 + cool), 0.07, 3),
        )
    if kind == "storm":
        grey = dice.between(65, 130)
        return dice.tint((grey * 1.45, grey * 1.5, grey * 1.5), 0.1, 4), dice.tint(
            (grey * 0.95, grey, grey), 0.1, 4
        )
    return dice.tint((30, 35, 52), 0.2, 4), dice.tint((15, 18, 32), 0.2, 3)


def _clouds(stage: Stage, sky: np.ndarray, horizon: np.ndarray, zenith: np.ndarray) -> np.ndarray:
    dice, kind = stage.dice, stage.light.sky
    rows, columns = sky.shape[:2]
    # cloud banks flatten towards the horizon, so the tile is squeezed in height
    squeeze = dice.between(0.4, 1.0)
    window = crop(
        dice, dice.pick(stage.textures.cloud), min(700, int(rows / squeeze * 0.8)), min(760, columns)
    )
    noise = cv2.resize(window, (columns, rows), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    if dice.chance(0.6):
        detail = (
            cv2.resize(crop(dice, dice.pick(stage.textures.mid), rows, columns), (columns, rows)).astype(
                np.float32
            )
            / 255
        )
        noise = 0.8 * noise + 0.2 * detail
    if kind == "overcast":
        cover = noise * dice.between(0.1, 0.75)
        bright, dark = np.minimum(horizon * 1.08 + 8, 255), zenith * dice.between(0.5, 0.85)
    else:
        cover = np.clip((noise - dice.between(0.25, 0.65)) / dice.between(0.15, 0.55), 0, 1)
        cover *= dice.between(0.5, 1)
        bright = dice.tint((250, 250, 252), 0.03, 2)
        if kind == "sunset":
            bright = horizon * 0.6 + 100
        elif kind in ("storm", "night"):
            bright = np.minimum(zenith * dice.between(0.9, 1.9), 255)
        dark = bright * dice.between(0.55, 0.9)
    relief = noise - np.roll(noise, dice.count(3, 10), 0)
    share = np.clip(0.6 + relief * dice.between(2, 6), 0, 1)[..., None]
    colours = (dark * (1 - share) + bright * share).astype(np.float32)
    cover = cover.astype(np.float32)
    return cv2.blendLinear(colours, sky, cover, 1 - cover)


def paint_sky(stage: Stage) -> None:
    """Fill the canvas with sky and set the colour of far haze."""
    dice, camera, light = stage.dice, stage.camera, stage.light
    rows, columns = camera.height // 2, camera.width // 2
    elevation = camera.pitch - np.arctan((np.arange(rows) * 2 + 1 - camera.height / 2) / camera.focal)
    share = np.clip(elevation / dice.between(0.5, 1.1), 0, 1) ** dice.between(0.4, 0.9)
    horizon, zenith = _gradient(dice, light.sky)
    line = horizon * (1 - share[:, None]) + zenith * share[:, None]
    sky = np.ascontiguousarray(np.broadcast_to(line[:, None], (rows, columns, 3)), np.float32)
    if light.sky in ("clouds", "sunset", "storm", "overcast") or dice.chance(0.15):
        sky = _clouds(stage, sky, horizon, zenith)
    ahead = camera.axes @ light.sun
    if light.backlit and ahead[2] > 0.1 and light.sky in ("clear", "clouds", "sunset", "white"):
        sun = camera.to_pixels(ahead[None])[0] / 2
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        reach = columns * dice.between(0.1, 0.5)
        glow = np.exp(-((x - sun[0]) ** 2 + (y - sun[1]) ** 2) / reach**2) * dice.between(0.4, 1.2)
        glow = np.clip(glow, 0, 1)[..., None]
        sky = sky * (1 - glow) + 255 * glow
    full = cv2.resize(sky, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
    stage.canvas.image[:] = np.clip(full, 0, 255).astype(np.uint8)
    light.haze = np.clip(horizon * dice.between(0.85, 1.0), 0, 255).astype(np.float32)


def _ridge(stage: Stage, count: int, blur: float) -> np.ndarray:
    row = crop(stage.dice, stage.dice.pick(stage.textures.mid), 1, count).astype(np.float32) / 255
    return cv2.GaussianBlur(row, (0, 0), blur)[0]


def paint_skyline(stage: Stage) -> None:
    """Hills, mountains, far woods or a far town along the horizon, none to three layers."""
    dice, camera, light = stage.dice, stage.camera, stage.light
    columns = np.linspace(0, camera.width, 320)
    horizon = camera.horizon(columns)
    if horizon.min() < -camera.height or horizon.max() > 2.5 * camera.height:
        return
    strength = light.ambient + 0.5 * light.diffuse
    layers = sorted((dice.pick((2500, 900, 450, 220)) for _ in range(dice.count(0, 3))), reverse=True)
    for distance in layers:
        metre = camera.focal / distance
        kind = dice.pick(("hills", "woods", "woods", "woods", "town", "mountains"))
        grain = 0.12
        if kind == "mountains":
            height = _ridge(stage, 320, 8) * dice.between(0.05, 0.17) * camera.focal
            colour = dice.tint((95, 110, 130))
        elif kind == "hills":
            height = _ridge(stage, 320, 20) * dice.between(20, 90) * metre
            colour = dice.tint(dice.pick([(80, 95, 60), (100, 110, 90), (125, 110, 80)]))
        elif kind == "town":
            blocks = dice.count(8, 40)
            height = np.repeat(dice.spread(4, 35, blocks), math.ceil(320 / blocks))[:320] * metre
            colour = dice.tint((150, 150, 150))
        else:
            rough = _ridge(stage, 320, 0.6) - 0.5
            height = (
                (_ridge(stage, 320, 4) * dice.between(4, 14) + dice.between(3, 9)) * (1 + 0.5 * rough) * metre
            )
            colour = dice.tint(dice.pick([(50, 65, 35), (65, 80, 45), (85, 80, 60), (95, 75, 55)]))
            grain = dice.between(0.15, 0.5)
        top = np.stack([columns, horizon - height], 1)
        foot = np.stack([columns[::-1], horizon[::-1] + 6], 1)
        shaded = light.hazed(colour * (light.gain * strength), distance)
        stage.canvas.polygon(np.vstack([top, foot]), shaded, grain, dice.pick(stage.textures.fine))
