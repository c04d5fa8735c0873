"""Promotion of a similarity version on the Models page: libraries first, production stays if that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.embeddings import library as libraries
from core.errors import ModelError
from core.registry import store as registry
from core.workspace import Workspace, write_json_atomic
from dashboard import switching
from tests.pages.conftest import words_of
from tests.pages.similarity_stand_in import StandIn


@pytest.fixture
def versions(workspace: Workspace) -> list[str]:
    """Two registered versions, nothing in production; the shipped library waits for vectors."""
    libraries.shipped_library(ws=workspace)
    made = []
    for name in ("a", "b"):
        run = workspace.run(f"embeddings-{name}")
        (run / "model").mkdir(parents=True)
        (run / "model" / "head.safetensors").write_bytes(name.encode())
        write_json_atomic(run / "spec.json", {"task": "embeddings", "dataset": "pairs@0123abcd"})
        report = {"test": {"spearman": 0.8, "kinds": {}}, "gold": None, "kind": "delta",
                  "base_model": {"name": "minilm", "sha256": "ab" * 32}}  # fmt: skip
        write_json_atomic(run / "report.json", report)
        made.append(registry.register_run(run, ws=workspace).id)
    return made


@pytest.fixture
def loads(monkeypatch) -> None:
    from core.embeddings import predict

    def load(folder: Path, *, ref: str = "") -> StandIn:
        model = StandIn(ref)
        model.path = folder
        return model

    monkeypatch.setattr(predict, "load_folder", load)


def test_the_page_says_that_libraries_are_embedded_first(open_page, versions, workspace) -> None:
    at = open_page("models", task="embeddings")
    at.button(key="promote-v1").click().run()
    assert "Every spec library is re-embedded with it first" in words_of(at)
    assert "production" not in registry.aliases("embeddings", ws=workspace)
    at = open_page("models", task="ner")
    assert "re-embedded" not in words_of(at)


def test_a_switch_embeds_every_library_first(open_page, versions, loads, workspace) -> None:
    switching.switch("embeddings", "v1", note="first")
    assert registry.aliases("embeddings", ws=workspace)["production"] == "v1"
    key = libraries.folder_key(workspace.model("embeddings", "v1"))
    assert all(libraries.is_embedded(one, key) for one in libraries.list_libraries(ws=workspace))
    said = open_page("generate", task="embeddings", tab="libraries")
    assert "embedded with v1" in words_of(said)
    switching.switch("embeddings", "v2")
    switching.switch("embeddings", "v1", back=True)
    assert registry.aliases("embeddings", ws=workspace) | {"candidate": "v2"} == {
        "production": "v1", "previous": "v2", "candidate": "v2",
    }  # fmt: skip


def test_the_bar_counts_passages(versions, loads, monkeypatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(switching.st, "empty", lambda: FakePlace(told))
    switching.switch("embeddings", "v1")
    count = libraries.shipped_library().chunks
    assert told[0].startswith("Checking the files") and told[-1].endswith(f"{count} of {count} passages")


class FakePlace:
    """Keeps what a progress bar would say."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def progress(self, share: float, text: str) -> None:
        assert 0 <= share <= 1
        self.told.append(text)

    def empty(self) -> None:
        pass


def test_production_stays_when_embedding_fails(versions, loads, workspace, monkeypatch) -> None:
    switching.switch("embeddings", "v1")
    from core.embeddings import predict

    def fail(folder: Path, *, ref: str = "") -> StandIn:
        raise ModelError("The model cannot be read.", "Choose another version.")

    monkeypatch.setattr(predict, "load_folder", fail)
    with pytest.raises(ModelError):
        switching.switch("embeddings", "v2")
    assert registry.aliases("embeddings", ws=workspace)["production"] == "v1"
