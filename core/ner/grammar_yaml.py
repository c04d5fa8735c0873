"""Reads one YAML file of the sentence generator as people write it: every value is text, with its line.

Unlike plain YAML, a name given twice is a mistake and `yes`, `1.50` or `12:30` stay as they are written.
What the content means is core/ner/grammar_files.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from core.errors import GrammarError

SHOWN_MISTAKES = 20


class Line(str):
    """Text that knows the line of its file, counted from 1."""

    __slots__ = ("line",)
    line: int


class _Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.mistakes: list[GrammarError] = []


def read_yaml(path: Path) -> tuple[dict[Line, Any], list[GrammarError]]:
    """Content of a file and the names that it gives twice (the first of them counts).

    Raises:
        GrammarError: If the file is not UTF-8 text, no YAML or not made of names with something below.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GrammarError(
            f"{shown(path)} is not UTF-8 text: {error.reason} at byte {error.start}.", "Save it as UTF-8."
        ) from None
    try:
        loader = _Loader(text)
        try:
            content = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _unreadable(path, text, error) from None
    except yaml.YAMLError as error:
        raise GrammarError(f"{shown(path)} is not YAML: {' '.join(str(error).split())}.") from None
    mistakes = [GrammarError(f"{shown(path)}, {e.message}", e.hint) for e in loader.mistakes]
    if not isinstance(content, dict) or not content:
        raise_all(mistakes)
        raise GrammarError(
            f"{shown(path)} has no names.", "Expected 'name:' with a list of '- entry' below it."
        )
    return content, mistakes


def shown(path: Path) -> str:
    """A file as messages name it: with its folder."""
    return f"{path.parent.name}/{path.name}"


def key_of(content: dict[Line, Any], name: str) -> Line:
    """The key `name` of a file's content, as it stands there with its line."""
    return next(key for key in content if key == name)


def content_hash(files: Sequence[Path]) -> str:
    """Hash of the files' folders, names and texts; the same whichever line ends a checkout has."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{shown(path)}\0{path.read_text(encoding='utf-8-sig')}\0".encode())
    return digest.hexdigest()[:12]


def raise_all(mistakes: Sequence[GrammarError]) -> None:
    """Raise one error that lists all mistakes, up to `SHOWN_MISTAKES`; nothing if there are none."""
    if not mistakes:
        return
    if len(mistakes) == 1:
        raise mistakes[0]
    lines = [f"{len(mistakes)} mistakes in the sentence files:"]
    lines += [f"- {mistake}" for mistake in mistakes[:SHOWN_MISTAKES]]
    if len(mistakes) > SHOWN_MISTAKES:
        lines.append(f"… and {len(mistakes) - SHOWN_MISTAKES} more.")
    raise GrammarError("\n".join(lines))


def strings(value: Any, where: str, mistakes: list[GrammarError]) -> list[Line]:
    """The texts of a list, each with its line; what is no text joins `mistakes`, as does an empty list."""
    if not isinstance(value, list) or not value:
        mistakes.append(
            GrammarError(f"{where} is empty or no list.", "Give at least one '- entry' below the name.")
        )
        return []
    texts = []
    for number, item in enumerate(value, 1):
        if isinstance(item, str):
            texts.append(item)
        else:
            found = "name with something below it" if isinstance(item, dict) else "list"
            mistakes.append(
                GrammarError(f"{where}, entry {number} is a {found}, expected text.", "Put it in quotes.")
            )
    return texts


def _text(loader: _Loader, node: yaml.ScalarNode) -> Line:
    text = Line(loader.construct_scalar(node))
    text.line = node.start_mark.line + 1
    return text


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Line, Any]:
    content: dict[Line, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            loader.mistakes.append(
                GrammarError(f"line {line}: a name is no word.", "Put text that holds : or { in quotes.")
            )
            continue
        key = _text(loader, key_node)
        value = loader.construct_object(value_node, deep=True)
        if key in content:
            first = key_of(content, key).line
            loader.mistakes.append(
                GrammarError(
                    f"line {line}: {str(key)!r} is given twice, first in line {first}.",
                    "Put all entries below one name.",
                )
            )
        else:
            content[key] = value
    return content


def _unreadable(path: Path, text: str, error: yaml.MarkedYAMLError) -> GrammarError:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return GrammarError(f"{shown(path)} is not YAML: {error.problem}.")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    where = f"{shown(path)}, line {mark.line + 1}"
    if "\t" in line[: mark.column + 1]:
        return GrammarError(f"{where}: there is a tab.", "Indent with spaces.")
    piece = line.strip()[:80]
    return GrammarError(
        f"{where} is not YAML at {piece!r}: {error.problem}.",
        'Put text that begins with or holds one of : # { [ * & @ " in single quotes.',
    )


_Loader.add_constructor("tag:yaml.org,2002:str", _text)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
