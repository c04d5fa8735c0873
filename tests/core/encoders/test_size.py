"""How large a base encoder is."""

from __future__ import annotations

from pathlib import Path

from core.encoders.size import BaseSize, base_size


def test_a_local_encoder_is_read_from_its_config(tiny: Path) -> None:
    found = base_size(str(tiny))
    assert (found.layers, found.hidden) == (2, 32) and found.vocabulary < 1000
    assert found.encoder == 12 * 2 * 32**2 and found.total == found.encoder + found.vocabulary * 32


def test_a_known_encoder_that_is_not_here_has_its_listed_size(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert base_size("bert-base-uncased") == BaseSize(12, 768)
    assert base_size("someone/unknown-model") == BaseSize(12, 768)
    assert base_size("").layers == 6
