"""Grammar files: what they may hold, how mistakes are told, and how marked text becomes spans."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import GrammarError
from core.ner.generate import default_grammar
from core.ner.grammar import Grammar, finish, main, samples
from core.ner.holdout import SPLITS, entry_split, family_splits, spelled_out, words_of

LEXICON = """
_reserve: true
pole:
  - pole *6
  - stub pole
  - transformer | xfmr
"""
PATTERNS = """
style: note
patterns:
  - "Set [E {pole}] [M {int 20 60} inches] deep."
  - ["[E {pole|pl|cap}] stand.", "There stand [E {pole|pl}]."]
"""


def folder(tmp_path: Path, lexicon: str = LEXICON, patterns: str = PATTERNS, grammar: str = "") -> list[Path]:
    """Folders with one file each."""
    files = {"lexicon": lexicon, "grammar": grammar, "patterns": patterns}
    for name, text in files.items():
        (tmp_path / name).mkdir(exist_ok=True)
        if text:
            (tmp_path / name / "mine.yaml").write_text(text, encoding="utf-8", newline="\n")
    return [tmp_path / name for name in files]


def mistakes(dirs: list[Path]) -> str:
    with pytest.raises(GrammarError) as caught:
        Grammar.load(dirs)
    return str(caught.value)


def test_small_files_load_and_expand(tmp_path):
    grammar = Grammar.load(folder(tmp_path))
    assert grammar.styles == ["note"] and grammar.file_weights == {"mine": 1.0}
    example = grammar.expand("Set [E {pole}] [M 6 feet] deep", Random(1))
    assert [e["label"] for e in example.entities] == ["EQUIPMENT", "MEASURE"]
    assert example.marked().startswith("Set [E ") and example.marked().endswith("] [M 6 feet] deep")
    texts = {grammar.draw(grammar.families[1], Random(seed)).text for seed in range(100)}
    assert {"Poles stand.", "There stand stub poles.", "Xfmrs stand.", "Transformers stand."} <= texts


@pytest.mark.parametrize(
    "lexicon, told",
    [
        ("pole:\n  - {pole\n", "lexicon/mine.yaml, line"),
        ("pole:\n\t- a\n", "there is a tab. Indent with spaces."),
        ("pole:\n  - a\npole:\n  - b\n", "line 3: 'pole' is given twice, first in line 1"),
        ("pole:\n  - a\n  - ''\n", "line 3, symbol 'pole': an entry is empty"),
        ("pole:\n", "symbol 'pole' is empty or no list"),
        ("pole: stub\n", "symbol 'pole' is empty or no list"),
        ("pole:\n  - a: b\n", "symbol 'pole', entry 1 is a name with something below it"),
        ("pole:\n  - [a, b]\n", "entry 1 is a list, expected text"),
        ("? [a]\n: - b\n", "a name is no word"),
        ("- pole\n", "has no names"),
        ("", "No grammar files"),
        ("po le:\n  - a\n", "symbol 'po le' is no name for a symbol"),
        ("_reserve: maybe\npole:\n  - a\n", "_reserve is 'maybe', expected true or false"),
        ("pole:\n  - a {polle}\n", "{polle} is not defined at position 2 of 'a {polle}'. Did you mean pole?"),
        ("pole:\n  - a {qqqqq}\n", "Define it in a lexicon or grammar file."),
        ("a:\n  - '{b}'\nb:\n  - '{c}'\nc:\n  - '{a}'\n", "Symbol 'a' refers to itself: a -> b -> c -> a."),
        ("a:\n  - '[E x]'\nb:\n  - '[E {a}]'\n", "{a} brings its own label and stands inside a label"),
        ("a:\n  - '[E [M x]]'\n", "a label inside a label at position 3"),
        ("a:\n  - x *0\n", "Symbol 'a' has no entry left for train"),
        ("a:\n  - x | {y\n", "'{' is never closed at position 0 of '{y'"),
        ("a: &x\n  - *y\n", "line 2 is not YAML at '- *y'"),
    ],
)
def test_mistakes_of_symbol_files(tmp_path, lexicon, told):
    assert told in mistakes(folder(tmp_path, lexicon, ""))


@pytest.mark.parametrize(
    "patterns, told",
    [
        ("patterns:\n  - a\n", "the style is missing"),
        ("style: Go Back\npatterns:\n  - a\n", "the style is 'Go Back', expected small letters"),
        ("style: a\nweight: -1\npatterns:\n  - a\n", "weight is '-1', expected a number from 0"),
        ("style: a\nweight: much\npatterns:\n  - a\n", "weight is 'much'"),
        ("style: a\npatterns: []\n", "'patterns' is empty or no list"),
        ("style: a\nwieght: 2\npatterns:\n  - a\n", "line 2: key 'wieght' is not known"),
        ("style: a\npatterns:\n  - a: b\n", "pattern 1, entry 1 is a name"),
        ("style: a\npatterns:\n  - '{@.obj} is set'\n", "has '@' but the file has no topics"),
        ("style: a\ntopics: [pole]\npatterns:\n  - '{@.obj} is'\n", "no topic defines every slot"),
        ("style: a\npatterns:\n  - x\n  - a {pol}\n", "line 4, pattern 2: symbol {pol} is not defined"),
        ("style: a\npatterns:\n  - - x\n    - '<y'\n", "line 4, pattern 1: '<' is never closed"),
    ],
)
def test_mistakes_of_pattern_files(tmp_path, patterns, told):
    assert told in mistakes(folder(tmp_path, LEXICON, patterns))


def test_all_mistakes_are_told_at_once(tmp_path):
    dirs = folder(
        tmp_path, "pole:\n  - a {polle}\n  - '{b'\n", "style: a\npatterns:\n  - '[Q x]'\n  - 'y]'\n"
    )
    told = mistakes(dirs).splitlines()
    assert told[0] == "4 mistakes in the sentence files:"
    assert [re.match(r"- (\w+)/mine.yaml, line (\d)", line).groups() for line in told[1:]] == [
        ("lexicon", "3"), ("lexicon", "2"), ("patterns", "3"), ("patterns", "4"),
    ]  # fmt: skip


def test_not_more_than_twenty_are_told(tmp_path):
    lines = "".join(f"  - '{{b{n}'\n" for n in range(35))
    told = mistakes(folder(tmp_path, f"pole:\n{lines}")).splitlines()
    assert told[0].startswith("35 mistakes") and len(told) == 22 and told[-1] == "… and 15 more."


def test_names_of_an_unreadable_file_do_not_count_as_unknown(tmp_path):
    dirs = folder(tmp_path, "pole:\n\t- a\n")
    told = mistakes(dirs)
    assert "tab" in told and "not defined" not in told


def test_wrong_encoding_is_named(tmp_path):
    dirs = folder(tmp_path)
    (tmp_path / "lexicon" / "old.yaml").write_bytes("a:\n  - Mast mit Öse\n".encode("latin-1"))
    assert "lexicon/old.yaml is not UTF-8 text" in mistakes(dirs)


def test_a_lexicon_goes_on_in_another_file_but_a_grammar_symbol_does_not(tmp_path):
    dirs = folder(tmp_path)
    (tmp_path / "lexicon" / "more.yaml").write_text("pole:\n  - tower\n", encoding="utf-8")
    assert len(Grammar.load(dirs).symbols["pole"].entries) == 4
    for name in ("one", "two"):
        (tmp_path / "grammar" / f"{name}.yaml").write_text("np:\n  - a {pole}\n", encoding="utf-8")
    assert "grammar/two.yaml, line 1, symbol 'np': 'np' is defined a second time" in mistakes(dirs)


def test_values_stay_as_they_are_written(tmp_path):
    grammar = Grammar.load(folder(tmp_path, "pole:\n  - 4.160\n  - 12:30\n  - yes\n  - 007\n"))
    assert [entry.text for entry in grammar.symbols["pole"].entries] == ["4.160", "12:30", "yes", "007"]


def test_topics_make_one_pattern_many(tmp_path):
    lexicon = (
        "pole.obj:\n  - pole\narm.obj:\n  - crossarm\nwire.obj:\n  - wire\n"
        "pole.v:\n  - set\narm.v:\n  - bolted\n"
    )
    patterns = "style: a\ntopics: [pole, arm, wire]\npatterns:\n  - '{@.obj|cap} is {@.v}.'\n"
    grammar = Grammar.load(folder(tmp_path, lexicon, patterns))
    texts = {grammar.draw(grammar.families[0], Random(seed)).text for seed in range(40)}
    assert texts == {"Pole is set.", "Crossarm is bolted."}


def test_template_symbols_are_written_once_for_all_topics(tmp_path):
    grammar = Grammar.load(folder(tmp_path, LEXICON, PATTERNS, "_topics: [pole]\n'np.@':\n  - 'the {@}'\n"))
    assert grammar.expand("{np.pole}", Random(0)).text.startswith("the ")


def test_the_same_pattern_may_not_be_in_two_splits(tmp_path):
    dirs = folder(tmp_path)
    for style in ("one", "two"):
        lines = "".join(f"  - {style} {n}\n" for n in range(20))
        (tmp_path / "patterns" / f"{style}.yaml").write_text(
            f"style: {style}\npatterns:\n{lines}", encoding="utf-8"
        )
    held = next(f.texts[0] for f in Grammar.load(dirs).families if f.split == "val")
    with (tmp_path / "patterns" / "mine.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  - {held}\n")
    assert "in another split" in mistakes(dirs)


def test_mistakes_in_a_single_pattern():
    grammar = default_grammar()
    with pytest.raises(GrammarError, match="Did you mean pole"):
        grammar.expand("[E {polle}]", Random(0))
    with pytest.raises(GrammarError, match="never closed"):
        grammar.expand("[E {pole}", Random(0))


@pytest.mark.parametrize(
    "marked, text, spans",
    [
        ("Set  \x01 pole \x05 .", "Set pole.", ["pole"]),
        ("at \x0210 ft.\x05.", "at 10 ft.", ["10 ft."]),
        ("a \x02 6 in. ( 15 cm ) \x05 , so", "a 6 in. (15 cm), so", ["6 in. (15 cm)"]),
        ("a \x01arm\x05", "an arm", ["arm"]),
        ("\x01a pole\x05 leans", "a pole leans", ["pole"]),
        ("on \x01 a  arm\x05", "on an arm", ["arm"]),
        ("through which \x01the cable\x05 runs", "through which the cable runs", ["cable"]),
        ("\x01\x05 none", "none", []),
        ("see \x03G.O. 95\x05 and so on...", "see G.O. 95 and so on...", ["G.O. 95"]),
        ("“ \x01pole\x05 ”", "“pole”", ["pole"]),
        ("\x01pole\x05\x02 5 m\x05", "pole 5 m", ["pole", "5 m"]),
        ("up .5 in", "up .5 in", []),
    ],
)
def test_marked_text_becomes_trimmed_spans(marked, text, spans):
    example = finish(marked)
    assert example.text == text
    assert [example.text[e["start"] : e["end"]] for e in example.entities] == spans


_PIECE = st.text("abA. ,;:()5'", max_size=8)


@given(st.lists(st.tuples(st.sampled_from(["", "\x01", "\x02", "\x03"]), _PIECE), max_size=8))
def test_spans_are_always_trimmed_and_apart(pieces):
    marked = " ".join(f"{mark}{text}\x05" if mark else text for mark, text in pieces)
    example = finish(marked)
    assert not set(example.text) & set("\x01\x02\x03\x04\x05")
    last = 0
    for entity in example.entities:
        piece = example.text[entity["start"] : entity["end"]]
        assert last <= entity["start"] < entity["end"] and piece == piece.strip()
        last = entity["end"]


def test_reserved_entries_stay_in_their_split():
    grammar = default_grammar()
    reserved = [
        (symbol.name, entry)
        for symbol in grammar.symbols.values()
        for entry in symbol.entries
        if entry.reserved
    ]
    assert len(reserved) > 100 and {entry.reserved for _, entry in reserved} == {1, 2}
    assert all(entry.weight < 3 for _, entry in reserved)
    for name, entry in reserved[::12]:
        own = SPLITS[entry.reserved]
        assert grammar.leaks(f"Set the {entry.variants[0].upper()}s, then", own) == ""
        for split in set(SPLITS) - {own}:
            assert grammar.leaks(f"Set the {entry.variants[0]} now", split)
        texts = {grammar.expand(f"{{{name}}}", Random(seed)).text for seed in range(40)}
        assert not texts & set(entry.variants)


def test_entries_that_other_texts_spell_out_are_not_reserved():
    assert spelled_out({1: ["stub pole"], 2: ["guy"]}, [(None, "Set a stub\npole."), (2, "guy")]) == {1}
    assert entry_split("pole", 3) == 0
    shares = Counter(entry_split(f"thing {n}", 1) for n in range(4000))
    assert 0.06 < shares[1] / 4000 < 0.10 and 0.06 < shares[2] / 4000 < 0.10


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**9).map(str)), unique=True, max_size=120))
def test_every_style_with_five_families_is_in_every_split(families):
    splits = family_splits(families)
    for style in "abc":
        counts = Counter(s for s, (other, _) in zip(splits, families, strict=True) if other == style)
        if counts.total() >= 5:
            assert all(counts[split] for split in SPLITS) and counts["train"] >= 0.6 * counts.total()
        else:
            assert counts["train"] == counts.total()
    # The order of the files has no say.
    turned = family_splits(families[::-1])[::-1]
    assert turned == splits


def test_the_files_that_ship():
    grammar = default_grammar()
    assert len(grammar.families) > 1000 and len(grammar.styles) >= 15
    for style in grammar.styles:
        counts = Counter(f.split for f in grammar.families if f.style == style)
        assert all(counts[split] for split in SPLITS), style
    assert len({family.id for family in grammar.families}) == len(grammar.families)
    held = sum(family.split != "train" for family in grammar.families) / len(grammar.families)
    assert 0.17 < held < 0.23
    assert re.fullmatch(r"\d+-[0-9a-f]{12}", grammar.version)


def test_version_changes_with_the_content_but_not_with_line_ends(tmp_path):
    dirs = folder(tmp_path)
    before = Grammar.load(dirs).version
    path = tmp_path / "lexicon" / "mine.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert Grammar.load(dirs).version == before
    path.write_text(text.replace("stub", "short"), encoding="utf-8")
    assert Grammar.load(dirs).version != before


def test_check_command(tmp_path, capsys):
    folder(tmp_path)
    assert main(["check", "--data", str(tmp_path), "--count", "3", "--style", "note"]) == 0
    shown = capsys.readouterr().out
    assert "1 word lists with 3 entries" in shown and "style note: families train 2" in shown
    assert shown.count("mine/note: ") == 3
    assert main(["check", "--data", str(tmp_path), "--pattern", "[E {pole|up}]", "--count", "2"]) == 0
    assert capsys.readouterr().out.count("[E ") == 2
    folder(tmp_path, "pole:\n  - a {polle}\n  - '{b'\n")
    assert main(["check", "--data", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert (
        "line 2, symbol 'pole'" in told and "line 3, symbol 'pole'" in told and "Did you mean pole?" in told
    )


def test_samples_are_of_the_style_that_was_asked_for():
    found = list(samples(default_grammar(), 20, 1, "bom"))
    assert len(found) == 20 and {family.style for family, _ in found} == {"bom"}
    assert list(samples(default_grammar(), 5, 1, "nowhere")) == []


def test_words_of_a_text():
    assert words_of("Set the X-arm, G.O. 95 o'clock") == ["set", "the", "x-arm", "g.o", "95", "o'clock"]
