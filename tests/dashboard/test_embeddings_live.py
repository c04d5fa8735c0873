"""Stages of a similarity training and their curves, from the log that a training writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.log import MetricsLog
from core.runs.series import RunLog
from core.runs.state import RunState, RunStatus
from core.tasks import TASKS
from dashboard import curves, embeddings_live

TASK = TASKS["embeddings"]
RECIPE = {"first_stage": "simcse"}


def written(folder: Path, *events: tuple[str, dict]) -> RunLog:
    with MetricsLog(folder / "metrics.jsonl") as writer:
        for kind, payload in events:
            writer.write(kind, **payload)
    log = RunLog(folder)
    log.refresh()
    return log


FIRST = ("stage", {"name": "simcse", "step": 5, "total": 9, "metrics": {"first_loss": 0.4}})
START = ("start", {"attempt": 1, "total_steps": 20, "epochs": 2, "from_step": 0, "general_before": 0.9})
EPOCH = ("epoch", {"step": 10, "epoch": 1, "metrics": {
    "train_loss": 1.0, "val_loss": 0.9, "spearman": 0.7, "general_spearman": 0.88, "general_loss": 0.02,
    "spread": 0.2,
}})  # fmt: skip
TESTING = ("log", {"message": "testing", "phase": "testing"})


def status(state: str = RunState.RUNNING, **values: object) -> RunStatus:
    return RunStatus("r", "embeddings", state, epoch=1.0, epochs=2.0, **values)


@pytest.mark.parametrize(
    ("events", "said"),
    [((), "waits"), ((FIRST,), "5 of 9 updates"), ((FIRST, START, EPOCH), "epoch 1.0 of 2"),
     ((FIRST, START, EPOCH, TESTING), "under way")],
)  # fmt: skip
def test_each_stage_says_where_it_stands(tmp_path: Path, events: tuple, said: str) -> None:
    html = embeddings_live.stages(status(), written(tmp_path, *events), RECIPE)
    assert said in html
    assert html.count("<span") == 3


def test_a_finished_run_is_done_in_all_stages(tmp_path: Path) -> None:
    log = written(tmp_path, FIRST, START, EPOCH, TESTING)
    html = embeddings_live.stages(status(RunState.COMPLETED, version="v1"), log, RECIPE)
    assert "nx-close" not in html and "done after 5 updates" in html and "done after epoch 1.0" in html


def test_without_a_first_stage_there_are_two(tmp_path: Path) -> None:
    html = embeddings_live.stages(status(), written(tmp_path, START), {"first_stage": "none"})
    assert html.count("<span") == 2 and "grades (" not in html


def test_a_run_that_failed_early_shows_no_stage_that_waits(tmp_path: Path) -> None:
    html = embeddings_live.stages(status(RunState.FAILED), written(tmp_path, FIRST), RECIPE)
    assert html.count("<span") == 1


def test_a_run_that_was_lost_on_the_way_is_not_done(tmp_path: Path) -> None:
    log = written(tmp_path, FIRST, START, EPOCH)
    html = embeddings_live.stages(status(RunState.LOST), log, RECIPE)
    assert "ended at epoch 1.0 of 2" in html and "done after epoch" not in html


def test_curves_of_both_stages_target_and_floor(tmp_path: Path) -> None:
    panels = curves.run_panels([("a", written(tmp_path, FIRST, START, EPOCH))], TASK, by="step", target=None)
    by_name = {panel.name: panel for panel in panels}
    assert list(by_name)[:4] == ["first_loss", "loss", "spearman", "general_spearman"]
    assert by_name["first_loss"].curves[0].x.tolist() == [5]
    assert by_name["first_loss"].x_title == curves.STAGE_AXIS
    assert by_name["spearman"].target == 0.85
    everyday = by_name["general_spearman"]
    assert (everyday.target, everyday.target_word) == (pytest.approx(0.85), "floor")
    shown, folded = curves.in_detail(panels)
    assert "spread" in {panel.name for panel in folded} and "general_loss" in {panel.name for panel in shown}


def test_a_floor_is_never_called_met(tmp_path: Path) -> None:
    from dashboard.charts import curves_figure

    panels = curves.run_panels([("a", written(tmp_path, START, EPOCH))], TASK, by="step", target=None)
    panel = next(p for p in panels if p.name == "general_spearman")
    figure = curves_figure(
        panel.title, panel.curves, x_title="step", target=panel.target, target_word=panel.target_word
    )
    assert figure.layout["annotations"][0]["text"] == "floor 0.85"
