"""What the trainer's validation measures, per class and at the confidence in force, and which epoch is the
best.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.yolo import quiet

quiet.library()
from ultralytics.utils.metrics import DetMetrics  # noqa: E402

_ARM = "crossarm"


class ClassMetrics(DetMetrics):
    """The library's metrics, plus recall and precision of each class at one confidence.

    Args:
        names: Class names by id.
        confidence: Detections at or above it count.
        recall_share: Share of the crossarm recall in the fitness, 0 to 1.

    Attributes:
        figures: After a validation: `map50`, `map50_95`, `recall`, `precision` and, for each class that has
            labels, `NAME_recall`, `NAME_precision`, `NAME_ap50` and `NAME_ap50_95`.
    """

    def __init__(self, names: dict[int, str], confidence: float = 0.25, recall_share: float = 0.0) -> None:
        super().__init__(names)
        self.confidence = confidence
        self.recall_share = recall_share
        self.figures: dict[str, float] = {}

    def process(
        self, save_dir: Path = Path(), plot: bool = False, on_plot: Any = None
    ) -> dict[str, np.ndarray]:
        """Compute all figures from the collected detections; called by the library."""
        stats = super().process(save_dir=save_dir, plot=plot, on_plot=on_plot)
        self.figures = self._figures(stats) if stats else {}
        return stats

    def _figures(self, stats: dict[str, np.ndarray]) -> dict[str, float]:
        in_force = stats["conf"] >= self.confidence
        right = stats["tp"][:, 0].astype(bool) & in_force
        labels = len(stats["target_cls"])
        figures = {
            "map50": float(self.box.map50) if labels else 0.0,
            "map50_95": float(self.box.map) if labels else 0.0,
            "recall": float(right.sum() / labels) if labels else 0.0,
            "precision": float(right.sum() / in_force.sum()) if in_force.any() else 0.0,
        }
        places = {int(number): place for place, number in enumerate(self.ap_class_index)}
        for number, name in self.names.items():
            support = int((stats["target_cls"] == number).sum())
            if not support:
                continue
            of_class = stats["pred_cls"] == number
            found, given = int((right & of_class).sum()), int((in_force & of_class).sum())
            figures[f"{name}_recall"] = found / support
            figures[f"{name}_precision"] = found / given if given else 0.0
            if number in places:
                _, _, ap50, ap = self.class_result(places[number])
                figures[f"{name}_ap50"], figures[f"{name}_ap50_95"] = float(ap50), float(ap)
        return figures

    @property
    def fitness(self) -> float:
        """What the best epoch has most of: (1 - share) x mAP50-95 + share x crossarm recall."""
        share = self.recall_share if f"{_ARM}_recall" in self.figures else 0.0
        return (1 - share) * self.figures.get("map50_95", 0.0) + share * self.figures.get(
            f"{_ARM}_recall", 0.0
        )
