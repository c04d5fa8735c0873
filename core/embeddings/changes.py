"""Whether a text, too, says what an edit changed in another one; only then do the two contradict each other.

The stress set and the pairs for the last word are made of such edits alone.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from core.embeddings.bank import Bank, singular
from core.embeddings.exchanges import tokens_of

_ARTICLES = frozenset(("a", "an", "the"))


def seen_from(text: str, before: str, after: str, bank: Bank) -> bool:
    """Whether a text, too, names what differs between two others, and so agrees with one of them only.

    "Measure each roof clearance" says nothing of what lies over or under the roof.

    Args:
        text: The text in other words.
        before: The text as it was.
        after: The edited text.
        bank: Whose word lists tell what means the same.
    """
    old, new = tokens_of(before), tokens_of(after)
    changes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    gone = [
        " ".join(old[start:end]) for change, start, end, _, _ in changes if change in ("replace", "delete")
    ]
    low = text.lower()
    for phrase in gone:
        # An article that went with the noun is not what was changed.
        names = {phrase, *phrase.split()} - _ARTICLES
        names |= {other for name in names for other in bank.alike.get(name, ())}
        found = "|".join(re.escape(singular(name)) for name in sorted(names - _ARTICLES))
        if found and re.search(rf"(?<![\w-])(?:{found})(?:e?s)?(?![\w-])", low):
            return True
    return False
