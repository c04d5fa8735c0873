"""From canvas to photo: stretch and rotation, exposure, blur, tone, noise, JPEG damage.

Light and haze inside the scene are light.py. Geometry changes come back as a matrix so that labels follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from core.yolo.scene.dice import Dice


@dataclass(frozen=True)
class PhotoHabit:
    """What the cameras of one family do to their pictures.

    Args:
        quality: Lowest and highest JPEG quality, 1 to 100.
        noise: Highest standard deviation of the noise, of 255.
        grey: Chance of a grey or washed-out picture.
        soft: Chance of blur.
    """

    quality: tuple[int, int]
    noise: float
    grey: float
    soft: float


def draw_photo_habit(dice: Dice) -> PhotoHabit:
    """The habit of a family."""
    low = dice.count(28, 75)
    return PhotoHabit(
        (low, dice.count(low + 5, 95)),
        dice.between(2, 10),
        dice.pick((0.05, 0.1, 0.35)),
        dice.between(0.2, 0.5),
    )


def develop(dice: Dice, canvas: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resize the canvas to the photo, with another aspect in some.

    Args:
        canvas: (height, width, 3) uint8.
        size: Longer side of the photo in pixels.

    Returns:
        The photo (h, w, 3) uint8 and the (3, 3) matrix from canvas to photo pixels (continuous positions).
    """
    height, width = canvas.shape[:2]
    stretch = dice.between(-0.26, 0.26) if dice.chance(0.3) else 0.0
    out_w, out_h = width * math.exp(stretch / 2), height * math.exp(-stretch / 2)
    if dice.chance(0.06) and abs(math.log(width / height)) < 0.3:
        out_w = out_h  # squeezed to a square, as some collections store their photos
    factor = size / max(out_w, out_h)
    shape = (max(8, round(out_w * factor)), max(8, round(out_h * factor)))
    matrix = np.diag([shape[0] / width, shape[1] / height, 1.0])
    return cv2.resize(canvas, shape, interpolation=cv2.INTER_AREA), matrix


def turn(dice: Dice, photo: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotate a finished photo so that wedges stay in its corners, or put bars beside it, or leave it.

    Args:
        photo: (height, width, 3) uint8.
        chance: Chance of a rotation.

    Returns:
        The photo and the (3, 3) matrix from the old to the new pixels; the longer side keeps its length.
    """
    height, width = photo.shape[:2]
    rotated, bars = dice.chance(chance), dice.chance(0.04)
    if not rotated and not bars:
        return photo, np.eye(3)
    out_w, out_h, matrix = float(width), float(height), np.eye(3)
    border = dice.weighted({(0, 0, 0): 0.75, (255, 255, 255): 0.12, (114, 114, 114): 0.13})
    if rotated:
        angle = dice.sign() * (dice.between(0.05, 0.32) if dice.chance(0.85) else dice.between(0.32, 0.8))
        cos, sin = math.cos(angle), math.sin(angle)
        if dice.chance(0.35):  # the frame grows to hold the whole turned picture
            out_w, out_h = width * cos + height * abs(sin), width * abs(sin) + height * cos
        middle, rotation, centre = np.eye(3), np.eye(3), np.eye(3)
        middle[:2, 2] = (-width / 2, -height / 2)
        rotation[:2, :2] = ((cos, -sin), (sin, cos))
        centre[:2, 2] = (out_w / 2, out_h / 2)
        matrix = centre @ rotation @ middle
    if bars:
        share = dice.between(0.03, 0.2)
        pad_x, pad_y = (out_w * share, 0.0) if dice.chance(0.5) else (0.0, out_h * share)
        matrix[:2, 2] += (pad_x, pad_y)
        out_w, out_h = out_w + 2 * pad_x, out_h + 2 * pad_y
    factor = max(width, height) / max(out_w, out_h)
    shape = (max(8, round(out_w * factor)), max(8, round(out_h * factor)))
    matrix = np.diag([factor, factor, 1.0]) @ matrix
    half = np.eye(3)  # cv2 has pixel centres at whole numbers, continuous positions have them at .5
    half[:2, 2] = 0.5
    warp = (np.linalg.inv(half) @ matrix @ half)[:2]
    flags = cv2.INTER_LINEAR
    return cv2.warpAffine(
        photo, warp, shape, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    ), matrix


_NOISE_TILE = 1400


@cache
def _noise_tile() -> np.ndarray:
    return np.random.default_rng(90_210).standard_normal((_NOISE_TILE, _NOISE_TILE), dtype=np.float32)


def _noise(dice: Dice, rows: int, columns: int) -> np.ndarray:
    """White noise (rows, columns) cut from a stored tile: drawing it anew would cost more than the scene."""
    y, x = dice.count(0, _NOISE_TILE // 2), dice.count(0, _NOISE_TILE // 2)
    tile = _noise_tile()
    if y + rows > _NOISE_TILE or x + columns > _NOISE_TILE:
        tile = np.tile(tile, ((y + rows) // _NOISE_TILE + 1, (x + columns) // _NOISE_TILE + 1))
    return tile[y : y + rows, x : x + columns]


def _blur(dice: Dice, photo: np.ndarray) -> np.ndarray:
    if dice.chance(0.4):
        return cv2.GaussianBlur(photo, (0, 0), dice.between(0.4, 1.8))
    kernel = np.zeros((9, 9), np.float32)
    angle, reach = dice.between(0, math.pi), dice.between(1, 4)
    dx, dy = reach * math.cos(angle), reach * math.sin(angle)
    cv2.line(kernel, (round(4 - dx), round(4 - dy)), (round(4 + dx), round(4 + dy)), 1.0, 1)
    return cv2.filter2D(photo, -1, kernel / kernel.sum())


def _tone(dice: Dice, mean: float) -> np.ndarray:
    """Automatic exposure, white balance, gamma, contrast and brightness as one (1, 256, 3) table."""
    values = np.arange(256, dtype=np.float32)[:, None].repeat(3, 1)
    if dice.chance(0.9):  # a camera aims at a middle brightness; without it too many pictures are black
        values *= np.clip(dice.between(95, 180) / (mean + 1), 0.65, 4.0 if mean < 70 else 1.8)
    balance = 1 + dice.rng.standard_normal(3) * (0.08 if dice.chance(0.15) else 0.03)
    values = np.clip(values * balance.astype(np.float32) / 255, 0, 1) ** math.exp(dice.normal(0.18))
    values = (values * 255 - 128) * dice.between(0.75, 1.25) + 128 + dice.between(-14, 18)
    if dice.chance(0.08):  # flare or a dirty lens lifts the blacks
        veil = dice.between(0.1, 0.35)
        values = values * (1 - veil) + dice.between(150, 250) * veil
    return np.clip(values, 0, 255).astype(np.uint8)[None]


def damage(dice: Dice, photo: np.ndarray, habit: PhotoHabit) -> np.ndarray:
    """Everything a camera and a file do to the picture; size stays.

    Args:
        photo: (height, width, 3) uint8 RGB.

    Returns:
        The damaged photo, the same shape and type.
    """
    height, width = photo.shape[:2]
    tone = _tone(dice, float(photo[::4, ::4].mean()))
    if dice.chance(habit.soft):
        photo = _blur(dice, photo)
    if dice.chance(0.22):  # low resolution
        share = dice.between(0.35, 0.8)
        small = cv2.resize(photo, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        photo = cv2.resize(
            small, (width, height), interpolation=dice.pick((cv2.INTER_LINEAR, cv2.INTER_CUBIC))
        )
    photo = cv2.LUT(photo, tone)
    if dice.chance(habit.grey):
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        share = dice.between(0.5, 1)
        photo = cv2.addWeighted(photo, 1 - share, cv2.merge([grey] * 3), share, 0)
    if dice.chance(0.3):  # darker corners
        y = ((np.arange(height, dtype=np.float32) - height / 2) ** 2)[:, None]
        x = ((np.arange(width, dtype=np.float32) - width / 2) ** 2)[None]
        dim = 1 - np.float32(dice.between(0.1, 0.5) * 4 / (width**2 + height**2)) * (x + y)
        photo = cv2.multiply(photo, cv2.merge([dim.astype(np.float32)] * 3), dtype=cv2.CV_8U)
    if dice.chance(0.6):
        strength = dice.between(0.5, habit.noise)
        grain = _noise(dice, height, width) * np.float32(strength)
        if dice.chance(0.5):  # colour blotches, twice as coarse
            coarse = [_noise(dice, height // 2 + 1, width // 2 + 1) for _ in range(3)]
            blotch = cv2.resize(cv2.merge(coarse), (width, height)) * np.float32(strength)
            photo = cv2.add(photo, blotch + grain[..., None], dtype=cv2.CV_8U)
        else:
            photo = cv2.add(photo, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    if dice.chance(0.3):  # sharpening by the phone
        amount = dice.between(0.3, 1.2)
        soft = cv2.GaussianBlur(photo, (0, 0), dice.between(0.7, 1.6))
        photo = cv2.addWeighted(photo, 1 + amount, soft, -amount, 0)
    if dice.chance(0.6):
        quality = dice.count(*habit.quality)
        _, packed = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        photo = cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(photo)
