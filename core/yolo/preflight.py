"""Before a start: what stands in the way, and how long it will take. No torch, no network.

The recipe itself is in recipe.py; whether a run may start now is the launcher's question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.machine import machine_speed, usable_cores
from core.preflight import Check, check_disk, check_memory, check_queue
from core.runs.gpu import gpu_indices
from core.workspace import Workspace
from core.yolo.bases import COCO, DEFAULT_BASE, SCRATCH, is_available

if TYPE_CHECKING:
    from core.yolo.recipe import YoloRecipe

# Operations of one forward pass at 640 pixels and parameters, in units of 1e9 and 1e6 (library's model
# table).
_SIZES = {
    "yolov8p": (2.9, 0.9),
    "yolov8n": (8.7, 3.2),
    "yolov8s": (28.6, 11.2),
    "yolov8m": (78.9, 25.9),
    "yolov8l": (165.2, 43.7),
    "yolov8x": (257.8, 68.2),
}
# What training reaches of the processor's own fp32 matrix speed, loading and augmentation included.
_EFFICIENCY = 0.45
_CARD_SPEED = 2.5e13  # operations a second that a data-centre card reached with yolov8n at batch 128
_START_SECONDS = 25.0
_MIB = 1024 * 1024
_BYTES_A_PIXEL = 700  # activations that yolov8n keeps for the gradient, per pixel of the image, in fp32


def estimate_seconds(
    recipe: YoloRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected time of the whole training on this machine, in seconds; expect it to be right within a half.

    Args:
        recipe: The settings.
        rows: Training images.
        cores: Cores that the training may use, when fewer than this machine's; None for all.
        base: Starting weights; they do not change the time.
    """
    work = _SIZES[recipe.architecture][0] * 1e9 * (recipe.image_size / 640) ** 2
    images = (recipe.images_per_epoch or rows) * recipe.epochs
    validation = 0.28 * rows * recipe.epochs  # 20 % of the images, forward only and without augmentation
    if gpu_indices():
        speed = _CARD_SPEED
    else:
        share = min(1.0, (recipe.threads or cores or usable_cores()) / usable_cores())
        speed = machine_speed() * share * _EFFICIENCY
    seconds = _START_SECONDS + (3 * images + validation) * work / speed
    return min(seconds, _START_SECONDS + recipe.minutes * 60) if recipe.minutes else seconds


def memory_bytes(recipe: YoloRecipe) -> int:
    """Expected peak memory of the training process in bytes, without cached images."""
    work, parameters = _SIZES[recipe.architecture]
    width = (work / _SIZES["yolov8n"][0]) ** 0.6  # activations grow slower than operations
    activations = recipe.batch_size * recipe.image_size**2 * _BYTES_A_PIXEL * width
    return round(900 * _MIB + parameters * 1e6 * 4 * 5 + activations)


def disk_bytes(recipe: YoloRecipe) -> int:
    """Disk space that resume points and the stored model need at most, in bytes."""
    return round(_SIZES[recipe.architecture][1] * 1e6 * (3 * 16 + 4))


def check(recipe: YoloRecipe, dataset: Any, base: str = "", *, ws: Workspace | None = None) -> list[Check]:
    """Look at everything that could make a training fail or disappoint.

    Args:
        recipe: The settings.
        dataset: A `DatasetInfo`, or None when none is chosen.
        base: Starting weights; the default without it.
        ws: The workspace; the current one without it.

    Returns:
        One `Check` each for the data, the starting weights, the machine, memory, disk and the queue.
    """
    ws = ws or Workspace.current()
    name = base.strip() or DEFAULT_BASE
    return [
        *_data(dataset), *_base(recipe, name), _machine(recipe), *_loss(recipe), _memory(recipe),
        check_disk(disk_bytes(recipe), ws), check_queue(ws),
    ]  # fmt: skip


def _data(dataset: Any) -> list[Check]:
    if dataset is None:
        return [Check(False, "Data", "No dataset is chosen. Generate or import one first.")]
    counts = dataset.counts
    train, val = counts.get("train", 0), counts.get("val", 0)
    if not train or not val:
        return [
            Check(
                False, "Data", f"{dataset.id} has no training or validation images. Choose another dataset."
            )
        ]
    found = [
        Check(True, "Data", f"{train:,} training, {val:,} validation, {counts.get('test', 0):,} test images.")
    ]
    labels = (dataset.card.get("labels") or {}).get("train") or {}
    missing = [label for label, count in labels.items() if not count]
    if missing:
        found.append(
            Check(None, "Classes", f"No training image shows: {', '.join(missing)}. It will not be found.")
        )
    if train < 500:
        found.append(Check(None, "Amount", f"{train:,} images are few; some thousand scenes are usual."))
    return found


def _base(recipe: YoloRecipe, name: str) -> list[Check]:
    if name == SCRATCH:
        return [Check(True, "Starting weights", "Random weights; expect to need many more images.")]
    here, reason = is_available(name)
    if here and name == "starter" and recipe.architecture != "yolov8n":
        return [
            Check(
                None,
                "Starting weights",
                f"The starter is yolov8n: {recipe.architecture} takes over only what fits.",
            )
        ]
    if here:
        return [Check(True, "Starting weights", f"{name} is on this machine.")]
    return [Check(None if name == COCO else False, "Starting weights", reason)]


def _machine(recipe: YoloRecipe) -> Check:
    if gpu_indices():
        return Check(True, "Machine", "A graphics card is here.")
    if recipe.fresh_scenes:
        return Check(None, "Machine", "There is no graphics card: nothing is rendered while training.")
    if recipe.architecture not in ("yolov8p", "yolov8n"):
        return Check(
            None,
            "Machine",
            f"There is no graphics card: {recipe.architecture} takes very long on a processor.",
        )
    return Check(True, "Machine", f"{usable_cores()} processor cores, no graphics card.")


def _loss(recipe: YoloRecipe) -> list[Check]:
    if recipe.focal_gamma > 0:
        return [
            Check(
                None,
                "Focal loss",
                "Focal loss lowered precision in every comparison made so far; 0 switches it off.",
            )
        ]
    return []


def _memory(recipe: YoloRecipe) -> Check:
    needed = memory_bytes(recipe)
    if gpu_indices():
        return Check(
            True, "Memory", f"About {needed / 1e9:.1f} GB on the card; the batch is halved if it runs out."
        )
    return check_memory(needed, "batch size or image size")
