"""Two requirements side by side: marked words and quantities, what differs, words for a score.

Pure functions. What a text requires is read by core/text; nothing here needs a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from core.embeddings.exchanges import EXCHANGES, PairReader, PairReading
from core.text.cues import contradict
from core.text.quantities import Quantity, canonical, find_quantities, same_quantity
from dashboard import words

_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_TOKEN = re.compile(r"\w+")
# Words that say nothing about what a text is about.
_QUIET = frozenset(
    {
        *("a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "from", "with", "and", "or", "as"),
        *("is", "are", "be", "been", "was", "were", "has", "have", "had", "it", "its", "that", "this"),
        *("these", "those", "than", "not", "no", "shall", "must", "may", "will", "can", "should", "any"),
        *("all", "each", "where", "when", "which", "if", "out", "into"),
    }
)
_OBLIGATIONS = {
    "required": "required", "not_required": "not required", "forbidden": "forbidden",
    "permitted": "permitted",
}  # fmt: skip
BANDS: tuple[tuple[float, str], ...] = (
    (0.92, "the same requirement"),
    (0.80, "the same but for a nuance"),
    (0.63, "a related rule"),
    (0.50, "the same topic, another requirement"),
    (0.25, "number, thing or obligation differs"),
    (0.10, "another part of the field"),
    (0.0, "nothing in common"),
)
"""Lower edge of a score → what it means, after the rubric of generated pairs."""


@dataclass(frozen=True)
class Mark:
    """A marked part of a text.

    Args:
        start: First character.
        end: One behind the last.
        kind: `word` (both texts hold it), `same` (an equal quantity) or `other` (a quantity that differs).
        note: Stands behind it in small letters.
    """

    start: int
    end: int
    kind: str
    note: str = ""


@dataclass(frozen=True)
class Difference:
    """One line of a comparison: what is compared, how each text has it, and the verdict.

    Args:
        what: For example `Quantity`.
        a: How the first text has it; `–` where it does not.
        b: The same of the second text.
        alike: True equal, False different, None where only one text says something.
    """

    what: str
    a: str
    b: str
    alike: bool | None


def meaning(score: float) -> str:
    """What a similarity means in words."""
    return next((text for edge, text in BANDS if score >= edge), BANDS[-1][1])


def overlap(a: str, b: str) -> float:
    """Shared words of two texts over all their words, 0 to 1 (Jaccard): what a reader without sense sees."""
    left, right = set(_TOKEN.findall(a.lower())), set(_TOKEN.findall(b.lower()))
    return len(left & right) / len(left | right) if left | right else 0.0


def marks(text: str, other: str) -> list[Mark]:
    """What a text shares with another one: words, equal quantities; and quantities of a kind that differ.

    Args:
        text: The text that is marked.
        other: For example the infraction that was searched for.
    """
    found = []
    theirs = [q for q in find_quantities(other) if q.dimension != "count"]
    for quantity in find_quantities(text):
        kind = [q for q in theirs if q.dimension == quantity.dimension]
        if any(same_quantity(quantity, q) for q in kind):
            found.append(Mark(quantity.start, quantity.end, "same", "="))
        elif kind:
            found.append(Mark(quantity.start, quantity.end, "other", f"≠ {canonical(kind[0])}"))
    stems = {_stem(word) for word in _WORD.findall(other)} - {""}
    for match in _WORD.finditer(text):
        inside = any(mark.start < match.end() and match.start() < mark.end for mark in found)
        if not inside and _stem(match[0]) in stems:
            found.append(Mark(match.start(), match.end(), "word"))
    return sorted(found, key=lambda mark: mark.start)


def _stem(word: str) -> str:
    low = word.lower()
    if low in _QUIET or len(low) < 3:
        return ""
    for ending in ("ances", "ance", "ings", "ing", "ions", "ion", "ers", "er", "es", "ed", "s"):
        if low.endswith(ending) and len(low) - len(ending) >= 4:
            return low[: -len(ending)]
    return low


def marked_html(text: str, found: Iterable[Mark], *, notes: bool = True) -> str:
    """HTML of a text with its marks; everything is escaped.

    Args:
        text: The text.
        found: From `marks`.
        notes: False to leave the small letters out, where there would be too many of them.
    """
    parts, at = [], 0
    for mark in found:
        if mark.start < at:
            continue
        note = f"<i>{escape(mark.note)}</i>" if mark.note and notes else ""
        inner = escape(text[mark.start : mark.end])
        parts += [escape(text[at : mark.start]), f'<mark class="nx-{mark.kind}">{inner}{note}</mark>']
        at = mark.end
    return f'<p class="nx-passage">{"".join(parts)}{escape(text[at:])}</p>'


def pair_html(a: str, b: str, facts: Sequence[str] = ()) -> str:
    """Two texts below each other, each marked with what it shares with the other, under a line of facts."""
    line = f'<p class="nx-quiet">{escape(" · ".join(facts))}</p>' if facts else ""
    return f'<div class="nx-pair">{line}{marked_html(a, marks(a, b))}{marked_html(b, marks(b, a))}</div>'


def score_html(title: str, value: float, detail: str, role: str = "strong") -> str:
    """A similarity, large, with a bar and what it means.

    Args:
        title: Above it.
        value: 0 to 1.
        detail: Quiet words under the bar.
        role: Style class of the bar.
    """
    share = min(1.0, max(0.0, value)) * 100
    return (
        f'<div class="nx-similar nx-{role}"><small>{escape(title)}</small><b>{words.score(value)}</b>'
        f'<span class="nx-means">{escape(meaning(value))}</span>'
        f'<div class="nx-bar"><span style="width:{share:.1f}%"></span></div>'
        f'<p class="nx-quiet">{escape(detail)}</p></div>'
    )


_EXCHANGED = dict(zip(EXCHANGES, ("Thing", "Position", "Case"), strict=True))


def differences(a: str, b: str, reader: PairReader) -> list[Difference]:
    """What two texts require, line by line, as the model's reader of cues sees it.

    Args:
        a: First text.
        b: Second text.
        reader: With the table of cues of the model.
    """
    left, right = reader.read(a), reader.read(b)
    found = _quantities(a, b, list(left.quantities), list(right.quantities))
    if left.obligations or right.obligations:
        found.append(_obligation(left, right, reader))
    for number, (x, y) in enumerate(zip(left.sides, right.sides, strict=True)):
        if (x - y) and (y - x):
            sides = reader.opposites[number]
            shown = [
                ", ".join(hit[0] for n in sorted(own) if (hit := sides[n].search(text.lower())))
                for own, text in ((x - y, a), (y - x, b))
            ]
            found.append(Difference("Opposite", *shown, False))
    told = {(line.a, line.b) for line in found}
    for exchange in reader.exchanges(left, right):
        if (exchange.a, exchange.b) not in told:
            found.append(Difference(_EXCHANGED[exchange.kind], exchange.a, exchange.b, False))
    places = [_place(r.overhead, r.underground) for r in (left, right)]
    if any(places):
        found.append(_line("Place", *places))
    if left.references or right.references:
        found.append(_line("Rule", *(", ".join(sorted(r.references)) for r in (left, right))))
    return found


def _line(what: str, a: str, b: str) -> Difference:
    alike = a == b if a and b else None
    return Difference(what, a or "–", b or "–", alike)


def _obligation(left: PairReading, right: PairReading, reader: PairReader) -> Difference:
    if not reader.has_demands:
        return _line("Obligation", *map(_obligations, (left.obligations, right.obligations)))
    # "May not exceed" and "shall be at most" differ in words only.
    alike = True if left.demands == right.demands else False if contradict(left, right) else None
    return Difference("Obligation", _obligations(left.demands), _obligations(right.demands), alike)


def _obligations(names: frozenset[str]) -> str:
    return ", ".join(_OBLIGATIONS.get(name, name) for name in sorted(names))


def _place(overhead: int, underground: int) -> str:
    if overhead == underground:
        return ""
    return "overhead" if overhead > underground else "underground"


def _quantities(a: str, b: str, left: list[Quantity], right: list[Quantity]) -> list[Difference]:
    def said(text: str, quantity: Quantity) -> str:
        written, plain = text[quantity.start : quantity.end], canonical(quantity)
        return written if written.lower() == plain.lower() else f"{written} ({plain})"

    found, rest = [], list(right)
    alone = []
    for quantity in left:
        other = next((q for q in rest if same_quantity(quantity, q)), None)
        if other is None:
            alone.append(quantity)
            continue
        rest.remove(other)
        found.append(Difference("Quantity", said(a, quantity), said(b, other), True))
    for quantity in alone:
        other = next((q for q in rest if q.dimension == quantity.dimension), None)
        if other is not None:
            rest.remove(other)
            found.append(Difference("Quantity", said(a, quantity), said(b, other), False))
        else:
            found.append(Difference("Quantity", said(a, quantity), "–", None))
    return found + [Difference("Quantity", "–", said(b, quantity), None) for quantity in rest]


def difference_rows(found: Sequence[Difference]) -> list[tuple[str, str, str, str]]:
    """Table rows: what, first text, second text, verdict as HTML with sign and word."""
    verdicts = {
        True: '<b class="nx-name nx-muted">= same</b>',
        False: '<b class="nx-name nx-close">≠ differs</b>',
        None: '<b class="nx-name nx-muted">only one says it</b>',
    }
    return [(item.what, item.a, item.b, verdicts[item.alike]) for item in found]
