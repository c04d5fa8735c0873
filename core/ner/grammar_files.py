"""Reads the YAML files of the NER generator into symbols and pattern families, and reports every mistake.

Also decides, from the texts alone, which entries and families are kept out of training. Expansion is
core/ner/grammar.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from core.errors import GrammarError
from core.ner import syntax
from core.ner.grammar import (
    EVERYDAY_WEIGHT,
    RESERVED_PERCENT,
    SPLITS,
    TEST_FAMILIES_PERCENT,
    VAL_FAMILIES_PERCENT,
    Entry,
    Family,
    Grammar,
    Symbol,
    check_nesting,
    check_refs,
    lookup_in,
    resolve,
    stable_hash,
    surfaces,
    words_of,
)
from core.ner.syntax import Problem

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PATTERN_KEYS = {"style", "weight", "patterns", "topics"}


def read_dirs(dirs: Sequence[Path]) -> Grammar:
    """Load all `*.yaml` below `dirs`; see `Grammar.load`."""
    files = sorted(
        (path for folder in dirs for path in Path(folder).glob("*.yaml")), key=lambda p: p.as_posix()
    )
    if not files:
        shown = ", ".join(f"'{Path(folder)}'" for folder in dirs)
        raise GrammarError(f"No grammar files in {shown}.", "Expected *.yaml files with symbols or patterns.")
    contents = {path: _read(path) for path in files}
    symbols: dict[str, Symbol] = {}
    for path, content in contents.items():
        if "patterns" not in content:
            _add_symbols(path, content, symbols)
    _check_symbols(symbols)
    patterns = {path: content for path, content in contents.items() if "patterns" in content}
    drafts = [draft for path, content in patterns.items() for draft in _family_texts(path, content, symbols)]
    _reserve(symbols, [text for draft in drafts for text in draft["texts"]])
    _compile_symbols(symbols)
    families = [_family(draft, symbols) for draft in drafts]
    _check_unique(families)
    weights = {path.stem: float(content.get("weight", 1)) for path, content in patterns.items()}
    return Grammar(symbols, families, weights)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.YAMLError as error:
        raise GrammarError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}.") from None
    except UnicodeDecodeError as error:
        raise GrammarError(f"{path.name} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    if not isinstance(content, dict) or not content:
        raise GrammarError(
            f"{path.name} holds {type(content).__name__}, expected names with lists below them."
        )
    return content


def _strings(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not value:
        raise GrammarError(f"{where} is empty or no list.", "Give at least one '- entry' below the name.")
    texts = []
    for number, item in enumerate(value, 1):
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            raise GrammarError(f"{where}, entry {number}: {item!r} is not text.", "Put it in quotes.")
        texts.append(str(item))
    return texts


def _add_symbols(path: Path, content: dict[str, Any], symbols: dict[str, Symbol]) -> None:
    reserve = bool(content.get("_reserve", False))
    kind = "lexicon" if path.parent.name == "lexicon" else "grammar"
    topics = _strings(content["_topics"], f"{path.name}, _topics") if "_topics" in content else [""]
    for template, value in content.items():
        if template in ("_reserve", "_topics"):
            continue
        texts = _strings(value, f"{path.name}, symbol {template!r}")
        for topic in topics if "@" in str(template) else [""]:
            name = str(template).replace("@", topic)
            where = f"{path.name}, symbol {name!r}"
            known = symbols.get(name)
            if known and not (known.kind == kind == "lexicon"):
                raise GrammarError(
                    f"{where} is defined a second time.", "Rename one or put all entries in one file."
                )
            symbol = known or symbols.setdefault(name, Symbol(name, kind, reserve))
            for number, text in enumerate(texts, 1):
                symbol.entries.append(
                    _entry(_with_topic(text, topic), f"{where}, entry {number}", kind, reserve)
                )


def _entry(raw: str, where: str, kind: str, reserve: bool) -> Entry:
    parts = [syntax.split_weight(part) for part in (raw.split(" | ") if kind == "lexicon" else [raw])]
    text, weight = " | ".join(part for part, _ in parts), max(number for _, number in parts)
    variants = tuple(part.strip() for part, _ in parts)
    try:
        options = [(1.0, syntax.parse(variant)) for variant in variants]
    except Problem as problem:
        raise syntax.describe(problem, where, text) from None
    nodes = options[0][1] if len(options) == 1 else [syntax.Choice(options)]
    entry = Entry(text, weight, where, nodes, variants)
    if reserve and weight < EVERYDAY_WEIGHT and not syntax.refs(nodes):
        bucket = stable_hash("entry:" + text.lower()) % 100
        entry.reserved = 1 if bucket < RESERVED_PERCENT else 2 if bucket < 2 * RESERVED_PERCENT else 0
    return entry


def _check_symbols(symbols: dict[str, Symbol]) -> None:
    uses: dict[str, set[str]] = {}
    for symbol in symbols.values():
        for entry in symbol.entries:
            try:
                check_refs(entry.nodes, symbols)
            except Problem as problem:
                raise syntax.describe(problem, entry.where, entry.text) from None
            for ref, _ in syntax.refs(entry.nodes):
                uses.setdefault(symbol.name, set()).add(resolve(ref.name, symbols))
    _check_cycles(uses)
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
                raise syntax.describe(problem, entry.where, entry.text) from None


def _check_cycles(uses: dict[str, set[str]]) -> None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            chain = " -> ".join([*path[path.index(name) :], name])
            raise GrammarError(f"Symbol {name!r} refers to itself: {chain}.", "Break the circle.")
        if name not in done:
            for used in sorted(uses.get(name, ())):
                visit(used, [*path, name])
            done.add(name)

    for name in sorted(uses):
        visit(name, [])


def _family_texts(path: Path, content: dict[str, Any], symbols: dict[str, Symbol]) -> list[dict[str, Any]]:
    unknown = sorted(set(content) - _PATTERN_KEYS)
    if unknown:
        raise GrammarError(
            f"{path.name}: key {unknown[0]!r} is not known.", f"Use {', '.join(sorted(_PATTERN_KEYS))}."
        )
    style = content.get("style")
    if not isinstance(style, str) or not style.strip():
        raise GrammarError(
            f"{path.name}: 'style' is missing.", "Name the style, for example 'style: go-back'."
        )
    if not isinstance(content["patterns"], list) or not content["patterns"]:
        raise GrammarError(f"{path.name}: 'patterns' is empty or no list.", "Give at least one '- pattern'.")
    drafts = []
    for number, item in enumerate(content["patterns"], 1):
        where = f"{path.name}, pattern {number}"
        raw = _strings(item if isinstance(item, list) else [item], where)
        first, weight = syntax.split_weight(raw[0])
        texts = [
            t for text in raw for t in _over_topics(syntax.split_weight(text)[0], content, symbols, where)
        ]
        drafts.append(
            {
                "style": style,
                "file": path.stem,
                "where": where,
                "first": first,
                "weight": weight,
                "texts": texts,
            }
        )
    return drafts


def _with_topic(text: str, topic: str) -> str:
    """Put `topic` for `@` inside braces: `{np.@}` becomes `{np.pole}`."""
    return re.sub(r"\{[^{}]*\}", lambda found: found.group(0).replace("@", topic), text)


def _over_topics(text: str, content: dict[str, Any], symbols: dict[str, Symbol], where: str) -> list[str]:
    """`{@.obj}` stands for `{pole.obj}`, `{wire.obj}` ...: one text for each topic that has all its slots."""
    if _with_topic(text, "") == text:
        return [text]
    texts = []
    for topic in _strings(content.get("topics"), f"{where}, topics"):
        candidate = _with_topic(text, topic)
        try:
            check_refs(syntax.parse(candidate), symbols)
        except Problem as problem:
            if "is not defined" not in problem.message or topic not in problem.message:
                raise syntax.describe(problem, where, candidate) from None
            continue
        texts.append(candidate)
    if not texts:
        raise GrammarError(f"{where}: no topic defines every slot of {text!r}.", "Check the slot names.")
    return texts


def _reserve(symbols: dict[str, Symbol], patterns: Sequence[str]) -> None:
    """Give up reserving what other texts spell out anyway: a promise that could not be kept."""
    wanted: dict[str, list[tuple[list[str], Entry]]] = {}
    for symbol in symbols.values():
        for entry in symbol.entries:
            for surface in surfaces(entry) if entry.reserved else ():
                phrase = words_of(surface)
                wanted.setdefault(phrase[0], []).append((phrase, entry))

    def seen(text: str, owner: Entry | None) -> None:
        words = words_of(text)
        for at, word in enumerate(words):
            for phrase, entry in wanted.get(word, ()):
                if entry is not owner and words[at : at + len(phrase)] == phrase:
                    entry.reserved = 0

    for symbol in symbols.values():
        for entry in symbol.entries:
            for literal in syntax.literals(entry.nodes):
                seen(literal, entry)
    for text in patterns:
        for literal in syntax.literals(syntax.parse(text)):
            seen(literal, None)


def _compile_symbols(symbols: dict[str, Symbol]) -> None:
    lookup = lookup_in(symbols)
    for symbol in symbols.values():
        for entry in symbol.entries:
            entry.emit = syntax.compile_nodes(entry.nodes, lookup)
        for split in range(len(SPLITS)):
            allowed = [e for e in symbol.entries if e.reserved in (0, split)]
            if not allowed:
                raise GrammarError(
                    f"Symbol {symbol.name!r} has no entry left for {SPLITS[split]}.", "Add entries."
                )
            # Three times as often in their own split, or val would hardly show words unseen in training.
            weights = [e.weight * (3 if e.reserved else 1) for e in allowed]
            symbol.by_split.append(syntax.weighted([e.emit for e in allowed], weights))


def _family(draft: dict[str, Any], symbols: dict[str, Symbol]) -> Family:
    lookup = lookup_in(symbols)
    emits = []
    for text in draft["texts"]:
        try:
            nodes = syntax.parse(text)
            check_refs(nodes, symbols)
            check_nesting(nodes, symbols)
        except Problem as problem:
            raise syntax.describe(problem, draft["where"], text) from None
        emits.append(syntax.compile_nodes(nodes, lookup))
    key = stable_hash("family:" + draft["first"])
    bucket = key % 100
    split = "val" if bucket < VAL_FAMILIES_PERCENT else "train"
    if VAL_FAMILIES_PERCENT <= bucket < VAL_FAMILIES_PERCENT + TEST_FAMILIES_PERCENT:
        split = "test"
    return Family(
        id=f"{draft['file']}:{key % 16**8:08x}",
        style=draft["style"],
        file=draft["file"],
        weight=draft["weight"],
        split=split,
        texts=draft["texts"],
        emit=syntax.weighted(emits, [1.0] * len(emits)),
    )


def _check_unique(families: Sequence[Family]) -> None:
    seen: dict[str, Family] = {}
    for family in families:
        for text in family.texts:
            other = seen.setdefault(text, family)
            if other is not family and other.split != family.split:
                raise GrammarError(
                    f"{family.file}: pattern {text!r} is also in {other.file}, in another split.",
                    "Keep one of them.",
                )
