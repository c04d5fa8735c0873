"""What one text names where the other names something else of the same sort: a thing, a position, a case.

The words are lists of the project (data/embeddings/words); how much an exchange counts is learnt by the last
word on a pair. A trained model keeps its own copy of the lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from core.embeddings.bank import DATA, load_contrasts, singular
from core.embeddings.contexts import read_yaml
from core.errors import GrammarError
from core.text.cues import DEMANDS, CueReader, Reading, compare_demands, load_cues

TABLE = "exchanges"  # its place in a model's table of cues
EXCHANGES = ("things_exchanged", "positions_exchanged", "cases_exchanged")
_MOST = 3

Name = tuple[str, ...]


@dataclass(frozen=True)
class PairReading(Reading):
    """What `PairReader.read` finds in one text.

    Args:
        things: Known things that it names.
        named: Sides of the known contrasts that it names: (number of the contrast, number of the side), each
            with the words that name it.
    """

    things: frozenset[Name] = frozenset()
    named: Mapping[tuple[int, int], Name] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """Two things, positions or cases of one sort, of which each text names one.

    Args:
        kind: One of `EXCHANGES`.
        a: What the first text names.
        b: What the second one names.
    """

    kind: str
    a: str
    b: str


class PairReader(CueReader):
    """Reads texts with a model's table of cues, and with its lists of exchangeable words where it has some.

    Args:
        table: As in `CueReader`, and under "exchanges" what `load_exchanges` gives.

    Raises:
        GrammarError: If the table is broken.
    """

    def __init__(self, table: dict[str, Any]) -> None:
        super().__init__(table)
        words = table.get(TABLE)
        self.has_exchanges = words is not None
        if words is None:
            return
        try:
            self.same = {_name(other): _name(line[0]) for line in words["same"] for other in line}
            self.sorts: dict[Name, set[int]] = {}
            for number, line in enumerate(words["things"]):
                for thing in line:
                    self.sorts.setdefault(_name(thing), set()).add(number)
            self.places = len(words["positions"])
            self.sides_of: dict[Name, set[tuple[int, int]]] = {}
            for number, contrast in enumerate([*words["positions"], *words["cases"]]):
                for side, names in enumerate(contrast):
                    for name in names:
                        self.sides_of.setdefault(_name(name, plain=True), set()).add((number, side))
        except (KeyError, TypeError, IndexError) as error:
            raise GrammarError(
                f"The lists of exchangeable words cannot be used: {error!r}.",
                "Train or load the model again.",
            ) from error
        self.longest = max(map(len, (*self.sorts, *self.sides_of)), default=0)

    def nothing(self) -> np.ndarray:  # type: ignore[override]
        """The figures of a pair of which nothing is known: zeros, as many as `compare` gives."""
        count = len(EXCHANGES) * self.has_exchanges + len(DEMANDS) * self.has_demands
        return np.concatenate([CueReader.nothing(), np.zeros(count, dtype=np.float32)])

    def read(self, text: str) -> PairReading:
        """What one text requires and names."""
        seen = vars(super().read(text))
        if not self.has_exchanges:
            return PairReading(**seen)
        plain = tokens_of(text)
        things = frozenset(self._found([*map(singular, plain)], self.sorts))
        named = {side: name for name in self._found(plain, self.sides_of) for side in self.sides_of[name]}
        return PairReading(**seen, things=things, named=named)

    def exchanges(self, a: Reading, b: Reading) -> list[Exchange]:
        """What one of two texts names where the other names something else of the same sort."""
        if not isinstance(a, PairReading) or not isinstance(b, PairReading) or not self.has_exchanges:
            return []
        found = [
            Exchange(EXCHANGES[0], " ".join(one), " ".join(other))
            for one, other in self._partners(self._alone(a, b), self._alone(b, a))
        ]
        left, right = (
            {side: n for side, n in x.named.items() if side not in y.named} for x, y in ((a, b), (b, a))
        )
        crossed = {number: name for (number, _), name in left.items()}
        for number, other in sorted({number: name for (number, _), name in right.items()}.items()):
            if number in crossed:
                kind = EXCHANGES[1 if number < self.places else 2]
                found.append(Exchange(kind, " ".join(crossed[number]), " ".join(other)))
        return found

    def compare(self, a: Reading, b: Reading) -> np.ndarray:
        """Figures of a pair: those of `CueReader.compare`, then, with a table that has what they need, those
        named in `EXCHANGES` and those named in `core.text.cues.DEMANDS`."""
        parts = [super().compare(a, b)]
        if self.has_exchanges:
            kinds = [exchange.kind for exchange in self.exchanges(a, b)]
            parts.append(np.asarray([min(kinds.count(kind), _MOST) for kind in EXCHANGES], dtype=np.float32))
        if self.has_demands:
            parts.append(compare_demands(a, b))
        return np.concatenate(parts)

    def _partners(self, a: list[Name], b: list[Name]) -> list[tuple[Name, Name]]:
        """Names of one sort, each used once; the same partners whichever text comes first."""
        if b < a:
            return [(one, other) for other, one in self._partners(b, a)]
        free, found = list(b), []
        for name in a:
            other = next((other for other in free if self.sorts[name] & self.sorts[other]), None)
            if other is not None:
                free.remove(other)
                found.append((name, other))
        return found

    def _alone(self, a: PairReading, b: PairReading) -> list[Name]:
        """Things of a text that the other does not name, in other words either."""
        others = {self.same.get(name, name) for name in b.things}
        return sorted(name for name in a.things if self.same.get(name, name) not in others)

    def _found(self, words: list[str], known: dict[Name, Any]) -> Iterable[Name]:
        """Known names in a text, from left to right, the longest that fits at each word."""
        at = 0
        while at < len(words):
            longest = range(min(self.longest, len(words) - at), 0, -1)
            name = next((n for n in (tuple(words[at : at + size]) for size in longest) if n in known), None)
            if name is not None:
                yield name
            at += len(name or "1")


def _name(text: str, *, plain: bool = False) -> Name:
    words = tokens_of(text)
    return tuple(words if plain else map(singular, words))


def tokens_of(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation."""
    return re.findall(r"[\w-]+", text.lower())


@cache
def load_exchanges() -> dict[str, Any]:
    """The lists that ship: `things`, names of things of one sort; `same`, names that mean the same;
    `positions` and `cases`, contrasts with their sides and the names of each.

    Raises:
        GrammarError: If a list cannot be read.
    """
    words = DATA / "words"
    contrasts = load_contrasts(words / "contrasts.yaml")
    return {
        "things": read_yaml(words / "swaps.yaml"),
        "same": read_yaml(words / "synonyms.yaml"),
        "positions": [[list(side) for side in c.sides] for c in contrasts if c.kind == "place"],
        "cases": [[list(side) for side in c.sides] for c in contrasts if c.kind != "place"],
    }


def renewed(table: Mapping[str, Any]) -> dict[str, Any]:
    """A model's table for a last word that is fitted anew: it may read what came after the model was trained.

    What the head learnt to read stays as it is.
    """
    return {**load_cues(), **table, TABLE: load_exchanges()}


@cache
def default_pair_reader() -> PairReader:
    """The reader with the cues and lists that ship."""
    return PairReader({**load_cues(), TABLE: load_exchanges()})
