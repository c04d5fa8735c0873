"""Solids in world space, lit and hazed: plates, rods, tubes, boxes, textured walls, shadows.

A builder calls these with metres; what they mean (pole, trunk, house) is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from core.yolo.scene.camera import NEAR, clip_polygon, clip_segment
from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import UP, unit
from core.yolo.scene.stage import Stage
from core.yolo.scene.textures import crop

Paint = Callable[[np.ndarray], np.ndarray]
_CIRCLE = np.linspace(0, 2 * np.pi, 17)[:-1]
_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def plate(
    stage: Stage,
    corners: np.ndarray,
    colour: np.ndarray,
    grain: float = 0.0,
    object_id: int | None = None,
    tile: np.ndarray | None = None,
) -> None:
    """A flat polygon (N, 3) in a colour that is already lit."""
    seen = clip_polygon(stage.camera.to_camera(corners))
    if seen is not None:
        grain *= 1 - stage.light.fog(float(seen[:, 2].mean()))  # haze swallows the grain too
        stage.canvas.polygon(stage.camera.to_pixels(seen), colour, grain, tile, object_id)


def rod(
    stage: Stage,
    a: np.ndarray,
    b: np.ndarray,
    colour: np.ndarray,
    radius: float,
    object_id: int | None = None,
    faintest: float = 0.5,
) -> None:
    """A straight thin piece between two points in a colour that is already lit."""
    seen = stage.camera.to_camera(np.array([a, b]))
    ends = clip_segment(seen[0], seen[1])
    if ends is None:
        return
    pixels = stage.camera.to_pixels(np.array(ends))
    width = 2 * radius * stage.camera.focal / ((ends[0][2] + ends[1][2]) / 2)
    stage.canvas.stroke(pixels[0], pixels[1], colour, width, object_id, faintest)


def tube(
    stage: Stage,
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    radius_a: float,
    radius_b: float,
    colour: np.ndarray,
    *,
    strip: str = "plain",
    grain: float = 0.1,
    object_id: int | None = None,
    caps: bool = False,
    gloss: float = 0.0,
    paint: Paint | None = None,
) -> None:
    """A round shaft or cone from a to b.

    Args:
        strip: The kind of texture strip laid along it.
        grain: Contrast of the strip, 0 to 1.
        caps: Draw the end that faces the camera.
        gloss: Strength of the highlight.
        paint: Changes the strip of colours (rows from a to b, columns, 3) float32 before it is lit by haze.
    """
    camera, light = stage.camera, stage.light
    a, b = np.asarray(a, float), np.asarray(b, float)
    seen = camera.to_camera(np.array([a, b]))
    ends = clip_segment(seen[0], seen[1])
    if ends is None:
        return
    p, q = ends
    view = unit(p + q)
    side = unit(np.cross(unit(q - p), view))
    corners = np.array([p - side * radius_a, p + side * radius_a, q + side * radius_b, q - side * radius_b])
    corners[:, 2] = np.maximum(corners[:, 2], NEAR * 0.5)
    pixels = camera.to_pixels(corners)
    depth = float(p[2] + q[2]) / 2
    width = (math.dist(pixels[0], pixels[1]) + math.dist(pixels[2], pixels[3])) / 2
    base = np.asarray(colour, np.float32) * light.gain
    sun = camera.axes @ light.sun
    if width < 3.0:
        facing = 0.5 * max(0.0, float(-view @ sun)) + 0.3 * abs(float(side @ sun))
        flat = light.hazed(base * (light.ambient * 0.94 + light.diffuse * facing), depth)
        foot, top = (pixels[0] + pixels[1]) / 2, (pixels[2] + pixels[3]) / 2
        if width < 1.2:
            stage.canvas.stroke(foot, top, flat, max(width, 0.5), object_id)
        else:
            stage.canvas.polygon(pixels, flat, object_id=object_id)
            if object_id is not None:
                stage.canvas.mark_line(foot, top, object_id)
        return
    texture = _tube_texture(stage, pixels, width, side, view, sun, base, strip, grain, gloss)
    if paint is not None:
        texture = paint(texture)
    stage.canvas.quad(pixels, light.hazed(texture, depth).astype(np.uint8), object_id)
    if caps:
        _caps(stage, (a, b), (radius_a, radius_b), colour, grain * 0.4, depth, object_id)


def _tube_texture(
    stage: Stage,
    pixels: np.ndarray,
    width: float,
    side: np.ndarray,
    view: np.ndarray,
    sun: np.ndarray,
    base: np.ndarray,
    strip: str,
    grain: float,
    gloss: float,
) -> np.ndarray:
    """The unrolled visible half of a tube, (rows, columns, 3) float32, before haze."""
    columns = int(np.clip(width * 0.8, 16, 96))
    rows = int(np.clip(math.dist(pixels[0], pixels[3]), 8, 512))
    across = np.linspace(-1, 1, columns)
    normals = side * across[:, None] - view * np.sqrt(1 - across**2)[:, None]
    facing = np.clip(normals @ sun, 0, None)
    light = stage.light
    profile = light.ambient * (1 - 0.3 * np.abs(across) ** 3) + light.diffuse * facing + gloss * facing**12
    profile = profile.astype(np.float32)[None]
    if grain > 0:
        tile = stage.dice.pick(stage.textures.strips[strip])
        piece = crop(stage.dice, tile, min(rows * 2, 512), min(96, columns + 24))
        piece = cv2.resize(piece, (columns, rows), interpolation=cv2.INTER_AREA)
        profile = profile * (1 + grain * (piece.astype(np.float32) * np.float32(2 / 255) - 1))
    else:
        profile = np.repeat(profile, rows, 0)
    return profile[..., None] * base


def _caps(
    stage: Stage,
    ends: tuple[np.ndarray, np.ndarray],
    radii: tuple[float, float],
    colour: np.ndarray,
    grain: float,
    depth: float,
    object_id: int | None,
) -> None:
    axis = unit(ends[1] - ends[0])
    first = unit(np.cross(axis, [0.3, 0.2, 1.0]))
    second = np.cross(axis, first)
    ring = np.cos(_CIRCLE)[:, None] * first + np.sin(_CIRCLE)[:, None] * second
    for centre, radius, normal in ((ends[0], radii[0], -axis), (ends[1], radii[1], axis)):
        if normal @ (stage.camera.position - centre) > 0:
            lit = stage.light.lit(colour, normal, depth)
            plate(stage, centre + radius * ring, lit, grain, object_id)


def box(
    stage: Stage,
    centre: Sequence[float] | np.ndarray,
    axes: Sequence[np.ndarray],
    half: Sequence[float],
    colour: np.ndarray,
    *,
    grain: float = 0.08,
    object_id: int | None = None,
    tile: np.ndarray | None = None,
) -> None:
    """A block with three unit axes and half sizes along them, far faces first."""
    eye = stage.camera.position
    faces = []
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        for side in (-1, 1):
            normal = axes[k] * side
            middle = centre + normal * half[k]
            if normal @ (eye - middle) <= 0:
                continue
            corners = np.array([middle + u * half[i] * axes[i] + v * half[j] * axes[j] for u, v in _SQUARE])
            faces.append((math.dist(middle, eye), corners, normal))
    faces.sort(key=lambda face: -face[0])
    for depth, corners, normal in faces:
        plate(stage, corners, stage.light.lit(colour, normal, depth), grain, object_id, tile)


def picture(
    stage: Stage,
    corners: np.ndarray,
    texture: np.ndarray,
    normal: np.ndarray | None = None,
    object_id: int | None = HIDE,
) -> None:
    """A texture (h, w, 3) on a flat quad (4, 3), from its upper left, clockwise."""
    seen = stage.camera.to_camera(corners)
    depth = max(float(seen[:, 2].mean()), NEAR)
    if seen[:, 2].min() < NEAR:
        colour = stage.light.lit(texture.mean((0, 1)), normal, depth)
        plate(stage, corners, colour, 0.1, object_id)
        return
    shade = texture * np.float32(stage.light.strength(normal) * stage.light.gain)
    stage.canvas.quad(
        stage.camera.to_pixels(seen), stage.light.hazed(shade, depth).astype(np.uint8), object_id
    )


def shadow(stage: Stage, foot: np.ndarray, height: float, radius: float) -> None:
    """The shadow of an upright shaft on level ground, when the sun throws one."""
    light = stage.light
    if light.diffuse < 0.45 or light.sun[1] < 0.12 or abs(foot[1]) > 0.05:
        return
    tip = foot - np.array([light.sun[0], 0.0, light.sun[2]]) / light.sun[1] * min(height, 9.0)
    side = np.cross(unit(tip - foot), UP) * radius
    corners = np.array([foot - side, foot + side, tip + side * 0.6, tip - side * 0.6])
    seen = clip_polygon(stage.camera.to_camera(corners))
    if seen is not None:
        stage.canvas.darken(stage.camera.to_pixels(seen), 0.5)
