"""The metrics log: one JSON object a line, one writer, and a tail that reads only what is new.

`MetricsLog` writes, `LogTail` reads lines. What the lines mean (curves, signals, the end) is in series.py;
`core.runs.log` is the public face of both.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import TrainingError

LOG_VERSION = 1
KINDS = ("start", "stage", "step", "epoch", "signal", "system", "checkpoint", "log", "end")

_DURABLE = {"checkpoint", "end"}
_ANCHOR = 64


class MetricsLog:
    """The single writer of a run's `metrics.jsonl`.

    Opening an existing log cuts a torn last line and continues its `seq`, so that a resumed run has no gap.
    Every line reaches the operating system before `write` returns. Threads may share one instance.

    Args:
        path: The log file; its folder must exist.

    Raises:
        TrainingError: If the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            # Unbuffered: a line that is written survives kill -9 without a flush.
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            self._size, self._seq = _whole_lines(self._file)
            self._cut()
        except OSError as error:
            raise _unwritable(path, error) from error

    @property
    def next_seq(self) -> int:
        """The `seq` that the next event will carry."""
        return self._seq

    def write(self, kind: str, **payload: Any) -> dict[str, Any]:
        """Append one event and return it as it was written.

        Args:
            kind: One of `KINDS`.
            **payload: JSON values; numbers of numpy and torch are accepted, non-finite numbers become null.

        Raises:
            ValueError: If `kind` is unknown.
            TrainingError: If the disk is full or the file cannot be written. The log then still ends with
                its last whole line.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not an event kind; expected one of {', '.join(KINDS)}")
        clean = plain(payload)
        with self._lock:
            event = {"v": LOG_VERSION, "seq": self._seq, "t": round(time.time(), 3), "kind": kind, **clean}
            line = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            data = line.encode("utf-8", "replace") + b"\n"
            try:
                self._append(data)
                if kind in _DURABLE:
                    os.fsync(self._file.fileno())
            except OSError as error:
                self._cut_quietly()
                raise _unwritable(self.path, error) from error
            except BaseException:
                # A signal handler may raise between the write and the count: the line is taken back.
                self._cut_quietly()
                raise
            self._size += len(data)
            self._seq += 1
        return event

    def close(self) -> None:
        """Close the file. Writing afterwards is an error."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = self._file.write(rest)
            rest = rest[written:]

    def _cut(self) -> None:
        self._file.truncate(self._size)
        self._file.seek(self._size)

    def _cut_quietly(self) -> None:
        # The first error is the one to tell; a half line left behind is cut when the log is opened again.
        with contextlib.suppress(OSError):
            self._cut()


class LogTail:
    """Reads a metrics log piece by piece: each `read` returns only the events that were added since.

    A torn last line is left for the next call. A file that was cut or replaced is read again from its start
    and counted in `resets`. Whole lines that are not an event are counted in `skipped`.

    Args:
        path: The log file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.resets = 0
        self.skipped = 0
        self._identity: tuple[int, int] | None = None
        self._anchor = b""

    def read(self) -> list[dict[str, Any]]:
        """Return the new whole events, oldest first. An absent file has none."""
        try:
            with self.path.open("rb") as file:
                return self._read(file)
        except FileNotFoundError:
            if self.offset:
                self._restart()
            return []

    def _read(self, file: Any) -> list[dict[str, Any]]:
        stat = os.fstat(file.fileno())
        identity = (stat.st_dev, stat.st_ino)
        same = self._identity in (None, identity) and stat.st_size >= self.offset
        self._identity = identity
        if same and stat.st_size == self.offset == 0:
            return []
        # The bytes before the offset are compared too: a file rewritten in place keeps its identity.
        file.seek(self.offset - len(self._anchor) if same else 0)
        data = file.read()
        if same and not data.startswith(self._anchor):
            same = False
            file.seek(0)
            data = file.read()
        if same:
            data = data[len(self._anchor) :]
        else:
            self._restart()
            self._identity = identity
        end = data.rfind(b"\n") + 1
        if not end:
            return []
        whole = data[:end]
        self.offset += end
        self._anchor = (self._anchor + whole[-_ANCHOR:])[-_ANCHOR:]
        events = []
        for line in whole.split(b"\n")[:-1]:
            event = parse_event(line)
            if event is None:
                self.skipped += 1
            else:
                events.append(event)
        return events

    def _restart(self) -> None:
        self.offset = 0
        self.skipped = 0
        self.resets += 1
        self._identity = None
        self._anchor = b""


def parse_event(line: bytes) -> dict[str, Any] | None:
    """Return the event that `line` holds, or None if it is not one."""
    try:
        event = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("kind") not in KINDS:
        return None
    if type(event.get("seq")) is not int or type(event.get("t")) not in (int, float):
        return None
    return event


def plain(value: Any) -> Any:
    """Turn `value` into plain JSON values; non-finite numbers become None, unknown objects their text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (bytes, bytearray)):
        return [plain(item) for item in value]
    if _is_scalar(value):
        return plain(value.item())
    return str(value)


def _is_scalar(value: Any) -> bool:
    # numpy counts by an attribute, torch by a method.
    count = value.numel() if hasattr(value, "numel") else getattr(value, "size", None)
    return hasattr(value, "item") and count == 1


def _whole_lines(file: Any) -> tuple[int, int]:
    """Return (bytes up to the last newline, the seq after the last event), reading from the end."""
    end = file.seek(0, os.SEEK_END)
    tail = b""
    position = end
    size: int | None = None
    while position > 0:
        step = min(65536, position)
        position -= step
        file.seek(position)
        tail = file.read(step) + tail
        if size is None:
            newline = tail.rfind(b"\n")
            if newline < 0:
                continue
            tail = tail[: newline + 1]
            size = position + newline + 1
        lines = tail.split(b"\n")
        # Unless the file starts here, the first piece may be half a line.
        for line in reversed(lines if position == 0 else lines[1:]):
            event = parse_event(line) if line else None
            if event is not None:
                return size, event["seq"] + 1
        tail = lines[0] + b"\n" if len(lines) > 1 else tail
    return size or 0, 0


def _unwritable(path: Path, error: OSError) -> TrainingError:
    reason = error.strerror or type(error).__name__
    return TrainingError(
        f"The metrics log {path.name!r} of run {path.parent.name!r} cannot be written: {reason}.",
        "Free disk space or make the workspace writable, then resume the run.",
    )
