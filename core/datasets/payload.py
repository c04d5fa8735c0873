"""What a dataset folder holds for each model: how rows are checked, hashed, written and counted.

Names, ids and the card belong to store.py. A model with another layout adds one writer to WRITERS.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.datasets.conll import conll_text
from core.errors import DatasetError, InputError
from core.files import copy_hashed
from core.tasks import TASKS

Row = dict[str, Any]
_PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.(?:jpg|jpeg|png|webp|bmp|tif|tiff)")


@dataclass(frozen=True)
class Written:
    """What a writer reports about one split.

    Args:
        rows: Number of rows.
        labels: Entities (or boxes) per label, every known label named.
        files: Files written, relative to the dataset folder.
    """

    rows: int
    labels: dict[str, int]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Payload:
    """The per-model part of a dataset folder.

    Args:
        canonical: One row -> its canonical text line (without line break); raises DatasetError.
        write: (folder, split, rows, lines) -> Written.
    """

    canonical: Callable[[Row], str]
    write: Callable[[Path, str, Sequence[Row], Sequence[str]], Written]


def canonical_line(value: Row) -> str:
    """JSON with sorted keys and no spaces: the same content always gives the same text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(split: str, lines: Iterable[str]) -> str:
    """sha256 over a split's canonical lines, its name first."""
    total = hashlib.sha256(f"{split}\n".encode())
    for line in lines:
        total.update(line.encode("utf-8"))
        total.update(b"\n")
    return total.hexdigest()


def write_lines(path: Path, pieces: Iterable[str]) -> None:
    """Write pieces of text as UTF-8 with the line ends they carry, flushed to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def ner_canonical(row: Row) -> str:
    """Check an NER row and give its canonical line.

    Raises:
        DatasetError: If the text is missing or a span is not possible.
    """
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise DatasetError(f"The text is {text!r}; expected a text that is not empty.")
    if not isinstance(row.get("entities"), (list, tuple)):
        raise DatasetError(
            "The row has no list of entities.", "Write an empty list where there is nothing to find."
        )
    entities = sorted(
        ({"start": e["start"], "end": e["end"], "label": e["label"]} for e in row["entities"]),
        key=lambda entity: entity["start"],
    )
    end = 0
    for entity in entities:
        if entity["label"] not in TASKS["ner"].labels:
            raise DatasetError(
                f"The label {entity['label']!r} is not known.",
                f"Labels are: {', '.join(TASKS['ner'].labels)}.",
            )
        if not end <= entity["start"] < entity["end"] <= len(text):
            raise DatasetError(
                f"The span {entity['start']} to {entity['end']} is empty, outside the text of {len(text)} "
                "characters or overlaps another one."
            )
        end = entity["end"]
    if "\0" in text:
        raise DatasetError("The text holds a zero byte.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise DatasetError("The text holds half of a character (a lone surrogate).") from None
    return canonical_line({**row, "entities": entities})


def _write_ner(folder: Path, split: str, rows: Sequence[Row], lines: Sequence[str]) -> Written:
    counts = Counter(entity["label"] for row in rows for entity in row["entities"])
    write_lines(folder / f"{split}.jsonl", (line + "\n" for line in lines))
    write_lines(folder / "conll" / f"{split}.bio", conll_text(rows))
    labels = {label: counts.get(label, 0) for label in TASKS["ner"].labels}
    return Written(len(rows), labels, (f"{split}.jsonl", f"conll/{split}.bio"))


def yolo_canonical(row: Row) -> str:
    """Check a detector's row and give its canonical line.

    A row is `{"file", "sha256", "width", "height", "real", "things": [{"label", "outline": [[x, y],
    ...]}]}`, points as shares of the image, two opposite corners for a box; optionally `ignore` (outlines),
    `group`, and `source`, the path of the image to copy, which is no part of the content.

    Raises:
        DatasetError: If a name, size, label or outline is not possible.
    """
    kept = {key: value for key, value in row.items() if key != "source"}
    name = kept["file"]
    if not isinstance(name, str) or not _PICTURE.fullmatch(name):
        raise DatasetError(f"The file name {str(name)[:60]!r} cannot be used for an image of a dataset.")
    if not re.fullmatch("[0-9a-f]{64}", str(kept["sha256"])) or kept["width"] < 1 or kept["height"] < 1:
        raise DatasetError(f"The image {name!r} has no usable hash or size.")
    for thing in kept["things"]:
        if thing["label"] not in TASKS["yolo"].labels:
            raise DatasetError(
                f"The label {thing['label']!r} is not known.",
                f"Labels are: {', '.join(TASKS['yolo'].labels)}.",
            )
    kept["things"] = [
        {"label": thing["label"], "outline": _rounded(thing["outline"], name)} for thing in kept["things"]
    ]
    if "ignore" in kept:
        kept["ignore"] = [_rounded(outline, name) for outline in kept["ignore"]]
    return canonical_line(kept)


def _rounded(outline: Sequence[Sequence[float]], name: str) -> list[list[float]]:
    points = [[round(float(x), 6), round(float(y), 6)] for x, y in outline]
    if len(points) < 2 or not all(0 <= value <= 1 for point in points for value in point):
        raise DatasetError(f"An outline in {name!r} is empty or leaves the image.")
    return points


def _write_yolo(folder: Path, split: str, rows: Sequence[Row], lines: Sequence[str]) -> Written:
    images, labels = folder / "images" / split, folder / "labels" / split
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    names = list(TASKS["yolo"].labels)
    counts: Counter[str] = Counter()
    for row, line in zip(rows, lines, strict=True):
        target = images / row["file"]
        if target.exists():
            raise DatasetError(f"Two images of the split {split!r} are called {row['file']!r}.")
        _bring(Path(row["source"]), target, row["sha256"])
        things = json.loads(line)["things"]
        counts.update(thing["label"] for thing in things)
        text = "".join(_label_line(names.index(thing["label"]), thing["outline"]) for thing in things)
        (labels / row["file"]).with_suffix(".txt").write_text(text, encoding="utf-8", newline="\n")
    write_lines(folder / f"{split}.jsonl", (line + "\n" for line in lines))
    there = [name for name in ("train", "val", "test") if (folder / "images" / name).is_dir()]
    # The library's layout wants train and val even of a set that is for measuring only.
    parts = {
        "train": there[0],
        "val": "val" if "val" in there else there[0],
        **{name: name for name in there},
    }
    listed = "".join(f"{name}: images/{place}\n" for name, place in parts.items())
    classes = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
    write_lines(folder / "data.yaml", [listed, "names:\n", classes])
    return Written(len(rows), {name: counts.get(name, 0) for name in names}, (f"{split}.jsonl", "data.yaml"))


def _bring(source: Path, target: Path, sha256: str) -> None:
    digest_of_copy, _ = copy_hashed(source, target)
    if digest_of_copy != sha256:
        raise DatasetError(f"The image {source.name!r} changed while it was read.", "Import it again.")


def _label_line(number: int, outline: Sequence[Sequence[float]]) -> str:
    if len(outline) == 2:
        (x0, y0), (x1, y1) = outline
        values = [(x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0), abs(y1 - y0)]
    else:
        values = [value for point in outline for value in point]
    return " ".join([str(number), *(f"{value:.6f}" for value in values)]) + "\n"


def pair_canonical(row: Row) -> str:
    """Check a graded pair and give its canonical line.

    Raises:
        DatasetError: If a text is missing or the grade is not between 0 and 1.
    """
    for side in ("a", "b"):
        text = row.get(side)
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise DatasetError(f"The text {side!r} is {text!r}; expected a text that is not empty.")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise DatasetError(f"The text {side!r} holds half of a character (a lone surrogate).") from None
    score = row.get("score")
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
        raise DatasetError(f"The score is {score!r}; expected a number from 0 to 1.")
    return canonical_line({**row, "score": float(score)})


def _write_pairs(folder: Path, split: str, rows: Sequence[Row], lines: Sequence[str]) -> Written:
    """Pairs, and with the training split the texts of its first stage, one a line (`corpus.txt`)."""
    write_lines(folder / f"{split}.jsonl", (line + "\n" for line in lines))
    files = [f"{split}.jsonl"]
    if split == "train":
        texts = dict.fromkeys(" ".join(row[side].split()) for row in rows for side in ("a", "b"))
        write_lines(folder / "corpus.txt", (text + "\n" for text in texts))
        files.append("corpus.txt")
    kinds = Counter(str(row.get("kind") or "pair") for row in rows)
    return Written(len(rows), dict(sorted(kinds.items())), tuple(files))


WRITERS: dict[str, Payload] = {
    "ner": Payload(canonical=ner_canonical, write=_write_ner),
    "yolo": Payload(canonical=yolo_canonical, write=_write_yolo),
    "embeddings": Payload(canonical=pair_canonical, write=_write_pairs),
}


def payload_of(task: str) -> Payload:
    """The writer of a model's datasets.

    Raises:
        InputError: If there is none.
    """
    try:
        return WRITERS[task]
    except KeyError:
        raise InputError(
            f"Datasets for {task!r} cannot be stored.", f"Choose one of: {', '.join(WRITERS)}."
        ) from None
