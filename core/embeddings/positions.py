"""Words of position in a sentence, and the sentence with one of them turned to the other side.

Which words stand on which side is data/embeddings/words/contrasts.yaml.
"""

from __future__ import annotations

import re
from random import Random

from core.embeddings import wording as words
from core.embeddings.bank import Bank

# The same words in another sense: a time, a number of things, a turn of speech.
_NO_PLACE = re.compile(
    r"(?:to|on) the (?:left|right) (?!of|and|or|when|as|if|in|from)\w"
    r"|(?:within|over|under|along|out of|into|near|against|oncoming)\b(?:"
    r"(?<=within) (?:[\w./-]+ ){1,3}?(?:minutes?|min|hours?|hrs?|days?|weeks?|months?|years?)\b"
    r"|(?<=over) (?:time|the (?:full|whole|entire|(?:tele)?phone)|its|more than|most|all|to|by|from|at)\b"
    r"|(?<=over) (?:the )?(?:next|past|last|coming|following)\b"
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
