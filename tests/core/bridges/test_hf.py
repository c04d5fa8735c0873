"""The Hugging Face bridge on a real Trainer with a model of a few hundred weights."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from core.bridges.hf import HfBridge
from core.errors import NonFiniteLossError
from core.runs.context import RunCancelled, RunContext
from core.runs.log import LogTail, RunLog
from core.runs.spec import RunSpec


class Rows(torch.utils.data.Dataset):
    """A line with noise; x (1,), labels (1,)."""

    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.rand(count, 1, generator=generator)
        self.y = 3 * self.x + 1

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict:
        return {"x": self.x[index], "labels": self.y[index]}


class Line(nn.Module):
    """y = a x + b; `poison` is called before each forward pass and may change the loss."""

    def __init__(self, poison=None) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.poison = poison

    def forward(self, x, labels=None):
        y = self.layer(x)
        loss = ((y - labels) ** 2).mean()
        if self.poison is not None and self.training:
            loss = self.poison(loss)
        return {"loss": loss, "logits": y}


@pytest.fixture
def ctx(run_dir: Path):
    with RunContext(run_dir, RunSpec.load(run_dir)) as context:
        yield context


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    recipe = {"patience": 2, "on_patience": "stop", "target": 0.99}
    RunSpec(task="ner", recipe=recipe, dataset="toy@12345678").save(tmp_path)
    return tmp_path


def trainer(ctx, model=None, *, epochs=3, rate=0.05, score=None, extra=(), **changes):
    values = {
        "output_dir": str(ctx.checkpoints),
        "num_train_epochs": epochs,
        "per_device_train_batch_size": 4,
        "learning_rate": rate,
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
        "seed": 1,
        "remove_unused_columns": False,
        "lr_scheduler_type": "constant",
        **changes,
    }
    calls = iter(range(1000))
    scored = (lambda prediction: {"f1": next(calls) / 100}) if score is None else score
    return Trainer(
        model=model or Line(),
        args=TrainingArguments(**values),
        train_dataset=Rows(40),
        eval_dataset=Rows(12),
        compute_metrics=scored,
        callbacks=[HfBridge(ctx, device="cpu"), *extra],
    )


def log_of(ctx):
    log = RunLog(ctx.run_dir)
    log.refresh()
    return log


class At(TrainerCallback):
    """Does something once when a step is done."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            self.action()


def test_a_training_becomes_events(ctx):
    trainer(ctx, load_best_model_at_end=True, metric_for_best_model="eval_f1").train()
    log = log_of(ctx)
    assert log.gaps == 0
    start = log.start
    assert (start["total_steps"], start["epochs"], start["from_step"], start["device"]) == (30, 3, 0, "cpu")
    assert [(event["step"], event["epoch"]) for event in log.epochs] == [(10, 1), (20, 2), (30, 3)]
    for event in log.epochs:
        assert set(event["metrics"]) == {"train_loss", "val_loss", "f1"}
        assert event["metrics"]["val_loss"] > 0
    losses = [event["metrics"]["train_loss"] for event in log.epochs]
    assert losses[0] > losses[1] > losses[2]
    first = log.events_by_kind["step"][0]
    assert first["step"] == 1
    assert {"loss", "learning_rate", "grad_norm", "samples_per_second"} <= set(first["metrics"])
    saved = [event["path"] for event in log.events_by_kind["checkpoint"]]
    assert saved == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    assert ctx.status.best["f1"] == 0.02


def test_the_mean_loss_of_an_epoch_is_the_mean_of_its_steps(ctx):
    seen = []

    def watch(loss):
        seen.append(float(loss.detach()))
        return loss

    trainer(ctx, Line(watch), epochs=2).train()
    means = [sum(seen[:10]) / 10, sum(seen[10:]) / 10]
    assert [event["metrics"]["train_loss"] for event in log_of(ctx).epochs] == pytest.approx(means, rel=1e-5)


def test_the_newest_two_checkpoints_and_the_best_stay(ctx):
    scores = iter([0.9, 0.1, 0.2, 0.3, 0.4])
    run = trainer(
        ctx,
        epochs=5,
        score=lambda _: {"f1": next(scores)},
        load_best_model_at_end=True,
        metric_for_best_model="eval_f1",
    )
    ctx.rules = type(ctx.rules)(metric="f1", on_patience="off")
    run.train()
    assert sorted(path.name for path in ctx.checkpoints.iterdir()) == [
        "checkpoint-10",
        "checkpoint-40",
        "checkpoint-50",
    ]
    assert ctx.resume_from.name == "checkpoint-50"


def test_patience_stops_the_trainer(ctx):
    run = trainer(ctx, epochs=9, score=lambda _: {"f1": 0.5})
    run.train()
    assert run.state.global_step == 30
    assert ctx.stop_reason == "patience"


def test_stop_evaluates_and_saves_once_more(ctx):
    run = trainer(ctx, extra=[At(14, (ctx.run_dir / "stop").touch), At(14, ctx.should_stop_now)])
    run.train()
    assert run.state.global_step == 15
    last = log_of(ctx).last_epoch
    assert (last["step"], last["epoch"]) == (15, 1.5)
    assert ctx.resume_from.name == "checkpoint-15"
    assert ctx.stop_reason == "asked"


def test_cancel_neither_evaluates_nor_saves(ctx):
    run = trainer(ctx, extra=[At(14, (ctx.run_dir / "cancel").touch), At(14, ctx.should_stop_now)])
    run.train()
    assert run.state.global_step == 15
    assert [event["step"] for event in log_of(ctx).epochs] == [10]
    assert ctx.resume_from.name == "checkpoint-10"


def test_cancel_during_an_evaluation_ends_it(ctx):
    run = trainer(ctx)
    (ctx.run_dir / "cancel").touch()
    ctx.should_stop_now()
    with pytest.raises(RunCancelled):
        run.evaluate()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_non_finite_loss_is_raised_before_anything_is_saved(ctx, bad):
    calls = []

    def poison(loss):
        calls.append(1)
        return loss * bad if len(calls) == 20 else loss

    with pytest.raises(NonFiniteLossError, match="at step 20"):
        trainer(ctx, Line(poison)).train()
    assert ctx.resume_from.name == "checkpoint-10"
    assert [event["step"] for event in log_of(ctx).epochs] == [10]


def test_the_nan_filter_must_be_off(ctx):
    with pytest.raises(ValueError, match="logging_nan_inf_filter"):
        trainer(ctx, logging_nan_inf_filter=True).train()


def test_evaluations_outside_of_training_are_no_epochs(ctx):
    run = trainer(ctx, epochs=1)
    run.evaluate()
    run.train()
    run.evaluate()
    assert len(log_of(ctx).epochs) == 1


def test_without_evaluation_epochs_are_told_all_the_same(ctx):
    trainer(ctx, eval_strategy="no").train()
    log = log_of(ctx)
    assert [event["step"] for event in log.epochs] == [10, 20, 30]
    assert set(log.last_epoch["metrics"]) == {"train_loss"}


def test_accumulated_batches_are_one_step(ctx):
    trainer(ctx, gradient_accumulation_steps=5, epochs=2).train()
    log = log_of(ctx)
    assert log.start["total_steps"] == 4
    assert [event["step"] for event in log.epochs] == [2, 4]


def test_a_resumed_training_ends_with_the_same_weights(ctx, tmp_path):
    torch.manual_seed(5)
    model = Line()
    whole = trainer(ctx, _copy(model))
    whole.train()
    other = tmp_path / "other"
    other.mkdir()
    RunSpec.load(ctx.run_dir).save(other)
    with RunContext(other, RunSpec.load(other)) as second:
        trainer(
            second, _copy(model), extra=[At(20, (other / "stop").touch), At(20, second.should_stop_now)]
        ).train()
    (other / "stop").unlink()
    with RunContext(other, RunSpec.load(other)) as third:
        resumed = trainer(third, Line())
        resumed.train(resume_from_checkpoint=str(third.resume_from))
    assert resumed.state.global_step == 30
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    found = LogTail(other / "metrics.jsonl").read()
    assert [event["seq"] for event in found] == list(range(len(found)))


def test_a_halved_rate_counts_after_going_back(ctx):
    trainer(ctx, epochs=2, rate=0.04, extra=[At(10, (ctx.run_dir / "stop").touch)]).train()
    (ctx.run_dir / "stop").unlink()
    with RunContext(ctx.run_dir, RunSpec.load(ctx.run_dir)) as again:
        trainer(again, epochs=3, rate=0.02).train(resume_from_checkpoint=str(again.resume_from))
    _, rates = log_of(ctx).series("learning_rate")
    assert rates[0] == pytest.approx(0.04)
    assert rates[-1] == pytest.approx(0.02)


def _copy(model):
    other = Line()
    other.load_state_dict(model.state_dict())
    return other
