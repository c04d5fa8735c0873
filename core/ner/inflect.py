"""English word forms that sentence patterns need: plurals, a/an, letter case.

The functions work on marked text: control characters (see core/ner/syntax.py) may stand around words and
are left where they are.
"""

from __future__ import annotations

import re

_IRREGULAR = {
    "foot": "feet", "tooth": "teeth", "man": "men", "woman": "women", "person": "people", "half": "halves",
    "knife": "knives", "shelf": "shelves", "leaf": "leaves", "bus": "buses", "index": "indices",
    "criterion": "criteria", "child": "children", "gas": "gases", "lens": "lenses",
}  # fmt: skip
_UNCHANGED = {
    "apparatus", "equipment", "hardware", "gear", "clothing", "material", "means", "series", "pliers",
    "goggles", "glasses", "wiring", "insulation", "sheath insulation", "rope access", "chassis", "spacers",
    "shears", "machinery", "footwear", "rigging", "tackle", "cribbing", "shoring", "armor", "switchgear",
    "ductwork",
}  # fmt: skip
_ALWAYS_PLURAL = {"pliers", "goggles", "glasses", "shears", "people", "linemen", "foremen"}
_LAST_WORD = re.compile(r"([A-Za-z][A-Za-z.]*)([^A-Za-z]*)$")
_ARTICLE = re.compile(
    r"(?:(?<=[\s(\x01-\x05])|^)([Aa])(n?)(\s+)(?=([\x01-\x05\"“‘(]*)([A-Za-z0-9][\w'./-]*))"
)
_LETTER = re.compile(r"[A-Za-z0-9]")

# Read out letter by letter, these begin with a vowel sound ("an FRP pole").
_VOWEL_LETTERS = set("AEFHILMNORSX")
_SPOKEN_WORDS = {"NEMA", "MUTCD", "NESC", "RUS", "SCADA", "UPS", "LED", "FRP", "HDPE"}
_CONSONANT_SOUND = ("uni", "use", "usu", "uti", "eur", "one", "once", "ubi", "ura")
_VOWEL_SOUND = ("hour", "honest", "heir", "honor")


def plural(word: str) -> str:
    """Return the plural of one word, for example `crossarm` -> `crossarms`.

    Mass nouns and words that are plural already come back unchanged.
    """
    low = word.lower()
    if low in _UNCHANGED:
        return word
    for one, many in _IRREGULAR.items():
        if low == one:
            return many if word[0].islower() else many.capitalize() if not word.isupper() else many.upper()
    if low.endswith("man") and low not in {"german", "roman"}:
        return word[:-2] + ("EN" if word.isupper() else "en")
    if word.isupper() and len(word) > 1:
        return word + "s"
    if low.endswith(("us", "ss")) or re.search(r"(x|ch|sh|z)$", low):
        return word + "es"
    if low.endswith("s"):
        return word
    if re.search(r"[^aeiou]y$", low):
        return word[:-1] + "ies"
    return word + "s"


def plural_phrase(text: str) -> str:
    """Pluralise the head noun of marked text: the last word of the last EQUIPMENT span, else of all."""
    cut = len(text)
    start = text.rfind("\x01")
    if start >= 0:
        cut = text.index("\x05", start)
    head, tail = text[:cut], text[cut:]
    # "drop of wire" and "lock for panels": the head stands before the preposition.
    found = re.match(r"(.*?\w)(\s+(?:of|for|with)\s+.*)$", head)
    if found and start < 0:
        head, tail = found.group(1), found.group(2) + tail
    last = _LAST_WORD.search(head)
    if last is None:
        return text
    return head[: last.start()] + plural(last.group(1)) + last.group(2) + tail


def is_plural(text: str) -> bool:
    """True when marked text as a subject wants `are`: its head noun is plural, or `and` joins several."""
    spans = re.findall("\x01([^\x05]*)\x05", text)
    if len(spans) > 1 and re.search(r"\band\b", text[text.index("\x05") :]):
        return True
    head = spans[-1] if spans else re.split(r"\s(?:of|for|with|in|on|at|to|from)\s", text)[0]
    found = _LAST_WORD.search(head)
    if found is None:
        return False
    word = found.group(1).lower()
    if word in _ALWAYS_PLURAL or word in _IRREGULAR.values():
        return True
    return word.endswith("s") and word not in _UNCHANGED and not re.search(r"(ss|us|is)$|^(gas|lens)$", word)


def article_for(word: str) -> str:
    """Return `a` or `an` for the word that follows, by its sound."""
    low = word.lower()
    digits = re.match(r"\d[\d,]*", word)
    if digits:
        number = digits.group(0).replace(",", "")
        return (
            "an" if number.startswith("8") or (number[:2] in {"11", "18"} and len(number) in {2, 5}) else "a"
        )
    if low.startswith(_VOWEL_SOUND):
        return "an"
    if len(word) == 1 or (word[:2].isupper() and word[:3].upper() == word[:3]):
        stem = re.match(r"[A-Z]+", word.upper()).group(0)
        if stem in _SPOKEN_WORDS:
            return "an" if stem in {"LED", "FRP", "HDPE"} else "a"
        return "an" if word[0].upper() in _VOWEL_LETTERS else "a"
    if low.startswith(_CONSONANT_SOUND) and not low.startswith(("unin", "unim", "unid", "unis")):
        return "a"
    return "an" if low[0] in "aeiou" else "a"


def fix_articles(text: str) -> str:
    """Choose between a and an before every word of marked text, so that patterns need not care."""

    def chosen(found: re.Match[str]) -> str:
        first = found.group(1)
        # A capital A inside a sentence is a letter ("sketch A"), not an article.
        if first == "A" and found.start() > 0 and text[: found.start()].strip("\x01\x02\x03\x04\x05 \"“('"):
            return found.group(0)
        word = article_for(found.group(5))
        return (word.capitalize() if first == "A" else word) + found.group(3)

    return _ARTICLE.sub(chosen, text)


def capitalised(text: str) -> str:
    """Put the first letter of marked text in upper case; a leading digit is left alone."""
    found = _LETTER.search(text)
    if found is None or found.group(0).isdigit():
        return text
    at = found.start()
    return text[:at] + text[at].upper() + text[at + 1 :]


def titled(text: str) -> str:
    """Title case, with the small words of a title left small."""
    small = {
        "of",
        "and",
        "or",
        "for",
        "the",
        "a",
        "an",
        "to",
        "in",
        "on",
        "with",
        "at",
        "by",
        "from",
        "under",
    }
    words = text.split(" ")
    return " ".join(w if i and w.lower() in small else capitalised(w) for i, w in enumerate(words))


FILTERS = {
    "pl": plural_phrase,
    "a": lambda text: fix_articles("a " + text),
    "cap": capitalised,
    "up": str.upper,
    "low": str.lower,
    "title": titled,
}
