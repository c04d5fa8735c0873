"""From a run's metrics log to the curves of the Live page: which metric goes where, and on which axis.

Drawing is charts.py; reading lines is core/runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core.runs.series import RunLog
from core.tasks import Task
from dashboard import theme
from dashboard.charts import MAX_POINTS, Curve, base_name, best_index, label_of, panels

TITLES = {
    "loss": "Loss",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "spearman": "Correlation (Spearman)",
    "pearson": "Correlation (Pearson)",
    "spearman_cosine": "Correlation of the vectors alone",
    "spread": "Spread of the vectors (near 0: collapsed)",
    "first_loss": "Loss of the first stage (texts without grades)",
    "general_spearman": "Everyday similarity",
    "general_loss": "Loss on everyday sentences",
    "f1_by_label": "F1 by label",
    "learning_rate": "Learning rate",
    "grad_norm": "Gradient length",
    "samples_per_second": "Examples per second",
    "images_per_second": "Images per second",
    "map50_95": "mAP50-95",
    "map50": "mAP50",
    "recall_by_label": "Recall by class",
    "precision_by_label": "Precision by class",
    "ap50_by_label": "AP50 by class",
    "ap50_95_by_label": "AP50-95 by class",
    "box_loss": "Box loss",
    "class_loss": "Class loss",
    "edge_loss": "Edge loss (DFL)",
    "fitness": "Fitness: what the best weights have most of",
}
SCORES = ("f1", "precision", "recall", "f1_by_label", "spearman", "general_spearman", "map50_95", "map50",
          "fitness", "recall_by_label", "precision_by_label", "ap50_by_label",
          "ap50_95_by_label")  # fmt: skip
"""Metrics between 0 and 1."""

DETAILS = ("learning_rate", "grad_norm", "samples_per_second", "images_per_second", "fitness",
           "pearson", "spearman_cosine", "spread",
           "ap50_by_label", "ap50_95_by_label")  # fmt: skip
"""Charts for the curious: folded away."""


@dataclass(frozen=True)
class Panel:
    """One chart of the Live page.

    Args:
        name: Base name of its metrics.
        title: Heading.
        curves: What to draw.
        target: Target line, or None.
        points: Points of the longest curve before thinning.
        target_of: Name of the curve that the target is for, where it is not for all.
        target_word: What the target line is called.
        x_title: What it runs along, where that is its own; empty for the axis of the page.
    """

    name: str
    title: str
    curves: list[Curve]
    target: float | None
    points: int
    target_of: str = ""
    target_word: str = "target"
    x_title: str = ""


FLOORS = {"general_spearman": ("general_before", 0.05)}
"""Metric → (name of its value before training in the start event, how much of it may be lost)."""

STAGE_AXIS = "updates of the stage"


@st.cache_resource(max_entries=64, show_spinner=False)
def run_log(path: str) -> RunLog:
    """The incremental reader of one metrics log, shared by all sessions (it locks itself).

    Args:
        path: The log file.
    """
    return RunLog(Path(path))


def run_panels(
    runs: Sequence[tuple[str, RunLog]], task: Task, *, by: str, target: float | None
) -> list[Panel]:
    """The charts for one run, or for up to five runs compared.

    Args:
        runs: (name, log) pairs; the first is the run of the page.
        task: Model family: its main metric gets the target line and the best point.
        by: `step` or `epoch`.
        target: Target of the main metric by the first run's recipe; the task's own where it is None.

    Returns:
        Panels in the order in which they are shown; a panel without a single point is left out.
    """
    step_names = sorted({name for _, log in runs for name in log.metrics("step")})
    epoch_names = sorted({name for _, log in runs for name in log.metrics("epoch")})
    targets = {t.metric: t.value for t in task.targets}
    if target is not None:
        targets[task.main_metric] = target
    found = []
    for name, metrics in panels(step_names, epoch_names, task.main_metric):
        curves = [
            curve
            for index, (run, log) in enumerate(runs)
            for curve in _curves_of(log, run if len(runs) > 1 else "", metrics, index, by, task.main_metric)
        ]
        if curves:
            points = max(curve.x.size for curve in curves)
            aimed = next((metric for metric in metrics if metric in targets), name)
            title = TITLES.get(name, name.replace("_", " "))
            floor = _floor(name, runs[0][1])
            if floor is not None:
                found.append(Panel(name, title, curves, floor, points, target_word="floor"))
            else:
                found.append(Panel(name, title, curves, targets.get(aimed), points, label_of(aimed)))
    return _stage_panels(runs) + found


def _floor(name: str, log: RunLog) -> float | None:
    """The value that a metric should not fall below: what it was before training, less what may be lost."""
    key, lost = FLOORS.get(name, ("", 0.0))
    before = (log.start or {}).get(key)
    return float(before) - lost if isinstance(before, int | float) else None


def _stage_panels(runs: Sequence[tuple[str, RunLog]]) -> list[Panel]:
    """Charts of a stage before the main one: they run along its own updates."""
    found = []
    for name in sorted({name for _, log in runs for name in log.metrics("stage")}):
        curves = []
        for index, (run, log) in enumerate(runs):
            x, y = log.series(name, kind="stage")
            if x.size:
                word = f"{run} · training" if len(runs) > 1 else "training"
                curves.append(Curve(word, x, y, series=index))
        if curves:
            title = TITLES.get(name, name.replace("_", " "))
            points = max(curve.x.size for curve in curves)
            found.append(Panel(name, title, curves, None, points, x_title=STAGE_AXIS))
    return found


def _curves_of(
    log: RunLog, run: str, metrics: Sequence[str], index: int, by: str, main_metric: str
) -> list[Curve]:
    in_steps, in_epochs = set(log.metrics("step")), set(log.metrics("epoch"))
    curves = []
    for metric in metrics:
        kind = _kind(metric, metrics, in_steps, in_epochs, by)
        if kind is None:
            continue
        x, y = log.series(metric, by=by, kind=kind)
        if not np.isfinite(y).any():
            continue
        validation = kind == "epoch" and not metric.startswith("train_") and metric not in in_steps
        best = best_index(y) if base_name(metric) == main_metric and validation else None
        word, colour = "validation" if validation else "training", ""
        label = label_of(metric)
        if base_name(metric).endswith("_by_label"):
            if index:
                # Colours stand for labels here, so only the run of the page is drawn.
                continue
            word, colour = label, theme.label_colour(label).light
        curves.append(Curve(f"{run} · {word}" if run else word, x, y, validation, index, best, colour))
    return curves


def _kind(
    metric: str, together: Sequence[str], in_steps: set[str], in_epochs: set[str], by: str
) -> str | None:
    """Which events a curve is taken from, or None to leave it out because another one says the same."""
    if metric in in_epochs and not (by == "step" and metric in in_steps):
        by_step_too = any(other in in_steps for other in together)
        return None if by == "step" and metric.startswith("train_") and by_step_too else "epoch"
    if metric in in_steps:
        mean_of_epoch = f"train_{base_name(metric)}"
        return None if by == "epoch" and mean_of_epoch in in_epochs else "step"
    return None


def in_detail(found: Sequence[Panel]) -> tuple[list[Panel], list[Panel]]:
    """The charts that are shown at once, and those that are folded away.

    Args:
        found: From `run_panels`. Precision and recall of all classes together are details where each class
            has a curve of its own.
    """
    names = {panel.name for panel in found}
    folded = {*DETAILS, *(name for name in ("precision", "recall") if f"{name}_by_label" in names)}
    return [p for p in found if p.name not in folded], [p for p in found if p.name in folded]


def thinning_note(found: Sequence[Panel]) -> str:
    """What the page says about thinned curves, or an empty string when every point is drawn."""
    most = max((panel.points for panel in found), default=0)
    if most <= MAX_POINTS:
        return ""
    return (
        f"{most:,} points are drawn as at most {MAX_POINTS:,}: highs, lows and the newest point are kept, "
        "the log holds every one."
    )


def console_tail(path: Path, lines: int = 200, limit: int = 64_000) -> str:
    """The last lines of a console log, without reading all of it.

    Args:
        path: The log; an absent one gives an empty string.
        lines: At most this many lines.
        limit: At most this many bytes are read from the end.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - limit))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    # A progress bar rewrites its line with carriage returns: only what stood there last counts.
    shown = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")]
    return "\n".join(shown[-lines:]).strip("\n")
