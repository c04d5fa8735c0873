"""What two texts require is compared by meaning, whatever the wording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import GrammarError
from core.text.cues import FEATURES, CueReader, default_reader, load_cues


def figures(a: str, b: str) -> dict[str, float]:
    reader = default_reader()
    return dict(zip(FEATURES, reader.compare(reader.read(a), reader.read(b)).tolist(), strict=True))


def test_numbers_match_after_conversion_and_conflict_otherwise() -> None:
    same = figures("keep 18 ft above the road", "not lower than 5.5 m over the street")
    assert same["quantities_matched"] > 0 and same["quantities_in_conflict"] == 0
    assert (
        figures("keep 18 ft above the road", "at least 8 feet over the street")["quantities_in_conflict"] == 1
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Poles must be tagged.", "It is not necessary to tag poles."),
        ("Smoking is prohibited near batteries.", "You may smoke close to a battery."),
        ("A permit is required.", "Work may start; no permit is needed."),
    ],
)
def test_contradictions_in_unlike_words(a: str, b: str) -> None:
    assert figures(a, b)["obligation_opposed"] == 1
    assert figures(b, a)["obligation_opposed"] == 1


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Poles must be tagged.", "A tag is required on each pole."),
        ("Smoking is prohibited near batteries.", "No one may smoke close to a battery."),
        ("The meter shall be tested.", "Testing of meters is mandatory."),
    ],
)
def test_the_same_obligation_in_unlike_words(a: str, b: str) -> None:
    assert figures(a, b)["obligation_opposed"] == 0


def test_places() -> None:
    assert figures("overhead conductor on a pole", "cable in an underground conduit")["place_conflict"] == 1
    assert figures("a vertical clearance", "the horizontal clearance")["opposites"] >= 1


def test_a_broken_table_is_named() -> None:
    table = {**load_cues(), "overhead": "(unclosed"}
    with pytest.raises(GrammarError, match="cues"):
        CueReader(table)


@given(st.text(max_size=80), st.text(max_size=80))
def test_figures_are_finite_and_symmetric(a: str, b: str) -> None:
    there, back = figures(a, b), figures(b, a)
    assert there == back
    assert all(abs(value) <= 4 for value in there.values())
