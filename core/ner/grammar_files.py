"""Reads the files of the sentence generator into a Grammar and reports every mistake of all of them.

Pattern files are read in core/ner/pattern_files.py, YAML in core/ner/grammar_yaml.py, single strings in
core/ner/syntax.py; what is kept out of training is core/ner/holdout.py, expansion core/ner/grammar.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import GrammarError
from core.ner import syntax
from core.ner.grammar import (
    Entry,
    Family,
    Grammar,
    Symbol,
    check_nesting,
    check_refs,
    lookup_in,
    resolve,
    surfaces,
)
from core.ner.grammar_yaml import Line, content_hash, raise_all, read_yaml, shown, strings
from core.ner.holdout import SPLITS, entry_split, family_splits, spelled_out, stable_hash
from core.ner.pattern_files import Draft, file_weight, read_patterns, with_topic
from core.ner.syntax import Problem

_SYMBOL = re.compile(r"[A-Za-z@][\w.@-]*")


def read_dirs(dirs: Sequence[Path]) -> Grammar:
    """Load all `*.yaml` below `dirs`; see `Grammar.load`."""
    files = sorted(
        (path for folder in dirs for path in Path(folder).glob("*.yaml")), key=lambda p: p.as_posix()
    )
    if not files:
        named = ", ".join(f"'{Path(folder)}'" for folder in dirs)
        raise GrammarError(f"No grammar files in {named}.", "Expected *.yaml files with symbols or patterns.")
    mistakes: list[GrammarError] = []
    contents: dict[Path, dict[Line, Any]] = {}
    for path in files:
        try:
            contents[path], found = read_yaml(path)
            mistakes += found
        except GrammarError as error:
            mistakes.append(error)
    # Names of a file that cannot be read would all count as unknown, which helps nobody.
    complete = len(contents) == len(files)
    symbols: dict[str, Symbol] = {}
    for path, content in contents.items():
        if "patterns" not in content:
            _add_symbols(path, content, symbols, mistakes)
    _check_symbols(symbols, mistakes, complete)
    patterns = {path: content for path, content in contents.items() if "patterns" in content}
    drafts: list[Draft] = []
    weights: dict[str, float] = {}
    for path, content in patterns.items():
        weights[path.stem] = file_weight(path, content, mistakes)
        drafts += read_patterns(path, content, symbols, mistakes, complete)
    raise_all(mistakes)
    _reserve(symbols, drafts)
    _compile_symbols(symbols, mistakes)
    splits = family_splits([(draft.style, draft.first) for draft in drafts])
    families = [_family(draft, split, symbols) for draft, split in zip(drafts, splits, strict=True)]
    _check_unique(families, mistakes)
    raise_all(mistakes)
    return Grammar(symbols, families, weights, content_hash(files))


def _add_symbols(
    path: Path, content: dict[Line, Any], symbols: dict[str, Symbol], mistakes: list[GrammarError]
) -> None:
    flag = str(content.get("_reserve", "false")).lower()
    if flag not in ("true", "false"):
        mistakes.append(GrammarError(f"{shown(path)}: _reserve is {flag!r}, expected true or false."))
    kind = "lexicon" if path.parent.name == "lexicon" else "grammar"
    topics: list[str] = [""]
    if "_topics" in content:
        topics = [str(t) for t in strings(content["_topics"], f"{shown(path)}, _topics", mistakes)]
    for template, value in content.items():
        if template in ("_reserve", "_topics"):
            continue
        where = f"{shown(path)}, line {template.line}, symbol {str(template)!r}"
        if not _SYMBOL.fullmatch(template):
            mistakes.append(
                GrammarError(
                    f"{where} is no name for a symbol.", "Use letters, digits and dots, a letter first."
                )
            )
            continue
        texts = strings(value, where, mistakes)
        for topic in topics if "@" in template else [""]:
            name = template.replace("@", topic)
            known = symbols.get(name)
            if known and not (known.kind == kind == "lexicon"):
                mistakes.append(
                    GrammarError(
                        f"{where}: {name!r} is defined a second time.",
                        "Rename one or put all entries in one file.",
                    )
                )
                continue
            symbol = known or symbols.setdefault(name, Symbol(name, kind))
            for text in texts:
                place = f"{shown(path)}, line {text.line}, symbol {name!r}"
                try:
                    symbol.entries.append(_entry(with_topic(text, topic), place, kind, flag == "true"))
                except GrammarError as error:
                    mistakes.append(error)


def _entry(raw: str, where: str, kind: str, reserve: bool) -> Entry:
    if not raw.strip() and kind == "lexicon":
        raise GrammarError(f"{where}: an entry is empty.", "Write the word or delete the line.")
    parts = [syntax.split_weight(part) for part in (raw.split(" | ") if kind == "lexicon" else [raw])]
    text, weight = " | ".join(part for part, _ in parts), max(number for _, number in parts)
    variants = tuple(part.strip() for part, _ in parts)
    options = []
    for variant in variants:
        try:
            options.append((1.0, syntax.parse(variant)))
        except Problem as problem:
            raise syntax.describe(problem, where, variant) from None
    nodes = options[0][1] if len(options) == 1 else [syntax.Choice(options)]
    entry = Entry(text, weight, where, nodes, variants)
    if reserve and not syntax.refs(nodes):
        entry.reserved = entry_split(text, weight)
    return entry


def _check_symbols(symbols: dict[str, Symbol], mistakes: list[GrammarError], complete: bool) -> None:
    """Unknown names, circles and labels inside labels; each only where what comes before is right."""
    before = len(mistakes)
    uses: dict[str, set[str]] = {}
    for symbol in symbols.values():
        for entry in symbol.entries:
            try:
                # Also finds a label inside a label of the same string.
                found = syntax.refs(entry.nodes)
                if complete:
                    check_refs(entry.nodes, symbols)
            except Problem as problem:
                mistakes.append(syntax.describe(problem, entry.where, entry.text))
                continue
            uses.setdefault(symbol.name, set()).update(resolve(ref.name, symbols) or "" for ref, _ in found)
    if len(mistakes) > before or not complete:
        return
    _check_circles(uses, mistakes)
    labelled = {s.name for s in symbols.values() if any(syntax.has_span(e.nodes) for e in s.entries)}
    grown = True
    while grown:
        more = {name for name, used in uses.items() if used & labelled} - labelled
        labelled |= more
        grown = bool(more)
    for symbol in symbols.values():
        symbol.labelled = symbol.name in labelled
    for symbol in symbols.values():
        for entry in symbol.entries:
            try:
                check_nesting(entry.nodes, symbols)
            except Problem as problem:
                mistakes.append(syntax.describe(problem, entry.where, entry.text))


def _check_circles(uses: dict[str, set[str]], mistakes: list[GrammarError]) -> None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            chain = " -> ".join([*path[path.index(name) :], name])
            mistakes.append(GrammarError(f"Symbol {name!r} refers to itself: {chain}.", "Break the circle."))
        elif name not in done:
            for used in sorted(uses.get(name, ())):
                visit(used, [*path, name])
            done.add(name)

    for name in sorted(uses):
        visit(name, [])


def _reserve(symbols: dict[str, Symbol], drafts: Sequence[Draft]) -> None:
    """Give up reserving what other texts spell out anyway: a promise that could not be kept."""
    entries = [entry for symbol in symbols.values() for entry in symbol.entries]
    texts: list[tuple[int | None, str]] = [
        (number, literal) for number, entry in enumerate(entries) for literal in syntax.literals(entry.nodes)
    ]
    texts += [(None, text) for draft in drafts for nodes in draft.nodes for text in syntax.literals(nodes)]
    forms = {number: surfaces(entry) for number, entry in enumerate(entries) if entry.reserved}
    for number in spelled_out(forms, texts):
        entries[number].reserved = 0


def _compile_symbols(symbols: dict[str, Symbol], mistakes: list[GrammarError]) -> None:
    lookup = lookup_in(symbols)
    for symbol in symbols.values():
        for entry in symbol.entries:
            entry.emit = syntax.compile_nodes(entry.nodes, lookup)
        for split in range(len(SPLITS)):
            allowed = [e for e in symbol.entries if e.reserved in (0, split) and e.weight > 0]
            if not allowed:
                mistakes.append(
                    GrammarError(
                        f"Symbol {symbol.name!r} has no entry left for {SPLITS[split]}.", "Add entries."
                    )
                )
                break
            # Three times as often in their own split, or val would hardly show words unseen in training.
            weights = [e.weight * (3 if e.reserved else 1) for e in allowed]
            symbol.by_split.append(syntax.weighted([e.emit for e in allowed], weights))


def _family(draft: Draft, split: str, symbols: dict[str, Symbol]) -> Family:
    emits = [syntax.compile_nodes(nodes, lookup_in(symbols)) for nodes in draft.nodes]
    return Family(
        id=f"{draft.file}:{stable_hash('family:' + draft.first) % 16**8:08x}",
        style=draft.style,
        file=draft.file,
        weight=draft.weight,
        split=split,
        texts=draft.texts,
        emit=syntax.weighted(emits, [1.0] * len(emits)),
    )


def _check_unique(families: Sequence[Family], mistakes: list[GrammarError]) -> None:
    seen: dict[str, Family] = {}
    for family in families:
        for text in family.texts:
            other = seen.setdefault(text, family)
            if other is not family and other.split != family.split:
                mistakes.append(
                    GrammarError(
                        f"{family.file}: pattern {text!r} is also in {other.file}, in another split.",
                        "Keep one of them.",
                    )
                )
