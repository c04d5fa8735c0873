"""Does a model look at the requirement or at shared words? Edits, near copies, known pairs, general
similarity.

Every report holds these figures; what they are measured on is made here from topics that training never sees.
"""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from core.embeddings import wording as words
from core.embeddings.bank import DATA, Bank, default_bank
from core.embeddings.changes import seen_from
from core.embeddings.pairs import Pairs
from core.embeddings.positions import move
from core.embeddings.score import drops, spearman
from core.text.quantities import find_quantities, same_quantity
from core.text.spelling import new_value, spell

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel

EDITS = ("number", "object", "polarity", "place")
GENERAL_FILE = DATA / "general.jsonl"
# The user's own examples and what similarity they expect.
KNOWN_PAIRS = (
    ("18 feet clearance", "18 ft spacing", 0.94),
    ("pole installation", "crossarm mounting", 0.52),
    ("underground conduit", "overhead conductor", 0.18),
)
DROP = 0.2


def edit(text: str, kind: str, bank: Bank, rng: Random) -> str | None:
    """One change of a text that makes it another requirement; None where the text offers none of that
    kind."""
    if kind == "number":
        found = [q for q in find_quantities(text) if q.dimension != "count"]
        if not found:
            return None
        quantity = rng.choice(found)
        value = new_value(quantity.value, quantity.dimension, rng)
        return text[: quantity.start] + spell(value, quantity.dimension, rng) + text[quantity.end :]
    if kind == "object":
        return words.swap_noun(text, bank, rng)
    if kind == "polarity":
        return words.contradict(text, rng)
    return move(text, bank, rng)


def _fair(row: dict, changed: str, kind: str, bank: Bank) -> bool:
    if kind == "polarity":
        return True
    if kind != "number":
        return seen_from(row["a"], row["b"], changed, bank)
    after, named = find_quantities(changed), find_quantities(row["a"])
    gone = [q for q in find_quantities(row["b"]) if not any(same_quantity(q, other) for other in after)]
    return any(same_quantity(q, other) for q in gone for other in named)


@cache
def stress_set(count: int = 60, seed: int = 11) -> dict[str, list]:
    """Edited and copied texts of the test topics.

    Returns:
        `edits`: {kind: [(a, b, edited b)]}, at most `count` each, a and b the same requirement in unlike
        words; what is edited is named in a, too;
        `copies`: [(text, near copy)].
    """
    bank, rng = default_bank(), Random(seed)
    edits: dict[str, list] = {kind: [] for kind in EDITS}
    copies: list[tuple[str, str]] = []
    # The last word on a pair is fitted on topics of the validation split.
    source = Pairs(bank, "test", joining=0.0)
    for turn in range(count * 120):
        row = source.draw("paraphrase", rng)
        if row is None:
            continue
        kind = EDITS[turn % 4]
        if len(edits[kind]) < count:
            changed = edit(row["b"], kind, bank, rng)
            if changed and changed != row["b"] and _fair(row, changed, kind, bank):
                edits[kind].append((row["a"], row["b"], changed))
        if len(copies) < count:
            copies.append((row["a"], words.respell_all(words.decorate(row["a"], rng), rng)))
        if len(copies) == count and all(len(found) == count for found in edits.values()):
            break
    return {"edits": edits, "copies": copies}


def stress_report(model: SimilarityModel, *, count: int = 60, seed: int = 11) -> dict[str, Any]:
    """Figures of a model on edits, near copies and the known pairs.

    Returns:
        `edits`: {kind: {"before", "after", "share", "edits"}}, `share` of all edits that fell by more than
        0.2,
        `copies`: {"mean", "least"}, `known`: [{"a", "b", "expected", "score"}].
    """
    made = stress_set(count, seed)
    report: dict[str, Any] = {"edits": {}}
    fallen = total = 0.0
    for kind, found in made["edits"].items():
        if not found:
            continue
        a = [entry[0] for entry in found]
        figures = drops(model.score(a, [e[1] for e in found]), model.score(a, [e[2] for e in found]), DROP)
        report["edits"][kind] = figures
        fallen += figures["share"] * figures["edits"]
        total += figures["edits"]
    report["share"] = round(fallen / max(total, 1), 4)
    same = model.score([a for a, _ in made["copies"]], [b for _, b in made["copies"]])
    report["copies"] = {"mean": round(float(np.mean(same)), 4), "least": round(float(np.min(same)), 4)}
    report["known"] = [
        {"a": a, "b": b, "expected": wanted, "score": round(model.score(a, b), 4)}
        for a, b, wanted in KNOWN_PAIRS
    ]
    return report


@cache
def general_rows() -> list[dict]:
    """The general-English pairs that ship: `{"a", "b", "score"}`."""
    return [
        json.loads(line) for line in GENERAL_FILE.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def general_similarity(model: SimilarityModel) -> float:
    """Spearman of the vectors' cosine on everyday sentences, -1 to 1: what a training must not forget."""
    rows = general_rows()
    a, b = model.encode([row["a"] for row in rows]), model.encode([row["b"] for row in rows])
    return round(spearman((a * b).sum(1), [row["score"] for row in rows]) or 0.0, 4)
