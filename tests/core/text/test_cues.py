"""What two texts require is compared by meaning, whatever the wording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import GrammarError
from core.text.cues import (
    DEMANDS,
    FEATURES,
    CueReader,
    compare_demands,
    contradict,
    default_reader,
    load_cues,
)


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


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("The sag may not exceed 5 feet.", "The sag shall be 5 feet at most."),
        ("No lid may be closer than 1 ft to the curb.", "Each lid shall be 1 ft or more from the curb."),
        ("A line may not be energized until it is tested.", "A line must be tested before it is energized."),
        ("Pull covers by hook.", "Covers shall be pulled by hook."),
        ("A guy may be omitted.", "A guy need not be set."),
    ],
)
def test_demands_in_unlike_words_do_not_contradict(a: str, b: str) -> None:
    reader = default_reader()
    one, other = reader.read(a), reader.read(b)
    assert not contradict(one, other) and not contradict(other, one)
    figures = dict(zip(DEMANDS, compare_demands(one, other).tolist(), strict=True))
    assert figures["demands_opposed"] == figures["leave_against_duty"] == 0


@pytest.mark.parametrize(
    ("a", "b", "figure"),
    [
        ("Pull covers by hook.", "Covers need not be pulled by hook.", "demands_opposed"),
        (
            "Keep the resistance at 1 ohm or under.",
            "A ground may have more than 1 ohm.",
            "leave_against_duty",
        ),
        ("The sag may exceed 5 feet.", "The sag may not exceed 5 feet.", "leave_against_duty"),
        ("Jumpers stay out of the space.", "Jumpers may run through the space.", "leave_against_duty"),
    ],
)
def test_leave_against_a_duty_contradicts_it(a: str, b: str, figure: str) -> None:
    reader = default_reader()
    one, other = reader.read(a), reader.read(b)
    assert contradict(one, other) and contradict(other, one)
    assert dict(zip(DEMANDS, compare_demands(one, other).tolist(), strict=True))[figure] == 1


def test_a_limit_is_no_refusal() -> None:
    reader = default_reader()
    assert reader.read("The guy may not be longer than 9 ft.").refusals == 0
    assert reader.read("The guy may not be painted.").refusals == 1


def test_a_table_without_limits_reads_no_demands() -> None:
    table = {
        name: value for name, value in load_cues().items() if name not in ("limits", "conditions", "more")
    }
    reading = CueReader(table).read("The sag may not exceed 5 feet.")
    assert reading.demands == frozenset() and reading.obligations == {"forbidden"}


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
