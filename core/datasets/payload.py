"""What a dataset folder holds for each model: how rows are checked, hashed, written and counted.

Names, ids and the card belong to store.py. A model with another layout adds one writer to WRITERS.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.datasets.conll import conll_text
from core.errors import DatasetError, InputError
from core.tasks import TASKS

Row = dict[str, Any]


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
