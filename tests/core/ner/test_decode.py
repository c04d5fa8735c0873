"""Legal decoding, confidence and span clean-up."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.datasets.spans import tokens
from core.ner.decode import bio_tags, clean_span, entities, viterbi

TAGS = bio_tags(["STANDARD", "EQUIPMENT"])


def scores(*names: str, sure: float = 0.9) -> np.ndarray:
    """(N, C) log-probabilities that favour the named tags."""
    rest = (1 - sure) / (len(TAGS) - 1)
    return np.log(np.array([[sure if tag == name else rest for tag in TAGS] for name in names]))


def legal(path: list[int]) -> bool:
    names = ["O"] + [TAGS[number] for number in path]
    return all(not now.startswith("I-") or before[2:] == now[2:] for before, now in itertools.pairwise(names))


@given(arrays.arrays(np.float64, st.tuples(st.integers(0, 5), st.just(len(TAGS))), elements=st.floats(-9, 0)))
@settings(deadline=None)
def test_viterbi_is_the_best_legal_sequence(log_probs: np.ndarray) -> None:
    path = viterbi(log_probs, TAGS)
    assert len(path) == len(log_probs)
    assert legal(path)
    best = max(
        sum(log_probs[i, tag] for i, tag in enumerate(candidate))
        for candidate in itertools.product(range(len(TAGS)), repeat=len(log_probs))
        if legal(list(candidate))
    )
    assert sum(log_probs[i, tag] for i, tag in enumerate(path)) == pytest.approx(best)


def test_an_inside_tag_never_starts_an_entity() -> None:
    words = tokens("wood pole")
    found = entities("wood pole", words, scores("I-EQUIPMENT", "I-EQUIPMENT"), TAGS)
    assert [(e["start"], e["end"], e["label"]) for e in found] == [(0, 9, "EQUIPMENT")]


def test_confidence_is_the_geometric_mean_of_the_decoded_tags() -> None:
    rows = np.vstack([scores("B-EQUIPMENT", sure=0.9), scores("I-EQUIPMENT", sure=0.4)])
    found = entities("wood pole", tokens("wood pole"), rows, TAGS)
    assert found[0]["confidence"] == pytest.approx((0.9 * 0.4) ** 0.5, abs=1e-4)


def test_two_begins_are_two_entities() -> None:
    text = "pole crossarm"
    found = entities(text, tokens(text), scores("B-EQUIPMENT", "B-EQUIPMENT"), TAGS)
    assert [text[e["start"] : e["end"]] for e in found] == ["pole", "crossarm"]


def test_no_words_no_entities() -> None:
    assert entities(" \n", [], np.zeros((0, len(TAGS))), TAGS) == []


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("pole,", "EQUIPMENT", "pole"),
        ("Rule 37 –", "STANDARD", "Rule 37"),
        ("Rule 37)", "STANDARD", "Rule 37"),
        ("(Rule 37", "STANDARD", "Rule 37"),
        ("(Form 5)", "STANDARD", "Form 5"),
        ("(a)(1)", "STANDARD", "(a)(1)"),
        ("paragraph (m)(3)", "STANDARD", "paragraph (m)(3)"),
        ("“Roadside Guide”", "STANDARD", "Roadside Guide"),
        ('5/16"', "MEASURE", '5/16"'),
        ("18'-6\"", "MEASURE", "18'-6\""),
        ("10 ft.", "MEASURE", "10 ft."),
        ("10 feet.", "MEASURE", "10 feet"),
        ("crossarm.", "EQUIPMENT", "crossarm"),
        ("G.O. 95.", "STANDARD", "G.O. 95"),
        ("the pole", "EQUIPMENT", "pole"),
        ("A-frame", "EQUIPMENT", "A-frame"),
        ("-20 °F", "MEASURE", "-20 °F"),
        ("unless :", "EXEMPTION", "unless"),
    ],
)
def test_edges_are_normalised(text: str, label: str, expected: str) -> None:
    start, end = clean_span(text, 0, len(text), label)
    assert text[start:end] == expected


def test_a_bracket_opened_inside_is_closed() -> None:
    text = "10 ft (3 m) deep"
    assert clean_span(text, 0, 10, "MEASURE") == (0, 11)


@pytest.mark.parametrize(
    ("text", "label"), [("( , )", "MEASURE"), ("--", "STANDARD"), ("12", "EQUIPMENT"), ("“”", "STANDARD")]
)
def test_what_cannot_be_an_entity_is_dropped(text: str, label: str) -> None:
    assert clean_span(text, 0, len(text), label) is None


@given(st.text(alphabet="ab1 .,()[]\"'-the“”", max_size=12), st.data())
@settings(deadline=None)
def test_clean_up_stays_inside_the_text_and_is_stable(text: str, data: st.DataObject) -> None:
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    cleaned = clean_span(text, start, end, "EQUIPMENT")
    if cleaned is None:
        return
    assert start <= cleaned[0] < cleaned[1] <= min(len(text), end + 1)
    assert any(character.isalpha() for character in text[slice(*cleaned)])
    assert clean_span(text, *cleaned, "EQUIPMENT") == cleaned


@given(st.lists(st.sampled_from(range(len(TAGS))), max_size=12), st.data())
@settings(deadline=None)
def test_entities_never_overlap(path: list[int], data: st.DataObject) -> None:
    pieces = data.draw(
        st.lists(
            st.sampled_from(["pole", "(", ")", ",", "95", "the", "."]), min_size=len(path), max_size=len(path)
        )
    )
    text = " ".join(pieces)
    words = tokens(text)
    found = entities(
        text, words, scores(*[TAGS[number] for number in path]) if path else np.zeros((0, 5)), TAGS
    )
    for one, other in itertools.pairwise(found):
        assert one["end"] <= other["start"]
    assert all(0 <= e["start"] < e["end"] <= len(text) and 0 < e["confidence"] <= 1 for e in found)
