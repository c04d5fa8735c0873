"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.openmp import wait_a_moment
from core.workspace import Workspace

# Before any test loads torch: tests share the cores with the trainings that they start.
wait_a_moment(os.environ)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace that NEXA_HOME names, also for child processes."""
    monkeypatch.setenv("NEXA_HOME", str(tmp_path / "home"))
    return Workspace.current()
