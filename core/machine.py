"""What this machine offers, without torch: cores, and how fast they multiply."""

from __future__ import annotations

import functools
import os
import time

import numpy as np
from threadpoolctl import threadpool_limits


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


@functools.cache
def core_speed() -> float:
    """Operations a second of one core's matrix product in fp32, measured in about 0.3 s.

    One core and the best of many tries: on a machine that is busy for a moment, several threads would wait
    for each other and look many times slower than they are.
    """
    with threadpool_limits(1):
        return _best(512, 0.3)


@functools.cache
def machine_speed() -> float:
    """Operations a second of all cores' matrix product in fp32, measured in about 0.1 s."""
    return _best(768, 0.08)


def _best(size: int, seconds: float) -> float:
    one = np.ones((size, size), dtype=np.float32)
    one @ one
    best = 0.0
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        begin = time.perf_counter()
        one @ one
        best = max(best, 2 * size**3 / (time.perf_counter() - begin))
    return best
