"""The losses of the two stages: of the vectors (sentence-transformers' own), of the pair head, against
forgetting."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from torch import nn
from torch.nn import functional

from core.embeddings.model import Network

# Mean squared error of scores in 0..1 is small beside the head's cross-entropy; this brings both to one size.
_SQUARES = 4.0
_RANKING = 0.1
_REHEARSE_EVERY = 4
_EQUAL = 0.85
_LEAST_GAP = 0.15  # of two grades that are set against each other


class PairLoss(nn.Module):
    """Vectors and head against the grades, and everyday sentences against the base model.

    Args:
        model: The trainer's model around the network.
        network: Encoder and head.
        kind: `mse`, `cosent`, `angle`, `ranking` or `mse+cosent`.
        head_weight: Weight of the head's error.
        contrast: Weight of differences between pairs that share a text, see `contrast`; 0 for none.
        rehearsal: Weight of the pull towards the base model, 0 for none.
        sentences: (input_ids, attention_mask) of everyday sentences.
        remembered: (R, R) cosines of the base model between them.
        share: How many of them are looked at in each step.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        network: Network,
        *,
        kind: str,
        head_weight: float,
        contrast: float = 0.0,
        rehearsal: float = 0.0,
        sentences: tuple[torch.Tensor, torch.Tensor] | None = None,
        remembered: torch.Tensor | None = None,
        share: int = 16,
    ) -> None:
        super().__init__()
        self.model, self.kind = model, kind
        # Kept out of the module tree: it is the trainer's model already.
        object.__setattr__(self, "network", network)
        self.head_weight, self.contrast = head_weight, contrast
        self.rehearsal, self.share = rehearsal, share
        self.sentences, self.remembered = sentences, remembered
        self.turn = 0
        self.cosent = losses.CoSENTLoss(model)
        self.angle = losses.AnglELoss(model)
        self.rank = losses.MultipleNegativesRankingLoss(model)

    def forward(
        self, sentence_features: Sequence[dict[str, torch.Tensor]], labels: torch.Tensor
    ) -> torch.Tensor:
        """Loss of one batch; `labels` is (B, 1 + F): the grade, then the figures."""
        grades, figures = labels[:, 0], labels[:, 1:]
        (a, a_tokens, a_mask), (b, b_tokens, b_mask) = (self._read(part) for part in sentence_features)
        cosine = (a * b).sum(1)
        logits = self.network.head(a_tokens, a_mask, b_tokens, b_mask, cosine, figures).float()
        total = cosine.new_zeros(()) if self.network.still else self._of_vectors(a, b, cosine, grades)
        total = total + self.head_weight * functional.binary_cross_entropy_with_logits(logits, grades)
        if self.contrast and self.training:
            twins = share_a_text(*(part["input_ids"] for part in sentence_features))
            gaps = contrast(torch.sigmoid(logits), grades, twins)
            if not self.network.still:
                gaps = gaps + contrast(cosine, grades, twins)
            total = total + self.contrast * _SQUARES * gaps
        # Not in every step: it costs as much as the pairs themselves, and everyday similarity drifts slowly.
        if self.rehearsal and self.training and self.turn % _REHEARSE_EVERY == 0:
            total = total + self.rehearsal * _SQUARES * self._forgotten()
        return total

    def _read(self, part: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        vectors, tokens = self.network.read(part["input_ids"], part["attention_mask"])
        return vectors, tokens, part["attention_mask"]

    def _of_vectors(
        self, a: torch.Tensor, b: torch.Tensor, cosine: torch.Tensor, grades: torch.Tensor
    ) -> torch.Tensor:
        total = cosine.new_zeros(())
        if "mse" in self.kind:
            total = total + _SQUARES * functional.mse_loss(cosine, grades)
        if "cosent" in self.kind:
            total = total + _RANKING * self.cosent.compute_loss_from_embeddings([a, b], grades)
        if self.kind == "angle":
            total = total + _RANKING * self.angle.compute_loss_from_embeddings([a, b], grades)
        if self.kind == "ranking":
            equal = grades >= _EQUAL
            if equal.any():
                parts = [a[equal], b[equal]]
                if int((~equal).sum()) >= int(equal.sum()):
                    # Texts of pairs that differ are the hard negatives, as many as there are equal pairs.
                    parts.append(b[~equal][: int(equal.sum())])
                total = total + self.rank.compute_loss_from_embeddings(parts, None)
        return total

    def _forgotten(self) -> torch.Tensor:
        ids, mask = self.sentences
        count = len(ids)
        # The same sentences at the same step after a resume: the turn follows from the step alone.
        start = (self.turn // _REHEARSE_EVERY * self.share) % count
        chosen = [(start + n) % count for n in range(min(self.share, count))]
        vectors = self.network.vectors(ids[chosen], mask[chosen])
        return functional.mse_loss(vectors @ vectors.T, self.remembered[chosen][:, chosen])


def share_a_text(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(B, B) true where two pairs of a batch have the first text, or the second, in common.

    Args:
        a: (B, P) word pieces of the first texts.
        b: (B, Q) of the second texts.
    """
    one, other = ((ids.unsqueeze(0) == ids.unsqueeze(1)).all(2) for ids in (a, b))
    return (one != other).triu(1)


def contrast(scores: torch.Tensor, grades: torch.Tensor, twins: torch.Tensor) -> torch.Tensor:
    """Mean squared error of differences of score between pairs that share a text and differ in grade.

    How alike two texts are in all else is the same for both pairs and falls out; what is left is what the
    one difference is worth.

    Args:
        scores: (B,) 0 to 1.
        grades: (B,) 0 to 1.
        twins: (B, B) as from `share_a_text`.

    Returns:
        The mean over the batch's pairs, 0 where no two share a text.
    """
    wanted = grades.unsqueeze(1) - grades.unsqueeze(0)
    found = scores.unsqueeze(1) - scores.unsqueeze(0)
    chosen = twins & (wanted.abs() > _LEAST_GAP)
    return ((found - wanted) ** 2 * chosen).sum() / len(grades)


class Restorer(nn.Module):
    """A one-layer decoder that writes the whole text from the vector of the damaged one (TSDAE, arXiv
    2104.06979).

    It is thrown away after the first stage; one layer keeps the knowledge in the vector.

    Args:
        words: The encoder's word table; it is read, not trained.
        heads: Attention heads.
    """

    def __init__(self, words: nn.Embedding, heads: int) -> None:
        super().__init__()
        width = words.embedding_dim
        self.layer = nn.TransformerDecoderLayer(
            width, heads, 2 * width, 0.1, activation="gelu", batch_first=True
        )
        self.places = nn.Embedding(512, width)
        object.__setattr__(self, "words", words)

    def forward(self, vectors: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the next word piece given those before it and the vector (B, W)."""
        seen, wanted = ids[:, :-1], ids[:, 1:]
        length = seen.shape[1]
        states = self.words(seen) + self.places(torch.arange(length, device=ids.device))
        causal = torch.triu(torch.ones(length, length, dtype=torch.bool, device=ids.device), diagonal=1)
        states = self.layer(states, vectors.unsqueeze(1).to(states.dtype), tgt_mask=causal)
        logits = (states @ self.words.weight.T.to(states.dtype)).float()
        wanted = wanted.masked_fill(mask[:, 1:] == 0, -100)
        return functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)


class TextLoss(nn.Module):
    """The first stage, on texts without grades.

    simcse: both sides are the same text under different dropout, told from the other texts of the batch
    (arXiv 2104.08821). tsdae: the text is restored from the vector of its damaged copy.
    """

    def __init__(self, model: SentenceTransformer, network: Network, restorer: Restorer | None) -> None:
        super().__init__()
        self.model = model
        # Kept out of the module tree: both are parts of the trainer's model already.
        object.__setattr__(self, "network", network)
        object.__setattr__(self, "restorer", restorer)
        self.rank = losses.MultipleNegativesRankingLoss(model)

    def forward(
        self, sentence_features: Sequence[dict[str, torch.Tensor]], labels: torch.Tensor
    ) -> torch.Tensor:
        """Loss of one batch; the grades in `labels` are not looked at."""
        one, other = sentence_features
        vectors = self.network.vectors(one["input_ids"], one["attention_mask"])
        if self.restorer is not None:
            return self.restorer(vectors, other["input_ids"], other["attention_mask"])
        again = self.network.vectors(other["input_ids"], other["attention_mask"])
        return self.rank.compute_loss_from_embeddings([vectors, again], None)
