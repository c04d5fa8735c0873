"""Filling the slots of a wording, exchanging words of equal meaning, and the edits that make another
requirement.

Which pairs are made of that, and their grades, is pairs.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from core.embeddings.bank import Bank, Slot, Wording, plural, singular
from core.text.quantities import find_quantities
from core.text.spelling import new_value, spell

Mapping_ = Mapping[tuple, tuple]
_WORD = re.compile(r"[a-z]{3,}|\d+")
_ARTICLE = re.compile(r"\b([Aa])n? $")
_VOWEL = re.compile(r"(?!(?:uni|use|usa|uti|one\b|eu|U-))[aeiou]|8|11\b|18\b|eight", re.IGNORECASE)

# "Each" in these places cannot become "every".
_EACH_ALONE = re.compile(
    r"\beach(?! \w| \()|\beach (?:other|of|to|may|shall|must|is|has|and|or|with|in|on|at|for)\b"
)


def key_of(slot: Slot) -> tuple:
    """What a slot stands for, with its kind."""
    return (slot.kind, *slot.key)


def fill(
    wording: Wording, bank: Bank, rng: Random, changed: Mapping_ | None = None, *, respell: bool = True
) -> str:
    """Write a wording.

    Args:
        wording: Text and slots.
        bank: Names of equipment and contrasts.
        rng: Decides spellings.
        changed: Slot key -> another key, applied to every slot that has it.
        respell: Write quantities and names in any usual way; otherwise those unchanged stay as in the file.
    """
    out = ""
    for number, part in enumerate(wording.parts):
        if isinstance(part, str):
            out += part
            continue
        key = key_of(part)
        target = (changed or {}).get(key, key)
        text = (
            part.text
            if target == key and not respell
            else _name(part, target, bank, rng, wording.parts, number)
        )
        article = _ARTICLE.search(out)
        if article:
            out = out[: article.start()] + article[1] + ("n " if _VOWEL.match(text) else " ")
        if not out.strip() and text[:1].islower():
            text = text[0].upper() + text[1:]
        following = wording.parts[number + 1] if number + 1 < len(wording.parts) else ""
        # "6 in." at the end of a sentence has one full stop.
        out += (
            text[:-1]
            if text.endswith(".") and isinstance(following, str) and following.startswith(".")
            else text
        )
    return out


def _name(slot: Slot, target: tuple, bank: Bank, rng: Random, parts: tuple, number: int) -> str:
    if slot.kind == "quantity":
        following = parts[number + 1] if number + 1 < len(parts) else ""
        adjective = bool(re.match(r"^[\d.,]+[ -](?:foot|year|day|inch|hour)$", slot.text)) or (
            isinstance(following, str) and bool(re.match(r" (?:square|long|class|pole|high)\b", following))
        )
        return spell(target[2], target[1], rng, adjective=adjective)
    if slot.kind == "object":
        names = bank.objects.names[target[1]][target[2]]
        many = (
            slot.text.lower() not in bank.objects.entry and singular(slot.text.lower()) in bank.objects.entry
        )
        # Entries given in the plural stay so.
        name = rng.choice(names)
        if target == key_of(slot) and rng.random() < 0.6:
            name = singular(slot.text) if many else slot.text
        if many:
            name = plural(name)
        return name[0].upper() + name[1:] if slot.text[:1].isupper() else name
    sides = bank.contrasts[target[1]].sides
    if target == key_of(slot):
        return slot.text
    own = [name.lower() for name in sides[slot.key[1]]]
    place = own.index(slot.text.lower())
    other = sides[target[2]]
    name = other[min(place, len(other) - 1)]
    return name[0].upper() + name[1:] if slot.text[:1].isupper() else name


def other_key(key: tuple, bank: Bank, rng: Random) -> tuple:
    """A key of the same kind that means something else."""
    kind = key[0]
    if kind == "quantity":
        dimension, value = key[1], key[2]
        return ("quantity", dimension, new_value(value, dimension, rng, whole_feet=value >= 60))
    if kind == "object":
        group, number = key[1], key[2]
        numbers = [n for n in range(len(bank.objects.names[group])) if n != number]
        return ("object", group, rng.choice(numbers))
    sides = [n for n in range(len(bank.contrasts[key[1]].sides)) if n != key[2]]
    return (kind, key[1], rng.choice(sides))


def common_keys(one: Wording, other: Wording) -> list[tuple]:
    """Slot keys that stand in both wordings, in order."""
    right = {key_of(slot) for slot in other.slots}
    seen: list[tuple] = []
    for slot in one.slots:
        key = key_of(slot)
        if key in right and key not in seen:
            seen.append(key)
    return seen


def exchange(text: str, start: int, end: int, other: str) -> str:
    """Put other words in a place of a text; capital letter and article follow them."""
    if text[start].isupper():
        other = other[0].upper() + other[1:]
    before = text[:start]
    article = _ARTICLE.search(before)
    if article:
        before = before[: article.start()] + article[1] + ("n " if _VOWEL.match(other) else " ")
    return before + other + text[end:]


def swap_synonyms(text: str, bank: Bank, rng: Random, share: float) -> str:
    """Exchange words of equal meaning, each with probability `share`."""
    for group in bank.synonyms:
        if group[0] == "each" and _EACH_ALONE.search(text):
            continue
        hits = [
            name
            for name in group
            if name in text and re.search(rf"(?<![\w.-])(?<!\d ){re.escape(name)}(?![\w-])", text)
        ]
        if not hits or rng.random() >= share:
            continue
        name = max(hits, key=len)
        if " " in name and not re.search(rf"{re.escape(name)} [\w$]", text):
            continue  # "6 feet at least" takes no other words
        other = rng.choice([n for n in group if n != name])
        hit = re.search(rf"(?<![\w.-])(?<!\d ){re.escape(name)}(?![\w-])", text)
        place = bank.contexts.get(name)
        if hit and (place is None or place.holds(text, *hit.span())):
            text = exchange(text, hit.start(), hit.end(), other)
    return text


def shared_words(a: str, b: str) -> float:
    """Words that stand in both texts, as a share of all their words, 0 to 1."""
    one, other = set(_WORD.findall(a.lower())), set(_WORD.findall(b.lower()))
    return len(one & other) / max(1, len(one | other))


def swap_noun(text: str, bank: Bank, rng: Random) -> str | None:
    """Exchange one noun for another thing wherever it stands; None where no noun is known."""
    low = text.lower()
    hits = []
    for group in bank.swaps:
        for name in group:
            # The lists are long: the cheap look spares thousands of patterns.
            if name.lower() in low and re.search(
                rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE
            ):
                hits.append(
                    (name, [n for n in group if n != name and not re.search(rf"\b{re.escape(n)}\b", text)])
                )
    found = {name for name, _ in hits}
    # A word of a longer name is not a thing of its own: the fire of a fire extinguisher.
    inner = {name for name in found if any(f" {name} " in f" {longer} " for longer in found - {name})}
    hits = [(name, others) for name, others in hits if others and name not in inner]
    if not hits:
        return None
    name, others = rng.choice(hits)
    other = rng.choice(others)

    def put(hit: re.Match) -> str:
        return other[0].upper() + other[1:] if hit[0][0].isupper() else other

    return mend_articles(re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", put, text, flags=re.IGNORECASE))


def mend_articles(text: str) -> str:
    """`a`/`an` as the next word asks for."""
    return re.sub(r"\b([Aa])n? (?=(\w+))", lambda hit: hit[1] + ("n " if _VOWEL.match(hit[2]) else " "), text)


# Each row turns a requirement into its contradiction; the first that fits is used, and not all fit.
_NEGATIONS: list[tuple[str, tuple[str, ...]]] = [
    (r"\b(shall|must|may|can) not be\b", ("may be", "can be")),
    (r"\b(shall|must|may) not\b", ("may", "can")),
    (r"\b(shall|must) never\b", ("may", "may at times")),
    (r"(?<!\b[OoIi]n )(?<!\b[Aa]t )(?<!\b[Uu]nder )\b[Nn]o (\w+) may\b", ("any {1} may",)),
    (r"\b(is|are) (prohibited|forbidden|not permitted|not allowed)\b", ("{1} permitted", "{1} allowed")),
    (r"\b(is|are) (permitted|allowed|possible)\b", ("{1} not {2}", "{1} prohibited")),
    (r"\b(is|are) (required|mandatory|necessary|needed)\b", ("{1} not {2}", "{1} optional")),
    (r"\b(shall|must) be\b", ("need not be", "need never be")),
    (r"\bhas to\b", ("need not", "does not have to", "is not required to")),
    (r"\bhave to\b", ("need not", "do not have to", "are not required to")),
    (r"\bshall\b|\bmust\b", ("need not",)),
    (r"(?<!\bthat )(?<!\bwhich )(?<!\bwho )\bmay be\b", ("may not be", "shall not be")),
    (
        r"(?<!\bthat )(?<!\bwhich )(?<!\bwho )\bmay\b(?! want| have been| well| choose)",
        ("may not", "shall not", "must not"),
    ),
    (r"\bneeds\b", ("does not need",)),
    (r"\bneed\b(?! not| never)", ("do not need",)),
    (r"\brequires\b", ("does not require",)),
    (r"^[Dd]o not (\w)", ("You may {1}",)),
    (r"\bis (not )?acceptable\b", ("is not acceptable", "is acceptable")),
    (r"^Install\b", ("Do not install",)),
    (
        r"^(Put|Place|Keep|Use|Mark|Take|Store|Bury|Test|Check|Wear|Replace|Remove|Clear|Notify|Report)\b",
        ("There is no need to {1}", "It is not necessary to {1}"),
    ),
]


_DENIED = re.compile(r"\b(?:no|not|none|never|neither|nor|nobody|nothing)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[.;:,] ")
_SENTENCE = re.compile(r"[.;:] ")
_AFTER = re.compile(r"(?: [\w-]+){0,4}")
_LEAVE = re.compile(
    r"(?:may|can)\b(?! not)|(?:is|are) (?:permitted|allowed|possible|acceptable)", re.IGNORECASE
)
_ONLY = re.compile(r"\b(?<!not )(?:only|solely)\b", re.IGNORECASE)


def contradict(text: str, rng: Random) -> str | None:
    """The requirement with its polarity turned, or None where no safe way is known."""
    for pattern, ways in _NEGATIONS:
        hit = re.search(pattern, text)
        if hit is None or _twice_denied(text, hit):
            continue
        if _LEAVE.match(hit[0]):
            # Who may do a thing only in one case must not in others: "may not only then" says neither.
            only = _same_sentence(_ONLY, text, hit)
            if only:
                return exchange(text, *only.span(), f"not {only[0].lower()}")
        way = rng.choice(ways)
        if "acceptable" in pattern:
            way = "is acceptable" if hit[1] else "is not acceptable"
        for number, group in enumerate(hit.groups(), 1):
            group = group or ""
            way = way.replace(
                f"{{{number}}}", group.lower() if "need to" in way or "necessary to" in way else group
            )
        new = text[: hit.start()] + way + text[hit.end() :]
        return new[0].upper() + new[1:]
    return None


def _twice_denied(text: str, hit: re.Match) -> bool:
    """Whether a further "not" would stand beside one: "no joint need not be", "need not be no less than"."""
    if _DENIED.search(hit[0]):
        return False
    before = _CLAUSE.split(text[: hit.start()])[-1]
    sentence = _sentence_before(text, hit)  # "No more than two rings, each high, may be ..."
    return bool(
        _DENIED.search(before) or _DENIED.match(sentence) or _DENIED.search(_AFTER.match(text, hit.end())[0])
    )


def _same_sentence(pattern: re.Pattern, text: str, hit: re.Match) -> re.Match | None:
    """Where a pattern first stands in the sentence around a hit."""
    stop = _SENTENCE.search(text, hit.end())
    begin = hit.start() - len(_sentence_before(text, hit))
    return pattern.search(text, begin, stop.start() if stop else len(text))


def _sentence_before(text: str, hit: re.Match) -> str:
    return _SENTENCE.split(text[: hit.start()])[-1]


def respell_all(text: str, rng: Random) -> str:
    """Every quantity of a text written another way, of equal value."""
    for quantity in reversed(find_quantities(text)):
        if quantity.dimension == "count" or quantity.metric or rng.random() < 0.2:
            continue
        written = text[quantity.start : quantity.end]
        adjective = bool(re.search(r"\d[ -](?:foot|inch|year|day|hour)\b", written))
        new = spell(quantity.value, quantity.dimension, rng, adjective=adjective)
        text = text[: quantity.start] + new + text[quantity.end :]
    return text


def decorate(text: str, rng: Random) -> str:
    """Differences without meaning: capitals, a lost full stop, a list letter."""
    chance = rng.random()
    if chance < 0.3 and text.endswith("."):
        return text[:-1]
    if chance < 0.45:
        return f"({rng.choice('abcdefgh')}) {text}"
    if chance < 0.55:
        return text.upper() if len(text) < 60 else text[0].lower() + text[1:]
    if chance < 0.7:
        return text.replace(", ", " , ") if "," in text else f"{text} "
    return text.replace(" shall ", " must ") if rng.random() < 0.5 else text
