"""The states of a run: what is stored, what is derived, what is rebuilt, and the list of many."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import InputError, NotFoundError
from core.runs import state
from core.runs.locks import RUN_LOCK, is_held, try_lock
from core.runs.log import MetricsLog
from core.runs.spec import SCHEMA_VERSION, RunSpec
from core.runs.state import RunState, list_runs, new_status, read_status, rebuild_status, write_status
from core.workspace import write_json_atomic


def store(run_dir, name, **changes):
    status = new_status(run_dir, RunSpec.load(run_dir), state=name, **changes)
    write_status(run_dir, status)
    return status


def started(run_dir, pid):
    write_json_atomic(run_dir / "process.json", {"pid": pid, "started": time.time()})


@pytest.fixture
def held(run_dir):
    lock = try_lock(run_dir / RUN_LOCK)
    yield lock
    lock.release()


@pytest.mark.parametrize("name", [n for n in RunState.ALL if n not in RunState.ACTIVE])
def test_an_ended_state_is_what_the_file_says(run_dir, name):
    store(run_dir, name, message="why")
    status = read_status(run_dir)
    assert (status.state, status.message, status.active) == (name, "why", False)
    assert status.resumable == (name in ("lost", "failed", "stopped"))


def test_running_with_a_held_lock_is_running(run_dir, held):
    store(run_dir, "running", step=3)
    assert read_status(run_dir).state == "running"
    assert read_status(run_dir).asked == ""
    (run_dir / "stop").touch()
    assert read_status(run_dir).asked == "stop"
    assert read_status(run_dir).asked_at == pytest.approx(time.time(), abs=5)
    (run_dir / "cancel").touch()
    assert read_status(run_dir).asked == "cancel"


def test_running_with_a_free_lock_is_lost(run_dir):
    store(run_dir, "running", step=3, total_steps=9, eta_seconds=5.0, progress=0.3)
    status = read_status(run_dir)
    assert (status.state, status.step, status.eta_seconds, status.progress) == ("lost", 3, None, 0.3)
    assert status.resumable and status.hint.startswith("Resume")


def test_an_end_event_counts_more_than_a_status_that_was_not_written(run_dir):
    store(run_dir, "running", attempt=2)
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.write("end", outcome="completed", message="All done.", attempt=2, version="v7", seconds=9.5)
    status = read_status(run_dir)
    assert (status.state, status.version, status.progress, status.seconds) == ("completed", "v7", 1.0, 9.5)


def test_the_end_of_an_earlier_attempt_does_not_count(run_dir):
    store(run_dir, "running", attempt=2)
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.write("end", outcome="failed", message="broke", attempt=1)
    assert read_status(run_dir).state == "lost"


def test_queued_waits_for_its_process_but_not_for_a_dead_one(run_dir):
    store(run_dir, "queued")
    assert read_status(run_dir).state == "queued"
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(run_dir)])
    try:
        started(run_dir, child.pid)
        assert read_status(run_dir).state == "queued"
    finally:
        child.kill()
    # Not yet waited for: a zombie is no living process either.
    time.sleep(0.2)
    assert read_status(run_dir).state == "lost"
    child.wait()
    assert read_status(run_dir).state == "lost"
    started(run_dir, os.getpid())
    assert read_status(run_dir).state == "lost", "a process number that now belongs to another program"


def test_a_start_that_takes_too_long_is_lost(run_dir, monkeypatch):
    store(run_dir, "queued")
    monkeypatch.setattr(state, "STARTUP_SECONDS", 0.0)
    assert read_status(run_dir).state == "lost"


@pytest.mark.parametrize(
    "broken", [None, b"", b"{", b"[]", b'{"state":"dancing"}', b"\xff\xfe", b'{"state":"running"}']
)
def test_a_broken_status_is_rebuilt_from_the_log(run_dir, held, broken):
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.write("start", attempt=3, total_steps=40, epochs=4.0, from_step=0, main_metric="f1")
        log.write("epoch", step=10, epoch=1, metrics={"f1": 0.7, "val_loss": 1.0})
        log.write("epoch", step=20, epoch=2, metrics={"f1": 0.6, "val_loss": 0.9})
        log.write("step", step=25, epoch=2.5, metrics={"loss": 0.1})
    if broken is not None:
        (run_dir / "status.json").write_bytes(broken)
    status = read_status(run_dir)
    assert (status.state, status.step, status.total_steps, status.epoch) == ("running", 25, 40, 2.5)
    assert (status.attempt, status.progress) == (3, 0.625)
    assert status.best == {"f1": 0.7, "val_loss": 1.0, "epoch": 1}
    assert status.metrics["f1"] == 0.6
    held.release()
    assert read_status(run_dir).state == "lost"


def test_rebuilding_knows_the_end(run_dir):
    with MetricsLog(run_dir / "metrics.jsonl") as log:
        log.write("start", attempt=1, total_steps=4, epochs=1, from_step=0)
        log.write("end", outcome="failed", message="It broke.", hint="Mend it.", attempt=1)
    status = rebuild_status(run_dir)
    assert (status.state, status.message, status.hint) == ("failed", "It broke.", "Mend it.")


def test_a_broken_spec_hides_nothing_that_is_known(run_dir):
    store(run_dir, "completed")
    (run_dir / "spec.json").write_text("{", encoding="utf-8")
    assert read_status(run_dir).state == "completed"
    (run_dir / "status.json").unlink()
    assert read_status(run_dir).task == "ner"
    with pytest.raises(InputError, match=r"spec\.json of run .* cannot be read"):
        RunSpec.load(run_dir)


def test_specs_of_a_newer_studio_are_refused(run_dir):
    spec = RunSpec.load(run_dir)
    spec.model_copy(update={"schema_version": SCHEMA_VERSION + 1}).save(run_dir)
    with pytest.raises(InputError, match="newer Studio"):
        RunSpec.load(run_dir)


def test_no_folder_is_no_run(workspace):
    with pytest.raises(NotFoundError, match="There is no run 'ner-1'"):
        read_status(workspace.run("ner-1"))
    assert list_runs(workspace) == []


def test_the_newest_status_is_read_although_it_is_cached(run_dir, held):
    for step in range(20):
        store(run_dir, "running", step=step)
        assert read_status(run_dir).step == step


def test_what_is_derived_is_not_stored(run_dir):
    store(run_dir, "completed")
    stored = json.loads((run_dir / "status.json").read_text(encoding="utf-8"))
    assert "queue_position" not in stored and "asked" not in stored
    assert read_status(run_dir).to_dict()["run"] == run_dir.name


def test_the_list_is_sorted_filtered_and_unmoved_by_rubbish(run_dir, workspace):
    store(run_dir, "completed")
    newer = workspace.runs / "ner-2"
    newer.mkdir()
    RunSpec(task="yolo", recipe={}, dataset="x", created=1_800_000_000.0).save(newer)
    store(newer, "failed")
    (workspace.runs / "empty").mkdir()
    (workspace.runs / "note.txt").write_text("hello", encoding="utf-8")
    (workspace.runs / ".tokens").mkdir()
    assert [status.run_id for status in list_runs(workspace)] == ["ner-2", run_dir.name]
    assert [status.run_id for status in list_runs(workspace, "ner")] == [run_dir.name]


def test_500_runs_are_listed_within_a_second(run_dir, workspace):
    store(run_dir, "completed", metrics={"f1": 0.9}, best={"f1": 0.9})
    for number in range(499):
        copy = workspace.runs / f"ner-copy-{number:04d}"
        copy.mkdir()
        for file in ("spec.json", "status.json"):
            shutil.copy(run_dir / file, copy / file)
    began = time.perf_counter()
    assert len(list_runs(workspace)) == 500
    cold = time.perf_counter() - began
    began = time.perf_counter()
    list_runs(workspace)
    warm = time.perf_counter() - began
    # Measured 30 to 60 ms cold, 10 to 20 ms warm.
    assert cold < 1.0 and warm < 0.5


def test_a_lock_dies_with_its_process(tmp_path):
    path = tmp_path / "lock"
    code = "import sys,time; from pathlib import Path; from core.runs.locks import try_lock\n"
    code += "lock = try_lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    assert is_held(path)
    assert try_lock(path, 0.2) is None
    child.kill()
    child.wait()
    child.stdout.close()
    assert not is_held(path)
    assert not is_held(tmp_path / "never")
    assert not Path(tmp_path / "never").exists()


def test_a_lock_is_waited_for(tmp_path):
    first = try_lock(tmp_path / "lock")
    assert try_lock(tmp_path / "lock") is None
    first.release()
    second = try_lock(tmp_path / "lock", 1.0)
    assert second is not None
    second.release()


def test_status_fields_survive_writing(run_dir):
    status = dataclasses.replace(
        store(run_dir, "stopped"), version="v3", reason="asked", seconds=3.5, epochs=2.0
    )
    write_status(run_dir, status)
    assert read_status(run_dir) == status
