"""Loads the lexicon, grammar and pattern files of the NER generator and expands patterns into labelled text.

What a single string may hold is core/ner/syntax.py; how many sentences of what are drawn is
core/ner/generate.py. `python -m core.ner.grammar check` validates all files and prints samples.
"""

from __future__ import annotations

import difflib
import gc
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from core.errors import GrammarError
from core.ner import syntax
from core.ner.holdout import SPLITS, words_of
from core.ner.inflect import fix_articles, plural_phrase
from core.ner.syntax import CLOSE, LABEL_OF, Context, Emit, Problem, Ref
from core.workspace import DATA_DIR

DEFAULT_DIRS = tuple(DATA_DIR / "ner" / name for name in ("lexicon", "grammar", "patterns"))

# Raise it when code changes what the same files and seed give.
GENERATOR_VERSION = 2

_EMPTY = re.compile(r"[\x01-\x04][ \t\n]*\x05")
_MARKS = re.compile(r"([\x01-\x05])")


@dataclass(frozen=True)
class Example:
    """One labelled text; entities are sorted, trimmed and do not overlap.

    Args:
        text: The sentence.
        entities: Dicts with `start`, `end` (character offsets, end exclusive) and `label`.
    """

    text: str
    entities: list[dict[str, Any]]

    def marked(self) -> str:
        """The text with `[E ...]` around every entity, for people."""
        letters = {label: letter for letter, label in syntax.LABELS.items()}
        out, at = [], 0
        for entity in self.entities:
            out += [self.text[at : entity["start"]], f"[{letters[entity['label']]} "]
            out += [self.text[entity["start"] : entity["end"]], "]"]
            at = entity["end"]
        return "".join([*out, self.text[at:]])


@dataclass
class Entry:
    """One alternative of a symbol. `reserved` is 0 for all splits, else 1 (val only) or 2 (test only)."""

    text: str
    weight: float
    where: str
    nodes: list[Any]
    variants: tuple[str, ...] = ()
    reserved: int = 0
    emit: Emit | None = None


@dataclass
class Symbol:
    """A lexicon word list or a grammar non-terminal; `labelled` when its text may hold spans."""

    name: str
    kind: str
    labelled: bool = False
    entries: list[Entry] = field(default_factory=list)
    by_split: list[Emit] = field(default_factory=list)


@dataclass
class Family:
    """Rewordings of one idea: the unit that the splits are made of."""

    id: str
    style: str
    file: str
    weight: float
    split: str
    texts: list[str]
    emit: Emit


def finish(marked: str) -> Example:
    """Turn marked text into an Example: spaces tidied, a/an chosen, spans trimmed."""
    text = re.sub(r"[ \t\n]+", " ", _EMPTY.sub("", marked))
    text = re.sub(r"([\x01-\x04]+) ", r" \1", re.sub(r" (\x05+)", r"\1 ", text))
    text = re.sub(r" +", " ", text)
    # "[E {pole|a}]" and "[E the pole]": an article stands before the label.
    text = re.sub(r"\x01([Aa]n?|[Tt]he) (?=\S)", "\\1 \x01", text)
    text = re.sub(r" (\x05*)(?=[,;:)\]?!%’”]|\.(?!\d))", r"\1", text)
    text = re.sub(r"(?<=[(\[“‘])(\x05*) ", r"\1", text)
    # "10 ft." and "7 a.m." at the end of a sentence bring its full stop with them; "..." stays.
    text = re.sub(r"(?<!\.)\.(\x05*)\.(?!\.)", r".\1", text)
    text = fix_articles(text.strip())
    out: list[str] = []
    entities: list[dict[str, Any]] = []
    length, start, label = 0, -1, ""
    for part in _MARKS.split(text):
        if part in LABEL_OF:
            start, label = length, LABEL_OF[part]
        elif part == CLOSE:
            if length > start >= 0:
                entities.append({"start": start, "end": length, "label": label})
            start = -1
        elif part:
            out.append(part)
            length += len(part)
    return Example("".join(out), entities)


class Grammar:
    """All symbols and pattern families of a set of folders. Make one with `Grammar.load`."""

    def __init__(
        self, symbols: dict[str, Symbol], families: list[Family], weights: dict[str, float], content: str
    ) -> None:
        self.symbols = symbols
        self.families = families
        self.file_weights = weights
        self.version = f"{GENERATOR_VERSION}-{content}"
        self._compiled: dict[str, Emit] = {}
        self.reserved = self._reserved_phrases()

    @classmethod
    def load(cls, dirs: Sequence[Path] = DEFAULT_DIRS) -> Grammar:
        """Read, validate and compile every YAML file below `dirs`.

        Args:
            dirs: Folders; a file with a `patterns` key is a pattern file, the others define symbols.

        Raises:
            GrammarError: Listing the mistakes of all files, each with file, line, symbol and position.
        """
        from core.ner.grammar_files import read_dirs

        # Nothing of the many small objects made here is garbage: looking for it takes half of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return read_dirs(dirs)
        finally:
            if collecting:
                gc.enable()

    @property
    def styles(self) -> list[str]:
        """Styles that the pattern files declare, sorted."""
        return sorted({family.style for family in self.families})

    def expand(self, pattern: str, rng: Random, split: str = "train") -> Example:
        """Expand one pattern string.

        Args:
            pattern: For example `"Set [E {pole}] [M {length}] deep."`.
            rng: Source of all choices.
            split: `train`, `val` or `test`; reserved lexicon entries appear only in their own.

        Raises:
            GrammarError: If the pattern is not well formed or names an unknown symbol.
        """
        if pattern not in self._compiled:
            self._compiled[pattern] = compile_text(pattern, "pattern", self.symbols)
        return finish(self._compiled[pattern](Context(rng, SPLITS.index(split))))

    def draw(self, family: Family, rng: Random) -> Example:
        """One sentence of `family`, with the lexicon of the family's split."""
        return finish(family.emit(Context(rng, SPLITS.index(family.split))))

    def leaks(self, text: str, split: str) -> str:
        """Return the first entry reserved for another split that stands in `text`, or an empty string."""
        words = words_of(text)
        for at, word in enumerate(words):
            for phrase, owner in self.reserved.get(word, ()):
                if owner != split and words[at : at + len(phrase)] == phrase:
                    return " ".join(phrase)
        return ""

    def _reserved_phrases(self) -> dict[str, list[tuple[list[str], str]]]:
        found: dict[str, list[tuple[list[str], str]]] = {}
        for symbol in self.symbols.values():
            for entry in symbol.entries:
                if entry.reserved:
                    for surface in surfaces(entry):
                        phrase = words_of(surface)
                        found.setdefault(phrase[0], []).append((phrase, SPLITS[entry.reserved]))
        return found


def surfaces(entry: Entry) -> list[str]:
    """The forms in which a lexicon entry shows up in text: each variant, singular and plural."""
    forms = {form.lower() for text in entry.variants for form in (text, plural_phrase(text))}
    return sorted(form for form in forms if words_of(form))


def compile_text(text: str, where: str, symbols: dict[str, Symbol]) -> Emit:
    """Parse and compile one string against known symbols, or raise a GrammarError that names `where`."""
    try:
        nodes = syntax.parse(text)
        check_refs(nodes, symbols)
        check_nesting(nodes, symbols)
    except Problem as problem:
        raise syntax.describe(problem, where, text) from None
    return syntax.compile_nodes(nodes, lookup_in(symbols))


def resolve(name: str, symbols: dict[str, Symbol]) -> str | None:
    """The defined name that a reference means: itself, or with its capital first letter lowered."""
    if name in symbols:
        return name
    lowered = name[0].lower() + name[1:]
    return lowered if lowered in symbols else None


def check_refs(nodes: Sequence[Any], symbols: dict[str, Symbol]) -> None:
    """Raise a Problem for the first reference to a symbol that no file defines."""
    for ref, _inside in syntax.refs(nodes):
        if resolve(ref.name, symbols) is None:
            near = difflib.get_close_matches(ref.name, symbols, n=3, cutoff=0.6)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Define it in a lexicon or grammar file."
            raise Problem(f"symbol {{{ref.name}}} is not defined", ref.position, hint)


def check_nesting(nodes: Sequence[Any], symbols: dict[str, Symbol]) -> None:
    """Raise a Problem where a symbol that labels its own text stands inside a label."""
    for ref, inside in syntax.refs(nodes):
        if inside and symbols[resolve(ref.name, symbols)].labelled:
            raise Problem(
                f"symbol {{{ref.name}}} brings its own label and stands inside a label",
                ref.position,
                "Drop one.",
            )


def lookup_in(symbols: dict[str, Symbol]) -> Callable[[Ref], Emit]:
    """A lookup for `syntax.compile_nodes` that follows `symbols`, compiled before or after."""

    def lookup(ref: Ref) -> Emit:
        by_split = symbols[resolve(ref.name, symbols) or ref.name].by_split
        return lambda ctx: by_split[ctx.split](ctx)

    return lookup


def samples(
    grammar: Grammar, count: int, seed: int, style: str | None = None
) -> Iterator[tuple[Family, Example]]:
    """Draw `count` sentences from families chosen evenly, for a look at the data."""
    rng = Random(seed)
    families = [f for f in grammar.families if style in (None, f.style) or style in f.file]
    for _ in range(count if families else 0):
        family = families[int(rng.random() * len(families))]
        yield family, grammar.draw(family, rng)


def main(argv: Sequence[str] | None = None) -> int:
    """Command `check`: validate the files, print counts and samples; 0 when all is well, 1 otherwise."""
    import argparse
    import io
    import sys

    parser = argparse.ArgumentParser(prog="python -m core.ner.grammar")
    parser.add_argument("command", choices=["check"])
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="folder with lexicon/, grammar/ and patterns/; by default the files that ship",
    )
    parser.add_argument("--count", type=int, default=20, help="samples to print")
    parser.add_argument("--style", help="samples of this style or pattern file only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pattern", help="expand this pattern string instead of drawing from the files")
    options = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    dirs = [options.data / path.name for path in DEFAULT_DIRS] if options.data else DEFAULT_DIRS
    try:
        grammar = Grammar.load(dirs)
        if options.pattern:
            rng = Random(options.seed)
            for _ in range(options.count):
                print(grammar.expand(options.pattern, rng).marked())
            return 0
    except GrammarError as error:
        print(error, file=sys.stderr)
        return 1
    lexicon = [s for s in grammar.symbols.values() if s.kind == "lexicon"]
    entries = sum(len(s.entries) for s in lexicon)
    held = [sum(e.reserved == k for s in lexicon for e in s.entries) for k in (1, 2)]
    print(f"Generator version {grammar.version}")
    print(f"{len(lexicon)} word lists with {entries} entries; reserved: {held[0]} val, {held[1]} test")
    print(f"{len(grammar.symbols) - len(lexicon)} grammar symbols")
    for style in grammar.styles:
        counts = [sum(f.style == style and f.split == s for f in grammar.families) for s in SPLITS]
        print(f"style {style}: families train {counts[0]}, val {counts[1]}, test {counts[2]}")
    for family, example in samples(grammar, options.count, options.seed, options.style):
        print(f"{family.file}/{family.style}: {example.marked()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
