"""Answers before a start that all models share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core import preflight
from core.workspace import Workspace


def dataset(card: dict | None = None, **counts: int) -> SimpleNamespace:
    return SimpleNamespace(id="toy@12345678", counts=counts, card=card or {})


def test_texts_are_counted_and_their_health_is_passed_on() -> None:
    card = {
        "health": [{"level": "warning", "title": "Leak", "detail": "Two."}, {"level": "ok", "title": "x"}]
    }
    found = {one.title: one for one in preflight.check_texts(dataset(card, train=5000), "pairs")}
    assert found["Data"].ok is True and "test pairs" in found["Data"].detail
    assert found["Validation data"].ok is None and found["Leak"].detail == "Two." and "x" not in found
    assert [one.title for one in preflight.check_texts(dataset(train=10, val=5), "pairs")] == [
        "Data",
        "Amount",
    ]
    assert preflight.check_texts(dataset(test=3), "pairs")[0].ok is False
    assert preflight.check_texts(None, "pairs")[0].ok is False


def test_memory_names_the_setting_to_lower() -> None:
    assert preflight.check_memory(1).ok is True
    short = preflight.check_memory(10**15, "image size")
    assert short.ok is None and "smaller image size" in short.detail


def test_disk_is_that_of_the_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not workspace.root.exists() and preflight.check_disk(1, workspace).ok is True
    monkeypatch.setattr("core.preflight.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    assert preflight.check_disk(2000, workspace).ok is False


def test_encoders_are_here_fetched_or_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert preflight.check_encoder("minilm").ok is True
    assert preflight.check_encoder("someone/model").ok is None
    assert preflight.check_encoder(str(tmp_path / "absent folder")).ok is False


def test_an_empty_queue(workspace: Workspace) -> None:
    assert preflight.check_queue(workspace).ok is True
