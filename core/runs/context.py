"""What a wing's `train(spec, ctx)` sees of its run: where to write, what to report, when to end.

The process around it (lock, slot, end event) is worker.py. Nothing here imports a training library.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.runs import checkpoints
from core.runs.events import MetricsLog, plain
from core.runs.pace import Pace
from core.runs.series import RunLog
from core.runs.signals import EpochPoint, Signal, SignalRules, signals
from core.runs.spec import RunSpec
from core.runs.state import CANCEL_FILE, STOP_FILE, RunState, RunStatus, best_epoch, new_status, write_status
from core.tasks import TASKS

Decision = Literal["continue", "stop", "cancel"]

STEP_SECONDS = 0.2
ASK_SECONDS = 0.5


class RunCancelled(BaseException):
    """Ends a training at once because the user cancelled it; no `Exception`, so nothing swallows it."""


class RunTerminated(BaseException):
    """Ends a training at once because the system asked the process to end."""


@dataclass
class TrainResult:
    """What a wing's `train` returns after it wrote the model into `ctx.model_dir`.

    Args:
        report: Contents of `report.json`: `test`, `gold` (or None), `before`, each a dict of metrics.
        kind: What the model folder holds: `adapter`, `full` or `delta`.
    """

    report: dict[str, Any] = field(default_factory=dict)
    kind: str = "full"


class RunContext:
    """One attempt of one run, as its training sees it.

    Usage in a wing: `start` once the number of steps is known, `step` after every update, `epoch` after every
    evaluation (obey what it returns), `checkpoint` after every complete resume point, `should_stop` wherever
    waiting would be long.

    Attributes:
        run_dir: The run folder.
        spec: What was asked for.
        checkpoints: Folder for resume points.
        model_dir: Folder for the finished model.
        console: The console log.
        status: The newest status; saved by `save_status`.
        stop_reason: Why the training was told to end early: "", `asked`, `target`, `patience` ...

    Args:
        run_dir: The run folder; it must exist.
        spec: The run's spec.
        log: The metrics log; opened here without it.
        main_metric: Metric of the stop signals; taken from the table of models without it.
        status: The status so far; a new one without it.
    """

    def __init__(
        self,
        run_dir: Path,
        spec: RunSpec,
        *,
        log: MetricsLog | None = None,
        main_metric: str | None = None,
        status: RunStatus | None = None,
    ) -> None:
        if main_metric is None:
            main_metric = TASKS[spec.task].main_metric if spec.task in TASKS else "score"
        self.run_dir = run_dir
        self.spec = spec
        self.main_metric = main_metric
        targets = TASKS[spec.task].targets if spec.task in TASKS else ()
        title = next((target.title for target in targets if target.metric == main_metric), main_metric)
        self.rules = SignalRules.from_recipe(spec.recipe, title)
        self.console = run_dir / "console.log"
        self.checkpoints = run_dir / "checkpoints"
        self.model_dir = run_dir / "model"
        self.checkpoints.mkdir(exist_ok=True)
        self.model_dir.mkdir(exist_ok=True)
        self.metrics_log = log or MetricsLog(run_dir / "metrics.jsonl")
        self.status = status or new_status(run_dir, spec)
        self.stop_reason = ""
        self._stop_text = ""
        self._began = time.monotonic()
        self._seconds_before = self.status.seconds
        self._history: list[dict[str, Any]] = []
        self._told: set[tuple[str, float]] = set()
        self._pace = Pace()
        self._next_step_at = 0.0
        self._pending: tuple[int, float, dict[str, Any]] | None = None
        self._asked: Literal["stop", "cancel"] | None = None
        self._next_look = 0.0
        self._status_lock = threading.Lock()
        self._dirty = True

    def __enter__(self) -> RunContext:
        return self

    def __exit__(self, *exception: object) -> None:
        self.metrics_log.close()

    @property
    def resume_from(self) -> Path | None:
        """The newest complete checkpoint of this run, or None to begin from the base weights."""
        return checkpoints.newest_checkpoint(self.checkpoints)

    @property
    def stop_text(self) -> str:
        """One sentence on why the training was told to end early, or an empty string."""
        return self._stop_text

    @property
    def seconds(self) -> float:
        """Running time of all attempts so far, in seconds."""
        if self.status.state == RunState.QUEUED:
            return self._seconds_before
        return self._seconds_before + time.monotonic() - self._began

    def start(
        self,
        total_steps: int,
        epochs: float,
        *,
        from_step: int = 0,
        time_limit: float = 0.0,
        time_spent: float = 0.0,
        **info: Any,
    ) -> None:
        """Tell that training begins, or goes on after a checkpoint.

        Everything that was logged after `from_step` by an earlier attempt no longer counts.

        Args:
            total_steps: Updates of the whole training.
            epochs: Epochs of the whole training.
            from_step: Updates already done (0, or those of the checkpoint).
            time_limit: Seconds after which the training ends in any case; 0 = none. Progress and time left
                then follow whichever ends first, the steps or the time.
            time_spent: Seconds of the limit that earlier attempts have used.
            **info: Anything worth keeping: device, number format, trainable parameters, batch size.
        """
        self._pending = None
        self.metrics_log.write(
            "start",
            attempt=self.status.attempt,
            total_steps=int(total_steps),
            epochs=float(epochs),
            from_step=int(from_step),
            main_metric=self.main_metric,
            **({"time_limit": time_limit, "time_spent": time_spent} if time_limit else {}),
            **info,
        )
        now = time.monotonic()
        past = RunLog(self.metrics_log.path)
        past.refresh()
        self._history = list(past.epochs)
        self._told = {(str(event.get("signal")), float(event.get("epoch") or 0)) for event in past.signals}
        scale = total_steps / epochs if epochs else 100.0
        self._pace = Pace(scale, limit=time_limit, began=now - time_spent)
        self._pace.update(from_step, time.monotonic())
        last_epoch = (past.last_epoch or {}).get("epoch") or 0.0
        self._set(
            total_steps=int(total_steps),
            epochs=float(epochs),
            step=int(from_step),
            epoch=epochs * from_step / total_steps if total_steps and from_step else float(last_epoch),
            progress=self._pace.share(int(from_step), int(total_steps), now),
            eta_seconds=None,
            metrics=dict((past.last_epoch or {}).get("metrics") or {}),
            best=best_epoch(self._history, self.main_metric),
            message="Training.",
        )
        self.save_status()

    def step_due(self) -> bool:
        """True if the next `step` would be written; a bridge computes costly metrics only then."""
        return time.monotonic() >= self._next_step_at

    def step(self, step: int, epoch: float, metrics: dict[str, Any]) -> None:
        """Report one update; at most five a second are written, the last before each epoch always.

        Args:
            step: Updates done, from 1.
            epoch: Epochs done, with fraction.
            metrics: Numbers by name; non-finite ones become null.
        """
        now = time.monotonic()
        self._pace.update(step, now)
        total = self.status.total_steps
        self._set(
            step=int(step),
            epoch=float(epoch),
            eta_seconds=self._pace.left(step, total, now),
            progress=self._pace.share(step, total, now),
        )
        if now < self._next_step_at:
            self._pending = (step, epoch, metrics)
            return
        self._next_step_at = now + STEP_SECONDS
        self._pending = None
        self.metrics_log.write("step", step=int(step), epoch=round(float(epoch), 4), metrics=metrics)

    def epoch(self, step: int, epoch: float, metrics: dict[str, Any]) -> Decision:
        """Report one evaluation and learn whether to go on.

        Args:
            step: Updates done.
            epoch: Epochs done.
            metrics: `train_loss`, `val_loss`, the main metric, and whatever else was measured.

        Returns:
            `continue`; `stop`: end now and keep the best weights; `cancel`: end now, nothing is kept.
        """
        if self._pending is not None:
            last_step, last_epoch, last_metrics = self._pending
            self._pending = None
            self.metrics_log.write(
                "step", step=int(last_step), epoch=round(float(last_epoch), 4), metrics=last_metrics
            )
        self._pace.update(step, time.monotonic())
        event = self.metrics_log.write(
            "epoch",
            step=int(step),
            epoch=round(float(epoch), 4),
            metrics=plain(metrics),
            seconds=self.seconds,
        )
        self._history.append(event)
        ending = self._raise_signals(int(step))
        now = time.monotonic()
        self._set(
            step=int(step),
            epoch=float(epoch),
            metrics=event["metrics"],
            best=best_epoch(self._history, self.main_metric),
            eta_seconds=self._pace.left(step, self.status.total_steps, now),
            progress=self._pace.share(step, self.status.total_steps, now),
        )
        self.save_status()
        asked = self.should_stop_now()
        if asked is not None:
            return asked
        if ending is None:
            return "continue"
        self.stop_reason, self._stop_text = ending.kind, ending.text
        return "stop"

    def should_stop(self) -> Literal["stop", "cancel"] | None:
        """What the user asked for, if anything. Cheap: looks at the disk at most twice a second."""
        if self._asked == "cancel":
            return "cancel"
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + ASK_SECONDS
            if (self.run_dir / CANCEL_FILE).exists():
                self._asked = "cancel"
            elif (self.run_dir / STOP_FILE).exists():
                self._asked = "stop"
        if self._asked is not None and not self.stop_reason:
            self.stop_reason, self._stop_text = "asked", "Ended on request."
        return self._asked

    def end_early(self, reason: str, text: str) -> None:
        """Tell why a wing ends its training before all epochs are done; a reason given before stays.

        Args:
            reason: One word: `time` ...
            text: One sentence for the user.
        """
        if not self.stop_reason:
            self.stop_reason, self._stop_text = reason, text

    def should_stop_now(self) -> Literal["stop", "cancel"] | None:
        """The same, looking at the disk in any case."""
        self._next_look = 0.0
        return self.should_stop()

    def checkpoint(self, step: int, path: Path, *, keep: int = 2, best: Path | None = None) -> None:
        """Announce that the folder `path` under `checkpoints` is a complete resume point.

        Older resume points are deleted, except for the newest `keep` and `best`.

        Args:
            step: Updates done in it; name the folder `step-%08d` unless the library names it otherwise.
            path: The folder, fully written.
            keep: How many of the newest stay.
            best: The one with the best score, which stays too.
        """
        size = checkpoints.mark_complete(path, step)
        name = path.relative_to(self.checkpoints).as_posix()
        self.metrics_log.write("checkpoint", step=int(step), path=name, bytes=size)
        checkpoints.prune(self.checkpoints, keep, best)

    def log(self, message: str, **info: Any) -> None:
        """Write a sentence into the log and onto the console."""
        # A console that cannot be written is told by the log, which cannot be written either.
        with contextlib.suppress(OSError):
            print(message, flush=True)
        self.metrics_log.write("log", message=message, **info)

    def set_phase(self, text: str) -> None:
        """Show what happens now where no step can tell: `preparing`, `loading`, `training`, `testing`."""
        self.metrics_log.write("log", message=text, phase=text)
        self._set(message=f"{text[:1].upper()}{text[1:].rstrip('.')}.")
        self.save_status()

    def save_status(self) -> None:
        """Write `status.json`. A full disk must not end a training here: the log is what counts."""
        with self._status_lock:
            self._dirty = False
            status = dataclasses.replace(self.status, updated=time.time(), seconds=round(self.seconds, 2))
            try:
                write_status(self.run_dir, status)
            except OSError:
                self._dirty = True

    def save_status_if_changed(self) -> None:
        """Write `status.json` if anything was reported since; called once a second by the worker."""
        if self._dirty:
            self.save_status()

    def mark_running(self) -> None:
        """Leave the queue: the run has its slot."""
        self._began = time.monotonic()
        self._set(state=RunState.RUNNING, started=time.time(), ended=None, message="Preparing.", hint="")
        self.save_status()

    def finish(self, state: str, message: str, hint: str = "", **extra: Any) -> None:
        """Write the `end` event and the last status. Used by the worker only.

        Args:
            state: One of the ended states.
            message: Why, in one sentence.
            hint: What to do next.
            **extra: More for the event: `version`, `console`.
        """
        event = self.metrics_log.write(
            "end",
            outcome=state,
            message=message,
            hint=hint,
            attempt=self.status.attempt,
            reason=self.stop_reason,
            seconds=round(self.seconds, 2),
            **extra,
        )
        changes: dict[str, Any] = {"progress": 1.0} if state == RunState.COMPLETED else {}
        self._set(
            state=state,
            message=message,
            hint=hint,
            ended=event["t"],
            eta_seconds=None,
            reason=self.stop_reason,
            version=extra.get("version"),
            **changes,
        )
        self.save_status()

    def discard(self) -> None:
        """Delete checkpoints and model of a cancelled run."""
        for folder in (self.checkpoints, self.model_dir):
            shutil.rmtree(folder, ignore_errors=True)

    def _set(self, **changes: Any) -> None:
        self.status = dataclasses.replace(self.status, **changes)
        self._dirty = True

    def _raise_signals(self, step: int) -> Signal | None:
        points = [EpochPoint.of(event, self.main_metric) for event in self._history]
        ending = None
        for signal in signals(points, self.rules):
            if (signal.kind, float(signal.epoch)) in self._told:
                continue
            self._told.add((signal.kind, float(signal.epoch)))
            self.metrics_log.write("signal", step=step, **signal.event())
            if signal.level == "stop" and ending is None:
                ending = signal
        return ending
