"""What every training ends with: where to store, its scores, those of the model that it would replace.

How a model is scored is its wing's business and handed in; the report that holds the scores, too.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from core.errors import NexaError, NotFoundError
from core.runs.context import RunCancelled, RunContext

Model = TypeVar("Model")


class Measure(Protocol):
    """Scores a model on rows; calls `progress` with (rows done, rows in all)."""

    def __call__(
        self, model: Any, rows: Sequence[Any], *, progress: Callable[[int, int], None]
    ) -> dict[str, Any]: ...


def emptied(folder: Path) -> Path:
    """The folder without what an earlier attempt left there."""
    for old in folder.iterdir() if folder.is_dir() else ():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    return folder


def scored(
    model: Any, sets: Mapping[str, Sequence[Any]], ctx: RunContext, measure: Measure
) -> dict[str, dict[str, Any] | None]:
    """Scores of a model on each set, with the `seconds` that they took; None where a set is empty.

    Raises:
        RunCancelled: When the run is cancelled meanwhile.
    """

    def patience(done: int, total: int) -> None:
        if ctx.should_stop() == "cancel":
            raise RunCancelled

    out: dict[str, dict[str, Any] | None] = {}
    for name, rows in sets.items():
        begin = time.monotonic()
        out[name] = measure(model, rows, progress=patience) if rows else None
        if out[name] is not None:
            out[name]["seconds"] = round(time.monotonic() - begin, 2)
    return out


def in_use(load: Callable[[str], Model], ctx: RunContext) -> tuple[str, Model] | None:
    """The model in use so far, with its name: production, else the starter; None where neither can be
    loaded."""
    for name in ("production", "starter"):
        try:
            return name, load(name)
        except NotFoundError:
            continue
        except NexaError as error:  # a broken old version must not cost the new one its report
            ctx.log(f"The model {name!r} cannot be compared with: {error}")
    return None


def without(scores: Mapping[str, dict[str, Any] | None], *left_out: str) -> dict[str, dict[str, Any] | None]:
    """The same scores without the long lists that only the new model's report keeps."""
    return {
        name: found and {key: value for key, value in found.items() if key not in left_out}
        for name, found in scores.items()
    }
