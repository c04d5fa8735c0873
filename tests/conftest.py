"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace that NEXA_HOME names, also for child processes."""
    monkeypatch.setenv("NEXA_HOME", str(tmp_path / "home"))
    return Workspace.current()
