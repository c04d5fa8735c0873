"""Generated datasets: settings, splits without leaks, spans that keep the rules, the same bytes again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from random import Random

import pytest

from core.datasets.ner_health import check, worst_level
from core.datasets.spans import misaligned
from core.datasets.split import masked, normalise
from core.errors import DatasetError, RecipeError
from core.ner.generate import (
    GenerateSettings,
    build_settings,
    default_grammar,
    generate,
    preview,
    split_counts,
    style_weights,
)
from core.ner.grammar import SPLITS, Grammar
from core.ner.sampler import BOTH
from core.workspace import PROJECT_ROOT

PLAIN = GenerateSettings(count=4500, seed=5, noise=0, joined=0.1)


@pytest.fixture(scope="module")
def plain():
    """Rows without noise, so that what the patterns say can be checked by its words."""
    return generate(PLAIN)


@pytest.fixture(scope="module")
def noisy():
    """Rows with much noise and many joined sentences."""
    return generate(GenerateSettings(count=1500, seed=6, noise=0.7, synonyms=0.6, joined=0.6))


def rows_of(made):
    return [(split, row) for split in SPLITS for row in made[split]]


def test_settings_come_from_text_as_from_values():
    asked = {"count": "600", "noise": "0.2", "style_mix": "regulation:2, go-back:1,bom", "joined": 0}
    made = build_settings(asked)
    assert (made.count, made.noise, made.joined) == (600, 0.2, 0)
    assert made.style_mix == {"regulation": 2.0, "go-back": 1.0, "bom": 1.0}
    assert build_settings() == build_settings({}) == GenerateSettings()
    assert build_settings({"style_mix": " "}).style_mix is None
    assert build_settings({"style_mix": {"bom": 0.5}}).style_mix == {"bom": 0.5}
    assert GenerateSettings().count >= 500


@pytest.mark.parametrize(
    "values, told",
    [
        ({"count": 9}, "count = 9 is not possible: Input should be greater than or equal to 10"),
        ({"count": 500_001}, "less than or equal to 500000"),
        ({"count": "many"}, "count = 'many' is not possible"),
        ({"noise": "nan"}, "noise = 'nan' is not possible"),
        ({"joined": 1.5}, "joined = 1.5 is not possible"),
        ({"nosie": 1}, "'nosie' is not a setting. Settings are: count, seed"),
        ({"style_mix": "regulatoin:2"}, "There is no style 'regulatoin'. Did you mean regulation?"),
        ({"style_mix": {"zzz": 1}}, "There is no style 'zzz'. Styles are: bom, "),
        ({"style_mix": "bom:x"}, "style_mix has 'bom:x', expected a style and a number"),
        ({"style_mix": "bom:-1"}, "Style bom has weight -1.0"),
        ({"style_mix": "bom:nan"}, "Style bom has weight nan"),
        ({"style_mix": "bom:0"}, "no style with a weight above 0"),
        ({"style_mix": 3}, "style_mix = 3 is not possible"),
    ],
)
def test_settings_that_cannot_be_are_named(values, told):
    with pytest.raises(RecipeError) as caught:
        build_settings(values)
    assert told in str(caught.value)


@pytest.mark.parametrize("count", [10, 11, 14, 60, 501, 8000, 500_000])
def test_splits_are_70_20_10(count):
    counts = split_counts(count)
    assert sum(counts.values()) == count and min(counts.values()) >= 1
    assert abs(counts["val"] - 0.2 * count) <= 1 and abs(counts["test"] - 0.1 * count) <= 1


def test_the_smallest_dataset():
    made = generate(GenerateSettings(count=10))
    assert {split: len(made[split]) for split in SPLITS} == {"train": 7, "val": 2, "test": 1}


def test_rows_have_what_the_store_wants(plain):
    assert {split: len(plain[split]) for split in SPLITS} == split_counts(4500)
    styles = set(default_grammar().styles)
    for _, row in rows_of(plain):
        assert set(row) == {"text", "entities", "style", "pattern"} and row["style"] in styles
        assert all(set(entity) == {"start", "end", "label"} for entity in row["entities"])
    assert {row["style"] for row in plain["train"]} == styles


def test_nothing_leaks_between_the_splits(plain, noisy):
    grammar = default_grammar()
    home = {family.id: family.split for family in grammar.families}
    for made in (plain, noisy):
        exact, near = Counter(), {}
        for split, row in rows_of(made):
            exact[normalise(row["text"])] += 1
            assert near.setdefault(masked(row["text"]), split) == split, row["text"]
            assert {home[part] for part in row["pattern"].split(BOTH)} == {split}
            assert not grammar.leaks(row["text"], split), row["text"]
        assert max(exact.values()) == 1
        health = check({split: made[split] for split in SPLITS})
        assert worst_level(health) in ("ok", "info")
        [patterns] = [finding.title for finding in health if finding.code == "patterns"]
        used = sum(made["card"]["families_used"].values())
        assert patterns == f"{used:,} sentence patterns, each in one split only"


def test_reserved_words_are_seen_in_their_own_split(plain):
    reserved = plain["card"]["reserved_entries"]
    for split in ("val", "test"):
        text = " ".join(row["text"].lower() for row in plain[split])
        shown = [
            e for e in reserved[split] if re.search(rf"\b{re.escape(e.split(' | ')[0].lower())}\b", text)
        ]
        assert len(shown) >= 5


_DETERMINER = re.compile(
    r"(the|a|an|this|that|these|those|each|every|any|all|no|some|both|its|their|his|your|our|such|"
    r"either|neither|existing|new|approved|listed|suitable|adequate|appropriate|additional|other|similar|"
    r"utility's|employer's) ",
    re.IGNORECASE,
)
_COMPARATOR = re.compile(
    r"(not|at least|less|more|about|approximately|approx|over|under|up to|minimum|maximum|min|max|no more|"
    r"within|greater|above|below|exceeding|roughly|nearly|between|from|to|and|or|the|around|every|each|per)\b",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\d|\b(a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|"
    r"\w+ty|hundred|thousand|half|quarter)\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(this|that|these|the|such|following) |(section|paragraph|part|chapter|table|figure|rule)s?$",
    re.IGNORECASE,
)


def test_spans_keep_the_guidelines(plain):
    wrong = []
    for _, row in rows_of(plain):
        for entity in row["entities"]:
            piece = row["text"][entity["start"] : entity["end"]]
            label = entity["label"]
            faults = {
                "bracket open": piece.count("(") != piece.count(")") or piece.count("[") != piece.count("]"),
                "punctuation at the end": piece[-1] in ",;:",
                "determiner": label == "EQUIPMENT" and _DETERMINER.match(piece),
                "comparator": label == "MEASURE" and _COMPARATOR.match(piece),
                "no quantity": label == "MEASURE" and not _QUANTITY.search(piece),
                "bare reference": label == "STANDARD" and _BARE.match(piece),
                "number in a trigger": label == "EXEMPTION" and re.search(r"\d", piece),
            }
            wrong += [(fault, piece, row["pattern"]) for fault, found in faults.items() if found]
    assert wrong == []


def test_spans_are_trimmed_apart_and_on_words(plain, noisy):
    for made in (plain, noisy):
        for _, row in rows_of(made):
            assert misaligned(row["text"], row["entities"]) == []
            last = 0
            for entity in row["entities"]:
                piece = row["text"][entity["start"] : entity["end"]]
                assert last <= entity["start"] < entity["end"] and piece == piece.strip(), row
                assert entity["label"] in ("STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION")
                last = entity["end"]


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("Raise the [E {pole}] by [M 4 feet] as [S G.O. 95, Rule 37] says.", ["E", "M", "S"]),
        ("[X Except as provided in] [S paragraph (b) of this section], guy it.", ["X", "S"]),
        ("A [M 40-foot] [E {pole}] stands on a slope.", ["M", "E"]),
        ("Keep [M {pair ft m 3 9}] clear, [X unless] the line is dead.", ["M", "X"]),
    ],
)
def test_labels_stand_where_a_pattern_puts_them(pattern, expected):
    example = default_grammar().expand(pattern, Random(3))
    assert [
        entity["label"][0] if entity["label"] != "EXEMPTION" else "X" for entity in example.entities
    ] == expected
    bare = re.sub(r"\[[EMSX] ([^\]]*)\]", r"\1", example.marked())
    assert bare == example.text


def test_shares_are_as_asked_for(plain, noisy):
    for made, joined in ((plain, 0.1), (noisy, 0.6)):
        rows = [row for _, row in rows_of(made)]
        assert sum(not row["entities"] for row in rows) / len(rows) == pytest.approx(0.14, abs=0.025)
        assert sum(BOTH in row["pattern"] for row in rows) / len(rows) == pytest.approx(joined, abs=0.09)
    none = generate(GenerateSettings(count=60, joined=0, nothing_share=0))
    assert all(row["entities"] and BOTH not in row["pattern"] for _, row in rows_of(none))


def test_the_default_gives_sentences_as_long_as_real_ones():
    made = generate(GenerateSettings(count=1500))
    words = [len(row["text"].split()) for _, row in rows_of(made)]
    assert 15 <= sum(words) / len(words) <= 25 and max(words) <= 90


def test_a_style_mix_is_kept():
    made = generate(GenerateSettings(count=400, style_mix={"bom": 3, "regulation": 1}, nothing_share=0))
    counts = Counter(row["style"] for _, row in rows_of(made))
    assert set(counts) == {"bom", "regulation"} and 0.6 < counts["bom"] / 400 < 0.85
    weights = style_weights()
    assert set(weights) == set(default_grammar().styles) and min(weights.values()) > 0


def test_too_much_of_too_little_is_refused(tmp_path):
    for name, text in (
        ("lexicon", "pole:\n  - pole\n"),
        ("patterns", "style: note\npatterns:\n" + "".join(f"  - '[E {{pole}}] {c}'\n" for c in "abcdefgh")),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.yaml").write_text(text, encoding="utf-8")
    grammar = Grammar.load([tmp_path / "lexicon", tmp_path / "patterns"])
    with pytest.raises(DatasetError, match="gave nothing new for sentence"):
        generate(GenerateSettings(count=100, joined=0, noise=0, nothing_share=0), grammar=grammar)
    with pytest.raises(RecipeError, match="Did you mean note"):
        generate(GenerateSettings(count=10, style_mix={"nots": 1}), grammar=grammar)


def test_another_seed_gives_other_sentences_and_the_same_seed_the_same():
    first, again, other = (generate(GenerateSettings(count=80, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    texts = [{row["text"] for _, row in rows_of(made)} for made in (first, other)]
    assert len(texts[0] & texts[1]) <= 2


def test_two_processes_give_the_same_bytes():
    code = (
        "import hashlib, json; from core.ner.generate import build_settings, generate; "
        "made = generate(build_settings({'count': 150, 'noise': 0.5, 'synonyms': 0.5, 'joined': 0.4})); "
        "print(hashlib.sha256(json.dumps(made, ensure_ascii=False).encode()).hexdigest())"
    )
    # This process has a random hash seed of its own.
    seed = "77" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True, text=True, encoding="utf-8", check=True, timeout=120,
    )  # fmt: skip
    made = generate(build_settings({"count": 150, "noise": 0.5, "synonyms": 0.5, "joined": 0.4}))
    digest = hashlib.sha256(json.dumps(made, ensure_ascii=False).encode()).hexdigest()
    assert done.stdout.strip() == digest


def test_the_preview_is_the_beginning_of_the_dataset_and_quick():
    settings = GenerateSettings(count=200, seed=9)
    assert preview(settings, 5) == generate(settings)["train"][:5]
    best = min(_seconds(lambda: preview(settings, 10)) for _ in range(5))
    assert best < 0.1


def test_the_default_dataset_takes_seconds():
    # A tenth of it, measured in time of this process, since other work may share the machine.
    start = time.process_time()
    generate(GenerateSettings(count=800))
    assert time.process_time() - start < 1.5


def test_progress_only_goes_forward():
    calls = []
    generate(GenerateSettings(count=450), progress=lambda done, total: calls.append((done, total)))
    assert calls[0] == (0, 450) and calls[-1] == (450, 450) and len(calls) >= 4
    assert calls == sorted(calls) and {total for _, total in calls} == {450}


def test_the_card_says_how_it_was_made(plain):
    card = plain["card"]
    assert card["generator"]["version"] == default_grammar().version
    assert card["settings"] == PLAIN.model_dump() and card["counts"] == split_counts(4500)
    assert "hash" in card["split"] and "reserved_entries" in card["split"]
    for split in SPLITS:
        rows = plain[split]
        assert sum(card["styles"][split].values()) == len(rows)
        assert card["nothing_to_find"][split] == sum(not row["entities"] for row in rows)
        assert sum(card["labels"][split].values()) == sum(len(row["entities"]) for row in rows)
        assert sum(card["label_share"][split].values()) == pytest.approx(1, abs=0.01)
        assert 10 < card["words_per_sentence"][split] < 30
        assert 0 < card["families_used"][split] <= card["families"][split]
    assert len(card["reserved_entries"]["val"]) > 50 and len(card["reserved_entries"]["test"]) > 50
    json.dumps(card)


def _seconds(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
