"""Reads pattern files of the sentence generator: families of sentences, their style and their topics.

Symbols come from core/ner/grammar_files.py, which calls this.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import GrammarError
from core.ner import syntax
from core.ner.grammar import Symbol, check_nesting, check_refs
from core.ner.grammar_yaml import Line, key_of, shown, strings
from core.ner.syntax import Problem

_KEYS = {"style", "weight", "patterns", "topics"}
_STYLE = re.compile(r"[a-z][a-z0-9-]*")


@dataclass
class Draft:
    """A family before the splits are dealt."""

    style: str
    file: str
    where: str
    first: str
    weight: float
    texts: list[str]
    nodes: list[list[Any]]


def file_weight(path: Path, content: dict[Line, Any], mistakes: list[GrammarError]) -> float:
    """How often the file's patterns are drawn among those of all files."""
    try:
        weight = float(content.get("weight", 1))
    except (TypeError, ValueError):
        weight = math.nan
    if not 0 <= weight < math.inf:
        mistakes.append(
            GrammarError(f"{shown(path)}: weight is {content['weight']!r}, expected a number from 0 on.")
        )
    return weight


def read_patterns(
    path: Path,
    content: dict[Line, Any],
    symbols: dict[str, Symbol],
    mistakes: list[GrammarError],
    complete: bool,
) -> list[Draft]:
    """The families of one pattern file.

    Args:
        path: The file, for messages.
        content: What it holds.
        symbols: All symbols.
        mistakes: Receives every mistake; what is left is returned.
        complete: False if some symbol file could not be read, so that unknown names mean nothing.
    """
    for key in sorted(set(content) - _KEYS):
        mistakes.append(
            GrammarError(
                f"{shown(path)}, line {key_of(content, key).line}: key {str(key)!r} is not known.",
                f"Use {', '.join(sorted(_KEYS))}.",
            )
        )
    style = content.get("style")
    if not isinstance(style, str) or not _STYLE.fullmatch(style):
        given = "missing" if style is None else f"{style!r}, expected small letters and hyphens"
        mistakes.append(
            GrammarError(f"{shown(path)}: the style is {given}.", "Name it, for example 'style: go-back'.")
        )
        style = "unknown"
    items = content["patterns"]
    if not isinstance(items, list) or not items:
        mistakes.append(
            GrammarError(f"{shown(path)}: 'patterns' is empty or no list.", "Give at least one '- pattern'.")
        )
        return []
    topics: list[Line] = []
    if "topics" in content:
        topics = strings(content["topics"], f"{shown(path)}, topics", mistakes)
    drafts = []
    for number, item in enumerate(items, 1):
        raw = strings(
            item if isinstance(item, list) else [item], f"{shown(path)}, pattern {number}", mistakes
        )
        if not raw:
            continue
        where = f"{shown(path)}, line {raw[0].line}, pattern {number}"
        first, weight = syntax.split_weight(raw[0])
        draft = Draft(str(style), path.stem, where, first, weight, [], [])
        for text in raw:
            place = f"{shown(path)}, line {text.line}, pattern {number}"
            plain = syntax.split_weight(text)[0]
            try:
                for full, nodes in _over_topics(plain, topics, symbols, place, complete):
                    draft.texts.append(full)
                    draft.nodes.append(nodes)
            except GrammarError as error:
                mistakes.append(error)
        drafts.append(draft)
    return drafts


def with_topic(text: str, topic: str) -> str:
    """Put `topic` for `@` inside braces: `{np.@}` becomes `{np.pole}`."""
    return re.sub(r"\{[^{}]*\}", lambda found: found.group(0).replace("@", topic), text)


def _over_topics(
    text: str, topics: Sequence[str], symbols: dict[str, Symbol], where: str, complete: bool
) -> list[tuple[str, list[Any]]]:
    """`{@.obj}` stands for `{pole.obj}`, `{wire.obj}` ...: one text for each topic that has all its slots."""
    slotted = with_topic(text, "") != text
    if slotted and not topics:
        raise GrammarError(f"{where}: {text!r} has '@' but the file has no topics.", "Add 'topics: [pole]'.")
    texts = []
    for topic in topics if slotted else [""]:
        candidate = with_topic(text, topic) if slotted else text
        try:
            nodes = syntax.parse(candidate)
            syntax.refs(nodes)
            if complete:
                check_refs(nodes, symbols)
                check_nesting(nodes, symbols)
        except Problem as problem:
            if slotted and "is not defined" in problem.message and topic in problem.message:
                continue
            raise syntax.describe(problem, where, candidate) from None
        texts.append((candidate, nodes))
    if not texts:
        raise GrammarError(f"{where}: no topic defines every slot of {text!r}.", "Check the slot names.")
    return texts
