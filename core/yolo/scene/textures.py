"""Noise tiles, wood and bark strips and plant sprites, made once per process from a fixed seed.

Nothing here knows about cameras or scenes; every texture is 8-bit grey so that a colour ramp can tint it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from core.yolo.scene.dice import Dice
from core.yolo.scene.plants import Picture, bare_tree, broadleaf, conifer, leaf_spray, palm_crown

TILE = 768
STRIP_ROWS, STRIP_COLUMNS = 512, 96


@dataclass(frozen=True)
class Sprite:
    """A flat cut-out: brightness and cover, both (rows, columns) uint8."""

    shade: np.ndarray
    cover: np.ndarray


@dataclass(frozen=True)
class Textures:
    """All tiles and sprites of the process.

    Args:
        grit, fine, mid, cloud: Lists of (768, 768) uint8 noise, from sand to billowing.
        strips: Strips along a shaft or a trunk by material, each (512, 96) uint8.
        crowns, bushes, conifers, bare, palms, leaves: Plant sprites.
    """

    grit: list[np.ndarray]
    fine: list[np.ndarray]
    mid: list[np.ndarray]
    cloud: list[np.ndarray]
    strips: dict[str, list[np.ndarray]]
    crowns: list[Sprite]
    bushes: list[Sprite]
    conifers: list[Sprite]
    bare: list[Sprite]
    palms: list[Sprite]
    leaves: list[Sprite]


def fractal(
    dice: Dice, rows: int, columns: int, base: int, octaves: int, persistence: float, aspect: float = 1.0
) -> np.ndarray:
    """Smooth noise of several octaves, stretched to 0..1, shape (rows, columns) float32.

    Args:
        base: Cells of the coarsest octave from top to bottom.
        persistence: Weight of each octave against the one before.
        aspect: Cells across for each cell down.
    """
    total = np.zeros((rows, columns), np.float32)
    weight, used = 1.0, 0.0
    for octave in range(octaves):
        down = max(2, base * 2**octave)
        across = max(2, int(down * aspect))
        if down > rows or across > columns:
            break
        cells = dice.rng.random((down, across), dtype=np.float32)
        total += weight * cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_CUBIC)
        used += weight
        weight *= persistence
    total /= used
    low, high = np.percentile(total[::5, ::5], [1, 99])
    return np.clip((total - low) / (high - low + 1e-6), 0, 1)


def grey(values: np.ndarray) -> np.ndarray:
    """0..1 floats as 0..255 bytes."""
    return np.clip(values * 255, 0, 255).astype(np.uint8)


def _stretched(dice: Dice, down: int, across: int) -> np.ndarray:
    cells = dice.rng.random((down, across), dtype=np.float32)
    return cv2.resize(cells, (STRIP_COLUMNS, STRIP_ROWS), interpolation=cv2.INTER_CUBIC)


def _wood(dice: Dice) -> np.ndarray:
    strip = 0.45 * _stretched(dice, 10, 96) + 0.3 * _stretched(dice, 40, 48) + 0.25 * _stretched(dice, 5, 5)
    for _ in range(dice.count(2, 9)):
        x, y, length = dice.count(2, 92), dice.count(0, 420), dice.count(40, 260)
        cv2.line(strip, (x, y), (x + dice.count(-2, 2), y + length), dice.between(0.0, 0.25), 1)
    for _ in range(dice.count(0, 6)):
        centre = (dice.count(8, 88), dice.count(8, 500))
        cv2.ellipse(strip, centre, (dice.count(1, 3), dice.count(2, 5)), 0, 0, 360, 0.15, -1)
    return grey(strip)


def _bark(dice: Dice) -> np.ndarray:
    ridges = np.abs(_stretched(dice, dice.count(14, 40), dice.count(18, 40)) - 0.5) * 2
    return grey(0.6 * ridges + 0.25 * _stretched(dice, 128, 64) + 0.25 * _stretched(dice, 8, 4) - 0.05)


def _smooth_bark(dice: Dice) -> np.ndarray:
    patches = fractal(dice, STRIP_ROWS, STRIP_COLUMNS, 12, 4, 0.6, 0.35)
    strip = np.where(patches > dice.between(0.35, 0.6), 0.68, 0.42) * 0.55 + 0.35 * patches
    return grey(strip + 0.15 * _stretched(dice, 80, 48))


def _birch(dice: Dice) -> np.ndarray:
    strip = 0.75 + 0.2 * _stretched(dice, 60, 8)
    for _ in range(dice.count(30, 90)):
        x, y, half = dice.count(0, 96), dice.count(0, 511), dice.count(2, 26)
        cv2.line(strip, (x - half, y), (x + half, y), dice.between(0.0, 0.4), dice.count(1, 4))
    return grey(strip)


def _palm_trunk(dice: Dice) -> np.ndarray:
    rings = dice.count(30, 80)
    rows = (np.arange(STRIP_ROWS) * rings / STRIP_ROWS)[:, None] + 0.35 * _stretched(dice, 40, 6)
    return grey(0.25 + 0.5 * (rows % 1.0) + 0.25 * _stretched(dice, 128, 48))


def _plain(dice: Dice) -> np.ndarray:
    return grey(
        0.3 * _stretched(dice, 200, 64) + 0.35 * _stretched(dice, 12, 6) + 0.35 * _stretched(dice, 6, 24)
    )


STRIP_MAKERS = {
    "wood": _wood,
    "bark": _bark,
    "smooth_bark": _smooth_bark,
    "birch": _birch,
    "palm": _palm_trunk,
    "plain": _plain,
}


@cache
def textures() -> Textures:
    """The textures of this process; the first call takes about half a second."""
    dice = Dice(20_317)

    def tiles(settings: list[tuple[int, int, float, float]]) -> list[np.ndarray]:
        return [grey(fractal(dice, TILE, TILE, *setting)) for setting in settings]

    def sprites(maker: Callable[[Dice], Picture], count: int) -> list[Sprite]:
        return [Sprite(*maker(dice)) for _ in range(count)]

    def grit(blur: float) -> np.ndarray:
        sand = cv2.GaussianBlur(dice.rng.standard_normal((TILE, TILE), dtype=np.float32), (0, 0), blur)
        return grey(0.5 + 0.2 * sand / sand.std())

    return Textures(
        grit=[grit(blur) for blur in (0.7, 1.1, 1.7)],
        fine=tiles([(24, 6, p, 1.0) for p in (0.9, 0.75, 1.0, 0.6)]),
        mid=tiles([(6, 7, p, 1.0) for p in (0.6, 0.7, 0.8, 0.5)]),
        cloud=tiles(
            [(3, 7, 0.5, 1.0), (4, 7, 0.55, 0.5), (2, 7, 0.6, 0.6), (5, 7, 0.6, 1.0), (6, 7, 0.5, 0.35)]
        ),
        strips={name: [make(dice) for _ in range(6)] for name, make in STRIP_MAKERS.items()},
        crowns=sprites(broadleaf, 26),
        bushes=sprites(lambda d: broadleaf(d, low=True), 8),
        conifers=sprites(conifer, 12),
        bare=sprites(bare_tree, 14),
        palms=sprites(palm_crown, 8),
        leaves=sprites(leaf_spray, 10),
    )


def crop(dice: Dice, tile: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A random window of a tile, the tile enlarged first when the window does not fit."""
    height, width = tile.shape[:2]
    if rows > height or columns > width:
        factor = max(rows / height, columns / width) * 1.02
        size = (math.ceil(width * factor), math.ceil(height * factor))
        tile = cv2.resize(tile, size, interpolation=cv2.INTER_LINEAR)
        height, width = tile.shape[:2]
    y = dice.count(0, height - rows)
    x = dice.count(0, width - columns)
    return tile[y : y + rows, x : x + columns]
