"""The one way to start a training, and everything that may be asked of a run afterwards.

The page, the command line and the API call these functions. What a run would be asked for is plan.py, the
training itself is another process (worker.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import QueueFullError, StateError
from core.runs import checkpoints, process, slots
from core.runs.locks import RUN_LOCK, is_held, try_lock
from core.runs.plan import command_line, make_spec
from core.runs.spec import RunSpec
from core.runs.state import (
    CANCEL_FILE,
    PROCESS_FILE,
    STOP_FILE,
    RunState,
    RunStatus,
    asked_for,
    new_status,
    read_status,
    write_status,
)
from core.workspace import Workspace, read_json, write_json_atomic

__all__ = [
    "cancel", "command_line", "delete", "kill_if_needed", "launch", "make_spec", "resume", "retry", "stop",
    "wait", "wait_for",
]  # fmt: skip

_LAUNCH_PATIENCE = 60.0
_QUEUED_PATIENCE = 3.0


def launch(
    task: str,
    *,
    recipe: dict[str, Any] | None = None,
    preset: str = "",
    dataset: str,
    gold: str | None = None,
    base_model: str = "",
    name: str = "",
    token: str = "",
    ws: Workspace | None = None,
    wait: bool = False,
) -> RunStatus:
    """Start a training in a process of its own, or put it into the queue.

    Args:
        task, recipe, preset, dataset, gold, base_model, name, ws: As for `make_spec`.
        token: Any text that names this wish. The same token again returns the first run: a double click
            starts one training.
        wait: True to return only when the run has ended.

    Raises:
        QueueFullError: If NEXA_QUEUE (20) runs wait already.
        NexaError: As for `make_spec`.
    """
    ws = ws or Workspace.current()
    known = _run_of_token(ws, token)
    if known is None:
        spec = make_spec(
            task,
            recipe=recipe,
            preset=preset,
            dataset=dataset,
            gold=gold,
            base_model=base_model,
            name=name,
            ws=ws,
        )
        with _launching(ws):
            known = _run_of_token(ws, token) or _create(ws, spec, token)
    return wait_for(known, ws=ws) if wait else read_status(ws.run(known))


def stop(run_id: str, *, ws: Workspace | None = None) -> RunStatus:
    """Ask a run to end after the next step and to keep its best weights. A queued run ends at once.

    Raises:
        StateError: If it has ended already.
    """
    return _ask(run_id, STOP_FILE, ws)


def cancel(run_id: str, *, ws: Workspace | None = None) -> RunStatus:
    """Ask a run to end at once and to discard checkpoints and model. A queued run ends at once.

    Raises:
        StateError: If it has ended already.
    """
    return _ask(run_id, CANCEL_FILE, ws)


def kill_if_needed(run_id: str, timeout: float = 30.0, *, ws: Workspace | None = None) -> RunStatus:
    """Wait until a run that was asked to end has ended, and end its process by force after `timeout` seconds.

    SIGTERM comes first, SIGKILL of the whole process group ten seconds later.

    Raises:
        StateError: If nobody asked the run to end.
    """
    ws = ws or Workspace.current()
    run_dir = ws.run(run_id)
    status = read_status(run_dir)
    if not status.active:
        return status
    asked = asked_for(run_dir)
    if not asked:
        raise StateError(
            f"Run {run_id!r} is {status.state} and was not asked to end.", "Stop or cancel it first."
        )
    for force, patience in ((None, timeout), (False, 10.0), (True, 10.0)):
        if force is not None:
            process.end(run_dir, force=force)
        if _wait_until_free(run_dir, patience):
            break
    return _settle(run_dir, asked)


def resume(run_id: str, *, ws: Workspace | None = None) -> RunStatus:
    """Let a lost, failed or stopped run go on in the same folder, from its last checkpoint.

    Raises:
        StateError: If its state does not allow it, with the state.
        QueueFullError: If no more runs may wait.
    """
    ws = ws or Workspace.current()
    run_dir = ws.run(run_id)
    with _launching(ws):
        status = read_status(run_dir)
        if not status.resumable:
            hint = (
                "Wait until it ends." if status.active else "Retry starts a new run with the same settings."
            )
            raise StateError(f"Run {run_id!r} is {status.state} and cannot be resumed.", hint)
        if (
            status.state == RunState.STOPPED
            and checkpoints.newest_checkpoint(run_dir / "checkpoints") is None
        ):
            raise StateError(
                f"Run {run_id!r} was stopped before its first checkpoint and cannot be resumed.",
                "Retry starts a new run with the same settings.",
            )
        _check_queue(ws)
        lock = try_lock(run_dir / RUN_LOCK, 2.0)
        if lock is None:
            raise StateError(f"Run {run_id!r} is still ending.", "Try again in a few seconds.")
        try:
            for file in (STOP_FILE, CANCEL_FILE, PROCESS_FILE):
                (run_dir / file).unlink(missing_ok=True)
            waiting = replace(
                status,
                state=RunState.QUEUED,
                attempt=status.attempt + 1,
                ended=None,
                message="Waiting to go on.",
                hint="",
                reason="",
                updated=time.time(),
            )
            write_status(run_dir, waiting)
            slots.take_ticket(run_dir)
        finally:
            lock.release()
        process.start(run_dir)
    return read_status(run_dir)


def retry(run_id: str, *, token: str = "", ws: Workspace | None = None) -> RunStatus:
    """Start a new run with the spec of an old one."""
    ws = ws or Workspace.current()
    spec = RunSpec.load(ws.run(run_id))
    return launch(
        spec.task,
        recipe=spec.recipe,
        preset=spec.preset,
        dataset=spec.dataset,
        gold=spec.gold,
        base_model=spec.base_model,
        name=spec.name,
        token=token,
        ws=ws,
    )


def delete(run_id: str, *, ws: Workspace | None = None) -> None:
    """Delete the folder of an ended run. Model versions that came from it stay.

    Raises:
        StateError: If it has not ended.
    """
    ws = ws or Workspace.current()
    run_dir = ws.run(run_id)
    with _launching(ws):
        status = read_status(run_dir)
        if status.active or is_held(run_dir / RUN_LOCK):
            raise StateError(f"Run {run_id!r} is {status.state} and cannot be deleted.", "Cancel it first.")
        slots.give_back_ticket(run_dir)
        ws.scratch.mkdir(parents=True, exist_ok=True)
        grave = ws.scratch / f"{run_id}.{secrets.token_hex(4)}"
        # Renamed first: an interrupted deletion must not leave half a run in the list.
        run_dir.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)


def wait_for(run_id: str, timeout: float | None = None, *, ws: Workspace | None = None) -> RunStatus:
    """Return the status as soon as the run has ended, or after `timeout` seconds."""
    run_dir = (ws or Workspace.current()).run(run_id)
    give_up = None if timeout is None else time.monotonic() + timeout
    while True:
        status = read_status(run_dir)
        if not status.active or (give_up is not None and time.monotonic() >= give_up):
            return status
        time.sleep(0.2)


wait = wait_for


def _create(ws: Workspace, spec: RunSpec, token: str) -> str:
    _check_queue(ws)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(spec.created))
    run_id = f"{spec.task}-{stamp}-{secrets.token_hex(2)}"
    run_dir = ws.run(run_id)
    run_dir.mkdir(parents=True)
    spec.save(run_dir)
    write_status(run_dir, new_status(run_dir, spec))
    if token:
        write_json_atomic(_token_file(ws, token), {"run": run_id})
    slots.take_ticket(run_dir)
    process.start(run_dir)
    return run_id


def _check_queue(ws: Workspace) -> None:
    slots.sweep(ws)
    # Runs that were launched a moment ago wait too until they take one of the free slots.
    waiting = len(slots.waiting_runs(ws)) - slots.free_slots(ws)
    if waiting >= slots.queue_limit():
        raise QueueFullError(
            f"{waiting} runs wait already, and no more than {slots.queue_limit()} may.",
            "Wait until one has ended, or cancel one.",
        )


@contextlib.contextmanager
def _launching(ws: Workspace) -> Iterator[None]:
    lock = try_lock(ws.slots / "launch.lock", _LAUNCH_PATIENCE)
    if lock is None:
        raise StateError("Another launch has been busy for a minute.", "Try again.")
    try:
        yield
    finally:
        lock.release()


def _token_file(ws: Workspace, token: str) -> Path:
    return ws.runs / ".tokens" / f"{hashlib.sha256(token.encode('utf-8')).hexdigest()[:32]}.json"


def _run_of_token(ws: Workspace, token: str) -> str | None:
    if not token:
        return None
    try:
        run_id = read_json(_token_file(ws, token))["run"]
        return run_id if ws.run(run_id).is_dir() else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _ask(run_id: str, file: str, ws: Workspace | None) -> RunStatus:
    run_dir = (ws or Workspace.current()).run(run_id)
    status = read_status(run_dir)
    if not status.active:
        raise StateError(f"Run {run_id!r} is {status.state} already.", "Look at the list of runs.")
    (run_dir / file).touch()
    if status.state == RunState.QUEUED:
        return wait_for(run_id, _QUEUED_PATIENCE, ws=ws)
    return read_status(run_dir)


def _wait_until_free(run_dir: Path, patience: float) -> bool:
    give_up = time.monotonic() + patience
    while read_status(run_dir).active:
        if time.monotonic() >= give_up:
            return False
        time.sleep(0.2)
    return True


def _settle(run_dir: Path, asked: str) -> RunStatus:
    """Write the end of a run that was ended by force and could not write it itself."""
    status = read_status(run_dir)
    if status.state != RunState.LOST:
        return status
    lock = try_lock(run_dir / RUN_LOCK, 2.0)
    if lock is None:
        return status
    try:
        from core.runs.context import RunContext

        with RunContext(run_dir, RunSpec.load(run_dir), status=status) as ctx:
            ctx.stop_reason = "asked"
            if asked == "cancel":
                ctx.discard()
                ctx.finish(RunState.CANCELLED, "Cancelled on request, by force; nothing is kept.")
            else:
                hint = "Resume goes on from the last checkpoint."
                ctx.finish(RunState.STOPPED, "Stopped on request, by force.", hint)
    finally:
        lock.release()
    return read_status(run_dir)
