"""From the id buffer to labels: visible extents, convex outlines, clipping to the finished photo.

A label covers what can be seen of an object; what other things hide shortens it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.yolo.scene.stage import CROSSARM, POLE, UNDERGROUND, SceneObject

# Smallest (longer side, shorter side) of a label's box in pixels of a 640 px photo: below it the eye
# cannot tell the class any more, and a label would only teach noise.
SMALLEST = {POLE: (20.0, 1.2), CROSSARM: (8.0, 1.5), UNDERGROUND: (12.0, 4.0)}
# Share of its outline that must be visible: a shaft behind leaves that shows in specks is no example.
LEAST_SHOWN = 0.12


@dataclass(frozen=True)
class Label:
    """One labelled object of a photo.

    Args:
        class_id: 0 pole, 1 crossarm, 2 underground.
        polygon: Convex outline in pixels, (N, 2) float64, N >= 3, inside the photo.
        box: x0, y0, x1, y1 in pixels.
        object_index: Position in the stage's list of objects.
    """

    class_id: int
    polygon: np.ndarray
    box: tuple[float, float, float, float]
    object_index: int = -1


@dataclass(frozen=True)
class Seen:
    """What the canvas shows of one object.

    Args:
        outline: Convex outline (N, 2) in continuous canvas pixels.
        shown: Visible pixels as a share of the outline's area.
        rows, columns: The visible pixels, row by row.
    """

    outline: np.ndarray
    shown: float
    rows: np.ndarray
    columns: np.ndarray


def _extremes(lines: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per line (sorted): its number, its first place and its last place."""
    first = np.flatnonzero(np.r_[True, lines[1:] != lines[:-1]])
    last = np.r_[first[1:] - 1, len(lines) - 1]
    return lines[first], places[first], places[last]


def visible_objects(ids: np.ndarray) -> dict[int, Seen]:
    """What can be seen of every id above 0 in the buffer (height, width) int16."""
    rows, columns = np.nonzero(ids > 0)
    if not len(rows):
        return {}
    values = ids[rows, columns]
    order = np.argsort(values, kind="stable")
    rows, columns, values = rows[order], columns[order], values[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    seen = {}
    for start, stop in zip(starts, np.r_[starts[1:], len(values)], strict=True):
        y, x = rows[start:stop], columns[start:stop]
        row, left, right = _extremes(y, x)
        corners = [np.stack([side, row + low], 1) for side in (left, right + 1) for low in (0, 1)]
        outline = cv2.convexHull(np.concatenate(corners).astype(np.float32))[:, 0].astype(np.float64)
        shown = (stop - start) / max(polygon_area(outline), 1.0)
        seen[int(values[start])] = Seen(outline, shown, y, x)
    return seen


def stands_out(image: np.ndarray, seen: Seen) -> bool:
    """Whether an object differs from what is beside it, so that an eye could find it.

    Fog, night and a background of the same colour can swallow an object that geometry calls visible.

    Args:
        image: The canvas (height, width, 3) uint8.
        seen: What the id buffer shows of the object.
    """
    (x0, y0), (x1, y1) = seen.outline.min(0), seen.outline.max(0)
    if y1 - y0 >= x1 - x0:
        line, low, high = _extremes(seen.rows, seen.columns)
    else:
        image = image.transpose(1, 0, 2)
        order = np.argsort(seen.columns, kind="stable")
        line, low, high = _extremes(seen.columns[order], seen.rows[order])
    limit = image.shape[1] - 1
    middle = image[line, (low + high) // 2].astype(np.float32)
    for beside in (low - 3, high + 3):
        inside = (beside >= 0) & (beside <= limit)
        if not inside.any():
            continue
        other = image[line[inside], beside[inside]].astype(np.float32)
        # averaged over quarters of the object: grain cancels out, a change of background does not
        for here, there in zip(np.array_split(middle[inside], 4), np.array_split(other, 4), strict=True):
            if not len(here):
                continue
            one, two = here.mean(0), there.mean(0)
            # exposure lifts the small differences of dark pictures, so the bar grows with brightness
            if np.abs(one - two).max() >= 4.0 + 0.045 * max(one.max(), two.max()):
                return True
    return bool(((low <= 2) & (high >= limit - 2)).any())  # it fills the picture from edge to edge


def polygon_area(points: np.ndarray) -> float:
    """Area of a simple polygon (N, 2)."""
    x, y = points[:, 0], points[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def clip_convex(points: np.ndarray, width: float, height: float) -> np.ndarray:
    """A convex polygon (N, 2) cut to 0..width x 0..height; (0, 2) when nothing is left."""
    for axis, limit, sign in ((0, 0.0, 1), (0, width, -1), (1, 0.0, 1), (1, height, -1)):
        if not len(points):
            break
        inside = (points[:, axis] - limit) * sign
        if inside.min() >= 0:
            continue
        kept = []
        for i in range(len(points)):
            j = (i + 1) % len(points)
            if inside[i] >= 0:
                kept.append(points[i])
            if (inside[i] >= 0) != (inside[j] >= 0):
                share = inside[i] / (inside[i] - inside[j])
                crossing = points[i] + share * (points[j] - points[i])
                crossing[axis] = limit
                kept.append(crossing)
        points = np.array(kept).reshape(-1, 2)
    return points


def photo_labels(
    image: np.ndarray,
    ids: np.ndarray,
    objects: list[SceneObject],
    matrix: np.ndarray,
    width: int,
    height: int,
) -> list[Label]:
    """The labels of the finished photo.

    Args:
        image: The canvas (h, w, 3) uint8.
        ids: Id buffer of the canvas (h, w); id k belongs to objects[k - 1].
        matrix: (2, 3) from canvas pixels to photo pixels.
        width, height: Size of the photo.
    """
    scale = max(width, height) / 640
    labels = []
    for object_id, seen in visible_objects(ids).items():
        class_id = objects[object_id - 1].class_id
        if seen.shown < LEAST_SHOWN or not stands_out(image, seen):
            continue
        points = clip_convex(seen.outline @ matrix[:, :2].T + matrix[:, 2], width, height)
        if len(points) < 3 or polygon_area(points) < 1.0:
            continue
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        longer, shorter = max(x1 - x0, y1 - y0), min(x1 - x0, y1 - y0)
        least_long, least_short = SMALLEST[class_id]
        if longer < least_long * scale or shorter < least_short * scale:
            continue
        box = (float(x0), float(y0), float(x1), float(y1))
        labels.append(Label(class_id, points, box, object_id - 1))
    return labels


def yolo_lines(labels: list[Label], width: int, height: int) -> str:
    """Labels as a YOLO segmentation file: `class x1 y1 x2 y2 ...`, shares of the photo's size."""
    lines = []
    for label in labels:
        points = np.clip(label.polygon / [width, height], 0.0, 1.0)
        lines.append(f"{label.class_id} " + " ".join(f"{value:.6f}" for value in points.ravel()))
    return "".join(line + "\n" for line in lines)
