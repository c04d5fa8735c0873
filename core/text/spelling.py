"""Numbers and units written in the many ways of the field, all of the same value.

Reading them is quantities.py; what is a requirement is not known here.
"""

from __future__ import annotations

from random import Random

__all__ = ["NICE_VALUES", "new_value", "spell"]

_NAMES = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    12: "twelve",
    15: "fifteen",
    18: "eighteen",
    20: "twenty",
    25: "twenty-five",
    30: "thirty",
    40: "forty",
    50: "fifty",
    60: "sixty",
}
# Round values of each dimension in its own unit, from which new ones are drawn.
NICE_VALUES: dict[str, tuple[float, ...]] = {
    "length": (
        0.25,
        0.5,
        0.625,
        0.75,
        1,
        1.5,
        2,
        2.5,
        3,
        4,
        6,
        8,
        9,
        10,
        12,
        15,
        18,
        20,
        24,
        28,
        30,
        36,
        40,
        42,
        48,
        60,
        72,
        84,
        96,
        108,
        120,
        144,
        168,
        180,
        192,
        216,
        240,
        264,
        300,
        324,
        360,
        420,
        480,
        540,
        600,
        720,
        960,
        1200,
        1800,
        2400,
        3600,
        6000,
        12000,
    ),
    "voltage": (
        50,
        114,
        120,
        126,
        150,
        240,
        300,
        480,
        600,
        750,
        1000,
        2400,
        4160,
        7200,
        12000,
        15000,
        22500,
        34500,
        50000,
        69000,
        115000,
    ),
    "power": (5, 10, 15, 25, 37.5, 50, 75, 100, 167, 500),
    "current": (5, 10, 15, 20, 30, 50, 60, 100, 200, 400, 500, 600),
    "weight": (0.25, 0.4, 0.5, 0.6, 0.8, 1, 5, 10, 20, 25, 50, 75, 100, 150, 200, 250, 500, 1000, 2000),
    "percent": (
        1,
        2,
        3,
        5,
        8,
        10,
        12,
        15,
        20,
        22,
        25,
        30,
        33,
        40,
        50,
        60,
        67,
        75,
        80,
        85,
        90,
        95,
        100,
        110,
        125,
        150,
        165,
        200,
    ),
    "time": (
        1 / 12,
        1 / 6,
        0.25,
        0.5,
        1,
        2,
        3,
        4,
        6,
        8,
        12,
        24,
        48,
        72,
        96,
        120,
        168,
        240,
        336,
        360,
        480,
        720,
        1080,
        1440,
        2160,
        2880,
        4320,
        8640,
    ),
    "seconds": (1, 2, 3, 5, 10, 15, 30, 60),
    "workdays": (1, 2, 3, 5, 10, 15, 20),
    "months": (1, 3, 6, 12, 18, 24, 36, 60, 84, 96, 120, 180, 240),
    "celsius": (5, 10, 15, 20, 30, 40, 60, 75, 90),
    "fahrenheit": (32, 60, 68, 77, 100, 120, 140, 167, 212),
    "angle": (2, 3, 5, 10, 15, 30, 45, 60, 90, 180, 270, 360),
    "volume": (1, 5, 10, 25, 42, 55, 100, 500, 660, 1000, 1320, 5000),
    "resistance": (1, 5, 10, 25, 50, 100, 286, 500, 1e6, 1e7, 1e8, 1e9),
    "money": (1000, 5000, 10000, 25000, 50000, 100000, 150000, 250000, 500000, 1e6),
    "pressure": (30, 50, 100, 125, 150, 200, 300, 2000),
    "wind": (2, 4, 6, 8, 9, 12),
    "speed": (5, 10, 15, 25, 35, 45, 55),
    "level": (0.2, 0.3, 0.4, 0.5, 1, 3, 10, 20, 30),
    "gauge": (2, 4, 6, 8, 10, 12, 14, 19, 22, 24),
    "times": (1.25, 1.5, 2, 3, 4, 5, 8, 10, 12, 20),
    "count": (1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 50, 100, 200, 300),
    "distance": (0.5, 1, 2, 5, 10, 25),
    "kilowatt": (1, 5, 10, 50, 100),
}


def new_value(value: float, dimension: str, rng: Random, *, whole_feet: bool = False) -> float:
    """Another round value of the same dimension: often near, sometimes ten times as much."""
    pool = [v for v in NICE_VALUES.get(dimension, ()) if abs(v - value) > 0.06 * value]
    if dimension == "length" and whole_feet:
        pool = [v for v in pool if v % 12 == 0] or pool
    if dimension == "count" and float(value).is_integer():
        pool = [v for v in pool if float(v).is_integer()]
    near = [v for v in pool if value / 2.2 <= v <= value * 2.2]
    ten = [v for v in pool if abs(v - 10 * value) < 1e-6 or abs(v - value / 10) < 1e-6]
    chance = rng.random()
    if ten and chance < 0.15:
        return rng.choice(ten)
    if near and chance < 0.85:
        return rng.choice(near)
    wide = [v for v in pool if value / 12 <= v <= value * 12]
    return rng.choice(wide or pool or [value * 2])


def _plain(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def _named(value: float, rng: Random) -> str:
    name = _NAMES.get(int(value)) if float(value).is_integer() else None
    return name if name and rng.random() < 0.5 else _plain(value)


def _several(value: float, unit: str, adjective: bool) -> str:
    return unit if value == 1 or adjective else f"{unit}s"


def spell(value: float, dimension: str, rng: Random, *, adjective: bool = False) -> str:
    """Write a quantity in one of the usual ways.

    Args:
        value: In the dimension's own unit, see quantities.py.
        dimension: Name of the dimension.
        rng: Decides the way of writing.
        adjective: Before a noun (`5 year interval`): the unit stays singular and nothing stands in brackets.
    """
    ways = _ways(float(value), dimension, rng, adjective)
    return rng.choice(ways)


def _ways(value: float, dimension: str, rng: Random, adjective: bool) -> list[str]:
    plain = _plain(value)
    if dimension == "length":
        return _length(value, rng, adjective)
    if dimension == "time":
        return _time(value, rng, adjective)
    if dimension == "months":
        years = value / 12
        if years >= 1 and float(years).is_integer():
            written = [f"{_named(years, rng)} {_several(years, 'year', adjective)}"] * 3
            return written + ([f"{plain} {_several(value, 'month', adjective)}"] if years <= 2 else [])
        return [f"{_named(value, rng)} {_several(value, 'month', adjective)}"]
    if dimension == "voltage":
        if value >= 1000:
            return [
                f"{_plain(value / 1000)} kV",
                f"{_plain(value / 1000)}kV",
                f"{value:,.0f} volts",
                f"{value:,.0f} V",
            ]
        return [f"{plain} V", f"{plain} volts", f"{plain}V"]
    if dimension == "percent":
        return [f"{plain} percent", f"{plain}%", f"{plain} per cent"]
    if dimension == "weight":
        pounds = [f"{value:,.6g} lb", f"{value:,.6g} pounds", f"{value:,.6g} lbs"]
        if value >= 5 and not adjective:
            pounds.append(f"{value:,.6g} lb ({_plain(value * 0.453592, 0 if value > 20 else 1)} kg)")
        return pounds
    if dimension == "count":
        return [_named(value, rng)]
    if dimension == "money":
        return [f"${value:,.0f}"] * 2 + ([f"${_plain(value / 1e6)} million"] if value >= 1e6 else [])
    if dimension == "resistance":
        return [f"{_plain(value / 1e6)} megohms"] if value >= 1e6 else [f"{value:,.6g} ohms"]
    many = {
        "current": ("A", "amperes", "amps"),
        "power": ("kVA",),
        "seconds": ("seconds", "s"),
        "workdays": ("business days", "working days"),
        "celsius": ("°C", "degrees Celsius"),
        "fahrenheit": ("°F", "degrees F"),
        "angle": ("degrees",),
        "volume": ("gallons", "gal."),
        "pressure": ("psi",),
        "wind": ("psf", "pounds per square foot"),
        "speed": ("mph", "miles per hour"),
        "level": ("dB",),
        "gauge": ("AWG",),
        "times": ("times",),
        "distance": ("miles",),
        "kilowatt": ("kW",),
    }[dimension]
    return [f"{value:,.6g} {unit}" for unit in many]


def _length(inches: float, rng: Random, adjective: bool) -> list[str]:
    feet = inches / 12
    metres = inches * 0.0254
    ways: list[str] = []
    if inches >= 36 or (inches >= 12 and inches % 12 == 0):
        text = _plain(feet) if feet < 1000 else f"{feet:,.0f}"
        metric = _plain(metres, 1 if metres >= 3 else 2)
        foot = "foot" if adjective or feet == 1 else "feet"
        ways = [f"{text} ft", f"{text} {foot}", f"{text} ft", f"{text} {foot}", f"{text}'"]
        if feet.is_integer() and int(feet) in _NAMES:
            ways.append(f"{_NAMES[int(feet)]} {foot}")
        if not adjective:
            ways += [
                f"{text} ft ({metric} m)",
                f"{metric} m ({text} ft)",
                f"{text} feet ({metric} meters)",
                f"{metric} m",
            ]
        if inches <= 72:
            ways += [f"{_plain(inches)} in.", f"{_plain(inches)} inches"]
    else:
        text = _plain(inches, 3)
        inch = "inch" if adjective or inches == 1 else "inches"
        ways = [f"{text} in.", f"{text} {inch}", f"{text} {inch}", f'{text}"']
        if inches.is_integer() and int(inches) in _NAMES:
            ways.append(f"{_NAMES[int(inches)]} {inch}")
        if not adjective:
            millimetres = _plain(inches * 25.4, 0 if inches >= 1 else 1)
            ways += [
                f"{text} in. ({_plain(inches * 2.54, 1)} cm)",
                f"{millimetres} mm ({text} in.)",
                f"{millimetres} mm",
            ]
    return [way for way in ways if not (adjective and way.endswith("."))]


def _time(hours: float, rng: Random, adjective: bool) -> list[str]:
    if hours >= 24 and (hours / 24).is_integer():
        days = hours / 24
        ways = [f"{_plain(days)} {_several(days, 'day', adjective)}"] * 3
        ways.append(f"{_named(days, rng)} {_several(days, 'day', adjective)}")
        if not adjective:
            ways.append(f"{_plain(days)} calendar {_several(days, 'day', False)}")
        if days <= 3:
            ways.append(f"{_plain(hours)} hours" if not adjective else f"{_plain(hours)} hour")
        if days % 7 == 0:
            ways.append(f"{_named(days / 7, rng)} {_several(days / 7, 'week', adjective)}")
        return ways
    if hours >= 1:
        return [f"{_named(hours, rng)} {_several(hours, 'hour', adjective)}", f"{_plain(hours)} hrs"]
    minutes = hours * 60
    return [
        f"{_named(round(minutes), rng)} {_several(round(minutes), 'minute', adjective)}",
        f"{_plain(minutes, 0)} min",
    ]
