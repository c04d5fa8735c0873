"""The best weights of a training so far, on disk beside the resume points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from core.workspace import read_json, write_json_atomic
from core.yolo.weights import read_state, save_state

WEIGHTS_FILE = "best.safetensors"
FIGURES_FILE = "best.json"


class BestWeights:
    """Keeps the weights with the highest fitness.

    Args:
        folder: Where they are written.
        fresh: True to forget what an earlier training left there.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.figures: dict[str, Any] = {}
        if fresh:
            (folder / FIGURES_FILE).unlink(missing_ok=True)
        elif (folder / FIGURES_FILE).is_file() and (folder / WEIGHTS_FILE).is_file():
            self.figures = read_json(folder / FIGURES_FILE)

    def offer(self, network: torch.nn.Module, figures: dict[str, float], epoch: int) -> bool:
        """Keep these weights if their `fitness` is higher than any before; return whether they are kept."""
        if self.figures and figures["fitness"] <= self.figures["fitness"]:
            return False
        part = self.folder / f".{WEIGHTS_FILE}.part"
        save_state(network.state_dict(), part)
        part.replace(self.folder / WEIGHTS_FILE)
        self.figures = {**figures, "epoch": epoch}
        write_json_atomic(self.folder / FIGURES_FILE, self.figures)
        return True

    def state(self) -> dict[str, torch.Tensor]:
        """The best weights."""
        return read_state(self.folder / WEIGHTS_FILE)
