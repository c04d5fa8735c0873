"""Seeded draws in the words of the scene builders: a chance, a pick, a tint. No drawing here.

Every random decision of a scene goes through one `Dice`, so a scene is a function of its key alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """A random generator keyed by whole numbers.

    Args:
        key: Whole numbers >= 0; the same key gives the same draws on every machine.
    """

    def __init__(self, *key: int) -> None:
        self.rng = np.random.default_rng(list(key))

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly from [low, high)."""
        return low + (high - low) * float(self.rng.random())

    def normal(self, spread: float, mean: float = 0.0) -> float:
        """A number from a bell curve with the given standard deviation."""
        return mean + spread * float(self.rng.standard_normal())

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def count(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, each as likely as the next."""
        return items[int(self.rng.integers(len(items)))]

    def weighted(self, table: dict[T, float]) -> T:
        """One key of the table, as likely as its weight (weights need not add up to 1)."""
        mark = float(self.rng.random()) * sum(table.values())
        for key, weight in table.items():
            mark -= weight
            if mark < 0:
                return key
        return next(reversed(table))

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self.rng.random() < 0.5 else -1

    def spread(self, low: float, high: float, size: int) -> np.ndarray:
        """`size` numbers drawn evenly from [low, high)."""
        return self.rng.uniform(low, high, size)

    def tint(
        self, colour: Sequence[float] | np.ndarray, spread: float = 0.12, hue: float = 5.0
    ) -> np.ndarray:
        """A neighbour of an RGB colour: brightness times 1 +- spread, each channel +- about `hue`."""
        shade = np.asarray(colour, np.float32) * self.between(1 - spread, 1 + spread)
        return np.clip(shade + self.rng.standard_normal(3) * hue, 2, 252).astype(np.float32)

    def heading(self) -> np.ndarray:
        """A level unit vector in any direction (x, 0, z)."""
        angle = self.between(0, 2 * np.pi)
        return np.array([np.sin(angle), 0.0, np.cos(angle)])

    def fork(self) -> Dice:
        """An independent stream; what it draws later does not move this one."""
        return Dice(int(self.rng.integers(1 << 62)))


def unit(vector: Sequence[float] | np.ndarray) -> np.ndarray:
    """The vector scaled to length 1."""
    vector = np.asarray(vector, float)
    return vector / (float(np.sqrt(vector @ vector)) + 1e-12)


UP = np.array([0.0, 1.0, 0.0])


def frame(yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three unit axes of an upright thing turned by `yaw` radians: across, up, along."""
    across = np.array([np.cos(yaw), 0.0, np.sin(yaw)])
    return across, UP, np.array([-np.sin(yaw), 0.0, np.cos(yaw)])


def vec(x: float, y: float, z: float) -> np.ndarray:
    """A world vector in metres."""
    return np.array([x, y, z], float)
