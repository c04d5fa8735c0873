r"""The little language inside lexicon, grammar and pattern strings: parsed once, compiled to functions.

    {name}  {name#1}  {name|pl|a}  {Name}      a symbol, the same choice by tag, filters, capitalised
    <foo|bar*3|>                               one of several, weighted, may be empty
    [E ...] [M ...] [S ...] [X ...]            a labelled span
    {int 1 99 5}  {pair ft m 3 40} ...         built-ins, see core/ner/builtins.py
    \[ \{ \< \|                                 the character itself

Compiled text carries control characters for span edges; core/ner/grammar.py turns them into offsets. Files
and symbols are not known here.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any

from core.errors import GrammarError
from core.ner.builtins import EXAMPLES, compile_builtin
from core.ner.inflect import FILTERS, capitalised

LABELS = {"E": "EQUIPMENT", "M": "MEASURE", "S": "STANDARD", "X": "EXEMPTION"}
OPEN = {"E": "\x01", "M": "\x02", "S": "\x03", "X": "\x04"}
CLOSE = "\x05"
LABEL_OF = {OPEN[letter]: label for letter, label in LABELS.items()}

_REF = re.compile(r"([A-Za-z][\w.-]*)(?:#(\w+))?((?:\|\w+)*)")
_SPECIAL = re.compile(r"[\\{}\[\]<>]")
_WEIGHT = re.compile(r"\s*\*(\d+(?:\.\d+)?)\s*$")


class Context:
    """What one expansion needs: the random source, the split, the tagged choices and what they gave."""

    __slots__ = ("memo", "random", "said", "split")

    def __init__(self, rng: Random, split: int) -> None:
        self.random = rng.random
        self.split = split
        self.memo: dict[tuple[str, str], str] = {}
        self.said: dict[str, str] = {}


Emit = Callable[[Context], str]


@dataclass
class Text:
    value: str


@dataclass
class Ref:
    name: str
    tag: str
    filters: tuple[str, ...]
    position: int


@dataclass
class Builtin:
    words: tuple[str, ...]
    emit: Emit
    position: int


@dataclass
class Choice:
    options: list[tuple[float, list[Any]]]


@dataclass
class Span:
    letter: str
    parts: list[Any]
    position: int


@dataclass
class Problem(Exception):
    """A mistake at a character position of one string; the loader adds file and symbol."""

    message: str
    position: int
    hint: str = field(default="")


def split_weight(text: str) -> tuple[str, float]:
    """Take a trailing ` *3` off `text` and return (text, weight)."""
    found = _WEIGHT.search(text)
    if not found or text[: found.start()].endswith("\\"):
        return text, 1.0
    return text[: found.start()], float(found.group(1))


def parse(text: str) -> list[Any]:
    """Parse one string into nodes.

    Raises:
        Problem: At the first character that cannot be understood.
    """
    if not _SPECIAL.search(text):
        return [Text(text)] if text else []
    nodes, at = _sequence(text, 0, "")
    if at < len(text):
        raise Problem(f"{text[at]!r} closes nothing", at, "Put a backslash before a literal bracket.")
    if "{agree " in text:
        _check_tags(nodes)
    return nodes


def _check_tags(nodes: Sequence[Any]) -> None:
    tags = {node.tag for node in walk(nodes) if isinstance(node, Ref)}
    for node in walk(nodes):
        if isinstance(node, Builtin) and node.words[0] == "agree" and node.words[1] not in tags:
            raise Problem(
                f"nothing is tagged #{node.words[1]}", node.position, f"For example {EXAMPLES['agree']}."
            )


def walk(nodes: Sequence[Any]) -> Iterator[Any]:
    """All nodes below `nodes`, in order; symbols are not followed."""
    for node in nodes:
        yield node
        if isinstance(node, Choice):
            for _, option in node.options:
                yield from walk(option)
        elif isinstance(node, Span):
            yield from walk(node.parts)


def _sequence(text: str, at: int, stop: str) -> tuple[list[Any], int]:
    nodes: list[Any] = []
    plain: list[str] = []

    def flush() -> None:
        if plain:
            nodes.append(Text("".join(plain)))
            plain.clear()

    while at < len(text):
        char = text[at]
        if char in stop:
            break
        if char == "\\" and at + 1 < len(text):
            plain.append(text[at + 1])
            at += 2
        elif char == "{":
            flush()
            node, at = _braces(text, at)
            nodes.append(node)
        elif char == "<":
            flush()
            node, at = _choice(text, at)
            nodes.append(node)
        elif char == "[":
            flush()
            node, at = _span(text, at)
            nodes.append(node)
        elif char in "]}>":
            break
        else:
            plain.append(char)
            at += 1
    flush()
    return nodes, at


def _braces(text: str, start: int) -> tuple[Any, int]:
    end = text.find("}", start)
    if end < 0:
        raise Problem("'{' is never closed", start, "Write {name} or a backslash before the brace.")
    body = text[start + 1 : end].strip()
    words = body.split()
    if words and words[0] in EXAMPLES and len(words) > 1:
        return _builtin(words, start), end + 1
    found = _REF.fullmatch(body)
    if not found:
        raise Problem(f"{{{body}}} is not a symbol", start, "Expected {name}, {name#1} or {name|pl}.")
    filters = tuple(part for part in found.group(3).split("|") if part)
    for name in filters:
        if name not in FILTERS:
            raise Problem(f"filter {name!r} does not exist", start, f"Use one of: {', '.join(FILTERS)}.")
    return Ref(found.group(1), found.group(2) or "", filters, start), end + 1


def _builtin(words: list[str], start: int) -> Builtin:
    try:
        return Builtin(tuple(words), compile_builtin(words), start)
    except ValueError as error:
        raise Problem(
            f"{{{' '.join(words)}}} does not work ({error})", start, f"For example {EXAMPLES[words[0]]}."
        ) from None


def _choice(text: str, start: int) -> tuple[Choice, int]:
    options: list[tuple[float, list[Any]]] = []
    at = start + 1
    while True:
        nodes, at = _sequence(text, at, "|>")
        if at >= len(text) or text[at] not in "|>":
            raise Problem("'<' is never closed", start, "Write <this|that> or a backslash before the sign.")
        weight = 1.0
        if nodes and isinstance(nodes[-1], Text):
            nodes[-1].value, weight = split_weight(nodes[-1].value)
        if weight > 0:
            options.append((weight, nodes))
        at += 1
        if text[at - 1] == ">":
            break
    if not options:
        raise Problem("every alternative has weight 0", start)
    return Choice(options), at


def _span(text: str, start: int) -> tuple[Span, int]:
    if start + 1 >= len(text) or text[start + 1] not in LABELS or text[start + 2 : start + 3] != " ":
        raise Problem(
            "'[' does not open a label",
            start,
            "Write [E ...], [M ...], [S ...] or [X ...], or \\[ for a literal bracket.",
        )
    nodes, at = _sequence(text, start + 3, "]")
    if at >= len(text) or text[at] != "]":
        raise Problem("'[' is never closed", start, "Every label needs its ']'.")
    return Span(text[start + 1], nodes, start), at + 1


def refs(nodes: Sequence[Any]) -> list[tuple[Ref, bool]]:
    """All symbol references below `nodes`, each with True where it stands inside a label."""
    found: list[tuple[Ref, bool]] = []

    def collect(parts: Sequence[Any], inside: bool) -> None:
        for node in parts:
            if isinstance(node, Ref):
                found.append((node, inside))
            elif isinstance(node, Choice):
                for _, option in node.options:
                    collect(option, inside)
            elif isinstance(node, Span):
                if inside:
                    raise Problem("a label inside a label", node.position, "Labels do not nest.")
                collect(node.parts, True)

    collect(nodes, False)
    return found


def has_span(nodes: Sequence[Any]) -> bool:
    """True when a label is opened directly in `nodes` (symbols are not followed)."""
    return any(isinstance(node, Span) for node in walk(nodes))


def literals(nodes: Sequence[Any]) -> list[str]:
    """All literal text pieces below `nodes`."""
    return [node.value for node in walk(nodes) if isinstance(node, Text)]


def weighted(emits: Sequence[Emit], weights: Sequence[float]) -> Emit:
    """A function that runs one of `emits`, chosen by weight with one draw."""
    if len(emits) == 1:
        return emits[0]
    count = len(emits)
    if len(set(weights)) == 1:
        return lambda ctx: emits[int(ctx.random() * count)](ctx)
    sums = list(accumulate(weights))
    total = sums[-1]
    return lambda ctx: emits[bisect(sums, ctx.random() * total)](ctx)


def compile_nodes(nodes: Sequence[Any], lookup: Callable[[Ref], Callable[[Context], str]]) -> Emit:
    """Turn nodes into one function from a context to marked text.

    Args:
        nodes: Result of `parse`.
        lookup: Gives the function of a referenced symbol; it may be filled in later.
    """
    emits = [_compile(node, lookup) for node in nodes]
    if not emits:
        return lambda ctx: ""
    if len(emits) == 1:
        return emits[0]
    if len(emits) == 2:
        one, two = emits
        return lambda ctx: one(ctx) + two(ctx)
    return lambda ctx: "".join([emit(ctx) for emit in emits])


def _compile(node: Any, lookup: Callable[[Ref], Emit]) -> Emit:
    if isinstance(node, Text):
        value = node.value
        return lambda ctx: value
    if isinstance(node, Span):
        inner, mark = compile_nodes(node.parts, lookup), OPEN[node.letter]
        return lambda ctx: f"{mark}{inner(ctx)}{CLOSE}"
    if isinstance(node, Choice):
        return weighted([compile_nodes(o, lookup) for _, o in node.options], [w for w, _ in node.options])
    if isinstance(node, Builtin):
        return node.emit
    return _compile_ref(node, lookup)


def _compile_ref(node: Ref, lookup: Callable[[Ref], Emit]) -> Emit:
    emit = lookup(node)
    if node.tag:
        # The key ignores case, so that {Pole#1} and {pole#1} are one choice.
        key, fresh = (node.name.lower(), node.tag), emit

        def emit(ctx: Context) -> str:
            if key not in ctx.memo:
                ctx.memo[key] = fresh(ctx)
            return ctx.memo[key]

    for name in node.filters:
        emit = _filtered(emit, FILTERS[name])
    if node.name[0].isupper():
        emit = _filtered(emit, capitalised)
    return _remembered(emit, node.tag) if node.tag else emit


def _remembered(emit: Emit, tag: str) -> Emit:
    def keep(ctx: Context) -> str:
        ctx.said[tag] = text = emit(ctx)
        return text

    return keep


def _filtered(emit: Emit, change: Callable[[str], str]) -> Emit:
    return lambda ctx: change(emit(ctx))


def describe(problem: Problem, where: str, text: str) -> GrammarError:
    """The sentence for a person who edits the files."""
    shown = text if len(text) <= 120 else text[:117] + "..."
    return GrammarError(
        f"{where}: {problem.message} at position {problem.position} of {shown!r}.", problem.hint
    )
