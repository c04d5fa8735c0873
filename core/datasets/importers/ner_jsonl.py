"""JSON Lines and JSON arrays with spans: our own form, doccano, spaCy and Prodigy.

Label Studio exports are read beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.datasets.importers.rows import Collector

_ENTITIES = ("entities", "spans", "labels", "label", "annotations")


def read_lines(lines: Iterable[str], collector: Collector) -> None:
    """One JSON object a line; blank lines are skipped."""
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped:
            continue
        try:
            value = json.loads(stripped)
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            collector.reject(number, f"the line is not JSON ({why})", stripped)
            continue
        read_object(number, value, collector)


def read_items(items: Iterable[Any], collector: Collector) -> None:
    """The items of a JSON array, numbered from 1."""
    for number, value in enumerate(items, 1):
        read_object(number, value, collector)


def read_object(number: int, value: Any, collector: Collector) -> None:
    """One row: a JSON object, or spaCy's `[text, {"entities": [[start, end, label]]}]`."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], Mapping):
        value = {"text": value[0], **value[1]}
    if not isinstance(value, Mapping):
        collector.reject(number, f"the row is {_kind(value)}, expected a JSON object", repr(value))
        return
    if value.get("answer") in ("reject", "ignore"):
        collector.notice("rows that the annotator had rejected were left out")
        return
    name = next((name for name in _ENTITIES if name in value), None)
    text = value["text"] if "text" in value else value.get("data")
    collector.add(number, text, None if name is None else value[name], value)


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
