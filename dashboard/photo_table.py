"""Boxes of photos as tables: crossarms per pole, rows to download. Pure functions, no Streamlit."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.yolo.boxes import arms_per_pole

COLUMNS = ("file", "label", "confidence", "x0", "y0", "x1", "y1", "pole")


def _places(found: Sequence[Mapping[str, Any]], label: str) -> list[int]:
    return [number for number, item in enumerate(found) if item["label"] == label]


def _on_poles(found: Sequence[Mapping[str, Any]]) -> tuple[dict[int, int], dict[int, list[int]], list[int]]:
    """Number of each pole by its place (1 is leftmost), its arms by place, and arms without a pole."""
    poles = sorted(_places(found, "pole"), key=lambda number: found[number]["box"][0])
    arms = _places(found, "crossarm")

    def boxes(places: Sequence[int]) -> np.ndarray:
        return np.array([found[number]["box"] for number in places], np.float64).reshape(-1, 4)

    on, alone = arms_per_pole(boxes(poles), boxes(arms))
    numbers = {place: number for number, place in enumerate(poles, 1)}
    return (
        numbers, {place: [arms[n] for n in on[k]] for k, place in enumerate(poles)}, [arms[n] for n in alone]
    )  # fmt: skip


def arms_line(found: Sequence[Mapping[str, Any]]) -> str:
    """Crossarms of each pole from left to right: `2 + 1`, with those that sit on no pole named."""
    _, arms, alone = _on_poles(found)
    parts = " + ".join(str(len(own)) for own in arms.values())
    if alone:
        tail = f"{len(alone)} without a pole"
        return f"{parts}, {tail}" if parts else tail
    return parts or "–"


def rows(file: str, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a box, as `COLUMNS`: `pole` is the number of the pole, for a pole and for the arms on it.

    Args:
        file: Name of the photo.
        found: Dicts with `label`, `confidence`, `box` in pixels.
    """
    numbers, arms, _ = _on_poles(found)
    of_arm = {arm: numbers[place] for place, own in arms.items() for arm in own}
    return [
        {"file": file, "label": item["label"], "confidence": round(float(item["confidence"]), 4),
         **dict(zip(("x0", "y0", "x1", "y1"), item["box"], strict=True)),
         "pole": numbers.get(place, of_arm.get(place, ""))}
        for place, item in enumerate(found)
    ]  # fmt: skip


def summary(file: str, found: Sequence[Mapping[str, Any]]) -> tuple[str, str, str, str, str, str]:
    """One line a photo: name, poles, crossarms, crossarms per pole, underground, lowest confidence shown."""
    least = min((item["confidence"] for item in found), default=None)
    return (
        file, str(len(_places(found, "pole"))), str(len(_places(found, "crossarm"))), arms_line(found),
        str(len(_places(found, "underground"))), "–" if least is None else f"{least:.3f}",
    )  # fmt: skip


def csv_bytes(listed: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as CSV that a spreadsheet opens as it is."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=COLUMNS)
    writer.writeheader()
    for row in listed:
        # A cell that begins like a formula would be computed by a spreadsheet.
        mark = "'" if str(row["file"])[:1] in ("=", "+", "-", "@") else ""
        writer.writerow({**row, "file": f"{mark}{row['file']}"})
    # The byte order mark makes Excel read UTF-8.
    return out.getvalue().encode("utf-8-sig")


def json_bytes(payload: Sequence[Mapping[str, Any]]) -> bytes:
    """Detections of photos as JSON."""
    return json.dumps(list(payload), ensure_ascii=False, indent=2).encode("utf-8")
