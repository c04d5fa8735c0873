"""Changing over to another model: every library first, and nothing half done after a crash or a full disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import tasks
from core.embeddings import library as libraries
from core.embeddings.chunks import Chunk
from core.embeddings.predict import SimilarityModel, load_base, load_folder, load_model
from core.embeddings.reembed import not_embedded, promote, reembed, reembed_state, rollback, search
from core.errors import InputError, IntegrityError, StateError
from core.registry import store
from core.runs.locks import try_lock
from core.workspace import PROJECT_ROOT, Workspace
from tests.core.embeddings.tiny import store_version


@pytest.fixture(autouse=True)
def released(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setitem(tasks.TASKS, "embeddings", replace(tasks.TASKS["embeddings"], released=True))
    monkeypatch.setattr("core.workspace.STARTER_DIR", tmp_path_factory.mktemp("no") / "starter")


@pytest.fixture
def model(tiny_encoder: Path) -> SimilarityModel:
    return load_base(str(tiny_encoder))


def library_of(*texts: str, name: str = "one") -> libraries.Library:
    return libraries.store_library([Chunk(text) for text in texts], name=name, sources=["x"])


def test_reembedding_covers_every_library_and_keeps_the_old_vectors(
    workspace: Workspace, model: SimilarityModel
) -> None:
    for name in ("one", "two"):
        libraries.store_library(
            [Chunk(f"the pole {name}"), Chunk("the guy")], name=name, sources=["x"], ws=workspace
        )
    first = libraries.list_libraries(ws=workspace)[0]
    (first.path / "vectors").mkdir()
    (first.path / "vectors" / "old.safetensors").write_bytes(b"old")
    seen: list[tuple[int, int]] = []
    report = reembed(model, ws=workspace, progress=lambda done, total: seen.append((done, total)))
    assert report["state"] == "done" and report["libraries"] == 2 and seen[-1] == (4, 4)
    assert all(
        libraries.is_embedded(entry, report["key"]) for entry in libraries.list_libraries(ws=workspace)
    )
    assert (first.path / "vectors" / "old.safetensors").is_file() and reembed_state(ws=workspace)["done"] == 4


def test_nothing_is_embedded_twice(model: SimilarityModel, monkeypatch: pytest.MonkeyPatch) -> None:
    library_of("the pole", "the guy")
    reembed(model)
    library_of("the line", name="late")
    encoded: list[int] = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda texts, **rest: encoded.append(len(texts)) or encode(texts))
    assert reembed(model)["done"] == 3 and encoded == [1]


def test_production_never_changes_before_every_library_is_embedded(tiny_encoder: Path) -> None:
    first, second = store_version(tiny_encoder, seed=1), store_version(tiny_encoder, seed=2)
    library = library_of("the pole", "the guy")
    promote(first.id)
    damaged = library_of("the line", name="damaged")
    chunks = damaged.path / "chunks.jsonl"
    sound = chunks.read_bytes()
    chunks.write_bytes(b"{}")
    for call in (lambda: promote(second.id), lambda: store.promote("embeddings", second.id)):
        with pytest.raises(IntegrityError, match="damaged@"):
            call()
        assert store.aliases("embeddings")["production"] == first.id
        assert reembed_state()["state"] == "failed" and "damaged@" in reembed_state()["error"]
    chunks.write_bytes(sound)
    store.promote("embeddings", second.id)
    assert not not_embedded(second) and store.aliases("embeddings")["production"] == second.id
    with pytest.raises(StateError, match="in production already"):
        promote(second.id)
    with pytest.raises(InputError, match="untrained"):
        promote("base")
    late = library_of("the anchor", name="late")
    assert rollback().id == first.id and not not_embedded(first)
    assert libraries.is_embedded(late, libraries.folder_key(first.path))
    # Both models' vectors lie side by side, and each search reads those of its own model.
    ours, theirs = load_folder(first.path), load_folder(second.path)
    indexes = [libraries.embed_library(library, one) for one in (ours, theirs)]
    assert indexes[0].key != indexes[1].key
    assert not np.allclose(indexes[0].vectors, indexes[1].vectors)
    np.testing.assert_allclose(indexes[1].vectors, theirs.encode(["the pole", "the guy"]), atol=1e-6)
    with pytest.raises(StateError, match="another model"):
        ours.search("the pole", indexes[1])
    assert search("the pole", library.id, "production", k=1)[0].text == "the pole"


def test_a_full_disk_harms_nothing(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = store_version(tiny_encoder, seed=1), store_version(tiny_encoder, seed=2)
    library = library_of("the pole", "the guy")
    promote(first.id)

    def full(path: Path, payload: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        for name in ("core.workspace.write_bytes_atomic", "core.embeddings.library.write_bytes_atomic"):
            patch.setattr(name, full)
        with pytest.raises(OSError, match="No space left"):
            promote(second.id)
    assert store.aliases("embeddings")["production"] == first.id
    assert libraries.is_embedded(library, libraries.folder_key(first.path))
    assert promote(second.id).id == second.id


def test_two_jobs_at_once_are_refused(model: SimilarityModel, workspace: Workspace, monkeypatch) -> None:
    library_of("the pole")
    monkeypatch.setattr("core.embeddings.reembed._PATIENCE", 0.0)
    lock = try_lock(libraries.root(workspace) / ".reembed.lock")
    try:
        with pytest.raises(StateError, match="another process"):
            reembed(model)
    finally:
        lock.release()


_SLOW = """
import sys, time
from dataclasses import replace
from core import tasks
from core.embeddings.predict import SimilarityModel
from core.embeddings.reembed import promote
tasks.TASKS["embeddings"] = replace(tasks.TASKS["embeddings"], released=True)
encode, calls = SimilarityModel.encode, []
def slow(self, texts, **rest):
    calls.append(1)
    if len(calls) == 2:
        print("half", flush=True)
        time.sleep(60)
    return encode(self, texts, **rest)
SimilarityModel.encode = slow
promote("v2")
"""


def test_kill_minus_nine_halfway_is_harmless(tiny_encoder: Path, workspace: Workspace) -> None:
    first, second = store_version(tiny_encoder, seed=1), store_version(tiny_encoder, seed=2)
    for name in ("one", "two", "three"):
        library_of("the pole", "the guy", name=name)
    promote(first.id)
    job = subprocess.Popen([sys.executable, "-c", _SLOW], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert job.stdout.readline().strip() == "half"
        assert reembed_state()["state"] == "running"
    finally:
        os.kill(job.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        job.wait(20)
        job.stdout.close()
    deadline = time.monotonic() + 5
    while reembed_state()["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert reembed_state()["state"] == "interrupted"
    assert store.aliases("embeddings")["production"] == first.id
    assert len(not_embedded(second)) == 2 and not not_embedded(first)
    assert promote(second.id).id == second.id and not not_embedded(second)
    assert reembed_state()["state"] == "done"
    assert load_model("production").path == second.path
