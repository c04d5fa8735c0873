"""Number formats and threads: what this machine computes fastest. Measured, not guessed from a model name."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from core.yolo.machine import usable_cores

_MINIMUM_GAIN = 1.15  # below this, bf16 is not worth its rounding


def set_threads(wanted: int = 0) -> int:
    """Set torch's CPU threads; 0 takes OMP_NUM_THREADS where it is set, else all cores. Returns the
    number.
    """
    named = os.environ.get("OMP_NUM_THREADS", "")
    count = wanted or (int(named) if named.isdigit() and int(named) > 0 else usable_cores())
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count


@functools.cache
def bf16_gain() -> float:
    """How many times faster this CPU computes a convolution's forward and backward pass in bf16 than in fp32.

    Takes at most about 0.4 s, once a process.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # without hardware support bf16 is emulated and slow
        return 0.0
    data = torch.randn(4, 64, 40, 40, requires_grad=True)
    layer = torch.nn.Conv2d(64, 64, 3, padding=1)

    def seconds(enabled: bool) -> float:
        best = float("inf")
        stop = time.perf_counter() + 0.15
        for turn in range(40):
            begin = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                layer(data).sum().backward()
            if turn:  # the first call builds kernels
                best = min(best, time.perf_counter() - begin)
            if turn > 2 and time.perf_counter() > stop:
                break
        return best

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        return seconds(False) / seconds(True)


def use_bf16(precision: str, device: str) -> bool:
    """Whether to compute under bf16 autocast.

    Args:
        precision: `auto`, `fp32` or `bf16`, as in the recipe.
        device: `cpu` or `cuda`.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    return bf16_gain() > _MINIMUM_GAIN


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
