"""Labelled images on disk in the YOLO layout: label lines and folders into `Frame`s and back. No pictures
are opened.

A label line is `class x y w h` (a box) or `class x1 y1 x2 y2 x3 y3 ...` (an outline), all as shares of the
image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DatasetError
from core.tasks import TASKS

LABELS: tuple[str, ...] = TASKS["yolo"].labels
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif")
_SLACK = 0.02  # annotation tools write boxes a little over the edge; more than this is an error


@dataclass(frozen=True)
class Thing:
    """One labelled object.

    Args:
        label: Class id; -1 for a region that is to be ignored.
        outline: Corner points (k, 2) as shares of width and height, k >= 2 (two opposite corners for a box).
    """

    label: int
    outline: tuple[tuple[float, float], ...]

    @property
    def is_box(self) -> bool:
        """True when only a box is known, no outline."""
        return len(self.outline) == 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """`(x0, y0, x1, y1)` as shares of the image."""
        xs = [x for x, _ in self.outline]
        ys = [y for _, y in self.outline]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class Frame:
    """One labelled image.

    Args:
        path: The image file.
        things: Its objects.
        ignore: Regions in which a detection counts neither way.
        real: True for a photo, False for a generated scene.
        size: `(width, height)` in pixels, or (0, 0) if it was not looked at.
    """

    path: Path
    things: tuple[Thing, ...] = ()
    ignore: tuple[Thing, ...] = ()
    real: bool = True
    size: tuple[int, int] = (0, 0)
    extra: dict[str, Any] = field(default_factory=dict)

    def boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """`(class ids (n,), boxes (n, 4) as x0 y0 x1 y1 shares)`."""
        classes = np.array([thing.label for thing in self.things], np.int64)
        return classes, np.array([thing.box for thing in self.things], np.float64).reshape(-1, 4)


def parse_line(line: str, classes: int) -> Thing:
    """Read one label line.

    Raises:
        DatasetError: If it is not a label line, or leaves the image.
    """
    parts = line.split()
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise DatasetError(f"{line.strip()[:60]!r} is no label line: expected numbers.") from None
    if len(numbers) < 5 or (len(numbers) > 5 and (len(numbers) < 7 or len(numbers) % 2 == 0)):
        raise DatasetError(
            f"{line.strip()[:60]!r} has {len(numbers)} numbers; expected a class and a box (5) or an "
            "outline (7, 9 ...)."
        )
    if not all(math.isfinite(number) for number in numbers):
        raise DatasetError(f"{line.strip()[:60]!r} holds a number that is not finite.")
    if numbers[0] != int(numbers[0]) or not -1 <= numbers[0] < classes:
        raise DatasetError(f"The class {parts[0]!r} is not known; classes are 0 to {classes - 1}.")
    if len(numbers) == 5:
        x, y, w, h = numbers[1:]
        if w <= 0 or h <= 0:
            raise DatasetError(f"The box {line.strip()[:60]!r} has no size.")
        points = [(x - w / 2, y - h / 2), (x + w / 2, y + h / 2)]
    else:
        points = list(zip(numbers[1::2], numbers[2::2], strict=True))
    return make_thing(int(numbers[0]), points)


def make_thing(label: int, points: Iterable[tuple[float, float]]) -> Thing:
    """A thing from points as shares of the image; what stands over the edge by a little is cut.

    Raises:
        DatasetError: If the points leave the image or span no area.
    """
    points = [(float(x), float(y)) for x, y in points]
    if any(not -_SLACK <= value <= 1 + _SLACK for point in points for value in point):
        raise DatasetError("A box or outline leaves the image; expected shares between 0 and 1.")
    cut = tuple((min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in points)
    thing = Thing(label, cut)
    x0, y0, x1, y1 = thing.box
    if x1 <= x0 or y1 <= y0:
        raise DatasetError("A box or outline has no area inside the image.")
    return thing


def label_line(thing: Thing) -> str:
    """The label line of a thing, without line break."""
    if thing.is_box:
        x0, y0, x1, y1 = thing.box
        numbers = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
    else:
        numbers = [value for point in thing.outline for value in point]
    return " ".join([str(thing.label), *(f"{number:.6f}" for number in numbers)])


def read_labels(path: Path, classes: int = len(LABELS)) -> tuple[Thing, ...]:
    """Read a label file; a file that does not exist means that nothing is in the image.

    Raises:
        DatasetError: Naming file and line.
    """
    if not path.is_file():
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DatasetError(f"The label file {path.name!r} is no text.") from None
    things = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            things.append(parse_line(line, classes))
        except DatasetError as error:
            raise DatasetError(f"Line {number} of {path.name!r}: {error.message}", error.hint) from None
    return tuple(things)


def picture_files(folder: Path) -> list[Path]:
    """All picture files under a folder, in a fixed order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.name.startswith(".")
    )


def read_folder(folder: Path) -> list[Frame]:
    """Read a labelled folder: `images/`, `labels/` and, if there, `ignore/` (regions that count neither way).

    Raises:
        DatasetError: If it holds no images or labels, or a label file is broken.
    """
    images, labels, ignore = (folder / name for name in ("images", "labels", "ignore"))
    if not images.is_dir() or not labels.is_dir():
        raise DatasetError(
            f"{str(folder)!r} is no labelled folder: it has no images/ and labels/.",
            "Give a folder with both, or a dataset id.",
        )
    files = picture_files(images)
    if not files:
        raise DatasetError(f"There are no images in {str(images)!r}.", "Put .jpg or .png files there.")
    names = [path.relative_to(images).with_suffix(".txt") for path in files]
    if any(labels.rglob("*.txt")) and not any((labels / name).is_file() for name in names):
        raise DatasetError(
            f"None of the label files in {str(labels)!r} has the name of a photo in {str(images)!r}.",
            f"Expected for example {(labels / names[0]).as_posix()!r}.",
        )
    frames = []
    for path, name in zip(files, names, strict=True):
        things = tuple(thing for thing in read_labels(labels / name) if thing.label >= 0)
        frames.append(Frame(path, things, read_labels(ignore / name)))
    return frames


def frame_from_row(row: dict[str, Any], folder: Path, split: str) -> Frame:
    """The frame of one row of a stored dataset (see core/datasets/payload.py)."""
    things = tuple(
        Thing(LABELS.index(item["label"]), tuple((x, y) for x, y in item["outline"]))
        for item in row["things"]
    )
    ignored = tuple(Thing(-1, tuple((x, y) for x, y in outline)) for outline in row.get("ignore", ()))
    return Frame(
        folder / "images" / split / row["file"], things, ignored, bool(row.get("real")),
        (int(row["width"]), int(row["height"])),
    )  # fmt: skip


def support(frames: Sequence[Frame]) -> dict[str, int]:
    """Objects per class name."""
    counts = [0] * len(LABELS)
    for frame in frames:
        for thing in frame.things:
            counts[thing.label] += 1
    return dict(zip(LABELS, counts, strict=True))
