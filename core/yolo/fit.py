"""From frames and a recipe to the best weights: one attempt of a training, without run folder or dataset
version.

The loop itself is trainer.py; train.py brings run, dataset and report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from core.datasets.frames import LABELS, Frame
from core.errors import DatasetError
from core.yolo import weights
from core.yolo.bases import Start
from core.yolo.best import BestWeights
from core.yolo.recipe import YoloRecipe
from core.yolo.trainer import DetectorTrainer, Job
from core.yolo.weights import DetectorInfo


@dataclass
class Fitted:
    """Result of `fit`.

    Args:
        network: The network with the best weights, on the CPU, in evaluation mode.
        info: Its description.
        figures: Validation figures of the best weights, with `epoch`.
        updates: Updates done in all.
        bf16: Whether training computed in bf16.
    """

    network: nn.Module
    info: DetectorInfo
    figures: dict[str, Any]
    updates: int
    bf16: bool


def fit(
    train: Sequence[Frame],
    validation: Sequence[Frame],
    recipe: YoloRecipe,
    start: Start,
    folder: Path,
    *,
    device: str = "cpu",
    batch_size: int | None = None,
    accumulation: int | None = None,
    rate: float | None = None,
    resume_from: Path | None = None,
    bridge: Callable[[BestWeights, dict[str, Any]], Any],
    parent: str = "",
    generator: str = "",
) -> Fitted:
    """Train from starting weights.

    Args:
        train: Training images; may be empty when scenes are rendered while training.
        validation: Images for the choice of the best epoch.
        recipe: The settings.
        start: Where to begin, see `bases.find_weights`.
        folder: Best weights are written here.
        device: `cpu` or `cuda`.
        batch_size: Instead of the recipe's.
        accumulation: Instead of the recipe's.
        rate: Learning rate instead of the recipe's.
        resume_from: Resume point from which to go on.
        bridge: Given the keeper of the best weights and what is worth telling at the start, returns an object
            with `callbacks()` (see core/bridges/ultralytics.py).
        parent: What the description names as the origin of the weights.
        generator: Version of the scene generator, for the description.

    Raises:
        DatasetError: If there is nothing to learn from.
        NonFiniteLossError: If the loss is no number.
        OutOfMemoryError: If memory runs out.
    """
    pooled = device != "cpu" and recipe.fresh_scenes
    fresh = start.path is None
    recipe = recipe.begun(fresh)
    if not train and not pooled:
        raise DatasetError("There are no training images.", "Generate or import a dataset first.")
    if not validation:
        raise DatasetError("There are no validation images.", "Choose a dataset with a validation split.")
    state, names = None, []
    if resume_from is None and start.path is not None:
        _, names, state = weights.read_weights(start.path, trusted=start.trusted)
    validation = spread(validation, recipe.validation_images)
    best = BestWeights(folder, fresh=resume_from is None)
    pool = None
    if pooled:
        from core.yolo.pool import ScenePool

        pool = ScenePool(train, recipe, batch_size or recipe.batch_size, device=device)
    job = Job(
        recipe=recipe, train=train, validation=validation, folder=folder / "library", device=device,
        start=state,
        start_labels=names, batch_size=batch_size or recipe.batch_size,
        accumulation=accumulation or recipe.gradient_accumulation,
        learning_rate=rate or recipe.rate(fresh), resume_from=resume_from, source=pool, fresh=fresh,
    )  # fmt: skip
    told = {
        "device": device, "batch_size": job.batch_size, "accumulation": job.accumulation,
        "learning_rate": job.learning_rate, "examples": len(train), "architecture": recipe.architecture,
        "image_size": recipe.image_size,
    }  # fmt: skip
    link = bridge(best, told)
    try:
        trainer = DetectorTrainer(job, callbacks=link.callbacks())
        told.update(precision="bf16" if trainer.bf16 else "fp32", threads=trainer.threads)
        trainer.run()
    finally:
        if pool is not None:
            pool.close()
    network = weights.build(recipe.architecture, LABELS)
    weights.put_in(network, best.state(), folder / "best.safetensors")
    info = DetectorInfo(recipe.architecture, list(LABELS), recipe.image_size, parent, generator)
    return Fitted(network.eval(), info, best.figures, trainer.updates, trainer.bf16)


def spread(frames: Sequence[Frame], count: int) -> list[Frame]:
    """`count` frames from all over a split; all of them for 0 or where there are no more."""
    if not count or len(frames) <= count:
        return list(frames)
    return [frames[round(number * (len(frames) - 1) / max(1, count - 1))] for number in range(count)]
