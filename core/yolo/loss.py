"""The class loss: weights per class and focal loss, put where the library looks for them.

The library has no setting for either; it reads `model.class_weights` and calls `criterion.bce` on every
(image, anchor, class), so these two are what is set here. Nothing here is stored with the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from core.yolo import quiet
from core.yolo.precision import in_fp32

quiet.library()
from ultralytics.utils.loss import v8DetectionLoss  # noqa: E402


class FocalBCE(nn.Module):
    """Binary cross-entropy in which easy examples count less: `|t - p| ** gamma * BCE`.

    For hard targets this is the focal loss (1 - p_t) ** gamma of Lin et al. 2017 without its alpha; `|t - p|`
    extends it to the soft targets of the task-aligned assigner (Li et al. 2020, quality focal loss).

    Args:
        gamma: 0 is plain cross-entropy.
    """

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each element; both arguments and the result have the same shape."""
        loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return loss * (targets - logits.sigmoid()).abs().pow(self.gamma)


class DetectionLoss(v8DetectionLoss):
    """The library's loss, always computed in fp32: decoded in bf16, boxes are off by up to two pixels."""

    def loss(
        self, preds: dict[str, Any], batch: dict[str, Any]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Sum of the box, class and edge losses times the batch size, and each of them by name."""
        with torch.autocast(preds["boxes"].device.type, enabled=False):
            exact = {name: preds[name].float() for name in ("boxes", "scores")}
            exact["feats"] = in_fp32(preds["feats"])
            return super().loss({**preds, **exact}, batch)


def install(network: nn.Module, class_weights: Sequence[float], focal_gamma: float = 0.0) -> None:
    """Give a network its training loss.

    Args:
        network: A DetectionModel on its device, with `args` set.
        class_weights: One weight a class; all 1 switches weighting off.
        focal_gamma: 0 switches focal loss off.
    """
    device = next(network.parameters()).device
    if any(weight != 1 for weight in class_weights):
        network.class_weights = torch.tensor(list(class_weights), dtype=torch.float32, device=device)
    elif hasattr(network, "class_weights"):
        del network.class_weights
    network.criterion = DetectionLoss(network)
    if focal_gamma > 0:
        network.criterion.bce = FocalBCE(focal_gamma)
