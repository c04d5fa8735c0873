"""Text with highlighted entities as HTML. Everything that came from a user or a file is escaped here.

Pure functions: text and spans in, an HTML string out. The label word stands beside every colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from dashboard import theme


def css_class(label: str) -> str:
    """The style class of a label; a label without a fixed colour is shown in grey."""
    return f"nx-{label}" if label in theme.LABELS else "nx-OTHER"


def drawable(entities: Iterable[Mapping[str, Any]], length: int) -> list[Mapping[str, Any]]:
    """The spans that can be drawn in one line of text: inside it, not empty, not overlapping.

    Args:
        entities: Dicts with `start`, `end`, `label`.
        length: Number of characters of the text.

    Returns:
        Spans in order of `start`; of two that overlap the one that starts first (then the longer) stays.
    """
    kept: list[Mapping[str, Any]] = []
    position = 0
    for entity in sorted(entities, key=lambda e: (e["start"], -e["end"])):
        if position <= entity["start"] < entity["end"] <= length:
            kept.append(entity)
            position = entity["end"]
    return kept


def highlight(
    text: str,
    entities: Iterable[Mapping[str, Any]],
    *,
    threshold: float = 0.0,
    missed: Iterable[Mapping[str, Any]] = (),
    compact: bool = False,
) -> str:
    """HTML of `text` with its entities marked.

    Args:
        text: Any text; it is escaped.
        entities: Dicts with `start`, `end` (characters), `label` and, from a model, `confidence` 0 to 1.
        threshold: Entities with a lower confidence are not marked.
        missed: Spans that should have been found: dashed line, the word "missed".
        compact: Smaller lines, for tables and previews.

    Returns:
        One `<p>` element.
    """
    shown = [{**e, "missed": False} for e in entities if e.get("confidence", 1.0) >= threshold]
    shown += [{**e, "missed": True} for e in missed]
    parts: list[str] = []
    position = 0
    for entity in drawable(shown, len(text)):
        start, end = entity["start"], entity["end"]
        parts.append(escape(text[position:start]))
        parts.append(_mark(text[start:end], entity))
        position = end
    parts.append(escape(text[position:]))
    return f'<p class="nx-text{" nx-compact" if compact else ""}">{"".join(parts)}</p>'


def _mark(words: str, entity: Mapping[str, Any]) -> str:
    label = str(entity["label"])
    note = ""
    if entity["missed"]:
        note = " missed"
    elif "confidence" in entity and entity["confidence"] is not None:
        note = f" {entity['confidence']:.2f}"
    extra = " nx-missed" if entity["missed"] else ""
    return (
        f'<span class="nx-ent {css_class(label)}{extra}">{escape(words)}'
        f'<span class="nx-tag">{escape(label)}{note}</span></span>'
    )


def legend(counts: Mapping[str, int] | None = None, labels: Iterable[str] = tuple(theme.ENTITY)) -> str:
    """HTML line that names every label beside its colour, with counts where they are given."""
    items = []
    for label in labels:
        tail = f" {counts.get(label, 0):,}" if counts is not None else ""
        items.append(f'<span class="{css_class(label)}"><i></i><b>{escape(label)}</b>{tail}</span>')
    return f'<div class="nx-legend">{"".join(items)}</div>'


def rows(text: str, entities: Iterable[Mapping[str, Any]], threshold: float = 0.0) -> list[dict[str, Any]]:
    """The entities as table rows: label, words, confidence, start, end; in reading order."""
    return [
        {
            "label": entity["label"],
            "text": text[entity["start"] : entity["end"]],
            "confidence": entity.get("confidence"),
            "start": entity["start"],
            "end": entity["end"],
        }
        for entity in sorted(entities, key=lambda e: e["start"])
        if entity.get("confidence", 1.0) >= threshold
    ]
