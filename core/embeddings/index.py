"""Passages with the vectors of one model, and the search over them. Files and libraries are library.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.embeddings.chunks import Chunk
from core.errors import IntegrityError


@dataclass
class Hit:
    """One found passage: `score` 0 to 1, where it stands, and the words that it shares with the query."""

    text: str
    score: float
    section: tuple[str, ...]
    page: int
    source: str
    number: int


class Index:
    """Passages with vectors of one model.

    Args:
        chunks: The passages.
        vectors: (N, W) float32 of length 1.
        key: Key of the model that made them.
    """

    def __init__(self, chunks: Sequence[Chunk], vectors: np.ndarray, key: str) -> None:
        if vectors.ndim != 2 or len(chunks) != len(vectors):
            raise IntegrityError(
                f"The library has {len(chunks)} passages, but vectors of the shape {vectors.shape}.",
                "Embed the library again.",
            )
        self.chunks, self.vectors, self.key = (
            list(chunks),
            np.ascontiguousarray(vectors, dtype=np.float32),
            key,
        )

    def nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        """The k passages of the highest cosine, best first. `vector` is (W,) of length 1, of the same
        model."""
        if not len(self.chunks):
            return []
        scores = self.vectors @ np.asarray(vector, dtype=np.float32)
        k = min(k, len(scores))
        top = np.argpartition(-scores, k - 1)[:k]
        top = top[np.argsort(-scores[top], kind="stable")]
        return [
            Hit(
                self.chunks[n].text,
                float(scores[n]),
                self.chunks[n].section,
                self.chunks[n].page,
                self.chunks[n].source,
                int(n),
            )
            for n in top
        ]
