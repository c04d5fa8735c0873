"""Highlighted text: escaping, overlaps, thresholds."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from dashboard import entities

TAG = re.compile(r"<[^>]*>")
NOTE = re.compile(r'<span class="nx-tag">.*?</span>')


def shown(html: str) -> str:
    """The text that a reader sees, without the label words."""
    return unescape(TAG.sub("", NOTE.sub("", html)))


def test_script_in_the_text_stays_text() -> None:
    text = "<script>alert('x')</script> pole <img src=x onerror=alert(1)> & more"
    start = text.index("pole")
    html = entities.highlight(text, [{"start": start, "end": start + 4, "label": "EQUIPMENT"}])
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert shown(html) == text


def test_script_in_a_label_stays_text() -> None:
    html = entities.highlight("pole", [{"start": 0, "end": 4, "label": '"><script>alert(1)</script>'}])
    assert "<script" not in html
    assert 'class="nx-ent nx-OTHER"' in html


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-3, 70), st.integers(-3, 70)), max_size=8))
def test_no_text_is_lost_or_added(text: str, spans: list[tuple[int, int]]) -> None:
    found = [{"start": a, "end": b, "label": "MEASURE", "confidence": 0.5} for a, b in spans]
    html = entities.highlight(text, found)
    assert shown(html) == text
    tags = set(re.findall(r"<(/?\w+)", html))
    assert tags <= {"p", "/p", "span", "/span"}


def test_the_label_word_and_confidence_stand_beside_the_colour() -> None:
    html = entities.highlight("18 feet", [{"start": 0, "end": 7, "label": "MEASURE", "confidence": 0.987}])
    assert "nx-MEASURE" in html
    assert ">MEASURE 0.99<" in html


def test_threshold_hides_what_is_less_certain() -> None:
    found = [
        {"start": 0, "end": 4, "label": "EQUIPMENT", "confidence": 0.4},
        {"start": 5, "end": 9, "label": "MEASURE", "confidence": 0.6},
    ]
    html = entities.highlight("pole 9 ft", found, threshold=0.5)
    assert "EQUIPMENT" not in html
    assert "MEASURE" in html
    assert [row["label"] for row in entities.rows("pole 9 ft", found, 0.5)] == ["MEASURE"]


def test_of_two_that_overlap_the_first_and_longer_is_drawn() -> None:
    spans = [
        {"start": 2, "end": 6, "label": "A"},
        {"start": 0, "end": 4, "label": "B"},
        {"start": 0, "end": 3, "label": "C"},
    ]
    assert [s["label"] for s in entities.drawable(spans, 10)] == ["B"]


def test_missed_spans_are_named() -> None:
    html = entities.highlight("a pole", [], missed=[{"start": 2, "end": 6, "label": "EQUIPMENT"}])
    assert "nx-missed" in html
    assert "EQUIPMENT missed" in html


def test_rows_are_in_reading_order_with_their_words() -> None:
    found = [
        {"start": 13, "end": 20, "label": "MEASURE", "confidence": 0.9},
        {"start": 8, "end": 12, "label": "EQUIPMENT", "confidence": 0.8},
    ]
    rows = entities.rows("Install pole 18 feet", found)
    assert [(row["label"], row["text"]) for row in rows] == [("EQUIPMENT", "pole"), ("MEASURE", "18 feet")]


def test_legend_counts() -> None:
    html = entities.legend({"STANDARD": 1200})
    assert "STANDARD</b> 1,200" in html
    assert "EXEMPTION</b> 0" in html
