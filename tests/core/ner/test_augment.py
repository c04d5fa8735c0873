"""Rewrites of labelled sentences: spans stay on their words, whatever is changed around them."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datasets.spans import misaligned, tokens
from core.errors import GrammarError
from core.ner import augment
from core.ner.augment import (
    NOISE,
    add_noise,
    apply_edits,
    break_lines,
    change_case,
    drop_punctuation,
    flatten_row,
    join_sentences,
    ocr_letters,
    ocr_spaces,
    respell_units,
    swap_synonyms,
    synonym_groups,
)
from core.ner.generate import default_grammar
from core.ner.grammar import Example, finish

_LETTERS = {"E": "\x01", "M": "\x02", "S": "\x03", "X": "\x04"}


def labelled(text: str) -> tuple[str, list]:
    """`Set [E pole]` as text and entities."""
    marked = re.sub(r"\[([EMSX]) ([^\]]*)\]", lambda m: f"{_LETTERS[m[1]]}{m[2]}\x05", text)
    example = finish(marked)
    return example.text, example.entities


def marked(text: str, entities: list) -> str:
    return Example(text, entities).marked()


@st.composite
def sentences(draw):
    """Labelled sentences of the real grammar, of any family."""
    grammar = default_grammar()
    family = grammar.families[draw(st.integers(0, len(grammar.families) - 1))]
    example = grammar.draw(family, Random(draw(st.integers(0, 10**6))))
    return example.text, example.entities


def check(before, after) -> None:
    """What every rewrite keeps: labels in order, spans trimmed, apart and at the ends of words."""
    assert [e["label"] for e in after[1]] == [e["label"] for e in before[1]]
    last = 0
    for entity in after[1]:
        piece = after[0][entity["start"] : entity["end"]]
        assert last <= entity["start"] < entity["end"] <= len(after[0]) and piece == piece.strip()
        last = entity["end"]
    assert len(misaligned(*after)) <= len(misaligned(*before))


@pytest.mark.parametrize("operation", [swap_synonyms, respell_units, add_noise, *(op for op, _ in NOISE)])
def test_spans_stay_right(operation):
    @settings(max_examples=120, deadline=None)
    @given(sentences(), st.integers(0, 10**6))
    def run(before, seed):
        after = operation(*before, Random(seed))
        check(before, after)
        assert operation(*before, Random(seed)) == after

    run()


@settings(max_examples=150, deadline=None)
@given(sentences(), st.integers(0, 10**6))
def test_what_stands_inside_spans_changes_only_as_meant(before, seed):
    def inside(sentence):
        return [sentence[0][e["start"] : e["end"]] for e in sentence[1]]

    rng = Random(seed)
    for operation in (drop_punctuation, flatten_row):
        assert inside(operation(*before, rng)) == inside(before)
    assert [x.casefold() for x in inside(change_case(*before, rng))] == [x.casefold() for x in inside(before)]
    assert ["".join(x.split()) for x in inside(ocr_spaces(*before, rng))] == [
        "".join(x.split()) for x in inside(before)
    ]
    assert [re.sub(r"-\n|\s", "", x) for x in inside(break_lines(*before, rng))] == [
        re.sub(r"\s", "", x) for x in inside(before)
    ]
    assert [len(x) for x in inside(ocr_letters(*before, rng))] == [len(x) for x in inside(before)]
    respelled = zip(before[1], inside(before), inside(respell_units(*before, rng)), strict=True)
    assert all(old == new for entity, old, new in respelled if entity["label"] != "MEASURE")


@settings(max_examples=150, deadline=None)
@given(sentences(), sentences(), st.booleans(), st.integers(0, 10**6))
def test_joined_sentences_keep_all_spans(first, second, prose, seed):
    text, entities = join_sentences(first, second, Random(seed), prose=prose)
    assert text.startswith(first[0]) and text.endswith(second[0])
    pieces = [text[e["start"] : e["end"]] for e in entities]
    assert pieces == [s[0][e["start"] : e["end"]] for s in (first, second) for e in s[1]]
    assert [e["label"] for e in entities] == [e["label"] for s in (first, second) for e in s[1]]
    # A word of one never runs into a word of the other.
    assert len(tokens(text)) >= len(tokens(first[0])) + len(tokens(second[0]))


def test_what_stands_between_joined_sentences():
    def join(first, prose, seed):
        return join_sentences(labelled(first), labelled("Trim it."), Random(seed), prose=prose)[0]

    assert join("Set [E pole].", True, 1) == "Set pole. Trim it."
    assert join("Set [E pole]", True, 1) == "Set pole. Trim it."
    loose = {join("set [E pole]", False, seed)[8:-8] for seed in range(60)}
    assert loose == {". ", "; ", ", ", "\n", " - "}


@given(st.data())
def test_edits_move_spans(data):
    words = data.draw(st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=8))
    text, spans = " ".join(words), []
    at = 0
    for word in words:
        spans.append((at, at + len(word)))
        at += len(word) + 1
    chosen = data.draw(st.lists(st.sampled_from(spans), unique=True))
    new = {span: data.draw(st.text("xyz", max_size=5)) for span in chosen}
    entities = [{"start": a, "end": b, "label": "EQUIPMENT"} for a, b in spans]
    after, moved = apply_edits(text, entities, [(a, b, word) for (a, b), word in new.items()])
    expected = [new.get(span, word) for span, word in zip(spans, words, strict=True)]
    assert after == " ".join(expected)
    assert [after[e["start"] : e["end"]] for e in moved] == expected


def test_synonyms_are_swapped_only_inside_their_label():
    text, entities = labelled("See [S General Order 95] about General Order 95 and [E crossarms].")
    made = {marked(*swap_synonyms(text, entities, Random(seed))) for seed in range(80)}
    assert any("[S G.O. 95]" in m for m in made) and any("[E cross arms]" in m for m in made)
    assert all("General Order 95" in m.replace("[S General Order 95]", "") for m in made)


def test_units_are_written_another_way():
    made = set()
    for text in ("Keep [M 18 feet] away", "Keep [M 18 feet 6 inches] away"):
        made |= {marked(*respell_units(*labelled(text), Random(seed))) for seed in range(80)}
    for piece in ("18 ft]", "18']", "eighteen feet]", "18 ft 6 inches]"):
        assert any(piece in m for m in made), piece
    made = {marked(*respell_units(*labelled("about [M 30 percent] now"), Random(s))) for s in range(40)}
    assert {"about [M 30%] now", "about [M 30 percent] now"} <= made
    made = {marked(*respell_units(*labelled("[M 1 ft] or [M 1 lb]"), Random(s))) for s in range(80)}
    assert any("1 foot" in m for m in made) and not any("1 feet" in m or "1 pounds" in m for m in made)
    text, entities = labelled("one [E pole] 18 feet")
    assert all(respell_units(text, entities, Random(s)) == (text, entities) for s in range(20))


def test_case_and_rows_and_lines():
    sentence = labelled("Set [E pole], [M 18 ft.] deep; see [S Rule 37].")
    made = {change_case(*sentence, Random(seed))[0] for seed in range(40)}
    assert {"SET POLE, 18 FT. DEEP; SEE RULE 37.", "set pole, 18 ft. deep; see rule 37."} <= made
    rows = {flatten_row(*sentence, Random(seed))[0] for seed in range(40)}
    assert "Set pole | 18 ft. deep | see Rule 37" in rows and "Set pole\t18 ft. deep\tsee Rule 37" in rows
    assert {drop_punctuation(*sentence, Random(s))[0] for s in range(60)} >= {
        "Set pole 18 ft. deep see Rule 37"
    }
    lines = {break_lines(*labelled("The [E transformers] stand"), Random(seed))[0] for seed in range(300)}
    assert any("-\n" in text for text in lines) and any("\nstand" in text for text in lines)


def test_letters_that_grow_in_upper_case_are_left_alone():
    sentence = labelled("Straße [E pole]")
    assert all(change_case(*sentence, Random(seed))[0] != "STRASSE POLE" for seed in range(40))


@pytest.mark.parametrize(
    "content, told",
    [
        ("groups:\n  - label: EQUIPMENT\n    forms: [a]\n", "group 1: expected a label"),
        ("groups:\n  - forms: [a, b]\n", "group 1: expected a label"),
        ("groups:\n  - label: POLE\n    forms: [a, b]\n", "Labels are EQUIPMENT, MEASURE"),
        ("groups: a\n", "'groups' is missing or no list"),
        ("groups:\n  - x\n", "group 1: expected a label"),
        ("groups:\n\t- x\n", "there is a tab"),
    ],
)
def test_mistakes_of_the_synonym_file(tmp_path, content, told):
    path = tmp_path / "synonyms.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(GrammarError, match=re.escape(told)):
        synonym_groups(path)


def test_the_synonym_file_that_ships():
    groups = synonym_groups()
    assert len(groups) > 10 and {label for label, _, _ in groups} >= {"STANDARD", "EQUIPMENT"}
    assert all(pattern.fullmatch(form) for _, pattern, forms in groups for form in forms)
    assert augment.synonym_groups() is groups
