"""The names that move: `production`, `previous`, `candidate`, and the history of every move.

aliases.json is replaced atomically under a lock; promotions.jsonl gets one line per move.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from core.errors import StateError
from core.files import utc_now
from core.registry.manifest import Version, figures
from core.workspace import Workspace, read_json, write_json_atomic

NAMES = ("production", "previous", "candidate")
_LOCK_SECONDS = 30.0


def aliases(task: str, *, ws: Workspace | None = None) -> dict[str, str]:
    """Where each name points; a name that points nowhere is left out."""
    return _state((ws or Workspace.current()).models(task))["aliases"]


def history(task: str, *, ws: Workspace | None = None) -> list[dict[str, Any]]:
    """Every move, oldest first.

    Each is a dict with `time`, `who`, `action`, `alias`, `from`, `to`, `note`, `metrics` and `aliases` (where
    all names pointed afterwards).
    """
    models = (ws or Workspace.current()).models(task)
    lines = _lines(models)
    last = _state(models)["last"]
    if last is not None and (not lines or lines[-1] != last):
        lines.append(last)
    return lines


def to_production(
    version: Version, *, note: str = "", action: str = "promote", ws: Workspace | None = None
) -> Version:
    """Point `production` at a version that was checked; what was there becomes `previous`.

    Raises:
        StateError: If it is in production already, or a rollback finds that somebody else has moved on.
    """
    ws = ws or Workspace.current()
    with _locked(ws.models(version.task)) as models:
        now = _state(models)["aliases"]
        if action == "rollback" and now.get("previous") != version.id:
            raise nothing_to_roll_back(version.task)
        if now.get("production") == version.id:
            raise StateError(f"{version.id!r} is in production already.")
        moves = {"production": version.id}
        if "production" in now:
            moves["previous"] = now["production"]
        _apply(models, version, action, moves, note)
    return version


def move(
    version: Version, action: str, moves: dict[str, str], *, note: str = "", ws: Workspace | None = None
) -> None:
    """Point names at versions in one step and write the line in the history.

    Args:
        version: The version that the move is about.
        action: Word for the history, for example `register`.
        moves: Name -> version id; the first name is the one the history line is about.
        note: Why.
        ws: Workspace; the current one by default.
    """
    with _locked((ws or Workspace.current()).models(version.task)) as models:
        if action == "register":
            newest = _state(models)["aliases"].get("candidate", "")
            if _number(newest) > _number(version.id):
                # A run that started earlier may end later; the newer version stays the candidate.
                return
        _apply(models, version, action, moves, note)


def nothing_to_roll_back(task: str) -> StateError:
    """The error for a rollback without a previous version."""
    return StateError(f"There is no previous {task} version to go back to.", "Promote a version instead.")


def _apply(models: Path, version: Version, action: str, moves: dict[str, str], note: str) -> None:
    state = _state(models)
    if state["last"] is not None and state["last"] != (_lines(models) or [None])[-1]:
        _append(models, state["last"])
    alias = next(iter(moves))
    record = {
        "time": utc_now(), "who": _who(), "action": action, "alias": alias,
        "from": state["aliases"].get(alias), "to": moves[alias], "note": note,
        "metrics": figures(version.metrics.get("after", {})),
        "aliases": {**state["aliases"], **moves},
    }  # fmt: skip
    # aliases.json decides; it carries its own history line, so that a crash before the append loses nothing.
    write_json_atomic(models / "aliases.json", {**record["aliases"], "last": record})
    _append(models, record)


def _state(models: Path) -> dict[str, Any]:
    path = models / "aliases.json"
    if not path.exists():
        return {"aliases": {}, "last": None}
    try:
        stored = read_json(path)
        last = stored.pop("last", None)
        return {"aliases": {name: str(stored[name]) for name in NAMES if stored.get(name)}, "last": last}
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        # Every line of the history holds where all names pointed after it.
        lines = _lines(models)
        if lines:
            return {"aliases": dict(lines[-1]["aliases"]), "last": lines[-1]}
        raise StateError(
            f"{path.name} cannot be read and there is no history to restore it from.",
            "Delete the file and promote a version again.",
        ) from None


def _lines(models: Path) -> list[dict[str, Any]]:
    path = models / "promotions.jsonl"
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            # A line torn by a crash; aliases.json holds it whole.
            continue
        if isinstance(value, dict) and isinstance(value.get("aliases"), dict):
            found.append(value)
    return found


def _append(models: Path, record: dict[str, Any]) -> None:
    path = models / "promotions.jsonl"
    line = (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _number(version_id: str) -> int:
    return int(version_id[1:]) if version_id[1:].isdigit() else 0


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


@contextmanager
def _locked(models: Path) -> Iterator[Path]:
    models.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(models / ".lock", timeout=_LOCK_SECONDS):
            yield models
    except filelock.Timeout:
        raise StateError(
            f"The model versions have been locked by another process for {_LOCK_SECONDS:.0f} seconds.",
            "Try again in a moment.",
        ) from None
