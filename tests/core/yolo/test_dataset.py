"""Datasets of photos: rendered, imported, mixed; frozen, hashed and split by group."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from core.datasets import store
from core.errors import DatasetError
from core.yolo.dataset import (
    build_generated,
    build_imported,
    build_mixed,
    frames_of_dataset,
    split_photos,
    thinned,
)
from core.yolo.generate import build_settings, preview


def test_imported_photos_become_a_dataset(labelled, tmp_path: Path, workspace) -> None:
    labelled(tmp_path / "d", 20)
    info, _ = build_imported([tmp_path / "d"], name="toy", licence="ours")
    assert info.counts == {"train": 14, "val": 4, "test": 2}
    store.verify_dataset(info)
    again, _ = build_imported([tmp_path / "d"], name="toy")
    assert again.id == info.id
    frames = frames_of_dataset(info, "train")
    assert len(frames) == 14 and all(frame.path.is_file() and frame.real for frame in frames)
    text = (info.path / "labels" / "train" / f"{frames[0].path.stem}.txt").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(frames[0].things)
    assert (info.path / "data.yaml").read_text(encoding="utf-8").splitlines()[0] == "train: images/train"
    assert info.card["labels"]["train"]["pole"] == sum(t.label == 0 for frame in frames for t in frame.things)


def test_a_changed_label_or_line_is_noticed(labelled, tmp_path: Path, workspace) -> None:
    labelled(tmp_path / "d", 8)
    info, _ = build_imported([tmp_path / "d"], name="toy")
    path = info.path / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"pole"', '"crossarm"'), encoding="utf-8")
    from core.errors import IntegrityError

    with pytest.raises(IntegrityError):
        store.verify_dataset(info)


def test_a_gold_set_is_all_for_measuring(labelled, tmp_path: Path, workspace) -> None:
    labelled(tmp_path / "d", 5)
    (tmp_path / "d" / "ignore").mkdir()
    (tmp_path / "d" / "ignore" / "p001.txt").write_text("-1 0.5 0.5 0.4 0.4\n", encoding="utf-8")
    info, _ = build_imported([tmp_path / "d"], name="g", role="gold")
    assert info.counts == {"test": 5} and store.get_gold("yolo").id == info.id
    assert sum(len(frame.ignore) for frame in frames_of_dataset(info, "test")) == 1


def test_copies_of_a_photo_stay_in_one_split() -> None:
    rows = [
        ({"file": f"{n:06d}-a{n // 3}_jpg.rf.{n:032x}.jpg", "sha256": f"{n:064x}"}, "") for n in range(30)
    ]
    splits, _ = split_photos(rows, seed=1)
    groups = {
        split: {row["file"].partition("-")[2].partition("_")[0] for row in part}
        for split, part in splits.items()
    }
    assert not groups["train"] & groups["val"] and not groups["train"] & groups["test"]
    assert sum(map(len, splits.values())) == 30
    with pytest.raises(DatasetError, match="at least 3"):
        split_photos(rows[:3])


def test_splits_that_came_are_kept() -> None:
    rows = [
        ({"file": f"{n}-x.jpg", "sha256": str(n)}, split) for n, split in enumerate(["train", "val", "test"])
    ]
    splits, text = split_photos(rows)
    assert [len(splits[split]) for split in ("train", "val", "test")] == [
        1,
        1,
        1,
    ] and text == "As the photos came."


def test_rendered_scenes_become_a_dataset(workspace) -> None:
    settings = build_settings({"count": 30, "seed": 2, "size": 64, "workers": 1})
    seen = []
    info = build_generated(settings, name="scenes", progress=lambda *a: seen.append(a))
    assert info.rows == 30 and seen[-1] == (30, 30)
    assert info.card["source"] == "generated" and info.card["generator_version"]
    store.verify_dataset(info)
    assert build_generated(settings, name="scenes").id == info.id
    rows = [row for split in info.counts for row in store.iter_rows(info, split)]
    families = {split: {row["group"] for row in store.iter_rows(info, split)} for split in info.counts}
    assert not families["train"] & families["val"] and not families["train"] & families["test"]
    outlined = [thing for row in rows for thing in row["things"]]
    assert outlined and all(len(thing["outline"]) >= 3 for thing in outlined)
    assert not list(workspace.scratch.iterdir())
    assert len(preview(settings, count=2, size=64)) == 2


def test_real_and_rendered_photos_are_mixed_by_share(labelled, tmp_path: Path, workspace) -> None:
    labelled(tmp_path / "d", 20)
    photos, _ = build_imported([tmp_path / "d"], name="photos")
    labelled(tmp_path / "e", 20, 200)
    others, _ = build_imported([tmp_path / "e"], name="others")
    mixed = build_mixed(others.id, photos.id, share=0.25, name="mixed")
    rows = list(store.iter_rows(mixed, "train"))
    assert len(rows) == 14 + 5 and sum(row["file"].startswith("r-") for row in rows) == 5
    assert build_mixed(others.id, photos.id, name="all").counts["train"] == 28
    assert mixed.card["made_from"] == [others.id, photos.id]


@pytest.mark.parametrize(("share", "expected"), [(0.5, (10, 10)), (0.1, (90, 10)), (0.9, (1, 10))])
def test_shares_are_reached_by_leaving_out(share: float, expected: tuple[int, int]) -> None:
    scenes, photos = thinned(list(range(90)), list(range(10)), share, 0)
    assert (len(scenes), len(photos)) == expected


def test_nothing_usable_says_what_to_do(tmp_path: Path, workspace) -> None:
    (tmp_path / "d" / "images").mkdir(parents=True)
    (tmp_path / "d" / "labels").mkdir()
    (tmp_path / "d" / "images" / "a.png").write_bytes(b"broken")
    (tmp_path / "d" / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"None of the 1 files can be used; images/a.png: .*no photo"):
        build_imported([tmp_path / "d"])
    assert not list(store.list_datasets("yolo"))


def test_phone_photos_lose_place_and_time_on_the_way_in(labelled, tmp_path: Path, workspace) -> None:
    labelled(tmp_path / "d", 6)
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    first = tmp_path / "d" / "images" / "p000.png"
    Image.open(first).save(first.with_suffix(".jpg"), exif=exif)
    first.unlink()
    info, _ = build_imported([tmp_path / "d"], name="toy")
    for frame in (frame for split in info.counts for frame in frames_of_dataset(info, split)):
        assert not Image.open(frame.path).getexif()
    assert json.loads((info.path / "card.json").read_text(encoding="utf-8"))["rejected"] == 0
