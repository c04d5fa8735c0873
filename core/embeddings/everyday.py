"""Everyday sentences during a training: does the network still tell them apart as the base model did?

What a finished model kept is stress.py's `general_similarity`; this measures a network between two epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from core.embeddings.model import Network
from core.embeddings.score import spearman
from core.embeddings.stress import general_rows
from core.text.normal import for_similarity

LEAST_KEPT = 0.6  # of the changes; below it the head reads token vectors that it does not know
_STEP = 0.05


class Everyday:
    """The general set that ships, encoded once.

    Args:
        tokenizer: Of the base encoder.
        max_length: Word pieces read of a text.
    """

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        rows = general_rows()
        texts = [for_similarity(row[side]) for side in ("a", "b") for row in rows]
        made = tokenizer(texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
        self.ids, self.mask = made["input_ids"], made["attention_mask"]
        self.grades = np.asarray([row["score"] for row in rows])

    def measure(self, network: Network, *, bf16: bool = False) -> dict[str, float]:
        """How well cosines follow the grades.

        Returns:
            `general_spearman` (-1 to 1) and `general_loss`, the mean squared distance of cosine and grade.
        """
        device = next(network.parameters()).device
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            vectors = network.vectors(self.ids.to(device), self.mask.to(device))
        half = len(self.grades)
        cosine = (vectors[:half] * vectors[half:]).sum(1).float().cpu().numpy()
        return {
            "general_spearman": spearman(cosine, self.grades) or 0.0,
            "general_loss": float(np.mean((cosine - self.grades) ** 2)),
        }

    def held(
        self, network: Network, initial: Mapping[str, torch.Tensor], before: float, limit: float
    ) -> float:
        """Pull the encoder towards the base model until no more than `limit` is lost.

        The weights between a trained network and an untrained one keep most of what was learnt and
        much of what was known before (Wortsman et al. 2022, arXiv 2109.01903).

        Args:
            network: The trained network; changed in place.
            initial: Weights of the base encoder (of adapters: as they began), by name.
            before: `general_spearman` of the base model.
            limit: Largest loss.

        Returns:
            The share of the changes that is kept, `LEAST_KEPT` to 1.
        """
        trained = {
            name: value.detach().clone()
            for name, value in network.encoder.named_parameters()
            if name in initial
        }
        kept = 1.0
        while before - self.measure(network)["general_spearman"] > limit and kept > LEAST_KEPT:
            kept = max(LEAST_KEPT, round(kept - _STEP, 2))
            with torch.no_grad():
                for name, value in network.encoder.named_parameters():
                    if name in initial:
                        value.copy_(torch.lerp(initial[name].to(value), trained[name], kept))
        return kept
