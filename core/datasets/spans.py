"""Spans of characters, tokens and BIO tags: the one conversion that training, export and checks share.

No files here. Offsets count characters (code points) of the raw text, the end is exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from core.errors import DatasetError

_TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens(text: str) -> list[tuple[int, int]]:
    """Cut a text into words and single punctuation marks.

    Args:
        text: Any text; `G.O. 95` gives `G` `.` `O` `.` `95`.

    Returns:
        (start, end) per token, in order; white space belongs to no token.
    """
    return [match.span() for match in _TOKEN.finditer(text)]


def to_bio(text: str, entities: Sequence[dict[str, Any]]) -> tuple[list[tuple[int, int]], list[str]]:
    """Tags per token: `B-LABEL` opens an entity, `I-LABEL` goes on, `O` is outside.

    An entity that starts or ends inside a token takes the whole token; if two entities touch the same
    token, the earlier one has it (the health check counts such spans).

    Args:
        text: The raw text.
        entities: Dicts with `start`, `end`, `label`; flat, in any order.

    Returns:
        (spans, tags) of the same length.

    Raises:
        DatasetError: If an entity lies outside the text, is empty or overlaps another one.
    """
    spans = tokens(text)
    tags = ["O"] * len(spans)
    ordered = sorted(entities, key=lambda entity: (entity["start"], entity["end"]))
    previous_end = token = 0
    for entity in ordered:
        start, end = entity["start"], entity["end"]
        if not 0 <= start < end <= len(text):
            raise DatasetError(
                f"A span from {start} to {end} is not inside its text of {len(text)} characters."
            )
        if start < previous_end:
            raise DatasetError(f"The span {text[start:end]!r} at {start} overlaps the span before it.")
        previous_end = end
        while token < len(spans) and spans[token][1] <= start:
            token += 1
        prefix = "B-"
        while token < len(spans) and spans[token][0] < end:
            tags[token] = prefix + entity["label"]
            prefix = "I-"
            token += 1
    return spans, tags


def from_bio(spans: Sequence[tuple[int, int]], tags: Sequence[str], text: str) -> list[dict[str, Any]]:
    """Entities from tags; an `I-` that continues nothing of its label opens a new entity.

    Args:
        spans: (start, end) per token, as from `tokens`.
        tags: One tag per token.
        text: The raw text, by which the offsets are checked.

    Returns:
        `{"start", "end", "label"}` dicts in order.

    Raises:
        DatasetError: If the lengths differ, a tag is none, or a span lies outside the text.
    """
    if len(spans) != len(tags):
        raise DatasetError(f"{len(tags)} tags came for {len(spans)} tokens; expected one tag per token.")
    entities: list[dict[str, Any]] = []
    current: dict[str, Any] | None = None
    for (start, end), tag in zip(spans, tags, strict=True):
        if not 0 <= start < end <= len(text):
            raise DatasetError(
                f"A token from {start} to {end} is not inside its text of {len(text)} characters."
            )
        if tag == "O":
            current = None
            continue
        prefix, _, label = tag.partition("-")
        if prefix not in ("B", "I") or not label:
            raise DatasetError(f"{tag!r} is not a BIO tag: expected O, B-LABEL or I-LABEL.")
        if prefix == "I" and current is not None and current["label"] == label:
            current["end"] = end
        else:
            current = {"start": start, "end": end, "label": label}
            entities.append(current)
    return entities


def misaligned(text: str, entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entities whose start or end lies inside a token, so that tags cannot express them exactly."""
    spans = tokens(text)
    starts = {start for start, _ in spans}
    ends = {end for _, end in spans}
    return [entity for entity in entities if entity["start"] not in starts or entity["end"] not in ends]
