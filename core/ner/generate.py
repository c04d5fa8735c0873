"""Draws a labelled NER dataset from the grammar: how many sentences, of which styles, split how.

Nothing is written here; storing is core/datasets/store.py. What a sentence may look like is data/ner/.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.errors import DatasetError
from core.ner.augment import add_noise, respell_units, swap_synonyms
from core.ner.grammar import SPLITS, Family, Grammar
from core.ner.inflect import capitalised
from core.recipe import build, setting

Row = dict[str, Any]
Progress = Callable[[int, int], None]

SPLIT_SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}
MAX_WORDS = 90
MAX_ATTEMPTS = 400
# Styles that are prose: their sentences begin with a capital.
_PROSE = {
    "definition",
    "exception",
    "nothing",
    "order",
    "recombined",
    "reference",
    "regulation",
    "safety",
    "spec",
}


class GenerateSettings(BaseModel):
    """What a user may set for a generated NER dataset; the page and the command line are made from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    count: int = setting(
        8000, "Sentences", "How many labelled sentences to make, all splits together.",
        group="Size", ge=10, le=500_000,
    )  # fmt: skip
    seed: int = setting(
        1, "Seed", "The same seed with the same settings gives the same sentences again.",
        group="Size", ge=0, le=2**31 - 1,
    )  # fmt: skip
    style_mix: dict[str, float] | None = setting(
        None, "Styles", "Weight of each style of writing, by name; empty: the weights of the pattern files.",
        group="Content",
    )  # fmt: skip
    nothing_share: float = setting(
        0.14, "Nothing to find", "Share of sentences without any entity: they teach what equipment is not.",
        group="Content", ge=0, le=0.6,
    )  # fmt: skip
    synonyms: float = setting(
        0.15, "Synonyms", "Share of sentences in which names and units are written another way (G.O. 95).",
        group="Content", ge=0, le=1,
    )  # fmt: skip
    noise: float = setting(
        0.1, "Noise", "Share of sentences with scanning errors, lost punctuation, capitals or table borders.",
        group="Content", ge=0, le=1,
    )  # fmt: skip


def build_settings(values: dict[str, Any] | None = None) -> GenerateSettings:
    """Settings from the values that differ from the defaults.

    Raises:
        RecipeError: Naming the field that does not fit, what came and what is allowed.
    """
    return build(GenerateSettings, values or {})


def style_weights(grammar: Grammar | None = None) -> dict[str, float]:
    """How often each style is drawn, as weights, where no style mix is set: by the pattern files."""
    grammar = grammar or default_grammar()
    weights = dict.fromkeys(grammar.styles, 0.0)
    for file, style in sorted({(family.file, family.style) for family in grammar.families}):
        weights[style] += grammar.file_weights[file]
    return weights


@cache
def default_grammar() -> Grammar:
    """The grammar of the files that ship, loaded once per process."""
    return Grammar.load()


def split_counts(count: int) -> dict[str, int]:
    """Sentences per split: 20 % val, 10 % test, the rest train; each at least one."""
    val, test = (max(1, round(count * SPLIT_SHARES[name])) for name in ("val", "test"))
    return {"train": count - val - test, "val": val, "test": test}


def generate(
    settings: GenerateSettings, *, progress: Progress | None = None, grammar: Grammar | None = None
) -> dict[str, Any]:
    """Make a dataset.

    Args:
        settings: Size, seed and mix.
        progress: Called now and then with (sentences done, sentences in all).
        grammar: Another grammar than the one that ships, for tests.

    Returns:
        `train`, `val`, `test`: rows `{"text", "entities": [{"start", "end", "label"}], "style", "pattern"}`;
        `card`: settings, how the split was made, counts per style, label balance.

    Raises:
        DatasetError: If a style does not exist or the patterns cannot give that many different sentences.
    """
    grammar = grammar or default_grammar()
    counts = split_counts(settings.count)
    seen: set[str] = set()
    rows: dict[str, list[Row]] = {}
    done = 0
    for split in SPLITS:
        sampler = _Sampler(grammar, settings, split)
        rows[split] = []
        for index in range(counts[split]):
            rows[split].append(sampler.row(index, seen))
            done += 1
            if progress and (done % 200 == 0 or done == settings.count):
                progress(done, settings.count)
    return {**rows, "card": describe(settings, grammar, rows)}


def preview(settings: GenerateSettings, n: int = 10, *, grammar: Grammar | None = None) -> list[Row]:
    """The first `n` train sentences of a dataset with these settings, within milliseconds."""
    sampler = _Sampler(grammar or default_grammar(), settings, "train")
    seen: set[str] = set()
    return [sampler.row(index, seen) for index in range(n)]


class _Sampler:
    """Draws the rows of one split."""

    def __init__(self, grammar: Grammar, settings: GenerateSettings, split: str) -> None:
        self.grammar, self.settings, self.split = grammar, settings, split
        self.families, self.sums = _weighted_families(grammar, settings.style_mix, split)

    def row(self, index: int, seen: set[str]) -> Row:
        """Row `index`, different from all in `seen`, which it joins."""
        for attempt in range(MAX_ATTEMPTS):
            rng = Random(_seed(self.settings.seed, self.split, index, attempt))
            # The kind is fixed over the attempts, so that rejected drafts do not shift the share.
            kind = Random(_seed(self.settings.seed, self.split, index, -1)).random()
            family = self.families[bisect(self.sums, rng.random() * self.sums[-1])]
            row = self._draft(family, rng)
            key = " ".join(row["text"].lower().split())
            if key in seen or bool(row["entities"]) == (kind < self.settings.nothing_share):
                continue
            if len(key.split()) > MAX_WORDS or self.grammar.leaks(row["text"], self.split):
                continue
            seen.add(key)
            return row
        raise DatasetError(
            f"The patterns for {self.split} gave nothing new for sentence {index + 1} in {MAX_ATTEMPTS} tries.",
            "Ask for fewer sentences, more styles, or another share of sentences with nothing to find.",
        )

    def _draft(self, family: Family, rng: Random) -> Row:
        example = self.grammar.draw(family, rng)
        text, entities = example.text, example.entities
        if family.style in _PROSE and text.endswith(".") and rng.random() < 0.9:
            text = capitalised(text)
        if rng.random() < self.settings.synonyms:
            text, entities = swap_synonyms(text, entities, rng)
            text, entities = respell_units(text, entities, rng)
        if rng.random() < self.settings.noise:
            text, entities = add_noise(text, entities, rng)
        return {"text": text, "entities": entities, "style": family.style, "pattern": family.id}


def _seed(seed: int, split: str, index: int, attempt: int) -> int:
    key = f"{seed}/{split}/{index}/{attempt}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")


def _weighted_families(
    grammar: Grammar, style_mix: dict[str, float] | None, split: str
) -> tuple[list[Family], list[float]]:
    """The families of a split with their running weights: style, then file, then family."""
    if style_mix is not None:
        unknown = sorted(set(style_mix) - set(grammar.styles))
        if unknown or not any(weight > 0 for weight in style_mix.values()):
            named = f"style {unknown[0]!r}" if unknown else "a style mix without any weight"
            raise DatasetError(f"There is no {named}.", f"Styles are: {', '.join(grammar.styles)}.")
    families = [f for f in grammar.families if f.split == split and f.weight > 0]
    in_file = Counter[str]()
    in_style = Counter[str]()
    for family in families:
        in_file[family.file] += family.weight
    for file, style in sorted({(f.file, f.style) for f in families}):
        in_style[style] += grammar.file_weights[file]
    kept, weights = [], []
    for family in families:
        share = grammar.file_weights[family.file]
        if style_mix is not None:
            share *= style_mix.get(family.style, 0) / in_style[family.style]
        if share > 0:
            kept.append(family)
            weights.append(share * family.weight / in_file[family.file])
    if not kept:
        raise DatasetError(f"No pattern is left for {split} with this mix of styles.", "Add a style.")
    return kept, list(accumulate(weights))


def describe(settings: GenerateSettings, grammar: Grammar, rows: dict[str, list[Row]]) -> dict[str, Any]:
    """The generator's part of the dataset card."""
    lexicon = [s for s in grammar.symbols.values() if s.kind == "lexicon"]
    held = {SPLITS[k]: sum(e.reserved == k for s in lexicon for e in s.entries) for k in (1, 2)}
    families = {split: sorted({row["pattern"] for row in rows[split]}) for split in SPLITS}
    return {
        "source": "generated from data/ner (lexicons, grammar, patterns)",
        "settings": settings.model_dump(),
        "split": (
            "By group: every sentence pattern, with all its rewordings, belongs to one split by a hash of its "
            f"text; {held['val']} lexicon entries are kept for val and {held['test']} for test by a hash of the "
            "entry and never stand in train, which is checked on the finished text. No text occurs twice."
        ),
        "counts": {split: len(rows[split]) for split in SPLITS},
        "styles": {split: dict(sorted(Counter(r["style"] for r in rows[split]).items())) for split in SPLITS},
        "labels": {
            split: dict(sorted(Counter(e["label"] for r in rows[split] for e in r["entities"]).items()))
            for split in SPLITS
        },
        "nothing_to_find": {split: sum(not r["entities"] for r in rows[split]) for split in SPLITS},
        "patterns": {split: len(families[split]) for split in SPLITS},
        "reserved_entries": held,
        "words_per_sentence": {
            split: round(
                sum(len(re.findall(r"\S+", r["text"])) for r in rows[split]) / max(len(rows[split]), 1), 1
            )
            for split in SPLITS
        },
    }
