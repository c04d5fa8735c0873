"""Makes a labelled NER dataset from the grammar: its settings, its splits and its card.

How one row is drawn is core/ner/sampler.py, what a sentence may look like data/ner/. Nothing is stored here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.errors import RecipeError
from core.ner import sampler
from core.ner.augment import SYNONYMS
from core.ner.grammar import Grammar
from core.ner.grammar_yaml import content_hash
from core.ner.holdout import LEAST_FAMILIES, SPLITS, TEST_FAMILIES_PERCENT, VAL_FAMILIES_PERCENT
from core.ner.sampler import BOTH, Row, Sampler, Seen, check_mix
from core.recipe import build, setting
from core.tasks import TASKS

Progress = Callable[[int, int], None]

SPLIT_SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}


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
    joined: float = setting(
        0.2, "Two in one", "Share of rows that hold two sentences, since real text comes in longer pieces.",
        group="Content", ge=0, le=1,
    )  # fmt: skip
    synonyms: float = setting(
        0.15, "Synonyms", "Share of rows in which names and units are written another way (G.O. 95).",
        group="Content", ge=0, le=1,
    )  # fmt: skip
    noise: float = setting(
        0.1, "Noise", "Share of rows with scanning errors, lost punctuation, capitals or table borders.",
        group="Content", ge=0, le=1,
    )  # fmt: skip


def build_settings(values: dict[str, Any] | None = None) -> GenerateSettings:
    """Settings from the values that differ from the defaults.

    Args:
        values: By name; numbers may be text, as a command line gives them, and `style_mix` may be
            `regulation:2, go-back:1` (a style without a number counts 1).

    Raises:
        RecipeError: Naming the field that does not fit, what came and what is allowed.
    """
    values = dict(values or {})
    if isinstance(values.get("style_mix"), str):
        values["style_mix"] = _parse_mix(values["style_mix"])
    settings = build(GenerateSettings, values)
    if settings.style_mix is not None:
        check_mix(settings.style_mix, default_grammar().styles)
    return settings


def _parse_mix(text: str) -> dict[str, float] | None:
    mix: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        style, colon, weight = (piece.strip() for piece in part.partition(":"))
        try:
            mix[style] = float(weight) if colon else 1.0
        except ValueError:
            raise RecipeError(
                f"style_mix has {part!r}, expected a style and a number.",
                "For example style_mix=regulation:2,go-back:1.",
            ) from None
    return mix or None


def style_weights(grammar: Grammar | None = None) -> dict[str, float]:
    """How often each style is drawn, as weights, where no style mix is set: by the pattern files."""
    return sampler.style_weights(grammar or default_grammar())


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
        progress: Called now and then with (sentences done, sentences in all), from 0 to all.
        grammar: Another grammar than the one that ships, for tests.

    Returns:
        `train`, `val`, `test`: rows `{"text", "entities": [{"start", "end", "label"}], "style", "pattern"}`;
        `card`: settings, how the split was made, counts per style, label balance.

    Raises:
        RecipeError: If a style does not exist.
        DatasetError: If the patterns cannot give that many different sentences.
    """
    grammar = grammar or default_grammar()
    counts = split_counts(settings.count)
    samplers = {split: Sampler(grammar, settings, split) for split in SPLITS}
    step = max(100, settings.count // 200)
    seen = Seen()
    rows: dict[str, list[Row]] = {}
    done = 0
    for split in SPLITS:
        rows[split] = []
        for index in range(counts[split]):
            if progress and done % step == 0:
                progress(done, settings.count)
            rows[split].append(samplers[split].row(index, seen))
            done += 1
    if progress:
        progress(done, settings.count)
    return {**rows, "card": describe(settings, grammar, rows)}


def preview(settings: GenerateSettings, n: int = 10, *, grammar: Grammar | None = None) -> list[Row]:
    """The first `n` train sentences of a dataset with these settings, within milliseconds."""
    first = Sampler(grammar or default_grammar(), settings, "train")
    seen = Seen()
    return [first.row(index, seen) for index in range(n)]


def describe(settings: GenerateSettings, grammar: Grammar, rows: dict[str, list[Row]]) -> dict[str, Any]:
    """The generator's part of the dataset card."""
    lexicon = [s for s in grammar.symbols.values() if s.kind == "lexicon"]
    reserved = {
        SPLITS[k]: sorted({e.text for s in lexicon for e in s.entries if e.reserved == k}) for k in (1, 2)
    }
    families = {split: Counter(f.split for f in grammar.families)[split] for split in SPLITS}
    labels = {split: Counter(e["label"] for row in rows[split] for e in row["entities"]) for split in SPLITS}
    words = {split: [len(re.findall(r"\S+", row["text"])) for row in rows[split]] or [0] for split in SPLITS}
    used = {split: {p for row in rows[split] for p in row["pattern"].split(BOTH)} for split in SPLITS}
    return {
        "source": "generated from data/ner (lexicons, grammar, patterns)",
        "generator": {"version": grammar.version, "synonyms": content_hash([SYNONYMS])},
        "settings": settings.model_dump(),
        "split": (
            "By group. Every sentence pattern, with all its rewordings, is a family that belongs to one "
            "split: within each style the families are ordered by a hash of their text, "
            f"the first {VAL_FAMILIES_PERCENT} % are for val and the next {TEST_FAMILIES_PERCENT} % for "
            f"test, at least one each where the style has {LEAST_FAMILIES} or more. Two sentences in one row "
            f"are of the same style and split. {len(reserved['val'])} lexicon entries are kept for val and "
            f"{len(reserved['test'])} for test by a hash of the entry (reserved_entries) and never stand in "
            "another split, which is checked on the finished text. No text occurs twice, and no text is in "
            "two splits even when numbers and punctuation are left aside."
        ),
        "counts": {split: len(rows[split]) for split in SPLITS},
        "styles": {split: _counted(row["style"] for row in rows[split]) for split in SPLITS},
        "labels": {split: _counted(labels[split].elements()) for split in SPLITS},
        "label_share": {
            split: {
                label: round(labels[split][label] / max(labels[split].total(), 1), 3)
                for label in TASKS["ner"].labels
            }
            for split in SPLITS
        },
        "nothing_to_find": {split: sum(not row["entities"] for row in rows[split]) for split in SPLITS},
        "joined": {split: sum(BOTH in row["pattern"] for row in rows[split]) for split in SPLITS},
        "families": families,
        "families_used": {split: len(used[split]) for split in SPLITS},
        "reserved_entries": reserved,
        "words_per_sentence": {split: round(sum(words[split]) / len(words[split]), 1) for split in SPLITS},
    }


def _counted(names: Any) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
