"""From raw rows of any format to clean ones: labels mapped, offsets checked, every refusal with its reason.

Formats are read in the ner_*.py modules; nothing here knows where a row came from.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from core.errors import DatasetError
from core.tasks import TASKS

MAX_ROWS = 1_000_000
MAX_CHARACTERS = 100_000
LABELS = TASKS["ner"].labels

_ALIASES = {
    "STANDARD": ("standards", "std", "standard_ref", "standard_reference", "regulation", "code_reference"),
    "MEASURE": ("measures", "measurement", "measurements", "quantity", "dimension"),
    "EQUIPMENT": ("equip", "equipments", "eqp", "eqpt"),
    "EXEMPTION": ("exemptions", "exempt", "exception", "exceptions", "waiver"),
}
_KNOWN = {alias: label for label, names in _ALIASES.items() for alias in (label.casefold(), *names)}
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_KEPT = ("id", "source", "style", "pattern")
_START = ("start", "start_offset", "begin")
_END = ("end", "end_offset")
_LABEL = ("label", "labels", "type", "tag", "entity_group", "entity")
_TEXT = ("text", "span_text")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Rejected:
    """A row that was left out.

    Args:
        line: Line of the file, from 1 (for a JSON array: number of the item).
        reason: What is wrong, in words.
        snippet: Start of the row, to find it again.
        file: Name of the file.
    """

    line: int
    reason: str
    snippet: str
    file: str = ""


@dataclass
class ImportResult:
    """What came out of one or several files.

    Args:
        rows: Clean rows `{"text", "entities"}`, some with `id`, `source`, `style`, `pattern`, `split`.
        rejected: The rows that were left out.
        format: `jsonl`, `json`, `conll`, `label_studio` or `csv`.
        label_counts: Entities per label in the clean rows.
        unknown_labels: Label names that fit none of ours -> how often; rows with them are rejected.
        notices: What was corrected or ignored on the way, one sentence each.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    format: str = ""
    label_counts: dict[str, int] = field(default_factory=dict)
    unknown_labels: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


class RowError(Exception):
    """A row is not usable; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    label: str
    text: str | None


class Collector:
    """Takes raw rows from an importer, one call per row, and builds the `ImportResult`.

    Args:
        filename: Name of the file.
        label_map: The user's mapping of label names; None or "" as a value drops the spans of that label.

    Raises:
        DatasetError: If the map leads to a label that does not exist.
    """

    def __init__(self, filename: str, label_map: Mapping[str, str | None] | None = None) -> None:
        self.filename = filename
        self.result = ImportResult()
        self._notices: Counter[str] = Counter()
        self._map: dict[str, str | None] = dict(_KNOWN)
        for name, target in (label_map or {}).items():
            if target and target not in LABELS:
                raise DatasetError(
                    f"The label map leads {name!r} to {target!r}, which is no label.",
                    f"Choose one of {', '.join(LABELS)}, or nothing to leave it out.",
                )
            self._map[_key(name)] = target or None

    def notice(self, text: str, count: int = 1) -> None:
        """Count something that was corrected or ignored."""
        self._notices[text] += count

    def reject(self, line: int, reason: str, snippet: str) -> None:
        """Leave a row out, with its reason."""
        self._room()
        self.result.rejected.append(Rejected(line, reason, snippet[:80], self.filename))

    def add(self, line: int, text: Any, entities: Any, extra: Mapping[str, Any] | None = None) -> None:
        """Check one raw row and keep or reject it.

        Args:
            line: Where it stands.
            text: The raw text.
            entities: List of dicts or `[start, end, label]` lists.
            extra: The row's other fields; `id`, `source`, `style`, `pattern` and `split` are kept.
        """
        try:
            row = self._row(text, entities)
        except RowError as error:
            self.reject(line, str(error), text if isinstance(text, str) else repr(text))
            return
        self._room()
        for name in _KEPT:
            value = (extra or {}).get(name)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and 0 < len(str(value)) <= 200:
                row[name] = str(value)
        split = (extra or {}).get("split")
        if isinstance(split, str) and split.strip():
            if split.strip().casefold() in SPLIT_NAMES:
                row["split"] = SPLIT_NAMES[split.strip().casefold()]
            else:
                self.notice(f"the split {split.strip()[:40]!r} is not known and was ignored")
        self.result.rows.append(row)

    def finish(self, format: str) -> ImportResult:
        """The result, with counts and notices filled in."""
        counts = Counter(entity["label"] for row in self.result.rows for entity in row["entities"])
        self.result.format = format
        self.result.label_counts = {label: counts.get(label, 0) for label in LABELS}
        self.result.unknown_labels = dict(sorted(self.result.unknown_labels.items()))
        self.result.notices = [f"{count:,} × {text}." for text, count in self._notices.most_common()]
        return self.result

    def _room(self) -> None:
        if len(self.result.rows) + len(self.result.rejected) >= MAX_ROWS:
            raise DatasetError(
                f"The file {self.filename!r} has more than {MAX_ROWS:,} rows.", "Split it into several files."
            )

    def _row(self, text: Any, entities: Any) -> dict[str, Any]:
        check_text(text)
        if entities is None:
            raise RowError("there are no entities (write an empty list where there is nothing to find)")
        if not isinstance(entities, Sequence) or isinstance(entities, (str, bytes)):
            raise RowError(f"the entities are {type(entities).__name__}, expected a list")
        spans = self._offsets(text, [_read_span(entity) for entity in entities])
        # All labels first, so that the page can ask for every unknown one at once.
        labels = [self._label(span.label) for span in spans]
        clean = []
        for span, label in zip(spans, labels, strict=True):
            if label is None:
                self.notice(f"spans labelled {span.label!r} were left out, as the label map says")
                continue
            start, end = self._trim(text, span)
            entity = {"start": start, "end": end, "label": label}
            if entity in clean:
                self.notice("the same span was given twice")
                continue
            clean.append(entity)
        clean.sort(key=lambda entity: (entity["start"], entity["end"]))
        for first, second in pairwise(clean):
            if second["start"] < first["end"]:
                raise RowError(
                    f"the spans {_show(text, first)} and {_show(text, second)} overlap; "
                    "a character may belong to one span only"
                )
        return {"text": text, "entities": clean}

    def _label(self, name: str) -> str | None:
        key = _key(name)
        if key in self._map:
            label = self._map[key]
            if label is not None and label.casefold() != key:
                self.notice(f"the label {name!r} was read as {label}")
            return label
        unknown = self.result.unknown_labels
        unknown[name] = unknown.get(name, 0) + 1
        close = difflib.get_close_matches(key, list(_KNOWN), n=1, cutoff=0.6)
        hint = f"did you mean {_KNOWN[close[0]]}?" if close else f"labels are {', '.join(LABELS)}"
        raise RowError(f"the label {name!r} is not known ({hint})")

    def _offsets(self, text: str, spans: list[_Span]) -> list[_Span]:
        wrong = [span for span in spans if span.text is not None and not _fits(text, span)]
        if wrong and any(ord(char) > 0xFFFF for char in text):
            # JavaScript tools count UTF-16 units, in which a character such as an emoji counts twice.
            moved = _from_utf16(text, spans)
            if moved is not None and all(span.text is None or _fits(text, span) for span in moved):
                self.notice("rows counted offsets in UTF-16 units; they were converted")
                return moved
        for span in spans:
            where = f"the span {span.start} to {span.end}"
            if not 0 <= span.start <= span.end <= len(text):
                raise RowError(f"{where} is not inside the text of {len(text)} characters")
            if span.start == span.end:
                raise RowError(f"{where} is empty")
        if wrong:
            span = wrong[0]
            came = text[span.start : span.end]
            raise RowError(
                f"the span {span.start} to {span.end} is {came[:40]!r}, but {span.text[:40]!r} is given"
            )
        return spans

    def _trim(self, text: str, span: _Span) -> tuple[int, int]:
        piece = text[span.start : span.end]
        if not piece.strip():
            raise RowError(f"the span {span.start} to {span.end} holds only white space")
        start = span.start + len(piece) - len(piece.lstrip())
        end = span.end - (len(piece) - len(piece.rstrip()))
        if (start, end) != (span.start, span.end):
            self.notice("spans had white space at their ends, which was cut off")
        return start, end


def check_text(text: Any) -> None:
    """Raise `RowError` if this cannot be the text of a row."""
    if text is None:
        raise RowError("the text is missing")
    if not isinstance(text, str):
        raise RowError(f"the text is {type(text).__name__}, expected a string")
    if not text.strip():
        raise RowError("the text is empty")
    if len(text) > MAX_CHARACTERS:
        raise RowError(f"the text has {len(text):,} characters, at most {MAX_CHARACTERS:,} are possible")
    if "\0" in text:
        raise RowError("the text holds a zero byte")
    if _SURROGATE.search(text):
        raise RowError("the text holds half of a character (a lone surrogate)")


def _read_span(value: Any) -> _Span:
    if isinstance(value, Mapping):
        start, end = _first(value, _START), _first(value, _END)
        label, text = _first(value, _LABEL), _first(value, _TEXT)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and len(value) == 3:
        (start, end, label), text = value, None
    else:
        raise RowError(f"an entity is {repr(value)[:60]}, expected start, end and label")
    if isinstance(label, Sequence) and not isinstance(label, str):
        if len(label) != 1:
            raise RowError(f"a span has {len(label)} labels, expected one")
        label = label[0]
    if not isinstance(label, str) or not label.strip():
        raise RowError(f"a span has the label {label!r}, expected a name")
    return _Span(
        _offset(start, "start"), _offset(end, "end"), label.strip(), text if isinstance(text, str) else None
    )


def _offset(value: Any, name: str) -> int:
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 12:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RowError(f"the {name} of a span is {repr(value)[:40]}, expected a whole number")
    return value


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _fits(text: str, span: _Span) -> bool:
    return text[max(span.start, 0) : max(span.end, 0)].strip() == (span.text or "").strip()


def _from_utf16(text: str, spans: list[_Span]) -> list[_Span] | None:
    places, units = {0: 0}, 0
    for index, char in enumerate(text, 1):
        units += 2 if ord(char) > 0xFFFF else 1
        places[units] = index
    try:
        return [_Span(places[span.start], places[span.end], span.label, span.text) for span in spans]
    except KeyError:
        return None


def _key(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _show(text: str, entity: Mapping[str, Any]) -> str:
    return f"{text[entity['start'] : entity['end']][:40]!r} ({entity['start']} to {entity['end']})"
