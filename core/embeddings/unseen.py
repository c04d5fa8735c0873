"""Fresh pairs of topics that a version never learnt from: what its last word may be fitted on.

Topics that were added to data/embeddings after a training are as good for that as its validation split, and
more of them make a better last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.embeddings import bases
from core.embeddings.bank import Bank, Rule, default_bank
from core.embeddings.generate import KIND_MIX, Progress, Row, build_settings, draw, source
from core.errors import InputError, NotFoundError
from core.registry.manifest import Version
from core.registry.versions import open_version
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


def topics_of(dataset: DatasetInfo) -> list[str] | None:
    """Topics that the training split of a dataset was drawn from; None of one that was imported."""
    return (dataset.card.get("topics") or {}).get("train") or None


def topics_behind(version: Version, *, ws: Workspace | None = None) -> list[str] | None:
    """Topics that a version and the versions it was made from learnt from.

    A version tells them itself; of one that an older Studio stored they are read off its datasets.

    Args:
        version: A trained version.
        ws: Workspace in which those datasets lie; the current one by default.

    Returns:
        Names in order, or None where nobody can tell: a dataset is gone, or was imported.
    """
    told = bases.told_topics(version)
    if told is not None:
        return told
    return joined(*(_taught_by(name, ws) for name in datasets_behind(version.manifest))) or None


def _taught_by(name: str, ws: Workspace | None) -> list[str] | None:
    try:
        return topics_of(store.get_dataset("embeddings", name, ws=ws))
    except NotFoundError:
        return None


def joined(*parts: list[str] | None) -> list[str] | None:
    """The topics of several sources together, in order; None where one of them is unknown."""
    if any(part is None for part in parts):
        return None
    return sorted({name for part in parts if part for name in part})


def known_topics(ref: str, *, ws: Workspace | None = None) -> list[str]:
    """Topics that the version of a reference learnt from.

    Raises:
        InputError: If nobody can tell, or it is the untrained base.
        NotFoundError: If there is no such version.
    """
    version = open_version("embeddings", ref, ws=ws)
    learnt = None if version.kind == "base" else topics_behind(version, ws=ws)
    if learnt is None:
        raise InputError(f"Which topics {version.id} learnt from cannot be told.", "Leave 'Topics of' empty.")
    return learnt


def unseen_rules(version: Version, *, bank: Bank | None = None, ws: Workspace | None = None) -> list[Rule]:
    """Rules of topics that a version did not learn from and that are not kept for testing.

    Args:
        version: A trained version.
        bank: The requirements; those that ship by default.
        ws: As in `topics_behind`.

    Raises:
        InputError: If nobody can tell what the version learnt from, or fewer than 20 topics are left.
    """
    bank = bank or default_bank()
    learnt = topics_behind(version, ws=ws)
    if learnt is None:
        behind = ", ".join(repr(name) for name in datasets_behind(version.manifest)) or "none is named"
        raise InputError(
            f"Which topics {version.id} learnt from cannot be told: a dataset behind it is not in this "
            f"workspace, or was imported ({behind}).",
            "Give pairs of your own with --data.",
        )
    kept = {rule.topic for rule in bank.rules_of(_KEPT_SPLIT)}
    rules = [rule for rule in bank.rules if rule.topic not in kept.union(learnt)]
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
    # The last word sees figures: an edit of what the other text leaves open looks to it like none, and makes
    # it doubt every rewording.
    pairs = source(bank, settings, "train", rules=rules, named=True)
    return draw(pairs, settings, count, progress=progress)
