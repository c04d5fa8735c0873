"""Number formats and threads: what this machine computes fastest. Measured, not guessed from a model name."""

from __future__ import annotations

import functools
import os
import time
from typing import Literal

import torch

from core.machine import usable_cores

Layer = Literal["linear", "convolution"]
_MINIMUM_GAIN = 1.15  # below this, bf16 is not worth its rounding


def device_here() -> str:
    """`cuda` where torch sees a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def set_threads(wanted: int = 0) -> int:
    """Set torch's CPU threads.

    0 takes OMP_NUM_THREADS where it is set, else all cores. Returns the number.
    """
    named = os.environ.get("OMP_NUM_THREADS", "")
    count = wanted or (int(named) if named.isdigit() and int(named) > 0 else usable_cores())
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count


@functools.cache
def bf16_gain(kind: Layer = "linear") -> float:
    """How many times faster this CPU computes a layer's forward and backward pass in bf16 than in fp32.

    Takes at most about 0.4 s, once a process.

    Args:
        kind: The layer that the network mostly consists of.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # without hardware support bf16 is emulated and slow
        return 0.0
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        if kind == "linear":
            data, layer = torch.randn(512, 384), torch.nn.Linear(384, 4 * 384)
        else:
            data = torch.randn(4, 64, 40, 40, requires_grad=True)
            layer = torch.nn.Conv2d(64, 64, 3, padding=1)
        return _seconds(layer, data, False) / _seconds(layer, data, True)


def _seconds(layer: torch.nn.Module, data: torch.Tensor, enabled: bool) -> float:
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


def use_bf16(precision: str, device: str, kind: Layer = "linear") -> bool:
    """Whether to compute under bf16 autocast.

    Args:
        precision: `auto`, `fp32` or `bf16`, as in the recipe.
        device: `cpu` or `cuda`.
        kind: As for `bf16_gain`.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    return bf16_gain(kind) > _MINIMUM_GAIN
