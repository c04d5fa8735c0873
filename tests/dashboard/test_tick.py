"""What one tick of the Live page costs over a long log: reading what is new, figures, payload."""

from __future__ import annotations

import json
import math
import statistics
import time
from pathlib import Path

import pytest

from core.runs.log import MetricsLog
from core.runs.series import RunLog
from core.tasks import TASKS
from dashboard import curves
from dashboard.charts import curves_figure
from dashboard.live import payload

STEPS = 100_000
# The goal is 50 ms on a quiet machine; a shared one gets room to breathe.
MOST_SECONDS = 0.15


def step_event(writer: MetricsLog, step: int) -> None:
    metrics = {"loss": 2 / math.sqrt(step), "learning_rate": 1e-3, "grad_norm": 1 / step}
    writer.write("step", step=step, epoch=step / 5000, metrics=metrics)


@pytest.fixture
def long_log(tmp_path: Path) -> tuple[MetricsLog, RunLog]:
    path = tmp_path / "metrics.jsonl"
    writer = MetricsLog(path)
    writer.write("start", total_steps=STEPS, epochs=20)
    # Written as one block: a hundred thousand flushed lines would take longer than all that is measured.
    lines = [
        json.dumps({"seq": step, "t": 1e9 + step, "kind": "step", "step": step, "epoch": step / 5000,
                    "metrics": {"loss": 2 / math.sqrt(step), "learning_rate": 1e-3, "grad_norm": 1 / step}})
        for step in range(1, STEPS + 1)
    ]  # fmt: skip
    writer.close()
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
    writer = MetricsLog(path)
    for epoch in range(1, 21):
        scores = {"train_loss": 0.4, "val_loss": 0.5, "f1": 0.9, "precision": 0.8, "recall": 0.8}
        writer.write("epoch", step=STEPS, epoch=epoch, metrics=scores)
    log = RunLog(path)
    log.refresh()
    return writer, log


def test_a_tick_over_a_long_log_is_quick(long_log: tuple[MetricsLog, RunLog]) -> None:
    writer, log = long_log
    seconds = []
    for number in range(9):
        step_event(writer, STEPS + 1 + number)
        started = time.perf_counter()
        assert log.refresh() == 1
        for panel in curves.run_panels([("a", log)], TASKS["ner"], by="step", target=0.85):
            figure = curves_figure(
                panel.title, panel.curves, x_title="step", smoothing=0.6, target=panel.target, revision="r"
            )
            json.dumps(payload(figure))
        seconds.append(time.perf_counter() - started)
    writer.close()
    assert statistics.median(seconds) < MOST_SECONDS
