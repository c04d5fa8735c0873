"""Short phrases as people type them into a search, in pairs with a grade.

The words are data/embeddings/words/phrases.yaml.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from core.text.spelling import spell


def part_of(book: dict, place: Callable[[list], list]) -> dict:
    """The phrases of one split: no attribute, thing or action stands in two.

    Args:
        book: The whole phrases.yaml.
        place: Gives the entries of a list that belong to the split.
    """
    objects = [
        thing
        for where in dict.fromkeys(thing["place"] for thing in book["objects"])
        for thing in place([thing for thing in book["objects"] if thing["place"] == where])
    ]
    return {
        **book,
        "attributes": place(book["attributes"]),
        "actions": place(book["actions"]),
        "objects": objects,
    }


def phrase_pair(book: dict, rng: Random) -> tuple[str, str, float] | None:
    """Short phrases: a measure with an attribute, or a thing with an action."""
    if rng.random() < 0.5:
        dimension, values, factor = rng.choice(book["values"])
        value = rng.choice(values) * factor
        attribute = rng.choice(book["attributes"])
        other, its_value, grade = attribute, value, 0.95
        chance = rng.random()
        if chance < 0.35:
            its_value = rng.choice([v * factor for v in values if v * factor != value])
            grade = 0.45
        elif chance < 0.6:
            others = [a for a in book["attributes"] if a is not attribute]
            if not others:
                return None
            other, grade = rng.choice(others), 0.5
        return (
            _measure(value, dimension, attribute, rng),
            _measure(its_value, dimension, other, rng),
            grade,
        )
    one, action = rng.choice(book["objects"]), rng.choice(book["actions"])
    other, act, chance = one, action, rng.random()
    grade = 0.95
    if chance < 0.3:
        alike = [o for o in book["objects"] if o is not one and o["place"] == one["place"]]
        if not alike:
            return None
        other, grade = rng.choice(alike), 0.52
    elif chance < 0.5:
        acts = [x for x in book["actions"] if x is not action]
        if not acts:
            return None
        act, grade = rng.choice(acts), 0.55
    elif chance < 0.75:
        apart = [o for o in book["objects"] if {o["place"], one["place"]} == {"overhead", "underground"}]
        if not apart:
            return None
        other, grade = rng.choice(apart), 0.18
    if rng.random() < 0.35:
        if other is one:
            if len(one["names"]) < 2:
                return None
            left, right = rng.sample(one["names"], 2)
            return left, right, 0.95
        return (
            rng.choice(one["names"]),
            rng.choice(other["names"]),
            min(grade, 0.45) if grade > 0.2 else grade,
        )
    return _action(one, action, rng), _action(other, act, rng), grade


def _measure(value: float, dimension: str, attribute: list[str], rng: Random) -> str:
    amount = spell(value, dimension, rng, adjective=rng.random() < 0.2)
    name = rng.choice(attribute)
    chance = rng.random()
    if chance < 0.6:
        return f"{amount} {name}"
    return f"{name} of {amount}" if chance < 0.8 else f"{name}: {amount}"


def _action(thing: dict, action: list[str], rng: Random) -> str:
    name, act = rng.choice(thing["names"]), rng.choice(action)
    return f"{name} {act}" if rng.random() < 0.75 else f"{act} of {name}"
