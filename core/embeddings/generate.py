"""Draws a graded pair dataset from the bank of requirements: how many pairs, of which kinds, split how.

Nothing is written here; storing is core/datasets/store.py. What a pair may look like is data/embeddings/.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.embeddings.bank import SPLITS, Bank, Rule, default_bank
from core.embeddings.pairs import RUBRIC, Pairs
from core.embeddings.wording import fill
from core.errors import DatasetError
from core.recipe import build, setting

Row = dict[str, Any]
Progress = Callable[[int, int], None]

SPLIT_SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}
KIND_MIX: dict[str, float] = {
    "paraphrase": 0.07,
    "converted": 0.02,
    "copy": 0.02,
    "nuance": 0.07,
    "sibling": 0.09,
    "topic": 0.12,
    "number": 0.10,
    "object": 0.13,
    "case": 0.06,
    "place": 0.06,
    "polarity": 0.08,
    "domain": 0.03,
    "related": 0.03,
    "unrelated": 0.02,
    "phrase": 0.04,
}
MAX_ATTEMPTS = 400
# More say hardly more, and every pair is read several times after each epoch and at the end.
MOST_VAL, MOST_TEST = 8_000, 2_000


class GenerateSettings(BaseModel):
    """What a user may set for generated pairs; the page and the command line are made from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    count: int = setting(
        12_000,
        "Pairs",
        "How many graded pairs to make, all splits together.",
        group="Size",
        ge=300,
        le=500_000,
    )
    seed: int = setting(
        1,
        "Seed",
        "The same seed with the same settings gives the same pairs again.",
        group="Size",
        ge=0,
        le=2**31 - 1,
    )
    most_val: int = setting(
        MOST_VAL,
        "Most validation pairs",
        "Validation gets a fifth of the pairs, but no more than this; the others train.",
        group="Size",
        advanced=True,
        ge=60,
        le=100_000,
    )
    most_test: int = setting(
        MOST_TEST,
        "Most test pairs",
        "The test split gets a tenth of the pairs, but no more than this; the others train.",
        group="Size",
        advanced=True,
        ge=30,
        le=50_000,
    )
    kind_mix: dict[str, float] | None = setting(
        None, "Kinds", "Weight of each kind of pair, by name; empty: the usual mix.", group="Content"
    )
    rewording: float = setting(
        0.35,
        "Rewording",
        "Share of exchangeable words that are exchanged for others of equal meaning.",
        group="Content",
        unit="share",
        ge=0,
        le=1,
    )
    twins: float = setting(
        0.6,
        "Contrasts",
        "Share of pairs with one difference (number, object, case, place, polarity) that are followed by the "
        "same pair without it: seen side by side they show what the difference is.",
        group="Content",
        unit="share",
        ge=0,
        le=1,
    )
    joining: float = setting(
        0.2,
        "Longer texts",
        "Share of pairs in which both texts get the same further clause or sentence.",
        group="Content",
        unit="share",
        ge=0,
        le=1,
    )
    topics_of: str = setting(
        "",
        "Topics of",
        "A version, for example starter: the training pairs are of topics that it learnt from. When it is "
        "trained on with them, the others stay unknown to it, and its last word can be fitted on those. "
        "Empty: all topics.",
        group="Content",
        advanced=True,
    )


def build_settings(values: dict[str, Any]) -> GenerateSettings:
    """Validate what a form or the command line gives.

    Raises:
        RecipeError: Naming the field that does not fit.
    """
    return build(GenerateSettings, values)


def split_counts(count: int, most_val: int = MOST_VAL, most_test: int = MOST_TEST) -> dict[str, int]:
    """Pairs per split: 20 % val and 10 % test up to the most wanted, the rest train."""
    val = max(1, min(most_val, round(count * SPLIT_SHARES["val"])))
    test = max(1, min(most_test, round(count * SPLIT_SHARES["test"])))
    return {"train": count - val - test, "val": val, "test": test}


def generate(
    settings: GenerateSettings,
    *,
    progress: Progress | None = None,
    bank: Bank | None = None,
    topics: Collection[str] | None = None,
) -> dict[str, Any]:
    """Make a dataset.

    Args:
        settings: Size, seed and mix.
        progress: Called now and then with (pairs done, pairs in all).
        bank: Another bank than the one that ships, for tests.
        topics: Topics of the training split that may be drawn from; all of them without it. `topics_of` of
            the settings is only told in the card: who calls this looks it up.

    Returns:
        `train`, `val`, `test`: rows `{"a", "b", "score", "kind", "group"}`; `card`: settings, rubric, how
        the split
        was made, counts per kind; `corpus`: the bank's train sentences, for unsupervised training.

    Raises:
        DatasetError: If a kind does not exist or the bank cannot give that many different pairs.
    """
    bank = bank or default_bank()
    seen: set[frozenset[str]] = set()
    rows: dict[str, list[Row]] = {}
    rules = {split: bank.rules_of(split) for split in SPLITS}
    if topics is not None:
        rules["train"] = [rule for rule in rules["train"] if rule.topic in topics]
        if not rules["train"]:
            raise DatasetError(
                f"Of the {len(topics)} topics that {settings.topics_of!r} learnt from, none is a topic for "
                "training in data/embeddings/topics.",
                "Leave 'Topics of' empty.",
            )
    done = 0
    for split, wanted in split_counts(settings.count, settings.most_val, settings.most_test).items():
        tell = progress and (lambda count, _, start=done: progress(start + count, settings.count))
        pairs = source(bank, settings, split, rules=rules[split])
        rows[split] = draw(pairs, settings, wanted, seen=seen, progress=tell)
        done += wanted
    return {**rows, "card": describe(settings, rules, rows), "corpus": sentences(bank, rules["train"])}


def preview(settings: GenerateSettings, n: int = 10, *, bank: Bank | None = None) -> list[Row]:
    """The first `n` train pairs of a dataset with these settings."""
    return draw(source(bank or default_bank(), settings, "train"), settings, n)


def source(bank: Bank, settings: GenerateSettings, split: str, **options: Any) -> Pairs:
    """What draws the pairs of a split; `options` as for `Pairs`, for example other `rules` that then come
    with that split's clauses and phrases."""
    return Pairs(bank, split, rewording=settings.rewording, joining=settings.joining, **options)


def draw(
    pairs: Pairs,
    settings: GenerateSettings,
    count: int,
    *,
    seen: set[frozenset[str]] | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """`count` different pairs of one source, in the mix of the settings.

    Args:
        pairs: What draws them.
        settings: Seed, mix, share of twins.
        count: How many.
        seen: Texts of the pairs that may not come again; those drawn join it.
        progress: Called now and then with (pairs done, pairs in all).
    """
    sampler, seen = _Sampler(pairs, settings, checked_mix(settings.kind_mix)), set() if seen is None else seen
    rows = []
    for index in range(count):
        rows.append(sampler.row(index, seen))
        if progress and (index % 200 == 199 or index == count - 1):
            progress(index + 1, count)
    return rows


def sentences(bank: Bank, rules: Sequence[Rule]) -> list[str]:
    """All wordings of rules as they stand in the files, once each."""
    rng = Random(0)
    texts = {}
    for rule in rules:
        for wording in (*rule.same, *rule.opposite, *rule.nuance):
            texts[fill(wording, bank, rng, respell=False)] = None
    return list(texts)


def checked_mix(mix: dict[str, float] | None) -> dict[str, float]:
    """The weights of the kinds.

    Raises:
        DatasetError: If a kind is unknown or nothing has a weight.
    """
    if mix is None:
        return KIND_MIX
    unknown = sorted(set(mix) - set(RUBRIC))
    if unknown or not any(weight > 0 for weight in mix.values()):
        named = f"kind of pair {unknown[0]!r}" if unknown else "mix of kinds without any weight"
        raise DatasetError(f"There is no {named}.", f"Kinds are: {', '.join(RUBRIC)}.")
    return {kind: weight for kind, weight in mix.items() if weight > 0}


class _Sampler:
    """Draws the rows of one source."""

    def __init__(self, pairs: Pairs, settings: GenerateSettings, mix: dict[str, float]) -> None:
        self.pairs = pairs
        self.seed, self.split, self.twins = settings.seed, pairs.split, settings.twins
        self.waiting: Row | None = None
        self.asked = frozenset(mix)
        self.kinds, self.weights = list(mix), list(mix.values())

    def row(self, index: int, seen: set[frozenset[str]]) -> Row:
        """Row `index`, different from all in `seen`, which it joins. Rows are drawn in order: a pair may be
        followed by its twin.

        A kind that the topics of this split cannot give is left to the others; the card counts what came out.
        """
        twin, self.waiting = self.waiting, None
        if twin is not None and _joins(twin, seen):
            return twin
        choice = Random(_seed(self.seed, self.split, index, -1))
        while self.kinds:
            kind = choice.choices(self.kinds, self.weights)[0]
            for attempt in range(MAX_ATTEMPTS):
                row = self.pairs.draw(kind, Random(_seed(self.seed, self.split, index, attempt)))
                if row is not None and _joins(row, seen):
                    twin = self.pairs.twin
                    if twin is not None and twin["kind"] in self.asked and choice.random() < self.twins:
                        self.waiting = twin
                    return row
            at = self.kinds.index(kind)
            del self.kinds[at], self.weights[at]
        raise DatasetError(
            f"The bank gave no new pair for {self.split} after {index} in {MAX_ATTEMPTS} tries of each kind.",
            "Ask for fewer pairs, another mix of kinds, or add topics to data/embeddings/topics.",
        )


def _joins(row: Row, seen: set[frozenset[str]]) -> bool:
    """Whether a pair is new; it joins those seen."""
    key = frozenset((row["a"], row["b"]))
    if len(key) < 2 or key in seen:
        return False
    seen.add(key)
    return True


def _seed(seed: int, split: str, index: int, attempt: int) -> int:
    key = f"pairs/{seed}/{split}/{index}/{attempt}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")


def describe(
    settings: GenerateSettings, rules: Mapping[str, Sequence[Rule]], rows: dict[str, list[Row]]
) -> dict[str, Any]:
    """The generator's part of the dataset card."""
    topics = {split: sorted({r.topic for r in rules[split]}) for split in SPLITS}
    return {
        "source": "generated from data/embeddings (topics and words)",
        "settings": settings.model_dump(),
        "rubric": {kind: {"score": score, "means": means} for kind, (score, means) in RUBRIC.items()},
        "split": (
            "By group: every topic, with all its rules and rewordings, belongs to one split by a "
            "hash of its name; "
            "added clauses and short phrases, too, belong to one split each. No pair occurs twice."
        ),
        "counts": {split: len(rows[split]) for split in SPLITS},
        "kinds": {split: dict(sorted(Counter(r["kind"] for r in rows[split]).items())) for split in SPLITS},
        "topics": topics,
        "rules": {split: len(rules[split]) for split in SPLITS},
    }
