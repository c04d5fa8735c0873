"""The model card: what a version scored, how it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.registry.store import register_run
from core.workspace import Workspace, write_json_atomic


def registered(workspace: Workspace, task: str, report: dict):
    run = workspace.run("run-a")
    (run / "model").mkdir(parents=True)
    (run / "model" / "delta.safetensors").write_bytes(b"layers")
    write_json_atomic(run / "spec.json", {"task": task, "dataset": "poles@0123abcd"})
    write_json_atomic(run / "report.json", {"kind": "delta", "base_model": "minilm", **report})
    return register_run(run, ws=workspace)


def card(path: Path) -> str:
    return (path / "card.md").read_text(encoding="utf-8")


def test_a_similarity_card_tells_figures_checks_and_the_loading_interface(workspace: Workspace) -> None:
    kinds = {"number": {"spearman": None, "mean": 0.41, "given": 0.45, "pairs": 9}}
    report = {
        "test": {"spearman": 0.9, "pearson": 0.91, "kinds": kinds, "points": [[0.1, 0.2, "number"]]},
        "stress": {"share": 0.93, "copies": {"mean": 0.98, "least": 0.9}, "edits": {}, "known": []},
        "general": {"before": 0.81, "after": 0.8, "lost": 0.01},
        "before": {"test": {"spearman": 0.1}, "stress": {"share": 0.02, "copies": {"mean": 0.99}}},
    }
    version = registered(workspace, "embeddings", report)
    assert version.metrics["after"]["stress"] == {"share": 0.93, "copies": 0.98}
    assert version.metrics["before"]["general"] == {"spearman": 0.81}
    assert "points" not in version.metrics["after"]["test"]
    assert "sentence-transformers" in version.manifest["libraries"]
    text = card(version.path)
    assert "| test split | spearman | 0.1000 | 0.9000 |" in text
    assert "| test split | mean score of number (given 0.4500) | – | 0.4100 |" in text
    assert "| stress test | single edits that drop the score by > 0.2 | 0.0200 | 0.9300 |" in text
    assert "| everyday sentences | spearman | 0.8100 | 0.8000 |" in text
    assert 'load_model("v1")' in text and "model.encode" in text and "head.safetensors" in text
    assert "$" not in text


@pytest.mark.parametrize("task", ["ner", "yolo"])
def test_every_model_says_how_it_is_loaded(workspace: Workspace, task: str) -> None:
    version = registered(workspace, task, {"test": {"f1": 0.5}})
    assert f"from core.{task}.predict import load_model" in card(version.path)
    assert set(version.metrics["after"]) == {"test", "gold"}
