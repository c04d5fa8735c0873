"""Drawing boxes on photos, and sheets of several photos. Pillow only; what the boxes are comes from
elsewhere.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.datasets.frames import Frame
from core.datasets.photos import open_photo
from core.yolo.boxes import select

if TYPE_CHECKING:
    from core.yolo.predict import Detector

# The colours of the pages, bright enough for both sky and vegetation.
COLOURS = {"pole": (64, 160, 255), "crossarm": (255, 140, 0), "underground": (60, 220, 120)}
_TRUTH = (255, 255, 255)
_CELL = 420


def draw_boxes(
    pixels: np.ndarray,
    items: Sequence[dict[str, Any]],
    *,
    truth: Sequence[dict[str, Any]] = (),
    text: bool = True,
) -> Image.Image:
    """A photo with boxes.

    Args:
        pixels: (height, width, 3) uint8 RGB.
        items: Detections `{"label", "confidence", "box": [x0, y0, x1, y1]}` in pixels.
        truth: Labels `{"label", "box"}`, drawn thin and white below the detections.
        text: Whether to write class and confidence.
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    line = max(2, round(max(image.size) / 400))
    font = ImageFont.load_default(size=max(11, round(max(image.size) / 60)))
    for item in truth:
        pen.rectangle(item["box"], outline=_TRUTH, width=max(1, line // 2))
    for item in items:
        colour = COLOURS.get(item["label"], (255, 255, 0))
        pen.rectangle(item["box"], outline=colour, width=line)
        if text:
            words = f"{item['label']} {item['confidence']:.2f}"
            x, y = item["box"][0], item["box"][1]
            left, top, right, bottom = pen.textbbox((0, 0), words, font=font)
            y = max(0, y - (bottom - top) - 2 * line)
            pen.rectangle((x, y, x + right - left + 2 * line, y + bottom - top + 2 * line), fill=colour)
            pen.text((x + line - left, y + line - top), words, fill=(0, 0, 0), font=font)
    return image


def write_sheet(
    model: Detector, frames: Sequence[Frame], path: Path, *, confidence: float = 0.25, columns: int = 3
) -> None:
    """Write a sheet of photos with detections (coloured) over labels (white) as JPEG, atomically."""
    from core.yolo.predict import detections

    cells = []
    for frame in frames:
        pixels, size = open_photo(frame.path)
        chosen = select(model.raw(pixels, tiling="off"), confidence=confidence)
        _, boxes = frame.boxes()
        truth = [{"label": "", "box": (box * np.array(list(size) * 2)).tolist()} for box in boxes]
        cells.append(draw_boxes(pixels, detections(chosen, model.labels), truth=truth))
    stream = io.BytesIO()
    contact_sheet(cells, columns=columns).save(stream, "JPEG", quality=82)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(stream.getvalue())
    os.replace(part, path)


def contact_sheet(images: Sequence[Image.Image], *, columns: int = 3, cell: int = _CELL) -> Image.Image:
    """Several images side by side on a grey ground, each fitted into a square cell."""
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * cell, rows * cell), (40, 40, 40))
    for number, image in enumerate(images):
        small = image.copy()
        small.thumbnail((cell - 4, cell - 4))
        x, y = number % columns * cell, number // columns * cell
        sheet.paste(small, (x + (cell - small.width) // 2, y + (cell - small.height) // 2))
    return sheet
