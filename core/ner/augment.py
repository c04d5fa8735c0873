"""Rewrites of labelled sentences that keep every span right: synonyms, units, OCR, case, punctuation, rows.

Every operation is `(text, entities, rng) -> (text, entities)`: the number of entities, their labels and their
order stay, spans stay trimmed and apart. What is drawn how often is core/ner/generate.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from core.errors import GrammarError
from core.ner.grammar_yaml import raise_all, read_yaml
from core.ner.syntax import LABELS
from core.workspace import DATA_DIR

Entities = list[dict[str, Any]]
Operation = Callable[[str, Entities, Random], tuple[str, Entities]]
Edit = tuple[int, int, str]

SYNONYMS = DATA_DIR / "ner" / "augment" / "synonyms.yaml"

_LABELS = tuple(LABELS.values())
_UNITS: dict[str, tuple[str, ...]] = {
    "feet": ("ft", "ft.", "feet"), "ft": ("feet", "ft."), "ft.": ("feet", "ft"),
    "inches": ("in.", "in", "inch"), "in.": ("inches", "in"), "volts": ("V", "volts"), "V": ("volts",),
    "kV": ("kilovolts", "KV", "kv"), "kilovolts": ("kV",), "%": ("percent",),
    "percent": ("%", "per cent", "pct."), "amperes": ("amps", "A"), "amps": ("amperes", "A"),
    "pounds": ("lb", "lbs.", "lbs"), "lb": ("pounds",),
    "meters": ("m",), "m": ("meters",), "hours": ("hrs", "hr"), "minutes": ("min", "mins"),
    "kVA": ("KVA", "kva"),
}  # fmt: skip
_ONE = {
    "feet": "foot", "inches": "inch", "volts": "volt", "kilovolts": "kilovolt", "amperes": "ampere",
    "amps": "amp", "pounds": "pound", "lbs.": "lb.", "lbs": "lb", "meters": "meter", "hrs": "hr",
    "mins": "min",
}  # fmt: skip
_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_LOOKALIKE = {
    "0": "O", "O": "0", "1": "l", "l": "1", "5": "S", "S": "5", "8": "B", "e": "c", "i": "l", "a": "o",
}  # fmt: skip
_SPACED_UNIT = re.compile(r"(?<![\w.,/-])(\d[\d,]*(?:\.\d+)?|[a-z]+)( )([A-Za-z]+\.?|%)(?![\w%])")
_SMALL_FEET = re.compile(r"(\d{1,2}) (?:feet|ft\.?)")


def apply_edits(text: str, entities: Entities, edits: Sequence[Edit]) -> tuple[str, Entities]:
    """Replace pieces of `text` and move the spans along.

    Args:
        text: The sentence.
        entities: Sorted, non-overlapping spans.
        edits: (start, end, replacement); apart from each other, each wholly inside or outside of a span.
    """
    out: list[str] = []
    at = shift = 0
    moves: list[tuple[int, int]] = []
    for start, end, new in sorted(edits):
        out += [text[at:start], new]
        shift += len(new) - (end - start)
        moves.append((end, shift))
        at = end
    out.append(text[at:])

    def moved(position: int) -> int:
        total = 0
        for end, after in moves:
            if end > position:
                break
            total = after
        return position + total

    # A span starts after the edits that end at its start; an edit inside pushes its end.
    shifted = [{**e, "start": moved(e["start"]), "end": moved(e["end"])} for e in entities]
    return "".join(out), shifted


def free_of(entities: Entities, start: int, end: int) -> bool:
    """True when [start, end) touches no entity."""
    return all(end <= e["start"] or start >= e["end"] for e in entities)


def owner(entities: Entities, start: int, end: int) -> str | None:
    """Label of the entity that holds [start, end), "" when outside of all, None when it crosses an edge."""
    for e in entities:
        if e["start"] <= start and end <= e["end"]:
            return e["label"]
    return "" if free_of(entities, start, end) else None


@cache
def synonym_groups(path: Path = SYNONYMS) -> tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...]:
    """Read the synonym file as (label, pattern, forms).

    Raises:
        GrammarError: If the file is not readable, or a group has no known label or fewer than two forms.
    """
    content, mistakes = read_yaml(path)
    if not isinstance(content.get("groups"), list):
        mistakes.append(GrammarError(f"{path.name}: 'groups' is missing or no list."))
    raise_all(mistakes)
    groups = []
    for number, group in enumerate(content["groups"], 1):
        forms = group.get("forms") if isinstance(group, dict) else None
        if not isinstance(forms, list) or len(forms) < 2 or group.get("label") not in ("", *_LABELS):
            raise GrammarError(
                f"{path.name}, group {number}: expected a label and at least two forms.",
                f"Labels are {', '.join(_LABELS)}, or '' for outside of all entities.",
            )
        forms = tuple(str(form) for form in forms)
        longest = sorted(forms, key=len, reverse=True)
        pattern = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, longest)) + r")(?![\w-])")
        groups.append((str(group["label"]), pattern, forms))
    return tuple(groups)


def join_sentences(
    first: tuple[str, Entities], second: tuple[str, Entities], rng: Random, *, prose: bool
) -> tuple[str, Entities]:
    """Put two labelled sentences into one text; the spans of the second move right.

    Args:
        first: Text and its entities.
        second: The same of what follows.
        rng: Chooses what stands between.
        prose: True if whole sentences follow each other, False for notes, lines and shorthand.
    """
    pick = rng.random()
    if first[0].endswith((".", "!", "?", ":", ";", ",")):
        between = " " if prose or pick < 0.8 else "\n"
    elif prose:
        between = ". "
    else:
        between = (". ", "; ", ", ", "\n", " - ")[int(pick * 5)]
    start = len(first[0]) + len(between)
    moved = [{**e, "start": e["start"] + start, "end": e["end"] + start} for e in second[1]]
    return f"{first[0]}{between}{second[0]}", [*first[1], *moved]


def swap_synonyms(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Exchange wordings of synonyms.yaml, each within the label that its group names."""
    edits: list[Edit] = []
    for label, pattern, forms in synonym_groups():
        for found in pattern.finditer(text):
            start, end = found.span()
            clear = all(end <= a or start >= b for a, b, _ in edits)
            if clear and owner(entities, start, end) == label and rng.random() < 0.6:
                others = [form for form in forms if form != found.group(0)]
                edits.append((start, end, others[int(rng.random() * len(others))]))
    return apply_edits(text, entities, edits)


def respell_units(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Write a measure another way: `18 feet` -> `eighteen feet`, `18 ft`, `18'`; `30 percent` -> `30%`."""
    edits: list[Edit] = []
    for e in entities:
        span = text[e["start"] : e["end"]]
        if e["label"] != "MEASURE":
            continue
        if _SMALL_FEET.fullmatch(span) and rng.random() < 0.3:
            edits.append((e["start"], e["end"], _SMALL_FEET.fullmatch(span).group(1) + "'"))
            continue
        found = _SPACED_UNIT.search(span)
        if not found or found.group(3) not in _UNITS or rng.random() < 0.3:
            continue
        number, unit = found.group(1), found.group(3)
        if number.isdigit() and int(number) < len(_NUMBERS) and len(unit) > 3 and rng.random() < 0.3:
            edits.append((e["start"] + found.start(1), e["start"] + found.end(1), _NUMBERS[int(number)]))
            continue
        if not number[0].isdigit() and unit in ("V", "m", "%"):
            continue
        forms = _UNITS[unit]
        new = forms[int(rng.random() * len(forms))]
        if number in ("1", "one"):
            new = _ONE.get(new, new)
        tight = number[0].isdigit() and (new == "%" or (len(new) <= 2 and rng.random() < 0.4))
        start = e["start"] + (found.start(2) if tight else found.start(3))
        edits.append((start, e["start"] + found.end(3), new))
    return apply_edits(text, entities, edits)


def ocr_letters(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Misread a few characters (0/O, 1/l, 5/S ...), as a scanner does."""
    chars = [_LOOKALIKE[c] if c in _LOOKALIKE and rng.random() < 0.04 else c for c in text]
    return "".join(chars), entities


def ocr_spaces(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Lose or double a space; at the edge of a span it is never lost, or words of two labels would merge."""
    edges = {p for e in entities for p in (e["start"] - 1, e["end"])}
    edits: list[Edit] = []
    for found in re.finditer(r"(?<=\w) (?=\w)", text):
        if rng.random() < 0.05:
            at = found.start()
            edits.append((at, at + 1, "" if at not in edges and rng.random() < 0.5 else "  "))
    return apply_edits(text, entities, edits)


def break_lines(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Break the line once or twice, with a hyphen when a word is cut."""
    edits: list[Edit] = []
    for found in re.finditer(r"[a-z]{4}(?=[a-z]{3})| (?=\w)", text):
        if rng.random() < 1.5 / max(len(text) / 4, 1):
            edits.append(
                (found.start(), found.end(), "\n" if found.group(0) == " " else found.group(0) + "-\n")
            )
    return apply_edits(text, entities, edits[:2])


def change_case(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Upper case, lower case or a capital at every word; left alone where letters would change in number."""
    pick = rng.random()
    new = text.upper() if pick < 0.45 else text.lower() if pick < 0.85 else re.sub(
        r"\b[a-z]", lambda found: found.group(0).upper(), text
    )  # fmt: skip
    return (new, entities) if len(new) == len(text) else (text, entities)


def drop_punctuation(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Lose the final stop and some commas outside of spans."""
    edits = [
        (found.start(), found.end(), "")
        for found in re.finditer(r"[,;](?= )|[.;:]$", text)
        if free_of(entities, found.start(), found.end()) and rng.random() < 0.7
    ]
    return apply_edits(text, entities, edits)


def flatten_row(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Turn separators into cell borders, as a table copied to text has them."""
    border = (" | ", "  ", "\t", " / ")[int(rng.random() * 4)]
    edits = [
        (found.start(), found.end(), border if found.group(0) != "." else "")
        for found in re.finditer(r"[,;:] |\.$", text)
        if free_of(entities, found.start(), found.end())
    ]
    return apply_edits(text, entities, edits)


NOISE: tuple[tuple[Operation, float], ...] = (
    (change_case, 5), (drop_punctuation, 4), (ocr_letters, 2), (ocr_spaces, 2), (break_lines, 2),
    (flatten_row, 1.5),
)  # fmt: skip


def add_noise(text: str, entities: Entities, rng: Random) -> tuple[str, Entities]:
    """Apply one kind of noise, now and then two."""
    for _ in range(2 if rng.random() < 0.2 else 1):
        pick = rng.random() * sum(weight for _, weight in NOISE)
        for operation, weight in NOISE:
            pick -= weight
            if pick < 0:
                text, entities = operation(text, entities, rng)
                break
    return text, entities
