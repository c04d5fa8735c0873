"""What a training does before its main stage: a stage with updates and a loss of its own, or plain work.

Events of a stage have the kind `stage` and never mix with the steps of the main stage; charts are the
dashboard's.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from core.runs.context import STEP_SECONDS, RunCancelled, RunContext


class Stage:
    """Reports one stage of a run.

    Args:
        ctx: The run.
        name: Short name, for example `simcse`.
        title: What the pages call it.
        total: Updates that it takes.
        place: Which of the run's stages it is, from 1.
        places: How many stages the run has.
    """

    def __init__(
        self, ctx: RunContext, name: str, title: str, total: int, *, place: int = 1, places: int = 2
    ) -> None:
        self.ctx, self.name, self.title, self.total = ctx, name, title, total
        self.place, self.places = place, places
        self._next_at = 0.0

    def due(self) -> bool:
        """True if the next `step` would be written; costly metrics are computed only then."""
        return time.monotonic() >= self._next_at

    def step(self, step: int, metrics: dict[str, Any]) -> None:
        """Report one update; at most five a second are written, the last one always.

        Args:
            step: Updates done in this stage, from 1.
            metrics: Numbers by name; non-finite ones become null.
        """
        if not self.due() and step < self.total:
            return
        self._next_at = time.monotonic() + STEP_SECONDS
        self.ctx.metrics_log.write("stage", name=self.name, step=step, total=self.total, metrics=metrics)
        said = f"Stage {self.place} of {self.places}, {self.title}: {step:,} of {self.total:,} updates."
        share = min(1.0, step / self.total) if self.total else 0.0
        self.ctx.status = dataclasses.replace(self.ctx.status, message=said, progress=share)
        self.ctx.save_status()


def counted(ctx: RunContext, what: str) -> Callable[[int, int], None]:
    """Show how far a long piece of work has come that is no update, for example reading pairs.

    Args:
        ctx: The run.
        what: What is done, as the page shows it: "Reading pairs".

    Returns:
        To be called with (done, total); it writes the status at most five times a second. When all is done
        the run shows again how far its updates had come.

    Raises:
        RunCancelled: By the returned function, when the user cancelled the run.
    """
    next_at = 0.0
    before = ctx.status.progress

    def tell(done: int, total: int) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now < next_at and done < total:
            return
        next_at = now + STEP_SECONDS
        if ctx.should_stop() == "cancel":
            raise RunCancelled
        share = done / total if done < total else before
        ctx.status = dataclasses.replace(
            ctx.status, message=f"{what}: {done:,} of {total:,}.", progress=share
        )
        ctx.save_status()

    return tell
