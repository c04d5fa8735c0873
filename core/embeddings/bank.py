"""The bank of requirements: topics, rules and their wordings read from data/embeddings, slots recognised.

Drawing pairs from it is pairs.py; how a slot is filled is wording.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path

from core.embeddings.contexts import Context, load_contexts, load_places, read_yaml
from core.errors import GrammarError
from core.text.quantities import find_quantities

DATA = Path(__file__).resolve().parents[2] / "data" / "embeddings"
SPLITS = ("train", "val", "test")
EDITS = ("number", "object", "case", "place", "domain")
# Four topics of five teach, the others validate and test; rows per split follow the 70/20/10 of the contract.
_TRAIN_SHARE = 0.8
_LINES = ("same", "not", "near", *EDITS)
_SLOT = re.compile(r"\{([^{}]+)\}")
_TOPIC = re.compile(r"#\s+(.+?)\s*\[([\w -]+)\]\s*")


@dataclass(frozen=True)
class Slot:
    """An exchangeable part of a wording.

    Args:
        kind: `quantity`, `object`, or the kind of a contrast: `place`, `case`, `polarity`.
        key: What it stands for; equal in all wordings of a rule that mean the same.
        text: As written in the file.
    """

    kind: str
    key: tuple
    text: str


@dataclass(frozen=True)
class Wording:
    """One sentence: plain text and slots in turn."""

    parts: tuple[str | Slot, ...]
    source: str

    @property
    def slots(self) -> list[Slot]:
        return [part for part in self.parts if isinstance(part, Slot)]


@dataclass(frozen=True)
class Rule:
    """One requirement.

    Args:
        id: Topic and number.
        topic: Name of the topic.
        area: Part of the field.
        kin: Rules of a topic with the same kin are siblings.
        same: Wordings that mean the same.
        opposite: Wordings that contradict it.
        nuance: Wordings with one nuance lost or added.
        edits: Wordings that differ in one thing and are therefore another requirement, each with its kind.
    """

    id: str
    topic: str
    area: str
    kin: str
    same: tuple[Wording, ...]
    opposite: tuple[Wording, ...] = ()
    nuance: tuple[Wording, ...] = ()
    edits: tuple[tuple[str, Wording], ...] = ()


@dataclass(frozen=True)
class Objects:
    """Equipment names: `entry[name] -> (group, number)`, `names[group][number] -> names`."""

    names: dict[str, list[list[str]]]
    place: dict[str, str]
    entry: dict[str, tuple[str, int]]


@dataclass(frozen=True)
class Contrast:
    """Words that exclude each other: sides of equal standing."""

    kind: str
    sides: tuple[tuple[str, ...], ...]


@dataclass
class Bank:
    """Everything that the files of data/embeddings say."""

    rules: list[Rule]
    objects: Objects
    contrasts: list[Contrast]
    synonyms: list[list[str]]
    swaps: list[list[str]]
    clauses: dict[str, list[dict]]
    phrases: dict
    split_of: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, Context] = field(default_factory=dict)
    places: dict[str, Context] = field(default_factory=dict)

    def rules_of(self, split: str) -> list[Rule]:
        """Rules whose topic belongs to a split."""
        return [rule for rule in self.rules if self.split_of[rule.topic] == split]

    @cached_property
    def alike(self) -> dict[str, set[str]]:
        """Names on the sides of contrasts and words of equal meaning, in small letters: each with those that
        mean the same."""
        found: dict[str, set[str]] = {}
        for line in (*(side for contrast in self.contrasts for side in contrast.sides), *self.synonyms):
            names = {name.lower() for name in line}
            for name in names:
                found.setdefault(name, set()).update(names)
        return found


def singular(word: str) -> str:
    """A name without its plural ending."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def plural(word: str) -> str:
    """A name with its plural ending."""
    if word.endswith("s") and not word.endswith("ss"):
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("ch", "sh", "x", "ss")) else "s")


def load_objects(path: Path) -> Objects:
    """Read words/objects.yaml."""
    names: dict[str, list[list[str]]] = {}
    place: dict[str, str] = {}
    entry: dict[str, tuple[str, int]] = {}
    for group in read_yaml(path):
        names[group["group"]] = [text.split("|") for text in group["entries"]]
        place[group["group"]] = group["place"]
        for number, same in enumerate(names[group["group"]]):
            for name in same:
                entry.setdefault(name.lower(), (group["group"], number))
    return Objects(names, place, entry)


def load_contrasts(path: Path) -> list[Contrast]:
    """Read words/contrasts.yaml."""
    return [
        Contrast(line["kind"], tuple(tuple(str(side).split("|")) for side in line["sides"]))
        for line in read_yaml(path)
    ]


@lru_cache(maxsize=20_000)  # fifty thousand slots hold some thousand quantities
def _quantity(text: str) -> Slot | None:
    found = find_quantities(text)
    if len(found) == 1 and found[0].start == 0 and found[0].end == len(text):
        quantity = found[0]
        return Slot("quantity", (quantity.dimension, round(quantity.value, 3)), text)
    return None


def _slot(text: str, objects: Objects, contrasts: list[Contrast], where: str) -> Slot:
    if (quantity := _quantity(text)) is not None:
        return quantity
    low = text.lower()
    for number, contrast in enumerate(contrasts):
        for side, names in enumerate(contrast.sides):
            if low in (name.lower() for name in names):
                return Slot(contrast.kind, (number, side), text)
    for name in (low, singular(low)):
        if name in objects.entry:
            return Slot("object", objects.entry[name], text)
    raise GrammarError(
        f"The slot {{{text}}} in {where} is neither a quantity nor a word of words/objects.yaml or "
        f"words/contrasts.yaml.",
        "Add the word there or take the braces away.",
    )


def _wording(text: str, objects: Objects, contrasts: list[Contrast], where: str) -> Wording:
    parts: list[str | Slot] = []
    at = 0
    for hit in _SLOT.finditer(text):
        if text[at : hit.start()]:
            parts.append(text[at : hit.start()])
        parts.append(_slot(hit[1], objects, contrasts, where))
        at = hit.end()
    if text[at:]:
        parts.append(text[at:])
    return Wording(tuple(parts), text)


def parse_topics(
    text: str, objects: Objects, contrasts: list[Contrast], *, name: str = "topics"
) -> list[Rule]:
    """Read one topic file.

    `# topic [area]` opens a topic, `## kin` a rule, `- sentence` is a wording, `- not: sentence` a
    contradiction, `- near: sentence` a wording with one nuance more or less, and `- object: sentence` (or
    number, case, place, domain) one that differs in just that.

    Raises:
        GrammarError: Naming file and line.
    """
    rules: list[Rule] = []
    topic = area = ""
    kin: str | None = None
    wordings: dict[str, list[Wording]] = {}

    def close() -> None:
        if kin is not None:
            if not wordings["same"]:
                raise GrammarError(
                    f"A rule of topic {topic!r} in {name} has no wording.", "Write at least one line."
                )
            number = sum(rule.topic == topic for rule in rules)
            rules.append(
                Rule(
                    f"{topic}/{number}",
                    topic,
                    area,
                    kin,
                    *(tuple(wordings[key]) for key in ("same", "not", "near")),
                    edits=tuple((kind, wording) for kind in EDITS for wording in wordings[kind]),
                )
            )

    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}, line {number}"
        if line.startswith("## "):
            close()
            kin, wordings = line[3:].strip(), {key: [] for key in _LINES}
        elif line.startswith("# "):
            close()
            kin = None
            hit = _TOPIC.fullmatch(line)
            if hit is None:
                raise GrammarError(f"{where}: {line!r} is no topic.", "Write `# topic [area]`.")
            topic, area = hit[1], hit[2]
        elif line.startswith("- "):
            if kin is None:
                raise GrammarError(f"{where}: a wording stands before any rule.", "Write `## kin` above it.")
            body = line[2:].strip()
            key = next((key for key in _LINES if body.startswith(f"{key}: ")), "same")
            wordings[key].append(_wording(body.removeprefix(f"{key}: "), objects, contrasts, where))
        elif line.strip():
            raise GrammarError(
                f"{where}: {line[:60]!r} is not understood.", "Lines begin with `# `, `## ` or `- `."
            )
    close()
    return rules


def topic_splits(topics: Iterable[str]) -> dict[str, str]:
    """Give each topic a split by a hash of its name alone, so that a new topic moves no other."""
    marks = {
        topic: int(hashlib.sha256(f"topic {topic}".encode()).hexdigest()[:8], 16) / 2**32
        for topic in set(topics)
    }
    out = {
        topic: "train" if mark < _TRAIN_SHARE else "val" if mark < (1 + _TRAIN_SHARE) / 2 else "test"
        for topic, mark in marks.items()
    }
    # A handful of topics may miss a split; those nearest to it fill it.
    ordered = sorted(marks, key=lambda topic: marks[topic])
    for split, topic in (("test", ordered[-1:]), ("val", ordered[-2:-1]), ("train", ordered[:1])):
        if split not in out.values() and topic:
            out[topic[0]] = split
    return out


def load_bank(folder: Path = DATA) -> Bank:
    """Read all files of data/embeddings.

    Raises:
        GrammarError: Naming the file and line that cannot be used.
    """
    words = folder / "words"
    objects = load_objects(words / "objects.yaml")
    contrasts = load_contrasts(words / "contrasts.yaml")
    rules: list[Rule] = []
    for path in sorted((folder / "topics").glob("*.md")):
        rules += parse_topics(path.read_text(encoding="utf-8"), objects, contrasts, name=path.name)
    if not rules:
        raise GrammarError(f"There are no topics in {str(folder)!r}.", "Restore data/embeddings.")
    return Bank(
        rules,
        objects,
        contrasts,
        read_yaml(words / "synonyms.yaml"),
        read_yaml(words / "swaps.yaml"),
        read_yaml(words / "clauses.yaml"),
        read_yaml(words / "phrases.yaml"),
        topic_splits(rule.topic for rule in rules),
        load_contexts(words / "contexts.yaml"),
        load_places(words / "positions.yaml"),
    )


@cache
def default_bank() -> Bank:
    """The bank of the files that ship, read once per process."""
    return load_bank()
