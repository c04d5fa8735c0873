"""Resume points: complete or not, newest, pruned."""

from __future__ import annotations

import pytest

from core.errors import TrainingError
from core.runs import checkpoints
from core.workspace import read_json


def make(folder, name, step=None, files=("a", "sub/b")):
    path = folder / name
    for file in files:
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(b"12345")
    if step is not None:
        assert checkpoints.mark_complete(path, step) == 5 * len(files)
    return path


def test_only_complete_checkpoints_count_by_step_not_by_name(tmp_path):
    assert checkpoints.newest_checkpoint(tmp_path / "absent") is None
    make(tmp_path, "checkpoint-9", 9)
    newest = make(tmp_path, "checkpoint-10", 10)
    make(tmp_path, "checkpoint-11")
    assert [step for step, _ in checkpoints.complete_checkpoints(tmp_path)] == [9, 10]
    assert checkpoints.newest_checkpoint(tmp_path) == newest


@pytest.mark.parametrize("damage", ["shorter", "gone", "marker", "empty marker"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, damage):
    older = make(tmp_path, "checkpoint-9", 9)
    newest = make(tmp_path, "checkpoint-10", 10)
    if damage == "shorter":
        (newest / "sub" / "b").write_bytes(b"1")
    elif damage == "gone":
        (newest / "a").unlink()
    elif damage == "marker":
        (newest / "complete.json").write_text("[1]", encoding="utf-8")
    else:
        (newest / "complete.json").write_bytes(b"")
    assert checkpoints.newest_checkpoint(tmp_path) == older


def test_pruning_keeps_the_newest_and_the_best(tmp_path):
    paths = [make(tmp_path, f"step-{n:08d}", n) for n in range(1, 6)]
    gone = checkpoints.prune(tmp_path, keep=2, best=paths[1])
    assert gone == [paths[0], paths[2]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [paths[n].name for n in (1, 3, 4)]
    assert checkpoints.prune(tmp_path, keep=9) == []


def test_sweeping_removes_half_written_checkpoints_only(tmp_path):
    make(tmp_path, "checkpoint-9", 9)
    make(tmp_path, "checkpoint-10")
    make(tmp_path, "best")
    checkpoints.sweep_incomplete(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "checkpoint-9"]


def test_resume_points_belong_to_the_weights_that_the_training_began_with(tmp_path):
    """They hold only what training changed: over other weights they would be another model."""
    checkpoints.begin_with(tmp_path, "aa", "starter")
    checkpoints.begin_with(tmp_path, "bb", "starter")  # nothing was trained yet: other weights are as good
    make(tmp_path / "checkpoints", "step-5", 5)
    checkpoints.begin_with(tmp_path, "bb", "starter")
    with pytest.raises(TrainingError, match="'starter' holds other weights"):
        checkpoints.begin_with(tmp_path, "cc", "starter")
    assert read_json(tmp_path / checkpoints.BEGINNING_FILE) == {"name": "starter", "sha256": "bb"}
