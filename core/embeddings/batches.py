"""From graded pairs to batches: word pieces, figures, order of an epoch. Knows no trainer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from core.embeddings.exchanges import PairReader
from core.errors import DatasetError
from core.text.cues import CueReader
from core.text.normal import for_similarity

_LARGEST_SET = 4


class PairExamples(Dataset):
    """Graded pairs, read once.

    Args:
        rows: Rows `{"a", "b", "score"}`.
        tokenizer: The model's tokenizer.
        reader: Reads the figures.
        max_length: Most word pieces of a text.
        figures: False gives zeros instead.
        progress: Called with (texts read, texts in all), every thousand texts.
    """

    def __init__(
        self,
        rows: Sequence[dict],
        tokenizer: Any,
        reader: PairReader,
        *,
        max_length: int,
        figures: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if not rows:
            raise DatasetError("There are no pairs to learn from.", "Choose a dataset with a training split.")
        pieces: dict[str, list[int]] = {}
        readings: dict[str, Any] = {}
        texts = list(dict.fromkeys(text for row in rows for text in (row["a"], row["b"])))
        for begin in range(0, len(texts), 1000):
            part = texts[begin : begin + 1000]
            made = tokenizer([for_similarity(t) for t in part], truncation=True, max_length=max_length)[
                "input_ids"
            ]
            pieces.update(zip(part, made, strict=True))
            if figures:
                readings.update((text, reader.read(text)) for text in part)
            if progress is not None:
                progress(begin + len(part), len(texts))
        self.a = [pieces[row["a"]] for row in rows]
        self.b = [pieces[row["b"]] for row in rows]
        self.scores = np.asarray([row["score"] for row in rows], dtype=np.float32)
        self.sets = sets_of(rows)
        self.figures = np.stack(
            [
                reader.compare(readings[row["a"]], readings[row["b"]]) if figures else reader.nothing()
                for row in rows
            ]
        )

    def __len__(self) -> int:
        return len(self.a)

    def __getitem__(self, index: int) -> dict:
        return {
            "a": self.a[index],
            "b": self.b[index],
            "score": self.scores[index],
            "figures": self.figures[index],
        }

    @property
    def lengths(self) -> list[int]:
        """Word pieces of the longer text of each pair."""
        return [max(len(a), len(b)) for a, b in zip(self.a, self.b, strict=True)]


_NO_FIGURES = CueReader.nothing()


def sets_of(rows: Sequence[dict]) -> list[int]:
    """Which pairs share a text on the same side: a number for each pair, equal for at most four that do.

    Such pairs show by their grades what a difference between two texts is worth (see `losses.contrast`).
    """
    seen = {side: Counter(row[side] for row in rows) for side in ("a", "b")}
    numbers: dict[tuple, int] = {}
    members: Counter[tuple] = Counter()
    found = []
    for place, row in enumerate(rows):
        side = next((side for side in ("a", "b") if seen[side][row[side]] > 1), None)
        key: tuple = (place,) if side is None else (side, row[side])
        part = (*key, members[key] // _LARGEST_SET)
        members[key] += 1
        found.append(numbers.setdefault(part, len(numbers)))
    return found


def members_of(sets: Sequence[int]) -> list[list[int]]:
    """The places of each set, as in `sets_of`, in the order of their first members."""
    together: dict[int, list[int]] = {}
    for place, number in enumerate(sets):
        together.setdefault(number, []).append(place)
    return list(together.values())


class TextExamples(Dataset):
    """Texts for the first stage, each paired with itself (simcse) or with a damaged copy (tsdae)."""

    def __init__(
        self, texts: Sequence[str], tokenizer: Any, *, max_length: int, damage: bool, seed: int
    ) -> None:
        if not texts:
            raise DatasetError(
                "There are no texts for the first stage.", "Choose no first stage, or import a library."
            )
        self.ids = tokenizer([for_similarity(t) for t in texts], truncation=True, max_length=max_length)[
            "input_ids"
        ]
        self.damage, self.seed, self.epoch = damage, seed, 0
        self.sets = range(len(self.ids))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict:
        ids = self.ids[index]
        other = ids
        if self.damage and len(ids) > 4:
            rng = Random(f"{self.seed}/{self.epoch}/{index}")
            # 60 % of the word pieces are deleted, as in the TSDAE paper (arXiv 2104.06979).
            kept = [piece for piece in ids[1:-1] if rng.random() > 0.6] or [ids[1]]
            other = [ids[0], *kept, ids[-1]]
        return {"a": other, "b": ids, "score": np.float32(1), "figures": _NO_FIGURES}

    @property
    def lengths(self) -> list[int]:
        return [len(ids) for ids in self.ids]


class EpochBatches:
    """Batches of similar length in an order that depends on seed and epoch alone, so that a resume is exact.

    Args:
        lengths: Word pieces of each example.
        batch_size: Examples of a batch.
        seed: Seed.
        sets: A number for each example; those of equal number stay side by side, by default all are alone.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, *, seed: int, sets: Sequence[int] | None = None
    ) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0
        self.together = members_of(sets if sets is not None else range(len(lengths)))

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rng = Random(f"{self.seed}/{self.epoch}")
        shuffled = list(self.together)
        rng.shuffle(shuffled)
        longest = {place: max(self.lengths[n] for n in members) for place, members in enumerate(shuffled)}
        order = [(place, n) for place, members in enumerate(shuffled) for n in members]
        size = self.batch_size
        batches = []
        for begin in range(0, len(order), size * 16):
            pool = [
                n for _, n in sorted(order[begin : begin + size * 16], key=lambda e: (longest[e[0]], e[0]))
            ]
            batches += [pool[at : at + size] for at in range(0, len(pool), size)]
        rng.shuffle(batches)
        return iter(batches)


def collate(rows: Sequence[dict], *, pad_id: int) -> dict[str, torch.Tensor]:
    """One batch, named as the sentence-transformers trainer expects its columns.

    Returns:
        `a_input_ids`, `a_attention_mask`, `b_input_ids`, `b_attention_mask` (B, P) and `label` (B, 1 + F):
        the
        grade, then the figures.
    """
    out: dict[str, torch.Tensor] = {}
    for name in ("a", "b"):
        longest = max(len(row[name]) for row in rows)
        ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row[name])] = torch.tensor(row[name])
            mask[number, : len(row[name])] = 1
        out[f"{name}_input_ids"], out[f"{name}_attention_mask"] = ids, mask
    out["label"] = torch.from_numpy(
        np.stack([np.concatenate([[row["score"]], row["figures"]]) for row in rows])
    ).float()
    return out
