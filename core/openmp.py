"""How the threads of one matrix product wait for each other: for a moment, then asleep.

Must be said before torch is loaded. Threads that spin until the last one is done are fastest on an idle
machine and many times slower on a busy one; threads that sleep at once pay for every waking. Seen on two
cores, detector training at 192 px and 320 px: asleep at once 16.5 and 32 ms an image, a moment of spinning
11.2 and 27, spinning without end 10.8 and 26. Beside two other processes a text encoder trained on 41 pairs/s
asleep at once, on 47 after a moment, on 6 when spinning.
"""

from __future__ import annotations

from collections.abc import MutableMapping

_TURNS = "2000"  # of the waiting loop of GNU OpenMP (Linux): some ten microseconds


def wait_a_moment(environment: MutableMapping[str, str]) -> None:
    """Set the waiting of OpenMP threads in an environment, unless the user has set it.

    Other OpenMP libraries (Windows, macOS) know only whole milliseconds; there the threads sleep at once.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", _TURNS)
        environment.setdefault("KMP_BLOCKTIME", "0")
