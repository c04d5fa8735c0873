"""Contact sheets: many small photos with their labels drawn in, for the page, the README and the eye.

python -m core.yolo.scene.preview sheet.png --seed 7 --start 0 --count 24 [--kind trunk]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from core.yolo.scene.kinds import KINDS
from core.yolo.scene.labels import Label
from core.yolo.scene.scene import Scene, make_scene, render
from core.yolo.scene.stage import CROSSARM, POLE, UNDERGROUND

COLOURS = {POLE: (230, 40, 40), CROSSARM: (250, 220, 40), UNDERGROUND: (230, 60, 230)}  # RGB


def annotate(image: np.ndarray, labels: Sequence[Label], outlines: bool = False) -> np.ndarray:
    """A copy of a photo with the boxes (and the polygons) of its labels."""
    image = np.ascontiguousarray(image).copy()
    for label in labels:
        colour = COLOURS[label.class_id]
        x0, y0, x1, y1 = (round(value) for value in label.box)
        cv2.rectangle(image, (x0, y0), (x1, y1), colour, 1 if label.class_id == POLE else 2)
        if outlines:
            cv2.polylines(image, [np.round(label.polygon).astype(np.int32)], True, colour, 1)
    return image


def contact_sheet(
    scenes: Sequence[Scene], *, columns: int = 6, cell: int = 330, size: int = 640, boxes: bool = True
) -> np.ndarray:
    """Photos of scenes side by side.

    Args:
        scenes: What to show.
        columns: Photos in a row.
        cell: Side of a photo's place in pixels.
        size: Size at which the photos are rendered.
        boxes: Draw the labels.

    Returns:
        (rows * cell, columns * cell, 3) uint8 RGB.
    """
    rows = -(-len(scenes) // columns)
    sheet = np.full((rows * cell, columns * cell, 3), 40, np.uint8)
    for number, scene in enumerate(scenes):
        image, labels = render(scene, size)
        if boxes:
            image = annotate(image, labels)
        share = cell / max(image.shape[:2])
        small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)[:cell, :cell]
        y, x = number // columns * cell, number % columns * cell
        sheet[y : y + small.shape[0], x : x + small.shape[1]] = small
        title = f"{scene.index} {scene.kind}"
        cv2.putText(sheet, title, (x + 4, y + cell - 6), 0, 0.4, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(sheet, title, (x + 4, y + cell - 6), 0, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return sheet


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a contact sheet to a file."""
    parser = argparse.ArgumentParser(description="Draw a contact sheet of generated scenes.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--cell", type=int, default=330)
    parser.add_argument("--kind", choices=sorted(KINDS))
    parser.add_argument("--no-boxes", action="store_true")
    options = parser.parse_args(arguments)
    if options.output.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        parser.error(f"'{options.output}' is no .png or .jpg file.")
    scenes = [make_scene(options.seed, options.start + n, kind=options.kind) for n in range(options.count)]
    sheet = contact_sheet(scenes, columns=options.columns, cell=options.cell, boxes=not options.no_boxes)
    _, packed = cv2.imencode(options.output.suffix, sheet[..., ::-1])
    options.output.write_bytes(packed.tobytes())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
