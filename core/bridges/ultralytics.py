"""From the events of the ultralytics trainer to a run's context. Used by the detector's wing.

Which metrics exist and how a model is trained is the wing's; this only carries and obeys.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import NonFiniteLossError
from core.runs.context import RunCancelled, RunContext

LOSSES = {"box_loss": "box_loss", "cls_loss": "class_loss", "dfl_loss": "edge_loss"}


class UltralyticsBridge:
    """Carries a trainer's progress into a run and the run's stop wishes into the trainer.

    Usage:
        bridge = UltralyticsBridge(ctx, keep_best=best.offer)
        trainer = DetectorTrainer(job, callbacks=bridge.callbacks())
        trainer.run()

    What it does:
        - calls `ctx.start` when training begins (updates, epochs, and the update resumed from);
        - hands `loss`, the three parts of it, `learning_rate` and `images_per_second` to `ctx.step`, at most
          five times a second;
        - after each validation calls `ctx.epoch` with `train_loss`, `val_loss`, their parts (`box_loss`,
          `val_box_loss` ...) and every figure of the validator;
        - offers the averaged weights of each epoch to `keep_best`, then writes a resume point, in that
          order, so that a resumed run never lacks its best weights;
        - ends the training when the run is stopped (after a last validation) or cancelled (at once);
        - raises `NonFiniteLossError` when the loss is NaN or infinite, before anything is validated or
          stored.

    Args:
        ctx: The run.
        keep_best: Called with (trainer, figures) after each validation.
        after_epoch: Called with (trainer, number of the epoch) after the resume point is written.
        keep: How many of the newest resume points stay.
        **info: More for the `start` event.
    """

    def __init__(
        self,
        ctx: RunContext,
        *,
        keep_best: Callable[[Any, dict[str, float]], None],
        after_epoch: Callable[[Any, int], None] | None = None,
        keep: int = 2,
        **info: Any,
    ) -> None:
        self.ctx = ctx
        self.keep_best = keep_best
        self.after_epoch = after_epoch
        self.keep = keep
        self.info = info

    def callbacks(self) -> dict[str, list[Callable]]:
        """The functions that the trainer calls, by the library's event names."""
        return {
            "on_train_start": [self.on_train_start],
            "on_train_epoch_start": [self.on_train_epoch_start],
            "on_train_batch_end": [self.on_train_batch_end],
            "on_train_epoch_end": [self.on_train_epoch_end],
            "on_val_batch_start": [self.on_val_batch_start],
            "on_fit_epoch_end": [self.on_fit_epoch_end],
        }

    def on_train_start(self, trainer: Any) -> None:
        """Announce the training."""
        total = max(1, int(trainer.updates_an_epoch * trainer.epochs))
        self.ctx.start(
            total, trainer.epochs, from_step=trainer.updates, time_limit=trainer.job.recipe.minutes * 60,
            time_spent=trainer.seconds, **self.info,
        )  # fmt: skip

    def on_train_epoch_start(self, trainer: Any) -> None:
        """Begin counting the epoch's losses."""
        self._batches = 0
        self._images = 0
        self._marked_at = time.monotonic()

    def on_train_batch_end(self, trainer: Any) -> None:
        """Report an update, look for stop wishes, and check the loss."""
        self._batches += 1
        self._images += trainer.batch_size
        asked = self.ctx.should_stop()
        if asked == "cancel":
            raise RunCancelled
        if asked == "stop":
            trainer.stop = True
        elif trainer.out_of_time and not trainer.stop:
            limit = trainer.job.recipe.minutes
            self.ctx.end_early("time", f"The time limit of {limit:g} minutes is reached.")
            trainer.stop = True
        last = self._batches == len(trainer.train_loader)
        if not (self.ctx.step_due() or last or trainer.stop):
            return
        values = _named(trainer.loss_items)
        self._check(sum(values.values()), trainer)
        seconds = max(time.monotonic() - self._marked_at, 1e-6)
        metrics = {
            "loss": sum(values.values()),
            **values,
            "learning_rate": trainer.optimizer.param_groups[0]["lr"],
            "images_per_second": self._images / seconds,
        }
        self._images, self._marked_at = 0, time.monotonic()
        epoch = trainer.epoch + self._batches / len(trainer.train_loader)
        self.ctx.step(trainer.updates, epoch, metrics)

    def on_train_epoch_end(self, trainer: Any) -> None:
        """Check the loss before anything is validated."""
        self._check(float(trainer.loss.detach()), trainer)

    def on_val_batch_start(self, validator: Any) -> None:
        """Leave at once when the run is cancelled."""
        if self.ctx.should_stop() == "cancel":
            raise RunCancelled

    def on_fit_epoch_end(self, trainer: Any) -> None:
        """Report the epoch, keep its weights if they are the best, write a resume point, and decide."""
        figures = dict(trainer.validator.metrics.figures)
        train = _named(trainer.tloss)
        val = {
            f"val_{ours}": float(trainer.metrics[f"val/{theirs}"])
            for theirs, ours in LOSSES.items()
            if f"val/{theirs}" in trainer.metrics
        }
        metrics = {
            **figures,
            "fitness": float(trainer.fitness),
            "train_loss": sum(train.values()),
            "val_loss": sum(val.values()),
            **train,
            **val,
        }
        self._check(metrics["val_loss"], trainer)
        number = trainer.epoch + 1
        self.keep_best(trainer, metrics)
        decision = self.ctx.epoch(trainer.updates, number, metrics)
        if decision == "cancel":
            raise RunCancelled
        self._write_point(trainer)
        if self.after_epoch is not None:
            self.after_epoch(trainer, number)
        if decision == "stop":
            trainer.stop = True

    def _write_point(self, trainer: Any) -> None:
        folder = self.ctx.checkpoints / f"step-{trainer.updates:08d}"
        part: Path = self.ctx.checkpoints / f".{folder.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        trainer.save_point(part)
        part.rename(folder)
        self.ctx.checkpoint(trainer.updates, folder, keep=self.keep)

    def _check(self, loss: float, trainer: Any) -> None:
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"The loss became {loss} in epoch {trainer.epoch + 1}.", "Lower the learning rate."
            )


def _named(losses: dict[str, Any] | None) -> dict[str, float]:
    """The library's loss parts under our names."""
    return {ours: float(losses[theirs]) for theirs, ours in LOSSES.items() if losses and theirs in losses}
