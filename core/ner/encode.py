"""Words to word pieces and back: the one place where text meets the tokenizer, for training and prediction.

A word is one token of `core.datasets.spans.tokens`; its tag is read and learnt at its first word piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.datasets.spans import tokens

IGNORED = -100
# A "word" without blanks can be a page long (a pasted number, a file); only its beginning carries meaning.
PIECES_PER_WORD = 24


def readable(text: str) -> str:
    """The text with half characters (lone surrogates, as broken files give) replaced one for one."""
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return "".join("\ufffd" if 0xD800 <= ord(character) <= 0xDFFF else character for character in text)


@dataclass(frozen=True)
class Piecemeal:
    """One text as word pieces.

    Args:
        words: W character spans.
        ids: P piece ids, without special tokens.
        word_of: P word indices, ascending.
    """

    words: list[tuple[int, int]]
    ids: list[int]
    word_of: list[int]

    def firsts(self) -> list[int]:
        """Piece indices at which a word begins, ascending."""
        return [i for i, word in enumerate(self.word_of) if i == 0 or self.word_of[i - 1] != word]


class Encoder:
    """A tokenizer with what this project needs to know about it.

    Args:
        tokenizer: A fast Hugging Face tokenizer.
        positions: Longest sequence the model can read, with special tokens.
    """

    def __init__(self, tokenizer: Any, positions: int = 512) -> None:
        self.tokenizer = tokenizer
        self.positions = positions
        bare = tokenizer(["pole"], is_split_into_words=True, add_special_tokens=False)["input_ids"]
        full = tokenizer(["pole"], is_split_into_words=True)["input_ids"]
        at = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
        self.prefix: list[int] = full[:at]
        self.suffix: list[int] = full[at + len(bare) :]
        self.pad_id: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        self.mask_id: int | None = tokenizer.mask_token_id
        self.special = set(tokenizer.all_special_ids)
        self.vocabulary = len(tokenizer)

    @property
    def extra(self) -> int:
        """Number of special tokens around a sequence."""
        return len(self.prefix) + len(self.suffix)

    def pieces(self, texts: Sequence[str]) -> list[Piecemeal]:
        """Cut texts into words and words into pieces.

        A word of which the tokenizer keeps nothing has no piece.
        """
        spans = [tokens(text) for text in texts]
        filled = [i for i, words in enumerate(spans) if words]
        out = [Piecemeal(words, [], []) for words in spans]
        if not filled:
            return out
        clean = [readable(texts[i]) for i in filled]
        words = [[text[start:end] for start, end in spans[i]] for i, text in zip(filled, clean, strict=True)]
        encoded = self.tokenizer(words, is_split_into_words=True, add_special_tokens=False, verbose=False)
        for row, i in enumerate(filled):
            ids, word_of = [], []
            run = 0
            for piece, word in zip(encoded["input_ids"][row], encoded.word_ids(row), strict=True):
                if word is None:
                    continue
                run = run + 1 if word_of and word_of[-1] == word else 1
                if run <= PIECES_PER_WORD:
                    ids.append(piece)
                    word_of.append(word)
            out[i] = Piecemeal(spans[i], ids, word_of)
        return out

    def windows(self, piecemeal: Piecemeal, length: int, overlap: int) -> list[tuple[int, int]]:
        """Cut a text's pieces into overlapping ranges that start and end at word boundaries.

        Args:
            piecemeal: The text.
            length: Most pieces in a range, special tokens included.
            overlap: Pieces that neighbouring ranges share, about.

        Returns:
            Piece ranges `(first, one past the last)`; together they cover every piece. One range for a short
            text.
        """
        total = len(piecemeal.ids)
        room = min(length, self.positions) - self.extra
        if total <= room:
            return [(0, total)]
        if room < 2 * PIECES_PER_WORD:
            overlap = 0
        starts = piecemeal.firsts()
        bounds = [*starts, total]
        ranges = []
        begin = 0  # index into bounds
        while True:
            end = begin + 1
            while end + 1 < len(bounds) and bounds[end + 1] - bounds[begin] <= room:
                end += 1
            # One word longer than the room is cut: its first piece is what counts.
            ranges.append((bounds[begin], min(bounds[end], bounds[begin] + room)))
            if end == len(bounds) - 1:
                return ranges
            following = end
            while following > begin + 1 and bounds[end] - bounds[following - 1] <= overlap:
                following -= 1
            begin = following

    def wrap(self, ids: Sequence[int]) -> list[int]:
        """Add the special tokens."""
        return [*self.prefix, *ids, *self.suffix]
