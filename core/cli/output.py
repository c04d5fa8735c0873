"""How the command line talks: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Progress = Callable[[int, int], None]


class Output:
    """Prints for a person, or one JSON object for a program.

    Args:
        as_json: True prints exactly one JSON object on standard output.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, text: str) -> None:
        """A line for the person: standard output, or standard error beside JSON."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def result(self, value: dict[str, Any], lines: Sequence[str] = ()) -> None:
        """The answer: the JSON object, or the lines made of it."""
        if self.as_json:
            print(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str), flush=True)
        else:
            for line in lines:
                print(line)

    def progress(self, what: str) -> Progress:
        """A callback `(done, total)` that shows a counter on standard error about once a second."""
        state = {"next": 0.0, "began": time.monotonic()}

        def show(done: int, total: int) -> None:
            now = time.monotonic()
            if now < state["next"] and done < total:
                return
            state["next"] = now + 1.0
            left = (now - state["began"]) * (total - done) / done if done else 0.0
            tail = f", {duration(left)} left" if done and done < total else ""
            print(f"{what}: {done:,} of {total:,}{tail}", file=sys.stderr, flush=True)

        return show


def duration(seconds: float | None) -> str:
    """Seconds in words, for example `4 min` or `1 h 10 min`."""
    if seconds is None:
        return "unknown time"
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def table(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> list[str]:
    """Aligned text columns; numbers to the right with three decimals."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(title), *(len(row[i]) for row in cells)]) for i, title in enumerate(head)]
    right = [bool(rows) and all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
             for i in range(len(head))]  # fmt: skip

    def line(values: Sequence[str]) -> str:
        pairs = zip(values, widths, right, strict=True)
        return "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in pairs).rstrip()

    return [line(head), *(line(row) for row in cells)]


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
