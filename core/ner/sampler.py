"""Draws the rows of one split from the grammar: which family next, rewritten how, and what is turned down.

What the settings mean is core/ner/generate.py, single rewrites are core/ner/augment.py.
"""

from __future__ import annotations

import difflib
import hashlib
from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any, Protocol

from core.datasets.split import masked, normalise
from core.errors import DatasetError, RecipeError
from core.ner.augment import Entities, add_noise, join_sentences, respell_units, swap_synonyms
from core.ner.grammar import Family, Grammar
from core.ner.inflect import capitalised

Row = dict[str, Any]

MAX_WORDS = 90
MAX_ATTEMPTS = 400
# Between the pattern ids of a row that was joined from two sentences.
BOTH = "+"
# Styles that are prose: their sentences begin with a capital.
PROSE = {
    "definition", "exception", "nothing", "order", "recombined", "reference", "regulation", "safety", "spec",
}  # fmt: skip


class Wishes(Protocol):
    """The settings that sampling reads; see `GenerateSettings`."""

    seed: int
    style_mix: dict[str, float] | None
    nothing_share: float
    joined: float
    synonyms: float
    noise: float


@dataclass
class Seen:
    """The texts made so far: none comes twice, none is in two splits apart from its numbers."""

    exact: set[str] = field(default_factory=set)
    near: dict[str, str] = field(default_factory=dict)

    def add(self, text: str, split: str) -> bool:
        """Take `text` in and return True, or leave it and return False."""
        key, rough = normalise(text), masked(text)
        if key in self.exact or self.near.get(rough, split) != split:
            return False
        self.exact.add(key)
        self.near[rough] = split
        return True


@dataclass
class _Pool:
    """Families with their running weights."""

    families: list[Family] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)

    def draw(self, rng: Random) -> Family:
        return self.families[bisect(self.sums, rng.random() * self.sums[-1])]


class Sampler:
    """Draws the rows of one split.

    Raises:
        RecipeError: If the style mix names a style that does not exist or has no weight.
        DatasetError: If no pattern is left.
    """

    def __init__(self, grammar: Grammar, settings: Wishes, split: str) -> None:
        self.grammar, self.settings, self.split = grammar, settings, split
        weighted = _weighted_families(grammar, settings.style_mix, split)
        if not weighted:
            raise DatasetError(f"No pattern is left for {split} with this mix of styles.", "Add a style.")
        self.all = _pool(weighted)
        self.of_style = {
            style: _pool([pair for pair in weighted if pair[0].style == style])
            for style in sorted({family.style for family, _ in weighted})
        }

    def row(self, index: int, seen: Seen) -> Row:
        """Row `index`, different from all in `seen`, which it joins."""
        # The kind is fixed over the attempts, so that rejected drafts do not shift the share.
        bare = Random(self._seed(index, -1)).random() < self.settings.nothing_share
        for attempt in range(MAX_ATTEMPTS):
            row = self._draft(Random(self._seed(index, attempt)), bare)
            if row is not None and seen.add(row["text"], self.split):
                return row
        raise DatasetError(
            f"The patterns for {self.split} gave nothing new for sentence {index + 1} "
            f"in {MAX_ATTEMPTS} tries.",
            "Ask for fewer sentences, more styles, or another share of sentences with nothing to find.",
        )

    def _draft(self, rng: Random, bare: bool) -> Row | None:
        settings = self.settings
        family = self.all.draw(rng)
        text, entities = self._sentence(family, rng)
        pattern = family.id
        if bool(entities) == bare:
            return None
        if rng.random() < settings.joined:
            second = self.of_style[family.style].draw(rng)
            other = self._sentence(second, rng)
            if bare and other[1]:
                return None
            text, entities = join_sentences((text, entities), other, rng, prose=family.style in PROSE)
            pattern = f"{family.id}{BOTH}{second.id}"
        if rng.random() < settings.synonyms:
            text, entities = swap_synonyms(text, entities, rng)
            text, entities = respell_units(text, entities, rng)
        if len(text.split()) > MAX_WORDS or self.grammar.leaks(text, self.split):
            return None
        if rng.random() < settings.noise:
            text, entities = add_noise(text, entities, rng)
            # A lost comma can bring two words together.
            if self.grammar.leaks(text, self.split):
                return None
        return {"text": text, "entities": entities, "style": family.style, "pattern": pattern}

    def _sentence(self, family: Family, rng: Random) -> tuple[str, Entities]:
        example = self.grammar.draw(family, rng)
        text = example.text
        if family.style in PROSE and text.endswith(".") and rng.random() < 0.9:
            text = capitalised(text)
        return text, example.entities

    def _seed(self, index: int, attempt: int) -> int:
        key = f"{self.settings.seed}/{self.split}/{index}/{attempt}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")


def check_mix(mix: Mapping[str, float], styles: Sequence[str]) -> None:
    """Raise a RecipeError if a style mix cannot be used with these styles."""
    known = ", ".join(styles)
    for style, weight in mix.items():
        if style not in styles:
            near = difflib.get_close_matches(style, styles, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise RecipeError(f"There is no style {style!r}.", f"{meant}Styles are: {known}.")
        if not 0 <= weight < float("inf"):
            raise RecipeError(f"Style {style} has weight {weight}, expected a number from 0 on.")
    if not any(mix.values()):
        raise RecipeError("The style mix has no style with a weight above 0.", f"Styles are: {known}.")


def style_weights(grammar: Grammar) -> dict[str, float]:
    """How often each style is drawn where no style mix is set: the weights of its pattern files."""
    weights = dict.fromkeys(grammar.styles, 0.0)
    for file, style in sorted({(family.file, family.style) for family in grammar.families}):
        weights[style] += grammar.file_weights[file]
    return weights


def _weighted_families(
    grammar: Grammar, style_mix: Mapping[str, float] | None, split: str
) -> list[tuple[Family, float]]:
    """The families of a split with their weights: first the style, then the file, then the family."""
    mix = style_weights(grammar) if style_mix is None else style_mix
    if style_mix is not None:
        check_mix(style_mix, grammar.styles)
    families = [f for f in grammar.families if f.split == split and f.weight > 0]
    in_file = Counter[str]()
    in_style = Counter[str]()
    for family in families:
        in_file[family.file] += family.weight
    for file, style in sorted({(f.file, f.style) for f in families}):
        in_style[style] += grammar.file_weights[file]
    weighted = []
    for family in families:
        if mix.get(family.style, 0) > 0 and grammar.file_weights[family.file] > 0:
            share = mix[family.style] * grammar.file_weights[family.file] / in_style[family.style]
            weighted.append((family, share * family.weight / in_file[family.file]))
    return weighted


def _pool(weighted: Sequence[tuple[Family, float]]) -> _Pool:
    return _Pool([family for family, _ in weighted], list(accumulate(weight for _, weight in weighted)))
