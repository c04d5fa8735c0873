"""What one text names where the other names something else of the same sort."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.embeddings.exchanges import EXCHANGES, TABLE, Exchange, PairReader, load_exchanges, renewed
from core.embeddings.generate import build_settings, preview
from core.errors import GrammarError
from core.text.cues import DEMANDS, FEATURES, CueReader, compare_demands, load_cues

THINGS = len(FEATURES)  # place of the first figure of exchanges

LISTS = {
    "things": [["pole", "tower"], ["guy", "anchor rod"], ["tower", "mast"]],
    "same": [["tower", "steel structure"]],
    "positions": [[["above", "over"], ["below", "under"]]],
    "cases": [[["wet"], ["dry"]], [["daily"], ["weekly"], ["monthly"]]],
}


@pytest.fixture(scope="module")
def reader() -> PairReader:
    return PairReader({**load_cues(), TABLE: LISTS})


def found(reader: PairReader, a: str, b: str) -> list[tuple[str, str, str]]:
    return [(x.kind.split("_")[0], x.a, x.b) for x in reader.exchanges(reader.read(a), reader.read(b))]


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("Guy the poles.", "The tower is guyed.", [("things", "pole", "tower")]),
        ("Guy the pole.", "Guy poles at once.", []),
        ("Set the anchor rods.", "Set the guy.", [("things", "anchor rod", "guy")]),
        ("A pole and a tower.", "A tower, a pole and a guy.", []),  # more is named, nothing is exchanged
        ("The tap sits over it.", "The tap sits below it.", [("positions", "over", "below")]),
        ("The tap sits over it.", "Put the tap above it.", []),
        ("above and below it", "below it", []),
        (
            "Test it daily when wet.", "If dry, test it monthly.",
            [("cases", "wet", "dry"), ("cases", "daily", "monthly")],
        ),
        ("overhead, polestar", "underhand, towering", []),  # whole words only
        ("", "pole", []),
    ],
)  # fmt: skip
def test_exchanges(reader: PairReader, a: str, b: str, wanted: list) -> None:
    assert found(reader, a, b) == wanted
    assert sorted((kind, y, x) for kind, x, y in found(reader, b, a)) == sorted(wanted)


def test_another_name_for_the_same_thing_is_no_exchange(reader: PairReader) -> None:
    lists = {**LISTS, "things": [["pole", "tower"], ["steel structure", "pole"]]}
    reader = PairReader({**load_cues(), TABLE: lists})
    assert found(reader, "Climb the tower.", "Climb the steel structure.") == []
    assert found(reader, "Climb the pole.", "Climb the steel structure.") == [
        ("things", "pole", "steel structure")
    ]


def test_figures_are_counted_behind_those_of_the_cues(reader: PairReader) -> None:
    plain = CueReader(load_cues())
    a, b = "Guy the pole above 5 feet when wet.", "Guy the tower below 6 feet when dry."
    figures = reader.compare(reader.read(a), reader.read(b))
    assert len(figures) == len(reader.nothing()) == len(CueReader.nothing()) + len(EXCHANGES) + len(DEMANDS)
    np.testing.assert_array_equal(figures[: len(FEATURES)], plain.compare(plain.read(a), plain.read(b)))
    assert figures[THINGS : THINGS + 3].tolist() == [1, 1, 1] and figures.dtype == np.float32
    np.testing.assert_array_equal(figures[-len(DEMANDS) :], compare_demands(reader.read(a), reader.read(b)))
    np.testing.assert_array_equal(figures, reader.compare(reader.read(b), reader.read(a)))


def test_the_order_of_the_texts_does_not_matter(reader: PairReader) -> None:
    """One thing of a text is no partner of two: score(a, b) is score(b, a)."""
    one, two = "Climb the tower.", "Climb the pole and the mast."
    for a, b in ((one, two), (two, one)):
        assert reader.compare(reader.read(a), reader.read(b))[THINGS] == 1
    shipped = PairReader({**load_cues(), TABLE: load_exchanges()})
    texts = [row[side] for row in preview(build_settings({"count": 300}), 60) for side in ("a", "b")]
    readings = [shipped.read(text) for text in texts]
    for a, b in itertools.combinations(readings, 2):
        np.testing.assert_array_equal(shipped.compare(a, b), shipped.compare(b, a))


def test_a_model_without_lists_and_limits_reads_as_before() -> None:
    table = {name: value for name, value in load_cues().items() if name != "limits"}
    reader, plain = PairReader(table), CueReader(table)
    a, b = "Guy the pole above 5 feet.", "Guy the tower below 6 feet."
    assert reader.exchanges(reader.read(a), reader.read(b)) == []
    assert len(reader.nothing()) == len(CueReader.nothing())
    np.testing.assert_array_equal(
        reader.compare(reader.read(a), reader.read(b)), plain.compare(plain.read(a), plain.read(b))
    )


def test_a_last_word_fitted_anew_reads_what_came_later_and_the_head_what_it_learnt() -> None:
    learnt = {**{name: value for name, value in load_cues().items() if name != "limits"}, "overhead": "sky"}
    old, new = PairReader(learnt), PairReader(renewed(learnt))
    assert not old.has_demands and new.has_demands and new.has_exchanges
    a, b = "A guy may not exceed 5 ft in the sky.", "A guy in a trench is under 5 ft."
    ours = [reader.compare(reader.read(a), reader.read(b))[: len(FEATURES)] for reader in (old, new)]
    np.testing.assert_array_equal(*ours)


def test_broken_lists_are_named() -> None:
    for lists in ({"things": []}, {**LISTS, "same": [[]], "things": 3}, []):
        with pytest.raises(GrammarError, match="exchangeable words"):
            PairReader({**load_cues(), TABLE: lists})


def test_the_lists_that_ship_find_the_field_s_own_words() -> None:
    reader = PairReader({**load_cues(), TABLE: load_exchanges()})
    seen = reader.exchanges(
        reader.read("The freight on poles is paid; the tag faces the street side."),
        reader.read("Freight on towers: dealer pays. Turn the tag to the field side."),
    )
    assert Exchange("things_exchanged", "pole", "tower") in seen
    assert Exchange("positions_exchanged", "street side", "field side") in seen
