"""Edits of free text, and word lists that hold to their own rules. Pairs of the bank: test_generate.py."""

from __future__ import annotations

from itertools import combinations
from random import Random
from types import SimpleNamespace

import pytest
import yaml

from core.embeddings import wording as words
from core.embeddings.bank import DATA, Bank, Objects, default_bank, load_contrasts, load_objects, plural
from core.embeddings.changes import seen_from
from core.embeddings.contexts import load_places
from core.embeddings.stress import edit, stress_set
from core.text.quantities import find_quantities, same_quantity

WORDS = DATA / "words"


def _groups(name: str) -> list[list[str]]:
    return yaml.safe_load((WORDS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bank() -> Bank:
    """The word lists alone: topics are not needed here."""
    return Bank(
        rules=[],
        objects=Objects({}, {}, {}),
        contrasts=load_contrasts(WORDS / "contrasts.yaml"),
        synonyms=_groups("synonyms.yaml"),
        swaps=_groups("swaps.yaml"),
        clauses={},
        phrases={},
        places=load_places(WORDS / "positions.yaml"),
    )


def test_any_position_of_a_text_can_be_edited(bank: Bank) -> None:
    text = "Place the cabinet in front of the wall, upstream of the bridge and below the deck."
    made = {edit(text, "place", bank, Random(seed)) for seed in range(40)}
    assert made == {
        text.replace("in front of", "behind"),
        text.replace("upstream", "downstream"),
        text.replace("below", "above"),
    }
    assert edit(text, "place", bank, Random(3)) == edit(text, "place", bank, Random(3))


@pytest.mark.parametrize(
    "text",
    [
        "Report within 30 days.",
        "Lower the boom, and lower it slowly.",
        "Take the tool out of service.",
        "The crew takes over the line.",
        "Guard the cable against rust.",
        "Send the report to the right company.",
        "Bond the shield over the full length.",
        "Test a cable over 20 kV.",
        "Locks are replaced under the owner's supervision.",
        "Loads stay within the crane's rating.",
        "Nine out of ten rods pass; one is left out of the count.",
        "Keep 15 feet away from the wire.",
        "Hang one cable over the other.",
        "Step into the road.",
        "Paint on the ground shows the line.",
    ],
)
def test_words_of_position_in_another_sense_stay(bank: Bank, text: str) -> None:
    assert edit(text, "place", bank, Random(0)) is None


@pytest.mark.parametrize(
    "text",
    [
        "A firm may receive neither a contract nor a subcontract.",
        "Neither at the pole nor in the span may one company lie over another.",
        "The pole top does not have to be climbed for the inspection.",
        "No single breach may cost the company more than $5.",
        "A pole shall be no less than 40 feet long.",
    ],
)
def test_nothing_is_denied_twice(bank: Bank, text: str) -> None:
    assert all(edit(text, "polarity", bank, Random(seed)) is None for seed in range(5))


def test_a_denial_in_another_clause_is_no_hindrance(bank: Bank) -> None:
    text = "If a pole is not sound, it shall be replaced."
    assert edit(text, "polarity", bank, Random(0)).startswith("If a pole is not sound, it need n")


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("A line hangs over the roof.", "A line hangs under the roof."),
        ("Keep vehicles out of the trench.", "Keep vehicles within the trench."),
        ("Turn the door away from the road.", "Turn the door toward the road."),
        ("Lay a duct along the wall.", "Lay a duct across the wall."),
        ("Number the top of the box.", "Number the bottom of the box."),
        ("A drain leads into the pit.", "A drain leads out of the pit."),
        ("Pull the lower one.", "Pull the upper one."),
    ],
)
def test_a_position_is_turned_to_its_other_side(bank: Bank, text: str, turned: str) -> None:
    assert edit(text, "place", bank, Random(0)) == turned


def test_a_text_that_names_both_sides_has_no_position_to_turn(bank: Bank) -> None:
    text = "Keep hooks off the pole from 1 ft above to 2 ft below the ground line."
    assert edit(text, "place", bank, Random(0)) is None


def test_an_edit_mends_the_article(bank: Bank) -> None:
    assert edit("It needs an inner cover.", "place", bank, Random(0)) == "It needs an outer cover."
    assert edit("It needs an upper cover.", "place", bank, Random(0)) == "It needs a lower cover."


def test_a_synonym_takes_its_article_along(bank: Bank) -> None:
    made = {words.swap_synonyms("Use an adequate cover.", bank, Random(seed), 1.0) for seed in range(4)}
    assert made == {"Use a sufficient cover."}


def test_each_stays_where_every_cannot_stand(bank: Bank) -> None:
    for text in ("Allow 7 feet from each to the wall.", "Give 6 feet to each."):
        assert "every" not in words.swap_synonyms(text, bank, Random(1), 1.0)


def test_part_of_a_longer_name_is_no_thing_of_its_own() -> None:
    own = SimpleNamespace(swaps=[["fire", "theft"], ["fire extinguisher", "first aid kit"]])
    made = {words.swap_noun("Carry a fire extinguisher.", own, Random(seed)) for seed in range(8)}
    assert made == {"Carry a first aid kit."}


def test_nothing_is_swapped_for_its_own_synonym(bank: Bank) -> None:
    alike = [set(group) for group in bank.synonyms]
    for group in load_objects(WORDS / "objects.yaml").names.values():
        alike += [set(same) for same in group] + [{plural(name) for name in same} for same in group]
    known = {frozenset(pair) for same in alike for pair in combinations(sorted(same), 2)}
    for group in bank.swaps:
        assert len(set(group)) == len(group) > 1
        assert not known & {frozenset(pair) for pair in combinations(sorted(group), 2)}, group


def test_a_word_of_contrast_is_no_equipment() -> None:
    entry = load_objects(WORDS / "objects.yaml").entry
    sides = [
        name.lower()
        for line in load_contrasts(WORDS / "contrasts.yaml")
        for side in line.sides
        for name in side
    ]
    assert not set(sides) & set(entry)


@pytest.mark.parametrize(
    ("a", "before", "after", "seen"),
    [
        ("An inspector may check a pole.", "A pole may be checked.", "A tower may be checked.", True),
        ("Measure roof clearance.", "Measure height over each roof.", "Measure height under each roof.",
         False),
        ("A riser guard ends below the ground.", "Guard down under grade.", "Guard down over grade.", True),
        ("All poles are guyed.", "Each pole is guyed.", "Each anchor is guyed.", True),
        ("An inner lid is needed.", "Close an inner lid.", "Close the outer lid.", True),
        ("A lid is needed.", "Close an inner lid.", "Close the outer lid.", False),
    ],
)  # fmt: skip
def test_an_edit_counts_where_the_other_text_names_what_was_changed(
    bank: Bank, a: str, before: str, after: str, seen: bool
) -> None:
    assert seen_from(a, before, after, bank) is seen


def test_the_stress_set_holds_edits_that_the_other_text_can_tell() -> None:
    made, bank = stress_set(12, 3), default_bank()
    assert all(len(found) == 12 for found in made["edits"].values())
    for kind in ("object", "place"):
        assert all(seen_from(a, b, changed, bank) for a, b, changed in made["edits"][kind])
    for a, b, changed in made["edits"]["number"]:
        after = find_quantities(changed)
        gone = [q for q in find_quantities(b) if not any(same_quantity(q, other) for other in after)]
        assert any(same_quantity(q, other) for q in gone for other in find_quantities(a))
