"""Pairs from the bank: groups, grades, seeds, and edits that do what they say."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from core.datasets.split import masked
from core.embeddings import wording as words
from core.embeddings.bank import (
    DATA,
    SPLITS,
    default_bank,
    load_contrasts,
    load_objects,
    parse_topics,
    topic_splits,
)
from core.embeddings.changes import seen_from
from core.embeddings.contexts import load_contexts, load_places
from core.embeddings.generate import build_settings, generate, preview, split_counts
from core.embeddings.pairs import RUBRIC, Pairs
from core.embeddings.positions import move, turn_limit
from core.errors import DatasetError, GrammarError, RecipeError
from core.text.cues import default_reader
from core.text.quantities import find_quantities, same_quantity


@pytest.fixture(scope="module")
def made() -> dict:
    return generate(build_settings({"count": 600}))


def test_counts_kinds_and_grades(made: dict) -> None:
    assert {split: len(made[split]) for split in SPLITS} == {"train": 420, "val": 120, "test": 60}
    rows = [row for split in SPLITS for row in made[split]]
    assert {row["kind"] for row in rows} >= set(RUBRIC) - {"domain"}
    assert all(0 <= row["score"] <= 1 and row["a"] and row["b"] for row in rows)
    assert made["card"]["rubric"]["polarity"]["score"] < made["card"]["rubric"]["number"]["score"] < 0.5


def test_no_topic_stands_in_two_splits(made: dict) -> None:
    groups = {split: {row["group"] for row in made[split]} for split in SPLITS}
    assert (
        not groups["train"] & groups["val"]
        and not groups["train"] & groups["test"]
        and not groups["val"] & groups["test"]
    )


def test_no_longer_text_stands_in_two_splits() -> None:
    made = generate(build_settings({"count": 3000, "seed": 3, "kind_mix": {"phrase": 1, "paraphrase": 1}}))
    where: dict[str, set[str]] = {}
    for split in SPLITS:
        for row in made[split]:
            for text in (row["a"], row["b"]):
                where.setdefault(masked(text), set()).add(split)
    assert not [text for text, found in where.items() if len(found) > 1]
    phrases = {split: [row for row in made[split] if row["kind"] == "phrase"] for split in SPLITS}
    assert all({row["score"] for row in phrases[split]} >= {0.18, 0.45, 0.95} for split in SPLITS)


def test_no_pair_twice(made: dict) -> None:
    keys = [frozenset((row["a"], row["b"])) for split in SPLITS for row in made[split]]
    assert len(keys) == len(set(keys))


def test_the_same_seed_gives_the_same_pairs() -> None:
    settings = build_settings({"count": 300, "seed": 5})
    assert generate(settings)["train"] == generate(settings)["train"]
    assert preview(settings, 3) != preview(build_settings({"count": 300, "seed": 6}), 3)


def test_settings_are_checked() -> None:
    with pytest.raises(RecipeError, match="count"):
        build_settings({"count": 3})
    with pytest.raises(DatasetError, match="nonsense"):
        generate(build_settings({"kind_mix": {"nonsense": 1.0}}))


def test_only_the_asked_kinds() -> None:
    made = generate(build_settings({"count": 300, "kind_mix": {"number": 1.0}}))
    assert {row["kind"] for row in made["train"]} == {"number"}


def test_contrasts_stand_beside_the_pair_without_the_difference() -> None:
    mix = {
        "paraphrase": 0.1,
        "converted": 0.1,
        "number": 1,
        "object": 1,
        "case": 1,
        "place": 1,
        "polarity": 1,
    }
    rows = generate(build_settings({"count": 1000, "seed": 8, "kind_mix": mix, "twins": 1.0}))["train"]
    equal = {"paraphrase", "converted"}
    twins = [
        (one, other)
        for one, other in itertools.pairwise(rows)
        if one["kind"] not in equal
        and other["kind"] in equal
        and (one["a"] == other["a"]) != (one["b"] == other["b"])
    ]
    kinds = Counter(one["kind"] for one, _ in twins)
    assert set(kinds) == {"number", "object", "case", "place", "polarity"} and min(kinds.values()) > 20
    assert all(one["group"] == other["group"] and other["score"] > one["score"] + 0.4 for one, other in twins)
    edits = [row for row in rows if row["kind"] not in equal]
    assert len(twins) > 0.7 * len(edits)
    # What was changed is the number alone, in most that were not written by hand.
    numbers = [pair for pair in twins if pair[0]["kind"] == "number"]
    rest = [[masked(" ".join((row["a"], row["b"]))) for row in pair] for pair in numbers]
    assert sum(one == other for one, other in rest) > 0.5 * len(rest)


@pytest.mark.parametrize("values", [{"twins": 0.0}, {"kind_mix": {"number": 1.0, "place": 1.0}}])
def test_contrasts_are_left_out_where_not_asked_for(values: dict) -> None:
    rows = generate(build_settings({"count": 300, "seed": 8, **values}))["train"]
    edits = {"number", "object", "case", "place", "polarity"}
    shared = [
        one
        for one, other in itertools.pairwise(rows)
        if one["kind"] in edits and (one["a"] == other["a"] or one["b"] == other["b"])
    ]
    assert not shared


def test_equal_pairs_have_equal_quantities() -> None:
    pairs = Pairs(default_bank(), "train", joining=0.0)
    rng = Random(3)
    rows = [row for row in (pairs.draw(kind, rng) for kind in ("converted", "copy") * 150) if row]
    assert len(rows) > 150
    for row in rows:
        a, b = find_quantities(row["a"]), find_quantities(row["b"])
        assert len(a) == len(b), row
        assert all(any(same_quantity(x, y) for y in b) for x in a), row


def test_number_pairs_differ_in_a_number() -> None:
    pairs, reader, rng = Pairs(default_bank(), "train", joining=0.0), default_reader(), Random(4)
    rows = [row for row in (pairs.draw("number", rng) for _ in range(200)) if row]
    conflicts = [reader.compare(reader.read(row["a"]), reader.read(row["b"]))[1] for row in rows]
    assert sum(value >= 1 for value in conflicts) > 0.9 * len(rows)


def test_polarity_pairs_contradict() -> None:
    for text, turned in (
        ("Poles shall be tagged.", "Poles need not be tagged."),
        ("Smoking is prohibited.", None),
        ("The owner may charge a fee.", None),
    ):
        new = words.contradict(text, Random(1))
        assert new and new != text
        if turned:
            assert new in (turned, "Poles need never be tagged.")


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("Sag may be altered only by the engineer.", "Sag may be altered not only by the engineer."),
        ("Only listed parts may be used.", "Not only listed parts may be used."),
        ("Two enter; one may work solely as a watch.", "Two enter; one may work not solely as a watch."),
        # Another sentence's "only" is not meant.
        ("Only one arm is set; it may be steel.", "Only one arm is set; it {} be steel."),
        ("Only hoists of webbing shall be used.", "Only hoists of webbing {} be used."),
    ],
)  # fmt: skip
def test_what_is_permitted_in_one_case_only_is_turned_at_that_word(text: str, turned: str) -> None:
    ways = {turned.format(way) for way in ("may not", "shall not", "need not", "need never")}
    assert {words.contradict(text, Random(seed)) for seed in range(9)} <= ways


def test_edits_change_what_the_other_text_names_where_that_is_asked_for() -> None:
    bank = default_bank()
    pairs, rng = Pairs(bank, "train", joining=0.0, rewording=0.0, named=True), Random(5)
    found = []

    def turn(text: str) -> str | None:
        turned = move(text, bank, rng)
        if turned:
            found.append((text, turned))
        return turned

    made = [pairs._turned(rng, turn, 0.4) for _ in range(300)]
    kept = [row for row in made if row]
    assert kept
    assert len(kept) < len(found)  # some texts leave open what was changed in the other
    texts = {turned: text for text, turned in found}
    assert all(seen_from(a, texts[b], b, bank) for a, b, _ in kept)
    found.clear()
    pairs.named = False
    assert [bool(row) for row in (pairs._turned(rng, turn, 0.4) for _ in range(60))].count(True) == len(found)


def test_a_limit_is_turned() -> None:
    for text, turned in (
        ("Test a cable over 20 kV.", "Test a cable under 20 kV."),
        ("Leave no more than 3 ft.", "Leave no less than 3 ft."),
        ("A line hangs over the roof.", None),
        ("Give at least about 6 ft.", "Give at most about 6 ft."),
    ):
        assert turn_limit(text, Random(1)) == turned


@pytest.mark.parametrize(
    "text",
    [
        "A flaw that may weaken it.",
        "On no account may a frame be the ground of a protector.",
        "No more than two rings, together not above 18 inches high, may be put on the frame.",
        "Tell the engineer ahead of the test, since he may want to be present.",
    ],
)
def test_what_cannot_be_contradicted_safely_is_left_alone(text: str) -> None:
    assert words.contradict(text, Random(1)) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Bury it about 6 ft deep.", {"Bury it approx. 6 ft deep."}),
        ("One turn about the strand is enough.", set()),
        ("Add 2 ft and no further.", set()),
        ("Two further rods are driven.", {"Two additional rods are driven."}),
        ("Cap the near end.", set()),
        ("Set it near the curb.", {"Set it close to the curb."}),
        ("Fill to finished grade.", set()),
        ("Coil the wire.", {"Coil the conductor."}),
        ("Use a wire brush.", set()),
        ("Keep the line live.", set()),
    ],
)
def test_synonyms_stand_only_where_they_mean_the_same(text: str, wanted: set[str]) -> None:
    bank = default_bank()
    found = {words.swap_synonyms(text, bank, Random(seed), 1.0) for seed in range(20)} - {text}
    assert found == wanted


def test_a_broken_context_is_named(tmp_path: Path) -> None:
    for line, told in (
        ("near: {before: '('}", "near"),
        ("live: {after: [to]}", "live"),
        ("live: {not_after: 3}", "live"),
        ("live: {not_after: the}", "expected a list"),
    ):
        (tmp_path / "contexts.yaml").write_text(line, encoding="utf-8")
        with pytest.raises(GrammarError, match=told):
            load_contexts(tmp_path / "contexts.yaml")


def test_a_broken_list_of_positions_is_named(tmp_path: Path) -> None:
    for text, told in (("over: {put: under}", "AMOUNT"), ("AMOUNT: a\nwords: {over: {before: '('}}", "over")):
        (tmp_path / "positions.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(GrammarError, match=told):
            load_places(tmp_path / "positions.yaml")


def test_a_broken_topic_file_is_named_by_line() -> None:
    objects = load_objects(DATA / "words" / "objects.yaml")
    contrasts = load_contrasts(DATA / "words" / "contrasts.yaml")
    with pytest.raises(GrammarError, match="line 3"):
        parse_topics("# wires [overhead]\n## a\n- keep {flubber} off", objects, contrasts, name="x.md")
    with pytest.raises(GrammarError, match="line 1"):
        parse_topics("- a wording", objects, contrasts, name="x.md")
    rules = parse_topics(
        "# w [o]\n## a\n- set {6 ft}\n- not: no {6 ft}\n- near: set {6 ft} soon", objects, contrasts
    )
    assert (len(rules[0].same), len(rules[0].opposite), len(rules[0].nuance)) == (1, 1, 1)


def test_a_written_edit_is_a_pair_of_its_kind() -> None:
    text = """
# wires [overhead]
## a
- set the brace {6 ft} deep.
- object: set the stub {6 ft} deep.
- case: set the old brace {6 ft} deep.
- place: set the brace {6 ft} high.
- domain: set the buried brace {6 ft} deep.
- number: set the two braces {6 ft} deep.
"""
    bank = default_bank()
    rules = parse_topics(text.strip(), bank.objects, bank.contrasts)
    assert [kind for kind, _ in rules[0].edits] == ["number", "object", "case", "place", "domain"]
    pairs = Pairs(replace(bank, rules=rules, split_of={"wires": "train"}), "train", rewording=0, joining=0)
    wanted = {"object": "stub", "case": "old", "place": "high", "domain": "buried", "number": "two braces"}
    for kind, word in wanted.items():
        made = [pairs.draw(kind, Random(seed)) for seed in range(40)]
        rows = [row for row in made if row and word in row["a"] + row["b"]]
        assert rows and all((word in row["a"]) != (word in row["b"]) for row in rows)
        assert {row["score"] for row in rows} <= {RUBRIC[kind][0], round(RUBRIC[kind][0] + 0.05, 2)}


def test_training_pairs_of_some_topics_only() -> None:
    bank = default_bank()
    known = sorted({rule.topic for rule in bank.rules_of("train")})[::3]
    settings = build_settings({"count": 600, "topics_of": "v3"})
    some = generate(settings, topics=known)
    assert some["card"]["topics"]["train"] == known and some["card"]["settings"]["topics_of"] == "v3"
    assert some["card"]["rules"]["train"] == len([r for r in bank.rules_of("train") if r.topic in known])
    everything = generate(build_settings({"count": 600}))
    assert some["val"] == everything["val"], "the other splits stay as they are"
    assert 0 < len(some["corpus"]) < len(everything["corpus"])
    with pytest.raises(DatasetError, match="none is a topic for training"):
        generate(settings, topics=["no such topic"])


def test_every_split_gets_topics() -> None:
    assert set(topic_splits(f"topic {n}" for n in range(5)).values()) == set(SPLITS)


def test_large_datasets_keep_their_further_pairs_for_training() -> None:
    assert split_counts(12_000) == {"train": 8_400, "val": 2_400, "test": 1_200}
    assert split_counts(100_000) == {"train": 90_000, "val": 8_000, "test": 2_000}
    assert split_counts(1_000, most_val=60, most_test=30) == {"train": 910, "val": 60, "test": 30}
