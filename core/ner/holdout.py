"""Decides which lexicon entries and which pattern families are kept out of training, from their texts alone.

The same files give the same decision on every machine. Reading files is core/ner/grammar_files.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

SPLITS = ("train", "val", "test")

# Shares of the entries and of the pattern families that are kept out of training.
RESERVED_PERCENT = 8
VAL_FAMILIES_PERCENT = 11
TEST_FAMILIES_PERCENT = 9
# Below this a style has too few families to give any of them away.
LEAST_FAMILIES = 5
# Entries of this weight are the everyday words of the trade; a split without them would not be the trade.
EVERYDAY_WEIGHT = 3

_WORDS = re.compile(r"[a-z0-9]+(?:['./-][a-z0-9]+)*")


def stable_hash(text: str) -> int:
    """A number in [0, 2**64) that is the same on every machine and Python."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


def words_of(text: str) -> list[str]:
    """Lower-case words as the reserve test compares them."""
    return _WORDS.findall(text.lower())


def entry_split(text: str, weight: float) -> int:
    """Where an entry of an open class may appear: 0 everywhere, 1 in val only, 2 in test only."""
    if weight >= EVERYDAY_WEIGHT:
        return 0
    bucket = stable_hash("entry:" + text.lower()) % 100
    return 1 if bucket < RESERVED_PERCENT else 2 if bucket < 2 * RESERVED_PERCENT else 0


def family_splits(families: Sequence[tuple[str, str]]) -> list[str]:
    """Deal pattern families into splits, style by style, so that no style is missing from val or test.

    Args:
        families: (style, first pattern string) of each family.

    Returns:
        The split of each. Within a style the families with the smallest hashes go to val, the next ones to
        test; both get at least one where the style has `LEAST_FAMILIES` or more, else none.
    """
    by_style: dict[str, list[int]] = {}
    for index, (style, _) in enumerate(families):
        by_style.setdefault(style, []).append(index)
    splits = ["train"] * len(families)
    for members in by_style.values():
        if len(members) < LEAST_FAMILIES:
            continue
        order = sorted(members, key=lambda index: (stable_hash("family:" + families[index][1]), index))
        val, test = (
            max(1, round(len(members) * percent / 100))
            for percent in (VAL_FAMILIES_PERCENT, TEST_FAMILIES_PERCENT)
        )
        for rank, index in enumerate(order[: val + test]):
            splits[index] = "val" if rank < val else "test"
    return splits


def spelled_out(forms: Mapping[int, Iterable[str]], texts: Iterable[tuple[int | None, str]]) -> set[int]:
    """Which reserved entries stand word for word in other texts, so that they cannot be kept out.

    Args:
        forms: Number of each reserved entry -> the forms in which it shows up in text.
        texts: (number of the entry that holds the text, or None; literal text).
    """
    wanted: dict[str, list[tuple[list[str], int]]] = {}
    for number, shown in forms.items():
        for form in shown:
            phrase = words_of(form)
            wanted.setdefault(phrase[0], []).append((phrase, number))
    found: set[int] = set()
    for owner, text in texts:
        words = words_of(text)
        for at, word in enumerate(words):
            for phrase, number in wanted.get(word, ()):
                if number != owner and words[at : at + len(phrase)] == phrase:
                    found.add(number)
    return found
