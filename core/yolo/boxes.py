"""What is done with boxes after the network: thresholds, overlaps, tiles, counting arms. Numpy only, no
network.

The page moves its sliders over `Raw` boxes with `select`; nothing here runs the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.yolo.score import intersection, iou

MOST_BOXES = 300
OVERLAP = (
    0.6  # of two boxes of a class with more IoU than this, one is dropped; the figures in the README use it
)


@dataclass(frozen=True)
class Raw:
    """Candidates of one photo before any threshold of the user.

    Args:
        boxes: (n, 4) x0 y0 x1 y1 in pixels of the upright photo.
        scores: (n, classes) confidence of each class, 0 to 1.
        size: `(width, height)` of the upright photo in pixels.
        tiled: True when tiles were looked at too.
    """

    boxes: np.ndarray
    scores: np.ndarray
    size: tuple[int, int]
    tiled: bool = False


@dataclass(frozen=True)
class Selection:
    """The boxes that are shown.

    Args:
        boxes: (n, 4) x0 y0 x1 y1 in pixels, most confident first.
        confidence: (n,).
        classes: (n,) class ids.
    """

    boxes: np.ndarray
    confidence: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


def select(
    raw: Raw, *, confidence: float = 0.25, overlap: float = OVERLAP, most: int = MOST_BOXES
) -> Selection:
    """Apply threshold and overlap: greedy non-maximum suppression within each class.

    Args:
        raw: Candidates.
        confidence: Boxes below are left out, 0 to 1.
        overlap: Of two boxes of a class with more than this IoU, only the more confident stays.
        most: Most boxes that are kept.
    """
    found = []
    for number in range(raw.scores.shape[1]):
        scores = raw.scores[:, number]
        chosen = np.flatnonzero(scores >= confidence)
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")][: MOST_BOXES * 20]
        kept = suppress(raw.boxes[chosen], overlap, most)
        found.append((raw.boxes[chosen[kept]], scores[chosen[kept]], np.full(len(kept), number)))
    boxes = np.concatenate([part[0] for part in found]).reshape(-1, 4)
    scores, classes = (np.concatenate([part[place] for part in found]) for place in (1, 2))
    order = np.argsort(-scores, kind="stable")[:most]
    return Selection(boxes[order], scores[order], classes[order].astype(np.int64))


def suppress(boxes: np.ndarray, overlap: float, most: int = MOST_BOXES) -> np.ndarray:
    """Indices of the boxes that stay, of boxes (n, 4) in descending confidence."""
    kept: list[int] = []
    left = np.arange(len(boxes))
    while len(left) and len(kept) < most:
        first, left = left[0], left[1:]
        kept.append(int(first))
        if len(left):
            left = left[iou(boxes[first][None], boxes[left])[0] <= overlap]
    return np.array(kept, np.int64)


def strongest(raw: Raw, most: int = 3000) -> Raw:
    """The `most` strongest candidates, so that a photo takes little memory."""
    order = np.argsort(-raw.scores.max(axis=1, initial=0.0), kind="stable")[:most]
    return Raw(raw.boxes[order], raw.scores[order], raw.size, raw.tiled)


def tiles(width: int, height: int, side: int, overlap: float = 0.2) -> list[tuple[int, int, int, int]]:
    """Overlapping squares that cover a photo, as x0 y0 x1 y1 in pixels.

    Args:
        width: Of the photo.
        height: Of the photo.
        side: Of a tile, in pixels of the photo; tiles are cut at the photo's edge.
        overlap: Share of a tile that it has in common with its neighbour, at least.
    """
    return [
        (x, y, min(x + side, width), min(y + side, height))
        for y in _starts(height, side, overlap)
        for x in _starts(width, side, overlap)
    ]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - overlap)))) + 1
    return [round(place) for place in np.linspace(0, length - side, count)]


def cut_by_tile(
    boxes: np.ndarray, tile: tuple[int, int, int, int], size: tuple[int, int], margin: float
) -> np.ndarray:
    """Which boxes (n, 4) touch an edge of a tile that is no edge of the photo: those show half of an object.

    Args:
        boxes: In pixels of the photo.
        tile: x0 y0 x1 y1.
        size: Width and height of the photo.
        margin: Pixels from the edge that count as touching.
    """
    x0, y0, x1, y1 = tile
    return (
        ((boxes[:, 0] < x0 + margin) & (x0 > 0))
        | ((boxes[:, 1] < y0 + margin) & (y0 > 0))
        | ((boxes[:, 2] > x1 - margin) & (x1 < size[0]))
        | ((boxes[:, 3] > y1 - margin) & (y1 < size[1]))
    )


def arms_per_pole(poles: np.ndarray, arms: np.ndarray) -> tuple[list[list[int]], list[int]]:
    """Which crossarms sit on which pole.

    An arm belongs to the pole whose shaft it crosses: their boxes touch, after the pole's box is widened by
    the arm's height (an arm is bolted beside the shaft). Of several poles it is the one nearest to the arm's
    middle.

    Args:
        poles: (p, 4) boxes.
        arms: (a, 4) boxes.

    Returns:
        `(arm indices of each pole, arm indices without a pole)`.
    """
    on: list[list[int]] = [[] for _ in poles]
    alone = []
    for index, arm in enumerate(arms):
        reach = max(arm[3] - arm[1], 1.0)
        wide = poles + np.array([-reach, -reach, reach, reach])
        touching = (
            np.flatnonzero(intersection(wide.reshape(-1, 4), arm[None])[:, 0] > 0) if len(poles) else []
        )
        if not len(touching):
            alone.append(index)
            continue
        middle = (arm[0] + arm[2]) / 2
        away = [abs((poles[pole][0] + poles[pole][2]) / 2 - middle) for pole in touching]
        on[int(touching[int(np.argmin(away))])].append(index)
    return on, alone


def names_of(classes: np.ndarray, labels: Sequence[str]) -> list[str]:
    """Class names of class ids."""
    return [labels[int(number)] for number in classes]
