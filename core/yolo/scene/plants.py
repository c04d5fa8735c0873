"""Flat pictures of plants: leafy crowns, conifers, bare trees, palm crowns and sprays of leaves.

Each maker returns (shade, cover), both (rows, columns) uint8; placing them in a scene is vegetation.py.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from core.yolo.scene.dice import Dice

SIZE = 288
_SUB = 3  # bits of sub-pixel precision for cv2's drawing calls

Picture = tuple[np.ndarray, np.ndarray]


def _soften(cover: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(cover, (0, 0), 0.7)


def broadleaf(dice: Dice, low: bool = False) -> Picture:
    """A leafy crown built from clumps of leaf dabs, lit from above; `low` gives a bush."""
    shade, cover = np.full((SIZE, SIZE), 60, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    reach_x, reach_y = (0.42, 0.30) if low else (0.38, dice.between(0.3, 0.4))
    density = dice.between(0.35, 1.0)
    clumps = []
    for _ in range(dice.count(9, 26)):
        angle, radius = dice.between(0, 2 * math.pi), math.sqrt(dice.between(0, 1))
        x = SIZE * (0.5 + reach_x * radius * math.cos(angle) * 0.85)
        y = SIZE * (0.5 + reach_y * radius * math.sin(angle) * 0.9)
        clumps.append((x, y, SIZE * dice.between(0.06, 0.16)))
    clumps.sort(key=lambda clump: -clump[1] + dice.normal(25))
    dab = dice.between(2.0, 4.5)
    side = dice.normal(0.35)
    for x, y, radius in clumps:
        height = 0.5 - y / SIZE
        for _ in range(int(density * radius * radius / (dab * dab) * 1.3)):
            angle, reach = dice.between(0, 2 * math.pi), math.sqrt(dice.between(0, 1.15))
            dx, dy = reach * math.cos(angle), reach * math.sin(angle)
            light = 0.42 + 0.3 * height + 0.26 * (-dy + side * dx) + dice.normal(0.12)
            centre = (int((x + radius * dx) * 8), int((y + radius * dy) * 8))
            size = int(dab * dice.between(0.6, 1.5) * 8)
            cv2.circle(cover, centre, size, 255, -1, cv2.LINE_8, _SUB)
            cv2.circle(shade, centre, size, int(np.clip(light * 255, 0, 255)), -1, cv2.LINE_8, _SUB)
    return cv2.GaussianBlur(shade, (0, 0), 0.8), _soften(cover)


def conifer(dice: Dice) -> Picture:
    """A spruce or pine outline of drooping strokes, full height of the picture."""
    shade, cover = np.full((SIZE, SIZE), 40, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    middle, half = SIZE / 2, SIZE * dice.between(0.18, 0.42)
    droop, bare = dice.between(-0.15, 0.5), dice.between(0.0, 0.3)
    cv2.line(cover, (int(middle), 4), (int(middle), SIZE), 255, 3)
    rows = dice.count(60, 150)
    for row in range(rows):
        down = row / rows
        y = SIZE * (0.02 + 0.96 * down * (1 - bare) + 0.01 * dice.normal(1))
        for side in (-1, 1):
            reach = half * (0.08 + down) * dice.between(0.45, 1.1)
            for _ in range(2):
                tip_x = middle + side * reach * dice.between(0.7, 1)
                tip_y = y + reach * droop + dice.normal(3)
                light = 70 + 110 * dice.between(0, 1) * (1.15 - down) + 18 * side
                start = (int(middle * 8), int(y * 8))
                end = (int(tip_x * 8), int(tip_y * 8))
                width = dice.count(2, 6)
                cv2.line(cover, start, end, 255, width, cv2.LINE_8, _SUB)
                cv2.line(shade, start, end, int(np.clip(light, 10, 250)), width, cv2.LINE_8, _SUB)
    return shade, _soften(cover)


def bare_tree(dice: Dice) -> Picture:
    """A leafless tree grown by forking; its foot is the middle of the lower edge."""
    size = 352
    cover = np.zeros((size, size), np.uint8)
    spread, shorten, upright = dice.between(0.25, 0.6), dice.between(0.68, 0.8), dice.between(0, 0.25)

    def grow(x: float, y: float, angle: float, length: float, width: float, forks: int) -> None:
        for _ in range(3):
            x2, y2 = x + length / 3 * math.cos(angle), y - length / 3 * math.sin(angle)
            start, end = (int(x * 8), int(y * 8)), (int(x2 * 8), int(y2 * 8))
            cv2.line(cover, start, end, 255, max(1, int(width)), cv2.LINE_AA, _SUB)
            x, y, angle = x2, y2, angle + dice.normal(0.13)
        for _ in range(dice.count(2, 3) if forks else 0):
            turned = angle + dice.normal(spread)
            turned += (math.pi / 2 - turned) * upright
            grow(x, y, turned, length * shorten * dice.between(0.7, 1.15), width * 0.68, forks - 1)

    grow(
        size / 2,
        size - 2,
        math.pi / 2,
        size * dice.between(0.18, 0.28),
        dice.between(7, 13),
        dice.count(5, 6),
    )
    return np.full((size, size), 128, np.uint8), cover


def palm_crown(dice: Dice) -> Picture:
    """Drooping fronds around the middle of the picture."""
    shade, cover = np.full((SIZE, SIZE), 90, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(dice.count(16, 34)):
        angle, length = math.pi / 2 + dice.normal(1.1), SIZE * dice.between(0.25, 0.46)
        x, y, droop = SIZE / 2, SIZE / 2, dice.between(0.02, 0.075)
        dx, dy, light = math.cos(angle), -math.sin(angle), dice.count(50, 220)
        for step in range(28):
            x2, y2 = x + dx * length / 28, y + dy * length / 28
            dy += droop
            leaf = SIZE * 0.085 * math.sin(math.pi * (step + 2) / 31)
            strokes = [((x, y), (x2, y2), 2)]
            for side in (-1, 1):
                tip = (
                    x + dx * leaf * 0.6 - side * dy * leaf,
                    y + dy * leaf * 0.6 + side * dx * leaf + leaf * 0.4,
                )
                strokes.append(((x, y), tip, 1 + step % 2))
            for start, end, width in strokes:
                a, b = (int(start[0] * 8), int(start[1] * 8)), (int(end[0] * 8), int(end[1] * 8))
                cv2.line(cover, a, b, 255, width, cv2.LINE_AA, _SUB)
                cv2.line(shade, a, b, light, width, cv2.LINE_8, _SUB)
            x, y = x2, y2
    return shade, cover


def leaf_spray(dice: Dice) -> Picture:
    """Twigs with single leaves, as they hang into a picture near the lens."""
    size = 320
    shade, cover = np.full((size, size), 90, np.uint8), np.zeros((size, size), np.uint8)
    long, narrow = dice.between(5, 20), dice.between(0.2, 0.7)
    for _ in range(dice.count(3, 9)):
        x, y, angle = dice.between(40, size - 40), 0.0, dice.between(0.5, 2.6)
        for _ in range(dice.count(15, 50)):
            x2, y2 = x + 9 * math.cos(angle), y + 9 * math.sin(angle)
            cv2.line(cover, (int(x), int(y)), (int(x2), int(y2)), 255, 2, cv2.LINE_AA)
            cv2.line(shade, (int(x), int(y)), (int(x2), int(y2)), 40, 2)
            for _ in range(dice.count(0, 3)):
                reach = int(long * dice.between(0.5, 1.2))
                centre = (int(x2 + dice.normal(long * 0.7)), int(y2 + dice.normal(long * 0.7)))
                margin = (
                    reach + 4
                )  # no leaf may end at the picture's edge, only at the top, where it hangs from
                if not (margin < centre[0] < size - margin and centre[1] < size - margin):
                    continue
                axes, turn = (max(1, reach), max(1, int(reach * narrow))), dice.between(0, 180)
                cv2.ellipse(cover, centre, axes, turn, 0, 360, 255, -1, cv2.LINE_AA)
                cv2.ellipse(shade, centre, axes, turn, 0, 360, dice.count(20, 240), -1)
            x, y, angle = x2, y2, angle + dice.normal(0.25)
            if not (12 < x < size - 12 and y < size - 12):
                break
    return shade, cv2.GaussianBlur(cover, (0, 0), dice.between(0.6, 2.5))
