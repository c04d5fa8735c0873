"""Figures of a detector from boxes: matching, average precision, recall and precision. Data in, values out.

Average precision is COCO's 101-point interpolation; matching is greedy by confidence, each label once, as in
ultralytics (tests compare both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

IOU_STEPS = np.linspace(0.5, 0.95, 10)
_POINTS = np.linspace(0, 1, 101)
CURVE_POINTS = 200


@dataclass
class Judged:
    """Detections of one image, judged against its labels.

    Args:
        confidence: (n,) descending.
        classes: (n,) class ids.
        right: (n, 10) True where the detection counts as right at each of `IOU_STEPS`.
        matched: (n,) index of the label that it matched at IoU 0.5, or -1.
        labels: (m,) class ids of the labels.
        kept: (n,) indices of these detections among those that came (ignored ones are dropped).
    """

    confidence: np.ndarray
    classes: np.ndarray
    right: np.ndarray
    matched: np.ndarray
    labels: np.ndarray
    kept: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Overlap of boxes (n, 4) and (m, 4), x0 y0 x1 y1, as intersection over union (n, m)."""
    meet = intersection(one, other)
    total = _area(one)[:, None] + _area(other)[None, :] - meet
    return meet / np.maximum(total, 1e-9)


def intersection(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Common area of boxes (n, 4) and (m, 4): (n, m)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)


def ignored(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Which detections lie in a region to ignore: with their centre, or with more than half of their area.

    Args:
        boxes: (n, 4).
        regions: (r, 4), in the same unit.

    Returns:
        (n,) bool.
    """
    if not len(regions) or not len(boxes):
        return np.zeros(len(boxes), bool)
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = ((centre >= regions[None, :, :2]) & (centre <= regions[None, :, 2:])).all(axis=2)
    share = intersection(boxes, regions) / np.maximum(_area(boxes), 1e-9)[:, None]
    return (inside | (share > 0.5)).any(axis=1)


def judge(
    boxes: np.ndarray, confidence: np.ndarray, classes: np.ndarray, label_boxes: np.ndarray,
    labels: np.ndarray,
    regions: np.ndarray | None = None,
) -> Judged:  # fmt: skip
    """Match the detections of one image with its labels.

    A detection takes the label of its class that it overlaps most among those not taken by a more confident
    one; this is done for each IoU step by itself. A detection that matches no label at IoU 0.5 and lies in a
    region to ignore is dropped: it counts neither way.

    Args:
        boxes: (n, 4) detections.
        confidence: (n,) 0 to 1.
        classes: (n,) class ids.
        label_boxes: (m, 4) labels, in the same unit.
        labels: (m,) class ids.
        regions: (r, 4) regions to ignore.
    """
    order = np.argsort(-confidence, kind="stable")
    boxes, confidence, classes = boxes[order], confidence[order], classes[order]
    right = np.zeros((len(boxes), len(IOU_STEPS)), bool)
    matched = np.full(len(boxes), -1)
    if len(boxes) and len(labels):
        overlap = iou(label_boxes, boxes) * (labels[:, None] == classes[None, :])
        taken = np.zeros((len(labels), len(IOU_STEPS)), bool)
        steps = np.arange(len(IOU_STEPS))
        for index in np.flatnonzero((overlap >= IOU_STEPS[0]).any(axis=0)):
            free = np.where(taken, 0, overlap[:, index, None])
            best = free.argmax(axis=0)
            hit = free[best, steps] >= IOU_STEPS
            right[index] = hit
            taken[best, steps] |= hit
            if hit[0]:
                matched[index] = best[0]
    keep = np.ones(len(boxes), bool)
    if regions is not None and len(regions):
        keep = right[:, 0] | ~ignored(boxes, regions)
    return Judged(confidence[keep], classes[keep], right[keep], matched[keep], labels, order[keep])


def average_precision(right: np.ndarray, support: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Average precision of detections in descending confidence.

    Args:
        right: (n,) bool.
        support: Number of labels.

    Returns:
        `(AP, recall (n,), precision (n,))`.
    """
    if not support or not len(right):
        return 0.0, np.zeros(0), np.zeros(0)
    hits = right.cumsum()
    recall = hits / support
    precision = hits / np.arange(1, len(right) + 1)
    x = np.concatenate(([0.0], recall, [recall[-1]], [1.0]))
    y = np.concatenate(([1.0], precision, [0.0], [0.0]))
    y = np.maximum.accumulate(y[::-1])[::-1]
    return float(np.trapezoid(np.interp(_POINTS, x, y), _POINTS)), recall, precision


def summarize(images: Sequence[Judged], names: Sequence[str], confidence: float) -> dict:
    """Figures over many images.

    Args:
        images: From `judge`.
        names: Class names by id.
        confidence: Recall and precision count detections at or above this confidence (at IoU 0.5).

    Returns:
        `map50`, `map50_95` (means over the classes that have labels), `recall`, `precision` (all classes
        together), `classes` {NAME: {ap50, ap50_95, recall, precision, support, predicted, true_positive}} and
        `curves` {NAME: {recall [..], precision [..], confidence [..]}}; a precision without any detection is
        None.
    """
    scores = _join([image.confidence for image in images], np.float64)
    classes = _join([image.classes for image in images], np.int64)
    right = np.concatenate([image.right for image in images] or [np.zeros((0, len(IOU_STEPS)), bool)])
    labels = _join([image.labels for image in images], np.int64)
    order = np.argsort(-scores, kind="stable")
    scores, classes, right = scores[order], classes[order], right[order]
    per_class, curves = {}, {}
    for number, name in enumerate(names):
        of_class = classes == number
        support = int((labels == number).sum())
        hits, marks = right[of_class], scores[of_class]
        values = [average_precision(hits[:, step], support)[0] for step in range(len(IOU_STEPS))]
        in_force = marks >= confidence
        found, given = int(hits[in_force, 0].sum()), int(in_force.sum())
        per_class[name] = {
            "ap50": values[0] if support else None,
            "ap50_95": float(np.mean(values)) if support else None,
            "recall": found / support if support else None,
            "precision": found / given if given else None,
            "support": support, "predicted": given, "true_positive": found,
        }  # fmt: skip
        if support:
            curves[name] = _curve(hits[:, 0], marks, support)
    present = [figures for figures in per_class.values() if figures["support"]]
    found, given, wanted = (
        sum(f[key] for f in per_class.values()) for key in ("true_positive", "predicted", "support")
    )
    return {
        "map50": float(np.mean([f["ap50"] for f in present])) if present else 0.0,
        "map50_95": float(np.mean([f["ap50_95"] for f in present])) if present else 0.0,
        "recall": found / wanted if wanted else None,
        "precision": found / given if given else None,
        "confidence": confidence,
        "images": len(images),
        "classes": per_class,
        "curves": curves,
    }


def confusion(
    images: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
    names: Sequence[str], confidence: float, overlap: float = 0.5,
) -> dict[str, dict[str, int]]:  # fmt: skip
    """What was taken for what: {true class or `nothing`: {found class or `nothing`: count}}.

    Args:
        images: `(boxes, confidence, classes, label boxes, labels)` of each image, ignored detections left
            out.
        names: Class names by id.
        confidence: Detections below do not count.
        overlap: A detection and a label belong together from this IoU on, whatever their classes; the pairs
            with the largest overlap are taken first.
    """
    rows = [*names, "nothing"]
    table = {row: dict.fromkeys(rows, 0) for row in rows}
    for boxes, scores, classes, label_boxes, labels in images:
        chosen = scores >= confidence
        boxes, classes = boxes[chosen], classes[chosen]
        free_labels, free_boxes = set(range(len(labels))), set(range(len(boxes)))
        if len(labels) and len(boxes):
            share = iou(label_boxes, boxes)
            for flat in np.argsort(-share, axis=None):
                row, column = divmod(int(flat), len(boxes))
                if share[row, column] < overlap:
                    break
                if row in free_labels and column in free_boxes:
                    free_labels.discard(row)
                    free_boxes.discard(column)
                    table[names[labels[row]]][names[classes[column]]] += 1
        for row in free_labels:
            table[names[labels[row]]]["nothing"] += 1
        for column in free_boxes:
            table["nothing"][names[classes[column]]] += 1
    return table


def _curve(right: np.ndarray, scores: np.ndarray, support: int) -> dict[str, list[float]]:
    _, recall, precision = average_precision(right, support)
    if not len(recall):
        return {"recall": [], "precision": [], "confidence": []}
    chosen = np.unique(np.linspace(0, len(recall) - 1, min(CURVE_POINTS, len(recall))).round().astype(int))
    return {
        "recall": recall[chosen].round(4).tolist(),
        "precision": precision[chosen].round(4).tolist(),
        "confidence": scores[chosen].round(4).tolist(),
    }


def _join(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.asarray(part, kind) for part in parts]) if parts else np.zeros(0, kind)
