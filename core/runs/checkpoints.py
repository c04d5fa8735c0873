"""Resume points in a run's `checkpoints/`: which are complete, which is the newest, which may go.

What is inside a checkpoint is the training library's business.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from core.errors import TrainingError
from core.workspace import read_json, write_json_atomic

COMPLETE_FILE = "complete.json"
BEGINNING_FILE = "beginning.json"

# Ours and those of the Hugging Face Trainer.
_NAME = re.compile(r"(step|checkpoint)-\d+")


def mark_complete(path: Path, step: int) -> int:
    """Declare the checkpoint folder `path` complete, and return its size in bytes.

    The marker lists every file with its size, so that a folder that lost bytes in a crash is never used.
    """
    files = {str(f.relative_to(path).as_posix()): f.stat().st_size for f in _files(path)}
    write_json_atomic(path / COMPLETE_FILE, {"step": int(step), "files": files})
    return sum(files.values())


def complete_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """All complete checkpoints as (step, folder), oldest first."""
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        step = _complete_step(path)
        if step is not None:
            found.append((step, path))
    return sorted(found)


def newest_checkpoint(folder: Path) -> Path | None:
    """The complete checkpoint with the highest step, or None."""
    found = complete_checkpoints(folder)
    return found[-1][1] if found else None


def begin_with(run_dir: Path, sha256: str, name: str) -> None:
    """Remember which weights a training begins with; its resume points hold only what it changed in them.

    Args:
        run_dir: The run folder.
        sha256: Of the weights.
        name: What the user chose them by.

    Raises:
        TrainingError: If the run has a resume point that belongs to other weights of that name.
    """
    file = run_dir / BEGINNING_FILE
    known = read_json(file)["sha256"] if file.is_file() else sha256
    if known != sha256 and newest_checkpoint(run_dir / "checkpoints") is not None:
        raise TrainingError(
            f"{name!r} holds other weights than when this training began; its resume points need those.",
            "Start it anew, or put the former weights back and resume.",
        )
    write_json_atomic(file, {"name": name, "sha256": sha256})


def prune(folder: Path, keep: int = 2, best: Path | None = None) -> list[Path]:
    """Delete all complete checkpoints but the newest `keep` and `best`; return what was deleted."""
    doomed = [path for _, path in complete_checkpoints(folder)[: -keep or None]]
    doomed = [path for path in doomed if best is None or path.name != best.name]
    for path in doomed:
        # The marker goes first: a deletion that is interrupted must not leave half a resume point.
        (path / COMPLETE_FILE).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    return doomed


def sweep_incomplete(folder: Path) -> None:
    """Delete what a crash or a full disk left half written. Only while no training writes there."""
    if folder.is_dir():
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name) and path.is_dir() and _complete_step(path) is None:
                shutil.rmtree(path, ignore_errors=True)


def _files(path: Path) -> list[Path]:
    return [f for f in path.rglob("*") if f.is_file() and f.name != COMPLETE_FILE]


def _complete_step(path: Path) -> int | None:
    try:
        marker = read_json(path / COMPLETE_FILE)
        files = marker["files"]
        if all((path / name).stat().st_size == size for name, size in files.items()):
            return int(marker["step"])
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return None
