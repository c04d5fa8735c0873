"""What a training reports and what it is told."""

from __future__ import annotations

import time

import pytest

from core.errors import TrainingError
from core.runs.context import RunCancelled, RunContext
from core.runs.log import LogTail, RunLog
from core.runs.spec import RunSpec
from core.runs.stage import counted
from core.runs.state import STATUS_FILE, _from_start
from core.workspace import read_json


def context(run_dir, **recipe):
    return RunContext(run_dir, RunSpec(task="ner", recipe=recipe, dataset="d"))


def kinds(run_dir):
    return [event["kind"] for event in LogTail(run_dir / "metrics.jsonl").read()]


def test_steps_are_thinned_but_the_first_and_the_last_of_an_epoch_are_kept(run_dir):
    with context(run_dir) as ctx:
        ctx.start(2000, 2)
        for step in range(1, 1001):
            ctx.step(step, step / 1000, {"loss": 1.0})
        assert ctx.status.step == 1000
        ctx.epoch(1000, 1, {"f1": 0.5})
    log = RunLog(run_dir)
    log.refresh()
    steps = log.series("loss")[0]
    assert (steps[0], steps[-1]) == (1, 1000)
    assert len(steps) < 20


def test_status_shows_progress_and_the_best_epoch(run_dir):
    with context(run_dir, patience=5) as ctx:
        ctx.start(100, 4)
        ctx.step(25, 1, {"loss": 1.0})
        assert ctx.epoch(25, 1, {"f1": 0.8, "val_loss": 1.0}) == "continue"
        assert ctx.epoch(50, 2, {"f1": 0.7, "val_loss": 0.9}) == "continue"
    stored = read_json(run_dir / STATUS_FILE)
    assert (stored["step"], stored["total_steps"], stored["epoch"]) == (50, 100, 2)
    assert stored["best"] == {"f1": 0.8, "val_loss": 1.0, "epoch": 1.0}
    assert stored["metrics"]["f1"] == 0.7
    assert stored["eta_seconds"] >= 0


def test_with_a_time_limit_progress_and_time_left_follow_what_ends_first(run_dir):
    with context(run_dir) as ctx:
        ctx.start(1000, 4, time_limit=1000.0, time_spent=600.0)
        assert 0.6 <= ctx.status.progress < 0.61 and ctx.status.eta_seconds is None
        ctx.step(1, 0.004, {"loss": 1.0})
        ctx.step(2, 0.008, {"loss": 1.0})
        assert 0.6 <= ctx.status.progress < 0.61 and ctx.status.eta_seconds <= 400
        ctx.step(900, 3.6, {"loss": 1.0})
        assert ctx.status.progress == 0.9 and ctx.status.eta_seconds < 30
        ctx.save_status()
    log = RunLog(run_dir)
    log.refresh()
    assert 0.6 <= _from_start(log)["progress"] < 1.0
    with context(run_dir) as ctx:
        ctx.start(1000, 4, time_limit=10.0, time_spent=20.0)
        assert (ctx.status.progress, ctx._pace.left(0, 1000, time.monotonic())) == (1.0, 0.0)


def test_a_signal_to_stop_is_returned_and_told_once(run_dir):
    with context(run_dir, patience=1, on_patience="stop", on_overfit="off") as ctx:
        ctx.start(100, 4)
        assert ctx.epoch(25, 1, {"f1": 0.8}) == "continue"
        assert ctx.epoch(50, 2, {"f1": 0.7}) == "stop"
        assert ctx.stop_reason == "patience"
        assert ctx.stop_text == "No better F1 for 1 epoch: the best was 0.800 after epoch 1."
    assert kinds(run_dir).count("signal") == 1


def test_signals_as_information_do_not_stop(run_dir):
    with context(run_dir, patience=1, on_patience="inform") as ctx:
        ctx.start(100, 4)
        assert [ctx.epoch(n, n, {"f1": 0.5}) for n in (1, 2, 3)] == ["continue"] * 3
    assert kinds(run_dir).count("signal") == 1


def test_a_resumed_training_remembers_its_epochs(run_dir):
    with context(run_dir, patience=2, on_patience="stop") as ctx:
        ctx.start(100, 10)
        ctx.epoch(10, 1, {"f1": 0.8})
        ctx.epoch(20, 2, {"f1": 0.7})
        ctx.epoch(30, 3, {"f1": 0.9})
    with context(run_dir, patience=2, on_patience="stop") as ctx:
        ctx.start(100, 10, from_step=20)
        assert ctx.status.best["f1"] == 0.8
        assert ctx.status.progress == 0.2
        assert ctx.epoch(30, 3, {"f1": 0.6}) == "stop"


def test_wishes_of_the_user_come_first(run_dir):
    with context(run_dir, patience=1) as ctx:
        ctx.start(100, 10)
        assert ctx.should_stop() is None
        (run_dir / "stop").touch()
        assert ctx.epoch(10, 1, {"f1": 0.1}) == "stop"
        assert ctx.stop_reason == "asked"
        (run_dir / "cancel").touch()
        assert ctx.epoch(20, 2, {"f1": 0.1}) == "cancel"
        assert ctx.should_stop() == "cancel"


def test_asking_is_cheap(run_dir, monkeypatch):
    with context(run_dir) as ctx:
        looks = []
        monkeypatch.setattr(type(run_dir), "exists", lambda path: looks.append(path) or False)
        for _ in range(10_000):
            ctx.should_stop()
    assert len(looks) <= 4


def test_a_checkpoint_is_resumed_from_only_when_it_was_announced(run_dir):
    with context(run_dir) as ctx:
        for step in (10, 20, 30):
            folder = ctx.checkpoints / f"step-{step:08d}"
            folder.mkdir()
            (folder / "weights").write_bytes(b"x" * step)
        assert ctx.resume_from is None
        ctx.checkpoint(10, ctx.checkpoints / "step-00000010")
        ctx.checkpoint(20, ctx.checkpoints / "step-00000020")
        assert ctx.resume_from.name == "step-00000020"
    event = LogTail(run_dir / "metrics.jsonl").read()[-1]
    assert (event["kind"], event["path"], event["bytes"]) == ("checkpoint", "step-00000020", 20)


def test_phases_are_shown_and_logged(run_dir, capsys):
    with context(run_dir) as ctx:
        ctx.set_phase("loading the base model")
        ctx.log("Half way.")
    assert read_json(run_dir / STATUS_FILE)["message"] == "Loading the base model."
    assert "Half way." in capsys.readouterr().out


def test_a_full_disk_is_borne_by_the_status_and_told_by_the_log(run_dir, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    with context(run_dir) as ctx:
        monkeypatch.setattr("core.runs.context.write_status", refuse)
        ctx.start(10, 1)
        ctx.save_status()
        monkeypatch.setattr(ctx.metrics_log, "_append", refuse)
        with pytest.raises(TrainingError, match="No space left"):
            ctx.epoch(1, 1, {"f1": 0.5})


def test_a_task_without_a_main_metric_still_trains(run_dir):
    spec = RunSpec(task="unknown", recipe={}, dataset="d")
    with RunContext(run_dir, spec) as ctx:
        ctx.start(1, 1)
        assert ctx.epoch(1, 1, {"loss": 1.0}) == "continue"
        assert ctx.status.best == {}


def test_work_that_is_no_update_shows_how_far_it_has_come_and_can_be_cancelled(run_dir):
    with context(run_dir) as ctx:
        before = ctx.status.progress
        tell = counted(ctx, "Reading pairs")
        tell(1000, 4000)
        stored = read_json(run_dir / STATUS_FILE)
        assert (stored["message"], stored["progress"]) == ("Reading pairs: 1,000 of 4,000.", 0.25)
        tell(2000, 4000)  # too soon to write again
        assert read_json(run_dir / STATUS_FILE)["progress"] == 0.25
        tell(4000, 4000)
        stored = read_json(run_dir / STATUS_FILE)
        assert (stored["message"], stored["progress"]) == ("Reading pairs: 4,000 of 4,000.", before)
        (run_dir / "cancel").touch()
        ctx._next_look = 0.0
        with pytest.raises(RunCancelled):
            tell(4000, 4000)
