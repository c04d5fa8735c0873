"""Labelled photos from outside: four formats, and files that must be refused by name."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.datasets.frames import label_line, parse_line
from core.datasets.importers.archives import unpack
from core.datasets.importers.yolo import guess, import_yolo
from core.errors import DatasetError

SIZE = (80, 60)
ARM = (8, 12, 72, 18)  # x0 y0 x1 y1 in pixels


def _picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def _line(number: int = 1) -> str:
    x0, y0, x1, y1 = (value / SIZE[place % 2] for place, value in enumerate(ARM))
    return f"{number} {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}\n"


def _yolo(root: Path, count: int = 3, names: str = "names: [pole, cross_arm]\n") -> Path:
    for number in range(count):
        _picture(root / "images" / f"p{number}.png", number)
        (root / "labels").mkdir(exist_ok=True)
        (root / "labels" / f"p{number}.txt").write_text(_line(), encoding="utf-8")
    (root / "data.yaml").write_text(names, encoding="utf-8")
    return root


def _box_of(result) -> tuple[float, ...]:
    (thing,) = result.photos[0].things
    assert thing.label == 1
    x0, y0, x1, y1 = thing.box
    return round(x0 * SIZE[0], 3), round(y0 * SIZE[1], 3), round(x1 * SIZE[0], 3), round(y1 * SIZE[1], 3)


def test_a_yolo_folder(tmp_path: Path) -> None:
    result = import_yolo(_yolo(tmp_path / "d"), tmp_path / "s")
    assert result.format == "yolo" and not result.rejected
    assert result.label_counts == {"pole": 0, "crossarm": 3, "underground": 0}
    assert _box_of(result) == ARM


@pytest.mark.parametrize(
    ("bare", "said"), [(1, "1 photo has no label file"), (2, "2 photos have no label file")]
)
def test_photos_without_a_label_file_count_as_empty(tmp_path: Path, bare: int, said: str) -> None:
    root = _yolo(tmp_path / "d")
    for number in range(bare):
        (root / "labels" / f"p{number}.txt").unlink()
    result = import_yolo(root, tmp_path / "s")
    assert len(result.photos) == 3 and sum(not photo.things for photo in result.photos) == bare
    assert [notice for notice in result.notices if notice.startswith(said)]


def test_files_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    root = _yolo(tmp_path / "d", names="\ufeffnames: [pole, cross_arm]\n")
    (root / "labels" / "p0.txt").write_text(f"\ufeff{_line()}", encoding="utf-8")
    result = import_yolo(root, tmp_path / "s")
    assert len(result.photos) == 3 and not result.rejected and result.label_counts["crossarm"] == 3
    data = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "pole"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 8, 20, 40]}]}  # fmt: skip
    _picture(tmp_path / "c" / "a.png")
    (tmp_path / "c" / "x.json").write_text("\ufeff" + json.dumps(data), encoding="utf-8")
    assert import_yolo(tmp_path / "c", tmp_path / "t").label_counts["pole"] == 1


def test_a_box_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    root = _yolo(tmp_path / "d")
    (root / "labels" / "p0.txt").write_text(_line() * 2, encoding="utf-8")
    result = import_yolo(root, tmp_path / "s")
    assert result.label_counts["crossarm"] == 3
    assert "1 box that was there twice is kept once." in result.notices


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7 0.5 0.5 0.1 0.1", "class '7' is not known"),
        ("1 0.5 0.5 1.4 0.1", "leaves the image"),
        ("1 0.5 0.5 0 0.1", "has no size"),
        ("1 0.5 0.5 nan 0.1", "not finite"),
        ("1 0.5 0.5", "has 3 numbers"),
    ],
)
def test_a_label_that_cannot_be_is_told_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    root = _yolo(tmp_path / "d")
    (root / "labels" / "p1.txt").write_text(f"{_line()}\n{line}\n", encoding="utf-8")
    (root / "labels" / "p2.txt").write_text("", encoding="utf-8")
    result = import_yolo(root, tmp_path / "s")
    assert [photo.path.name for photo in result.photos] == ["p0.png", "p2.png"]
    (rejected,) = result.rejected
    assert rejected.file == "images/p1.png" and rejected.line == 3 and reason in rejected.reason
    assert result.photos[1].things == ()


def test_a_roboflow_zip_keeps_its_splits_and_licence(tmp_path: Path) -> None:
    root = tmp_path / "rf"
    for number, split in enumerate(("train", "valid", "test")):
        _picture(root / split / "images" / f"a_jpg.rf.{number:032x}.jpg", number)
        label = root / split / "labels" / f"a_jpg.rf.{number:032x}.txt"
        label.parent.mkdir()
        label.write_text(_line(0), encoding="utf-8")
    (root / "data.yaml").write_text("nc: 1\nnames: ['Crossarm']\n", encoding="utf-8")
    (root / "README.roboflow.txt").write_text("Utility poles\nLicense: CC BY 4.0", encoding="utf-8")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in root.rglob("*.*"):
            archive.write(path, path.relative_to(root).as_posix())
    result = import_yolo(("export.zip", stream.getvalue()), tmp_path / "s")
    assert sorted(photo.split for photo in result.photos) == ["test", "train", "val"]
    assert _box_of(result) == ARM and "CC BY 4.0" in result.licence


def test_coco_boxes_and_outlines(tmp_path: Path) -> None:
    root = tmp_path / "c"
    for name in ("a.png", "b.png"):
        _picture(root / name)
    x0, y0, x1, y1 = ARM
    data = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(["a.png", "b.png", "no.png"], 1)],
        "categories": [{"id": 7, "name": "Cross-Arm"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [x0, y0, x1 - x0, y1 - y0]},
            {"id": 2, "image_id": 2, "category_id": 7, "bbox": [0, 0, 1, 1],
             "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]]},
            {"id": 3, "image_id": 2, "category_id": 99, "bbox": [0, 0, 5, 5]},
        ],
    }  # fmt: skip
    (root / "annotations.json").write_text(json.dumps(data), encoding="utf-8")
    result = import_yolo(root, tmp_path / "s")
    assert result.format == "coco" and len(result.photos) == 2
    assert _box_of(result) == ARM
    assert not result.photos[1].things[0].is_box
    assert {entry.reason for entry in result.rejected} == {
        "the photo is missing", "annotation 3 has no usable box or class",
    }  # fmt: skip


def test_pascal_voc(tmp_path: Path) -> None:
    root = tmp_path / "v"
    _picture(root / "JPEGImages" / "a.png")
    box = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), ARM, strict=True)
    )
    thing = f"<object><name>Crossarm</name><bndbox>{box}</bndbox></object>"
    text = f"<annotation><filename>a.png</filename>{thing}</annotation>"
    (root / "Annotations").mkdir()
    (root / "Annotations" / "a.xml").write_text(text, encoding="utf-8")
    (root / "Annotations" / "evil.xml").write_text(
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation>&b;</annotation>', encoding="utf-8"
    )
    result = import_yolo(root, tmp_path / "s")
    assert result.format == "voc" and _box_of(result) == ARM
    assert [entry.file for entry in result.rejected] == ["Annotations/evil.xml"]
    assert "document type" in result.rejected[0].reason


def test_each_bad_file_is_named_with_its_reason(tmp_path: Path) -> None:
    root = _yolo(tmp_path / "d", 6)
    (root / "images" / "p0.png").write_bytes((root / "images" / "p0.png").read_bytes()[:2000])
    (root / "labels" / "p1.txt").write_text("1 0.5 0.5 nan 0.1\n", encoding="utf-8")
    (root / "labels" / "p2.txt").write_text(_line() + "9 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    (root / "labels" / "p3.txt").write_text("1 0.9 0.5 0.6 0.1\n", encoding="utf-8")
    (root / "labels" / "p4.txt").write_bytes(b"\xff\xfe\x00bad")
    result = import_yolo(root, tmp_path / "s")
    assert [photo.path.name for photo in result.photos] == ["p5.png"]
    reasons = {Path(entry.file).stem: (entry.reason, entry.line) for entry in result.rejected}
    assert "cut off" in reasons["p0"][0] or "no photo" in reasons["p0"][0]
    assert "not finite" in reasons["p1"][0] and reasons["p1"][1] == 1
    assert "class '9' is not known" in reasons["p2"][0] and reasons["p2"][1] == 2
    assert "leaves the image" in reasons["p3"][0]
    assert "no text" in reasons["p4"][0]


def test_classes_with_other_names_are_asked_for(tmp_path: Path) -> None:
    root = _yolo(tmp_path / "d", names="names: [pole, Traverse]\n")
    unknown = import_yolo(root, tmp_path / "s")
    assert unknown.unknown_labels == {"Traverse": 3} and unknown.label_counts["crossarm"] == 0
    assert "Traverse" in unknown.notices[-1]
    assert import_yolo(root, tmp_path / "s", label_map={"Traverse": "crossarm"}).label_counts["crossarm"] == 3
    dropped = import_yolo(root, tmp_path / "s", label_map={"Traverse": None})
    assert dropped.unknown_labels == {} and len(dropped.photos) == 3
    with pytest.raises(DatasetError, match="cannot be mapped to 'arms'"):
        import_yolo(root, tmp_path / "s", label_map={"Traverse": "arms"})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("cross_arm", "crossarm"), ("Crossarm", "crossarm"), ("CROSS ARMS", "crossarm"),
     ("utility-pole", "pole"),
     ("Pad Mount", "underground"), ("insulator", None), ("transformer", None), ("tree", None)],
)  # fmt: skip
def test_class_names_are_guessed_only_where_they_are_clear(theirs: str, ours: str | None) -> None:
    assert guess(theirs) == ours


def test_regions_to_ignore_come_along(tmp_path: Path) -> None:
    root = _yolo(tmp_path / "d")
    (root / "ignore").mkdir()
    (root / "ignore" / "p0.txt").write_text("-1 0.5 0.5 0.2 0.2\n", encoding="utf-8")
    photos = {photo.path.stem: photo for photo in import_yolo(root, tmp_path / "s").photos}
    assert len(photos["p0"].ignore) == 1 and not photos["p1"].ignore


def _zip(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/abs.txt", "C:\\x.txt", "..\\out.txt"])
def test_no_file_leaves_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / "deep"
    refused = unpack(_zip({name: b"1", "ok.txt": b"2"}), folder, name="a.zip", suffixes={".txt"})
    assert [reason for _, reason in refused] == ["its path leads out of the archive"]
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["ok.txt"]


def test_links_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo("link.txt")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    refused = unpack(stream.getvalue(), tmp_path / "x", name="a.zip", suffixes={".txt"})
    assert refused == [("link.txt", "it is a link")] and not list((tmp_path / "x").iterdir())


def test_a_zip_bomb_is_stopped_while_it_grows(tmp_path: Path) -> None:
    data = _zip({"bomb.txt": bytes(40 << 20), "ok.txt": b"fine"})
    assert len(data) < 100_000
    refused = unpack(data, tmp_path / "x", name="a.zip", suffixes={".txt"})
    assert "zip bomb" in refused[0][1]
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["ok.txt"]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no zip archive"):
        import_yolo(("x.zip", b"PK nothing"), tmp_path / "s")
    with pytest.raises(DatasetError, match="no folder and no"):
        import_yolo(("x.rar", b"Rar!"), tmp_path / "s")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no annotations"):
        import_yolo(tmp_path / "empty", tmp_path / "s")


@given(st.text(max_size=80))
def test_any_label_line_is_read_or_refused_in_words(line: str) -> None:
    try:
        thing = parse_line(line, 3)
    except DatasetError as error:
        assert str(error)
    else:
        assert all(0 <= value <= 1 for value in thing.box)


@given(st.integers(0, 2), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8))
def test_label_lines_come_back_as_they_were(label: int, points) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if max(xs) - min(xs) < 1e-4 or max(ys) - min(ys) < 1e-4:
        return
    from core.datasets.frames import make_thing

    thing = make_thing(label, points)
    again = parse_line(label_line(thing), 3)
    assert again.label == label and np.allclose(again.outline, thing.outline, atol=1e-6)
