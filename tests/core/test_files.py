"""File habits: hashing, moving a folder into place, scratch folders."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from core.files import copy_hashed, move_folder, scratch_folder, sha256_file


def test_copy_is_hashed_as_it_is_written(tmp_path):
    payload = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(payload)
    digest, size = copy_hashed(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_bytes() == payload and size == len(payload)
    assert digest == sha256_file(tmp_path / "a") == hashlib.sha256(payload).hexdigest()


def test_folder_is_moved_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name, encoding="utf-8")
    move_folder(tmp_path / "one", tmp_path / "in" / "place")
    with pytest.raises(FileExistsError):
        move_folder(tmp_path / "two", tmp_path / "in" / "place")
    assert (tmp_path / "in" / "place" / "file").read_text(encoding="utf-8") == "one"
    assert (tmp_path / "two" / "file").exists()


def test_scratch_is_gone_afterwards_and_old_ones_are_swept(tmp_path):
    old, fresh, other = (tmp_path / name for name in ("kind-old", "kind-fresh", "other-old"))
    for folder in (old, fresh, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (time.time() - 2 * 86_400,) * 2)
    with pytest.raises(ValueError, match="stop"), scratch_folder(tmp_path, "kind") as folder:
        (folder / "file").write_text("x", encoding="utf-8")
        raise ValueError("stop")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kind-fresh", "other-old"]
