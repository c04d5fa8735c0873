"""What two texts require, compared: quantities, obligation, opposites, overhead or underground. Numbers
without a model.

The words are data/text/cues.yaml; how much each figure counts is learnt elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from core.errors import GrammarError
from core.text.quantities import Quantity, find_quantities, same_quantity

CUE_FILE = Path(__file__).resolve().parents[2] / "data" / "text" / "cues.yaml"
OBLIGATIONS = ("not_required", "forbidden", "permitted", "required")
FEATURES = (
    "quantities_matched",
    "quantities_in_conflict",
    "quantities_extra",
    "both_have_quantities",
    "one_has_quantities",
    "obligation_opposed",
    "obligation_differs",
    "obligation_same",
    "negation_differs",
    "negations_apart",
    "opposites",
    "place_conflict",
    "place_same",
    "references_differ",
    "length_ratio",
    "shorter_length",
)
# Figures of what two texts demand; only for the last word on a pair, since heads were trained without them.
DEMANDS = (
    "demands_opposed",
    "demands_differ",
    "leave_against_duty",
    "leave_differs",
    "refusals_differ",
    "refusals_apart",
)
_LEAVE, _DUTY = frozenset(("permitted", "not_required")), frozenset(("required", "forbidden"))
# Obligations that contradict each other when everything else is equal.
_OPPOSED = {
    frozenset(pair)
    for pair in (
        ("required", "not_required"),
        ("forbidden", "permitted"),
        ("required", "forbidden"),
        ("forbidden", "not_required"),
        ("not_required", "permitted"),
    )
} - {frozenset(("not_required", "permitted"))}
_REFERENCES = re.compile(
    r"\b(?:rule|section|sec\.|paragraph|g\.?\s?o\.?|general order|part|table|class|grade)\s*([\d.]+\w?)", re.I
)


@dataclass(frozen=True)
class Reading:
    """What `CueReader.read` finds in one text.

    `demands` are the obligations as a careful reader takes them: a limit ("may not exceed") and a refusal
    with a condition ("not before") require something, and a sentence that names no obligation requires, too.
    `refusals` are the negations that are no part of a limit.
    """

    quantities: tuple[Quantity, ...]
    obligations: frozenset[str]
    negations: int
    sides: tuple[frozenset[int], ...]
    overhead: int
    underground: int
    references: frozenset[str]
    words: int
    demands: frozenset[str] = frozenset()
    refusals: int = 0


class CueReader:
    """Reads texts with one table of cues.

    Args:
        table: Contents of cues.yaml.

    Raises:
        GrammarError: If an expression of the table is broken.
    """

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        try:
            self.obligation = {name: _any(table["obligation"][name]) for name in OBLIGATIONS}
            self.negation = _any([table["negation"]])
            self.opposites = [[_any([side]) for side in line.split(" <> ")] for line in table["opposites"]]
            self.overhead, self.underground = _any([table["overhead"]]), _any([table["underground"]])
            # Tables stored before there were demands have neither.
            self.has_demands = "limits" in table
            if self.has_demands:
                more = f"(?:{table['more']})"
                self.limits = _any([line.replace("MORE", more) for line in table["limits"]])
                self.conditions = _any([table["conditions"]])
        except (KeyError, TypeError, re.error) as error:
            raise GrammarError(
                f"The table of cues cannot be used: {error}.", "Correct data/text/cues.yaml."
            ) from error

    @staticmethod
    def nothing() -> np.ndarray:
        """The figures of a pair of which nothing is known, (F,) zeros."""
        return np.zeros(len(FEATURES), dtype=np.float32)

    def read(self, text: str) -> Reading:
        """What one text requires."""
        low = text.lower().replace("’", "'")
        demands, refusals = self._demands(low)
        sides = tuple(
            frozenset(n for n, side in enumerate(line) if side.search(low)) for line in self.opposites
        )
        return Reading(
            tuple(find_quantities(text)),
            frozenset(self._obligations(low)),
            len(self.negation.findall(low)),
            sides,
            len(self.overhead.findall(low)),
            len(self.underground.findall(low)),
            frozenset(hit.rstrip(".") for hit in _REFERENCES.findall(low)),
            len(low.split()),
            demands,
            refusals,
        )

    def _obligations(self, low: str) -> set[str]:
        found = set()
        for name in OBLIGATIONS:
            if self.obligation[name].search(low):
                found.add(name)
                # What told "need not" shall not also tell "need".
                low = self.obligation[name].sub(" ", low)
        return found

    def _demands(self, low: str) -> tuple[frozenset[str], int]:
        if not self.has_demands:
            return frozenset(), 0
        rest, limits = self.limits.subn(" ", low)
        found = self._obligations(rest)
        if limits or not found or ("forbidden" in found and self.conditions.search(low)):
            found.add("required")
        return frozenset(found), len(self.negation.findall(rest))

    def compare(self, a: Reading, b: Reading) -> np.ndarray:
        """Figures of a pair in the order of `FEATURES`, (F,) float32, symmetric in a and b."""
        only_a = [q for q in a.quantities if not any(same_quantity(q, other) for other in b.quantities)]
        only_b = [q for q in b.quantities if not any(same_quantity(q, other) for other in a.quantities)]
        # A quantity of one text may fit two of the other: the smaller count is the same in both orders.
        conflict = min(_of_a_dimension(only_a, only_b), _of_a_dimension(only_b, only_a))
        matched = min(len(a.quantities) - len(only_a), len(b.quantities) - len(only_b))
        extra = max(0, len(only_a) + len(only_b) - 2 * conflict)
        opposed = _opposed(a.obligations, b.obligations)
        crossed = sum(bool(x - y) and bool(y - x) for x, y in zip(a.sides, b.sides, strict=True))
        place_a, place_b = np.sign(a.overhead - a.underground), np.sign(b.overhead - b.underground)
        longer = max(a.words, b.words, 1)
        return np.asarray(
            [
                min(matched, 4) / 2,
                min(conflict, 3),
                min(extra, 4) / 2,
                bool(a.quantities) and bool(b.quantities),
                bool(a.quantities) != bool(b.quantities),
                opposed,
                a.obligations != b.obligations,
                bool(a.obligations & b.obligations),
                a.negations % 2 != b.negations % 2,
                min(abs(a.negations - b.negations), 3),
                min(crossed, 3),
                place_a * place_b < 0,
                place_a * place_b > 0,
                bool(a.references) and bool(b.references) and not a.references & b.references,
                min(a.words, b.words) / longer,
                min(a.words, b.words, 40) / 20,
            ],
            dtype=np.float32,
        )


def compare_demands(a: Reading, b: Reading) -> np.ndarray:
    """Figures of what two texts demand in the order of `DEMANDS`, (6,) float32, symmetric in a and b."""
    return np.asarray(
        [
            _opposed(a.demands, b.demands),
            a.demands != b.demands,
            _leave_against_duty(a.demands, b.demands),
            bool(a.demands & _LEAVE) != bool(b.demands & _LEAVE),
            a.refusals % 2 != b.refusals % 2,
            min(abs(a.refusals - b.refusals), 3),
        ],
        dtype=np.float32,
    )


def contradict(a: Reading, b: Reading) -> bool:
    """Whether one text permits what the other requires or forbids, as far as words tell."""
    return _opposed(a.demands, b.demands) or _leave_against_duty(a.demands, b.demands)


def _leave_against_duty(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether one text only leaves free and the other only binds."""
    return any(x & _LEAVE and not x & _DUTY and y & _DUTY and not y & _LEAVE for x, y in ((a, b), (b, a)))


def _opposed(a: frozenset[str], b: frozenset[str]) -> bool:
    return any(frozenset((x, y)) in _OPPOSED for x in a - b for y in b - a)


def _of_a_dimension(some: list[Quantity], others: list[Quantity]) -> int:
    """How many of some quantities have a dimension that one of the others has."""
    dimensions = {other.dimension for other in others}
    return sum(q.dimension in dimensions for q in some)


def _any(patterns: list[str]) -> re.Pattern:
    return re.compile(
        "|".join(
            rf"(?<![\w-])(?:{pattern})(?![\w-])" if not pattern.startswith("(?:^") else f"(?:{pattern})"
            for pattern in patterns
        )
    )


def load_cues(path: Path = CUE_FILE) -> dict[str, Any]:
    """The table of a file.

    Raises:
        GrammarError: If the file cannot be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise GrammarError(
            f"{str(path)!r} cannot be read: {error}.", "Restore data/text/cues.yaml."
        ) from error


@cache
def default_reader() -> CueReader:
    """The reader with the table that ships."""
    return CueReader(load_cues())
