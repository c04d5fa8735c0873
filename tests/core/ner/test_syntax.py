"""The language inside pattern strings: what is parsed, what is refused, what comes out."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ner import syntax
from core.ner.syntax import Context, Problem, parse, split_weight

_WORDS = {"pole": "wood pole", "arm": "crossarm", "verb": "set"}


def expand(text: str, seed: int = 0) -> str:
    """Marked text of `text`, with the few words above as symbols."""
    lookup = lambda ref: lambda ctx: _WORDS[ref.name[0].lower() + ref.name[1:]]  # noqa: E731
    return syntax.compile_nodes(parse(text), lookup)(Context(Random(seed), 0))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("plain words, with (round) brackets.", "plain words, with (round) brackets."),
        ("{pole}", "wood pole"),
        ("{Pole} {arm|up}", "Wood pole CROSSARM"),
        ("{pole|pl|cap}", "Wood poles"),
        ("{pole|title}", "Wood Pole"),
        ("{pole|up|low}", "wood pole"),
        ("[E {pole|pl}] [M 18 feet]", "\x01wood poles\x05 \x0218 feet\x05"),
        ("[S G.O. 95] [X unless]", "\x03G.O. 95\x05 \x04unless\x05"),
        (r"\[a\] \{b\} \<c\> \| \\", r"[a] {b} <c> | " + "\\"),
        ("a | b", "a | b"),
        ("<a|>b", "b"),
        ("<a*0|c>", "c"),
        ("<[E {pole}]>", "\x01wood pole\x05"),
        ("[E <{pole}>]", "\x01wood pole\x05"),
        ("{ pole }", "wood pole"),
        ("{int 4 4}'", "4'"),
        ("", ""),
    ],
)
def test_what_comes_out(text, expected):
    found = {expand(text, seed) for seed in range(20)}
    assert expected in found and (len(found) == 1 or "<a|>" in text)


def test_alternatives_follow_their_weights():
    made = [expand("<a*3|b>", seed) for seed in range(2000)]
    assert 0.7 < made.count("a") / 2000 < 0.8
    made = [expand("<a|b|>", seed) for seed in range(2000)]
    assert all(0.28 < made.count(text) / 2000 < 0.39 for text in ("a", "b", ""))


@pytest.mark.parametrize(
    "text, message, position",
    [
        ("set {pole", "'{' is never closed", 4),
        ("<a|b", "'<' is never closed", 0),
        ("see [E pole", "'[' is never closed", 4),
        ("[E <a|b]", "'<' is never closed", 3),
        ("a ] b", "']' closes nothing", 2),
        ("a } b", "'}' closes nothing", 2),
        ("a > b", "'>' closes nothing", 2),
        ("[Q pole]", "does not open a label", 0),
        ("[Epole]", "does not open a label", 0),
        ("[", "does not open a label", 0),
        ("{po le}", "is not a symbol", 0),
        ("{}", "is not a symbol", 0),
        ("{pole|plural}", "filter 'plural' does not exist", 0),
        ("x {int 5}", "lowest", 2),
        ("{pair foot m 3 4}", "'foot' does not exist", 0),
        ("<a*0|b*0>", "weight 0", 0),
        ("{pole#1} {agree 2 is are}", "nothing is tagged #2", 9),
    ],
)
def test_mistakes_have_a_position(text, message, position):
    with pytest.raises(Problem) as caught:
        parse(text)
    assert message in caught.value.message and caught.value.position == position


def test_a_label_inside_a_label_is_found():
    with pytest.raises(Problem, match="label inside a label"):
        syntax.refs(parse("[E the [M 18-foot] {pole}]"))


def test_the_sentence_for_people():
    error = syntax.describe(
        Problem("'{' is never closed", 3, "Close it."), "lexicon/a.yaml, line 2", "a {b" * 60
    )
    assert "lexicon/a.yaml, line 2" in error.message and "position 3" in error.message
    assert error.message.endswith("...'.") and error.hint == "Close it."


@pytest.mark.parametrize(
    "raw, text, weight",
    [("pole *3", "pole", 3), ("pole *0.5", "pole", 0.5), ("pole", "pole", 1), ("a *b", "a *b", 1),
     ("5 *2", "5", 2), (r"2 \*3", r"2 \*3", 1)],
)  # fmt: skip
def test_weights(raw, text, weight):
    assert split_weight(raw) == (text, weight)


def test_references_and_literals_are_listed():
    nodes = parse("Set <{pole}|a [E {arm} x]> y")
    assert [(ref.name, inside) for ref, inside in syntax.refs(nodes)] == [("pole", False), ("arm", True)]
    assert syntax.literals(nodes) == ["Set ", "a ", " x", " y"]
    assert syntax.has_span(nodes) and not syntax.has_span(parse("{pole}"))


def test_tags_repeat_a_choice():
    numbers = {"n": iter("12345678")}
    emit = syntax.compile_nodes(
        parse("{n#1} {n#1} {N#1} {n#2} {n}"), lambda ref: lambda ctx: next(numbers["n"])
    )
    assert emit(Context(Random(1), 0)) == "1 1 1 2 3"


def test_verbs_agree_with_the_form_that_was_said():
    assert expand("{pole#1|pl} {agree 1 is are} set") == "wood poles are set"
    assert expand("{Pole#1} {agree 1 is are} set, {arm#2|pl} {agree 2 leans lean}") == (
        "Wood pole is set, crossarms lean"
    )


def test_verbs_agree_with_a_tag():
    said = iter(["\x01poles\x05", "\x01pole\x05"])
    emit = syntax.compile_nodes(parse("{np#1} {agree 1 is are} set"), lambda ref: lambda ctx: next(said))
    assert emit(Context(Random(1), 0)) == "\x01poles\x05 are set"
    assert emit(Context(Random(1), 0)) == "\x01pole\x05 is set"


@settings(max_examples=300)
@given(st.text(alphabet="ab {}[]<>|\\*#1EM.@\n", max_size=40))
def test_any_text_is_parsed_or_refused_with_a_place(text):
    try:
        nodes = parse(text)
    except Problem as problem:
        assert 0 <= problem.position <= len(text) and problem.message
    else:
        assert isinstance(syntax.literals(nodes), list)


@settings(max_examples=200)
@given(st.text(max_size=40).filter(lambda text: not set(text) & set("\x01\x02\x03\x04\x05")))
def test_escaped_text_comes_out_as_it_was(text):
    escaped = "".join(f"\\{char}" if char in "\\{}[]<>" else char for char in text)
    assert expand(escaped) == text
