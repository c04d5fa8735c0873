"""Scores a detector on labelled photos: mAP, recall and precision at the confidence in force, the worst
photos.

Matching and figures are in score.py. A detection in a region to ignore (its centre, or more than half of its
area, lies there) that matches no label counts neither way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.datasets.frames import Frame, frame_from_row, read_folder
from core.datasets.photos import open_photo
from core.errors import InputError
from core.workspace import Workspace
from core.yolo.boxes import OVERLAP, Raw, Selection, select
from core.yolo.predict import Detector, Tiling, load_model
from core.yolo.score import Judged, confusion, judge, summarize

FLOOR = 0.001  # average precision follows the curve down to here


def evaluate(
    model: Detector, frames: Sequence[Frame], *, confidence: float = 0.25, overlap: float = OVERLAP,
    tiling: Tiling = "off", worst: int = 20, progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Score a model.

    Args:
        model: The detector.
        frames: Labelled photos.
        confidence: Threshold in force for recall, precision, the confusion matrix and the worst photos.
        overlap: Overlap above which the weaker of two boxes of a class is dropped.
        tiling: As in `Detector.raw`; `off` compares models at the trained size.
        worst: How many photos with mistakes to list.
        progress: Called with (done, total).

    Returns:
        As `score.summarize`, with `crossarm_recall`, `confusion` and `worst`
        [{"file", "missed", "false", "truth": [...], "found": [...]}], most mistakes first.
    """
    if not frames:
        raise InputError(
            "There are no labelled photos to score on.", "Give a folder with images/ and labels/."
        )
    raws = []
    for number, frame in enumerate(frames, 1):
        pixels, _ = open_photo(frame.path)
        raws.append(model.raw(pixels, tiling=tiling, floor=FLOOR))
        if progress:
            progress(number, len(frames))
    return score_raws(raws, frames, model.labels, confidence=confidence, overlap=overlap, worst=worst)


def score_raws(
    raws: Sequence[Raw], frames: Sequence[Frame], names: Sequence[str], *, confidence: float = 0.25,
    overlap: float = OVERLAP, worst: int = 20,
) -> dict[str, Any]:  # fmt: skip
    """The figures of `evaluate` from candidates that are there already: another threshold costs no second
    pass.
    """
    images, tables, ranked = [], [], []
    for raw, frame in zip(raws, frames, strict=True):
        chosen = select(raw, confidence=FLOOR, overlap=overlap)
        result, truth = judged(chosen, raw, frame)
        labels = result.labels
        images.append(result)
        boxes = chosen.boxes[result.kept]
        tables.append((boxes, result.confidence, result.classes, truth, labels))
        mistakes = _mistakes(frame, result, boxes, truth, names, confidence)
        if mistakes["missed"] or mistakes["false"]:
            ranked.append(mistakes)
    ranked.sort(key=lambda item: (-(item["missed"] + item["false"]), item["file"]))
    figures = summarize(images, names, confidence)
    arm = figures["classes"].get("crossarm", {})
    return {
        **figures,
        "crossarm_recall": arm.get("recall"),
        "confusion": confusion(tables, names, confidence),
        "worst": ranked[:worst],
    }


def judged(chosen: Selection, raw: Raw, frame: Frame) -> tuple[Judged, np.ndarray]:
    """Detections of one photo against its labels: `(what is right, label boxes (m, 4) in pixels)`."""
    scale = np.array([raw.size[0], raw.size[1]] * 2, np.float64)
    labels, truth = frame.boxes()
    truth = truth * scale
    regions = np.array([region.box for region in frame.ignore], np.float64).reshape(-1, 4) * scale
    return judge(chosen.boxes, chosen.confidence, chosen.classes, truth, labels, regions), truth


def _mistakes(
    frame: Frame,
    result: Judged,
    boxes: np.ndarray,
    truth: np.ndarray,
    names: Sequence[str],
    confidence: float,
) -> dict[str, Any]:
    shown = result.confidence >= confidence
    hit = set(result.matched[shown & (result.matched >= 0)].tolist())
    return {
        "file": frame.path.name,
        "path": str(frame.path),
        "missed": len(truth) - len(hit),
        "false": int((shown & (result.matched < 0)).sum()),
        "truth": [
            {"label": names[int(label)], "box": [round(float(v), 1) for v in box], "found": number in hit}
            for number, (label, box) in enumerate(zip(result.labels, truth, strict=True))
        ],
        "found": [
            {"label": names[int(label)], "confidence": round(float(mark), 4), "right": bool(match >= 0),
             "box": [round(float(v), 1) for v in box]}
            for box, mark, label, match in zip(
                boxes[shown], result.confidence[shown], result.classes[shown], result.matched[shown],
                strict=True
            )
        ],
    }  # fmt: skip


def evaluate_path(
    ref: str, data: str | Path, *, confidence: float = 0.25, conf: float | None = None,
    tiling: Tiling = "off",
    worst: int = 20, ws: Workspace | None = None, progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Score a model version on a labelled folder, or on the test split of a dataset.

    Args:
        ref: As in `predict.load_model`.
        data: A folder with images/, labels/ and optionally ignore/, or a dataset id.
        confidence: Threshold in force.
        conf: The same under its command line name; wins when given.
        tiling: As in `Detector.raw`.
        worst: How many photos with mistakes to list.
        ws: Workspace; the current one by default.
        progress: Called with (done, total).

    Raises:
        NotFoundError: If there is no such model or dataset.
        DatasetError: If the folder cannot be used.
    """
    frames = frames_of(data, ws=ws)
    return evaluate(
        load_model(ref, ws=ws), frames, confidence=confidence if conf is None else conf, tiling=tiling,
        worst=worst,
        progress=progress,
    )  # fmt: skip


def frames_of(data: str | Path, split: str = "test", *, ws: Workspace | None = None) -> list[Frame]:
    """Labelled photos of a folder or of one split of a dataset."""
    if Path(data).is_dir():
        return read_folder(Path(data))
    from core.datasets import store

    info = store.get_dataset("yolo", str(data), ws=ws)
    return [frame_from_row(row, info.path, split) for row in store.iter_rows(info, split)]
