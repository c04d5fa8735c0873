"""A NER training inside a run folder: log, report, version, second chances."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.datasets.store import create_dataset
from core.ner import train as room
from core.ner.predict import load_folder
from core.ner.recipe import build_recipe
from core.ner.trainer import NerTrainer
from core.runs.context import RunCancelled, RunContext
from core.runs.log import LogTail
from core.runs.spec import RunSpec
from core.workspace import Workspace, write_json_atomic
from tests.core.ner.tiny import toy_rows

VALUES = {
    "epochs": 3, "learning_rate": 5e-3, "freeze_embeddings": False, "precision": "fp32", "threads": 1,
    "on_target": "off", "on_patience": "off",
}  # fmt: skip


@pytest.fixture
def begin(workspace: Workspace, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`begin(**recipe)` gives a run context with a toy dataset and a gold set; there is no starter."""
    monkeypatch.setattr("core.workspace.STARTER_DIR", tmp_path / "starter")
    splits = {"train": toy_rows(160), "val": toy_rows(24, 1), "test": toy_rows(30, 2)}
    data = create_dataset("ner", "toy", splits, {"source": {"kind": "generated"}})
    gold = create_dataset("ner", "real", {"test": toy_rows(20, 3)}, {}, role="gold")
    opened: list[RunContext] = []

    def make(**changes: Any) -> RunContext:
        run_dir = workspace.run("r1")
        run_dir.mkdir(parents=True)
        recipe = build_recipe("fast", {**VALUES, **changes}).model_dump()
        spec = RunSpec(
            task="ner", recipe=recipe, preset="fast", dataset=data.id, gold=gold.id, base_model=str(tiny)
        )
        spec.save(run_dir)
        opened.append(RunContext(run_dir, spec))
        return opened[-1]

    yield make
    for context in opened:
        context.metrics_log.close()


def events(context: RunContext, kind: str) -> list[dict]:
    return [event for event in LogTail(context.metrics_log.path).read() if event["kind"] == kind]


def test_a_run_logs_stores_and_reports(begin: Any, workspace: Workspace) -> None:
    context = begin()
    result = room.train(context.spec, context)
    report = result.report
    assert result.kind == report["kind"] == "delta"
    assert report["test"]["f1"] > 0.6 and report["gold"]["f1"] > 0.6
    assert report["before"]["model"] == "base" and report["before"]["gold"]["f1"] < report["gold"]["f1"]
    assert set(report["test"]["labels"]) == set(room.LABELS)
    epochs = events(context, "epoch")
    assert [event["epoch"] for event in epochs] == [1, 2, 3]
    assert epochs[-1]["metrics"].keys() >= {
        "train_loss",
        "val_loss",
        "f1",
        "precision",
        "recall",
        "f1_STANDARD",
    }
    (start,) = events(context, "start")
    assert start["total_steps"] == 30 and start["learning_rate"] == 5e-3 and start["precision"] == "fp32"
    assert events(context, "step") and events(context, "checkpoint")

    write_json_atomic(context.run_dir / "report.json", report)
    from core.registry.store import open_version, register_run

    version = register_run(context.run_dir, ws=workspace)
    assert version.metrics["after"]["gold"]["f1"] == pytest.approx(report["gold"]["f1"])
    assert open_version("ner", "candidate").id == version.id
    # What was reported is what is loaded.
    from core.ner.evaluate import evaluate

    assert evaluate(load_folder(version.path), toy_rows(20, 3))["f1"] == report["gold"]["f1"]


def test_lora_tells_which_learning_rate_holds(begin: Any) -> None:
    context = begin(method="lora", lora_learning_rate=1e-2)
    result = room.train(context.spec, context)
    assert result.kind == "adapter"
    (start,) = events(context, "start")
    assert start["learning_rate"] == 1e-2 and start["trainable"] < start["parameters"]
    assert any("adapter learning rate" in event["message"] for event in events(context, "log"))


def test_a_loss_that_is_no_number_goes_back_and_halves_the_rate(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_loss, poisoned_at = NerTrainer.compute_loss, [14]

    def poisoned(self: NerTrainer, *args: Any, **kwargs: Any) -> Any:
        loss = true_loss(self, *args, **kwargs)
        if self.state.global_step in poisoned_at:
            poisoned_at.remove(self.state.global_step)
            return loss * float("inf")
        return loss

    monkeypatch.setattr(NerTrainer, "compute_loss", poisoned)
    context = begin()
    result = room.train(context.spec, context)
    starts = events(context, "start")
    assert [start["from_step"] for start in starts] == [0, 10]
    assert starts[1]["learning_rate"] == starts[0]["learning_rate"] / 2
    assert result.report["test"]["f1"] > 0.4


def test_out_of_memory_halves_the_batch_and_goes_on(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    true_step = NerTrainer.training_step

    def tight(self: NerTrainer, model: Any, inputs: dict, *args: Any, **kwargs: Any) -> Any:
        if len(inputs["input_ids"]) > 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return true_step(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(NerTrainer, "training_step", tight)
    context = begin()
    result = room.train(context.spec, context)
    starts = events(context, "start")
    assert (starts[-1]["batch_size"], starts[-1]["accumulation"], starts[-1]["total_steps"]) == (8, 2, 30)
    assert result.report["test"]["f1"] > 0.6


def test_stop_keeps_the_best_weights(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    context = begin(epochs=50, warmup=0.0)
    monkeypatch.setattr(context, "epoch", lambda step, epoch, metrics: "stop" if epoch >= 2 else "continue")
    result = room.train(context.spec, context)
    assert result.report["test"]["f1"] > 0.3
    assert (context.model_dir / "delta.safetensors").is_file()


def test_cancel_ends_at_once(begin: Any) -> None:
    context = begin(epochs=50)
    (context.run_dir / "cancel").touch()
    with pytest.raises(RunCancelled):
        room.train(context.spec, context)
    assert not list(context.model_dir.iterdir())
