"""Rows of a long comparison, kept in a JSON file, so that an interrupted one goes on where it stopped.

What a row is and how it is made is the comparisons' (core/<wing>/ablation.py); here are the file and the
options.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import core
from core.errors import InputError
from core.workspace import Workspace, read_json, write_json_atomic


def finished(target: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The rows of a file, by name; none where there is no file yet.

    Raises:
        InputError: If it holds something else, or rows of other settings.
    """
    try:
        kept = read_json(target)
        same = kept["settings"] == settings and isinstance(kept["rows"], dict)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise InputError(
            f"{str(target)!r} holds something else, or rows of other settings.", "Name another output file."
        )
    return kept["rows"]


def keep(target: Path, settings: dict[str, Any], name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Add a row to the file and return all of them."""
    # Read again: another process may have finished a row meanwhile.
    done = {**finished(target, settings), name: row}
    write_json_atomic(target, {"settings": settings, "code_version": core.__version__, "rows": done})
    return done


def default_output(bench: str, settings: dict[str, Any]) -> Path:
    """A file in the workspace, named after the settings, so that other settings get another one."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf-8")).hexdigest()[:8]
    return Workspace.current().root / "bench" / f"{bench}-{digest}.json"


def minutes(seconds: float) -> str:
    """A duration in words, for a line of progress."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def whole(name: str, value: str, least: int) -> int:
    """An option that must be a whole number from `least`.

    Raises:
        InputError: If it is not.
    """
    text = str(value)
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise InputError(f"{name} is {text!r}; expected a whole number from {least}.", "Correct it.")
    return int(text)


def number(name: str, value: str) -> float:
    """An option that must be a number.

    Raises:
        InputError: If it is not.
    """
    try:
        return float(value)
    except ValueError:
        raise InputError(f"{name} is {value!r}; expected a number.", "Correct it.") from None
