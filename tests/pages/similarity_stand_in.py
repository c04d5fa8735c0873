"""A stand-in for a loaded similarity model: shared words over all words, without weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.datasets import store
from core.embeddings.library import Index
from core.workspace import Workspace

WIDTH = 16


def overlap(a: str, b: str) -> float:
    left, right = set(re.findall(r"\w+", a.lower())), set(re.findall(r"\w+", b.lower()))
    return len(left & right) / max(1, len(left | right))


class StandIn:
    """Answers like `core.embeddings.predict.SimilarityModel`."""

    trained = True
    path = None

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.calls = 0
        self.info = SimpleNamespace(base_model="minilm", base_sha256=f"{ref:x<64}")

    def scores(self, a: Sequence[str], b: Sequence[str], **_: Any) -> dict[str, np.ndarray]:
        self.calls += 1
        found = np.array([overlap(x, y) for x, y in zip(a, b, strict=True)], np.float32)
        return {"score": found / 2 if self.ref == "base" else found, "cosine": found}

    def score(self, a: Any, b: Any, **options: Any) -> Any:
        if isinstance(a, str):
            return float(self.scores([a], [b])["score"][0])
        return self.scores(a, b)["score"]

    def encode(self, texts: Sequence[str], *, progress: Any = None, **_: Any) -> np.ndarray:
        out = np.full((len(texts), WIDTH), 0.01, np.float32)
        for n, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                out[n, sum(map(ord, word)) % WIDTH] += 1
        if progress is not None:
            progress(len(texts), len(texts))
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def search(self, query: str, index: Index, *, k: int = 5, **_: Any) -> list[Any]:
        self.calls += 1
        hits = index.nearest(self.encode([query])[0], len(index.chunks))
        for hit in hits:
            hit.score = overlap(query, hit.text)
        return sorted(hits, key=lambda hit: -hit.score)[:k]


def pair(number: int, score: float = 0.5, kind: str = "topic") -> dict[str, Any]:
    return {"a": f"pole {number} is set in rock", "b": f"pole {number} stands in soil", "score": score,
            "kind": kind, "group": f"g{number}"}  # fmt: skip


def make_pairs(ws: Workspace, name: str = "pairs", role: str = "train") -> store.DatasetInfo:
    """A stored dataset of few pairs."""
    rows = [pair(n, round(0.1 * (n % 10), 2), "topic" if n % 2 else "copy") for n in range(40)]
    splits = {"test": rows} if role == "gold" else {"train": rows[:28], "val": rows[28:34], "test": rows[34:]}
    source = "imported" if role == "gold" else "generated"
    return store.create_dataset("embeddings", name, splits, {"source": source}, role=role, ws=ws)
