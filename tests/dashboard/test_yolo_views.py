"""Curves, sheets and figures of the detector, without pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from core.runs.log import MetricsLog
from core.runs.series import RunLog
from core.tasks import TASKS
from dashboard import charts, curves, score_charts, theme, yolo_live, yolo_scored
from dashboard.yolo_data import mixed_counts

YOLO = TASKS["yolo"]


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as writer:
        writer.write("start", total_steps=20, epochs=2)
        for step in range(1, 21):
            losses = {"loss": 3 / step, "box_loss": 2 / step, "class_loss": 0.5, "edge_loss": 0.5}
            writer.write("step", step=step, epoch=step / 10, metrics=losses)
            if step % 10 == 0:
                writer.write("epoch", step=step, epoch=step / 10, metrics={
                    "train_loss": 1.0, "val_loss": 1.2, "box_loss": 0.8, "val_box_loss": 0.9,
                    "class_loss": 0.5, "val_class_loss": 0.6, "map50": 0.6, "map50_95": 0.4,
                    "pole_recall": 0.9, "crossarm_recall": 0.3 + step / 100, "crossarm_precision": 0.7,
                    "pole_ap50_95": 0.4, "crossarm_ap50_95": 0.3, "precision": 0.8, "recall": 0.6,
                })  # fmt: skip
    found = RunLog(path)
    found.refresh()
    return found


@pytest.mark.parametrize("by", ["step", "epoch"])
def test_losses_are_compared_with_validation_and_classes_share_a_chart(log: RunLog, by: str) -> None:
    panels = {panel.name: panel for panel in curves.run_panels([("a", log)], YOLO, by=by, target=None)}
    assert list(panels)[:5] == ["loss", "map50_95", "map50", "recall_by_label", "precision_by_label"]
    training, validation = panels["box_loss"].curves
    assert (training.validation, validation.validation) == (False, True)
    assert training.x.size == (20 if by == "step" else 2)
    recall = panels["recall_by_label"]
    assert [curve.name for curve in recall.curves] == ["crossarm", "pole"]
    assert [curve.colour for curve in recall.curves] == [
        theme.DETECTOR["crossarm"].light, theme.DETECTOR["pole"].light,
    ]  # fmt: skip
    assert (recall.target, recall.target_of) == (0.50, "crossarm")
    assert panels["map50_95"].target == 0.60
    assert "ap50_95_by_label" in panels
    shown, folded = curves.in_detail(list(panels.values()))
    assert "box_loss" in {panel.name for panel in shown}
    assert {"precision", "recall", "ap50_95_by_label"} <= {panel.name for panel in folded}


def test_a_target_of_one_class_is_met_by_that_class_only() -> None:
    x = np.array([1, 2], np.float32)
    pole = charts.Curve("pole", x, np.array([0.9, 0.9], np.float32), True)
    arm = charts.Curve("crossarm", x, np.array([0.1, 0.2], np.float32), True)
    figure = charts.curves_figure("Recall", [pole, arm], x_title="epoch", target=0.5, target_of="crossarm")
    assert figure.layout["annotations"][0]["text"] == "crossarm target 0.5"


@pytest.mark.parametrize(
    ("name", "label", "base"),
    [
        ("f1_MEASURE", "MEASURE", "f1_by_label"),
        ("crossarm_recall", "crossarm", "recall_by_label"),
        ("pole_ap50_95", "pole", "ap50_95_by_label"),
        ("val_box_loss", "", "box_loss"),
        ("pole", "", "pole"),
    ],
)
def test_metrics_of_a_class_are_told_by_name(name: str, label: str, base: str) -> None:
    assert charts.label_of(name) == label
    assert charts.base_name(name) == base


def test_precision_recall_marks_the_threshold_in_force() -> None:
    curve = {"recall": [0.2, 0.4, 0.6], "precision": [1.0, 0.9, 0.5], "confidence": [0.9, 0.5, 0.1]}
    empty = {"recall": [], "precision": [], "confidence": []}
    figure = score_charts.precision_recall_figure({"pole": curve, "crossarm": empty}, 0.3)
    go.Figure(figure.traces, figure.layout)
    line, mark = figure.traces
    assert line["line"]["color"] == theme.DETECTOR["pole"].light
    assert (float(mark["x"][0]), float(mark["y"][0])) == pytest.approx((0.4, 0.9))


def test_sheets_come_newest_first_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("epoch_001.jpg", "epoch_012.jpg", "epoch_013.part", "epoch_x.jpg", "other.jpg"):
        (folder / name).write_bytes(b"x")
    assert [epoch for epoch, _ in yolo_live.sheets(tmp_path)] == [12, 1]
    assert yolo_live.sheets(tmp_path / "none") == []


def test_targets_are_judged_on_real_photos_only() -> None:
    found = {"map50_95": 0.7, "map50": 0.9, "crossarm_recall": 0.4, "recall": 0.5, "precision": None,
             "confidence": 0.25, "images": 3}  # fmt: skip
    real = {title: value for title, value, _ in yolo_scored.facts(YOLO, found, real=True)}
    assert real["mAP50-95"] == "0.700 ✓ target 0.60"
    assert real["Crossarm recall at 0.25"] == "0.400 ✗ target 0.50"
    assert real["Precision, all classes"] == "–"
    assert all("target" not in value for _, value, _ in yolo_scored.facts(YOLO, found, real=False))


@pytest.mark.parametrize(
    ("scenes", "real", "share", "kept"),
    [(100, 50, 0.0, (100, 50)), (100, 50, 0.2, (100, 25)), (100, 10, 0.5, (10, 10)), (0, 0, 0.5, (0, 0))],
)
def test_a_mixture_keeps_what_fits_the_share(scenes: int, real: int, share: float, kept: tuple) -> None:
    assert mixed_counts(scenes, real, share) == kept
