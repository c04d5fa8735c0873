"""Files of graded pairs: JSON Lines `{"a", "b", "score"}` or CSV with those columns; a reason for each row
left out."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.datasets.importers.reading import open_text
from core.datasets.importers.rows import ImportResult, Rejected
from core.errors import DatasetError

EXPECTED = 'Expected lines like {"a": "18 feet clearance", "b": "18 ft spacing", "score": 0.94}.'
# Other names that tools give to the same columns.
_NAMES = {
    "a": ("a", "sentence1", "sentence_1", "text1", "text_a", "text_1", "premise", "query"),
    "b": ("b", "sentence2", "sentence_2", "text2", "text_b", "text_2", "hypothesis", "passage"),
    "score": ("score", "similarity", "similarity_score", "label", "grade"),
    "kind": ("kind", "type", "category"),
}


def import_pairs(
    source: Path | str | bytes, *, filename: str, format: str = "auto", encoding: str | None = None
) -> ImportResult:
    """Read graded pairs.

    Grades may be 0 to 1, or 0 to 5 as in public similarity sets: where any is above 1, all are divided by 5.

    Args:
        source: Path or the bytes.
        filename: Name for messages; its ending decides the format.
        format: `auto`, `jsonl` or `csv`.
        encoding: Encoding where it is not UTF-8.

    Raises:
        DatasetError: If the file as a whole is not usable.
    """
    found = ImportResult()
    kind = (
        format
        if format != "auto"
        else ("csv" if Path(filename).suffix.lower() in (".csv", ".tsv") else "jsonl")
    )
    if kind not in ("jsonl", "csv"):
        raise DatasetError(f"{format!r} is not a format of pairs.", "Choose auto, jsonl or csv.")
    found.format = kind
    with open_text(
        Path(source) if isinstance(source, str) else source, filename, encoding, newline=""
    ) as stream:
        for number, values, raw in _csv_rows(stream) if kind == "csv" else _json_rows(stream):
            reason, row = _checked(values)
            if reason:
                found.rejected.append(Rejected(number, reason, raw[:80], filename))
            else:
                found.rows.append(row)
    if any(row["score"] > 1 for row in found.rows):
        for row in found.rows:
            row["score"] = round(row["score"] / 5, 4)
        found.notices.append("Grades went up to 5; all were divided by 5.")
    return found


def _json_rows(stream: Any) -> Iterator[tuple[int, Any, str]]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                yield number, json.loads(line), line.strip()
            except (ValueError, RecursionError):
                yield number, None, line.strip()


def _csv_rows(stream: Any) -> Iterator[tuple[int, Any, str]]:
    sample = stream.read(4096)
    stream.seek(0)
    if sample.startswith("\ufeff"):
        stream.read(1)
    delimiter = max(",;\t", key=sample.split("\n", 1)[0].count)
    for row in (reader := csv.DictReader(stream, delimiter=delimiter)):
        yield reader.line_num, row, json.dumps(row, ensure_ascii=False)


def _checked(values: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(values, dict):
        return "the row is no JSON object", {}
    low = {str(key).strip().lower(): value for key, value in values.items() if key is not None}
    found = {ours: next((low[name] for name in names if name in low), None) for ours, names in _NAMES.items()}
    for side in ("a", "b"):
        if not isinstance(found[side], str) or not found[side].strip():
            return f"the text {side!r} is missing or empty", {}
        if "\0" in found[side]:
            return f"the text {side!r} holds a zero byte", {}
    try:
        score = float(found["score"])
    except (TypeError, ValueError):
        return f"the score is {found['score']!r}, expected a number from 0 to 1", {}
    if not math.isfinite(score) or not 0 <= score <= 5:
        return f"the score {score} is outside 0 to 1", {}
    row = {"a": found["a"].strip(), "b": found["b"].strip(), "score": score}
    for name in ("kind", "group", "split"):
        value = found.get(name) if name == "kind" else low.get(name)
        if isinstance(value, str) and value.strip():
            row[name] = value.strip()
    return "", row


def read_pairs(path: Path, *, graded: bool = True) -> list[dict[str, Any]]:
    """Rows of a JSONL file for scoring; the first line that cannot be used stops it.

    Args:
        path: The file.
        graded: False where a grade is not needed.

    Raises:
        DatasetError: Naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise DatasetError(f"The file {str(path)!r} does not exist.", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The file {str(path)!r} cannot be read: {error}.", "Expected JSONL in UTF-8."
        ) from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(
                f"Line {number} of {path.name!r} is not JSON ({error.msg}).", EXPECTED
            ) from None
        if isinstance(value, dict) and not graded:
            value = {"score": 0.0, **{key: v for key, v in value.items() if key != "score"}}
        reason, row = _checked(value)
        if reason or row["score"] > 1:
            reason = reason or f"the score {row['score']} is outside 0 to 1"
            raise DatasetError(f"Line {number} of {path.name!r} is no pair: {reason}.", EXPECTED)
        rows.append(row)
    return rows
