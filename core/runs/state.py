"""What a run is doing: reading, deriving and rebuilding `status.json`, and the list of runs.

Changing a run (launch, stop, resume) is launcher.py; training it is worker.py.
"""

from __future__ import annotations

import dataclasses
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import NexaError, NotFoundError
from core.runs.locks import RUN_LOCK, is_held
from core.runs.series import RunLog
from core.runs.spec import SPEC_FILE, RunSpec
from core.workspace import Workspace, read_json, write_json_atomic

STATUS_FILE = "status.json"
PROCESS_FILE = "process.json"
STOP_FILE = "stop"
CANCEL_FILE = "cancel"

# A process that was just started needs this long at most until it holds the run's lock.
STARTUP_SECONDS = 60.0


class RunState:
    """The states of a run, as they stand in `status.json` and on the pages."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"

    ALL = (QUEUED, RUNNING, COMPLETED, STOPPED, CANCELLED, FAILED, LOST)
    ACTIVE = (QUEUED, RUNNING)
    ENDED = (COMPLETED, STOPPED, CANCELLED, FAILED, LOST)
    RESUMABLE = (STOPPED, FAILED, LOST)


@dataclass(frozen=True)
class RunStatus:
    """The state of one run.

    Args:
        run_id: Name of the run folder.
        task: Model family.
        name: What the user calls it.
        state: One of `RunState.ALL`.
        epoch: Epochs done, with fraction.
        epochs: Epochs planned (0 = not known yet).
        step: Updates done.
        total_steps: Updates planned (0 = not known yet).
        progress: 0 to 1.
        eta_seconds: Seconds until the end as estimated at `updated`, or None.
        best: All metrics of the best epoch by the model's main metric, and `epoch`.
        metrics: Metrics of the newest epoch.
        created: Unix time of the launch.
        started: Unix time at which the current attempt got its slot, or None.
        ended: Unix time of the end, or None.
        updated: Unix time at which this was written.
        queue_position: 1 = next; None when it does not wait.
        message: One sentence on what it does or why it ended.
        hint: What to do next, or an empty string.
        reason: Why the training ended before its last epoch (`target`, `patience`, `asked` ...), or "".
        version: Model version that it became, or None.
        attempt: 1 for the first start, one more for each resume.
        asked: `stop` or `cancel` while such a wish waits to be obeyed, else "".
        asked_at: Unix time of that wish; ending by force is due `kill_if_needed`'s time-out later.
        preset, dataset, base_model: As in the spec.
        seconds: Running time of all attempts so far.
    """

    run_id: str
    task: str
    state: str
    name: str = ""
    epoch: float = 0.0
    epochs: float = 0.0
    step: int = 0
    total_steps: int = 0
    progress: float = 0.0
    eta_seconds: float | None = None
    best: dict[str, float | None] = field(default_factory=dict)
    metrics: dict[str, float | None] = field(default_factory=dict)
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    updated: float = 0.0
    queue_position: int | None = None
    message: str = ""
    hint: str = ""
    reason: str = ""
    version: str | None = None
    attempt: int = 1
    asked: str = ""
    asked_at: float | None = None
    preset: str = ""
    dataset: str = ""
    base_model: str = ""
    seconds: float = 0.0

    @property
    def active(self) -> bool:
        """True while it waits or trains."""
        return self.state in RunState.ACTIVE

    @property
    def resumable(self) -> bool:
        """True if the state allows `resume` (a stopped run needs a checkpoint as well)."""
        return self.state in RunState.RESUMABLE

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with `run` as a second name of the id."""
        return {"run": self.run_id, **dataclasses.asdict(self)}


_FIELDS = {f.name: f for f in dataclasses.fields(RunStatus)}
_SKIP = {"queue_position", "asked", "asked_at"}


def new_status(run_dir: Path, spec: RunSpec, **changes: Any) -> RunStatus:
    """The status of a run that waits for its first start."""
    basis = {
        "run_id": run_dir.name,
        "task": spec.task,
        "state": RunState.QUEUED,
        "name": spec.name or run_dir.name,
        "created": spec.created,
        "preset": spec.preset,
        "dataset": spec.dataset,
        "base_model": spec.base_model,
        "updated": time.time(),
        "message": "Waiting to start.",
    }
    return RunStatus(**{**basis, **changes})


def write_status(run_dir: Path, status: RunStatus) -> None:
    """Replace `status.json`. Only the worker, or a launcher that holds the run's lock, may call this."""
    values = {name: value for name, value in dataclasses.asdict(status).items() if name not in _SKIP}
    write_json_atomic(run_dir / STATUS_FILE, values)


def read_status(run_dir: Path) -> RunStatus:
    """Return what the run does now.

    A run whose status says queued or running while no process holds its lock is reported as ended: as its
    log says if the end is written there, else as `lost`.

    Raises:
        NotFoundError: If the folder holds no run.
    """
    status = stored_status(run_dir)
    if status is None:
        status = rebuild_status(run_dir)
    if status.state not in RunState.ACTIVE:
        return status
    status = _derived(run_dir, status)
    if status.state in RunState.ACTIVE:
        asked = asked_for(run_dir)
        asked_at = _modified(run_dir / asked) if asked else None
        status = dataclasses.replace(status, asked=asked, asked_at=asked_at)
    if status.state == RunState.QUEUED:
        from core.runs.slots import queue_position

        status = dataclasses.replace(status, queue_position=queue_position(run_dir))
    return status


def asked_for(run_dir: Path) -> str:
    """Return `cancel`, `stop` or "": what the user asked of the run by a file."""
    if (run_dir / CANCEL_FILE).exists():
        return "cancel"
    return "stop" if (run_dir / STOP_FILE).exists() else ""


def rebuild_status(run_dir: Path) -> RunStatus:
    """Make the status anew from the spec and the log, for a folder whose `status.json` is gone or broken.

    Raises:
        NotFoundError: If the folder holds no run.
    """
    spec = _spec(run_dir)
    log = RunLog(run_dir / "metrics.jsonl")
    log.refresh()
    status = new_status(run_dir, spec)
    if log.start is not None:
        status = dataclasses.replace(status, **_from_start(log))
    if log.end is not None:
        status = dataclasses.replace(status, **_from_end(log))
    return status


def list_runs(ws: Workspace | None = None, task: str | None = None) -> list[RunStatus]:
    """All runs of a workspace, newest first; folders that hold no readable run are left out.

    Args:
        ws: The workspace; the current one without it.
        task: Only runs of this model.
    """
    folder = (ws or Workspace.current()).runs
    try:
        names = [entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        try:
            status = read_status(folder / name)
        except (NexaError, OSError):
            continue
        if task is None or status.task == task:
            found.append(status)
    return sorted(found, key=lambda status: (status.created, status.run_id), reverse=True)


# Status files of ended runs never change: parsed once, recognised by the identity of the file.
_cache: dict[str, tuple[tuple[int, int, int], RunStatus]] = {}


def stored_status(run_dir: Path) -> RunStatus | None:
    """The status as the file says it, nothing derived; None if the file is gone or broken."""
    path = str(run_dir / STATUS_FILE)
    try:
        stat = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        _cache.pop(path, None)
        return None
    key = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    cached = _cache.get(path)
    if cached is not None and cached[0] == key:
        return cached[1]
    try:
        status = _parse(read_json(Path(path)), run_dir.name)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    _cache[path] = (key, status)
    return status


def _parse(values: Any, run_id: str) -> RunStatus:
    if not isinstance(values, dict) or values.get("state") not in RunState.ALL:
        raise ValueError("not a status")
    known = {name: value for name, value in values.items() if name in _FIELDS and name not in _SKIP}
    # A folder that was renamed or copied is known by its present name.
    return RunStatus(**{**known, "run_id": run_id})


def _spec(run_dir: Path) -> RunSpec:
    try:
        return RunSpec.load(run_dir)
    except NotFoundError:
        raise
    except NexaError:
        # A broken spec must not hide the run: what can be known without it is its name.
        task = re.match(r"[a-z]+", run_dir.name)
        created = (run_dir / SPEC_FILE).stat().st_mtime
        return RunSpec(task=task.group() if task else "", recipe={}, dataset="", created=created)


def _derived(run_dir: Path, status: RunStatus) -> RunStatus:
    if is_held(run_dir / RUN_LOCK):
        return status
    # The worker may have ended between the two looks.
    newer = stored_status(run_dir)
    if newer is not None and newer.state not in RunState.ACTIVE:
        return newer
    if status.state == RunState.QUEUED and is_starting(run_dir):
        return status
    log = RunLog(run_dir / "metrics.jsonl")
    log.refresh()
    if log.end is not None and log.end.get("attempt", status.attempt) >= status.attempt:
        return dataclasses.replace(status, **_from_end(log))
    began = status.state == RunState.RUNNING
    return dataclasses.replace(
        status,
        state=RunState.LOST,
        eta_seconds=None,
        ended=status.updated or None,
        message="The training process ended without a word: it was killed or the machine went down."
        if began
        else "The process of this run ended before the training began.",
        hint="Resume goes on from the last checkpoint." if began else "Look at the console log, then resume.",
    )


def is_starting(run_dir: Path) -> bool:
    """True if the process that the launcher started for this run may still be on its way to the lock."""
    try:
        process = read_json(run_dir / PROCESS_FILE)
        pid, since = int(process["pid"]), float(process["started"])
    except FileNotFoundError:
        pid, since = 0, _modified(run_dir / STATUS_FILE)
    except (ValueError, KeyError, TypeError):
        return False
    if not -5.0 < time.time() - since < STARTUP_SECONDS:
        return False
    return pid == 0 or worker_process(pid, run_dir) is not None


def worker_process(pid: int, run_dir: Path) -> Any:
    """The psutil process `pid` if it lives and works on this run, else None.

    The command line tells it from another process that got the same number since.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        mine = any(run_dir.name in part for part in process.cmdline())
        return process if mine and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _from_start(log: RunLog) -> dict[str, Any]:
    start, last, epoch = log.start or {}, log.last_step, log.last_epoch
    total = int(start.get("total_steps") or 0)
    step = int((last or start).get("step") or start.get("from_step") or 0)
    limit = float(start.get("time_limit") or 0)
    used = float(start.get("time_spent") or 0) + (last or start)["t"] - start["t"]
    spent = used / limit if limit else 0.0
    return {
        "state": RunState.RUNNING,
        "started": start["t"],
        "updated": (last or start)["t"],
        "message": "",
        "total_steps": total,
        "step": step,
        "epochs": float(start.get("epochs") or 0),
        "epoch": float((last or {}).get("epoch") or 0),
        "progress": min(1.0, max(step / total if total else 0.0, spent)),
        "metrics": dict((epoch or {}).get("metrics") or {}),
        "attempt": int(start.get("attempt") or 1),
        "best": best_epoch(log.epochs, str(start.get("main_metric") or "")),
    }


def _from_end(log: RunLog) -> dict[str, Any]:
    end = log.end or {}
    outcome = end.get("outcome")
    values = {
        "state": outcome if outcome in RunState.ENDED else RunState.FAILED,
        "ended": end["t"],
        "eta_seconds": None,
        "message": str(end.get("message") or ""),
        "hint": str(end.get("hint") or ""),
        "updated": end["t"],
        "reason": str(end.get("reason") or ""),
        "version": end.get("version"),
        "seconds": float(end.get("seconds") or 0.0),
    }
    if outcome == RunState.COMPLETED:
        values["progress"] = 1.0
    return values


def best_epoch(epochs: list[dict[str, Any]], main_metric: str) -> dict[str, float | None]:
    """All metrics of the epoch with the highest `main_metric`, with `epoch`; empty if none measured it."""
    scored = [
        event for event in epochs if isinstance((event.get("metrics") or {}).get(main_metric), (int, float))
    ]
    if not scored:
        return {}
    best = max(scored, key=lambda event: event["metrics"][main_metric])
    return {**best["metrics"], "epoch": best.get("epoch")}
