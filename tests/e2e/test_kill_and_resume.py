"""A worker that is killed without warning: the run is lost, then resumed to its end in the same folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.ner.dataset import build_generated
from core.ner.generate import build_settings
from core.registry.store import list_versions
from core.runs import launcher
from core.runs.log import LogTail
from core.runs.state import RunState, RunStatus, read_status
from core.workspace import Workspace
from tests.e2e.conftest import FAST


def worker_of(run_dir: Path) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "core.runs.worker" in line and str(run_dir) in line:
            return process
    raise AssertionError("The worker process was not found.")


def wait_for(run_dir: Path, done: object, seconds: float = 120) -> RunStatus:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = read_status(run_dir)
        if done(status):  # type: ignore[operator]
            return status
        assert status.state not in (RunState.FAILED, RunState.CANCELLED), status.message
        time.sleep(0.05)
    raise AssertionError(f"Not reached within {seconds} s: {read_status(run_dir)}")


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGKILL; the lock is released the same way."
)
def test_kill_9_is_lost_and_resumes_without_a_gap(workspace: Workspace, small_base: Path) -> None:
    data = build_generated(build_settings({"count": 400, "seed": 5}), name="small")
    run = launcher.launch(
        "ner", recipe={**FAST, "epochs": 8}, preset="fast", dataset=data.id, base_model=str(small_base)
    )
    run_dir = workspace.run(run.run_id)
    before = wait_for(run_dir, lambda s: s.epoch >= 2)
    os.kill(worker_of(run_dir).pid, signal.SIGKILL)
    lost = wait_for(run_dir, lambda s: s.state == RunState.LOST)
    assert lost.resumable
    assert "resume" in f"{lost.message} {lost.hint}".lower()
    assert not list_versions("ner")

    # What a power cut leaves behind: half a line at the end of the log.
    with (run_dir / "metrics.jsonl").open("ab") as log:
        log.write(b'{"v":1,"seq":99')
    launcher.resume(run.run_id)
    done = wait_for(run_dir, lambda s: s.state == RunState.COMPLETED)
    events = LogTail(run_dir / "metrics.jsonl").read()
    assert [event["seq"] for event in events] == list(range(len(events)))
    starts = [event for event in events if event["kind"] == "start"]
    assert [event["attempt"] for event in starts] == [1, 2]
    assert starts[1]["from_step"] >= before.total_steps // 8
    assert done.attempt == 2 and done.epoch == 8
    assert [version.id for version in list_versions("ner")] == [done.version] == ["v1"]
