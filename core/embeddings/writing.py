"""Writes requirements out: wordings of a split's rules with new values, synonyms, clauses, further sentences.

Which two texts make a pair, and its grade, is pairs.py; single words are wording.py.
"""

from __future__ import annotations

import re
from random import Random

from core.embeddings import wording as words
from core.embeddings.bank import Bank, Rule, Wording
from core.embeddings.phrases import part_of


class Writer:
    """Writes rules of one split.

    Args:
        bank: Requirements and words.
        split: Whose clauses and short phrases are used, and whose rules.
        rewording: Share of exchangeable words that are exchanged for others of equal meaning.
        joining: Share of pairs in which both texts get the same further clause or sentence.
        rules: Other rules than those of the split.
    """

    def __init__(
        self,
        bank: Bank,
        split: str,
        *,
        rewording: float = 0.35,
        joining: float = 0.2,
        rules: list[Rule] | None = None,
    ) -> None:
        self.bank, self.split = bank, split
        self.rules = bank.rules_of(split) if rules is None else rules
        self.rewording, self.joining = rewording, joining
        # Clauses and phrases, too, belong to one split each.
        self.clauses = {place: self._part(lines) for place, lines in bank.clauses.items()}
        self.phrases = part_of(bank.phrases, self._part)

    def _part(self, entries: list) -> list:
        """What of a list belongs to this split: of every seven entries one validates and one tests."""
        number = {"train": 0, "val": 1, "test": 2}[self.split]
        return [entry for row, entry in enumerate(entries) if {5: 1, 6: 2}.get(row % 7, 0) == number]

    def context(self, rng: Random, *wordings: Wording, share: float = 0.5) -> dict:
        """New values and things for slots that stand in all of the wordings, so that rules do not stick to
        numbers."""
        changed = {}
        keys = words.common_keys(wordings[0], wordings[0])
        for other in wordings[1:]:
            present = words.common_keys(other, other)
            keys = [key for key in keys if key in present]
        for key in keys:
            # A thing in one wording only would be left behind in the others.
            if (key[0] == "quantity" and rng.random() < share) or (
                key[0] == "object" and rng.random() < 0.3 * share
            ):
                changed[key] = words.other_key(key, self.bank, rng)
        return changed

    def write(
        self, wording: Wording, rng: Random, changed: dict | None = None, *, respell: bool = True
    ) -> str:
        """A wording with changed slots as a text, in other spellings and synonyms where `respell`."""
        text = words.fill(wording, self.bank, rng, changed, respell=respell)
        return words.swap_synonyms(text, self.bank, rng, self.rewording) if respell else text

    def two(self, rule: Rule, rng: Random, unlike: bool = True) -> tuple[Wording, Wording] | None:
        """Two wordings of a rule, or one twice; None where there are no two unlike ones."""
        if unlike:
            return tuple(rng.sample(rule.same, 2)) if len(rule.same) > 1 else None  # type: ignore[return-value]
        one = rng.choice(rule.same)
        return one, one

    def longer(self, a: str, b: str, rng: Random) -> tuple[str, str]:
        """Both texts with the same clause or the same further sentence, in own words each."""
        chance = rng.random()
        if chance > self.joining:
            return a, b
        if chance < 0.4 * self.joining:
            other = rng.choice(self.rules)
            two = self.two(other, rng, unlike=rng.random() < 0.6)
            if two is None:
                return a, b
            changed = self.context(rng, *two)
            first, second = self.write(two[0], rng, changed), self.write(two[1], rng, changed)
            if rng.random() < 0.5:
                return f"{_stop(a)} {first}", f"{_stop(b)} {second}"
            return f"{_stop(first)} {a}", f"{_stop(second)} {b}"
        clause = self.clause(rng)
        return with_clause(a, clause[0], rng.choice(clause[1]["same"])), with_clause(
            b, clause[0], rng.choice(clause[1]["same"])
        )

    def closest(self, rule: Rule, one: Wording, edited: str, changed: dict, rng: Random) -> str | None:
        """Another wording of the rule, the one that shares most words with an edited one."""
        found = [self.write(other, rng, changed) for other in rule.same if other is not one]
        return max(found, key=lambda text: words.shared_words(edited, text), default=None)

    def clause(self, rng: Random, place: str | None = None) -> tuple[str, dict]:
        """A clause and its place, `lead` or `tail`."""
        place = place or rng.choice(("lead", "tail"))
        return place, rng.choice(self.clauses[place])

    def any_wording(self, rule: Rule, rng: Random) -> str:
        """Any wording of a rule, at times with a clause."""
        one = rng.choice(rule.same + (rule.nuance if rng.random() < 0.3 else ()))
        text = self.write(one, rng, self.context(rng, one))
        if rng.random() < 0.35 * self.joining:
            place, clause = self.clause(rng)
            text = with_clause(text, place, rng.choice(clause["same"]))
        return text


def _stop(text: str) -> str:
    return text if text.endswith((".", ":", ";")) else f"{text}."


def with_clause(text: str, place: str, clause: str) -> str:
    """Add a clause before or behind a requirement."""
    if place == "lead":
        first = text.split(" ", 1)[0]
        keep = bool(re.search(r"[A-Z].*[A-Z\d]|\d", first))  # abbreviations keep their capitals
        return f"{clause} {text if keep else text[:1].lower() + text[1:]}"
    dot = text.endswith(".")
    return f"{text.rstrip('.')}{clause}{'.' if dot else ''}"
