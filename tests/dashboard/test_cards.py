"""HTML pieces: what they say, and that they escape what they are given."""

from __future__ import annotations

import pytest

from dashboard import cards

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("value", "role"), [(0.9, "met"), (0.85, "close"), (0.82, "close"), (0.5, "below"), (None, "muted")]
)
def test_verdict_has_a_word_beside_the_colour(value: float | None, role: str) -> None:
    found, words = cards.verdict(value, 0.85)
    assert found == role
    assert len(words) > 3


def test_score_is_judged_on_real_data_and_names_both() -> None:
    html = cards.score_html("F1", 0.85, real=0.82, generated=0.94)
    assert "▲ close to target" in html
    assert 'nx-real"><span class="nx-source">real</span><span class="nx-value">0.820' in html
    assert 'nx-generated"><span class="nx-source">generated</span><span class="nx-value">0.940' in html
    assert "target met" not in html


def test_generated_data_alone_never_meets_a_target() -> None:
    html = cards.score_html("F1", 0.85, real=None, generated=0.94)
    assert "nx-met " not in html
    assert 'nx-met"' not in html
    assert "above target on generated data" in html
    assert "import a gold set" in html


def test_bar_stays_inside_its_box() -> None:
    assert "width:100.0%" in cards.bar_html(1.7)
    assert "width:0.0%" in cards.bar_html(-1.0)
    assert "width:0.0%" in cards.bar_html(None)


@pytest.mark.parametrize(
    "html",
    [
        cards.head_html(EVIL, EVIL),
        cards.quiet_html(EVIL),
        cards.line_html("met", EVIL, EVIL),
        cards.check_html(True, EVIL, EVIL),
        cards.facts_html([(EVIL, EVIL)]),
        cards.balance_html({EVIL: 3}),
        cards.table_html([(EVIL, False)], [[EVIL]]),
        cards.label_html(EVIL),
        cards.word_html("met", EVIL),
        cards.progress_html(0.5, EVIL, EVIL),
        cards.score_html(EVIL, 0.5, real=0.1, generated=0.2, held_out_word=EVIL),
    ],
)
def test_everything_given_is_escaped(html: str) -> None:
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_table_aligns_numbers_right_and_keeps_own_html() -> None:
    html = cards.table_html([("Label", False), ("F1", True)], [[cards.label_html("MEASURE"), 0.5]], raw=(0,))
    assert '<td><b class="nx-name nx-MEASURE">MEASURE</b></td>' in html
    assert '<td class="nx-num">0.5</td>' in html


def test_balance_names_shares_and_counts() -> None:
    html = cards.balance_html({"STANDARD": 75, "MEASURE": 25})
    assert "75 (75%)" in html
    assert "25 (25%)" in html
    assert "No labelled spans" in cards.balance_html({})


def test_check_signs() -> None:
    assert ">✓<" in cards.check_html(True, "a", "")
    assert ">▲<" in cards.check_html(None, "a", "")
    assert ">✗<" in cards.check_html(False, "a", "b")
