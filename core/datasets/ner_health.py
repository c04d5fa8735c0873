"""Health checks of NER rows: what would spoil a training or make its figures lie.

Rows that are broken never get this far; the importers and the store refuse them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field
from typing import Any

from core.datasets.spans import misaligned
from core.datasets.split import masked, normalise
from core.tasks import TASKS

LABELS = TASKS["ner"].labels
RARE_SHARE = 0.02
MANY_DUPLICATES = 0.01
FEW_ROWS = 100
LONG_CHARACTERS = 2_000
MANY_EMPTY = 0.6
EXAMPLES = 5

Row = Mapping[str, Any]
Splits = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Args:
        code: Short name of the check, for example `leakage`.
        level: `ok`, `info`, `warning` or `error`.
        title: What was found, in a few words.
        detail: What it means and what to do, in one or two sentences; empty where all is well.
        rows: Up to five examples: `split`, `row` (from 1), `text` (its beginning), `note`.
        count: How many rows, spans or patterns are concerned.
    """

    code: str
    level: str
    title: str
    detail: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For the card."""
        return asdict(self)


@dataclass(frozen=True)
class _Place:
    split: str
    number: int
    row: Row

    def example(self, note: str = "") -> dict[str, Any]:
        return {"split": self.split, "row": self.number, "text": self.row["text"][:200], "note": note}


Index = dict[str, list[_Place]]
"""What sentences have in common -> where they stand, in order of splits and rows."""


def check(splits: Splits, gold: Iterable[Row] | None = None) -> list[Finding]:
    """Run every check.

    Args:
        splits: Rows `{"text", "entities"}` per split; a gold set has `test` only.
        gold: Rows of the gold set that the dataset must not hold, or None.

    Returns:
        One finding per check, in a fixed order, those without a fault with level `ok`.
    """
    places = list(_places(splits))
    exact = _index(places, lambda row: [normalise(row["text"])])
    near = _index(places, lambda row: [masked(row["text"])])
    findings = [
        _size(splits),
        _balance(splits),
        _empty(places),
        _without_entities(places),
        _aligned(places),
        _duplicates(exact, len(places)),
        _conflicts(exact),
    ]
    if len(splits) > 1:
        findings.append(_leakage(exact, near))
        findings.extend(_patterns(places))
    if gold is not None:
        findings.append(_gold_leakage(exact, near, gold))
    findings.append(_long(places))
    return findings


def worst_level(findings: Iterable[Finding]) -> str:
    """The most serious level among findings; `ok` if there are none."""
    order = ("ok", "info", "warning", "error")
    return max((finding.level for finding in findings), key=order.index, default="ok")


def _places(splits: Splits) -> Iterator[_Place]:
    for split, rows in splits.items():
        for number, row in enumerate(rows, 1):
            yield _Place(split, number, row)


def _index(places: Sequence[_Place], keys: Callable[[Row], Iterable[str]]) -> Index:
    found: Index = {}
    for place in places:
        for key in keys(place.row):
            found.setdefault(key, []).append(place)
    return found


def _repeated(index: Index) -> tuple[list[_Place], list[_Place]]:
    """Every place beyond the first of its key: those in a split that has it already, and those that are the
    first of a further split, so that one sentence in train and test is one leak.
    """
    inside: list[_Place] = []
    across: list[_Place] = []
    for key, places in index.items():
        seen: set[str] = set()
        for place in places:
            if place.split in seen:
                inside.append(place)
            elif seen and key:
                # Texts of punctuation only have an empty key; they have nothing in common.
                across.append(place)
            seen.add(place.split)
    return inside, across


def _size(splits: Splits) -> Finding:
    counts = ", ".join(f"{len(rows):,} {split}" for split, rows in splits.items())
    if "train" in splits and len(splits["train"]) < FEW_ROWS:
        return Finding(
            "size", "warning", f"Few training sentences ({counts})",
            f"Below {FEW_ROWS} sentences a model mostly learns them by heart. Annotate more, or generate.",
        )  # fmt: skip
    return Finding("size", "ok", f"Sentences: {counts}")


def _balance(splits: Splits) -> Finding:
    rows = splits.get("train") or splits.get("test") or []
    counts = Counter(entity["label"] for row in rows for entity in row["entities"])
    total = sum(counts.values())
    missing = [label for label in LABELS if not counts[label]]
    if missing:
        what = "the model cannot learn it" if "train" in splits else "it cannot be judged"
        return Finding(
            "balance", "error" if "train" in splits else "warning",
            f"No entity labelled {', '.join(missing)}", f"Without examples of a label {what}. Add some.",
        )  # fmt: skip
    rare = [label for label in LABELS if counts[label] < RARE_SHARE * total]
    shares = ", ".join(f"{label} {counts[label] / total:.0%}" for label in LABELS)
    if rare:
        return Finding(
            "balance", "warning", f"Rare: {', '.join(rare)} (below {RARE_SHARE:.0%} of all entities)",
            f"Shares: {shares}. Add examples, or train with balanced class weights.",
        )  # fmt: skip
    return Finding("balance", "ok", "Every label is well represented", f"Shares: {shares}.")


def _empty(places: Sequence[_Place]) -> Finding:
    bad = [place for place in places if not place.row["text"].strip()]
    if bad:
        return Finding(
            "empty", "error", _count(bad, "empty text"), "Leave these rows out.",
            _examples(bad), count=len(bad),
        )  # fmt: skip
    return Finding("empty", "ok", "No empty text")


def _without_entities(places: Sequence[_Place]) -> Finding:
    bare = [place for place in places if not place.row["entities"]]
    share = len(bare) / len(places) if places else 0.0
    title = f"{share:.0%} of the sentences have nothing to find"
    if share > MANY_EMPTY:
        detail = "Were they annotated at all? A model trained on this learns to find nothing."
        return Finding("nothing", "warning", title, detail, _examples(bare), count=len(bare))
    if not bare and len(places) >= FEW_ROWS:
        detail = "A model that has never seen a sentence without entities finds some everywhere. Add a few."
        return Finding("nothing", "info", title, detail)
    return Finding("nothing", "ok", title)


def _aligned(places: Sequence[_Place]) -> Finding:
    found, spans = [], 0
    for place in places:
        entities = misaligned(place.row["text"], place.row["entities"])
        spans += len(entities)
        if entities:
            piece = place.row["text"][entities[0]["start"] : entities[0]["end"]]
            found.append(place.example(f"{piece!r} ends inside a word"))
    if spans:
        return Finding(
            "alignment", "warning", f"{_count(spans, 'span')} with an end inside a word",
            "The model works on whole words, so these spans are widened to the word. Correct the annotation.",
            found[:EXAMPLES], count=spans,
        )  # fmt: skip
    return Finding("alignment", "ok", "Every span starts and ends at a word")


def _duplicates(exact: Index, total: int) -> Finding:
    extra, _ = _repeated(exact)
    if not extra:
        return Finding("duplicates", "ok", "No sentence twice in a split")
    share = len(extra) / total
    level = "warning" if share > MANY_DUPLICATES else "info"
    return Finding(
        "duplicates", level, f"{_count(extra, 'sentence')} repeated inside a split ({share:.1%})",
        "Repeats add no knowledge and weigh a sentence more than others. Remove them if it was not meant.",
        _examples(extra), count=len(extra),
    )  # fmt: skip


def _conflicts(exact: Index) -> Finding:
    bad = []
    for places in exact.values():
        if len(places) > 1 and len({_annotation(place.row) for place in places}) > 1:
            bad.append(
                places[1].example(f"annotated differently in {places[0].split} row {places[0].number}")
            )
    if bad:
        return Finding(
            "conflicts", "warning", f"{_count(bad, 'sentence')} annotated in different ways",
            "The same sentence with different entities teaches contradictions. Decide for one.",
            bad[:EXAMPLES], count=len(bad),
        )  # fmt: skip
    return Finding("conflicts", "ok", "Equal sentences are annotated equally")


def _leakage(exact: Index, near: Index) -> Finding:
    (_, same), (_, similar) = _repeated(exact), _repeated(near)
    if same:
        return Finding(
            "leakage", "error", f"{_count(same, 'sentence')} in two splits",
            "The model is tested on what it learnt, so its figures are too good. Split the data again.",
            _examples(same), count=len(same),
        )  # fmt: skip
    if similar:
        return Finding(
            "leakage", "warning",
            f"{_count(similar, 'sentence')} in two splits, apart from numbers",
            "Figures on the test split are somewhat too good.", _examples(similar), count=len(similar),
        )  # fmt: skip
    return Finding("leakage", "ok", "No sentence stands in two splits")


def _patterns(places: Sequence[_Place]) -> Iterator[Finding]:
    """Generated rows name the pattern they were made from; imported ones do not, and get no finding."""
    # A row of two sentences names both patterns, with a plus between.
    index = _index(places, lambda row: filter(None, str(row.get("pattern") or "").split("+")))
    _, shared = _repeated(index)
    if shared:
        yield Finding(
            "patterns", "error", f"{_count(shared, 'sentence pattern')} in two splits",
            "The model is tested on wordings it learnt, so its figures are too good. Split by pattern.",
            _examples(shared), count=len(shared),
        )  # fmt: skip
    elif index:
        yield Finding("patterns", "ok", f"{_count(index, 'sentence pattern')}, each in one split only")


def _gold_leakage(exact: Index, near: Index, gold: Iterable[Row]) -> Finding:
    same: list[_Place] = []
    similar: list[_Place] = []
    for row in gold:
        if found := exact.get(normalise(row["text"])):
            same.extend(found)
        elif found := near.get(masked(row["text"])):
            similar.extend(found)
    if same:
        return Finding(
            "gold_leakage", "error", f"{_count(same, 'sentence')} of the gold set in this dataset",
            "Targets are judged on the gold set, so it must never be trained on. Leave these sentences out.",
            _examples(same), count=len(same),
        )  # fmt: skip
    if similar:
        return Finding(
            "gold_leakage", "warning",
            f"{_count(similar, 'sentence')} of the gold set in this dataset, apart from numbers",
            "Figures on the gold set are somewhat too good.", _examples(similar), count=len(similar),
        )  # fmt: skip
    return Finding("gold_leakage", "ok", "No sentence of the gold set is in this dataset")


def _long(places: Sequence[_Place]) -> Finding:
    bad = [place for place in places if len(place.row["text"]) > LONG_CHARACTERS]
    if bad:
        return Finding(
            "long", "info", f"{_count(bad, 'text')} of more than {LONG_CHARACTERS:,} characters",
            "Long texts are read in overlapping windows; a sentence or paragraph a row trains faster.",
            _examples(bad), count=len(bad),
        )  # fmt: skip
    return Finding("long", "ok", "No very long text")


def _annotation(row: Row) -> tuple[tuple[str, str], ...]:
    text = row["text"]
    return tuple(
        sorted(
            (entity["label"], normalise(text[entity["start"] : entity["end"]])) for entity in row["entities"]
        )
    )


def _count(things: Sized | int, noun: str) -> str:
    number = things if isinstance(things, int) else len(things)
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _examples(places: Sequence[_Place]) -> list[dict[str, Any]]:
    return [place.example() for place in places[:EXAMPLES]]
