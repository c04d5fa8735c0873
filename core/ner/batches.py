"""Training examples and their order: encoded once, masked anew each epoch, batched by length.

Everything random here is a function of (seed, epoch, example), never of a shared generator: a resumed
training reads exactly what an uninterrupted one would have read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from core.datasets.spans import to_bio
from core.errors import DatasetError
from core.ner.encode import IGNORED, Encoder

# Words of entities are hidden more often: their names are what a model otherwise learns by heart.
_ENTITY_SHARE = 1.5
_OTHER_SHARE = 0.5
_HIDDEN_AS_MASK = 0.7  # the rest becomes a random piece, so that a plain word is no proof of itself
_BUCKET_BATCHES = 20  # batches per bucket: enough for similar lengths, few enough to stay random


@dataclass(frozen=True)
class Example:
    """One training sequence.

    Args:
        ids: (P,) piece ids with special tokens.
        labels: (P,) tag id at the first piece of each word, `IGNORED` elsewhere.
        word: (P,) word number of each piece, -1 for special tokens.
        entity: (P,) True for pieces of entity words.
    """

    ids: np.ndarray
    labels: np.ndarray
    word: np.ndarray
    entity: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def tag_ids(rows: Sequence[dict], tags: Sequence[str]) -> list[list[int]]:
    """Tag ids per word of each row.

    Raises:
        DatasetError: If a row holds a label that the model does not have, or broken spans.
    """
    numbers = {tag: number for number, tag in enumerate(tags)}
    out = []
    for row in rows:
        _, names = to_bio(row["text"], row["entities"])
        try:
            out.append([numbers[name] for name in names])
        except KeyError as error:
            known = ", ".join(tag[2:] for tag in tags if tag.startswith("B-"))
            raise DatasetError(
                f"The label {str(error.args[0])[2:]!r} in {row['text'][:60]!r} is not known.",
                f"Labels are: {known}.",
            ) from None
    return out


def encode_rows(
    rows: Sequence[dict], encoder: Encoder, tags: Sequence[str], max_length: int
) -> list[Example]:
    """Encode rows `{"text", "entities"}` once.

    Rows longer than `max_length` pieces become several examples.
    """
    pieces = encoder.pieces([row["text"] for row in rows])
    examples = []
    for piecemeal, labels in zip(pieces, tag_ids(rows, tags), strict=True):
        if not piecemeal.ids:
            continue
        word_of = np.asarray(piecemeal.word_of)
        tag_of = np.asarray(labels)
        first = np.ones(len(word_of), dtype=bool)
        first[1:] = word_of[1:] != word_of[:-1]
        piece_labels = np.where(first, tag_of[word_of], IGNORED)
        inside = tag_of[word_of] != 0
        for begin, end in encoder.windows(piecemeal, max_length, max_length // 8):
            examples.append(_example(encoder, piecemeal.ids, piece_labels, word_of, inside, begin, end))
    if not examples:
        raise DatasetError("The training split holds no text.", "Choose or generate another dataset.")
    return examples


def _example(encoder, ids, labels, word_of, inside, begin: int, end: int) -> Example:
    before, after = len(encoder.prefix), len(encoder.suffix)
    pad = (before, after)
    return Example(
        ids=np.asarray(encoder.wrap(ids[begin:end]), dtype=np.int64),
        labels=np.pad(labels[begin:end], pad, constant_values=IGNORED).astype(np.int64),
        word=np.pad(word_of[begin:end], pad, constant_values=-1).astype(np.int64),
        entity=np.pad(inside[begin:end], pad, constant_values=False),
    )


def tag_weights(examples: Sequence[Example], tags: int, strength: float) -> torch.Tensor:
    """Loss weight of each tag: (rarest counts most), `(N / (C * n_tag)) ** strength`, mean 1 over the
    training words.

    Args:
        examples: The training examples.
        tags: C, number of tags.
        strength: 0 = all equal, 1 = every tag has the same total weight ("balanced" in scikit-learn).

    Returns:
        (C,) float32; a tag that does not occur weighs as much as the heaviest that does.
    """
    counts = np.zeros(tags)
    for example in examples:
        counts += np.bincount(example.labels[example.labels != IGNORED], minlength=tags)
    seen = counts > 0
    weights = np.zeros(tags)
    weights[seen] = (counts.sum() / (seen.sum() * counts[seen])) ** strength
    weights[~seen] = weights.max()
    weights *= counts.sum() / (counts * weights).sum()
    return torch.tensor(weights, dtype=torch.float32)


class TrainingExamples(Dataset):
    """Examples as the network sees them in one epoch: words hidden, sentences joined.

    Args:
        examples: Encoded examples.
        encoder: Their tokenizer.
        seed: Seed of everything random.
        masking: Share of words hidden (entity words 1.5 times, others 0.5 times as often).
        joining: Share of examples that are read together with another one.
        max_length: Longest joined example in pieces.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        encoder: Encoder,
        *,
        seed: int = 0,
        masking: float = 0.0,
        joining: float = 0.0,
        max_length: int = 192,
    ) -> None:
        self.examples = list(examples)
        self.encoder = encoder
        self.seed = seed
        self.masking = masking
        self.joining = joining
        self.max_length = max_length
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        example = self.examples[index]
        ids, labels = example.ids, example.labels
        if self.masking == 0 and self.joining == 0:
            return {"input_ids": ids, "labels": labels}
        random = np.random.default_rng((self.seed, self.epoch, index))
        if self.masking:
            ids = self._hide(example, random)
        if self.joining and random.random() < self.joining:
            number = int(random.integers(len(self.examples)))
            other = self.examples[number]
            before, after = len(self.encoder.prefix), len(self.encoder.suffix)
            if len(ids) + len(other) - before - after <= self.max_length:
                tail = self._hide(other, random) if self.masking else other.ids
                cut = len(ids) - after
                ids = np.concatenate([ids[:cut], tail[before:]])
                labels = np.concatenate([labels[:cut], other.labels[before:]])
        return {"input_ids": ids, "labels": labels}

    def _hide(self, example: Example, random: np.random.Generator) -> np.ndarray:
        real = example.word >= 0
        words = example.word[real] - example.word[real].min()
        entity_word = np.zeros(words.max() + 1, dtype=bool)
        entity_word[words] = example.entity[real]
        share = np.where(entity_word, _ENTITY_SHARE, _OTHER_SHARE) * self.masking
        hidden = (random.random(len(share)) < share)[words]
        if not hidden.any():
            return example.ids
        as_mask = random.random(len(share)) < (_HIDDEN_AS_MASK if self.encoder.mask_id is not None else 0.0)
        vocabulary = self.encoder.vocabulary
        noise = random.integers(vocabulary // 30, vocabulary, size=len(words))  # special pieces come first
        ids = example.ids.copy()
        ids[real] = np.where(
            hidden, np.where(as_mask[words], self.encoder.mask_id or 0, noise), example.ids[real]
        )
        return ids


class EpochBatches(Sampler[list[int]]):
    """Batches of example indices, shuffled by (seed, epoch); with bucketing, of similar length.

    Args:
        lengths: Pieces per example.
        batch_size: Examples in a batch; the last one may be smaller.
        seed: Seed of the order.
        bucketing: Sort by length within shuffled buckets of 20 batches.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, *, seed: int = 0, bucketing: bool = True
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.bucketing = bucketing
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(len(self.lengths))
        if self.bucketing:
            size = self.batch_size * _BUCKET_BATCHES
            order = np.concatenate(
                [part[np.argsort(self.lengths[part], kind="stable")]
                 for part in (order[i : i + size] for i in range(0, len(order), size))]
            )  # fmt: skip
        batches = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        if self.bucketing:
            batches = [batches[number] for number in random.permutation(len(batches))]
        for batch in batches:
            yield batch.tolist()


def collate(items: Sequence[dict[str, np.ndarray]], pad_id: int) -> dict[str, torch.Tensor]:
    """Pad to the longest example of the batch.

    Returns:
        `input_ids`, `attention_mask`, `labels`: (B, longest) int64.
    """
    longest = max(len(item["input_ids"]) for item in items)
    ids = torch.full((len(items), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(items), longest), dtype=torch.long)
    labels = torch.full((len(items), longest), IGNORED, dtype=torch.long)
    for row, item in enumerate(items):
        length = len(item["input_ids"])
        ids[row, :length] = torch.from_numpy(np.ascontiguousarray(item["input_ids"]))
        labels[row, :length] = torch.from_numpy(np.ascontiguousarray(item["labels"]))
        mask[row, :length] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}
