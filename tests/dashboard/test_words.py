"""How figures and times read."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import words


@pytest.mark.parametrize(
    ("value", "text"), [(0.8684, "0.868"), (1, "1.000"), (None, "–"), (math.nan, "–"), (math.inf, "–")]
)
def test_scores_have_three_decimals(value: float | None, text: str) -> None:
    assert words.score(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (61, "1 min"), (245, "4 min"), (3600, "1 h"), (4800, "1 h 20 min"),
     (86400 * 3, "3 days"), (None, "–"), (-5, "0 s")],
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


def test_time_left_is_never_in_seconds() -> None:
    assert words.time_left(250) == "4 min left"
    assert words.time_left(12) == "less than 1 min left"
    assert words.time_left(None) == words.time_left(math.nan) == "working out the time left"


@given(st.floats(min_value=0, max_value=1e9))
def test_any_duration_has_a_unit(seconds: float) -> None:
    assert words.duration(seconds).split()[-1] in {"s", "min", "h", "day", "days"}


@pytest.mark.parametrize(
    ("past", "text"), [(10, "just now"), (125, "2 min ago"), (7300, "2 h ago"), (90000, "1 day ago")]
)
def test_ago(past: float, text: str) -> None:
    assert words.ago(1000.0, 1000.0 + past) == text


@pytest.mark.parametrize(
    "text", ["![x](http://a/b.png)", ":red[a]", "a_b*c*", "<b>", "$x$", "`code`", "# top"]
)
def test_plain_text_has_no_markdown_left(text: str) -> None:
    found = words.plain(text)
    assert re.sub(r"\\(.)", r"\1", found) == text
    assert not re.search(r"(?<!\\)[\[\]*_<>$`#!]", found)


def test_counts_sizes_and_values() -> None:
    assert words.count(1, "run") == "1 run"
    assert words.count(5500, "sentence") == "5,500 sentences"
    assert words.count(2, "thing to know", "things to know") == "2 things to know"
    assert words.size(812) == "812 B"
    assert words.size(21_400_000) == "21.4 MB"
    assert words.number(3e-4) == "0.0003"
    assert words.number(True) == "yes"
    assert words.number(None) == "none"
    assert words.number(["a", "b"]) == "a, b"
