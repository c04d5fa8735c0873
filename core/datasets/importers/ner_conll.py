"""CoNLL BIO files: one word and its tag a line, blank lines between sentences. BIO, IOB1 and BIOES are read.

The text is put together again from the words; a `# text = …` comment gives it exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.datasets.conll import TEXT_COMMENT
from core.datasets.importers.rows import Collector, RowError

TAG = re.compile(r"[Oo]|([BIESLUM])[-_](\S.*)")
_BRACKETS = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    "``": '"',
    "''": '"',
}
_NO_SPACE_BEFORE = set(",.;:!?)]}%")
_NO_SPACE_AFTER = set("([{$")


@dataclass
class _Sentence:
    line: int = 0
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    text: str | None = None
    problem: tuple[int, str, str] | None = None


def read_conll(lines: Iterable[str], collector: Collector) -> None:
    """Every sentence of a file; the line of a rejected sentence is its first bad line."""
    sentence = _Sentence()
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if not line.strip():
            _close(sentence, collector)
            sentence = _Sentence()
            continue
        if line.startswith("#") and _is_comment(line):
            if line.startswith(TEXT_COMMENT):
                sentence.text = line[len(TEXT_COMMENT) :]
            continue
        columns = line.split("\t") if "\t" in line else line.split()
        word, tag = columns[0].strip(), columns[-1].strip()
        if word == "-DOCSTART-":
            _close(sentence, collector)
            sentence = _Sentence()
            continue
        sentence.line = sentence.line or number
        if sentence.problem is None:
            why = _problem(columns, word, tag)
            sentence.problem = None if why is None else (number, why, line)
        sentence.words.append(word)
        sentence.tags.append(tag)
    _close(sentence, collector)


def add_sentence(
    line: int, words: list[str], tags: list[str], collector: Collector, text: str | None = None
) -> None:
    """Turn words and tags into a row and give it to the collector.

    Args:
        line: Where the sentence stands.
        words: Its words.
        tags: One tag per word, in any of the known schemes.
        collector: Takes the row.
        text: The raw text where it is known; otherwise the words are joined.
    """
    spans = None if text is None else align(words, text)
    if text is not None and spans is None:
        collector.notice("text comments that do not fit their words were ignored")
    if spans is None:
        if any(word in _BRACKETS for word in words):
            collector.notice("sentences had brackets or quotes written as -LRB- or ``; they were put back")
        text, spans = join_words([_BRACKETS.get(word, word) for word in words])
    try:
        entities = read_tags(spans, tags, collector)
    except RowError as error:
        collector.reject(line, str(error), text or "")
        return
    collector.add(line, text, entities)


def read_tags(spans: list[tuple[int, int]], tags: list[str], collector: Collector) -> list[dict]:
    """Entities from tags of BIO (IOB2), IOB1, BIOES, BILOU or BMES, told apart tag by tag.

    Raises:
        RowError: Naming the first tag that is none of these.
    """
    entities: list[dict] = []
    current: dict | None = None
    for (start, end), tag in zip(spans, tags, strict=True):
        match = TAG.fullmatch(tag)
        if match is None:
            raise RowError(_not_a_tag(tag))
        prefix, label = match[1], match[2]
        if prefix is None:
            current = None
            continue
        goes_on = prefix in "IMEL" and current is not None and current["label"] == label
        if goes_on:
            current["end"] = end
        else:
            if prefix in "IMEL":
                collector.notice(
                    "an entity began with an inside tag (IOB1 or a slip); it was taken as its start"
                )
            current = {"start": start, "end": end, "label": label}
            entities.append(current)
        if prefix in "ESLU":
            current = None
    return entities


def join_words(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """Join words with spaces, but none before closing punctuation, after an opening bracket or in a number.

    Returns:
        (text, (start, end) per word).
    """
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    position = 0
    for index, word in enumerate(words):
        if index and not _glued(words, index):
            pieces.append(" ")
            position += 1
        pieces.append(word)
        spans.append((position, position + len(word)))
        position += len(word)
    return "".join(pieces), spans


def align(words: list[str], text: str) -> list[tuple[int, int]] | None:
    """The place of every word in a text that holds nothing else but white space; None if they do not fit."""
    spans, position = [], 0
    for word in words:
        while position < len(text) and text[position].isspace():
            position += 1
        if not text.startswith(word, position):
            return None
        spans.append((position, position + len(word)))
        position += len(word)
    return spans if not text[position:].strip() else None


def _glued(words: list[str], index: int) -> bool:
    before, word = words[index - 1], words[index]
    if word in _NO_SPACE_BEFORE or word in ("'s", "’s", "n't") or before in _NO_SPACE_AFTER:
        return True
    # `0 . 5` and `13 , 800` are numbers that a tokenizer cut; `1 / 2` as well.
    if word == "/" and index + 1 < len(words):
        return before.isdecimal() and words[index + 1].isdecimal()
    return index > 1 and before in {".", ",", "/"} and words[index - 2].isdecimal() and word.isdecimal()


def _close(sentence: _Sentence, collector: Collector) -> None:
    if not sentence.words:
        return
    if sentence.problem is not None:
        number, why, line = sentence.problem
        collector.reject(number, why, line)
        return
    add_sentence(sentence.line, sentence.words, sentence.tags, collector, sentence.text)


def _is_comment(line: str) -> bool:
    columns = line.split()
    return line.startswith(TEXT_COMMENT) or len(columns) < 2 or TAG.fullmatch(columns[-1]) is None


def _problem(columns: list[str], word: str, tag: str) -> str | None:
    if len(columns) < 2:
        return "the line has one column, expected a word and its tag"
    if not word:
        return "the word is missing"
    return None if TAG.fullmatch(tag) else _not_a_tag(tag)


def _not_a_tag(tag: str) -> str:
    return f"{tag[:40]!r} is not a tag, expected O, B-LABEL or I-LABEL"
