"""Seed families: scenes that share a place, a utility and a camera stand in one split only.

Also the numbering of scenes: which index belongs to which family, which family to which split.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.errors import InputError
from core.yolo.scene.dice import Dice
from core.yolo.scene.ground import SOILS
from core.yolo.scene.photo import PhotoHabit, draw_photo_habit
from core.yolo.scene.styles import UtilityStyle, draw_utility
from core.yolo.scene.trunks import Species, draw_species
from core.yolo.scene.vegetation import GREENS

GENERATOR_VERSION = 1  # raise it whenever a change alters the pixels of any scene
SPLITS = ("train", "val", "test")
# Ten families run side by side: by the last digit of its number a family is train (7), val (2) or test (1),
# so every ten scenes in a row are split 70/20/10.
_DIGITS = {"train": (0, 1, 2, 3, 4, 5, 6), "val": (7, 8), "test": (9,)}
SCENES_PER_FAMILY = 5
_BLOCK = 10 * SCENES_PER_FAMILY


def family_number(index: int) -> int:
    """The family of the scene with this index."""
    return index // _BLOCK * 10 + index % 10


def split_of_family(number: int) -> str:
    """train, val or test."""
    return next(split for split, digits in _DIGITS.items() if number % 10 in digits)


def index_in_split(split: str, number: int) -> int:
    """The index of the `number`-th scene (from 0) of one split.

    Raises:
        InputError: The split has another name than train, val or test.
    """
    if split not in _DIGITS:
        raise InputError(f"There is no split '{split}'.", f"Choose one of: {', '.join(SPLITS)}.")
    digits = _DIGITS[split]
    return number // len(digits) * 10 + digits[number % len(digits)]


@dataclass(frozen=True)
class Family:
    """What the scenes of one family have in common.

    Args:
        number: Its number.
        utility: How its poles are built.
        greens: Leaf colours as (dark, bright) pairs.
        palms: Share of palms among trees.
        soils: Soils of the ground; the second one makes the patches.
        skies: Kinds of sky and their weights.
        silhouettes: Chance of a dark foreground against a bright sky.
        field_of_view: Vertical field of view of upright pictures in degrees, (low, high).
        roll: Standard deviation of the camera's roll in radians.
        town: How built-up the place is, 0 to 1.
        species: The tree of its plantations.
        photo: What its cameras do to the picture.
    """

    number: int
    utility: UtilityStyle
    greens: list
    palms: float
    soils: tuple[str, ...]
    skies: dict[str, float]
    silhouettes: float
    field_of_view: tuple[float, float]
    roll: float
    town: float
    species: Species
    photo: PhotoHabit


_CLIMATES = {
    "temperate": (
        0.34,
        ("temperate", "autumn"),
        0.0,
        ("grass", "grass", "field", "dirt", "litter", "asphalt"),
    ),
    "northern": (0.16, ("northern", "temperate"), 0.0, ("grass", "snow", "litter", "gravel", "field")),
    "arid": (0.2, ("arid", "tropical"), 0.12, ("sand", "dry", "red", "dirt", "gravel")),
    "tropical": (0.2, ("tropical", "temperate"), 0.3, ("red", "sand", "grass", "dirt", "dry")),
    "autumn": (0.1, ("autumn", "temperate"), 0.0, ("litter", "grass", "dry", "field", "dirt")),
}


@lru_cache(maxsize=64)
def draw_family(seed: int, number: int) -> Family:
    """The family of that number under a seed."""
    dice = Dice(GENERATOR_VERSION, seed, 1, number)
    climate = dice.weighted({name: row[0] for name, row in _CLIMATES.items()})
    _, (main, other), palms, soils = _CLIMATES[climate]
    greens = [*GREENS[main], dice.pick(GREENS[other])]
    base = {
        "clear": 0.3,
        "clouds": 0.3,
        "overcast": 0.2,
        "white": 0.1,
        "sunset": 0.05,
        "storm": 0.04,
        "night": 0.01,
    }
    skies = {sky: weight * dice.between(0.2, 2) for sky, weight in base.items()}
    narrow = dice.between(18, 45)
    urban = dice.between(0, 1)
    chosen = (dice.pick(soils), dice.pick(soils))
    if urban > 0.75 and dice.chance(0.5):
        chosen = (dice.pick(("asphalt", "concrete", "gravel")), chosen[1])
    return Family(
        number=number,
        utility=draw_utility(dice),
        greens=greens,
        palms=palms,
        soils=tuple(soil for soil in chosen if soil in SOILS),
        skies=skies,
        silhouettes=dice.pick((0.02, 0.1, 0.3)),
        field_of_view=(narrow, dice.between(max(narrow + 10, 50), 78)),
        roll=dice.pick((0.015, 0.025, 0.06)),
        town=urban,
        species=draw_species(dice),
        photo=draw_photo_habit(dice),
    )
