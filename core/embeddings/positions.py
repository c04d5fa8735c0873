"""Words of position in a sentence, and the sentence with one of them, or a limit, turned to the other side.

Which words stand on which side is data/embeddings/words/contrasts.yaml, where they tell a position and not a
time, an amount or a turn of speech is positions.yaml there.
"""

from __future__ import annotations

import re
from random import Random

from core.embeddings import wording as words
from core.embeddings.bank import Bank

_LIMITS = {
    "over": "under", "above": "below", "within": "beyond", "beyond": "within", "more than": "less than",
    "greater than": "less than", "longer than": "shorter than", "higher than": "lower than",
    "closer than": "farther than", "nearer than": "farther than", "at least": "at most",
    "a minimum of": "a maximum of", "exceeding": "falling short of",
}  # fmt: skip
_LIMITS |= {other: word for word, other in _LIMITS.items() if other not in _LIMITS}
_LIMIT = re.compile(
    rf"(?<![\w-])(?:{'|'.join(sorted(_LIMITS, key=len, reverse=True))})(?= (?:about |approximately )?[\d.$])"
)


def turn_limit(text: str, rng: Random) -> str | None:
    """The text with one limit turned: what lies above an amount then lies below it; None where it has
    none."""
    hits = list(_LIMIT.finditer(text))
    if not hits:
        return None
    hit = rng.choice(hits)
    return words.exchange(text, *hit.span(), _LIMITS[hit[0]])


def move(text: str, bank: Bank, rng: Random) -> str | None:
    """The text with one position exchanged for the opposite one; None where it names none."""
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
            # The lists are long: the cheap look spares many patterns.
            if any(
                name in text and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in other
            ):
                continue  # "from 1 ft above to 2 ft below" names both sides
            for at, name in enumerate(side):
                if name not in text:
                    continue
                where = bank.places.get(name)
                put = (where and where.put) or other[min(at, len(other) - 1)]
                hits += [
                    (hit.start(), hit.end(), put)
                    for hit in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
                    if where is None or where.holds(text, *hit.span())
                ]
    # Of "in front of" only the whole is a position, not its "front".
    return [
        hit
        for hit in hits
        if not any(
            one[0] <= hit[0] and hit[1] <= one[1] and one[1] - one[0] > hit[1] - hit[0] for one in hits
        )
    ]
