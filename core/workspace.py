"""Every path in one place: what ships under data/, and what a user's work creates in the workspace.

Nothing here reads or writes file contents, except for the two small helpers that replace a file
atomically; formats belong to the rooms that own them.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DATA_DIR = PROJECT_ROOT / "data"
STARTER_DIR = DATA_DIR / "starter"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,120}")


@dataclass(frozen=True)
class Workspace:
    """A folder that holds a user's datasets, runs and models.

    Args:
        root: The folder; it is created on first write.
    """

    root: Path

    @classmethod
    def current(cls) -> Workspace:
        """The workspace named by the environment variable NEXA_HOME, or data/workspace."""
        named = os.environ.get("NEXA_HOME", "").strip()
        return cls(Path(named).expanduser().resolve() if named else DATA_DIR / "workspace")

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def slots(self) -> Path:
        return self.root / "slots"

    @property
    def scratch(self) -> Path:
        """Half-made things: whatever lies here may be deleted when nobody holds it."""
        return self.root / "tmp"

    def run(self, run_id: str) -> Path:
        return self.runs / checked_id(run_id, "run id")

    def datasets(self, task: str) -> Path:
        return self.root / "datasets" / checked_id(task, "task")

    def dataset(self, task: str, dataset_id: str) -> Path:
        return self.datasets(task) / checked_id(dataset_id, "dataset id")

    def models(self, task: str) -> Path:
        return self.root / "models" / checked_id(task, "task")

    def model(self, task: str, version: str) -> Path:
        return self.models(task) / checked_id(version, "model version")


def checked_id(value: str, what: str) -> str:
    """Return `value` if it is a plain name, so that no id can lead out of its folder.

    Raises:
        InputError: If the value holds a path separator, starts with a dot or is too long.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value) or ".." in value:
        raise InputError(
            f"{str(value)[:80]!r} is not a {what}: expected letters, digits, '.', '_', '-' and '@'.",
            "Copy the id from the list.",
        )
    return value


def write_bytes_atomic(path: Path, payload: bytes) -> None:
    """Replace `path` in one step, so that a crash leaves the old or the new file, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a workspace may be shared by a team.
        Path(name).chmod(0o644)
        _replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _replace(source: str, target: Path) -> None:
    # Windows refuses to replace a file that another process has open for a moment (a reader, a scanner).
    for attempt in range(20):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == 19:
                raise
            time.sleep(0.05)


def write_json_atomic(path: Path, value: Any) -> None:
    """Write `value` as readable UTF-8 JSON, atomically. NaN and infinity are refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes_atomic(path, (text + "\n").encode("utf-8"))


def read_json(path: Path) -> Any:
    """Read a UTF-8 JSON file.

    Raises:
        FileNotFoundError: If it is not there.
        json.JSONDecodeError: If it is not JSON.
    """
    return json.loads(path.read_text(encoding="utf-8"))
