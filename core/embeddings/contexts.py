"""The word lists' files, and where a word means what its list says: what must stand before and behind it.

The lists are words/contexts.yaml (equal meaning) and words/positions.yaml (positions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.errors import GrammarError

_KEYS = frozenset(("before", "behind", "not_after", "put"))
_AMOUNT = "AMOUNT"


def read_yaml(path: Path) -> object:
    """The content of one of the word lists.

    Raises:
        GrammarError: If it cannot be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise GrammarError(
            f"The file {path.name!r} cannot be read: {error}.", "Correct it and try again."
        ) from error


@dataclass(frozen=True)
class Context:
    """Where a word has the meaning of its list.

    Args:
        before: What must follow it; spaces in between do not count.
        behind: What must stand before it, up to its first letter, spaces left out; None for anything.
        not_after: Words in small letters that must not stand right before it.
        put: Words that stand for it in an edit, where not the first of its list do.
    """

    before: re.Pattern[str]
    behind: re.Pattern[str] | None = None
    not_after: frozenset[str] = frozenset()
    put: str = ""

    def holds(self, text: str, start: int, end: int) -> bool:
        """Whether the word at `text[start:end]` stands in such a place."""
        ahead = text[:start].rstrip()
        last = ahead.split()[-1:]
        return (
            bool(self.before.match(text[end:].lstrip(" ")))
            and (self.behind is None or bool(self.behind.search(ahead)))
            and not (last and last[0].lower() in self.not_after)
        )


def load_contexts(path: Path) -> dict[str, Context]:
    """Read words/contexts.yaml.

    Raises:
        GrammarError: Naming the word whose line cannot be used.
    """
    return _read(read_yaml(path) or {}, path, "")


def load_places(path: Path) -> dict[str, Context]:
    """Read words/positions.yaml, in whose patterns AMOUNT stands for the pattern of that name.

    Raises:
        GrammarError: Naming the word whose line cannot be used, or that a part is missing.
    """
    table = read_yaml(path)
    if not isinstance(table, Mapping) or not isinstance(table.get("words"), Mapping) or _AMOUNT not in table:
        raise GrammarError(f"{path.name!r} has not the parts 'AMOUNT' and 'words'.", "Restore the file.")
    return _read(table["words"], path, f"(?:{table[_AMOUNT]})")


def _read(lines: Any, path: Path, amount: str) -> dict[str, Context]:
    found = {}
    for word, line in lines.items():
        try:
            unknown = set(line) - _KEYS
            if unknown:
                raise KeyError(*sorted(unknown))
            behind, others = line.get("behind"), line.get("not_after") or []
            if not isinstance(others, list):  # one word would be taken letter by letter
                raise TypeError(f"not_after is {others!r}, expected a list")
            found[word] = Context(
                re.compile(line.get("before", "").replace(_AMOUNT, amount)),
                re.compile(behind, re.IGNORECASE) if behind else None,
                frozenset(others),
                line.get("put", ""),
            )
        except (KeyError, TypeError, AttributeError, re.error) as error:
            raise GrammarError(
                f"The entry {word!r} of {path.name!r} cannot be used: {error!r}.",
                "Give it a pattern `before` or `behind` and, if need be, a list `not_after`.",
            ) from error
    return found
