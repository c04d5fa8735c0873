"""Uploads land in the scratch folder under harmless names."""

from __future__ import annotations

import io

import pytest

from core.workspace import Workspace
from dashboard import uploads


def test_the_bytes_arrive_under_a_folder_named_by_content(workspace: Workspace) -> None:
    one = uploads.to_disk("field notes.jsonl", io.BytesIO(b"abc"))
    assert one.read_bytes() == b"abc"
    assert one.name == "field-notes.jsonl"
    assert uploads.to_disk("field notes.jsonl", io.BytesIO(b"abc")) == one
    assert uploads.to_disk("field notes.jsonl", io.BytesIO(b"abd")).parent != one.parent
    assert not list(workspace.scratch.rglob("*.part"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", "/", "a\x00b", "x" * 300, "名前"])
def test_no_name_leaves_the_scratch_folder(workspace: Workspace, name: str) -> None:
    path = uploads.to_disk(name, io.BytesIO(b"x"))
    assert path.is_file()
    assert path.resolve().is_relative_to(workspace.scratch.resolve())
    assert len(path.name) <= 80
