"""Trees, bushes, woods behind a scene, foliage before the lens. Bare trunks and plantations are trunks.py."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np

from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import Dice, vec
from core.yolo.scene.mesh import rod, tube
from core.yolo.scene.stage import Stage
from core.yolo.scene.textures import Sprite, crop

GREENS = {
    "temperate": [
        ((26, 36, 16), (112, 134, 66)),
        ((30, 42, 20), (134, 154, 82)),
        ((36, 42, 26), (100, 116, 74)),
        ((22, 30, 16), (74, 92, 48)),
    ],
    "northern": [((14, 24, 16), (62, 82, 54)), ((20, 30, 20), (80, 98, 70)), ((16, 24, 16), (50, 68, 44))],
    "tropical": [((20, 34, 14), (96, 140, 56)), ((24, 40, 16), (128, 158, 70)), ((16, 28, 14), (66, 96, 40))],
    "arid": [((46, 46, 30), (138, 134, 98)), ((56, 50, 32), (158, 146, 104)), ((32, 38, 24), (98, 104, 70))],
    "autumn": [((72, 42, 20), (204, 140, 62)), ((86, 36, 22), (196, 92, 56)), ((66, 58, 26), (184, 160, 78))],
}
BARKS = [(92, 78, 62), (110, 100, 90), (60, 52, 44), (124, 120, 114), (84, 66, 50), (140, 132, 122)]


def foliage_ramp(stage: Stage, greens: list, depth: float) -> np.ndarray:
    """The colour ramp of one plant, lit and hazed."""
    dark, bright = stage.dice.pick(greens)
    strength = stage.light.ambient + stage.light.diffuse * 0.75
    dice = stage.dice
    return stage.light.ramp(dice.tint(dark, 0.2) * strength, dice.tint(bright, 0.2) * strength, depth)


def _bark_ramp(stage: Stage, colour: np.ndarray, depth: float) -> np.ndarray:
    strength = stage.light.ambient + 0.4 * stage.light.diffuse
    return stage.light.ramp(colour * strength * 0.8, colour * strength * 1.1, depth)


def place(
    stage: Stage,
    sprite: Sprite,
    at: tuple[float, float],
    size: tuple[float, float],
    ramp: np.ndarray,
    hides=True,
) -> None:
    """A cut-out whose foot is centred at pixel `at`, `size` = (width, height) in pixels."""
    box = (at[0] - size[0] / 2, at[1] - size[1], size[0], size[1])
    stage.canvas.sprite(sprite, box, ramp, stage.dice.chance(0.5), hides)


def draw_tree(stage: Stage, x: float, z: float, height: float, greens: list, palms: float = 0.05) -> None:
    """A tree of any kind standing at (x, z), `height` in metres."""
    dice, art = stage.dice, stage.textures
    foot = stage.on_ground(x, z)
    pixels, depths = stage.camera.project(foot)
    depth = float(depths[0])
    if depth < 1.0:
        return
    metre = stage.camera.scale(depth)
    u, v = pixels[0]
    tall = height * metre
    bark = dice.tint(dice.pick(BARKS), 0.2)
    kind = dice.weighted({"bare": 0.16, "palm": palms, "conifer": 0.2, "bush": 0.17, "broadleaf": 0.45})
    if kind == "bare":
        place(stage, dice.pick(art.bare), (u, v), (tall, tall), _bark_ramp(stage, bark, depth))
        return
    ramp = foliage_ramp(stage, greens, depth)
    if kind == "palm":
        draw_palm(stage, x, z, height, greens)
    elif kind == "conifer":
        place(stage, dice.pick(art.conifers), (u, v), (tall * dice.between(0.8, 1.2), tall), ramp)
    elif kind == "bush":
        low = tall * 0.35
        place(
            stage, dice.pick(art.bushes), (u, v + low * 0.25), (low * dice.between(1, 2.2), low * 1.4), ramp
        )
    else:
        clear = height * dice.between(0.12, 0.45)
        lean = dice.between(-0.06, 0.06) * height
        top = foot + vec(lean, clear + height * 0.25, 0)
        thick = height * dice.between(0.012, 0.03)
        tube(stage, foot, top, thick, thick * 0.6, bark, strip="bark", grain=0.4, object_id=HIDE)
        for _ in range(dice.count(0, 5)):
            start = foot + vec(lean * 0.7, clear * dice.between(0.7, 1.3), 0)
            angle, length = dice.between(-1.2, 1.2), height * dice.between(0.1, 0.3)
            end = start + vec(math.sin(angle) * length * 1.3, abs(math.cos(angle)) * length, 0)
            rod(stage, start, end, stage.light.lit(bark, None, depth), height * 0.006)
        size = (tall * dice.between(0.6, 1.15), (height - clear * 0.8) * metre)
        place(stage, dice.pick(art.crowns), (u + lean * metre, v - clear * metre * 0.8), size, ramp)


def draw_palm(stage: Stage, x: float, z: float, height: float, greens: list) -> None:
    """A palm: ringed, often curved trunk under a crown of fronds."""
    dice = stage.dice
    foot = stage.on_ground(x, z)
    depth = stage.camera.depth(foot)
    if depth < 1.0:
        return
    colour = dice.tint(dice.pick([(120, 108, 92), (140, 130, 116), (98, 86, 72)]), 0.15)
    bend, thick = dice.normal(0.06) * height, dice.between(0.13, 0.24)
    side = dice.normal(0.04) * height
    points = [foot + vec(bend * t * t + side * t, height * 0.85 * t, 0) for t in np.linspace(0, 1, 5)]
    for a, b in pairwise(points):
        tube(stage, a, b, thick, thick * 0.95, colour, strip="palm", grain=0.4, object_id=HIDE)
        thick *= 0.94
    tip, depths = stage.camera.project(points[-1])
    if depths[0] < 1:
        return
    width = dice.between(5.0, 9.0) * stage.camera.scale(float(depths[0]))
    place(
        stage,
        dice.pick(stage.textures.palms),
        (tip[0, 0], tip[0, 1] + width / 2),
        (width, width),
        foliage_ramp(stage, greens, depth),
    )


def draw_woods(stage: Stage, z: float, greens: list) -> None:
    """A closed edge of woods across the picture at distance z, leafy or bare, some trunks showing."""
    dice, canvas, light = stage.dice, stage.canvas, stage.light
    pixels, depths = stage.camera.project(stage.on_ground(0.0, z))
    depth = float(depths[0])
    if depth < 3:
        return
    metre, foot, width = stage.camera.scale(depth), float(pixels[0, 1]), canvas.width
    height = dice.between(5, 20) * metre
    columns = np.linspace(0, width, 260)
    broad = crop(dice, dice.pick(stage.textures.mid), 1, 260)[0] / 255.0
    rough = crop(dice, dice.pick(stage.textures.fine), 1, 260)[0] / 255.0
    gaps = 1.0
    if dice.chance(0.6):
        gaps = np.clip(np.interp(columns, np.linspace(0, width, 6), dice.spread(-0.5, 1.6, 6)), 0.1, 1)
    top = foot - height * (0.45 + 0.55 * broad + 0.25 * (rough - 0.5)) * gaps
    y0, y1 = int(np.clip(top.min(), 0, canvas.height)), int(np.clip(foot + 0.3 * metre, 0, canvas.height))
    if y1 - y0 < 4:
        return
    leafless = dice.chance(0.25)
    shape = (y1 - y0, width)
    noise = cv2.addWeighted(
        crop(dice, dice.pick(stage.textures.mid), *shape),
        0.45,
        crop(dice, dice.pick(stage.textures.fine), *shape),
        0.55,
        0,
    )
    top_row = np.interp(np.arange(width), columns, top).astype(np.float32)
    inside = (np.arange(y0, y1, dtype=np.float32)[:, None] - top_row[None]) / np.float32(height * 0.25 + 1)
    edge = np.clip(inside, 0, 1)
    level = noise.astype(np.float32) * np.float32(1 / 255)
    if leafless:
        cover = np.clip((level - 0.62 + edge * 0.5) * 5, 0, 1)
        dark, bright = (65, 55, 45), (130, 120, 110)
    else:
        cover = np.clip((level - 0.75 + edge * 0.9) * 6, 0, 1)
        dark, bright = dice.pick(greens)
    cover *= inside > 0
    strength = light.ambient + light.diffuse * 0.6
    ramp = light.ramp(dice.tint(dark) * strength, dice.tint(bright) * strength, depth)
    contrast = dice.between(1.2, 2.2)
    shade = np.clip((level - 0.5) * (contrast * 255) + 115, 0, 255).astype(np.uint8)
    canvas.blend((0, y0, width, y1), cv2.LUT(cv2.merge([shade] * 3), ramp), cover)
    canvas.ids[y0:y1][cover > 0.5] = HIDE
    if leafless or dice.chance(0.45):
        _stems(stage, foot, height, metre, depth)


def _stems(stage: Stage, foot: float, height: float, metre: float, depth: float) -> None:
    dice, light = stage.dice, stage.light
    bark = dice.tint(dice.pick(BARKS)) * (light.ambient + light.diffuse * 0.6) * light.gain
    for _ in range(dice.count(10, 70)):
        start = np.array([dice.between(0, stage.canvas.width), foot + dice.between(-0.02, 0.3) * metre])
        tall = height * dice.between(0.4, 1.1)
        end = start + np.array([dice.normal(0.05) * tall, -tall])
        thick = dice.between(0.08, 0.35) * metre
        stage.canvas.stroke(start, end, light.hazed(bark * dice.between(0.6, 1.2), depth), thick)
        for _ in range(dice.count(0, 5)):
            fork = start + (end - start) * dice.between(0.35, 0.95)
            reach = tall * dice.between(0.05, 0.22)
            tip = fork + np.array([dice.sign() * reach, -reach * dice.between(-0.1, 1.2)])
            stage.canvas.stroke(fork, tip, light.hazed(bark, depth), thick * 0.35)


def draw_foreground(stage: Stage, greens: list) -> None:
    """Leaves or branches that hang into the picture near the lens; they hide what is behind."""
    dice, art, canvas = stage.dice, stage.textures, stage.canvas
    width = canvas.width * dice.between(0.25, 0.9)
    height = width * dice.between(0.6, 1.2)
    edge = dice.pick(("left", "right", "top"))
    if edge == "top":
        left, top = dice.between(-0.2, 0.9) * canvas.width, dice.between(-0.5, 0.0) * height
    else:
        left = (
            -dice.between(0.3, 0.6) * width
            if edge == "left"
            else canvas.width - dice.between(0.4, 0.7) * width
        )
        top = dice.between(-0.2, 0.8) * canvas.height
    kind = dice.weighted({"leaves": 0.5, "bare": 0.25, "crown": 0.25})
    if kind == "bare":
        sprite, ramp = dice.pick(art.bare), _bark_ramp(stage, dice.tint(dice.pick(BARKS), 0.2), 3.0)
    else:
        sprite = dice.pick(art.leaves if kind == "leaves" else art.crowns)
        ramp = foliage_ramp(stage, greens, 3.0)
    if kind == "leaves":  # a spray hangs from above
        top = -dice.between(0.0, 0.4) * height
    canvas.sprite(sprite, (left, top, width, height), ramp, dice.chance(0.5))


def grass_tuft(stage: Stage, foot: np.ndarray, dice: Dice, greens: list, width: float, height: float) -> None:
    """A tuft of grass or weeds at the foot of something; width and height in metres."""
    pixels, depths = stage.camera.project(foot)
    depth = float(depths[0])
    if depth < 0.6:
        return
    metre = stage.camera.scale(depth)
    at = (pixels[0, 0] + dice.between(-0.3, 0.3) * width * metre, pixels[0, 1] + 0.08 * metre)
    ramp = foliage_ramp(stage, greens, depth)
    place(stage, dice.pick(stage.textures.bushes), at, (width * metre, height * metre), ramp)
