"""A scored detector pass on the Validation page: figures at the threshold in force, curves, worst photos.

The model is run once over a set; moving the threshold only counts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.datasets.photos import open_photo
from core.datasets.store import DatasetInfo
from core.tasks import Task
from dashboard import cards, photos, words
from dashboard.model_use import Choice

PAGE = 6
KEPT_THRESHOLDS = 8
THRESHOLD = 0.25
UNTESTED = (
    "No real photo with labelled underground equipment was available to measure on: on real photos this "
    "class is untested."
)


def threshold() -> float:
    """The confidence in force: what the slider above says."""
    return float(st.session_state.get("threshold", THRESHOLD))


def score(
    model: Any, source: DatasetInfo | Path, progress: Callable[[int, int], None]
) -> dict[str, Any]:  # fmt: skip
    """Run a loaded detector over labelled photos and keep its boxes for any threshold.

    Args:
        model: A detector.
        source: A dataset, of which the test split is read, or a labelled folder.
        progress: Called with (done, total).

    Returns:
        `frames`, `raws` (boxes with the weaker of two that overlap left out), `labels`, and `at`, the figures
        by threshold, filled on demand.
    """
    from core.yolo.boxes import Raw, select
    from core.yolo.evaluate import FLOOR, frames_of

    frames = frames_of(source if isinstance(source, Path) else source.id)
    raws = []
    for number, frame in enumerate(frames, 1):
        pixels, _ = open_photo(frame.path)
        raw = model.raw(pixels, tiling="off", floor=FLOOR)
        chosen = select(raw, confidence=FLOOR)
        marks = np.zeros((len(chosen), raw.scores.shape[1]))
        marks[np.arange(len(chosen)), chosen.classes] = chosen.confidence
        raws.append(Raw(chosen.boxes, marks, raw.size, raw.tiled))
        progress(number, len(frames))
    return {"frames": frames, "raws": raws, "labels": list(model.labels), "at": {}}


def at_threshold(result: dict[str, Any], confidence: float) -> dict[str, Any]:
    """The figures of a pass at one confidence, as `core.yolo.evaluate.evaluate` gives them.

    Args:
        result: From `score`.
        confidence: 0 to 1.
    """
    from core.yolo.evaluate import score_raws

    kept: dict[float, dict[str, Any]] = result["at"]
    if confidence not in kept:
        while len(kept) >= KEPT_THRESHOLDS:
            kept.pop(next(iter(kept)))
        kept[confidence] = score_raws(
            result["raws"], result["frames"], result["labels"], confidence=confidence, worst=60
        )
    return kept[confidence]


def figures(task: Task, choice: Choice, result: dict[str, Any], *, real: bool) -> None:
    """mAP, recall and precision by class at the threshold in force, curve and confusion matrix."""
    from dashboard.live import chart
    from dashboard.score_charts import confusion_figure, precision_recall_figure

    confidence = threshold()
    found = at_threshold(result, confidence)
    st.markdown(f"**{words.plain(choice.title)}**")
    st.html(cards.facts_html(facts(task, found, real=real)))
    st.html(cards.table_html(
        [("Class", False), *((name, True) for name in (
            f"Recall at {confidence:.2f}", f"Precision at {confidence:.2f}", "AP50", "AP50-95", "In the set",
            "Found", "Right",
        ))],
        class_rows(found["classes"]), raw=(0,),
    ))  # fmt: skip
    if real and not found["classes"].get("underground", {}).get("support"):
        st.html(cards.line_html("close", "▲ Untested", UNTESTED))
    with st.container(key=f"sides-charts-{choice.id}"):
        left, right = st.columns(2, gap="medium")
    with left:
        figure = precision_recall_figure(found["curves"], confidence, revision=choice.id)
        chart(figure, key=f"pr-{choice.id}")
    with right:
        names = list(found["confusion"])
        counts = np.array([[found["confusion"][row][column] for column in names] for row in names])
        chart(confusion_figure(names, counts, "boxes"), key=f"confusion-{choice.id}")


def facts(task: Task, found: Mapping[str, Any], *, real: bool) -> list[tuple[str, str, str]]:
    """The figures over all classes, with ✓ or ✗ against the targets on real data.

    Args:
        task: Model family.
        found: From `at_threshold`.
        real: True for real photos: only those are judged against the targets.
    """
    role = "real" if real else "generated"
    targets = {target.metric: target for target in task.targets}
    shown = []
    for metric, title in (
        ("map50_95", "mAP50-95"), ("map50", "mAP50"),
        ("crossarm_recall", f"Crossarm recall at {found['confidence']:.2f}"),
        ("recall", "Recall, all classes"), ("precision", "Precision, all classes"),
    ):  # fmt: skip
        value, target = found.get(metric), targets.get(metric)
        tail = ""
        if target is not None and real and value is not None:
            tail = f" {'✓' if target.met(value) else '✗'} target {target.value:.2f}"
        shown.append((title, words.score(value) + tail, role))
    return [*shown, ("Photos", f"{found['images']:,}", "")]


def class_rows(classes: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Table rows by class: label, recall, precision, AP50, AP50-95, in the set, found, right."""
    return [
        (
            cards.label_html(label), words.score(found["recall"]), words.score(found["precision"]),
            words.score(found["ap50"]), words.score(found["ap50_95"]), f"{found['support']:,}",
            f"{found['predicted']:,}", f"{found['true_positive']:,}",
        )
        for label, found in classes.items()
    ]  # fmt: skip


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(path: str, changed: float) -> photos.Picture:
    pixels, size = open_photo(Path(path), at_most=720)
    return photos.picture(pixels, 720, size)


def worst(choice: Choice, result: dict[str, Any]) -> None:
    """The photos with most mistakes, what is there over what was found."""
    entries = at_threshold(result, threshold())["worst"]
    if not entries:
        st.html(cards.line_html("muted", "✓ No mistake", "Every box of every photo is right."))
        return
    st.markdown(f"**Worst photos of {words.plain(choice.id)}**")
    st.html(
        cards.quiet_html(
            "Solid: right. Dashed with ✗: found, but not there. Thin white: there. Dashed white: missed."
        )
    )
    pages = -(-len(entries) // PAGE)
    page = 1
    if pages > 1:
        page = st.segmented_control(
            "Page", list(range(1, pages + 1)), default=1, required=True, key="worst-photos",
            label_visibility="collapsed",
        )  # fmt: skip
    shown = entries[(min(page, pages) - 1) * PAGE : min(page, pages) * PAGE]
    drawn = [
        photos.boxes_html(
            _picture(entry["path"], Path(entry["path"]).stat().st_mtime), entry["found"],
            truth=entry["truth"], alt=entry["file"],
        )
        for entry in shown
    ]  # fmt: skip
    captions = [f"{entry['missed']} missed, {entry['false']} too many · {entry['file']}" for entry in shown]
    with st.container(key="worst-photos-grid"):
        st.html(f'<div class="nx-wide">{photos.grid_html(drawn, captions)}</div>')
