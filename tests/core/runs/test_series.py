"""Curves from a log: growth, going back to a checkpoint, and the time of a tick."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from core.errors import InputError
from core.runs.log import MetricsLog, RunLog


def write(path, events):
    with MetricsLog(path) as log:
        for kind, payload in events:
            log.write(kind, **payload)


def step(n, loss):
    return "step", {"step": n, "epoch": n / 10, "metrics": {"loss": loss}}


def epoch(n, **metrics):
    return "epoch", {"step": n * 10, "epoch": n, "metrics": metrics}


def test_curves_grow_with_the_log(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = RunLog(tmp_path)
    assert log.refresh() == 0
    assert log.series("loss")[0].shape == (0,)
    write(path, [("start", {"total_steps": 30, "from_step": 0}), step(1, 2.0), step(2, None)])
    assert log.refresh() == 3
    x, y = log.series("loss")
    assert x.dtype == y.dtype == np.float32
    assert x.tolist() == [1, 2]
    assert y[0] == 2.0 and np.isnan(y[1])
    write(path, [epoch(1, val_loss=1.0, f1=0.5), ("system", {"metrics": {"rss_mb": 100.0}})])
    assert log.refresh() == 2
    assert log.refresh() == 0
    assert log.series("f1", by="epoch")[0].tolist() == [1]
    assert log.series("f1")[0].tolist() == [10]
    assert log.series("loss", by="epoch")[0].tolist() == pytest.approx([0.1, 0.2])
    seconds, memory = log.series("rss_mb", by="t")
    assert memory.tolist() == [100.0] and 0 <= seconds[0] < 5
    assert log.metrics("epoch") == ["f1", "val_loss"]
    assert log.last_epoch["metrics"]["f1"] == 0.5
    assert log.system["metrics"] == {"rss_mb": 100.0}
    assert (log.gaps, log.last_seq, log.end) == (0, 4, None)


def test_going_back_to_a_checkpoint_drops_what_came_after_it(tmp_path):
    path = tmp_path / "metrics.jsonl"
    signal = ("signal", {"signal": "plateau", "step": 20, "epoch": 2, "text": "flat"})
    write(
        path,
        [
            ("start", {"attempt": 1, "from_step": 0}),
            step(5, 1.0),
            epoch(1, f1=0.5),
            step(15, 0.8),
            epoch(2, f1=0.4),
            signal,
            step(25, 0.9),
            ("end", {"outcome": "failed"}),
        ],
    )
    log = RunLog(tmp_path)
    log.refresh()
    assert log.end["outcome"] == "failed"
    write(path, [("log", {"message": "preparing"})])
    log.refresh()
    assert log.end is None, "what follows an end belongs to the next attempt"
    write(path, [("start", {"attempt": 2, "from_step": 10})])
    log.refresh()
    assert log.end is None
    assert log.start["attempt"] == 2
    assert log.signals == []
    assert [event["epoch"] for event in log.epochs] == [1]
    assert log.last_step["step"] == 10
    write(path, [step(11, 0.7), epoch(2, f1=0.6)])
    log.refresh()
    assert log.series("loss")[0].tolist() == [5, 11]
    assert log.series("f1", by="epoch")[1].tolist() == pytest.approx([0.5, 0.6])


def test_a_replaced_log_replaces_the_curves(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [step(1, 1.0), step(2, 1.0), step(3, 1.0)])
    log = RunLog(path)
    log.refresh()
    path.unlink()
    write(path, [step(1, 9.0)])
    assert log.refresh() == 1
    assert log.series("loss")[1].tolist() == [9.0]
    assert (log.resets, log.gaps) == (1, 0)


def test_a_gap_in_seq_is_counted(tmp_path):
    lines = [{"v": 1, "seq": n, "t": 1.0, "kind": "log"} for n in (0, 1, 3)]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")
    log = RunLog(tmp_path / "m.jsonl")
    log.refresh()
    assert log.gaps == 1


def test_strange_but_valid_events_do_no_harm(tmp_path):
    strange = [
        {"kind": "step"},
        {"kind": "step", "step": "x", "metrics": {"loss": "y"}},
        {"kind": "epoch", "metrics": 3},
        {"kind": "start", "from_step": None},
        {"kind": "start", "from_step": -1},
        {"kind": "signal"},
        {"kind": "system"},
        {"kind": "step", "step": 10**400, "metrics": {"loss": True}},
        {"kind": "end"},
    ]
    text = "".join(json.dumps({"v": 1, "seq": n, "t": 1, **event}) + "\n" for n, event in enumerate(strange))
    (tmp_path / "m.jsonl").write_text(text, encoding="utf-8")
    log = RunLog(tmp_path / "m.jsonl")
    assert log.refresh() == len(strange)
    assert log.gaps == 0
    log.series("loss")


def test_a_stage_has_a_curve_of_its_own_that_a_start_leaves_alone(tmp_path):
    def stage(step, loss):
        return ("stage", {"name": "simcse", "step": step, "total": 9, "metrics": {"first_loss": loss}})

    write(
        tmp_path / "metrics.jsonl",
        [
            stage(4, 3.0),
            stage(8, 2.0),
            stage(3, 2.5),
            ("start", {"attempt": 1, "from_step": 0}),
            step(1, 1.0),
        ],
    )
    log = RunLog(tmp_path)
    log.refresh()
    x, y = log.series("first_loss", kind="stage")
    assert (x.tolist(), y.tolist()) == ([3], [2.5]), "begun again, it replaces what was logged before"
    assert log.series("loss")[1].tolist() == [1.0]


def test_axes_and_kinds_are_checked(tmp_path):
    log = RunLog(tmp_path / "m.jsonl")
    with pytest.raises(InputError, match="'minute' is not an axis"):
        log.series("loss", by="minute")
    with pytest.raises(InputError, match="'end' is not a kind of curve"):
        log.series("loss", kind="end")


def test_only_the_last_step_events_are_kept_but_every_point(tmp_path):
    write(tmp_path / "m.jsonl", [step(n, 1.0) for n in range(1200)])
    log = RunLog(tmp_path / "m.jsonl")
    log.refresh()
    assert len(log.events_by_kind["step"]) == 500
    assert len(log.series("loss")[0]) == 1200


def test_a_tick_over_100_000_events_is_quick(tmp_path):
    path = tmp_path / "m.jsonl"
    metrics = {"loss": 0.123456, "learning_rate": 0.0003, "grad_norm": 1.234567, "samples_per_second": 123.4}
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for n in range(100_000):
            event = {
                "v": 1,
                "seq": n,
                "t": 1.7e9 + n,
                "kind": "step",
                "step": n,
                "epoch": n / 1000,
                "metrics": metrics,
            }
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
    log = RunLog(path)
    log.refresh()
    with MetricsLog(path) as writer:
        for n in range(10):
            writer.write("step", step=100_000 + n, epoch=100.0, metrics=metrics)
    began = time.perf_counter()
    assert log.refresh() == 10
    for name in metrics:
        x, _ = log.series(name)
    seconds = time.perf_counter() - began
    assert len(x) == 100_010
    assert log.gaps == 0
    # Measured 2 to 4 ms; the limit is 50 ms.
    assert seconds < 0.05
