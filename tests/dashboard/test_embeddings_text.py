"""Marks, differences and words for a similarity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.embeddings.exchanges import default_pair_reader
from dashboard import embeddings_text as texts


def kinds(text: str, other: str) -> dict[str, str]:
    return {text[mark.start : mark.end]: mark.kind for mark in texts.marks(text, other)}


def test_shared_words_and_quantities_are_marked() -> None:
    found = kinds(
        "Conductors are kept 18 ft above the road, 5 ft from walls.", "conductor 18 feet over the road"
    )
    assert found == {"Conductors": "word", "18 ft": "same", "road": "word", "5 ft": "other"}


def test_words_without_sense_are_not_marked() -> None:
    assert kinds("The pole shall be in the ground.", "the guy shall be in a vault") == {}


@given(st.text(max_size=60), st.text(max_size=60))
def test_marked_text_says_what_the_text_says(text: str, other: str) -> None:
    html = texts.marked_html(text, texts.marks(text, other), notes=False)
    assert "<script" not in html
    import html as html_room
    import re

    assert html_room.unescape(re.sub(r"</?(?:p|mark)[^<>]*>", "", html)) == text


def test_markup_in_a_text_is_escaped() -> None:
    assert "<b>" not in texts.pair_html("<b>pole</b>", "pole", ["<i>"])


def rows(a: str, b: str) -> dict[str, tuple[str, str, bool | None]]:
    return {d.what: (d.a, d.b, d.alike) for d in texts.differences(a, b, default_pair_reader())}


def test_a_changed_number_is_a_difference_and_another_unit_is_none() -> None:
    assert rows("18 feet clearance", "8 ft clearance")["Quantity"] == ("18 feet", "8 ft (8 feet)", False)
    assert rows("18 feet clearance", "5.5 m clearance")["Quantity"][2] is True
    assert rows("18 feet clearance", "clearance")["Quantity"] == ("18 feet", "–", None)


def test_obligation_place_and_rule_are_compared() -> None:
    found = rows(
        "Guards are required on overhead lines by rule 37.",
        "Guards are not required on underground lines by rule 38.",
    )
    assert found["Obligation"] == ("required", "not required", False)
    assert found["Place"] == ("overhead", "underground", False)
    assert found["Rule"] == ("37", "38", False)
    assert "differs" in texts.difference_rows([texts.Difference("Rule", "37", "38", False)])[0][3]


def test_a_limit_in_other_words_is_no_other_obligation() -> None:
    assert rows("The sag may not exceed 5 ft.", "The sag shall be 5 ft at most.")["Obligation"][2] is True
    assert rows("No work before a test.", "A test must come first.")["Obligation"][2] is None
    assert rows("Guys may be slack.", "Guys shall be taut.")["Obligation"] == ("permitted", "required", False)


@pytest.mark.parametrize(
    ("score", "word"),
    [(0.96, "the same requirement"), (0.7, "a related rule"), (0.3, "differs"), (0.0, "nothing in common"),
     (-0.1, "nothing in common")],
)  # fmt: skip
def test_a_score_is_said_in_words(score: float, word: str) -> None:
    assert word in texts.meaning(score)


def test_word_overlap_is_blind_to_sense() -> None:
    assert texts.overlap("Guards are required", "guards are not required") == pytest.approx(0.75)
    assert texts.overlap("", "") == 0.0


def test_things_and_positions_that_were_exchanged_are_said_once() -> None:
    found = texts.differences(
        "The freight on poles is paid; the tag faces the street side.",
        "Freight on towers is paid; the tag faces the field side.",
        default_pair_reader(),
    )
    said = [(d.what, d.a, d.b, d.alike) for d in found if d.alike is False]
    assert ("Thing", "pole", "tower", False) in said
    assert len([d for d in found if {"street side", "field side"} == {d.a, d.b}]) == 1
