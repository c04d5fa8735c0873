"""Weights that are kept aside while training: the best so far, and a running average.

When they are taken and used is the trainer's business.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from core.errors import TrainingError

BEST_FILE = "best.safetensors"
AVERAGE_FILE = "average.safetensors"


def trainable(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training changes, by name."""
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}


def save_weights(network: nn.Module, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write the weights that training changes."""
    weights = {name: value.detach().cpu().contiguous() for name, value in trainable(network).items()}
    save_file(weights, path, metadata={"format": "pt", **(notes or {})})


def load_weights(network: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote.

    Raises:
        TrainingError: If the file holds other weights than those that training changes in this network.
    """
    kept, learnt = load_file(path), trainable(network)
    sizes = [{name: tuple(value.shape) for name, value in part.items()} for part in (kept, learnt)]
    if sizes[0] != sizes[1]:
        other = len({name for name in kept.keys() | learnt if sizes[0].get(name) != sizes[1].get(name)})
        raise TrainingError(
            f"The weights kept in {path.parent.name}/{path.name} are those of another network: {other} of "
            f"{len(learnt)} parts differ. An earlier edition of the Studio began this training.",
            "Start it anew with the same settings.",
        )
    with torch.no_grad():
        for name, value in kept.items():
            learnt[name].copy_(value)


@dataclass
class BestWeights:
    """The best changed weights so far, kept in one file that is replaced atomically.

    Args:
        folder: Where the file lies.
        select_by: A metric that grows, such as `f1`; or `loss` or `last`.
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
        """True when `metrics` beat the best so far; an equal metric is decided by the loss."""
        if self.select_by == "last" or not self.metrics:
            return True
        if self.select_by == "loss":
            return metrics["loss"] < self.metrics["loss"]
        name = self.select_by
        return (metrics[name], -metrics["loss"]) > (self.metrics[name], -self.metrics["loss"])

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


class RunningAverage:
    """Exponential moving average of the changed weights.

    Args:
        network: The network; its weights at this moment start the average.
        memory: Weight of the past, 0 to 1; it is lower during the first updates: `min(memory, (1+n)/(10+n))`.
    """

    def __init__(self, network: nn.Module, memory: float) -> None:
        self.memory = memory
        self.updates = 0
        self.network = network
        self.weights = {name: value.detach().clone() for name, value in trainable(network).items()}

    def update(self) -> None:
        """Take in the network's present weights."""
        self.updates += 1
        memory = min(self.memory, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            for name, value in trainable(self.network).items():
                self.weights[name].lerp_(value.detach(), 1 - memory)

    def swap(self) -> None:
        """Exchange the network's weights and the average."""
        with torch.no_grad():
            for name, value in trainable(self.network).items():
                present = value.detach().clone()
                value.copy_(self.weights[name])
                self.weights[name].copy_(present)

    def save(self, folder: Path) -> None:
        weights = {name: value.cpu().contiguous() for name, value in self.weights.items()}
        save_file(weights, folder / AVERAGE_FILE, metadata={"updates": str(self.updates)})

    def load(self, folder: Path) -> None:
        with safe_open(folder / AVERAGE_FILE, framework="pt") as stored:
            self.updates = int(stored.metadata()["updates"])
            for name in self.weights:
                self.weights[name].copy_(stored.get_tensor(name))
