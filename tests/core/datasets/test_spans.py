"""Spans, tokens and BIO tags."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datasets.spans import from_bio, misaligned, to_bio, tokens
from core.errors import DatasetError

LABELS = ("STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION")


@st.composite
def aligned_rows(draw: st.DrawFn) -> dict:
    """A text with flat entities that start and end at tokens."""
    text = draw(st.text(min_size=1, max_size=60))
    spans = tokens(text)
    entities, position = [], 0
    while position < len(spans):
        length = draw(st.integers(0, 3))
        if length:
            last = min(position + length, len(spans)) - 1
            entities.append(
                {"start": spans[position][0], "end": spans[last][1], "label": draw(st.sampled_from(LABELS))}
            )
            position = last
        position += 1
    return {"text": text, "entities": entities}


@given(aligned_rows())
def test_tags_give_back_the_entities(row):
    spans, tags = to_bio(row["text"], row["entities"])
    assert from_bio(spans, tags, row["text"]) == row["entities"]


@given(st.text(max_size=200))
def test_tokens_cover_everything_but_white_space(text):
    spans = tokens(text)
    assert "".join(text[start:end] for start, end in spans) == "".join(text.split())
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_guideline_example():
    text = "Install pole with 18 feet clearance per G.O. 95"
    entities = [
        {"start": 8, "end": 12, "label": "EQUIPMENT"},
        {"start": 18, "end": 25, "label": "MEASURE"},
        {"start": 40, "end": 47, "label": "STANDARD"},
    ]
    spans, tags = to_bio(text, list(reversed(entities)))
    assert [text[start:end] for start, end in spans][-5:] == ["G", ".", "O", ".", "95"]
    assert tags == ["O", "B-EQUIPMENT", "O", "B-MEASURE", "I-MEASURE", "O", "O", "B-STANDARD"] + 4 * [
        "I-STANDARD"
    ]
    assert from_bio(spans, tags, text) == entities


def test_neighbours_with_the_same_label_stay_two_entities():
    text = "poles crossarms"
    entities = [{"start": 0, "end": 5, "label": "EQUIPMENT"}, {"start": 6, "end": 15, "label": "EQUIPMENT"}]
    assert from_bio(*to_bio(text, entities), text) == entities


def test_entity_inside_a_token_takes_the_token_and_is_found_by_the_check():
    text = "a 40ft pole"
    entities = [{"start": 2, "end": 4, "label": "MEASURE"}]
    assert to_bio(text, entities)[1] == ["O", "B-MEASURE", "O"]
    assert misaligned(text, entities) == entities


def test_inside_tag_without_begin_opens_an_entity():
    assert from_bio([(0, 1), (2, 3)], ["I-MEASURE", "I-STANDARD"], "a b") == [
        {"start": 0, "end": 1, "label": "MEASURE"},
        {"start": 2, "end": 3, "label": "STANDARD"},
    ]


@pytest.mark.parametrize(
    "entities, words",
    [
        ([{"start": 0, "end": 9, "label": "MEASURE"}], "not inside its text of 6"),
        ([{"start": 2, "end": 2, "label": "MEASURE"}], "not inside"),
        (
            [{"start": 0, "end": 4, "label": "MEASURE"}, {"start": 2, "end": 6, "label": "STANDARD"}],
            "overlaps",
        ),
    ],
)
def test_impossible_spans_are_refused(entities, words):
    with pytest.raises(DatasetError, match=words):
        to_bio("18 ft.", entities)


def test_wrong_tags_are_refused():
    with pytest.raises(DatasetError, match="one tag per token"):
        from_bio([(0, 1)], [], "a")
    with pytest.raises(DatasetError, match="'MEASURE' is not a BIO tag"):
        from_bio([(0, 1)], ["MEASURE"], "a")
    with pytest.raises(DatasetError, match="not inside its text"):
        from_bio([(0, 3)], ["O"], "a")


def test_empty_text_has_no_tokens():
    assert to_bio("", []) == ([], [])
