"""Tiny models for the similarity tests, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a 2-layer base encoder."""
    from tests.core.embeddings.tiny import tiny_base

    return tiny_base(tmp_path_factory.mktemp("tiny") / "base")
