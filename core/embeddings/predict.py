"""A loaded similarity model and its answers: vectors of texts, scores of pairs, passages found in an index.

    model = load_model("production")
    model.encode(["18 ft clearance"])              # (1, 384) vectors of length 1, for search and maps
    model.score("18 feet clearance", "18 ft spacing")   # 0 to 1, from vectors and pair head
    model.search("low service drop", index, k=5)   # best passages of a library

Libraries and their files are library.py, scores against grades evaluate.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.embeddings import model as models
from core.embeddings.exchanges import PairReader
from core.embeddings.model import INFO_FILE, ModelInfo, Network
from core.embeddings.verdict import evidence
from core.encoders.bases import DEFAULT_BASE
from core.errors import DatasetError, StateError
from core.text.normal import for_similarity
from core.training.precision import set_threads
from core.workspace import write_bytes_atomic

if TYPE_CHECKING:
    from core.embeddings.index import Hit, Index
    from core.workspace import Workspace

Progress = Callable[[int, int], None]
_WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_LETTER = re.compile(r"^\s*\(?(?:[a-z]|[ivx]{1,4}|\d{1,2})[).]\s+")


@dataclass
class SimilarityModel:
    """A network ready to judge texts.

    Args:
        network: In evaluation mode, fp32.
        tokenizer: Its tokenizer.
        info: Lengths, head, cues.
        ref: What it was asked for by: a version, an alias or a folder.
        path: Its folder; None for the untrained base model.
    """

    network: Network
    tokenizer: Any
    info: ModelInfo
    ref: str = ""
    path: Path | None = None
    reader: PairReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = PairReader(self.info.cues)

    @property
    def trained(self) -> bool:
        """False for a base model: it scores by cosine alone."""
        return self.info.kind != "base"

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self.info.head["width"])

    def encode(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Progress | None = None
    ) -> np.ndarray:
        """Vectors of texts.

        Returns:
            (N, W) float32, each of length 1; an empty text gives a vector, too.
        """
        set_threads(0)
        texts = self._seen(texts)
        out = np.zeros((len(texts), self.width), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        done = 0
        for begin in range(0, len(order), batch_size):
            part = order[begin : begin + batch_size]
            with torch.inference_mode():
                vectors = self.network.vectors(*self.tokens([texts[n] for n in part]))
            out[part] = vectors.numpy()
            done += len(part)
            if progress is not None:
                progress(done, len(texts))
        return out

    def score(self, a: str | Sequence[str], b: str | Sequence[str], **options: Any) -> Any:
        """Similarity of two texts, or of texts in pairs: 0 (nothing in common) to 1 (the same requirement).

        Returns:
            A float for two strings, else (N,) float32.
        """
        if isinstance(a, str) and isinstance(b, str):
            return float(self.scores([a], [b])["score"][0])
        return self.scores(a, b, **options)["score"]

    def scores(
        self, a: Sequence[str], b: Sequence[str], *, batch_size: int = 32, progress: Progress | None = None
    ) -> dict[str, np.ndarray]:
        """Score pairs; `score` (verdict or head, where there is one) and `cosine`, each (N,) float32.

        Texts that are equal once quantities are converted, and case, punctuation and a list letter in front
        are left out, score 1.
        """
        set_threads(0)
        readings_a, readings_b = (
            [self.reader.read(text) for text in a],
            [self.reader.read(text) for text in b],
        )
        left, right = self._seen(a), self._seen(b)
        score, cosine = np.zeros(len(left), dtype=np.float32), np.zeros(len(left), dtype=np.float32)
        order = sorted(range(len(left)), key=lambda n: len(left[n]) + len(right[n]))
        done = 0
        for begin in range(0, len(order), batch_size):
            part = order[begin : begin + batch_size]
            figures = torch.from_numpy(
                np.stack([self.reader.compare(readings_a[n], readings_b[n]) for n in part])
            )
            if not self.info.use_figures:
                figures = torch.zeros_like(figures)
            both = [left[n] for n in part] + [right[n] for n in part]
            once = list(dict.fromkeys(both))  # a search compares one text with many
            where = torch.tensor([once.index(text) for text in both])
            ids, mask = self.tokens(once)
            with torch.inference_mode():
                vectors, tokens = self.network.read(ids, mask)
                vectors, tokens, ids, mask = vectors[where], tokens[where], ids[where], mask[where]
                together = (vectors[: len(part)] * vectors[len(part) :]).sum(1)
                cosine[part] = together.numpy()
                if self.trained:
                    found = both_ways(self.network, tokens, mask, together, figures)
                    score[part] = self._last_word(ids, mask, tokens, together, found, figures).numpy()
            done += len(part)
            if progress is not None:
                progress(done, len(left))
        if not self.trained:
            score = cosine.clip(0, 1)
        for n, (one, other) in enumerate(zip(left, right, strict=True)):
            if one.strip() and _bare(one) == _bare(other):
                score[n] = 1.0
        return {"score": score, "cosine": cosine}

    def _last_word(self, ids, mask, tokens, cosine, score, figures) -> torch.Tensor:
        verdict = self.network.verdict
        if verdict is None:
            return score
        return verdict(evidence(self.network, verdict.rarity, ids, mask, tokens, cosine, score, figures))

    def search(self, query: str, index: Index, *, k: int = 5, rescore: int = 20) -> list[Hit]:
        """The passages of an index that fit a text best.

        Args:
            query: For example an infraction.
            index: Passages with vectors of this very model.
            k: How many.
            rescore: Of the nearest by vector, this many are re-scored by the pair head; 0 keeps the
            vectors' order.

        Raises:
            StateError: If the index holds vectors of another model.
        """
        from core.embeddings.library import model_key

        if index.key != model_key(self):
            raise StateError(
                "The library was embedded with another model, so its vectors say nothing here.",
                "Embed the library with this model first.",
            )
        near = index.nearest(self.encode([query])[0], max(k, rescore))
        if not rescore or not self.trained or not near:
            return near[:k]
        again = self.score([query] * len(near), [hit.text for hit in near])
        for hit, value in zip(near, again, strict=True):
            hit.score = float(value)
        return sorted(near, key=lambda hit: -hit.score)[:k]

    def _seen(self, texts: Sequence[str]) -> list[str]:
        return [for_similarity(text) for text in texts]

    def tokens(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Word pieces (B, P) and mask (B, P) of texts that were spelled by `for_similarity`."""
        made = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.info.max_length, return_tensors="pt"
        )
        return made["input_ids"], made["attention_mask"]


def _bare(text: str) -> list[str]:
    """The words of a text without a list letter before it; obliging is the same with either verb."""
    words = _WORDS.findall(_LETTER.sub("", text.lower()))
    return ["shall" if word == "must" else word for word in words]


def both_ways(
    network: Network, tokens: torch.Tensor, mask: torch.Tensor, cosine: torch.Tensor, figures: torch.Tensor
) -> torch.Tensor:
    """Head scores (B,), 0 to 1, the mean over both orders: score(a, b) is score(b, a).

    Args:
        network: Encoder and head.
        tokens: (2B, P, W), first texts, then second texts.
        mask: (2B, P).
        cosine: (B,).
        figures: (B, F).
    """
    half = len(cosine)
    a, b, a_mask, b_mask = tokens[:half], tokens[half:], mask[:half], mask[half:]
    there = torch.sigmoid(network.head(a, a_mask, b, b_mask, cosine, figures).float())
    back = torch.sigmoid(network.head(b, b_mask, a, a_mask, cosine, figures).float())
    return (there + back) / 2


def load_folder(folder: Path, *, ref: str = "") -> SimilarityModel:
    """Load a stored model from its folder, without asking the registry."""
    network, tokenizer, info = models.load(folder)
    return SimilarityModel(network, tokenizer, info, ref or str(folder), folder)


def load_base(base: str = "") -> SimilarityModel:
    """The base model as it is before training: it scores by cosine."""
    network, tokenizer, info = models.build(base or DEFAULT_BASE)
    return SimilarityModel(network, tokenizer, info, "base")


def load_model(ref: str, *, ws: Workspace | None = None) -> SimilarityModel:
    """Load a model by name.

    Args:
        ref: A version (`v3`), an alias (`production`, `candidate`, `previous`), `starter`, `base`, or a
        folder.
        ws: The workspace; the current one without it.

    Raises:
        NotFoundError: If there is no such version.
        IntegrityError: If a file differs from its manifest.
        ModelError: If the model cannot be read.
        BaseModelError: If its base encoder is missing.
    """
    folder = Path(ref).expanduser() if ref else None
    if folder is not None and (folder / INFO_FILE).is_file():
        return load_folder(folder.resolve(), ref=ref)
    from core.registry import store

    version = store.open_version("embeddings", ref, ws=ws)
    if version.kind == "base":
        return load_base(version.base_model)
    return load_folder(version.path, ref=ref)


def predict_path(
    ref: str,
    source: str | Path,
    target: str | Path,
    *,
    ws: Workspace | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> int:
    """Score every pair of a file and write one line `{"a", "b", "score"}` for each.

    Returns:
        Number of pairs.

    Raises:
        DatasetError: Naming the line that cannot be read.
    """
    from core.datasets.importers.pairs import read_pairs

    rows = read_pairs(Path(source), graded=False)
    if not rows:
        raise DatasetError(
            f"The file {str(source)!r} holds no pairs.", 'Expected lines like {"a": "...", "b": "..."}.'
        )
    found = load_model(ref, ws=ws).score(
        [row["a"] for row in rows], [row["b"] for row in rows], batch_size=batch_size, progress=progress
    )
    lines = [
        json.dumps({"a": row["a"], "b": row["b"], "score": round(float(value), 4)}, ensure_ascii=False)
        for row, value in zip(rows, found, strict=True)
    ]
    write_bytes_atomic(
        Path(target), "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
    )
    return len(rows)
