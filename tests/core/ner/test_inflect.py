"""Word forms: plurals, articles, letter case, agreement."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.ner.inflect import article_for, capitalised, fix_articles, is_plural, plural, plural_phrase, titled


@pytest.mark.parametrize(
    "one, many",
    [
        ("pole", "poles"), ("crossarm", "crossarms"), ("switch", "switches"), ("box", "boxes"),
        ("bus", "buses"), ("bushing", "bushings"), ("assembly", "assemblies"), ("key", "keys"),
        ("foot", "feet"), ("Foot", "Feet"), ("FOOT", "FEET"), ("lineman", "linemen"),
        ("GROUNDMAN", "GROUNDMEN"),
        ("knife", "knives"), ("hardware", "hardware"), ("pliers", "pliers"), ("truss", "trusses"),
        ("CO", "COs"), ("poles", "poles"), ("man", "men"),
    ],
)  # fmt: skip
def test_plural(one, many):
    assert plural(one) == many


@pytest.mark.parametrize(
    "one, many",
    [
        ("wood pole", "wood poles"),
        ("\x01wood pole\x05", "\x01wood poles\x05"),
        ("the \x01dead-end pole\x05 of the utility", "the \x01dead-end poles\x05 of the utility"),
        ("length of wire", "lengths of wire"),
        ("lock for panels", "locks for panels"),
        ("splice closure (aerial)", "splice closure (aerials)"),
        ("42", "42"),
    ],
)
def test_plural_of_a_phrase_is_that_of_its_head(one, many):
    assert plural_phrase(one) == many


@pytest.mark.parametrize(
    "word, article",
    [
        ("pole", "a"), ("arm", "an"), ("insulator", "an"), ("hour", "an"), ("honest", "an"), ("unit", "a"),
        ("utility", "a"), ("one-inch", "a"), ("unused", "an"), ("uninsulated", "an"), ("unimproved", "an"),
        ("8-foot", "an"), ("80", "an"), ("11", "an"), ("18-foot", "an"), ("18,000", "an"), ("110", "a"),
        ("1,800", "a"), ("5", "a"), ("MOV", "an"), ("CO", "a"), ("FRP", "an"), ("NEMA", "a"), ("LED", "an"),
        ("RUS", "a"), ("S", "an"), ("U", "a"), ("eye", "an"), ("European", "a"), ("used", "a"),
    ],
)  # fmt: skip
def test_article_by_sound(word, article):
    assert article_for(word) == article


@pytest.mark.parametrize(
    "text, fixed",
    [
        ("Set a arm.", "Set an arm."),
        ("An \x01pole\x05 leans", "A \x01pole\x05 leans"),
        ("put a \x02\x0218-foot\x05 pole", "put an \x02\x0218-foot\x05 pole"),
        ("sketch A is right", "sketch A is right"),
        ("a “earth” rod", "an “earth” rod"),
        ("Class B arm", "Class B arm"),
    ],
)
def test_articles_of_a_text(text, fixed):
    assert fix_articles(text) == fixed


@pytest.mark.parametrize(
    "text, many",
    [
        ("\x01poles\x05", True), ("the \x01pole\x05", False), ("the \x01bus\x05", False),
        ("\x01pole\x05 and \x01arm\x05", True), ("a \x01pole\x05 or \x01arm\x05", False),
        ("\x01copper and aluminum conductors\x05", True), ("the length of poles", False), ("linemen", True),
        ("\x01hot-line pliers\x05", True), ("\x01rubber footwear\x05", False), ("any truss", False),
        ("\x01apparatus\x05", False), ("", False),
    ],
)  # fmt: skip
def test_number_of_a_subject(text, many):
    assert is_plural(text) is many


def test_capitals():
    assert capitalised("\x01pole\x05 set") == "\x01Pole\x05 set"
    assert capitalised("18 feet") == "18 feet" and capitalised("...") == "..."
    assert titled("guide for the use of poles") == "Guide for the Use of Poles"


_WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)


@given(_WORDS)
def test_a_plural_stays_one_word_and_wants_the_verb_of_many(word):
    # Made-up words that end like Latin singulars are read as such.
    assume(word[-1] not in "aiu" and word != "len")
    many = plural(word)
    assert many and " " not in many and many[0] == word[0]
    if many != word and not word.endswith("s"):
        assert is_plural(many)


@given(st.lists(_WORDS, min_size=1, max_size=6).map(" ".join))
def test_fixing_articles_twice_changes_nothing_more(text):
    once = fix_articles(f"a {text} an {text}")
    assert fix_articles(once) == once
