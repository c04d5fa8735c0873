"""A workspace in which launching starts the counting model of fake_task."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import tasks
from core.datasets import store
from core.runs import launcher, process
from core.runs.spec import RunSpec
from core.runs.state import RunStatus, read_status
from core.workspace import Workspace, read_json
from tests.core.runs.fake_task.worker import TASK


@pytest.fixture
def launchable(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RunStatus]]:
    """`launchable(**recipe)` launches a run of the counting model; what still runs afterwards is ended."""
    monkeypatch.setitem(tasks.TASKS, "ner", TASK)
    monkeypatch.setenv("NEXA_SLOTS", "1")
    monkeypatch.setattr(
        process,
        "worker_command",
        lambda run_dir: [sys.executable, "-m", "tests.core.runs.fake_task.worker", str(run_dir)],
    )
    info = SimpleNamespace(id="toy@12345678", hash="0" * 64, counts={"train": 10, "val": 2, "test": 2})
    monkeypatch.setattr(store, "get_dataset", lambda task, dataset, *, ws=None: info)
    monkeypatch.setattr(store, "verify_dataset", lambda info: None)
    monkeypatch.setattr(store, "get_gold", lambda task, *, ws=None: None)

    def launch(token: str = "", wait: bool = False, **recipe: Any) -> RunStatus:
        return launcher.launch("ner", recipe=recipe, dataset=info.id, token=token, ws=workspace, wait=wait)

    yield launch
    for file in workspace.runs.glob("*/process.json"):
        kill(file.parent)


def kill(run_dir: Path) -> None:
    """kill -9 of a run's worker, if it still lives."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = int(read_json(run_dir / "process.json")["pid"])
        from core.runs.state import worker_process

        if worker_process(pid, run_dir) is not None:
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for `condition`, and return its value."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not come true in {seconds} s")


def reach(run_dir: Path, step: int) -> RunStatus:
    """Wait until a run has reported this step."""

    def status() -> RunStatus | None:
        now = read_status(run_dir)
        return now if now.step >= step or not now.active else None

    return until(status)


@pytest.fixture
def run_dir(workspace: Workspace) -> Path:
    """A run folder with a spec and nothing else."""
    folder = workspace.runs / "ner-20260101-000000-abcd"
    folder.mkdir(parents=True)
    RunSpec(task="ner", recipe={}, dataset="toy@12345678", created=1_700_000_000.0).save(folder)
    return folder
