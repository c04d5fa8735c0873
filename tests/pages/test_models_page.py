"""The Models page: versions, promotion, going back, history."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.registry import store as registry
from core.workspace import Workspace, write_json_atomic
from tests.pages.conftest import buttons, words_of

REPORT = {
    "test": {"f1": 0.94, "precision": 0.93, "labels": {"MEASURE": {"f1": 0.9, "support": 3}}},
    "gold": {"f1": 0.87, "precision": 0.8, "labels": {}},
    "before": {"test": {"f1": 0.01}, "gold": {"f1": 0.0}},
    "base_model": {"name": "minilm", "sha256": "ab" * 32},
}


@pytest.fixture
def versions(workspace: Workspace) -> list[str]:
    """Two versions of the workspace, v1 in production."""
    made = []
    for name in ("a", "b"):
        run = workspace.run(f"ner-{name}")
        (run / "model").mkdir(parents=True)
        (run / "model" / "model.safetensors").write_bytes(name.encode())
        spec = {
            "task": "ner",
            "dataset": "poles@0123abcd",
            "dataset_hash": "0123abcd" * 8,
            "preset": "fast",
            "seed": 7,
        }
        write_json_atomic(run / "spec.json", spec)
        write_json_atomic(run / "report.json", REPORT)
        made.append(registry.register_run(run, ws=workspace).id)
    registry.promote("ner", "v1", ws=workspace)
    return made


def test_figures_of_real_and_generated_data_stand_side_by_side(open_page, versions) -> None:
    said = words_of(open_page("models"))
    assert "0.870" in said
    assert "0.940" in said
    assert "✓ target met" in said
    assert "▲ close to target" in said
    assert "In production: v1" in said
    assert "candidate" in said


def test_promoting_asks_first(open_page, versions, workspace) -> None:
    at = open_page("models")
    at.button(key="promote-v2").click().run()
    assert "Use v2" in buttons(at)
    assert registry.aliases("ner", ws=workspace)["production"] == "v1"


def test_history_and_way_back(open_page, versions, workspace) -> None:
    registry.promote("ner", "v2", note="better on <poles>", ws=workspace)
    at = open_page("models")
    assert "Go back to v1" in buttons(at)
    assert "better on &lt;poles&gt;" in words_of(at)


def test_changed_files_are_found(open_page, versions, workspace) -> None:
    path: Path = workspace.model("ner", "v2") / "model.safetensors"
    path.write_bytes(b"x")
    at = open_page("models")
    at.button(key="verify-v2").click().run()
    assert "model.safetensors" in at.error[0].value


def test_a_broken_version_is_named_and_the_rest_is_shown(open_page, versions, workspace) -> None:
    (workspace.model("ner", "v2") / "manifest.json").write_text("{", encoding="utf-8")
    said = words_of(open_page("models"))
    assert "✗ v2" in said
    assert "v1" in said


def test_empty_workspace_without_starter(open_page, monkeypatch, tmp_path) -> None:
    from core import workspace as places

    monkeypatch.setattr(places, "STARTER_DIR", tmp_path / "none")
    at = open_page("models")
    assert buttons(at) == ["Launch training"]
