"""Fresh pairs of topics that a version never learnt from: what its last word may be fitted on.

Topics that were added to data/embeddings after a training are as good for that as its validation split, and
more of them make a better last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.datasets import store
from core.embeddings.bank import Bank, Rule, default_bank
from core.embeddings.generate import KIND_MIX, Progress, Row, build_settings, draw, source
from core.errors import InputError, NotFoundError
from core.registry.manifest import Version
from core.workspace import Workspace

LEAST_TOPICS = 20
_KEPT_SPLIT = "test"  # scores are measured on it
_PHRASES = 0.1  # more short phrases than a training reads: few words leave the last word little to weigh


def datasets_behind(manifest: Mapping[str, Any]) -> list[str]:
    """Ids of all datasets from which a version and the versions it was made from learnt."""
    found = [(manifest.get("spec") or {}).get("dataset")]

    def parents(origin: Mapping[str, Any] | None) -> None:
        for parent in (origin or {}).get("parents") or []:
            found.append(parent.get("dataset"))
            parents(parent.get("origin"))

    parents(manifest.get("origin"))
    return sorted({name for name in found if name})


def unseen_rules(version: Version, *, bank: Bank | None = None, ws: Workspace | None = None) -> list[Rule]:
    """Rules of topics that a version did not learn from and that are not kept for testing.

    Args:
        version: A trained version.
        bank: The requirements; those that ship by default.
        ws: Workspace in which the datasets behind the version lie; the current one by default.

    Raises:
        InputError: If a dataset is gone or was not generated here, or fewer than 20 topics are left.
    """
    bank = bank or default_bank()
    learnt: set[str] = set()
    behind = datasets_behind(version.manifest)
    for name in behind:
        try:
            topics = (store.get_dataset("embeddings", name, ws=ws).card.get("topics") or {}).get("train")
        except NotFoundError:
            topics = None
        if not topics:
            raise InputError(
                f"Which topics {version.id} learnt from cannot be told: dataset {name!r} is not in this "
                "workspace, or was imported.",
                "Give pairs of your own with --data.",
            )
        learnt |= set(topics)
    if not behind:
        raise InputError(
            f"The manifest of {version.id} names no dataset.", "Give pairs of your own with --data."
        )
    kept = {rule.topic for rule in bank.rules_of(_KEPT_SPLIT)}
    rules = [rule for rule in bank.rules if rule.topic not in learnt | kept]
    topics_left = len({rule.topic for rule in rules})
    if topics_left < LEAST_TOPICS:
        raise InputError(
            f"{version.id} learnt from all but {topics_left} topics; expected {LEAST_TOPICS} or more that it "
            "does not know.",
            "Give pairs of your own with --data, or add topics to data/embeddings/topics.",
        )
    return rules


def unseen_pairs(
    version: Version,
    count: int,
    *,
    seed: int = 1,
    bank: Bank | None = None,
    ws: Workspace | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Draw pairs of `unseen_rules`, with the clauses and short phrases of the training split.

    The other splits have too few short phrases to fit anything on.

    Args:
        version: A trained version.
        count: How many, 300 or more.
        seed: The same seed gives the same pairs again.
        bank: The requirements; those that ship by default.
        ws: Workspace; the current one by default.
        progress: Called now and then with (pairs done, pairs in all).

    Raises:
        InputError: As in `unseen_rules`.
        RecipeError: If the count is out of range.
    """
    mix = {**KIND_MIX, "phrase": _PHRASES}
    settings = build_settings({"count": count, "seed": seed, "kind_mix": mix})
    bank = bank or default_bank()
    rules = unseen_rules(version, bank=bank, ws=ws)
    return draw(source(bank, settings, "train", rules), settings, count, progress=progress)
