"""Does a model look at the requirement or at shared words? Edits, near copies, known pairs, general
similarity.

Every report holds these figures; what they are measured on is made here from topics that training never sees.
"""

from __future__ import annotations

import json
import re
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from core.embeddings import wording as words
from core.embeddings.bank import DATA, Bank, default_bank
from core.embeddings.pairs import Pairs
from core.embeddings.score import drops, spearman
from core.text.quantities import find_quantities
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
# The same words in another sense: a time, a number of things, a turn of speech.
_NO_PLACE = re.compile(
    r"(?:to|on) the (?:left|right) (?!of|and|or|when|as|if|in|from)\w"
    r"|(?:within|over|under|along|out of|into|near|against|oncoming)\b(?:"
    r"(?<=within) (?:[\w./-]+ ){1,3}?(?:minutes?|min|hours?|hrs?|days?|weeks?|months?|years?)\b"
    r"|(?<=over) (?:time|the (?:full|whole|entire|(?:tele)?phone)|its|more than|most|all|to|by|from|at)\b"
    r"|(?<=over) \d+ [a-z]+s\b|(?<=over)(?! \w)"
    r"|(?<=under) (?:way|contract|load|test|voltage|tension|pressure|vacuum)\b"
    r"|(?<=under) (?:paragraph|section|GO|G\.O\.|General)"
    r"|(?<=under) (?:this|these|(?:the|its|their) (?:contract|agreement|law|rules?|signatures?))\b"
    r"|(?<=into) (?:account|consideration|effect|contracts?|an? agreement|agreements?)"
    r"|(?<=near) (?:miss|future)"
    r"|(?<=along) with"
    r"|(?<=out of) (?:service|position|level|plumb|line|order|date|round|use|sight|reach|alignment)"
    r"|(?<=against)|(?<=oncoming))"
)
# "Lower" is a position behind these words only; elsewhere it is a verb or a lesser amount.
_LOWER = re.compile(r"(?<![\w-])(?:the|each|every|its|their) lower$", re.IGNORECASE)
_TURN_OVER = re.compile(
    r"\b(?:look|take|took|taking|turn|go|spark|flash|carr[yi]|hand|left|bring|change|roll)\w* over$", re.I
)
# What stands for a word in a whole sentence where the first of the other side would not.
_IN_TEXT = {"within": "beyond", "over": "under", "along": "across", "beyond": "within", "out of": "within"}


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
    hits = _positions(text, bank)
    return words.exchange(text, *rng.choice(hits)) if hits else None


def _positions(text: str, bank: Bank) -> list[tuple[int, int, str]]:
    """Words of position in a text: where each starts and ends, and the words of the other side."""
    hits: list[tuple[int, int, str]] = []
    for contrast in bank.contrasts:
        if contrast.kind != "place":
            continue
        for number, side in enumerate(contrast.sides):
            other = contrast.sides[(number + 1) % len(contrast.sides)]
            for at, name in enumerate(side):
                if name not in text:
                    continue
                put = _IN_TEXT.get(name, other[min(at, len(other) - 1)])
                hits += [
                    (hit.start(), hit.end(), put)
                    for hit in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
                    if not _NO_PLACE.match(text, hit.start())
                    and (name != "lower" or _LOWER.search(text[: hit.end()]))
                    and (name != "over" or not _TURN_OVER.search(text[: hit.end()]))
                ]
    # Of "in front of" only the whole is a position, not its "front".
    return [
        hit
        for hit in hits
        if not any(
            one[0] <= hit[0] and hit[1] <= one[1] and one[1] - one[0] > hit[1] - hit[0] for one in hits
        )
    ]


@cache
def stress_set(count: int = 60, seed: int = 11) -> dict[str, list]:
    """Edited and copied texts of the held-out topics.

    Returns:
        `edits`: {kind: [(a, b, edited b)]}, at most `count` each, a and b the same requirement in unlike
        words;
        `copies`: [(text, near copy)].
    """
    bank, rng = default_bank(), Random(seed)
    edits: dict[str, list] = {kind: [] for kind in EDITS}
    copies: list[tuple[str, str]] = []
    sources = [Pairs(bank, split, joining=0.0) for split in ("val", "test")]
    for turn in range(count * 40):
        row = sources[turn % 2].draw("paraphrase", rng)
        if row is None:
            continue
        kind = EDITS[turn // 2 % 4]
        if len(edits[kind]) < count:
            changed = edit(row["b"], kind, bank, rng)
            if changed and changed != row["b"]:
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
