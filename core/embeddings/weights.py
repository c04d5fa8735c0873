"""The best weights while training, kept in one file that is replaced atomically."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from core.embeddings.model import trainable

BEST_FILE = "best.safetensors"


@dataclass
class BestWeights:
    """The best changed weights so far.

    Args:
        folder: Where the file lies.
        select_by: `spearman`, `loss` or `last`.
    """

    folder: Path
    select_by: str
    metrics: dict[str, float] = field(default_factory=dict)
    step: int = 0
    epoch: float = 0.0

    @property
    def file(self) -> Path:
        return self.folder / BEST_FILE

    def forget(self) -> None:
        """Start anew."""
        self.file.unlink(missing_ok=True)
        self.metrics, self.step, self.epoch = {}, 0, 0.0

    def recall(self, step: int) -> None:
        """Read what an earlier attempt kept, unless it lies after `step` (it will be reached again)."""
        if not self.file.is_file():
            return
        with safe_open(self.file, framework="pt") as stored:
            notes = json.loads(stored.metadata()["nexa"])
        if notes["step"] <= step:
            self.metrics, self.step, self.epoch = notes["metrics"], notes["step"], notes["epoch"]

    def better(self, metrics: dict[str, float]) -> bool:
        """True when `metrics` beat the best so far; equal Spearman is decided by the loss."""
        if self.select_by == "last" or not self.metrics:
            return True
        if self.select_by == "loss":
            return metrics["loss"] < self.metrics["loss"]
        return (metrics["spearman"], -metrics["loss"]) > (self.metrics["spearman"], -self.metrics["loss"])

    def offer(self, network: nn.Module, metrics: dict[str, float], step: int, epoch: float) -> bool:
        """Keep the network's changed weights if they are the best; returns whether they are."""
        if not self.better(metrics):
            return False
        self.metrics, self.step, self.epoch = metrics, step, epoch
        notes = json.dumps({"metrics": metrics, "step": step, "epoch": epoch})
        part = self.file.with_suffix(".part")
        save_weights(network, part, {"nexa": notes})
        os.replace(part, self.file)
        return True

    def put_back(self, network: nn.Module) -> None:
        """Load the best weights into the network."""
        load_weights(network, self.file)


def save_weights(network: nn.Module, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write the weights that training changes."""
    weights = {name: value.detach().cpu().contiguous() for name, value in trainable(network).items()}
    save_file(weights, path, metadata={"format": "pt", **(notes or {})})


def load_weights(network: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote."""
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, value in load_file(path).items():
            parameters[name].copy_(value)
