"""Number formats and threads: what this machine computes fastest. Measured, not guessed from a model name."""

from __future__ import annotations

import functools
import os
import time

import torch

from core.ner.machine import usable_cores

_MINIMUM_GAIN = 1.15  # below this, bf16 is not worth its rounding


def set_threads(wanted: int) -> int:
    """Set torch's CPU threads.

    0 takes OMP_NUM_THREADS where it is set, else all cores. Returns the number.
    """
    named = os.environ.get("OMP_NUM_THREADS", "")
    count = wanted or (int(named) if named.isdigit() and int(named) > 0 else usable_cores())
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count


@functools.cache
def bf16_gain() -> float:
    """How many times faster this CPU computes a linear layer's forward and backward pass in bf16 than in
    fp32.

    Takes at most about 0.3 s, once a process.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # without hardware support bf16 is emulated and slow
        return 0.0
    rows, width = 512, 384
    data = torch.randn(rows, width)
    layer = torch.nn.Linear(width, 4 * width)

    def seconds(enabled: bool) -> float:
        best = float("inf")
        stop = time.perf_counter() + 0.12
        for turn in range(40):
            begin = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                layer(data).sum().backward()
            if turn:  # the first call builds kernels
                best = min(best, time.perf_counter() - begin)
            if turn > 2 and time.perf_counter() > stop:
                break
        return best

    with torch.random.fork_rng(devices=[]):
        return seconds(False) / seconds(True)


def use_bf16(precision: str, device: str) -> bool:
    """Whether to compute under bf16 autocast.

    Args:
        precision: `auto`, `fp32` or `bf16`, as in the recipe.
        device: `cpu` or `cuda`.
    """
    if precision != "auto":
        return precision == "bf16"
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    return bf16_gain() > _MINIMUM_GAIN
