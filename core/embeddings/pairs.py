"""Pairs of requirements with a grade, drawn from the bank. The grades are the rubric of the dataset card.

How sentences are written is wording.py; how many of which kind, and the splits, is generate.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from core.embeddings import wording as words
from core.embeddings.bank import Bank, Rule, Wording
from core.embeddings.phrases import part_of, phrase_pair
from core.embeddings.positions import move

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
    "case": (0.45, "the case differs: before or after, primary or secondary, wet or dry"),
    "polarity": (0.30, "contradiction: required or not, permitted or prohibited"),
    "place": (0.42, "the position differs: above or below, inside or outside"),
    "domain": (0.20, "overhead against underground"),
    "related": (0.14, "another topic of the same part of the field"),
    "unrelated": (0.04, "nothing in common"),
    "phrase": (0.94, "short phrases, graded each by what differs"),
}
Made = tuple[str, str, float] | None


class Pairs:
    """Draws pairs of one split.

    Args:
        bank: Requirements and words.
        split: Whose clauses and short phrases are used, and whose rules.
        rewording: Share of exchangeable words that are exchanged for others of equal meaning.
        joining: Share of pairs in which both texts get the same further clause or sentence.
        rules: Other rules than those of the split.

    Attributes:
        twin: After `draw` gave a pair of two requirements that differ in one thing: the pair without that
            difference, one text of which is the same. None where there is none.
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
        self.topics: dict[str, list[Rule]] = {}
        for rule in self.rules:
            self.topics.setdefault(rule.topic, []).append(rule)
        # Clauses and phrases, too, belong to one split each.
        self.clauses = {place: self._part(lines) for place, lines in bank.clauses.items()}
        self.phrases = part_of(bank.phrases, self._part)
        self.twin: dict | None = None
        self._unedited: Made = None
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
            equal = "converted" if self._unedited[2] == RUBRIC["converted"][0] else "paraphrase"
            self.twin = self._row(self._unedited, equal, turned)
        return self._row(made, kind, turned)

    def _row(self, made: tuple[str, str, float], kind: str, turned: bool) -> dict:
        a, b, score = made
        if turned:
            a, b = b, a
        return {"a": a.strip(), "b": b.strip(), "score": round(score, 2), "kind": kind, "group": self.group}

    # building blocks

    def _part(self, entries: list) -> list:
        """What of a list belongs to this split: of every seven entries one validates and one tests."""
        number = {"train": 0, "val": 1, "test": 2}[self.split]
        return [entry for row, entry in enumerate(entries) if {5: 1, 6: 2}.get(row % 7, 0) == number]

    def _rule(self, rng: Random) -> Rule:
        rule = rng.choice(self.rules)
        self.group = rule.topic
        return rule

    def _context(self, rng: Random, *wordings: Wording, share: float = 0.5) -> dict:
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

    def _write(
        self, wording: Wording, rng: Random, changed: dict | None = None, *, respell: bool = True
    ) -> str:
        text = words.fill(wording, self.bank, rng, changed, respell=respell)
        return words.swap_synonyms(text, self.bank, rng, self.rewording) if respell else text

    def _two(self, rule: Rule, rng: Random, unlike: bool = True) -> tuple[Wording, Wording] | None:
        if unlike:
            return tuple(rng.sample(rule.same, 2)) if len(rule.same) > 1 else None  # type: ignore[return-value]
        one = rng.choice(rule.same)
        return one, one

    def _longer(self, a: str, b: str, rng: Random) -> tuple[str, str]:
        """Both texts with the same clause or the same further sentence, in own words each."""
        chance = rng.random()
        if chance > self.joining:
            return a, b
        if chance < 0.4 * self.joining:
            other = rng.choice(self.rules)
            two = self._two(other, rng, unlike=rng.random() < 0.6)
            if two is None:
                return a, b
            changed = self._context(rng, *two)
            first, second = self._write(two[0], rng, changed), self._write(two[1], rng, changed)
            if rng.random() < 0.5:
                return f"{_stop(a)} {first}", f"{_stop(b)} {second}"
            return f"{_stop(first)} {a}", f"{_stop(second)} {b}"
        clause = self._clause(rng)
        return _with(a, clause[0], rng.choice(clause[1]["same"])), _with(
            b, clause[0], rng.choice(clause[1]["same"])
        )

    def _longer_two(
        self, a: str, edited: str, rng: Random, plain: str, *, same_wording: bool = False
    ) -> tuple[str, str]:
        """`_longer` of a and the edited text; what a and the plain text give is kept as the twin."""
        state = rng.getstate()
        first, second = self._longer(a, plain, rng)
        grade = RUBRIC["converted" if same_wording else "paraphrase"][0]
        self._unedited = (first, second, grade)
        rng.setstate(state)
        return self._longer(a, edited, rng)

    def _closest(self, rule: Rule, one: Wording, edited: str, changed: dict, rng: Random) -> str | None:
        """Another wording of the rule, the one that shares most words with an edited one."""
        found = [self._write(other, rng, changed) for other in rule.same if other is not one]
        return max(found, key=lambda text: words.shared_words(edited, text), default=None)

    def _clause(self, rng: Random, place: str | None = None) -> tuple[str, dict]:
        place = place or rng.choice(("lead", "tail"))
        return place, rng.choice(self.clauses[place])

    # kinds

    def _copy(self, rng: Random) -> Made:
        rule = self._rule(rng)
        one = rng.choice(rule.same)
        a = self._write(one, rng, self._context(rng, one))
        a, _ = self._longer(a, a, rng)
        b = words.decorate(a, rng)
        return (a, b, 1.0) if a != b else None

    def _converted(self, rng: Random) -> Made:
        rule = self._rule(rng)
        one = rng.choice(rule.same)
        a = self._write(one, rng, self._context(rng, one))
        b = words.swap_synonyms(words.respell_all(a, rng), self.bank, rng, 0.5)
        return (a, b, RUBRIC["converted"][0]) if a != b else None

    def _paraphrase(self, rng: Random) -> Made:
        rule = self._rule(rng)
        two = self._two(rule, rng)
        if two is None:
            return None
        changed = self._context(rng, *two)
        a, b = self._longer(self._write(two[0], rng, changed), self._write(two[1], rng, changed), rng)
        return a, b, RUBRIC["paraphrase"][0]

    def _nuance(self, rng: Random) -> Made:
        rule = self._rule(rng)
        if rule.nuance and rng.random() < 0.5:
            near, one = rng.choice(rule.nuance), rng.choice(rule.same)
            changed = self._context(rng, near, one)
            return self._write(one, rng, changed), self._write(near, rng, changed), RUBRIC["nuance"][0]
        two = self._two(rule, rng, unlike=rng.random() < 0.7)
        if two is None:
            return None
        changed = self._context(rng, *two)
        place, clause = self._clause(rng)
        a = self._write(two[0], rng, changed)
        b = _with(self._write(two[1], rng, changed), place, rng.choice(clause["same"]))
        return a, b, RUBRIC["nuance"][0]

    def _sibling(self, rng: Random) -> Made:
        rule = self._rule(rng)
        kin = [
            r for r in self.topics[rule.topic] if r.kin == rule.kin and r is not rule and rule.kin != "other"
        ]
        grade = RUBRIC["sibling"][0]
        if kin and rng.random() < 0.75:
            other = rng.choice(kin)
            return self._any(rule, rng), self._any(other, rng), grade
        # The same requirement for another case that a clause names.
        two = self._two(rule, rng)
        place, clause = self._clause(rng, "lead")
        others = [line for line in self.clauses[place] if line["kin"] == clause["kin"] and line is not clause]
        if two is None or not others:
            return None
        keys = [k for k in words.common_keys(*two) if k[0] == "quantity"]
        changed = self._context(rng, *two)
        apart = dict(changed)
        for key in keys:
            apart[key] = words.other_key(key, self.bank, rng)
        a = _with(self._write(two[0], rng, changed), place, rng.choice(clause["same"]))
        b = _with(self._write(two[1], rng, apart), place, rng.choice(rng.choice(others)["same"]))
        return a, b, 0.6

    def _topic(self, rng: Random) -> Made:
        rule = self._rule(rng)
        others = [
            r for r in self.topics[rule.topic] if r is not rule and (r.kin != rule.kin or r.kin == "other")
        ]
        if not others:
            return None
        # Rules of one matter that are met side by side share more words than two drawn at random.
        a = self._any(rule, rng)
        found = [self._any(rng.choice(others), rng) for _ in range(rng.choice((1, 3, 6)))]
        return a, max(found, key=lambda text: words.shared_words(a, text)), RUBRIC["topic"][0]

    def _any(self, rule: Rule, rng: Random) -> str:
        one = rng.choice(rule.same + (rule.nuance if rng.random() < 0.3 else ()))
        text = self._write(one, rng, self._context(rng, one))
        if rng.random() < 0.35 * self.joining:
            place, clause = self._clause(rng)
            text = _with(text, place, rng.choice(clause["same"]))
        return text

    def _edited(self, rng: Random, kinds: tuple[str, ...], grade: float) -> Made:
        """The same rule with one slot of the kinds changed in one of the texts."""
        rule = self._rule(rng)
        two = self._two(rule, rng, unlike=rng.random() < 0.5)
        if two is None:
            return None
        keys = [key for key in words.common_keys(*two) if key[0] in kinds]
        if not keys:
            return None
        changed = self._context(rng, *two)
        key = rng.choice(keys)
        changed.pop(key, None) if key[0] != "quantity" else None
        left = changed.get(key, key)
        edited = {**changed, key: words.other_key(left, self.bank, rng)}
        plain = two[0] is two[1] and rng.random() < 0.6
        first = self._write(two[0], rng, changed, respell=not plain)
        # From the same state of chance, so that the two differ in little more than the slot.
        state = rng.getstate()
        second = self._write(two[1], rng, edited, respell=not plain)
        after = rng.getstate()
        rng.setstate(state)
        unedited = self._write(two[1], rng, changed, respell=not plain)
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
        changed = self._context(rng, one, other)
        plain = rng.random() < 0.4
        first = self._write(one, rng, changed, respell=not plain)
        second = self._write(other, rng, changed, respell=not plain)
        grade = RUBRIC[kind][0] + (0.05 if kind == "domain" else 0.0)
        closest = self._closest(rule, one, second, changed, rng)
        if closest is None:
            return *self._longer(first, second, rng), grade
        return *self._longer_two(first, second, rng, closest), grade

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
        two = self._two(rule, rng, unlike=rng.random() < 0.7)
        if two is None:
            return None
        changed = self._context(rng, *two)
        a, b = self._write(two[0], rng, changed), self._write(two[1], rng, changed)
        other = turn(b)
        if other is None:
            return None
        return *self._longer_two(a, other, rng, b, same_wording=two[0] is two[1]), grade

    def _case(self, rng: Random) -> Made:
        if rng.random() < 0.75:
            return self._written("case", rng)
        return self._edited(rng, ("case",), RUBRIC["case"][0])

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
            changed = self._context(rng, other, one)
            a, b = self._write(one, rng, changed), self._write(other, rng, changed)
            unedited, alike = self._closest(rule, one, b, changed, rng), False
        else:
            two = self._two(rule, rng, unlike=rng.random() < 0.5)
            if two is None:
                return None
            changed = self._context(rng, *two)
            plain, alike = two[0] is two[1] and rng.random() < 0.6, two[0] is two[1]
            a = self._write(two[0], rng, changed, respell=not plain)
            unedited = self._write(two[1], rng, changed, respell=not plain)
            turned = words.contradict(unedited, rng)
            if turned is None:
                return None
            b = turned
        grade = RUBRIC["polarity"][0]
        if unedited is None:
            return *self._longer(a, b, rng), grade
        return *self._longer_two(a, b, rng, unedited, same_wording=alike), grade

    def _domain(self, rng: Random) -> Made:
        """The same kind of sentence about overhead and about underground plant."""
        chance = rng.random()
        if chance < 0.35:
            return self._written("domain", rng)
        if chance < 0.5:
            return self._edited(rng, ("domain",), RUBRIC["domain"][0])
        rule = self._rule(rng)
        two = self._two(rule, rng, unlike=rng.random() < 0.5)
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
        changed = self._context(rng, *two)
        changed.pop(key, None)
        return (
            self._write(two[0], rng, changed),
            self._write(two[1], rng, {**changed, key: target}),
            RUBRIC["domain"][0] + 0.05,
        )

    def _place_of(self, key: tuple) -> str:
        return self.bank.objects.place[key[1]]

    def _related(self, rng: Random) -> Made:
        rule = self._rule(rng)
        others = [r for r in self.rules if r.area == rule.area and r.topic != rule.topic]
        return (
            (self._any(rule, rng), self._any(rng.choice(others), rng), RUBRIC["related"][0])
            if others
            else None
        )

    def _unrelated(self, rng: Random) -> Made:
        rule = self._rule(rng)
        others = [r for r in self.rules if r.area != rule.area]
        return (
            (self._any(rule, rng), self._any(rng.choice(others), rng), RUBRIC["unrelated"][0])
            if others
            else None
        )

    def _phrase(self, rng: Random) -> Made:
        self.group = f"short phrases, {self.split}"
        return phrase_pair(self.phrases, rng)


def _stop(text: str) -> str:
    return text if text.endswith((".", ":", ";")) else f"{text}."


def _with(text: str, place: str, clause: str) -> str:
    """Add a clause before or behind a requirement."""
    if place == "lead":
        first = text.split(" ", 1)[0]
        keep = bool(re.search(r"[A-Z].*[A-Z\d]|\d", first))  # abbreviations keep their capitals
        return f"{clause} {text if keep else text[:1].lower() + text[1:]}"
    dot = text.endswith(".")
    return f"{text.rstrip('.')}{clause}{'.' if dot else ''}"
