"""Words of position in a sentence, and the sentence with one of them turned to the other side.

Which words stand on which side is data/embeddings/words/contrasts.yaml, where they tell a position and not a
time, an amount or a turn of speech is positions.yaml there.
"""

from __future__ import annotations

import re
from random import Random

from core.embeddings import wording as words
from core.embeddings.bank import Bank


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
