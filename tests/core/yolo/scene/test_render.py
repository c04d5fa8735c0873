"""Writing data sets: layout, resuming after a kill, the same result with any workers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from core.errors import DatasetError, InputError
from core.yolo.scene.render import default_workers, worker_result, write_dataset

ROOT = Path(__file__).resolve().parents[4]


def photos(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_layout_figures_and_yaml(tmp_path: Path) -> None:
    seen = []
    stats = write_dataset(
        tmp_path,
        10,
        3,
        size=96,
        workers=1,
        progress=lambda done, total, rate: seen.append((done, total, rate)),
    )
    assert stats.splits == {"train": 7, "val": 2, "test": 1} and stats.rendered == stats.total == 10
    assert [entry[:2] for entry in seen] == [(n, 10) for n in range(1, 11)] and seen[-1][2] > 0
    assert stats.images_per_second > 0 and not stats.stopped and sum(stats.kinds.values()) == 10
    data = yaml.safe_load((tmp_path / "data.yaml").read_text(encoding="utf-8"))
    assert data["names"] == {0: "pole", 1: "crossarm", 2: "underground"} and data["val"] == "images/val"
    lines = 0
    for image in (tmp_path / "images").rglob("*.jpg"):
        label = tmp_path / "labels" / image.parent.name / f"{image.stem}.txt"
        rows = label.read_text(encoding="utf-8").splitlines()
        lines += len(rows)
        assert all(len(row.split()) >= 7 for row in rows)
        assert max(cv2.imread(str(image)).shape[:2]) == 96
    assert lines == sum(stats.classes.values()) and stats.as_dict()["total"] == 10
    assert not list(tmp_path.rglob("*.part"))


def test_resume_draws_only_what_is_missing_and_ends_the_same(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write_dataset(whole, 8, 5, size=96, workers=1)
    first = write_dataset(broken, 8, 5, size=96, workers=1, should_stop=iter([False] * 3 + [True]).__next__)
    assert first.stopped and first.rendered == 3
    victim = next(iter((broken / "images").rglob("*.jpg")))
    victim.unlink()  # as if killed between the label and the photo
    second = write_dataset(broken, 8, 5, size=96, workers=1)
    assert second.skipped == 2 and second.rendered == 6 and photos(broken) == photos(whole)
    third = write_dataset(broken, 8, 5, size=96, workers=1)
    assert third.rendered == 0 and third.classes == second.classes
    assert write_dataset(broken, 8, 5, size=96, workers=1, resume=False).rendered == 8


def test_a_killed_writer_leaves_whole_files_and_resumes(tmp_path: Path) -> None:
    call = f"write_dataset({str(tmp_path)!r}, 400, 6, size=96, workers=1)"
    code = f"from core.yolo.scene.render import write_dataset; {call}"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    deadline = time.monotonic() + 60
    while len(photos(tmp_path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    found = photos(tmp_path)
    assert 3 <= len(found) < 400
    for name, payload in found.items():
        assert cv2.imdecode(np.frombuffer(payload, np.uint8), 1) is not None
        assert (tmp_path / name.replace("images/", "labels/").replace(".jpg", ".txt")).exists()
    done = len(found)
    stats = write_dataset(tmp_path, done + 2, 6, size=96, workers=1)
    assert stats.rendered >= 1 and {name: photos(tmp_path)[name] for name in found} == found


def test_workers_write_the_same_photos(tmp_path: Path) -> None:
    write_dataset(tmp_path / "one", 20, 7, size=96, workers=1)
    stats = write_dataset(tmp_path / "two", 20, 7, size=96, workers=2)
    assert stats.rendered == 20 and photos(tmp_path / "one") == photos(tmp_path / "two")


def test_other_settings_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path, 1, 1, size=96, workers=1)
    with pytest.raises(DatasetError, match="'seed': 2"):
        write_dataset(tmp_path, 1, 2, size=96, workers=1)
    foreign = tmp_path / "foreign"
    (foreign / "images" / "train").mkdir(parents=True)
    (foreign / "images" / "train" / "photo.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError, match="Choose an empty folder"):
        write_dataset(foreign, 1, 1, size=96, workers=1)
    with pytest.raises(InputError, match="0 photos"):
        write_dataset(tmp_path / "none", 0, 1)
    assert default_workers() >= 1


def test_a_dead_renderer_is_told_in_words() -> None:
    future: Future[int] = Future()
    future.set_exception(BrokenProcessPool("gone"))
    with pytest.raises(DatasetError, match="fewer workers"):
        worker_result(future)
