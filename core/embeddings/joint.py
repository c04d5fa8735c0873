"""The pair head: a light network that reads both texts' token vectors together and re-scores the pair.

The encoder below it and the files around it are model.py; nothing here knows texts.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_JUDGED = 64  # size of what is known of a pair before the last layer


class WordComparison(nn.Module):
    """Sets each word of a text against what resembles it most in the other one.

    A changed number or thing in a long sentence leaves one word without a counterpart, which a mean over all
    words hides. So words are compared one by one and the largest difference is kept beside the mean
    (decomposable attention, Parikh et al. 2016, arXiv 1606.01933; its compared features are those of ESIM,
    Chen et al. 2017, arXiv 1609.06038).

    Args:
        width: Size of a token vector.
        inner: Size of what is learnt of a compared word.
        out: Size of the result.
    """

    def __init__(self, width: int, inner: int, out: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.alike = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.alike.weight)
        self.sharpness = nn.Parameter(torch.tensor(12.0))
        self.word = nn.Sequential(
            nn.Linear(4 * width + 1, inner),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(inner, inner),
            nn.GELU(),
        )
        self.read = nn.Sequential(nn.Linear(3 * inner, out), nn.GELU(), nn.Linear(out, out))
        # Added to a head that is already trained, it begins by changing nothing.
        nn.init.zeros_(self.read[2].weight)
        nn.init.zeros_(self.read[2].bias)

    def forward(
        self, a: torch.Tensor, a_mask: torch.Tensor, b: torch.Tensor, b_mask: torch.Tensor
    ) -> torch.Tensor:
        """What the words of two texts say of each other.

        Args:
            a: (B, P, W) token vectors of the first texts.
            a_mask: (B, P) 1 where there is a token.
            b: (B, Q, W) of the second texts.
            b_mask: (B, Q).

        Returns:
            (B, out), the same for (a, b) and (b, a) up to rounding.
        """
        a, b = self.norm(a), self.norm(b)
        sims = functional.normalize(self.alike(a), dim=-1) @ functional.normalize(
            self.alike(b), dim=-1
        ).transpose(1, 2)
        one = self._compared(a, a_mask, b, b_mask, sims)
        other = self._compared(b, b_mask, a, a_mask, sims.transpose(1, 2))
        (most_one, mean_one), (most_other, mean_other) = one, other
        return self.read(
            torch.cat(
                [
                    torch.maximum(most_one, most_other),
                    torch.minimum(most_one, most_other),
                    mean_one + mean_other,
                ],
                1,
            )
        )

    def _compared(
        self,
        a: torch.Tensor,
        a_mask: torch.Tensor,
        b: torch.Tensor,
        b_mask: torch.Tensor,
        sims: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        absent = (b_mask == 0).unsqueeze(1)
        counterpart = (sims * self.sharpness).masked_fill(absent, -1e4).softmax(2) @ b
        best = sims.masked_fill(absent, -1.0).amax(2, keepdim=True)
        words = self.word(torch.cat([a, counterpart, (a - counterpart).abs(), a * counterpart, best], 2))
        return words.masked_fill((a_mask == 0).unsqueeze(2), -1e4).amax(1), _mean(words, a_mask)


class PairHead(nn.Module):
    """Scores pairs from token vectors, cosine and figures of the texts.

    Token vectors of a lower encoder layer go through layers of the head's own, text by text, then through a
    few layers of attention over both texts together. Both may begin as copies of the encoder's layers. Those
    of the encoder must make vectors, too, to which "over" and "under" hardly matter; the head's own are free
    to tell them apart.

    Args:
        width: Size of a token vector.
        layers: Joint layers, 0 for none: then only cosine, pooled vectors and figures count.
        own: Layers that read each text alone, below the joint ones.
        heads: Attention heads.
        inner: Size of the feed-forward layers.
        figures: Number of figures of a pair (`core.text.cues.FEATURES`); further ones are not looked at.
        compare: Inner size of the comparison word by word, 0 for none.
        dropout: While training.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        *,
        heads: int,
        inner: int,
        figures: int,
        compare: int = 0,
        own: int = 0,
        dropout: float = 0.1,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        self.figures = figures
        self.sizes = (width, heads, inner, dropout, eps)
        self.side = nn.Embedding(2, width)
        nn.init.normal_(self.side.weight, std=0.02)
        self.own = nn.ModuleList(self._layer() for _ in range(own))
        self.layers = nn.ModuleList(self._layer() for _ in range(layers))
        self.read = nn.Sequential(
            nn.Linear(2 * width if layers else width, 128), nn.GELU(), nn.Dropout(dropout)
        )
        self.judge = nn.Sequential(nn.Linear(128 + 1 + figures, _JUDGED), nn.GELU(), nn.Linear(_JUDGED, 1))
        self.compare = WordComparison(width, compare, _JUDGED) if compare else None
        # The head begins as the cosine and learns what to add to it: a short training never makes it worse.
        nn.init.zeros_(self.judge[2].weight)
        nn.init.zeros_(self.judge[2].bias)
        self.slope = nn.Parameter(torch.tensor(6.0))
        self.middle = nn.Parameter(torch.tensor(0.5))

    def forward(
        self,
        a: torch.Tensor,
        a_mask: torch.Tensor,
        b: torch.Tensor,
        b_mask: torch.Tensor,
        cosine: torch.Tensor,
        figures: torch.Tensor,
    ) -> torch.Tensor:
        """Logits of the similarity.

        Args:
            a: (B, P, W) token vectors of the first texts, as from `reading`.
            a_mask: (B, P) 1 where there is a token.
            b: (B, Q, W) of the second texts.
            b_mask: (B, Q).
            cosine: (B,) cosine of the text vectors.
            figures: (B, F).

        Returns:
            (B,); symmetric in a and b up to rounding, since sides are exchanged and averaged in the pooled
            difference.
        """
        pooled = self._pooled(a, a_mask, b, b_mask)
        known = self.judge[0](
            torch.cat([self.read(pooled), cosine.unsqueeze(1), figures[:, : self.figures]], 1)
        )
        if self.compare is not None:
            known = known + self.compare(a, a_mask, b, b_mask)
        return self.slope * (cosine - self.middle) + self.judge[2](self.judge[1](known)).squeeze(1)

    def reading(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Token vectors (B, P, W) of an encoder layer after the head's own layers; `mask` is (B, P)."""
        for layer in self.own:
            tokens = layer(tokens, src_key_padding_mask=mask == 0)
        return tokens

    def add_own(self, sources: list[nn.Module]) -> None:
        """Put layers below those of the head's own, as copies of BERT layers, the lowest first."""
        device = self.side.weight.device
        added = nn.ModuleList(self._layer() for _ in sources).to(device)
        copy_bert_layers(sources, added)
        self.own = nn.ModuleList([*added, *self.own])

    def add_comparison(self, inner: int) -> list[nn.Parameter]:
        """Add an untrained comparison word by word, where there is none yet; its parameters."""
        if self.compare is not None:
            return []
        self.compare = WordComparison(self.side.embedding_dim, inner, _JUDGED).to(self.side.weight.device)
        return list(self.compare.parameters())

    def _layer(self) -> nn.TransformerEncoderLayer:
        width, heads, inner, dropout, eps = self.sizes
        return nn.TransformerEncoderLayer(
            width, heads, inner, dropout, activation="gelu", layer_norm_eps=eps, batch_first=True
        )

    def _pooled(
        self, a: torch.Tensor, a_mask: torch.Tensor, b: torch.Tensor, b_mask: torch.Tensor
    ) -> torch.Tensor:
        if not self.layers:
            return (_mean(a, a_mask) - _mean(b, b_mask)).abs()
        both = torch.cat([a + self.side.weight[0], b + self.side.weight[1]], 1)
        padding = torch.cat([a_mask, b_mask], 1) == 0
        for layer in self.layers:
            both = layer(both, src_key_padding_mask=padding)
        u, v = both[:, : a.shape[1]], both[:, a.shape[1] :]
        u, v = _mean(u, a_mask), _mean(v, b_mask)
        return torch.cat([(u - v).abs(), u + v], 1)


def fresh_parameters(head: PairHead) -> list[nn.Parameter]:
    """The parameters that do not begin as copies; they may learn faster."""
    return [value for name, value in head.named_parameters() if not name.startswith(("layers.", "own."))]


def _mean(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)


def copy_bert_layers(source: list[nn.Module], target: nn.ModuleList) -> None:
    """Fill the joint layers with the weights of BERT layers of the same sizes."""
    with torch.no_grad():
        for old, new in zip(source, target, strict=True):
            state = dict(old.named_parameters())
            query, key, value = (
                (state[f"attention.self.{name}.weight"], state[f"attention.self.{name}.bias"])
                for name in ("query", "key", "value")
            )
            new.self_attn.in_proj_weight.copy_(torch.cat([query[0], key[0], value[0]]))
            new.self_attn.in_proj_bias.copy_(torch.cat([query[1], key[1], value[1]]))
            for mine, theirs in (
                (new.self_attn.out_proj, "attention.output.dense"),
                (new.norm1, "attention.output.LayerNorm"),
                (new.linear1, "intermediate.dense"),
                (new.linear2, "output.dense"),
                (new.norm2, "output.LayerNorm"),
            ):
                mine.weight.copy_(state[f"{theirs}.weight"])
                mine.bias.copy_(state[f"{theirs}.bias"])
