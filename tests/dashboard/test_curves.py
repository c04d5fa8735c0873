"""From a log to panels: which metric lands where, on which axis, and what the console shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.runs.log import MetricsLog
from core.runs.series import RunLog
from core.tasks import TASKS
from dashboard import curves

NER = TASKS["ner"]


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as writer:
        writer.write("start", total_steps=20, epochs=2)
        for step in range(1, 21):
            writer.write(
                "step", step=step, epoch=step / 10, metrics={"loss": 2 / step, "learning_rate": 1e-3}
            )
            if step % 10 == 0:
                metrics = {"train_loss": 0.4, "val_loss": 0.5, "f1": 0.7 + step / 100, "empty": None}
                writer.write("epoch", step=step, epoch=step / 10, metrics=metrics)
    found = RunLog(path)
    found.refresh()
    return found


def by_name(found: list[curves.Panel]) -> dict[str, curves.Panel]:
    return {panel.name: panel for panel in found}


def test_by_step_training_is_taken_from_steps_and_validation_from_epochs(log: RunLog) -> None:
    panels = by_name(curves.run_panels([("a", log)], NER, by="step", target=None))
    training, validation = panels["loss"].curves
    assert (training.x.size, training.validation) == (20, False)
    assert validation.x.tolist() == [10, 20]
    assert validation.validation
    assert list(panels)[:2] == ["loss", "f1"]


def test_by_epoch_training_is_the_mean_of_each_epoch(log: RunLog) -> None:
    panels = by_name(curves.run_panels([("a", log)], NER, by="epoch", target=None))
    training, validation = panels["loss"].curves
    assert training.x.tolist() == validation.x.tolist() == [1, 2]
    assert np.allclose(training.y, 0.4)
    assert panels["learning_rate"].curves[0].x[-1] == pytest.approx(2.0)


def test_best_and_target_belong_to_the_main_metric(log: RunLog) -> None:
    panels = by_name(curves.run_panels([("a", log)], NER, by="step", target=0.8))
    assert panels["f1"].target == 0.8
    assert panels["f1"].curves[0].best == 1
    assert panels["loss"].target is None
    assert panels["loss"].curves[1].best is None


def test_a_metric_without_a_single_value_has_no_panel(log: RunLog) -> None:
    assert "empty" not in by_name(curves.run_panels([("a", log)], NER, by="step", target=None))


def test_compared_runs_are_named_in_the_legend(log: RunLog) -> None:
    panels = by_name(curves.run_panels([("one", log), ("two", log)], NER, by="step", target=None))
    assert [c.name for c in panels["f1"].curves] == ["one · validation", "two · validation"]
    assert [c.series for c in panels["f1"].curves] == [0, 1]


def test_no_log_no_panels(tmp_path: Path) -> None:
    assert curves.run_panels([("a", RunLog(tmp_path / "none.jsonl"))], NER, by="step", target=None) == []


def test_the_page_says_so_when_points_are_thinned(log: RunLog) -> None:
    panels = curves.run_panels([("a", log)], NER, by="step", target=None)
    assert curves.thinning_note(panels) == ""
    many = [curves.Panel("loss", "Loss", [], None, 100_000)]
    assert "100,000 points" in curves.thinning_note(many)


def test_console_tail_shows_the_end_and_the_last_state_of_progress_bars(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    assert curves.console_tail(path) == ""
    body = "".join(f"line {i}\n" for i in range(1000)) + " 10%\r 50%\r100%\r\nümlaut \xff\n"
    path.write_bytes(body.encode("utf-8") + b"\xff\xfe broken\n")
    text = curves.console_tail(path, lines=4)
    assert text.split("\n")[:2] == ["100%", "ümlaut ÿ"]
    assert "broken" in text
    assert "line 0" not in curves.console_tail(path, limit=200)
