"""The queue: a run waits for one of N slot locks, first come first served. No daemon.

A waiting run has a ticket file whose name sorts by time; a ticket whose run is dead counts for nothing. Slots
are OS locks, so that a dead holder frees its slot.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import filelock

from core.errors import InputError
from core.runs.gpu import gpu_indices
from core.runs.locks import RUN_LOCK, is_held, try_lock
from core.workspace import Workspace

DEFAULT_QUEUE = 20


def slot_count() -> int:
    """How many runs may train at once: NEXA_SLOTS, else the number of GPUs, 1 on a CPU.

    Raises:
        InputError: If NEXA_SLOTS is not a whole number from 1 to 64.
    """
    return _setting("NEXA_SLOTS", max(1, len(gpu_indices())), 64)


def queue_limit() -> int:
    """How many runs may wait: NEXA_QUEUE, else 20.

    Raises:
        InputError: If NEXA_QUEUE is not a whole number from 1 to 10,000.
    """
    return _setting("NEXA_QUEUE", DEFAULT_QUEUE, 10_000)


def _setting(name: str, default: int, highest: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= highest:
        raise InputError(f"{name} is {text!r}: expected a whole number from 1 to {highest}.")
    return int(text)


def take_ticket(run_dir: Path) -> Path:
    """Put a run at the end of the queue and return its ticket. An older ticket of it is given back."""
    give_back_ticket(run_dir)
    ws = workspace_of(run_dir)
    folder = ws.slots / "queue"
    folder.mkdir(parents=True, exist_ok=True)
    ticket = folder / f"{time.time_ns():020d}-{run_dir.name}"
    ticket.touch()
    return ticket


def give_back_ticket(run_dir: Path) -> None:
    """Take a run out of the queue."""
    for name in _tickets(workspace_of(run_dir)):
        if _run_of(name) == run_dir.name:
            (workspace_of(run_dir).slots / "queue" / name).unlink(missing_ok=True)


def waiting_runs(ws: Workspace) -> list[str]:
    """The ids of the living runs that wait, first in line first."""
    return [run for name in _tickets(ws) if (run := _run_of(name)) and _alive(ws.runs / run)]


def sweep(ws: Workspace) -> None:
    """Throw away the tickets of dead runs. Only while nobody launches or resumes."""
    for name in _tickets(ws):
        if not _alive(ws.runs / _run_of(name)):
            (ws.slots / "queue" / name).unlink(missing_ok=True)


def queue_position(run_dir: Path) -> int | None:
    """The place of a run in the queue, 1 = next, or None if it does not wait."""
    line = 0
    ws = workspace_of(run_dir)
    for name in _tickets(ws):
        run = _run_of(name)
        if run == run_dir.name:
            return line + 1
        line += _alive(ws.runs / run)
    return None


def free_slots(ws: Workspace) -> int:
    """How many slots nobody holds now."""
    return sum(not is_held(_slot(ws, index)) for index in range(slot_count()))


def try_slot(run_dir: Path) -> tuple[int, filelock.BaseFileLock] | None:
    """Take a slot for a run, or return None if it must wait.

    Only the first in line may take one, so that the queue is fair.

    Returns:
        The number of the slot (from 0) and its lock, which the caller must keep.
    """
    if queue_position(run_dir) != 1:
        return None
    ws = workspace_of(run_dir)
    for index in range(slot_count()):
        lock = try_lock(_slot(ws, index))
        if lock is not None:
            give_back_ticket(run_dir)
            return index, lock
    return None


def workspace_of(run_dir: Path) -> Workspace:
    """The workspace that a run folder lies in."""
    return Workspace(run_dir.parent.parent)


def _slot(ws: Workspace, index: int) -> Path:
    return ws.slots / f"slot{index}.lock"


def _tickets(ws: Workspace) -> list[str]:
    try:
        return sorted(os.listdir(ws.slots / "queue"))  # noqa: PTH208
    except FileNotFoundError:
        return []


def _run_of(ticket: str) -> str:
    return ticket.partition("-")[2]


def _alive(run_dir: Path) -> bool:
    from core.runs.state import is_starting

    return is_held(run_dir / RUN_LOCK) or is_starting(run_dir)
