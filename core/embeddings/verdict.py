"""The last word on a pair: a small network that weighs head, cosine, word by word alignment and figures.

It is fitted on pairs of topics that the encoder never learnt from. There the encoder errs as it will on new
texts; on its own training pairs it hardly errs, and whoever weighs it there trusts it too much.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from core.embeddings.batches import PairExamples, collate, members_of
from core.embeddings.score import spearman

ALIGNED = 6  # figures of one alignment, see `alignment`
_HIDDEN, _MEMBERS, _BATCH, _RATE = 48, 6, 512, 5e-3
# Updates for so many pairs. Measured on groups held back: 400 pairs do best with 150, 2,400 and 8,000 with
# about 300, and with 16,000 the number hardly matters.
_LEAST_STEPS, _MOST_STEPS, _PAIRS_A_STEP = 150, 1500, 13
_KNOTS = 41
# How far scores are spread to the grades' own distribution: 1 would make both alike. Halfway the mean error
# on held back pairs is about the least, and the squared error hardly larger than without.
_SPREAD = 0.5
# Generated pairs have one grade for each kind of difference. Taken as they are, such steps in the
# distribution draw whole ranges of answers to one grade, and an edit within such a range hardly moves the
# score. Widened by this much, rank correlation and squared error on held back pairs stay, and 2 of 100 edits
# more show.
_GRADE_WIDTH = 0.04
# Weight of the loss on how far an edit moves the score. Measured: 0.25 costs nothing on groups held back
# and moves 2 to 4 of 100 edits more by over 0.2; 1.0 moves more and costs 0.01 of rank correlation there.
_CONTRAST = 0.25
_LEAST_CONTRAST = 0.15  # grades nearer than this say nothing of an edit
_FAREST = 6.0  # standard deviations
_LEAST_PAIRS = 200
_LEAST_RARITY = 0.3


class Verdict(nn.Module):
    """Weighs what is known of a pair.

    Args:
        words: Size of the word table.
        figures: Figures of a pair, see `evidence`.
        members: Networks whose answers are averaged.
        hidden: Their width.
        knots: Points of the curve that spreads the answers, see `fit_spread`; 0 for none.
    """

    def __init__(
        self, words: int, figures: int, *, members: int = _MEMBERS, hidden: int = _HIDDEN, knots: int = 0
    ) -> None:
        super().__init__()
        self.sizes = {
            "words": words, "figures": figures, "members": members, "hidden": hidden, "knots": knots
        }  # fmt: skip
        self._keep_curve(torch.linspace(0, 1, knots), torch.linspace(0, 1, knots))
        self.register_buffer("rarity", torch.ones(words))
        self.register_buffer("mean", torch.zeros(figures))
        self.register_buffer("scale", torch.ones(figures))
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Linear(figures, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, hidden), nn.GELU(),
                nn.Dropout(0.1), nn.Linear(hidden, 1),
            )
            for _ in range(members)
        )  # fmt: skip

    def forward(self, evidence: torch.Tensor) -> torch.Tensor:
        """Similarity (B,), 0 to 1, from `evidence` (B, F)."""
        seen = self.standard(evidence)
        score = torch.stack([torch.sigmoid(member(seen).squeeze(1)) for member in self.members]).mean(0)
        return self._spread(score) if len(self.found) else score

    def standard(self, evidence: torch.Tensor) -> torch.Tensor:
        """Evidence (B, F) in standard deviations from the mean, as the networks read it."""
        return ((evidence - self.mean) / self.scale).clamp(-_FAREST, _FAREST)

    def _keep_curve(self, found: torch.Tensor, given: torch.Tensor) -> None:
        # What was stored before there was a curve names none.
        for name, points in (("found", found), ("given", given)):
            self.register_buffer(name, points, persistent=len(points) > 0)

    def _spread(self, score: torch.Tensor) -> torch.Tensor:
        right = torch.searchsorted(self.found, score.contiguous()).clamp(1, len(self.found) - 1)
        low, high = self.found[right - 1], self.found[right]
        share = ((score - low) / (high - low)).clamp(0, 1)
        return self.given[right - 1].lerp(self.given[right], share)

    def fit_spread(self, scores: torch.Tensor, grades: torch.Tensor) -> None:
        """Learn a rising curve that brings the answers closer to the distribution of the grades.

        Who is unsure answers with something in the middle, so answers lie closer together than grades, and a
        change that matters moves them too little. The curve goes halfway to the one under which answers and
        grades are distributed alike (quantile mapping); the order of any two pairs stays.

        Args:
            scores: (N,) answers without a curve, on pairs that were not fitted on.
            grades: (N,).
        """
        places = np.linspace(0, 1, _KNOTS - 2)
        found = np.quantile(np.asarray(scores, dtype=float), places)
        # Each grade stands for a normal distribution around it, what lies outside 0 to 1 mirrored inwards.
        normal = np.array([NormalDist(0, _GRADE_WIDTH).inv_cdf((n + 0.5) / 20) for n in range(20)])
        wide = np.abs(np.asarray(grades, dtype=float)[:, None] + normal)
        wanted = np.quantile(np.where(wide > 1, 2 - wide, wide), places)
        given = (1 - _SPREAD) * found + _SPREAD * wanted
        # Ends that stay, and no two equal places.
        found, given = (np.concatenate([[0.0], line, [1.0]]) for line in (found, given))
        found = np.maximum.accumulate(found + np.linspace(0, 1e-4, _KNOTS))
        self._keep_curve(
            torch.from_numpy(found.astype(np.float32)),
            torch.from_numpy(np.maximum.accumulate(given).astype(np.float32)),
        )
        self.sizes["knots"] = _KNOTS


def rarity_of(texts: Sequence[Sequence[int]], words: int) -> torch.Tensor:
    """How much a word piece tells, 0.3 to 1: its inverse document frequency among texts (lists of pieces)."""
    seen = np.zeros(words)
    for pieces in texts:
        seen[np.unique(np.asarray(pieces, np.int64))] += 1
    weight = np.log((len(texts) + 1) / (seen + 1)).clip(_LEAST_RARITY)
    return torch.from_numpy((weight / weight.max()).clip(_LEAST_RARITY).astype(np.float32))


def alignment(
    a: torch.Tensor, a_weight: torch.Tensor, b: torch.Tensor, b_weight: torch.Tensor
) -> torch.Tensor:
    """How well the words of two texts find partners in each other.

    Args:
        a: (B, P, W) token vectors.
        a_weight: (B, P) rarity of each token, 0 where there is none or a special one.
        b: (B, Q, W).
        b_weight: (B, Q).

    Returns:
        (B, 12): weighted mean and least of the best cosines, largest gap, mean of the three largest, sum of
        the gaps, and exp(-sum); the smaller of both directions, then the larger.
    """
    sims = functional.normalize(a.float(), dim=-1) @ functional.normalize(b.float(), dim=-1).transpose(1, 2)
    directions = []
    for best, weight in (
        (sims.masked_fill((b_weight == 0).unsqueeze(1), -1.0).amax(2), a_weight),
        (sims.masked_fill((a_weight == 0).unsqueeze(2), -1.0).amax(1), b_weight),
    ):
        best = best.masked_fill(weight == 0, 1.0)
        gaps = (1 - best) * weight
        largest = gaps.topk(min(3, gaps.shape[1]), dim=1).values
        total = gaps.sum(1)
        mean = (best * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
        directions.append(
            torch.stack([mean, best.amin(1), largest[:, 0], largest.mean(1), total, torch.exp(-total)], 1)
        )
    both = torch.stack(directions)
    return torch.cat([both.amin(0), both.amax(0)], 1)


def evidence(
    network: Any, rarity: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, tokens: torch.Tensor,
    cosine: torch.Tensor, score: torch.Tensor, figures: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """Everything known of B pairs.

    Args:
        network: Encoder and head; its word table is read.
        rarity: (V,) as from `rarity_of`.
        ids: (2B, P) word pieces, first texts, then second texts.
        mask: (2B, P).
        tokens: (2B, P, W) token vectors of the layer that the head reads.
        cosine: (B,).
        score: (B,) of the head, 0 to 1.
        figures: (B, F).

    Returns:
        (B, 28 + F) float32, the same for (a, b) and (b, a).
    """
    half = len(cosine)
    # The first and the last piece of a text are marks, not words.
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, (mask.sum(1, keepdim=True) - 1).clamp(min=0), 0)
    weight = rarity.to(ids.device)[ids] * inner
    words = network.encoder.get_input_embeddings().weight[ids]
    parts = [
        alignment(vectors[:half], weight[:half], vectors[half:], weight[half:]) for vectors in (words, tokens)
    ]
    counts = torch.stack([inner[:half].sum(1), inner[half:].sum(1)], 1).float()
    lengths = torch.stack([counts.amin(1), counts.amax(1)], 1)
    alone = torch.stack([torch.logit(score.float().clamp(1e-4, 1 - 1e-4)), cosine.float()], 1)
    return torch.cat([alone, *parts, lengths, figures.float()], 1)


@dataclass(frozen=True)
class Settled:
    """Outcome of `settle`.

    Args:
        verdict: The fitted network, or None where it did not help.
        pairs: Pairs that it was fitted on in the end.
        head: Spearman of the head on pairs held back from a first fit.
        together: Spearman of that fit on the same.
    """

    verdict: Verdict | None
    pairs: int
    head: float
    together: float


def settle(
    network: Any,
    examples: PairExamples,
    groups: Sequence[str],
    known: Sequence[Sequence[int]],
    *,
    pad_id: int,
    bf16: bool = False,
    seed: int = 0,
    steps: int = 0,
    rarity: torch.Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Settled:
    """Fit a verdict on pairs that the encoder did not learn from, if it helps.

    Args:
        network: Trained encoder and head, in evaluation mode.
        examples: Graded pairs, at least 200; every fifth group is held back from a first fit to see whether
            it helps, and joins the final one if it does.
        groups: Group of each pair.
        known: Word pieces of the training texts, for the rarity of words.
        pad_id: Id of the padding.
        bf16: Whether the network computes in bf16.
        seed: Of the start and the order.
        steps: Updates; 0 takes a number that suits the pairs.
        rarity: As from `rarity_of`, instead of counting `known`: few texts would call every other word rare.
        progress: Called with (pairs read, pairs in all).
    """
    words = int(network.encoder.get_input_embeddings().weight.shape[0])
    rarity = rarity_of(known, words) if rarity is None else rarity
    facts, scores = _collect(network, examples, rarity, pad_id, bf16, progress)
    grades = torch.from_numpy(examples.scores)
    names = sorted(set(groups))
    held_names = set(names[::5])
    held = torch.tensor([group in held_names for group in groups])
    if len(examples) < _LEAST_PAIRS or not held.any() or held.all():
        return Settled(None, 0, 0.0, 0.0)
    verdict = Verdict(words, facts.shape[1])
    verdict.rarity.copy_(rarity)
    twins = twins_of(examples)
    _fit(verdict, facts[~held], grades[~held], _among(twins, ~held), seed, steps)
    with torch.inference_mode():
        found = verdict(facts[held])
    truth = grades[held].numpy()
    head = spearman(scores[held].numpy(), truth) or 0.0
    together = spearman(found.numpy(), truth) or 0.0
    if together <= head:
        return Settled(None, int((~held).sum()), round(head, 4), round(together, 4))
    # It helps: what was held back to learn that teaches, too.
    _fit(verdict, facts, grades, twins, seed, steps)
    verdict.fit_spread(found, grades[held])
    return Settled(verdict, len(examples), round(head, 4), round(together, 4))


def twins_of(examples: PairExamples) -> torch.Tensor:
    """Two pairs that share one text, differ in the other and are graded apart: what an edit is worth.

    Returns:
        (T, 2) places among the pairs.
    """
    a, b, grades = examples.a, examples.b, examples.scores
    found = [
        pair
        for places in members_of(examples.sets)
        for pair in itertools.combinations(places, 2)
        if (a[pair[0]] == a[pair[1]]) != (b[pair[0]] == b[pair[1]])
        and abs(float(grades[pair[0]] - grades[pair[1]])) > _LEAST_CONTRAST
    ]
    return torch.tensor(found, dtype=torch.long).reshape(-1, 2)


def _among(twins: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The twins of which both pairs are chosen, as places among the chosen pairs."""
    places = torch.cumsum(chosen, 0) - 1
    return places[twins[chosen[twins].all(1)]]


def _collect(
    network: Any, examples: PairExamples, rarity: torch.Tensor, pad_id: int, bf16: bool,
    progress: Callable[[int, int], None] | None,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    from core.embeddings.predict import both_ways
    from core.embeddings.trainer import stacked

    device = next(network.parameters()).device
    order = sorted(range(len(examples)), key=lambda n: examples.lengths[n])
    facts: list[torch.Tensor | None] = [None] * len(order)
    scores = torch.zeros(len(order))
    for begin in range(0, len(order), 64):
        part = order[begin : begin + 64]
        batch = collate([examples[n] for n in part], pad_id=pad_id)
        ids, mask = stacked(batch, device)
        figures = batch["label"][:, 1:].to(device)
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            vectors, tokens = network.read(ids, mask)
            cosine = (vectors[: len(part)] * vectors[len(part) :]).sum(1)
            score = both_ways(network, tokens, mask, cosine, figures)
            seen = evidence(network, rarity, ids, mask, tokens, cosine, score, figures)
        scores[part] = score.float().cpu()
        for place, row in zip(part, seen.float().cpu(), strict=True):
            facts[place] = row
        if progress is not None:
            progress(min(begin + 64, len(order)), len(order))
    return torch.stack(facts), scores


def _fit(
    verdict: Verdict, facts: torch.Tensor, grades: torch.Tensor, twins: torch.Tensor, seed: int, steps: int
) -> None:
    steps = steps or min(_MOST_STEPS, max(_LEAST_STEPS, len(facts) // _PAIRS_A_STEP))
    facts, grades = facts.clone(), grades.clone().float()  # out of inference mode
    verdict.mean.copy_(facts.mean(0))
    verdict.scale.copy_(facts.std(0) + 1e-6)
    seen = verdict.standard(facts)
    apart = grades[twins[:, 0]] - grades[twins[:, 1]]
    with torch.random.fork_rng(devices=[]):
        for number, member in enumerate(verdict.members):
            torch.manual_seed(1000 * seed + number)
            for layer in member:
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()
            optimizer = torch.optim.AdamW(member.parameters(), lr=_RATE, weight_decay=0.02)
            member.train()
            for step in range(steps):
                for group in optimizer.param_groups:
                    group["lr"] = _RATE * (1 - step / steps)
                chosen = torch.randint(0, len(facts), (min(_BATCH, len(facts)),))
                answers = member(seen[chosen]).squeeze(1)
                loss = functional.binary_cross_entropy_with_logits(answers, grades[chosen])
                if len(twins):
                    picked = torch.randint(0, len(twins), (_BATCH // 2,))
                    one, other = (torch.sigmoid(member(seen[twins[picked, n]]).squeeze(1)) for n in (0, 1))
                    loss = loss + _CONTRAST * functional.mse_loss(one - other, apart[picked])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    verdict.eval()
