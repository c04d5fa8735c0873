"""From an exception to one sentence and a hint for a person who does not read tracebacks.

The traceback itself goes to the console log.
"""

from __future__ import annotations

import errno
import re

from core.errors import NexaError
from core.runs.context import RunCancelled, RunTerminated

_OOM_TEXT = re.compile(
    r"out of memory|not enough memory|can(?:'|no)t allocate memory|defaultcpuallocator|bad alloc",
    re.IGNORECASE,
)
_MEMORY_HINT = "Choose a smaller batch size or a shorter maximum length, or close other programs."
_CONSOLE_HINT = "The console log has the details; retry with the same settings once the cause is gone."


def is_out_of_memory(error: BaseException) -> bool:
    """True for every way in which Python, torch on a CPU and torch on a GPU say that memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_OOM_TEXT.search(str(error)))


def explain(error: BaseException) -> tuple[str, str]:
    """Return (sentence, hint) for an exception that ended a run."""
    if isinstance(error, NexaError):
        return error.message, error.hint
    if isinstance(error, (KeyboardInterrupt, RunTerminated)):
        return (
            "The system or the user ended the training process.",
            "Resume goes on from the last checkpoint.",
        )
    if isinstance(error, RunCancelled):
        return "Cancelled on request.", ""
    if is_out_of_memory(error):
        return "The machine ran out of memory.", _MEMORY_HINT
    if isinstance(error, ImportError):
        return _missing_package(error)
    if isinstance(error, OSError):
        return _system(error)
    if type(error).__name__ == "SafetensorError":
        return (
            f"A model file is damaged: {_first_line(error)}.",
            "Delete the model or checkpoint and run again.",
        )
    return f"The training failed with {type(error).__name__}: {_first_line(error)}.", _CONSOLE_HINT


def _missing_package(error: ImportError) -> tuple[str, str]:
    name = (error.name or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and name:
        return f"The Python package {name!r} is not installed.", "Run: pip install -r requirements.txt"
    return f"A Python package cannot be loaded: {_first_line(error)}.", "Run: pip install -r requirements.txt"


def _system(error: OSError) -> tuple[str, str]:
    file = f" ({str(error.filename)!r})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC):
        return f"The disk is full{file}.", "Free disk space, then resume the run."
    if isinstance(error, FileNotFoundError):
        return f"A file is missing{file}.", "Put it back, or start a new run with data and model that exist."
    if isinstance(error, PermissionError):
        return (
            f"A file may not be read or written{file}.",
            "Give yourself the right to it, then resume the run.",
        )
    if isinstance(error, (ConnectionError, TimeoutError)):
        return (
            f"The network failed: {_first_line(error)}.",
            "Use a base model that is on this machine, or try again.",
        )
    return f"The system refused an operation{file}: {error.strerror or _first_line(error)}.", _CONSOLE_HINT


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".")[:300] if lines else "no message"
