"""Pairs of requirements with a grade, drawn from the bank. The grades are the rubric of the dataset card.

How sentences are written is writing.py; how many of which kind, and the splits, is generate.py.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from core.embeddings import wording as words
from core.embeddings.bank import Bank, Rule
from core.embeddings.changes import seen_from
from core.embeddings.phrases import phrase_pair
from core.embeddings.positions import move, turn_limit
from core.embeddings.writing import Writer, with_clause

# kind: (grade, what it means). Grades follow the ranges in which experts grade such pairs.
RUBRIC: dict[str, tuple[float, str]] = {
    "copy": (1.0, "the same text but for capitals, punctuation or list letters"),
    "converted": (0.98, "the same sentence with quantities converted or names abbreviated"),
    "paraphrase": (0.96, "the same requirement in other words"),
    "nuance": (0.89, "the same requirement with one nuance lost or added"),
    "sibling": (0.70, "same object and kind of requirement, another case"),
    "topic": (0.57, "same topic, another requirement"),
    "number": (0.45, "wording nearly equal or not, one number differs"),
    "object": (0.44, "the equipment, party or thing differs"),
    "case": (0.45, "the case differs: before or after, wet or dry, above or below a limit"),
    "polarity": (0.30, "contradiction: required or not, permitted or prohibited"),
    "place": (0.42, "the position differs: above or below, inside or outside"),
    "domain": (0.20, "overhead against underground"),
    "related": (0.14, "another topic of the same part of the field"),
    "unrelated": (0.04, "nothing in common"),
    "phrase": (0.94, "short phrases, graded each by what differs"),
}
Made = tuple[str, str, float] | None


class Pairs(Writer):
    """Draws pairs of one split.

    Args:
        bank: As for the writer.
        split: As for the writer.
        named: Only edits of a thing, a case or a position that the other text names, too. The others differ
            as much, but who compares words cannot see it.
        **options: Of the writer.

    Attributes:
        twin: After `draw` gave a pair of two requirements that differ in one thing: the pair without that
            difference, one text of which is the same. None where there is none.
    """

    def __init__(self, bank: Bank, split: str, *, named: bool = False, **options: Any) -> None:
        super().__init__(bank, split, **options)
        self.named = named
        self.topics: dict[str, list[Rule]] = {}
        for rule in self.rules:
            self.topics.setdefault(rule.topic, []).append(rule)
        self.twin: dict | None = None
        self._unedited: tuple[str, str, str] | None = None
        self.makers: dict[str, Callable[[Random], Made]] = {
            kind: getattr(self, f"_{kind}") for kind in RUBRIC
        }

    def draw(self, kind: str, rng: Random) -> dict | None:
        """One pair of a kind, or None where the rule drawn cannot give it.

        Returns:
            `{"a", "b", "score", "kind", "group"}`.
        """
        self.group, self.twin, self._unedited = "", None, None
        made = self.makers[kind](rng)
        if made is None:
            return None
        turned = rng.random() < 0.5
        if self._unedited is not None and self._unedited[0].lower() != self._unedited[1].lower():
            first, second, equal = self._unedited
            self.twin = self._row((first, second, RUBRIC[equal][0]), equal, turned)
        return self._row(made, kind, turned)

    def _row(self, made: tuple[str, str, float], kind: str, turned: bool) -> dict:
        a, b, score = made
        if turned:
            a, b = b, a
        return {"a": a.strip(), "b": b.strip(), "score": round(score, 2), "kind": kind, "group": self.group}

    def _rule(self, rng: Random) -> Rule:
        rule = rng.choice(self.rules)
        self.group = rule.topic
        return rule

    def _longer_two(
        self, a: str, edited: str, rng: Random, plain: str, *, same_wording: bool = False
    ) -> tuple[str, str]:
        """`longer` of a and the edited text; what a and the plain text give is kept as the twin."""
        state = rng.getstate()
        first, second = self.longer(a, plain, rng)
        self._unedited = (first, second, "converted" if same_wording else "paraphrase")
        rng.setstate(state)
        return self.longer(a, edited, rng)

    def _copy(self, rng: Random) -> Made:
        rule = self._rule(rng)
        one = rng.choice(rule.same)
        a = self.write(one, rng, self.context(rng, one))
        a, _ = self.longer(a, a, rng)
        b = words.decorate(a, rng)
        return (a, b, 1.0) if a != b else None

    def _converted(self, rng: Random) -> Made:
        rule = self._rule(rng)
        one = rng.choice(rule.same)
        a = self.write(one, rng, self.context(rng, one))
        b = words.swap_synonyms(words.respell_all(a, rng), self.bank, rng, 0.5)
        return (a, b, RUBRIC["converted"][0]) if a != b else None

    def _paraphrase(self, rng: Random) -> Made:
        rule = self._rule(rng)
        two = self.two(rule, rng)
        if two is None:
            return None
        changed = self.context(rng, *two)
        a, b = self.longer(self.write(two[0], rng, changed), self.write(two[1], rng, changed), rng)
        return a, b, RUBRIC["paraphrase"][0]

    def _nuance(self, rng: Random) -> Made:
        rule = self._rule(rng)
        if rule.nuance and rng.random() < 0.5:
            near, one = rng.choice(rule.nuance), rng.choice(rule.same)
            changed = self.context(rng, near, one)
            return self.write(one, rng, changed), self.write(near, rng, changed), RUBRIC["nuance"][0]
        two = self.two(rule, rng, unlike=rng.random() < 0.7)
        if two is None:
            return None
        changed = self.context(rng, *two)
        place, clause = self.clause(rng)
        a = self.write(two[0], rng, changed)
        b = with_clause(self.write(two[1], rng, changed), place, rng.choice(clause["same"]))
        return a, b, RUBRIC["nuance"][0]

    def _sibling(self, rng: Random) -> Made:
        rule = self._rule(rng)
        kin = [
            r for r in self.topics[rule.topic] if r.kin == rule.kin and r is not rule and rule.kin != "other"
        ]
        grade = RUBRIC["sibling"][0]
        if kin and rng.random() < 0.75:
            other = rng.choice(kin)
            return self.any_wording(rule, rng), self.any_wording(other, rng), grade
        # The same requirement for another case that a clause names.
        two = self.two(rule, rng)
        place, clause = self.clause(rng, "lead")
        others = [line for line in self.clauses[place] if line["kin"] == clause["kin"] and line is not clause]
        if two is None or not others:
            return None
        keys = [k for k in words.common_keys(*two) if k[0] == "quantity"]
        changed = self.context(rng, *two)
        apart = dict(changed)
        for key in keys:
            apart[key] = words.other_key(key, self.bank, rng)
        a = with_clause(self.write(two[0], rng, changed), place, rng.choice(clause["same"]))
        b = with_clause(self.write(two[1], rng, apart), place, rng.choice(rng.choice(others)["same"]))
        return a, b, 0.6

    def _topic(self, rng: Random) -> Made:
        rule = self._rule(rng)
        others = [
            r for r in self.topics[rule.topic] if r is not rule and (r.kin != rule.kin or r.kin == "other")
        ]
        if not others:
            return None
        # Rules of one matter that are met side by side share more words than two drawn at random.
        a = self.any_wording(rule, rng)
        found = [self.any_wording(rng.choice(others), rng) for _ in range(rng.choice((1, 3, 6)))]
        return a, max(found, key=lambda text: words.shared_words(a, text)), RUBRIC["topic"][0]

    def _edited(self, rng: Random, kinds: tuple[str, ...], grade: float) -> Made:
        """The same rule with one slot of the kinds changed in one of the texts."""
        rule = self._rule(rng)
        two = self.two(rule, rng, unlike=rng.random() < 0.5)
        if two is None:
            return None
        keys = [key for key in words.common_keys(*two) if key[0] in kinds]
        if not keys:
            return None
        changed = self.context(rng, *two)
        key = rng.choice(keys)
        changed.pop(key, None) if key[0] != "quantity" else None
        left = changed.get(key, key)
        edited = {**changed, key: words.other_key(left, self.bank, rng)}
        plain = two[0] is two[1] and rng.random() < 0.6
        first = self.write(two[0], rng, changed, respell=not plain)
        # From the same state of chance, so that the two differ in little more than the slot.
        state = rng.getstate()
        second = self.write(two[1], rng, edited, respell=not plain)
        after = rng.getstate()
        rng.setstate(state)
        unedited = self.write(two[1], rng, changed, respell=not plain)
        rng.setstate(after)
        a, b = self._longer_two(first, second, rng, unedited, same_wording=two[0] is two[1])
        return (a, b, grade) if a.lower() != b.lower() else None

    def _written(self, kind: str, rng: Random) -> Made:
        """A wording of a rule and one that the files name as different in just that."""
        rule = self._rule(rng)
        others = [wording for named, wording in rule.edits if named == kind]
        if not others:
            return None
        other, one = rng.choice(others), rng.choice(rule.same)
        changed = self.context(rng, one, other)
        plain = rng.random() < 0.4
        first = self.write(one, rng, changed, respell=not plain)
        second = self.write(other, rng, changed, respell=not plain)
        grade = RUBRIC[kind][0] + (0.05 if kind == "domain" else 0.0)
        closest = self.closest(rule, one, second, changed, rng)
        if closest is None:
            return (*self.longer(first, second, rng), grade) if not self.named else None
        if kind != "number" and not self._told(first, closest, second):
            return None
        return *self._longer_two(first, second, rng, closest), grade

    def _told(self, text: str, before: str, after: str) -> bool:
        """Whether a text names what an edit changed, as far as that is asked for."""
        return not self.named or seen_from(text, before, after, self.bank)

    def _number(self, rng: Random) -> Made:
        if rng.random() < 0.15:
            return self._written("number", rng)
        return self._edited(rng, ("quantity",), RUBRIC["number"][0])

    def _object(self, rng: Random) -> Made:
        chance = rng.random()
        if chance < 0.6:
            return self._written("object", rng)
        if chance < 0.7:
            return self._edited(rng, ("object",), RUBRIC["object"][0])
        return self._turned(rng, lambda text: words.swap_noun(text, self.bank, rng), RUBRIC["object"][0])

    def _turned(self, rng: Random, turn: Callable[[str], str | None], grade: float) -> Made:
        """Two wordings of a rule, the second turned into another requirement."""
        rule = self._rule(rng)
        two = self.two(rule, rng, unlike=rng.random() < 0.7)
        if two is None:
            return None
        changed = self.context(rng, *two)
        a, b = self.write(two[0], rng, changed), self.write(two[1], rng, changed)
        other = turn(b)
        if other is None or not self._told(a, b, other):
            return None
        return *self._longer_two(a, other, rng, b, same_wording=two[0] is two[1]), grade

    def _case(self, rng: Random) -> Made:
        chance = rng.random()
        if chance < 0.6:
            return self._written("case", rng)
        if chance < 0.8:
            return self._edited(rng, ("case",), RUBRIC["case"][0])
        return self._turned(rng, lambda text: turn_limit(text, rng), RUBRIC["case"][0])

    def _place(self, rng: Random) -> Made:
        chance = rng.random()
        if chance < 0.5:
            return self._written("place", rng)
        if chance < 0.6:
            return self._edited(rng, ("place",), RUBRIC["place"][0])
        return self._turned(rng, lambda text: move(text, self.bank, rng), RUBRIC["place"][0])

    def _polarity(self, rng: Random) -> Made:
        rule = self._rule(rng)
        if rule.opposite and rng.random() < 0.5:
            other, one = rng.choice(rule.opposite), rng.choice(rule.same)
            changed = self.context(rng, other, one)
            a, b = self.write(one, rng, changed), self.write(other, rng, changed)
            unedited, alike = self.closest(rule, one, b, changed, rng), False
        else:
            two = self.two(rule, rng, unlike=rng.random() < 0.5)
            if two is None:
                return None
            changed = self.context(rng, *two)
            plain, alike = two[0] is two[1] and rng.random() < 0.6, two[0] is two[1]
            a = self.write(two[0], rng, changed, respell=not plain)
            unedited = self.write(two[1], rng, changed, respell=not plain)
            turned = words.contradict(unedited, rng)
            if turned is None:
                return None
            b = turned
        grade = RUBRIC["polarity"][0]
        if unedited is None:
            return *self.longer(a, b, rng), grade
        return *self._longer_two(a, b, rng, unedited, same_wording=alike), grade

    def _domain(self, rng: Random) -> Made:
        """The same kind of sentence about overhead and about underground plant."""
        chance = rng.random()
        if chance < 0.35:
            return self._written("domain", rng)
        if chance < 0.5:
            return self._edited(rng, ("domain",), RUBRIC["domain"][0])
        rule = self._rule(rng)
        two = self.two(rule, rng, unlike=rng.random() < 0.5)
        if two is None:
            return None
        keys = [
            k
            for k in words.common_keys(*two)
            if k[0] == "object" and self._place_of(k) in ("overhead", "underground")
        ]
        if not keys:
            return None
        key = rng.choice(keys)
        wanted = "underground" if self._place_of(key) == "overhead" else "overhead"
        groups = [group for group, place in self.bank.objects.place.items() if place == wanted]
        group = rng.choice(groups)
        target = ("object", group, rng.randrange(len(self.bank.objects.names[group])))
        changed = self.context(rng, *two)
        changed.pop(key, None)
        return (
            self.write(two[0], rng, changed),
            self.write(two[1], rng, {**changed, key: target}),
            RUBRIC["domain"][0] + 0.05,
        )

    def _place_of(self, key: tuple) -> str:
        return self.bank.objects.place[key[1]]

    def _related(self, rng: Random) -> Made:
        rule = self._rule(rng)
        others = [r for r in self.rules if r.area == rule.area and r.topic != rule.topic]
        return (
            (self.any_wording(rule, rng), self.any_wording(rng.choice(others), rng), RUBRIC["related"][0])
            if others
            else None
        )

    def _unrelated(self, rng: Random) -> Made:
        rule = self._rule(rng)
        others = [r for r in self.rules if r.area != rule.area]
        return (
            (self.any_wording(rule, rng), self.any_wording(rng.choice(others), rng), RUBRIC["unrelated"][0])
            if others
            else None
        )

    def _phrase(self, rng: Random) -> Made:
        self.group = f"short phrases, {self.split}"
        return phrase_pair(self.phrases, rng)
