"""From word-level log-probabilities to entities: legal BIO decoding, confidence, span clean-up.

numpy only; nothing here knows a model, a tokenizer or a dataset.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

Span = tuple[int, int]
IMPOSSIBLE = -1e9

_SEPARATORS = ",;:–—-/&•·"
_OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = {close: opening for opening, close in _OPENING.items()}
_QUOTES = "\"“”„‘’'«»`"
_ARTICLES = ("the ", "a ", "an ")
# A unit or document abbreviation that ends in a dot is short ("ft.", "in.", "Std."); a longer word ends a
# sentence.
_LONGEST_ABBREVIATION = 3
_ABBREVIATED = ("STANDARD", "MEASURE")


def bio_tags(labels: Sequence[str]) -> list[str]:
    """The tag names in the order of their ids: `O`, then `B-X`, `I-X` for every label X."""
    return ["O"] + [f"{position}-{label}" for label in labels for position in "BI"]


@functools.cache
def legal_transitions(tags: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of legal BIO: an `I-X` follows only `B-X` or `I-X`.

    Args:
        tags: C tag names.

    Returns:
        `(start, step)`: start (C,) and step (C, C) with rows = previous tag; 0 where legal, `IMPOSSIBLE`
        elsewhere.
    """
    start = np.zeros(len(tags))
    step = np.zeros((len(tags), len(tags)))
    for column, tag in enumerate(tags):
        if tag.startswith("I-"):
            start[column] = IMPOSSIBLE
            step[:, column] = [0.0 if previous[2:] == tag[2:] else IMPOSSIBLE for previous in tags]
    return start, step


def viterbi(log_probs: np.ndarray, tags: Sequence[str]) -> list[int]:
    """The most probable legal tag sequence (Viterbi 1967, with hard transitions).

    Args:
        log_probs: (N, C) log-probability of each of C tags for each of N words.
        tags: C tag names.

    Returns:
        N tag ids; an empty list for N = 0.
    """
    count = len(log_probs)
    if count == 0:
        return []
    greedy = log_probs.argmax(axis=1)
    start, step = legal_transitions(tuple(tags))
    if start[greedy[0]] == 0 and not step[greedy[:-1], greedy[1:]].any():
        return greedy.tolist()  # each word's best tag, and legal: no sequence can be better
    back = np.empty((count, len(tags)), dtype=np.int64)
    score = start + log_probs[0]
    columns = np.arange(len(tags))
    for word in range(1, count):
        reach = score[:, None] + step
        best = reach.argmax(axis=0)
        back[word] = best
        score = reach[best, columns] + log_probs[word]
    path = [int(score.argmax())]
    for word in range(count - 1, 0, -1):
        path.append(int(back[word, path[-1]]))
    return path[::-1]


def greedy(log_probs: np.ndarray) -> list[int]:
    """Each word's best tag, legal or not: the yardstick for what legal decoding gains."""
    return log_probs.argmax(axis=1).tolist() if len(log_probs) else []


def entities(
    text: str,
    words: Sequence[Span],
    log_probs: np.ndarray,
    tags: Sequence[str],
    *,
    legal: bool = True,
    clean: bool = True,
) -> list[dict]:
    """Decode one text.

    The confidence of an entity is the geometric mean, over its words, of the probability that the model
    gives to the word's decoded tag: 1 = certain of every word, and one doubtful word pulls it down.

    Args:
        text: The raw text.
        words: N character spans of its words, ascending.
        log_probs: (N, C) log-probabilities of the C tags.
        tags: C tag names.
        legal: True for the best legal BIO sequence, False for each word's best tag.
        clean: True to apply `clean_span`.

    Returns:
        `[{"start", "end", "label", "confidence"}]` in text order, without overlaps; confidence in 0 to 1.
    """
    path = viterbi(log_probs, tags) if legal else greedy(log_probs)
    groups: list[tuple[str, int, int]] = []  # label, first word, last word
    for word, tag_id in enumerate(path):
        position, _, label = tags[tag_id].partition("-")
        if position == "O":
            continue
        if position == "I" and groups and groups[-1][0] == label and groups[-1][2] == word - 1:
            groups[-1] = (label, groups[-1][1], word)
        else:
            groups.append((label, word, word))
    found = []
    taken = 0  # a clean-up may widen a span to its closing bracket, never into the next entity
    for number, (label, first, last) in enumerate(groups):
        start, end = words[first][0], words[last][1]
        if clean:
            limit = words[groups[number + 1][1]][0] if number + 1 < len(groups) else len(text)
            cleaned = clean_span(text, start, end, label, limit=limit)
            if cleaned is None:
                continue
            start, end = cleaned
        if start < taken:
            continue
        chosen = log_probs[np.arange(first, last + 1), path[first : last + 1]]
        confidence = float(np.exp(min(0.0, float(np.mean(chosen)))))
        found.append({"start": start, "end": end, "label": label, "confidence": round(confidence, 4)})
        taken = end
    return found


def clean_span(text: str, start: int, end: int, label: str, *, limit: int | None = None) -> Span | None:
    """Normalise the edges of one span: what is never part of an entity is taken off.

    Off go blanks, separators (`, ; :` dashes), brackets without their partner, quotation marks around the
    span (an inch or foot mark after a number stays), the dot that ends a sentence (the dot of an abbreviation
    stays) and a leading article. A bracket that is opened inside the span and closed right after it is taken
    in.

    Args:
        text: The raw text.
        start: First character.
        end: One past the last character.
        label: Entity label; articles are only taken off names of things.
        limit: The span may not be widened past this character.

    Returns:
        `(start, end)`, or None when nothing that could be an entity is left.
    """
    limit = len(text) if limit is None else limit
    before = None
    while before != (start, end) and start < end:
        before = (start, end)
        start, end = _trim_edges(text, start, end, label)
        if start < end and label != "EXEMPTION":
            start = _skip_article(text, start, end)
    if start < end:
        end = _close_bracket(text, start, end, limit)
    span = text[start:end]
    if not any(character.isalnum() for character in span):
        return None
    if label == "EQUIPMENT" and not any(character.isalpha() for character in span):
        return None
    return start, end


def _trim_edges(text: str, start: int, end: int, label: str) -> Span:
    span = text[start:end]
    first, last = span[0], span[-1]
    if last.isspace() or last in _SEPARATORS:
        return start, end - 1
    if first.isspace() or first in _SEPARATORS:
        # A sign belongs to its number: "-20 °F".
        signed = first in "-–" and len(span) > 1 and span[1].isdigit()
        return (start, end) if signed else (start + 1, end)
    if last in _OPENING or (last in _CLOSING and _partner(span[::-1], _CLOSING) is None):
        return start, end - 1
    if first in _CLOSING:
        return start + 1, end
    if first in _OPENING:
        partner = _partner(span, _OPENING)
        if partner is None:
            return start + 1, end
        if partner == len(span) - 1:
            return start + 1, end - 1
    if first in _QUOTES:
        return start + 1, end
    if last in _QUOTES and not (len(span) > 1 and span[-2].isdigit()):
        return start, end - 1
    if last == "." and (label not in _ABBREVIATED or _ends_sentence(span)):
        return start, end - 1
    return start, end


def _partner(span: str, pairs: dict[str, str]) -> int | None:
    """Index of the bracket that closes the one at index 0, or None."""
    depth = 0
    for index, character in enumerate(span):
        if character == span[0]:
            depth += 1
        elif character == pairs[span[0]]:
            depth -= 1
            if depth == 0:
                return index
    return None


def _ends_sentence(span: str) -> bool:
    body = span[:-1].rstrip()
    if not body or body[-1] in ".)]":
        return True
    word = body.split()[-1]
    if word[-1].isdigit():
        return True
    return "." not in word and len(word) > _LONGEST_ABBREVIATION


def _skip_article(text: str, start: int, end: int) -> int:
    head = text[start:end].lower()
    for article in _ARTICLES:
        if head.startswith(article):
            return start + len(article)
    return start


def _close_bracket(text: str, start: int, end: int, limit: int) -> int:
    span = text[start:end]
    for opening, close in _OPENING.items():
        if span.count(opening) == span.count(close) + 1 and end < limit and text[end] == close:
            return end + 1
    return end
