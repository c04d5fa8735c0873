"""Indexes of passages are read once a process, never for another model, library or edition of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.embeddings import library as libraries
from core.embeddings.library import Library
from core.workspace import Workspace
from dashboard import embeddings_find as room
from tests.pages.similarity_stand_in import StandIn


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(library, model) of every index that was read or made."""
    calls: list[tuple[str, str]] = []
    real = libraries.embed_library

    def counted(library: Library, model: StandIn, *, progress=None):
        calls.append((library.name, model.ref))
        return real(library, model, progress=progress)

    monkeypatch.setattr(libraries, "embed_library", counted)
    monkeypatch.setattr(libraries, "model_key", lambda model: f"key-{model.ref}")
    return calls


def stored(workspace: Workspace, folder: Path, name: str) -> Library:
    file = folder / f"{name}.md"
    file.write_text("# Guys\n\nA guy beside a path has a guard of 8 ft.\n", encoding="utf-8")
    return libraries.import_library([file], name=name, ws=workspace)


def test_an_index_is_kept_by_library_and_model(workspace: Workspace, tmp_path: Path, made) -> None:
    one, other = stored(workspace, tmp_path, "one"), stored(workspace, tmp_path, "other")
    first = room.index_of(one, StandIn("v1"))
    assert room.index_of(one, StandIn("v1")) is first and first.key == "key-v1"
    assert room.index_of(one, StandIn("v2")).key == "key-v2"
    assert room.index_of(other, StandIn("v1")) is not first
    assert made == [("one", "v1"), ("one", "v2"), ("other", "v1")]


def test_a_library_imported_again_gets_its_vectors_again(
    workspace: Workspace, tmp_path: Path, made, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = stored(workspace, tmp_path, "one")
    room.index_of(library, StandIn("v1"))
    libraries.delete_library(library.id, ws=workspace)
    monkeypatch.setattr(libraries, "utc_now", lambda: "2031-01-01T00:00:00+00:00")
    again = stored(workspace, tmp_path, "one")
    assert again.id == library.id and not libraries.is_embedded(again, "key-v1")
    room.index_of(again, StandIn("v1"))
    assert libraries.is_embedded(again, "key-v1") and len(made) == 2


def test_only_a_few_are_kept(workspace: Workspace, tmp_path: Path, made) -> None:
    library = stored(workspace, tmp_path, "one")
    names = [f"v{n}" for n in range(room.KEPT_INDEXES + 1)]
    for name in names:
        room.index_of(library, StandIn(name))
        room.index_of(library, StandIn("v0"))  # in use, so it stays
    assert len(room.indexes().results) == room.KEPT_INDEXES and len(made) == len(names)
    room.index_of(library, StandIn("v1"))
    assert made[-1] == ("one", "v1") and len(made) == len(names) + 1
