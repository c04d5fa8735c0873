"""Built-in numbers of patterns: ranges in order, restatements that are true."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ner.builtins import EXAMPLES, TOLERANCE, UNITS, compile_builtin, convert
from core.ner.syntax import Context

_WORDS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
]  # fmt: skip
_PAIR = re.compile(r"(.+?) \((.+)\)")


def drawn(text: str, seed: int) -> str:
    return compile_builtin(text.split())(Context(Random(seed), 0))


def number(text: str) -> float:
    """The number that a quantity starts with, read as a person would."""
    first = re.match(r"-?[\d,]+(?:\.\d+)?(?:[- ]?\d*/\d+)?|[a-z]+", text).group(0)
    if first in _WORDS:
        return float(_WORDS.index(first))
    whole, _, fraction = first.rpartition("-") if "/" in first else (first, "", "")
    value = float(whole.replace(",", "")) if whole else 0.0
    if fraction:
        above, below = fraction.split("/")
        value += int(above) / int(below)
    return value


def unit_of(text: str) -> str:
    """The unit of a quantity, as the key of UNITS."""
    name = re.sub(r"^(-?[\d,]+(\.\d+)?(-?\d*/\d+)?|[a-z]+)[ -]?", "", text)
    found = [key for key, unit in UNITS.items() if name in (unit.one, unit.many, *unit.short)]
    assert found, text
    return found[0]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [("ft", "m"), ("in", "mm"), ("in", "cm"), ("lb", "kg"), ("mi", "km"), ("psi", "kPa"), ("m", "ft"),
         ("mm", "in"),
         ("yd", "m"), ("ftlb", "Nm"), ("lb/ft", "kg/m"), ("gal", "L"), ("in2", "mm2"), ("mph", "kmh")]
    ),
    st.integers(1, 60), st.integers(1, 4000), st.integers(0, 10**6),
)  # fmt: skip
def test_a_restated_quantity_is_the_same_quantity(units, low, more, seed):
    text = drawn(f"pair {units[0]} {units[1]} {low} {low + more}", seed)
    outer, inner = _PAIR.fullmatch(text).groups()
    values = {unit_of(part): number(part) for part in (outer, inner)}
    assert set(values) == set(units)
    assert low <= values[units[0]] <= low + more
    assert values[units[1]] == pytest.approx(convert(values[units[0]], *units), rel=TOLERANCE + 1e-9)


@pytest.mark.parametrize(
    "value, unit, to, expected",
    [(18, "ft", "m", 5.4864), (212, "F", "C", 100), (-40, "C", "F", -40), (1, "mi", "km", 1.609344),
     (12, "in", "ft", 1), (100, "psi", "kPa", 689.4757), (10, "lb", "kg", 4.5359237)],
)  # fmt: skip
def test_conversion(value, unit, to, expected):
    assert convert(value, unit, to) == pytest.approx(expected, abs=1e-4)


def test_temperatures_are_restated_in_whole_degrees():
    for seed in range(200):
        outer, inner = _PAIR.fullmatch(drawn("pair F C -40 250", seed)).groups()
        degrees = {unit_of(part): number(part) for part in (outer, inner)}
        assert abs((degrees["F"] - 32) * 5 / 9 - degrees["C"]) <= 0.5 + 1e-9


def test_pairs_come_in_both_orders_and_several_spellings():
    made = [drawn("pair ft m 2 40", seed) for seed in range(400)]
    first = [unit_of(_PAIR.fullmatch(text).group(1)) for text in made]
    assert 0.1 < first.count("m") / len(first) < 0.4
    for form in (
        r"\d+ feet \(\d",
        r"\d+ ft \(\d",
        r"\d+ ft\. \(",
        r"^(two|six|ten) feet \(",
        r"\d m\)",
        r"meters",
    ):
        assert any(re.search(form, text) for text in made), form


def test_one_of_a_unit_is_singular_and_fractions_are_written_as_such():
    made = {drawn("pair in mm 1/4 2 1/8", seed) for seed in range(400)}
    assert any(re.match(r"1-\d/\d in", text) for text in made)
    assert any(text.startswith("1/2 inch (") for text in made)
    assert not any(re.search(r"^1 inches|^1/\d inches|^one inches", text) for text in made)


def test_a_range_pair_restates_both_ends_in_order():
    for seed in range(200):
        outer, inner = _PAIR.fullmatch(drawn("pair ft m 2 9 to", seed)).groups()
        for part in (outer, inner):
            low, high = part.split(" to ")
            assert number(low) < number(high)


def test_modifier_pairs():
    made = {drawn("pairmod ft m 3 40", seed) for seed in range(200)}
    assert all(re.fullmatch(r"\d+-(foot|ft) \([\d.]+[- ]m\)", text) for text in made)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 50), st.integers(1, 90), st.sampled_from(["to", "and", "through"]), st.integers(0, 10**6)
)
def test_ranges_are_in_order(low, more, word, seed):
    first, second = drawn(f"range {low} {low + more} {word}", seed).split(f" {word} ")
    assert low <= int(first) < int(second) <= low + more


def test_ranges_join_as_told():
    assert re.fullmatch(r"\d+-\d+", drawn("range 3 40 -", 1))
    assert re.fullmatch(r"\d+ feet to \d+", drawn("range 3 40 feet to", 1))
    assert re.fullmatch(r"\d\.\d to \d\.\d", drawn("range 0.5 6 to", 1))
    low, high = map(int, drawn("range 5 80 5 and", 3).split(" and "))
    assert low % 5 == high % 5 == 0 and low < high
    loose = {re.sub(r"\d+", "", drawn("range 3 40", seed)) for seed in range(60)}
    assert loose == {" to ", " through ", "-"}


@settings(max_examples=100, deadline=None)
@given(st.integers(-20, 50), st.integers(0, 90), st.integers(1, 9), st.integers(0, 10**6))
def test_whole_numbers_and_decimals_stay_inside(low, more, step, seed):
    assert int(drawn(f"int {low} {low + more} {step}", seed)) in range(low, low + more + 1, step)
    text = drawn(f"dec {low} {low + more} 2", seed)
    assert low <= float(text) <= low + more and len(text.partition(".")[2]) == 2


def test_letters_and_numerals():
    assert {drawn("letter b e", seed) for seed in range(60)} == set("bcde")
    assert {drawn("roman 3 5", seed) for seed in range(60)} == {"iii", "iv", "v"}


@pytest.mark.parametrize(
    "text, reason",
    [
        ("int 5", "lowest"), ("int 9 3", "no number"), ("int a 3", "'a' is not a number"),
        ("int 1 9 0", "no number"),
        ("dec 2 1", "no number"), ("dec 1 2 9", "decimals"), ("letter f a", "letter"),
        ("letter ab c", "letter"),
        ("roman 0 3", "from 1 to 12"), ("roman 1 13", "from 1 to 12"), ("range 3", "lowest and the highest"),
        ("range 9 3 to", "not below"), ("range 3 9 20 to", "step"),
        ("range 1/0 3", "not a number"),
        ("range 0 1 0.000001", "larger step"), ("pair ft", "two units"),
        ("pair feet m 1 3", "did you mean ft?"),
        ("pair ft kg 1 3", "one kind"), ("pair ft ft 1 3", "one kind"), ("pair ft m -3 3", "negative"),
        ("pairmod ft m 1 3 to", "modifier"), ("pairmod F C 1 3", "modifier"), ("agree 1 is", "a tag"),
        ("range 3 3 to", "not below"),
    ],
)  # fmt: skip
def test_mistakes_are_named(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        compile_builtin(text.split())


def test_every_builtin_has_an_example_that_works():
    for name, example in EXAMPLES.items():
        for text in re.findall(r"\{(\w+ [^}]*)\}", example):
            assert text.split()[0] == name and callable(compile_builtin(text.split()))
