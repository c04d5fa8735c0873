"""Photos on the Validation page: boxes before and after training, sliders, crossarms per pole, downloads.

Which photos is yolo_photos.py; what is measured over a whole set is yolo_scored.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.datasets.frames import LABELS
from core.datasets.photos import open_photo
from core.tasks import Task
from core.yolo.boxes import OVERLAP, Raw, select
from dashboard import (
    cards,
    entities,
    model_use,
    nav,
    photo_table,
    photos,
    scored_view,
    state,
    words,
    yolo_photos,
)  # fmt: skip
from dashboard.model_use import Choice
from dashboard.yolo_photos import Photo
from dashboard.yolo_scored import THRESHOLD, UNTESTED, figures, score, worst

__all__ = ["HAS_BASE", "OUTSIDE", "SCORES_BELOW", "draw", "figures", "score", "worst"]

HAS_BASE = False
SCORES_BELOW = True
OUTSIDE = {"folder": ("A labelled folder on this machine", scored_view.folder)}


def draw(task: Task, found: list[Choice]) -> tuple[Choice, Choice]:
    """Uploader, choice of versions, sliders, and the boxes.

    Args:
        task: Model family.
        found: The versions that can be tried.

    Returns:
        The chosen versions (before, after).
    """
    listed = yolo_photos.collect()
    by_id = {choice.id: choice for choice in found}
    titles = {choice.id: choice.title for choice in found}
    first, second = model_use.defaults(task, found)
    with st.container(key="controls"):
        columns = st.columns(4, gap="medium", vertical_alignment="bottom")
    with columns[0]:
        before = by_id[state.choice("Before", list(by_id), "before", default=first, titles=titles)]
    with columns[1]:
        after = by_id[state.choice("After", list(by_id), "after", default=second, titles=titles)]
    with columns[2]:
        confidence = st.slider(
            "Confidence at least", 0.02, 1.0, THRESHOLD, 0.01, key="threshold", bind="query-params",
            help="Boxes that the model is less sure of are hidden. The model is not run again.",
        )  # fmt: skip
    with columns[3]:
        overlap = st.slider(
            "Overlap at most", 0.1, 0.95, OVERLAP, 0.05, key="overlap", bind="query-params",
            help="Of two boxes of a class that share more than this, only the surer one stays (intersection "
            "over union). The model is not run again.",
        )  # fmt: skip
    if listed:
        with nav.guard("The prediction"):
            _result(task, before, after, listed, confidence, overlap)
    return before, after


@st.cache_data(max_entries=256, show_spinner=False)
def _raw(task_name: str, model_id: str, stamp: str, path: str) -> Raw:
    """Every candidate of a photo, so that the sliders need no second run."""
    with model_use.loaded(task_name, Choice(model_id, model_id, stamp)) as model:
        return model.raw_photo(Path(path))


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(path: str) -> photos.Picture:
    pixels, size = open_photo(Path(path), at_most=photos.LARGE)
    return photos.picture(pixels, photos.LARGE, size)


def _found(raw: Raw, confidence: float, overlap: float) -> list[dict[str, Any]]:
    chosen = select(raw, confidence=confidence, overlap=overlap)
    return [
        {
            "label": LABELS[int(number)],
            "confidence": float(mark),
            "box": [round(float(side), 1) for side in box],
        }
        for box, mark, number in zip(chosen.boxes, chosen.confidence, chosen.classes, strict=True)
    ]


def _result(
    task: Task, before: Choice, after: Choice, listed: Sequence[Photo], confidence: float, overlap: float
) -> None:  # fmt: skip
    chosen = _choose(listed)
    answers: dict[str, dict[Path, list[dict[str, Any]]]] = {}
    raws: dict[str, Raw] = {}
    for choice, wanted in ((after, listed), (before, [chosen])):
        doing = (
            f"Looking at {words.count(len(wanted), 'photo')} … the first time a model is loaded, about 3 s."
        )
        with st.spinner(doing):
            for photo in wanted:
                raw = _raw(task.name, choice.id, choice.stamp, str(photo.path))
                answers.setdefault(choice.id, {})[photo.path] = _found(raw, confidence, overlap)
                if photo is chosen:
                    raws[choice.id] = raw
    st.html(entities.legend(_counts(answers[after.id][chosen.path]), LABELS))
    with st.container(key="sides-result"):
        columns = st.columns(2, gap="medium")
    roles = model_use.roles(task)
    pairs = [("Before", before), ("After", after)] if before.id != after.id else [("Model", after)]
    for column, (word, choice) in zip(columns, pairs, strict=False):
        with column, st.container(border=True, height="stretch"):
            found = answers[choice.id][chosen.path]
            role = roles.get(choice.id)
            st.html(cards.head_html(word, f"{choice.title} · {role}" if role else choice.title))
            st.html(
                photos.boxes_html(_picture(str(chosen.path)), found, truth=chosen.truth, alt=chosen.title)
            )
            said = _said(found, raws[choice.id], confidence)
            st.html(cards.quiet_html(f"{said} · thin white: what is there" if chosen.truth else said))
    with columns[1] if len(pairs) == 1 else st.container():
        _details(chosen, after, answers[after.id][chosen.path])
    _all(listed, answers[after.id], after)


def _choose(listed: Sequence[Photo]) -> Photo:
    by_title = {photo.title: photo for photo in listed}
    if st.session_state.get("photo") not in by_title:
        st.session_state["photo"] = listed[0].title
    picked = listed[0].title
    if len(by_title) > 1:
        picked = st.selectbox("Photo", list(by_title), key="photo")
    photo = by_title[picked]
    cards.source_badge(
        photo.real, words.plain(photo.title), "Your photo" if photo.real else "Generated scene"
    )
    return photo


def _counts(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {label: sum(item["label"] == label for item in found) for label in LABELS}


def _said(found: Sequence[dict[str, Any]], raw: Raw, confidence: float) -> str:
    hidden = int((raw.scores.max(axis=1, initial=0.0) < confidence).sum())
    parts = [f"{words.count(len(found), 'box', 'boxes')} shown"]
    if not found:
        parts = ["Nothing found at this confidence." if hidden else "Nothing found."]
    if raw.tiled:
        parts.append("looked at in tiles too, because the photo is large")
    return " · ".join(parts)


def _details(photo: Photo, after: Choice, found: list[dict[str, Any]]) -> None:
    counts = _counts(found)
    st.html(cards.facts_html([
        ("Poles", str(counts["pole"])), ("Crossarms", str(counts["crossarm"])),
        ("Crossarms per pole", photo_table.arms_line(found)),
    ]))  # fmt: skip
    if photo.real and any(item["label"] == "underground" for item in found):
        st.html(cards.line_html("close", "▲ Untested", UNTESTED))
    if not found:
        return
    rows = photo_table.rows(photo.title, found)
    columns = [("Class", False), ("Confidence", True), ("On pole", True), ("Left", True), ("Top", True),
               ("Width", True), ("Height", True)]  # fmt: skip
    html = [
        (cards.label_html(row["label"]), f"{row['confidence']:.3f}", row["pole"] or "–", f"{row['x0']:.0f}",
         f"{row['y0']:.0f}", f"{row['x1'] - row['x0']:.0f}", f"{row['y1'] - row['y0']:.0f}")
        for row in rows
    ]  # fmt: skip
    st.html(cards.table_html(columns, html, raw=(0,)))
    st.download_button(
        "Annotated photo", lambda: _annotated(photo.path, found),
        file_name=f"{Path(photo.title).stem}-boxes.jpg", mime="image/jpeg", icon=":material/download:",
        key="annotated", on_click="ignore",
    )  # fmt: skip


def _annotated(path: Path, found: list[dict[str, Any]]) -> bytes:
    from core.yolo.sheets import draw_boxes

    pixels, _ = open_photo(path)
    stream = io.BytesIO()
    draw_boxes(np.ascontiguousarray(pixels), found).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _all(listed: Sequence[Photo], answers: dict[Path, list[dict[str, Any]]], after: Choice) -> None:
    rows = [row for photo in listed for row in photo_table.rows(photo.title, answers[photo.path])]
    if len(listed) > 1:
        with st.expander(f"All {len(listed)} photos", expanded=True, key="all-photos"):
            summary = [photo_table.summary(photo.title, answers[photo.path]) for photo in listed]
            names = ["Photo", "Poles", "Crossarms", "Per pole", "Underground", "Least sure"]
            st.html(cards.table_html([(name, name not in ("Photo", "Per pole")) for name in names], summary))
    if rows:
        with st.container(horizontal=True):
            st.download_button(
                "Table (CSV)", photo_table.csv_bytes(rows), file_name="boxes.csv", mime="text/csv",
                icon=":material/download:", key="boxes-csv", on_click="ignore",
            )  # fmt: skip
            payload = [
                {"file": photo.title, "model": after.id, "detections": answers[photo.path]}
                for photo in listed
            ]
            st.download_button(
                "JSON", photo_table.json_bytes(payload), file_name="boxes.json", mime="application/json",
                icon=":material/download:", key="boxes-json", on_click="ignore",
            )  # fmt: skip
