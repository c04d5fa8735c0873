"""The built-in numbers of sentence patterns: counts, ranges, and quantities with a restatement that is true.

    {int 1 99 5}  {dec 0.5 60 1}  {letter a f}  {roman 1 8}
    {range 3 40 to}                 6 to 24
    {pair ft m 3 40}                18 feet (5.5 m), 5.5 m (18 ft)
    {pair ft m 3 40 to}             3 to 5 ft (0.9 to 1.5 m)
    {pairmod ft m 3 40}             18-foot (5.5 m)
    {agree 1 is are}                `is` or `are`, by what {name#1} gave

Only text is made here; where braces may stand is core/ner/syntax.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from core.ner.inflect import is_plural


class Draws(Protocol):
    """What a built-in needs of an expansion: the random source and what tags gave so far."""

    random: Callable[[], float]
    said: dict[str, str]


Emit = Callable[[Any], str]

EXAMPLES = {
    "int": "{int 1 99} or {int 5 80 5}",
    "dec": "{dec 0.5 60 1}",
    "letter": "{letter a f}",
    "roman": "{roman 1 8}",
    "range": "{range 3 40 to}, {range 5 80 5 and} or {range 3 40 feet to}",
    "pair": "{pair ft m 3 40}, {pair in mm 1/4 3 1/8} or {pair ft m 2 9 to}",
    "pairmod": "{pairmod ft m 3 40}",
    "agree": "{agree 1 is are} after {np.eq#1}",
}

MOST_VALUES = 100_000
# How far a restated number may be from the true one: what rounding in real texts amounts to.
TOLERANCE = 0.025
_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """A unit of one kind of quantity.

    Args:
        kind: What it measures; only units of one kind form a pair.
        scale: Size in the kind's base unit.
        one: Long form after one, or "" if there is none.
        many: Long form otherwise.
        short: Abbreviations, the common ones first.
        zero: Where the scale begins, in the base unit (temperatures).
    """

    kind: str
    scale: float
    one: str
    many: str
    short: tuple[str, ...]
    zero: float = 0.0


UNITS: Mapping[str, Unit] = {
    "in": Unit("length", 0.0254, "inch", "inches", ("in.", "in")),
    "ft": Unit("length", 0.3048, "foot", "feet", ("ft", "ft.")),
    "yd": Unit("length", 0.9144, "yard", "yards", ("yd",)),
    "mi": Unit("length", 1609.344, "mile", "miles", ("mi", "mi.")),
    "mm": Unit("length", 0.001, "millimeter", "millimeters", ("mm",)),
    "cm": Unit("length", 0.01, "centimeter", "centimeters", ("cm",)),
    "m": Unit("length", 1.0, "meter", "meters", ("m",)),
    "km": Unit("length", 1000.0, "kilometer", "kilometers", ("km",)),
    "lb": Unit("weight", 0.45359237, "pound", "pounds", ("lb", "lbs", "lb.", "lbs.")),
    "kg": Unit("weight", 1.0, "kilogram", "kilograms", ("kg",)),
    "lbf": Unit("force", 4.4482216, "pound", "pounds", ("lbf", "lb", "lbs")),
    "N": Unit("force", 1.0, "newton", "newtons", ("N",)),
    "kN": Unit("force", 1000.0, "kilonewton", "kilonewtons", ("kN",)),
    "psi": Unit("pressure", 6.894757, "pound per square inch", "pounds per square inch", ("psi",)),
    "kPa": Unit("pressure", 1.0, "kilopascal", "kilopascals", ("kPa",)),
    "MPa": Unit("pressure", 1000.0, "megapascal", "megapascals", ("MPa",)),
    "F": Unit("temperature", 5 / 9, "", "degrees Fahrenheit", ("°F", "° F", "°F", "F"), -160 / 9),
    "C": Unit("temperature", 1.0, "", "degrees Celsius", ("°C", "° C", "°C", "C")),
    "in2": Unit("area", 0.00064516, "square inch", "square inches", ("sq in.", "sq. in.", "in²")),
    "ft2": Unit("area", 0.09290304, "square foot", "square feet", ("sq ft", "sq. ft.", "ft²")),
    "mm2": Unit("area", 0.000001, "square millimeter", "square millimeters", ("mm²", "sq mm")),
    "m2": Unit("area", 1.0, "square meter", "square meters", ("m²", "sq m")),
    "ftlb": Unit("torque", 1.3558179, "foot-pound", "foot-pounds", ("ft-lb", "ft-lbs", "ft.-lb.")),
    "Nm": Unit("torque", 1.0, "newton-meter", "newton-meters", ("N-m", "N·m")),
    "mph": Unit("speed", 1.609344, "", "miles per hour", ("mph", "mi/h")),
    "kmh": Unit("speed", 1.0, "", "kilometers per hour", ("km/h", "kph")),
    "gal": Unit("volume", 3.7854118, "gallon", "gallons", ("gal", "gal.")),
    "L": Unit("volume", 1.0, "liter", "liters", ("L", "l")),
    "lb/ft": Unit("load", 1.4881639, "pound per foot", "pounds per foot", ("lb/ft", "lbs/ft")),
    "kg/m": Unit("load", 1.0, "kilogram per meter", "kilograms per meter", ("kg/m",)),
}


def convert(value: float, unit: str, to: str) -> float:
    """The same quantity in another unit, for example `convert(10, "ft", "m")` -> 3.048."""
    first, second = UNITS[unit], UNITS[to]
    return (value * first.scale + first.zero - second.zero) / second.scale


def compile_builtin(words: Sequence[str]) -> Emit:
    """The function behind `{words...}`.

    Args:
        words: The text between the braces, split at spaces; the first one is a key of `EXAMPLES`.

    Raises:
        ValueError: What is wrong with the words, without a position.
    """
    return _MAKERS[words[0]](words[1:])


@dataclass(frozen=True)
class _Values:
    """Evenly spaced numbers; `places` decimals, or fractions of an inch."""

    low: Fraction
    step: Fraction
    count: int
    places: int
    fractions: bool

    def draw(self, ctx: Draws) -> Fraction:
        return self.low + self.step * int(ctx.random() * self.count)

    def draw_two(self, ctx: Draws) -> tuple[Fraction, Fraction]:
        first = int(ctx.random() * (self.count - 1))
        second = first + 1 + int(ctx.random() * (self.count - 1 - first))
        return self.low + self.step * first, self.low + self.step * second

    def write(self, value: Fraction, commas: bool = False) -> str:
        if not self.fractions:
            return f"{float(value):{',' if commas else ''}.{self.places}f}"
        whole, rest = divmod(value, 1)
        parts = [str(whole)] if whole or not rest else []
        return "-".join([*parts, f"{rest.numerator}/{rest.denominator}"] if rest else parts)


def _number(word: str) -> Fraction:
    try:
        return Fraction(word.replace(",", ""))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{word!r} is not a number") from None


def _is_number(word: str) -> bool:
    return word[:1].isdigit() or (word[:1] in "-." and word[1:2].isdigit())


def _values(words: Sequence[str]) -> tuple[_Values, list[str]]:
    """Read `low high [step]` off `words`; the rest are join words."""
    numbers = 0
    while numbers < len(words) and numbers < 3 and _is_number(words[numbers]):
        numbers += 1
    if numbers < 2:
        raise ValueError("expected the lowest and the highest number")
    low, high = _number(words[0]), _number(words[1])
    places = max((len(word.partition(".")[2]) for word in words[:numbers]), default=0)
    step = _number(words[2]) if numbers == 3 else Fraction(1, 10**places)
    if low >= high:
        raise ValueError(f"{words[0]} is not below {words[1]}")
    if step <= 0 or step > high - low:
        raise ValueError(f"the step {words[2] if numbers == 3 else step} does not fit between them")
    count = (high - low) // step + 1
    if count > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} numbers; give a larger step")
    fractions = any("/" in word for word in words[:numbers])
    return _Values(low, step, int(count), places, fractions), list(words[numbers:])


def _int(args: Sequence[str]) -> Emit:
    if len(args) not in (2, 3):
        raise ValueError("expected a lowest and a highest number, perhaps a step")
    low, high, step = (int(_number(word)) for word in [*args, "1"][:3])
    if low > high or step < 1:
        raise ValueError(f"there is no number from {low} to {high} in steps of {step}")
    values = range(low, high + 1, step)
    return lambda ctx: str(values[int(ctx.random() * len(values))])


def _dec(args: Sequence[str]) -> Emit:
    if len(args) not in (2, 3):
        raise ValueError("expected a lowest and a highest number, perhaps the number of decimals")
    low, high, places = float(_number(args[0])), float(_number(args[1])), int(_number([*args, "1"][2]))
    if low > high or not 0 <= places <= 6:
        raise ValueError(f"there is no number from {low:g} to {high:g} with {places} decimals")
    return lambda ctx: f"{low + ctx.random() * (high - low):.{places}f}"


def _letter(args: Sequence[str]) -> Emit:
    if len(args) != 2 or any(len(word) != 1 for word in args) or args[0] > args[1]:
        raise ValueError("expected a first and a last letter")
    letters = [chr(code) for code in range(ord(args[0]), ord(args[1]) + 1)]
    return lambda ctx: letters[int(ctx.random() * len(letters))]


def _roman(args: Sequence[str]) -> Emit:
    low, high = (int(_number(word)) for word in args) if len(args) == 2 else (0, 0)
    if not 1 <= low <= high < len(_ROMAN):
        raise ValueError(f"expected two numbers from 1 to {len(_ROMAN) - 1}")
    numerals = _ROMAN[low : high + 1]
    return lambda ctx: numerals[int(ctx.random() * len(numerals))]


def _joined(words: Sequence[str]) -> str:
    """Join words with spaces around; a sign such as - stands tight."""
    text = " ".join(words)
    return text if text and not any(char.isalnum() for char in text) else f" {text} " if text else ""


def _range(args: Sequence[str]) -> Emit:
    values, rest = _values(args)
    given = _joined(rest)

    def emit(ctx: Draws) -> str:
        low, high = values.draw_two(ctx)
        join = given or (" to ", " to ", " to ", " through ", "-")[int(ctx.random() * 5)]
        return f"{values.write(low)}{join}{values.write(high)}"

    return emit


def _pair_units(args: Sequence[str]) -> tuple[Unit, Unit, _Values, str]:
    for name in args[:2]:
        if name not in UNITS:
            near = difflib.get_close_matches(name, UNITS, n=1, cutoff=0.4)
            meant = f"did you mean {near[0]}?" if near else f"units are {', '.join(UNITS)}"
            raise ValueError(f"unit {name!r} does not exist; {meant}")
    if len(args) < 4:
        raise ValueError("expected two units, the lowest and the highest number of the first")
    first, second = UNITS[args[0]], UNITS[args[1]]
    if first.kind != second.kind or first is second:
        raise ValueError(f"{args[0]} and {args[1]} are not two units of one kind of quantity")
    values, rest = _values(args[2:])
    if values.low < 0 and first.kind != "temperature":
        raise ValueError(f"a negative {first.kind}")
    return first, second, values, _joined(rest)


def _restated(values: Sequence[Fraction], first: Unit, second: Unit, ctx: Draws) -> list[str]:
    """The values in the other unit, all with the fewest decimals that keep each within `TOLERANCE`."""
    true = [(float(v) * first.scale + first.zero - second.zero) / second.scale for v in values]
    places = 0
    if first.kind != "temperature":
        texts = {round(v, 0) for v in true}
        while places < 4 and (
            len(texts) < len(true) or any(abs(round(v, places) - v) > TOLERANCE * abs(v) for v in true)
        ):
            places += 1
            texts = {round(v, places) for v in true}
        if places < 3 and max(true) < 10 and ctx.random() < 0.25:
            places += 1
    commas = "," if ctx.random() < 0.8 else ""
    return [f"{0.0 if round(v, places) == 0 else v:{commas}.{places}f}" for v in true]


def _with_unit(number: str, unit: Unit, long: bool, ctx: Draws) -> str:
    if long:
        single = unit.one and (number in ("1", "one") or ("/" in number and "-" not in number))
        return f"{number} {unit.one if single else unit.many}"
    short = unit.short[int(ctx.random() ** 2 * len(unit.short))]
    tight = ctx.random() < (0.4 if short[0] == "°" else 0.05)
    return f"{number}{'' if tight else ' '}{short}"


def _pair(args: Sequence[str]) -> Emit:
    first, second, values, join = _pair_units(args)

    def emit(ctx: Draws) -> str:
        drawn = list(values.draw_two(ctx)) if join else [values.draw(ctx)]
        there = join.join(_restated(drawn, first, second, ctx))
        long = ctx.random() < 0.5
        if ctx.random() < 0.25:
            here = join.join(values.write(v) for v in drawn)
            return f"{_with_unit(there, second, long, ctx)} ({_with_unit(here, first, False, ctx)})"
        small = long and first.one and all(v.denominator == 1 and 1 <= v < len(_WORDS) for v in drawn)
        if small and ctx.random() < 0.3:
            here = join.join(_WORDS[int(v)] for v in drawn)
        else:
            commas = ctx.random() < 0.8
            here = join.join(values.write(v, commas) for v in drawn)
        long_there = long and ctx.random() < 0.2
        return f"{_with_unit(here, first, long, ctx)} ({_with_unit(there, second, long_there, ctx)})"

    return emit


def _pairmod(args: Sequence[str]) -> Emit:
    first, second, values, join = _pair_units(args)
    if join or not first.one:
        raise ValueError("a modifier holds one number of a unit with a long form")

    def emit(ctx: Draws) -> str:
        drawn = values.draw(ctx)
        there = _restated([drawn], first, second, ctx)[0]
        name = first.one if ctx.random() < 0.7 else first.short[0]
        link = "-" if ctx.random() < 0.3 else " "
        return f"{values.write(drawn)}-{name} ({there}{link}{second.short[0]})"

    return emit


def _agree(args: Sequence[str]) -> Emit:
    if len(args) != 3:
        raise ValueError("expected a tag, the word for one and the word for many")
    tag, one, many = args

    def emit(ctx: Draws) -> str:
        return many if is_plural(ctx.said.get(tag, "")) else one

    return emit


_MAKERS: dict[str, Callable[[Sequence[str]], Emit]] = {
    "int": _int, "dec": _dec, "letter": _letter, "roman": _roman, "range": _range, "pair": _pair,
    "pairmod": _pairmod, "agree": _agree,
}  # fmt: skip
