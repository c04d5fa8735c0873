"""From the events of a Hugging Face Trainer to a run's context. Used by every wing that trains with it.

Which metrics exist and how a model is trained is the wing's; this only carries and obeys.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from core.errors import NonFiniteLossError
from core.runs.context import RunCancelled, RunContext
from core.workspace import read_json, write_json_atomic

RATE_FILE = "learning_rate.json"


class HfBridge(TrainerCallback):
    """Carries a Trainer's progress into a run and the run's stop wishes into the Trainer.

    Usage:
        args = TrainingArguments(
            output_dir=str(ctx.checkpoints), logging_strategy="no", logging_nan_inf_filter=False,
            eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True,
            metric_for_best_model="eval_f1", save_total_limit=None, report_to=[], disable_tqdm=True)
        Trainer(..., args=args, callbacks=[HfBridge(ctx, device="cpu")]).train(resume_from_checkpoint=...)

    What it does:
        - calls `ctx.start` when training begins (total steps, epochs, and the step resumed from);
        - asks the Trainer for a log line at most five times a second and hands it to `ctx.step` with `loss`
          (mean since the line before), `learning_rate`, `grad_norm`, `samples_per_second` and, where the
          Trainer counts tokens, `tokens_per_second`;
        - after each evaluation calls `ctx.epoch` with `train_loss` (mean of the epoch), `val_loss` and every
          other evaluation metric without its `eval_` prefix;
        - announces each saved checkpoint, and keeps the newest two and the best;
        - makes `TrainingArguments.learning_rate` count after a resume: the Trainer alone would go on with the
          rate that is stored in the checkpoint, also after a rollback halved it;
        - ends the training when the run is stopped (after a last evaluation and checkpoint) or cancelled
          (at once);
        - raises `NonFiniteLossError` when the loss is NaN or infinite, always before an evaluation or a
          checkpoint could follow it. `logging_nan_inf_filter` must be off for that.

    Evaluations outside of training (before it, or on the test split) are not epochs and are ignored.

    Args:
        ctx: The run.
        keep: How many of the newest checkpoints stay beside the best.
        **info: More for the `start` event.

    Raises:
        ValueError: At the begin of training, if the Trainer's NaN filter is on.
    """

    def __init__(self, ctx: RunContext, *, keep: int = 2, **info: Any) -> None:
        self.ctx = ctx
        self.keep = keep
        self.info = info
        self._training = False
        self._epoch_open = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **objects: Any
    ) -> None:
        if args.logging_nan_inf_filter:
            raise ValueError(
                "TrainingArguments need logging_nan_inf_filter=False, or a NaN loss stays unseen."
            )
        self._training = True
        self._epoch_open = False
        self._batch = args.train_batch_size * args.gradient_accumulation_steps * max(1, args.world_size)
        self._mark(state)
        self._loss_sum, self._loss_steps = 0.0, 0
        self._logged_step = state.global_step
        if state.global_step:
            _rescale_rate(Path(args.output_dir) / f"checkpoint-{state.global_step}", args, objects)
        self.ctx.start(state.max_steps, state.num_train_epochs, from_step=state.global_step, **self.info)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.ctx.step_due():
            control.should_log = True
        if self.ctx.should_stop() is not None:
            control.should_training_stop = True

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        # A stop waits for the whole update: a resume after half of one would not be exact.
        if self.ctx.should_stop() == "cancel":
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not self._training or not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"The training loss became {loss} at step {state.global_step}.",
                "Lower the learning rate.",
            )
        steps = state.global_step - self._logged_step
        self._logged_step = state.global_step
        self._loss_sum += loss * steps
        self._loss_steps += steps
        metrics = {
            "loss": loss,
            **{name: logs[name] for name in ("learning_rate", "grad_norm") if name in logs},
        }
        seconds = time.monotonic() - self._marked_at
        if seconds > 0:
            metrics["samples_per_second"] = steps * self._batch / seconds
            tokens = _tokens(state) - self._marked_tokens
            if tokens > 0:
                metrics["tokens_per_second"] = tokens / seconds
        self._mark(state)
        self.ctx.step(state.global_step, float(state.epoch or 0.0), metrics)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._close_epoch(state, control, {})
        # The time of the evaluation before must not count as time of the next steps.
        self._mark(state)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.ctx.should_stop() == "cancel":
            control.should_evaluate = control.should_save = control.should_log = False
            control.should_training_stop = True
            return
        # Forces the check of the loss before anything is evaluated or saved.
        control.should_log = True
        self._epoch_open = True

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.ctx.should_stop() == "cancel":
            raise RunCancelled

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if self._training:
            self._epoch_open = True
            self._close_epoch(state, control, metrics or {})

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        write_json_atomic(path / RATE_FILE, {"learning_rate": args.learning_rate})
        best = Path(state.best_model_checkpoint) if state.best_model_checkpoint else None
        self.ctx.checkpoint(state.global_step, path, keep=self.keep, best=best)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._close_epoch(state, control, {})
        self._training = False

    def _close_epoch(self, state: TrainerState, control: TrainerControl, metrics: dict[str, Any]) -> None:
        if not self._epoch_open:
            return
        self._epoch_open = False
        values = _evaluated(metrics)
        if self._loss_steps:
            values["train_loss"] = self._loss_sum / self._loss_steps
        self._loss_sum, self._loss_steps = 0.0, 0
        decision = self.ctx.epoch(state.global_step, float(state.epoch or 0.0), values)
        if decision != "continue":
            control.should_training_stop = True
        if decision == "cancel":
            control.should_save = False

    def _mark(self, state: TrainerState) -> None:
        self._marked_at = time.monotonic()
        self._marked_tokens = _tokens(state)


def _rescale_rate(checkpoint: Path, args: TrainingArguments, objects: dict[str, Any]) -> None:
    try:
        stored = float(read_json(checkpoint / RATE_FILE)["learning_rate"])
    except FileNotFoundError:
        return
    factor = args.learning_rate / stored
    if factor == 1.0:
        return
    scheduler, optimizer = objects["lr_scheduler"], objects["optimizer"]
    scheduler.base_lrs = [rate * factor for rate in scheduler.base_lrs]
    for group in optimizer.param_groups:
        group["lr"] *= factor
        group["initial_lr"] = group.get("initial_lr", group["lr"]) * factor


# Bookkeeping of the Trainer that is no quality of the model.
_NOT_METRICS = (
    "epoch",
    "runtime",
    "samples_per_second",
    "steps_per_second",
    "model_preparation_time",
)


def _evaluated(metrics: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in metrics.items():
        short = name.removeprefix("eval_")
        if short == "loss":
            values["val_loss"] = value
        elif short not in _NOT_METRICS:
            values[short] = value
    return values


def _tokens(state: TrainerState) -> int:
    seen = getattr(state, "num_input_tokens_seen", 0)
    return int(seen) if isinstance(seen, (int, float)) else 0
