"""A text as a model should see it: one spelling for quantities, for names of orders and for abbreviations."""

from __future__ import annotations

import re
import unicodedata

from core.text.quantities import with_canonical_units

_RULES: list[tuple[re.Pattern, str]] = [
    (re.compile(pattern, re.IGNORECASE), new)
    for pattern, new in (
        (r"\b(?:G\.\s?O\.|General Order|GO)(?:\s?No\.?)?[ -]?(?=\d)", "general order "),
        (r" +(?=[,;:](?: |$))", ""),
        (r"\bmin\.?(?=[ ,;:)]|$)(?! before)", "minimum"),
        (r"\bmax\.?(?=[ ,;:)]|$)", "maximum"),
        (r"\breq'?d\.?(?=[ ,;:)]|$)", "required"),
        (r"\bcomms?\b\.?", "communication"),
        (r"\btelecom\b", "communication"),
        (r"\bapprox\.?(?= |$)", "approximately"),
        (r"\bUG\b", "underground"),
        (r"\bOH\b(?! \d)", "overhead"),
        (r"\bxfmr\b", "transformer"),
        (r"\bx-?arm\b", "crossarm"),
        (r"\bqty\b\.?", "quantity"),
        (r"\bw/o\b", "without"),
        (r"\bw/(?=\s|\w)", "with "),
        (r"\bcl\.? (?=\d)", "class "),
        (r"^\s*\(\w{1,3}\)\s+", ""),
    )
]


def for_similarity(text: str) -> str:
    """Spell quantities, orders and abbreviations in one way each; meaning is left alone."""
    text = " ".join(unicodedata.normalize("NFKC", text.replace("′", "'").replace("″", '"')).split())
    text = with_canonical_units(text)
    for pattern, new in _RULES:
        text = pattern.sub(new, text)
    return " ".join(text.split())
