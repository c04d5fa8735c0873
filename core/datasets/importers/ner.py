"""One door for all NER files: finds out the format and hands the text to its importer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from core.datasets.importers.ner_conll import TAG, read_conll
from core.datasets.importers.ner_csv import EXPECTED, read_csv, read_header
from core.datasets.importers.ner_jsonl import read_items, read_lines
from core.datasets.importers.ner_label_studio import looks_like_export, read_tasks
from core.datasets.importers.reading import open_text
from core.datasets.importers.rows import Collector, ImportResult
from core.errors import DatasetError

FORMATS = ("auto", "jsonl", "json", "conll", "label_studio", "csv")
_SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv",
    ".conll": "conll", ".bio": "conll", ".iob": "conll", ".iob2": "conll",
}  # fmt: skip


def import_ner(
    source: Path | str | bytes,
    *,
    filename: str = "",
    format: str = "auto",
    label_map: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
) -> ImportResult:
    """Read annotated text. Nothing is stored; rows that are not usable are listed with line and reason.

    Args:
        source: Path of the file, or its bytes.
        filename: Name for messages and for finding the format; the path's name by default.
        format: One of `FORMATS`.
        label_map: Label name in the file -> our label, or None to leave its spans out.
        encoding: Encoding of the file; UTF-8, or what a byte order mark says, by default.

    Raises:
        DatasetError: If the file as a whole is not usable: wrong encoding, too large, unknown format.
        NotFoundError: If there is no such file.
    """
    if format not in FORMATS:
        raise DatasetError(f"{format!r} is not a format.", f"Choose one of: {', '.join(FORMATS)}.")
    path = Path(source) if isinstance(source, str) else source
    filename = filename or (path.name if isinstance(path, Path) else "upload")
    collector = Collector(filename, label_map)
    if format == "auto":
        with open_text(path, filename, encoding, newline="") as stream:
            format = _detect(stream, filename)
    with open_text(path, filename, encoding, newline="" if format == "csv" else "\n") as stream:
        format = _read(stream, format, collector)
    result = collector.finish(format)
    if not result.rows and not result.rejected:
        raise DatasetError(f"The file {filename!r} holds no rows.", "Choose a file with annotated text.")
    return result


def _read(stream: TextIO, format: str, collector: Collector) -> str:
    if format == "jsonl":
        read_lines(stream, collector)
    elif format == "conll":
        read_conll(stream, collector)
    elif format == "csv":
        read_csv(stream, collector)
    else:
        items = _load(stream, collector.filename)
        if format == "label_studio" or looks_like_export(items):
            read_tasks(items, collector)
            return "label_studio"
        read_items(items, collector)
    return format


def _load(stream: TextIO, filename: str) -> list[Any]:
    try:
        value = json.load(stream)
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"The file {filename!r} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Export it again, or repair that place.",
        ) from None
    except (RecursionError, ValueError) as error:
        raise DatasetError(f"The file {filename!r} is not usable JSON: {error}.") from None
    if isinstance(value, dict) and "text" not in value:
        lists = [entry for entry in value.values() if isinstance(entry, list)]
        if len(lists) == 1:
            return lists[0]
    return value if isinstance(value, list) else [value]


def _detect(stream: TextIO, filename: str) -> str:
    lines = [line for line in (stream.readline(1_000_000) for _ in range(200)) if line.strip()]
    first = lines[0].strip() if lines else ""
    suffix = _SUFFIXES.get(Path(filename).suffix.casefold())
    # A table or a CoNLL file may well begin with a bracket; a .jsonl that holds an array is common, too.
    if first.startswith(("{", "[")) and suffix in (None, "jsonl"):
        return _json_kind(first, more=len(lines) > 1)
    if suffix is not None:
        return suffix
    if first and read_header(first) is not None:
        return "csv"
    tagged = sum(1 for line in lines if len(line.split()) > 1 and TAG.fullmatch(line.split()[-1]))
    if lines and tagged >= 0.5 * len(lines):
        return "conll"
    raise DatasetError(
        f"The format of {filename!r} is not known; it begins with {first[:60]!r}.",
        f"Expected JSON Lines with spans, a Label Studio JSON export, CoNLL BIO, or CSV with {EXPECTED}.",
    )


def _json_kind(first: str, *, more: bool) -> str:
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        # A pretty-printed array or object goes over several lines; a broken first line is a rejected row.
        return "json" if first in ("[", "{", "[{") or first.startswith("[") else "jsonl"
    if isinstance(value, dict):
        return "jsonl" if more or "text" in value or "data" in value else "json"
    return "jsonl" if value and isinstance(value[0], str) else "json"
