"""Before a start: what stands in the way, and how long it will take. No torch, no network.

The recipe itself is in recipe.py; whether a run may start now is the launcher's question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.encoders.bases import DEFAULT_BASE
from core.encoders.size import base_size
from core.machine import core_speed, usable_cores
from core.preflight import Check, check_disk, check_encoder, check_memory, check_queue, check_texts
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.embeddings.recipe import EmbeddingsRecipe

_PIECES = 24  # word pieces of an average text with padding
_EFFICIENCY = 0.40
_START_SECONDS = 25.0
_MIB = 1024 * 1024


def estimate_seconds(
    recipe: EmbeddingsRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected time of both stages on this machine, in seconds; expect it to be right within a half.

    Args:
        recipe: The settings.
        rows: Training pairs.
        cores: Cores that the training may use, when fewer than this machine's; None for all.
        base: Base encoder.
    """
    size = base_size(base)
    layer = size.encoder / size.layers
    # Forward 2, gradients of activations 2, of weights 2 operations per weight and piece.
    trained = size.layers - min(recipe.freeze_layers, size.layers) if recipe.method == "full" else size.layers
    work = layer * (2 * size.layers + (2.2 if recipe.method == "lora" else 4) * trained)
    pair = 2 * _PIECES * (work + 6 * layer * recipe.head_layers)
    rehearsal = 16 * 14 / recipe.batch_size * work if recipe.rehearsal else 0.0
    total = rows * recipe.epochs * (pair + rehearsal)
    total += 0.3 * rows * recipe.epochs * 2 * _PIECES * 2 * size.encoder / 2
    if recipe.first_stage != "none":
        total += min(recipe.first_texts, 2 * rows + 400) * recipe.first_epochs * 2 * _PIECES * work
    share = min(1.0, (recipe.threads or cores or usable_cores()) / usable_cores())
    return _START_SECONDS + total / (core_speed() * share * _EFFICIENCY)


def memory_bytes(recipe: EmbeddingsRecipe, base: str = DEFAULT_BASE) -> int:
    """Expected peak memory of the training process in bytes."""
    size = base_size(base)
    layer = size.encoder // size.layers
    trained = layer * (size.layers + recipe.head_layers)
    activations = (
        4 * 2 * recipe.batch_size * min(recipe.max_length, 4 * _PIECES) * size.layers * size.hidden * 34
    )
    return 1400 * _MIB + 4 * size.total + 12 * trained + activations


def disk_bytes(recipe: EmbeddingsRecipe, base: str = DEFAULT_BASE) -> int:
    """Disk space that resume points and the stored model need at most, in bytes."""
    size = base_size(base)
    trained = size.encoder + size.encoder // size.layers * recipe.head_layers
    return 3 * 12 * trained + 6 * trained


def check(
    recipe: EmbeddingsRecipe, dataset: Any, base: str = "", *, ws: Workspace | None = None
) -> list[Check]:
    """Look at everything that could make a training fail or disappoint.

    Args:
        recipe: The settings.
        dataset: A `DatasetInfo`, or None when none is chosen.
        base: Base encoder; the packaged one without it.
        ws: The workspace; the current one without it.

    Returns:
        One `Check` each for the data, the base, the settings, memory, disk and the queue.
    """
    ws = ws or Workspace.current()
    name = base.strip() or DEFAULT_BASE
    return [
        *check_texts(dataset, "pairs"),
        check_encoder(name),
        *_settings(recipe),
        check_memory(memory_bytes(recipe, name)),
        check_disk(disk_bytes(recipe, name), ws),
        check_queue(ws),
    ]


def _settings(recipe: EmbeddingsRecipe) -> list[Check]:
    found = []
    if recipe.loss == "ranking":
        found.append(
            Check(
                None, "Loss", "ranking alone draws all similarities up to 0.8 and more; mse keeps the grades."
            )
        )
    if recipe.method == "full" and recipe.rate > 1e-3:
        found.append(
            Check(
                None,
                "Learning rate",
                f"{recipe.rate:g} is large for full fine-tuning; 1e-4 to 4e-4 is usual.",
            )
        )
    return found or [
        Check(True, "Settings", f"{recipe.loss}, learning rate {recipe.rate:g}, {recipe.method}.")
    ]
