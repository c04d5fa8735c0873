"""CSV in three forms: entities as JSON in one column, one span a line, or one word a line with its tag."""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from core.datasets.importers.ner_conll import add_sentence
from core.datasets.importers.rows import Collector
from core.errors import DatasetError

_FIELD_LIMIT = 10_000_000
_DELIMITERS = ",;\t|"
_NAMES = {
    "text": ("text", "sentence", "content"),
    "entities": ("entities", "spans", "labels", "label", "annotations"),
    "start": ("start", "start_offset", "begin"),
    "end": ("end", "end_offset"),
    "label": ("label", "tag", "type", "entity_type", "category"),
    "span_text": ("span_text", "entity_text", "span"),
    "group": ("sentence_id", "sentence #", "sentence_no", "sent_id", "doc_id", "id"),
    "word": ("word", "token"),
    "tag": ("tag", "ner", "ner_tag", "bio", "label"),
}
_FORMS = (("word", "tag"), ("text", "start", "end", "label"), ("text", "entities"))
EXPECTED = "text,entities (JSON) · text,start,end,label · sentence_id,word,tag"


@dataclass(frozen=True)
class Table:
    """How a header is read.

    Args:
        delimiter: Character between the columns.
        form: The needed columns, one of `_FORMS`.
        columns: Our name -> index of the column.
        width: Number of columns.
    """

    delimiter: str
    form: tuple[str, ...]
    columns: dict[str, int]
    width: int


def read_header(line: str) -> Table | None:
    """Recognise a header line; None if it is no header of ours."""
    for delimiter in _DELIMITERS:
        cells = [cell.strip().casefold() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        columns = {}
        for name, aliases in _NAMES.items():
            index = next((cells.index(alias) for alias in aliases if alias in cells), None)
            if index is not None:
                columns[name] = index
        for form in _FORMS:
            if all(name in columns for name in form):
                return Table(delimiter, form, columns, len(cells))
    return None


def read_csv(stream: TextIO, collector: Collector) -> None:
    """Read a table with a header.

    Raises:
        DatasetError: If the header names none of the three forms.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    header = stream.readline()
    table = read_header(header.rstrip("\r\n"))
    if table is None:
        raise DatasetError(
            f"The first line of {collector.filename!r} names no known columns: {header.strip()[:80]!r}.",
            f"Expected a header such as {EXPECTED}.",
        )
    rows = _rows(stream, table, collector)
    readers: dict[tuple[str, ...], Callable[..., None]] = dict(
        zip(_FORMS, (_words, _spans, _entities), strict=True)
    )
    readers[table.form](rows, table, collector)


def _rows(stream: TextIO, table: Table, collector: Collector) -> Iterator[tuple[int, list[str] | None]]:
    """(line, cells) per record; cells are None where the record was rejected."""
    reader = csv.reader(stream, delimiter=table.delimiter)
    while True:
        first = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            collector.reject(first, f"the line is no CSV ({error})", "")
            yield first, None
            continue
        if not any(cell.strip() for cell in cells):
            yield first, []
        elif len(cells) != table.width:
            why = f"the line has {len(cells)} columns, the header has {table.width}; quote texts that hold "
            collector.reject(first, f"{why}{table.delimiter!r}", table.delimiter.join(cells))
            yield first, None
        else:
            yield first, cells


def _entities(rows: Iterator[tuple[int, list[str] | None]], table: Table, collector: Collector) -> None:
    for line, cells in rows:
        if not cells:
            continue
        text, raw = cells[table.columns["text"]], cells[table.columns["entities"]].strip()
        entities: Any = None
        if raw:
            try:
                entities = _parse(raw)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                collector.reject(line, f"the entities {raw[:40]!r} are not JSON", text)
                continue
        collector.add(line, text, entities, _extra(cells, table))


def _parse(raw: str) -> Any:
    try:
        return json.loads(raw)
    except json.JSONDecodeError:
        # Tables written by pandas hold Python lists with single quotes.
        return ast.literal_eval(raw)


def _spans(rows: Iterator[tuple[int, list[str] | None]], table: Table, collector: Collector) -> None:
    texts: dict[tuple[str, str], tuple[int, list[dict[str, Any]], dict[str, str]]] = {}
    for line, cells in rows:
        if not cells:
            continue
        group = cells[table.columns["group"]] if "group" in table.columns else ""
        text = cells[table.columns["text"]]
        _, entities, _ = texts.setdefault((group, text), (line, [], _extra(cells, table)))
        start, end, label = (cells[table.columns[name]].strip() for name in ("start", "end", "label"))
        if start or end or label:
            entity = {"start": _number(start), "end": _number(end), "label": label}
            if "span_text" in table.columns and cells[table.columns["span_text"]]:
                entity["text"] = cells[table.columns["span_text"]]
            entities.append(entity)
    for (_, text), (line, entities, extra) in texts.items():
        collector.add(line, text, entities, extra)


def _number(cell: str) -> Any:
    # Spreadsheets and pandas write 18 as 18.0 where a column has gaps.
    return cell[:-2] if cell.endswith(".0") else cell


def _words(rows: Iterator[tuple[int, list[str] | None]], table: Table, collector: Collector) -> None:
    words: list[str] = []
    tags: list[str] = []
    begin, current, broken = 0, "", False

    def close() -> None:
        if words and not broken:
            add_sentence(begin, words, tags, collector)
        elif words:
            collector.reject(begin, "a line of this sentence could not be read", " ".join(words))

    for line, cells in rows:
        group = cells[table.columns["group"]].strip() if cells and "group" in table.columns else ""
        # Tables of this form name the sentence on its first word only, or part sentences by an empty line.
        if cells == [] or (group and group != current):
            close()
            words, tags, begin, broken = [], [], 0, False
            current = group or current
        if cells is None:
            broken = True
        elif cells:
            word, tag = cells[table.columns["word"]].strip(), cells[table.columns["tag"]].strip()
            begin = begin or line
            if word:
                words.append(word)
                tags.append(tag)
            else:
                broken = True
    close()


def _extra(cells: list[str], table: Table) -> dict[str, str]:
    return {"id": cells[table.columns["group"]]} if "group" in table.columns else {}
