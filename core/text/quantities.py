"""Quantities in a text: found, converted to one unit per dimension, compared and written again.

Which words name a unit is the table below; nothing here knows requirements or models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Quantity", "canonical", "find_quantities", "same_quantity", "with_canonical_units"]

_WORDS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "one hundred": 100,
}
_SHARES = {
    "two thirds": 200 / 3,
    "two-thirds": 200 / 3,
    "one third": 100 / 3,
    "a third": 100 / 3,
    "one half": 50,
    "half": 50,
    "three quarters": 75,
    "one quarter": 25,
    "a quarter": 25,
    "one fourth": 25,
    "one fifth": 20,
    "one tenth": 10,
    "one in ten": 10,
}
# (pattern, dimension, factor to the dimension's own unit, "m" where it is metric). Longer names first in a
# row.
_UNITS: list[tuple[str, str, float, str]] = [
    (r"millimet(?:er|re)s?|mm", "length", 0.1 / 2.54, "m"),
    (r"centimet(?:er|re)s?|cm", "length", 1 / 2.54, "m"),
    (r"kilomet(?:er|re)s?|km", "distance", 1 / 1.609344, "m"),
    (r"miles?(?! per|s per)|mi", "distance", 1, ""),
    (r"met(?:er|re)s?|m", "length", 100 / 2.54, "m"),
    (r"feet|foot|ft\.?|['′’](?![\w'′’])", "length", 12, ""),
    (
        r"inch(?:es)?|in\.|in(?=\s*(?:[,;:)\]]|$)|\s(?:square|wide|deep|long|high|thick|minimum|by|x)\b)|[\"″”]|''",
        "length",
        1,
        "",
    ),
    (r"yards?|yd", "length", 36, ""),
    (r"kilovolts?|kv", "voltage", 1000, ""),
    (r"volts?|v", "voltage", 1, ""),
    (r"kva", "power", 1, ""),
    (r"kilowatts?|kw", "kilowatt", 1, ""),
    (r"milliamperes?|milliamps?|ma", "current", 0.001, ""),
    (r"amperes?|amps?|(?-i:A)", "current", 1, ""),
    (r"megohms?", "resistance", 1e6, ""),
    (r"ohms?|Ω", "resistance", 1, ""),
    (r"pounds? per square inch|psi", "pressure", 1, ""),
    (r"pounds? per square foot|psf", "wind", 1, ""),
    (r"kilograms?|kg", "weight", 2.20462, "m"),
    (r"pounds?|lbs?\.?", "weight", 1, ""),
    (r"gallons?|gal\.?", "volume", 1, ""),
    (r"lit(?:er|re)s?", "volume", 0.264172, "m"),
    (r"percent|per cent|pct|%", "percent", 1, ""),
    (r"business days?|working days?", "workdays", 1, ""),
    (r"(?:calendar )?days?", "time", 24, ""),
    (r"hours?|hrs?\.?|h", "time", 1, ""),
    (r"minutes?|mins?\.?", "time", 1 / 60, ""),
    (r"seconds?|secs?\.?|s", "seconds", 1, ""),
    (r"weeks?", "time", 168, ""),
    (r"months?", "months", 1, ""),
    (r"years?|yrs?\.?", "months", 12, ""),
    (r"degrees? c(?:elsius)?|° ?c", "celsius", 1, ""),
    (r"degrees? f(?:ahrenheit)?|° ?f", "fahrenheit", 1, ""),
    (r"degrees?|deg\.?|°", "angle", 1, ""),
    (r"mph|miles per hour", "speed", 1, ""),
    (r"db(?:rnc)?", "level", 1, ""),
    (r"awg|gauge", "gauge", 1, ""),
    (r"times", "times", 1, ""),
]
_OWN_UNIT = {
    "voltage": "volts",
    "power": "kVA",
    "kilowatt": "kilowatts",
    "current": "amperes",
    "resistance": "ohms",
    "pressure": "psi",
    "wind": "psf",
    "weight": "pounds",
    "volume": "gallons",
    "percent": "percent",
    "workdays": "business days",
    "seconds": "seconds",
    "celsius": "degrees celsius",
    "fahrenheit": "degrees fahrenheit",
    "angle": "degrees",
    "speed": "mph",
    "level": "decibels",
    "gauge": "AWG",
    "times": "times",
    "distance": "miles",
    "money": "dollars",
}
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_FRACTION = r"(?:\d+[ -])?\d+/\d+"
_NAMES = "|".join(sorted(_WORDS, key=len, reverse=True))
_TENS = (
    r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-"
    r"(?:one|two|three|four|five|six|seven|eight|nine)"
)
_VALUE = rf"{_FRACTION}|{_NUMBER}|{_TENS}|{_NAMES}"
# Each unit is a named group, so that a hit tells its row of the table.
_ANY_UNIT = "|".join(f"(?P<u{row}>{pattern})" for row, (pattern, *_) in enumerate(_UNITS))
_WITH_UNIT = re.compile(
    rf"(?<![\w.,/$§-])(?P<value>{_VALUE})[ -]?(?:{_ANY_UNIT})(?!\w)(?P<dot>\.(?=\s*[(,;]))?", re.IGNORECASE
)
_FEET_INCHES = re.compile(
    rf"(?<![\w.,/])(?P<feet>\d+)\s*(?:['′’]|ft\.?|feet|foot)[\s,-]*(?:and\s+)?"
    rf"(?P<inches>{_FRACTION}|\d+(?:\.\d+)?)\s*(?:[\"″”]|''|in\.|inch(?:es)?|in\b)",
    re.IGNORECASE,
)
_MONEY = re.compile(rf"\$\s?(?P<value>{_NUMBER})(?P<scale>\s?(?:million|thousand|k|m)\b)?", re.IGNORECASE)
_SHARE = re.compile(rf"\b(?P<value>{'|'.join(sorted(_SHARES, key=len, reverse=True))})\b", re.IGNORECASE)
_BARE = re.compile(
    rf"(?<![\w.,/§#$-])(?P<value>{_NUMBER}|{_TENS}|{_NAMES})(?![\w/%°'\"-]|[.,]\d)", re.IGNORECASE
)
# A number after one of these names a rule, a size class or a document, it measures nothing.
_REFERENCE = re.compile(
    r"(?:rules?|sections?|sec\.?|§|paragraphs?|parts?|tables?|figures?|go|g\.\s?o\.|general "
    r"order|order|nesc|class|cl\.?|"
    r"grade|no\.?|number|circular|bulletin|form|appendix|chapter|item|type|cfr|subpart|exhibit|phase|area|zone)\s*\Z",
    re.IGNORECASE,
)
_CONVERSION = re.compile(r"\s*[(\[]\s*(?:about |approximately |approx\.? )?", re.IGNORECASE)
_ROUGHLY = 0.02  # 18 ft is written 5.5 m: rounding of conversions
_EXACTLY = 0.002


@dataclass(frozen=True)
class Quantity:
    """One quantity of a text.

    Args:
        value: In the dimension's own unit (inches, volts, hours, months, percent ...).
        dimension: Name of what is measured; `count` for a number without a unit.
        start: First character.
        end: One behind the last character; a conversion in brackets belongs to it.
        metric: Written in a converted (metric) unit, so that its value may be rounded.
    """

    value: float
    dimension: str
    start: int
    end: int
    metric: bool = False


def _number(text: str) -> float:
    text = text.lower().strip()
    if text in _WORDS:
        return float(_WORDS[text])
    if "/" in text:
        whole, _, fraction = text.replace("-", " ").rpartition(" ")
        top, _, bottom = fraction.partition("/")
        return float(whole or 0) + (float(top) / float(bottom) if float(bottom) else 0.0)
    if "-" in text:
        tens, _, ones = text.partition("-")
        return float(_WORDS[tens] + _WORDS[ones])
    return float(text.replace(",", ""))


def _raw(text: str) -> list[Quantity]:
    found: list[Quantity] = []
    taken = bytearray(len(text))

    def add(value: float, dimension: str, start: int, end: int, metric: bool = False) -> None:
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            found.append(Quantity(round(value, 6), dimension, start, end, metric))

    for hit in _FEET_INCHES.finditer(text):
        add(12 * float(hit["feet"]) + _number(hit["inches"]), "length", *hit.span())
    for hit in _MONEY.finditer(text):
        scale = {"m": 1e6, "k": 1e3, "t": 1e3}.get((hit["scale"] or "").strip().lower()[:1], 1.0)
        add(_number(hit["value"]) * scale, "money", *hit.span())
    for hit in _WITH_UNIT.finditer(text):
        row = next(row for row in range(len(_UNITS)) if hit[f"u{row}"] is not None)
        _, dimension, factor, metric = _UNITS[row]
        add(_number(hit["value"]) * factor, dimension, *hit.span(), bool(metric))
    for hit in _SHARE.finditer(text):
        add(_SHARES[hit["value"].lower()], "percent", *hit.span())
    for hit in _BARE.finditer(text):
        word = hit["value"].lower()
        # "one" is mostly no number ("one may", "one side").
        if word == "one" or _REFERENCE.search(text[max(0, hit.start() - 16) : hit.start()]):
            continue
        add(_number(word), "count", *hit.span())
    return sorted(found, key=lambda quantity: quantity.start)


def find_quantities(text: str) -> list[Quantity]:
    """The quantities of a text in order; `18 ft (5.5 m)` is one.

    Numbers of rules, sections, classes and documents are left out.
    """
    out: list[Quantity] = []
    for quantity in _raw(text):
        if out and quantity.dimension == out[-1].dimension:
            last = out[-1]
            opening = _CONVERSION.fullmatch(text[last.end : quantity.start])
            if opening:
                end = quantity.end + (text[quantity.end : quantity.end + 1] in (")", "]"))
                kept = last if quantity.metric or not last.metric else quantity
                out[-1] = Quantity(kept.value, kept.dimension, last.start, end, kept.metric)
                continue
        out.append(quantity)
    return out


def same_quantity(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities are equal, allowing for rounding only where one was converted from metric
    units."""
    if one.dimension != other.dimension:
        return False
    allowed = _ROUGHLY if one.metric != other.metric else _EXACTLY
    return abs(one.value - other.value) <= allowed * max(abs(one.value), abs(other.value), 1e-9)


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def canonical(quantity: Quantity) -> str:
    """One spelling for all spellings of a quantity, for example `18 feet`; metric values are snapped to
    it."""
    value, dimension = quantity.value, quantity.dimension
    if dimension == "length":
        if quantity.metric:
            value = _snapped(value)
        whole = value >= 12 and value % 6 == 0  # 40 inches stay inches, they are no round number of feet
        return f"{_plain(value / 12)} feet" if whole or value >= 120 else f"{_plain(value)} inches"
    if dimension == "time":
        if value >= 24:
            return f"{_plain(value / 24)} days"
        return f"{_plain(value)} hours" if value >= 1 else f"{_plain(value * 60)} minutes"
    if dimension == "months":
        return f"{_plain(value / 12)} years" if value >= 12 else f"{_plain(value)} months"
    if dimension == "count":
        return _plain(value)
    return f"{_plain(value)} {_OWN_UNIT[dimension]}"


def _snapped(inches: float) -> float:
    """The round length in feet or inches that a metric length was converted from."""
    for grid in (12, 6, 1, 0.5, 0.25):
        near = round(inches / grid) * grid
        if near and abs(near - inches) <= 0.017 * near:
            return near
    return inches


def with_canonical_units(text: str) -> str:
    """The text with every quantity written in its one spelling."""
    parts, at = [], 0
    for quantity in find_quantities(text):
        parts += [text[at : quantity.start], canonical(quantity)]
        at = quantity.end
    return "".join(parts) + text[at:]
