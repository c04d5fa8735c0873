"""Reading YOLO, COCO and Pascal VOC annotations into one form. Photos are checked and classes mapped in
yolo.py.

A Roboflow export is a folder in one of these formats with train/, valid/ and test/.
"""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.datasets.frames import LABELS, PICTURES, parse_line, picture_files, read_labels
from core.errors import DatasetError

FORMATS = ("auto", "yolo", "coco", "voc")
MOST_TEXT_BYTES = 512 * 1024 * 1024
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_MOST_CLASSES = 10_000

Points = list[tuple[float, float]]
Refused = tuple[str, str, int, str]


@dataclass(frozen=True)
class RawPhoto:
    """A photo with its annotations as they came.

    Args:
        path: The image file.
        name: What messages call it.
        things: (class name, points); two opposite corners for a box.
        ignore: Outlines of regions to ignore, as shares.
        shares: True when points are shares of the image, False when they are pixels.
        split: The split that it came in, or an empty string.
    """

    path: Path
    name: str
    things: Sequence[tuple[str, Points]]
    ignore: Sequence[Points] = ()
    shares: bool = True
    split: str = ""


def detect(root: Path) -> str:
    """The format of a folder or file: `yolo`, `coco` or `voc`.

    Raises:
        DatasetError: If none is recognised.
    """
    if root.is_file() or any(_looks_like_coco(path) for path in sorted(root.rglob("*.json"))[:50]):
        return "coco"
    for path in root.rglob("*.xml"):
        if b"<annotation" in path.open("rb").read(2000):
            return "voc"
    if any(True for path in root.rglob("*.txt") if not _is_prose(path)) or any(root.rglob("data.y*ml")):
        return "yolo"
    raise DatasetError(
        f"{root.name!r} holds no annotations in a known format.",
        "Expected YOLO (images/ and labels/), COCO (a .json) or Pascal VOC (an .xml a photo).",
    )


def read_format(format: str, root: Path) -> tuple[list[RawPhoto], list[Refused], list[str]]:
    """Photos, refused files `(file, reason, line, snippet)` and notices of a folder in one format."""
    return {"yolo": read_yolo, "coco": read_coco, "voc": read_voc}[format](root)


def read_yolo(root: Path) -> tuple[list[RawPhoto], list[Refused], list[str]]:
    """A YOLO folder: label files beside the photos or in labels/ instead of images/, class names in
    data.yaml.
    """
    names = _yolo_names(root)
    notices = [] if names else [f"No class names were found: classes are taken as {', '.join(LABELS)}."]
    names = names or list(LABELS)
    photos, refused = [], []
    files = picture_files(root)
    if not files:
        raise DatasetError(f"There are no photos in {root.name!r}.", "Put photos and labels into it.")
    labelled = 0
    for path in files:
        inside = path.relative_to(root)
        label = _label_file(root, inside)
        things: list[tuple[str, Points]] = []
        if label is not None:
            labelled += 1
            try:
                text = label.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError:
                refused.append((label.name, "the label file is no text", 0, ""))
                continue
            problem = _read_lines(text, names, things)
            if problem is not None:
                refused.append((inside.as_posix(), f"{label.name}: {problem[1]}", problem[0], problem[2]))
                continue
        try:
            ignore = _ignored(root, inside)
        except DatasetError as error:
            refused.append((inside.as_posix(), error.message, 0, ""))
            continue
        photos.append(RawPhoto(path, inside.as_posix(), things, ignore, True, _split_of(inside)))
    if not labelled:
        raise DatasetError(
            f"None of the {len(files):,} photos in {root.name!r} has a label file.",
            "Label files stand in labels/ (instead of images/) or beside the photos, with the same name "
            "and .txt.",
        )
    if labelled < len(files):
        bare = len(files) - labelled
        notices.append(
            "1 photo has no label file: it counts as a photo without objects."
            if bare == 1
            else f"{bare:,} photos have no label file: they count as photos without objects."
        )
    return photos, refused, notices


def _read_lines(
    text: str, names: Sequence[str], things: list[tuple[str, Points]]
) -> tuple[int, str, str] | None:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            thing = parse_line(line, len(names))
        except DatasetError as error:
            return number, error.message, line.strip()[:60]
        if thing.label >= 0:
            things.append((names[thing.label], list(thing.outline)))
    return None


def _yolo_names(root: Path) -> list[str]:
    for path in sorted([*root.rglob("data.yaml"), *root.rglob("data.yml"), *root.rglob("*.yaml")]):
        if path.stat().st_size > 1 << 20:
            continue
        try:
            names = (yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}).get("names")
        except (yaml.YAMLError, UnicodeDecodeError, AttributeError, RecursionError):
            continue
        if (
            isinstance(names, dict)
            and names
            and all(isinstance(key, int) and 0 <= key < _MOST_CLASSES for key in names)
        ):
            return [str(names.get(number, f"class {number}")) for number in range(max(names) + 1)]
        if isinstance(names, list) and names:
            return [str(name) for name in names]
    for name in ("classes.txt", "obj.names"):
        for path in sorted(root.rglob(name)):
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()[:_MOST_CLASSES]
            return [line.strip() for line in lines if line.strip()]
    return []


def _swapped(inside: Path, folder: str) -> Path:
    parts = list(inside.with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place].lower() == "images":
            parts[place] = folder
            return Path(*parts)
    return Path(*parts)


def _label_file(root: Path, inside: Path) -> Path | None:
    for candidate in (root / _swapped(inside, "labels"), root / inside.with_suffix(".txt")):
        if candidate.is_file():
            return candidate
    return None


def _ignored(root: Path, inside: Path) -> list[Points]:
    swapped = _swapped(inside, "ignore")
    if swapped == inside.with_suffix(".txt"):
        return []
    path = root / swapped
    return [list(thing.outline) for thing in read_labels(path)]


def read_coco(root: Path) -> tuple[list[RawPhoto], list[Refused], list[str]]:
    """COCO files: boxes or polygon outlines; run-length masks are read as their box."""
    files = (
        [root]
        if root.is_file()
        else [path for path in sorted(root.rglob("*.json")) if _looks_like_coco(path)]
    )
    photos, refused, notices = [], [], []
    for file in files:
        data = _json(file)
        names = {entry.get("id"): str(entry.get("name")) for entry in _dicts(data.get("categories"))}
        wanted: dict[Any, list[tuple[str, Points]]] = {}
        ignored: dict[Any, int] = {}
        for number, entry in enumerate(_dicts(data.get("annotations")), 1):
            if entry.get("iscrowd"):
                ignored[entry.get("image_id")] = ignored.get(entry.get("image_id"), 0) + 1
                continue
            points = _coco_points(entry)
            if points is None or entry.get("category_id") not in names:
                refused.append(
                    (file.name, f"annotation {number} has no usable box or class", 0, str(entry)[:60])
                )
                continue
            wanted.setdefault(entry.get("image_id"), []).append((names[entry["category_id"]], points))
        if ignored:
            crowds = sum(ignored.values())
            notices.append(
                f"1 crowd region of {file.name} was left out."
                if crowds == 1
                else f"{crowds:,} crowd regions of {file.name} were left out."
            )
        pictures = {path.name: path for path in picture_files(file.parent)}
        for entry in _dicts(data.get("images")):
            name = str(entry.get("file_name", ""))
            path = _beside(file.parent, name, pictures)
            if path is None:
                refused.append((name[:120], "the photo is missing", 0, ""))
                continue
            split = _split_of(Path(path.relative_to(file.parent))) or _split_of(
                Path(file.parent.name) / file.name
            )
            photos.append(RawPhoto(path, name, wanted.get(entry.get("id"), []), (), False, split))
    return photos, refused, notices


def _coco_points(entry: dict[str, Any]) -> Points | None:
    try:
        outline = entry.get("segmentation")
        if isinstance(outline, list) and len(outline) == 1 and len(outline[0]) >= 6:
            values = [float(value) for value in outline[0]]
            points = list(zip(values[::2], values[1::2], strict=True))
        else:
            x, y, w, h = (float(value) for value in entry["bbox"])
            points = [(x, y), (x + w, y + h)]
    except (KeyError, TypeError, ValueError):
        return None
    return points if all(math.isfinite(value) for point in points for value in point) else None


def read_voc(root: Path) -> tuple[list[RawPhoto], list[Refused], list[str]]:
    """Pascal VOC: an .xml for each photo, with boxes in pixels."""
    photos, refused = [], []
    pictures = {path.name: path for path in picture_files(root)}
    by_stem = {path.stem: path for path in pictures.values()}
    for file in sorted(root.rglob("*.xml")):
        name = file.relative_to(root).as_posix()
        try:
            tree = _xml(file)
        except DatasetError as error:
            refused.append((name, error.message, 0, ""))
            continue
        picture = _beside(file.parent, tree.findtext("filename") or "", pictures) or by_stem.get(file.stem)
        if picture is None:
            refused.append((name, "its photo is missing", 0, ""))
            continue
        things = []
        for entry in tree.findall("object"):
            try:
                box = entry.find("bndbox")
                x0, y0, x1, y1 = (float(box.findtext(key)) for key in ("xmin", "ymin", "xmax", "ymax"))
            except (AttributeError, TypeError, ValueError):
                refused.append((name, "an object has no usable box", 0, ""))
                continue
            things.append((str(entry.findtext("name") or "").strip(), [(x0, y0), (x1, y1)]))
        inside = picture.relative_to(root)
        photos.append(RawPhoto(picture, inside.as_posix(), things, (), False, _split_of(inside)))
    return photos, refused, []


def _xml(file: Path) -> ElementTree.Element:
    if file.stat().st_size > 4 << 20:
        raise DatasetError("the .xml file is far too large")
    data = file.read_bytes()
    # Entities can blow up or read other files; annotations never need a document type.
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data, re.IGNORECASE):
        raise DatasetError("the .xml file defines a document type, which is refused")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise DatasetError(f"the .xml file is damaged ({error})") from None


def _json(file: Path) -> dict[str, Any]:
    if file.stat().st_size > MOST_TEXT_BYTES:
        raise DatasetError(f"{file.name!r} has more than {MOST_TEXT_BYTES // 2**20} MB.", "Split it.")
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{file.name!r} is no JSON: {str(error)[:100]}.", "Export it again.") from None
    if not isinstance(data, dict):
        raise DatasetError(f"{file.name!r} is no COCO file.", "Expected images, annotations and categories.")
    return data


def _looks_like_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    if any(key in head for key in (b'"annotations"', b'"categories"')):
        return True
    # The keys may stand in any order, and the images come first in large files.
    return b'"images"' in head


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _beside(folder: Path, name: str, pictures: dict[str, Path]) -> Path | None:
    plain = name.replace("\\", "/")
    if not plain or Path(plain).suffix.lower() not in PICTURES:
        return None
    path = folder / plain
    if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
        return path
    return pictures.get(Path(plain).name)


def _split_of(inside: Path) -> str:
    for part in inside.parts:
        word = re.split(r"[^a-z]+", part.lower())[0]
        if word in _SPLITS:
            return _SPLITS[word]
    return ""


def _is_prose(path: Path) -> bool:
    return path.name.lower().startswith(
        ("readme", "license", "licence", "classes", "provenance", "requirements")
    )
