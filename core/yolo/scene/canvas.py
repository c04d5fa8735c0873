"""The picture being painted and the id buffer beside it: polygons, strokes, textured quads, cut-outs.

Pixel geometry only. Positions are continuous pixels: pixel (column i, row j) covers [i, i+1) x [j, j+1).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from core.yolo.scene.dice import Dice
from core.yolo.scene.textures import Sprite, Textures, crop

HIDE = 0  # id of things that hide a labelled object and carry no label themselves
_SUB = 3  # bits of sub-pixel precision for cv2's drawing calls
_FAR = 20_000.0  # pixels; beyond this cv2's fixed-point coordinates overflow


def fixed(points: np.ndarray) -> np.ndarray:
    """Continuous pixel positions as cv2's fixed-point ones (whose pixel centres are whole numbers)."""
    return np.round((np.clip(points, -_FAR, _FAR) - 0.5) * (1 << _SUB)).astype(np.int32)


def _rgb(colour: np.ndarray) -> list[float]:
    return [float(value) for value in colour]


class Canvas:
    """An RGB picture with the id of the labelled object that each pixel shows.

    Args:
        width, height: Size in pixels.
        textures: Tiles for grain.
        dice: Draws the windows of the tiles.
    """

    def __init__(self, width: int, height: int, textures: Textures, dice: Dice) -> None:
        self.width, self.height = width, height
        self.image = np.zeros((height, width, 3), np.uint8)
        self.ids = np.zeros((height, width), np.int16)
        self.textures, self.dice = textures, dice

    def window(self, points: np.ndarray) -> tuple[int, int, int, int] | None:
        """The part of the picture around points as (x0, y0, x1, y1), or None when it is outside."""
        low, high = points.min(0), points.max(0)
        if not (math.isfinite(low.sum()) and math.isfinite(high.sum())):
            return None
        x0, y0 = max(0, math.floor(low[0]) - 1), max(0, math.floor(low[1]) - 1)
        x1, y1 = min(self.width, math.ceil(high[0]) + 2), min(self.height, math.ceil(high[1]) + 2)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def blend(self, window: tuple[int, int, int, int], paint: np.ndarray, cover: np.ndarray) -> None:
        """Lay paint (h, w, 3) over a window; cover (h, w) is uint8 or 0..1 float32."""
        x0, y0, x1, y1 = window
        area = self.image[y0:y1, x0:x1]
        if cover.dtype == np.uint8:
            cover = cover.astype(np.float32) * np.float32(1 / 255)
        area[:] = cv2.blendLinear(paint, np.ascontiguousarray(area), cover, 1 - cover)

    def mark(self, points: np.ndarray, object_id: int | None) -> None:
        """Write a polygon into the id buffer; None leaves it alone."""
        if object_id is not None:
            cv2.fillPoly(self.ids, [fixed(points)], object_id, cv2.LINE_8, _SUB)

    def mark_line(self, a: np.ndarray, b: np.ndarray, object_id: int) -> None:
        """Write a one pixel line into the id buffer."""
        p, q = fixed(np.array([a, b]))
        cv2.line(self.ids, p.tolist(), q.tolist(), object_id, 1, cv2.LINE_8, _SUB)

    def mask(self, points: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
        """Cover of a polygon inside a window, (h, w) uint8 with soft edges."""
        x0, y0, x1, y1 = window
        cover = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(cover, [fixed(points) - np.array([x0, y0], np.int32) * 8], 255, cv2.LINE_AA, _SUB)
        return cover

    def polygon(
        self,
        points: np.ndarray,
        colour: np.ndarray,
        grain: float = 0.0,
        tile: np.ndarray | None = None,
        object_id: int | None = None,
    ) -> None:
        """Fill a polygon (N, 2); `grain` is the contrast of the tile laid over the colour, 0 to 1."""
        window = self.window(points)
        if window is None:
            return
        x0, y0, x1, y1 = window
        if grain <= 0 or (x1 - x0) * (y1 - y0) < 80:
            cv2.fillPoly(self.image, [fixed(points)], _rgb(colour), cv2.LINE_AA, _SUB)
        else:
            if tile is None:
                tile = self.dice.pick(self.textures.mid)
            steps = 1 + grain * (np.linspace(-1, 1, 256, dtype=np.float32)[:, None])
            ramp = np.clip(np.asarray(colour, np.float32) * steps, 0, 255).astype(np.uint8)[None]
            piece = crop(self.dice, tile, y1 - y0, x1 - x0)
            self.blend(window, cv2.LUT(cv2.merge([piece] * 3), ramp), self.mask(points, window))
        self.mark(points, object_id)

    def stroke(
        self,
        a: np.ndarray,
        b: np.ndarray,
        colour: np.ndarray,
        width: float,
        object_id: int | None = None,
        faintest: float = 0.5,
    ) -> None:
        """Draw a line `width` pixels wide; below one pixel it fades into what is behind it."""
        if max(abs(a[0]), abs(a[1]), abs(b[0]), abs(b[1])) > _FAR:
            return
        if width >= 4:
            along = b - a
            side = np.array([-along[1], along[0]]) / (math.hypot(*along) + 1e-6) * (width / 2)
            self.polygon(np.array([a + side, b + side, b - side, a - side]), colour, object_id=object_id)
            return
        p, q = fixed(np.array([a, b])).tolist()
        if width < 1:
            cover = max(faintest, width)
            x, y = int((a[0] + b[0]) / 2), int((a[1] + b[1]) / 2)
            if 0 <= x < self.width and 0 <= y < self.height:
                colour = np.asarray(colour) * cover + self.image[y, x] * (1 - cover)
        thick = max(1, round(width))
        cv2.line(self.image, p, q, _rgb(colour), thick, cv2.LINE_AA, _SUB)
        if object_id is not None:
            cv2.line(self.ids, p, q, object_id, thick, cv2.LINE_8, _SUB)

    def quad(
        self,
        corners: np.ndarray,
        texture: np.ndarray,
        object_id: int | None = None,
        mask: np.ndarray | None = None,
    ) -> None:
        """Map a texture (h, w, 3) uint8 onto a quad; corners (4, 2) from its upper left, clockwise."""
        window = self.window(corners)
        if window is None or np.abs(corners).max() > _FAR:
            return
        x0, y0, x1, y1 = window
        height, width = texture.shape[:2]
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
        target = (corners - [x0 + 0.5, y0 + 0.5]).astype(np.float32)
        warp = cv2.getPerspectiveTransform(flat, target)
        size = (x1 - x0, y1 - y0)
        paint = cv2.warpPerspective(
            texture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        self.blend(window, paint, self.mask(corners if mask is None else mask, window))
        self.mark(corners if mask is None else mask, object_id)

    def sprite(
        self,
        sprite: Sprite,
        box: tuple[float, float, float, float],
        ramp: np.ndarray,
        flip: bool = False,
        hides: bool = True,
    ) -> None:
        """Place a cut-out.

        Args:
            box: Left, top, width and height in pixels.
            ramp: Colour of each grey value, (1, 256, 3) uint8.
            flip: Mirror it left to right.
            hides: Whether labelled objects behind it count as hidden.
        """
        left, top, width, height = box
        if not (2 <= width <= 6000 and 2 <= height <= 6000):
            return
        x0, y0 = max(0, int(left)), max(0, int(top))
        x1, y1 = min(self.width, int(left + width)), min(self.height, int(top + height))
        if x1 <= x0 or y1 <= y0:
            return
        rows, columns = sprite.shade.shape
        c0, c1 = (x0 - left) / width * columns, (x1 - left) / width * columns
        r0, r1 = (y0 - top) / height * rows, (y1 - top) / height * rows
        part = np.s_[
            max(0, int(r0)) : max(int(r0) + 1, math.ceil(r1)),
            max(0, int(c0)) : max(int(c0) + 1, math.ceil(c1)),
        ]
        size = (x1 - x0, y1 - y0)
        layers = []
        for layer in (sprite.shade, sprite.cover):
            piece = np.ascontiguousarray(layer[:, ::-1][part] if flip else layer[part])
            how = cv2.INTER_AREA if piece.shape[1] > size[0] else cv2.INTER_LINEAR
            layers.append(cv2.resize(piece, size, interpolation=how))
        shade, cover = layers
        if columns < width * 0.75:  # enlarged: sharpen the outline and put leaf texture back
            noise = crop(self.dice, self.dice.pick(self.textures.fine), size[1], size[0])
            mixed = cv2.addWeighted(cover, 2.2, noise, 1.3, -0.55 * 255 - 0.65 * 255 * 0.75)
            cover = cv2.min(mixed, cv2.multiply(cover, 6))
            shade = cv2.addWeighted(shade, 0.85, noise, 0.5, -0.18 * 255)
        self.blend((x0, y0, x1, y1), cv2.LUT(cv2.merge([shade] * 3), ramp), cover)
        if hides:
            self.ids[y0:y1, x0:x1][cover > 127] = HIDE

    def darken(self, points: np.ndarray, share: float) -> None:
        """Lay a shadow over a polygon; `share` is the light it takes away, 0 to 1."""
        window = self.window(points)
        if window is None:
            return
        x0, y0, x1, y1 = window
        paint = cv2.convertScaleAbs(self.image[y0:y1, x0:x1], alpha=1 - share)
        self.blend(window, paint, self.mask(points, window))
