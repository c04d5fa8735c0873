"""Quantities in many spellings are one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.normal import for_similarity
from core.text.quantities import find_quantities, same_quantity, with_canonical_units
from core.text.spelling import NICE_VALUES, new_value, spell


@pytest.mark.parametrize(
    "text",
    [
        "18 ft",
        "18 feet",
        "18'",
        "18-foot",
        "eighteen feet",
        "5.5 m",
        "18 ft (5.5 m)",
        "5.5 m (18 ft)",
        "216 in.",
    ],
)
def test_one_height_in_many_spellings(text: str) -> None:
    (found,) = find_quantities(f"a height of {text} above the road")
    (wanted,) = find_quantities("18 feet")
    assert same_quantity(found, wanted)
    assert with_canonical_units(f"a height of {text} above the road") == "a height of 18 feet above the road"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("18 feet", "8 feet"),
        ("50 V", "50 kV"),
        ("500 A", "50 A"),
        ("5 days", "5 business days"),
        ("18 ft", "18 ft 6 in"),
        ("10 percent", "10 feet"),
        ("$1,000", "$10,000"),
        ("40 in", "48 in"),
    ],
)
def test_different_quantities(one: str, other: str) -> None:
    (a,), (b,) = find_quantities(one), find_quantities(other)
    assert not same_quantity(a, b)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("within 48 hours", [48]),
        ("two days", [48]),
        ("12 months", [12]),
        ("one year", [12]),
        ("1/2 in. bolt", [0.5]),
        ("1-1/2 inches", [1.5]),
        ("two thirds of its strength", [200 / 3]),
        ("twenty-five ohms", [25]),
        ("Rule 38 of G.O. 95", []),
        ("class 3 pole, No. 6 AWG", [6]),
        ("one may not", []),
        ("$2 million", [2e6]),
        ("not less than 1,320 gallons", [1320]),
        ("set 2 poles", [2]),
        ("7.5 kV", [7500]),
    ],
)
def test_values(text: str, values: list[float]) -> None:
    assert [quantity.value for quantity in find_quantities(text)] == pytest.approx(values, rel=1e-4)


@given(st.sampled_from(sorted(NICE_VALUES)), st.integers(0, 10**6), st.booleans())
def test_every_spelling_is_read_back(dimension: str, seed: int, adjective: bool) -> None:
    rng = Random(seed)
    value = rng.choice(NICE_VALUES[dimension])
    text = f"a limit of {spell(value, dimension, rng, adjective=adjective)} applies"
    found = find_quantities(text)
    assert len(found) == 1, text
    assert found[0].dimension == dimension
    assert found[0].value == pytest.approx(value, rel=0.02, abs=0.02), text


@given(st.sampled_from(sorted(NICE_VALUES)), st.integers(0, 10**6))
def test_a_new_value_is_another(dimension: str, seed: int) -> None:
    rng = Random(seed)
    value = rng.choice(NICE_VALUES[dimension])
    assert abs(new_value(value, dimension, rng) - value) > 0.05 * value


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for quantity in find_quantities(text):
        assert 0 <= quantity.start < quantity.end <= len(text)
    assert isinstance(for_similarity(text), str)


def test_names_and_abbreviations_have_one_spelling() -> None:
    assert for_similarity("min. clearance per G.O. 95") == for_similarity(
        "minimum clearance per General Order 95"
    )
    assert for_similarity("(a)  18' req'd") == "18 feet required"
    assert for_similarity("6 in. min, bonded") == for_similarity("6 in. minimum , bonded")
    assert for_similarity("(18 ft max)") == "(18 feet maximum)"
