"""Number formats of the detector: when bf16 pays for convolutions, and what stays in fp32 under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from core.training import precision as formats


def use_bf16(precision: str, device: str) -> bool:
    """Whether a network of convolutions computes under bf16 autocast; see `core.training.precision`."""
    return formats.use_bf16(precision, device, "convolution")


def in_fp32(features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Stand-ins for feature maps of which only shape, device and number format are looked at; no memory."""
    return [torch.empty((), dtype=torch.float32, device=one.device).expand(one.shape) for one in features]


def decode_in_fp32(network: nn.Module) -> Callable[[], None]:
    """Let a detector decode its boxes in fp32 when it computes in bf16; returns what undoes it.

    bf16 keeps eight bits: boxes decoded in it are off by up to two pixels, which costs 0.03 mAP50-95.
    """
    head = network.model[-1]
    decode = head._inference

    def decoded(x: dict[str, Any]) -> torch.Tensor:
        with torch.autocast(x["boxes"].device.type, enabled=False):
            exact = {name: x[name].float() for name in ("boxes", "scores")}
            return decode({**x, **exact, "feats": in_fp32(x["feats"])})

    head._inference = decoded

    def undo() -> None:
        # The instance's attribute hides the class's method.
        del head._inference

    return undo
