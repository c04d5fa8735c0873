"""A similarity training inside a run folder: log, report, version, stop and cancel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.datasets.store import create_dataset, get_dataset
from core.embeddings import train as room
from core.embeddings.bases import told_topics
from core.embeddings.predict import load_model
from core.embeddings.recipe import build_recipe
from core.errors import BaseModelError
from core.runs.checkpoints import BEGINNING_FILE
from core.runs.context import RunCancelled, RunContext
from core.runs.log import LogTail
from core.runs.spec import RunSpec
from core.workspace import Workspace, read_json, write_json_atomic
from tests.core.embeddings.tiny import toy_pairs

VALUES = {
    "epochs": 2,
    "learning_rate": 3e-3,
    "freeze_layers": 0,
    "precision": "fp32",
    "threads": 1,
    "batch_size": 16,
    "first_stage": "simcse",
    "first_epochs": 1,
    "first_texts": 40,
    "on_target": "off",
    "on_patience": "off",
}


@pytest.fixture
def begin(
    workspace: Workspace, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """`begin(**recipe)` gives a run context with toy pairs and a gold set; there is no starter."""
    monkeypatch.setattr("core.workspace.STARTER_DIR", tmp_path / "starter")
    splits = {"train": toy_pairs(200), "val": toy_pairs(40, 1), "test": toy_pairs(40, 2)}
    data = create_dataset("embeddings", "toy", splits, {
        "source": {"kind": "generated"}, "topics": {"train": ["poles", "arms"], "test": ["guys"]},
    })  # fmt: skip
    gold = create_dataset("embeddings", "real", {"test": toy_pairs(24, 3)}, {}, role="gold")
    opened: list[RunContext] = []

    def make(base: str = str(tiny_encoder), **changes: Any) -> RunContext:
        run_dir = workspace.run(f"r{len(opened) + 1}")
        run_dir.mkdir(parents=True)
        recipe = build_recipe("fast", {**VALUES, **changes}).model_dump()
        spec = RunSpec(
            task="embeddings",
            recipe=recipe,
            preset="fast",
            dataset=data.id,
            gold=gold.id,
            base_model=base,
        )
        spec.save(run_dir)
        opened.append(RunContext(run_dir, spec))
        return opened[-1]

    yield make
    for context in opened:
        context.metrics_log.close()


def events(context: RunContext, kind: str) -> list[dict]:
    return [event for event in LogTail(context.metrics_log.path).read() if event["kind"] == kind]


def test_reading_the_pairs_is_shown_and_can_be_cancelled(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    context = begin(first_stage="none")
    said: list[str] = []

    def save() -> None:
        said.append(context.status.message)
        if said[-1].startswith("Reading"):
            (context.run_dir / "cancel").touch()
            context._next_look = 0.0

    monkeypatch.setattr(context, "save_status", save)
    with pytest.raises(RunCancelled):
        room.train(context.spec, context)
    texts = len({row[side] for row in toy_pairs(200) for side in ("a", "b")})
    assert f"Reading the texts of the pairs: {texts} of {texts}." in said


def test_a_run_logs_stores_and_reports(begin: Any, workspace: Workspace) -> None:
    context = begin()
    report = room.train(context.spec, context).report
    assert report["kind"] == "delta" and report["test"]["spearman"] > 0.4
    assert (
        set(report["stress"]) == {"edits", "share", "copies", "known"} and len(report["stress"]["known"]) == 3
    )
    begun = read_json(context.run_dir / BEGINNING_FILE)
    assert begun["name"] and len(begun["sha256"]) == 64
    assert set(report["general"]) == {"before", "after", "lost"}
    assert report["before"]["model"] == "base" and report["before"]["test"]["pairs"] == 40
    epochs = events(context, "epoch")
    assert [event["epoch"] for event in epochs] == [1, 2]
    assert epochs[-1]["metrics"].keys() >= {
        "train_loss",
        "val_loss",
        "spearman",
        "pearson",
        "spearman_cosine",
        "general_spearman",
        "general_loss",
    }
    stages = events(context, "stage")
    assert stages[-1]["step"] == stages[-1]["total"] == 3 and stages[-1]["metrics"]["first_loss"] > 0
    assert -1 <= events(context, "start")[0]["general_before"] <= 1
    assert any("First stage" in event.get("message", "") for event in events(context, "log"))

    write_json_atomic(context.run_dir / "report.json", report)
    from core.registry.store import register_run

    version = register_run(context.run_dir, ws=workspace)
    assert load_model("candidate", ws=workspace).path == version.path
    from core.embeddings.evaluate import evaluate

    assert (
        evaluate(load_model("candidate", ws=workspace), toy_pairs(24, 3))["spearman"]
        == report["gold"]["spearman"]
    )


def test_a_cancel_ends_it_without_a_model(begin: Any) -> None:
    context = begin()
    (context.run_dir / "cancel").touch()
    with pytest.raises(RunCancelled):
        room.train(context.spec, context)
    assert not any(context.model_dir.glob("*.safetensors"))


def test_a_stop_keeps_the_best_weights(begin: Any) -> None:
    context = begin(first_stage="none")
    (context.run_dir / "stop").touch()
    report = room.train(context.spec, context).report
    assert report["kind"] == "delta" and any(context.model_dir.glob("*.safetensors"))


def test_a_training_goes_on_from_a_version_and_says_so(begin: Any, workspace: Workspace) -> None:
    from core.registry.store import register_run

    first = begin(epochs=1)
    write_json_atomic(first.run_dir / "report.json", room.train(first.spec, first).report)
    parent = register_run(first.run_dir, ws=workspace)
    again = begin(parent.id, epochs=1, first_stage="none")
    report = room.train(again.spec, again).report
    assert report["base_model"]["name"] == parent.base_model != parent.id
    assert [made["name"] for made in report["origin"]["parents"]] == [parent.id]
    assert any(parent.id in event.get("message", "") for event in events(again, "log"))
    write_json_atomic(again.run_dir / "report.json", report)
    version = register_run(again.run_dir, ws=workspace)
    assert version.base_model == parent.base_model and load_model(version.id, ws=workspace).trained
    assert told_topics(parent) == told_topics(version) == ["arms", "poles"]


def test_what_an_imported_dataset_taught_cannot_be_told(begin: Any, workspace: Workspace) -> None:
    from core.registry.store import register_run

    context = begin(epochs=1, first_stage="none")
    card = get_dataset("embeddings", context.spec.dataset).path / "card.json"
    write_json_atomic(card, {key: value for key, value in read_json(card).items() if key != "topics"})
    write_json_atomic(context.run_dir / "report.json", room.train(context.spec, context).report)
    assert told_topics(register_run(context.run_dir, ws=workspace)) is None


def test_a_version_that_is_not_there_is_named(begin: Any) -> None:
    context = begin("v7")
    with pytest.raises(BaseModelError, match="'v7'"):
        room.train(context.spec, context)
