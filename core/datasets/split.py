"""Splits of 70/20/10 by group, so that near-copies of a sentence never stand on both sides.

Generated data is split where it is made; this is for data that comes from outside.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.errors import DatasetError

SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}
EXPLANATION = (
    "70/20/10 by group: sentences that are the same apart from numbers, punctuation and capitals form one "
    "group and stay in one split."
)
_NUMBER = re.compile(r"\d+")
_REST = re.compile(r"[^\w]+")

Row = dict[str, Any]


def normalise(text: str) -> str:
    """The text without what does not change its meaning: capitals, width of characters, white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def masked(text: str) -> str:
    """The normalised text with every number as 0 and no punctuation: equal for near-copies."""
    return _REST.sub(" ", _NUMBER.sub("0", normalise(text))).strip()


def group_of(row: Row) -> str:
    """What a row shares with its near-copies: its pattern where it names one, else its masked text."""
    pattern = row.get("pattern")
    return f"pattern {pattern}" if pattern else masked(row["text"])


def split_by_group(
    rows: Sequence[Row],
    *,
    seed: int = 0,
    shares: Mapping[str, float] = SHARES,
    key: Callable[[Row], str] = group_of,
) -> dict[str, list[Row]]:
    """Deal rows into splits, whole groups at a time; the same rows and seed give the same splits.

    Args:
        rows: Rows in any order; within a split their order stays.
        seed: Any number.
        shares: Split -> share of the rows; every split gets at least one group.
        key: Row -> its group.

    Raises:
        DatasetError: If there are fewer groups than splits.
    """
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(key(row), []).append(index)
    if len(groups) < len(shares):
        raise DatasetError(
            f"{len(rows)} rows with {len(groups)} different sentences do not split into {', '.join(shares)}.",
            f"Import at least {len(shares)} different sentences; some hundreds are needed to train well.",
        )
    order = sorted(groups, key=lambda name: (-len(groups[name]), _shuffled(seed, name)))
    total = sum(shares.values())
    missing = {split: share / total * len(rows) for split, share in shares.items()}
    dealt: dict[str, list[str]] = {split: [] for split in shares}
    for name in order:
        split = max(missing, key=lambda candidate: missing[candidate])
        dealt[split].append(name)
        missing[split] -= len(groups[name])
    for split, names in dealt.items():
        if not names:
            donor = max(dealt, key=lambda other: len(dealt[other]))
            names.append(dealt[donor].pop())
            dealt[split] = names
    return {
        split: [rows[index] for index in sorted(index for name in names for index in groups[name])]
        for split, names in dealt.items()
    }


def keep_own_splits(rows: Sequence[Row], *, seed: int = 0) -> tuple[dict[str, list[Row]], str] | None:
    """Use the splits that the rows name themselves; a missing val or test part is taken from train.

    Args:
        rows: Rows, each with `split` for its split to count.
        seed: For the part that is taken from train.

    Returns:
        (splits, explanation), or None if a row names no split or none names train.
    """
    if not all(row.get("split") in SHARES for row in rows):
        return None
    own = {split: [row for row in rows if row["split"] == split] for split in SHARES}
    if not own["train"]:
        return None
    absent = [split for split in SHARES if not own[split]]
    if not absent:
        return own, "The imported files name train, val and test themselves; that was kept."
    shares = {split: SHARES[split] for split in SHARES if split == "train" or split in absent}
    own.update(split_by_group(own["train"], seed=seed, shares=shares))
    gap = " and no ".join(absent)
    return own, f"The imported files name their splits, but no {gap}; that was taken from train by group."


def _shuffled(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogatepass")).hexdigest()
