"""A metrics log as curves: columns that grow with the log, the last epoch, signals and the end.

Reading lines is log.py; drawing is the dashboard's.
"""

from __future__ import annotations

import threading
from array import array
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.runs.events import LogTail

# Every step and system event lives on in the columns; of the events themselves only the last are kept.
_KEPT = {"step": 500, "stage": 500, "system": 500, "log": 2000}
_CURVES = ("step", "epoch", "stage", "system")
_AXES = ("step", "epoch", "t")


class _Columns:
    """One curve: parallel columns of step, epoch, time and value, in the order of the log."""

    __slots__ = ("epoch", "step", "t", "value")

    def __init__(self) -> None:
        self.step, self.epoch, self.t, self.value = array("d"), array("d"), array("d"), array("d")

    def add(self, step: float, epoch: float, t: float, value: float) -> None:
        self.step.append(step)
        self.epoch.append(epoch)
        self.t.append(t)
        self.value.append(value)

    def cut_after(self, step: float) -> None:
        keep = len(self.step)
        while keep and self.step[keep - 1] > step:
            keep -= 1
        del self.step[keep:], self.epoch[keep:], self.t[keep:], self.value[keep:]


class RunLog:
    """Everything that a page or a status needs from a metrics log, kept up to date by `refresh`.

    When a run goes back to a checkpoint (resume, or a rollback after a non-finite loss), the points after
    that checkpoint are dropped, so that a curve never runs backwards. Threads may share one instance.

    Attributes:
        events_by_kind: The events of each kind; of step and system events only the last 500.
        start: The merged `start` events of the current attempt, or None.
        end: The `end` event, or None while the run has none (a resumed run has none again).
        epochs: The `epoch` events that count, oldest first.
        signals: The `signal` events that count, oldest first.
        system: The newest `system` event, or None.
        last_step: The newest `step` or `epoch` event that counts, or None.
        last_seq: `seq` of the newest event, -1 without events.
        gaps: How often `seq` did not rise by exactly one.

    Args:
        path: The log file, or the run folder that holds `metrics.jsonl`.
    """

    def __init__(self, path: Path) -> None:
        self.tail = LogTail(path / "metrics.jsonl" if path.is_dir() else path)
        self._lock = threading.RLock()
        self._clear()

    def _clear(self) -> None:
        self.events_by_kind: dict[str, deque[dict[str, Any]]] = {}
        self._columns: dict[tuple[str, str], _Columns] = {}
        self.start: dict[str, Any] | None = None
        self.end: dict[str, Any] | None = None
        self.epochs: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []
        self.system: dict[str, Any] | None = None
        self.last_step: dict[str, Any] | None = None
        self.last_seq = -1
        self.gaps = 0
        self.first_t: float | None = None

    @property
    def last_epoch(self) -> dict[str, Any] | None:
        """The newest `epoch` event that counts, or None."""
        return self.epochs[-1] if self.epochs else None

    @property
    def skipped(self) -> int:
        """Whole lines that were not an event."""
        return self.tail.skipped

    @property
    def resets(self) -> int:
        """How often the file was found cut or replaced."""
        return self.tail.resets

    def refresh(self) -> int:
        """Read what is new and return how many events that were."""
        with self._lock:
            resets = self.tail.resets
            events = self.tail.read()
            if self.tail.resets != resets:
                self._clear()
            for event in events:
                self._take(event)
            return len(events)

    def metrics(self, kind: str = "epoch") -> list[str]:
        """The names of all metrics that events of this kind carried, sorted."""
        with self._lock:
            return sorted(name for curve, name in self._columns if curve == kind)

    def series(self, metric: str, by: str = "step", kind: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """One curve as two arrays of equal length.

        Args:
            metric: Name as in the events, for example `loss`.
            by: x axis: `step`, `epoch`, or `t` in seconds since the first event.
            kind: `step`, `epoch`, `stage` or `system`; without it the epoch events for `by="epoch"`, else
                the step events, else whichever kind carries the metric.

        Returns:
            (x, y), float32; a null in the log is NaN. Empty arrays for a metric that never came.

        Raises:
            InputError: If `by` or `kind` is unknown.
        """
        if by not in _AXES:
            raise InputError(f"{by!r} is not an axis.", f"Choose one of: {', '.join(_AXES)}.")
        if kind is not None and kind not in _CURVES:
            raise InputError(f"{kind!r} is not a kind of curve.", f"Choose one of: {', '.join(_CURVES)}.")
        order = (kind,) if kind else (("epoch", "step") if by == "epoch" else ("step", "epoch", "system"))
        with self._lock:
            found = next((self._columns[key] for k in order if (key := (k, metric)) in self._columns), None)
            if found is None:
                return np.empty(0, np.float32), np.empty(0, np.float32)
            x = np.array(getattr(found, by), dtype=np.float64)
            y = np.array(found.value, dtype=np.float32)
        if by == "t":
            # float32 holds a unix time to about two minutes only.
            x -= self.first_t or 0.0
        return x.astype(np.float32), y

    def _take(self, event: dict[str, Any]) -> None:
        kind, seq = event["kind"], event["seq"]
        if seq != self.last_seq + 1:
            self.gaps += 1
        self.last_seq = seq
        if self.first_t is None:
            self.first_t = event["t"]
        if kind != "end":
            # Whatever follows an end belongs to an attempt that goes on.
            self.end = None
        if kind == "start":
            self._begin(event)
        elif kind in ("step", "epoch"):
            self._point(event)
        elif kind == "stage":
            self._stage(event)
        elif kind == "signal":
            self.signals.append(event)
        elif kind == "system":
            self.system = event
            self._columns_of(event, 0.0, 0.0)
        elif kind == "end":
            self.end = event
        kept = self.events_by_kind.get(kind)
        if kept is None:
            kept = self.events_by_kind[kind] = deque(maxlen=_KEPT.get(kind))
        kept.append(event)

    def _begin(self, event: dict[str, Any]) -> None:
        if self.start is not None and event.get("attempt") == self.start.get("attempt"):
            event = {**self.start, **event}
        self.start = event
        back_to = event.get("from_step")
        if not isinstance(back_to, (int, float)):
            return
        for (kind, _), columns in self._columns.items():
            if kind not in ("system", "stage"):
                columns.cut_after(back_to)
        self.epochs = [old for old in self.epochs if _number(old.get("step")) <= back_to]
        self.signals = [old for old in self.signals if _number(old.get("step")) <= back_to]
        if self.last_step is not None and _number(self.last_step.get("step")) > back_to:
            self.last_step = self.last_epoch

    def _point(self, event: dict[str, Any]) -> None:
        step, epoch = _number(event.get("step")), _number(event.get("epoch"))
        self._columns_of(event, step, epoch)
        if event["kind"] == "epoch":
            self.epochs.append(event)
        self.last_step = event

    def _stage(self, event: dict[str, Any]) -> None:
        # A stage that begins again, after a failure, replaces what it logged before.
        step = _number(event.get("step"))
        for (kind, _), columns in self._columns.items():
            if kind == "stage":
                columns.cut_after(step - 1)
        self._columns_of(event, step, 0.0)

    def _columns_of(self, event: dict[str, Any], step: float, epoch: float) -> None:
        metrics = event.get("metrics")
        if not isinstance(metrics, dict):
            return
        kind, t = event["kind"], event["t"]
        for name, value in metrics.items():
            columns = self._columns.get((kind, name))
            if columns is None:
                columns = self._columns[kind, name] = _Columns()
            columns.add(step, epoch, t, _number(value))


def _number(value: Any) -> float:
    # OverflowError: JSON allows whole numbers that no float can hold.
    try:
        return float(value) if isinstance(value, (int, float)) else float("nan")
    except OverflowError:
        return float("nan")
