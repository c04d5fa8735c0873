"""How numbers, times and sizes are written for a reader. Pure functions, no Streamlit."""

from __future__ import annotations

import math
import re

_MARKDOWN = re.compile(r"([\\\\`*_{}\[\]<>#$~|!])")


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it stands: no links, images, colours or formulas in it."""
    return _MARKDOWN.sub(r"\\\1", text)


def score(value: float | None) -> str:
    """A score with three decimals, or a dash when there is none (also for NaN)."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}"


def count(value: int, one: str, many: str = "") -> str:
    """`count(1, "run")` → `1 run`, `count(1200, "run")` → `1,200 runs`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def duration(seconds: float | None) -> str:
    """A span of time as a person says it: `40 s`, `4 min`, `1 h 20 min`, `3 days`."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return count(round(hours / 24), "day")


def time_left(seconds: float | None) -> str:
    """Time left in words: `less than 1 min left`, `4 min left`; `working out the time left` when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "working out the time left"
    return "less than 1 min left" if seconds < 60 else f"{duration(seconds)} left"


def ago(then: float | None, now: float) -> str:
    """How long ago `then` was (both Unix seconds): `just now`, `5 min ago`, `2 h ago`, `3 days ago`."""
    if then is None:
        return "–"
    span = max(0.0, now - then)
    if span < 60:
        return "just now"
    if span < 3600:
        return f"{int(span // 60)} min ago"
    if span < 86400:
        return f"{int(span // 3600)} h ago"
    return f"{count(int(span // 86400), 'day')} ago"


def size(num_bytes: float | None) -> str:
    """A size in the unit that fits: `812 B`, `21.4 MB`."""
    if num_bytes is None:
        return "–"
    value = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def number(value: object) -> str:
    """A setting's value as it is typed: `0.0003` for 3e-4, `1e-05`, `yes`/`no`, `none`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return str(value)
