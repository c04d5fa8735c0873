"""How fast a run goes and how long it still takes: a smoothed seconds-per-step, evaluation included.

Estimates before a run exists are estimate.py.
"""

from __future__ import annotations

import math


class Pace:
    """Seconds per step, exponentially smoothed over steps.

    Waiting between two updates (an evaluation, a checkpoint) counts as time of the steps between them, so the
    estimate holds the evaluations that are still to come.

    Args:
        scale: Steps over which the past is forgotten; one epoch makes evaluations spread evenly.
        limit: Seconds after which the run ends in any case; 0 = none.
        began: Time at which the limit began to run.
    """

    def __init__(self, scale: float = 100.0, *, limit: float = 0.0, began: float = 0.0) -> None:
        self._scale = max(1.0, scale)
        self._limit, self._began = limit, began
        self._time = 0.0
        self._steps = 0.0
        self._last: tuple[float, float] | None = None

    def update(self, step: float, now: float) -> None:
        """Tell that `step` was reached at time `now` (seconds, any clock that only moves forward)."""
        if self._last is None:
            self._last = (step, now)
            return
        steps, seconds = step - self._last[0], now - self._last[1]
        if steps <= 0 or seconds < 0:
            return
        keep = math.exp(-steps / self._scale)
        self._time = self._time * keep + seconds
        self._steps = self._steps * keep + steps
        self._last = (step, now)

    @property
    def seconds_per_step(self) -> float | None:
        """Smoothed duration of one step in seconds, or None before the second update."""
        return self._time / self._steps if self._steps else None

    def eta(self, step: float, total_steps: float) -> float | None:
        """Seconds until `total_steps`, or None while it is not known."""
        pace = self.seconds_per_step
        if pace is None or total_steps <= 0:
            return None
        return max(0.0, total_steps - step) * pace

    def share(self, step: float, total_steps: float, now: float) -> float:
        """How much is done, 0 to 1: by steps or by the time limit, whichever is further."""
        spent = (now - self._began) / self._limit if self._limit else 0.0
        return min(1.0, max(step / total_steps if total_steps else 0.0, spent))

    def left(self, step: float, total_steps: float, now: float) -> float | None:
        """Seconds until the steps or the time limit end, whichever comes first; None while not known."""
        eta = self.eta(step, total_steps)
        if not self._limit:
            return eta
        rest = max(0.0, self._limit - (now - self._began))
        return rest if eta is None else min(eta, rest)
