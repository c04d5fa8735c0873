"""Before a start: what stands in the way, and how long it will take. No torch, no network.

The recipe itself is in recipe.py; whether a run may start now is the launcher's question.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from core.embeddings import shared
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.embeddings.recipe import EmbeddingsRecipe

_PIECES = 24  # word pieces of an average text with padding
_EFFICIENCY = 0.40
_START_SECONDS = 25.0
_MIB = 1024 * 1024


def estimate_seconds(
    recipe: EmbeddingsRecipe, rows: int, cores: int | None = None, base: str = shared.DEFAULT_BASE
) -> float:
    """Expected time of both stages on this machine, in seconds; expect it to be right within a half.

    Args:
        recipe: The settings.
        rows: Training pairs.
        cores: Cores that the training may use, when fewer than this machine's; None for all.
        base: Base encoder.
    """
    size = shared.base_size(base)
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
    share = min(1.0, (recipe.threads or cores or shared.usable_cores()) / shared.usable_cores())
    return _START_SECONDS + total / (shared.matrix_speed() * share * _EFFICIENCY)


def memory_bytes(recipe: EmbeddingsRecipe, base: str = shared.DEFAULT_BASE) -> int:
    """Expected peak memory of the training process in bytes."""
    size = shared.base_size(base)
    layer = size.encoder // size.layers
    trained = layer * (size.layers + recipe.head_layers)
    activations = (
        4 * 2 * recipe.batch_size * min(recipe.max_length, 4 * _PIECES) * size.layers * size.hidden * 34
    )
    return 1400 * _MIB + 4 * size.total + 12 * trained + activations


def disk_bytes(recipe: EmbeddingsRecipe, base: str = shared.DEFAULT_BASE) -> int:
    """Disk space that resume points and the stored model need at most, in bytes."""
    size = shared.base_size(base)
    trained = size.encoder + size.encoder // size.layers * recipe.head_layers
    return 3 * 12 * trained + 6 * trained


def check(recipe: EmbeddingsRecipe, dataset: Any, base: str = "", *, ws: Workspace | None = None) -> list:
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
    name = base.strip() or shared.DEFAULT_BASE
    return [
        *_data(dataset),
        _base(name),
        *_settings(recipe),
        _memory(recipe, name),
        _disk(recipe, name, ws),
        _queue(ws),
    ]


def _data(dataset: Any) -> list:
    check = shared.Check
    if dataset is None:
        return [check(False, "Data", "No dataset is chosen. Generate or import one first.")]
    train, val = dataset.counts.get("train", 0), dataset.counts.get("val", 0)
    if not train:
        return [check(False, "Data", f"{dataset.id} has no training split. Choose another dataset.")]
    found = [
        check(
            True,
            "Data",
            f"{train:,} training, {val:,} validation, {dataset.counts.get('test', 0):,} test pairs.",
        )
    ]
    if not val:
        found.append(
            check(None, "Validation data", "There is none: training pairs are used, scores will flatter.")
        )
    if train < 3000:
        found.append(
            check(None, "Amount", f"{train:,} pairs are few; below about 3,000 scores on real texts drop.")
        )
    health = dataset.card.get("health", [])
    for finding in health if isinstance(health, list) else []:
        if isinstance(finding, dict) and finding.get("level") in ("warning", "error"):
            found.append(check(None, str(finding.get("title", "Health")), str(finding.get("detail", ""))))
    return found


def _base(name: str) -> Any:
    here, reason = shared.is_available(name)
    if here:
        return shared.Check(True, "Base model", f"{name} is on this machine.")
    if shared.is_hub_name(name):
        return shared.Check(None, "Base model", f"{reason} Without network the training will not start.")
    return shared.Check(False, "Base model", reason)


def _settings(recipe: EmbeddingsRecipe) -> list:
    found = []
    if recipe.loss == "ranking":
        found.append(
            shared.Check(
                None, "Loss", "ranking alone draws all similarities up to 0.8 and more; mse keeps the grades."
            )
        )
    if recipe.method == "full" and recipe.rate > 1e-3:
        found.append(
            shared.Check(
                None,
                "Learning rate",
                f"{recipe.rate:g} is large for full fine-tuning; 1e-4 to 4e-4 is usual.",
            )
        )
    return found or [
        shared.Check(True, "Settings", f"{recipe.loss}, learning rate {recipe.rate:g}, {recipe.method}.")
    ]


def _memory(recipe: EmbeddingsRecipe, base: str) -> Any:
    import psutil

    needed, free = memory_bytes(recipe, base), psutil.virtual_memory().available
    if needed > free:
        return shared.Check(
            None,
            "Memory",
            f"About {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free. Choose a "
            f"smaller batch size; "
            "otherwise it is halved when memory runs out.",
        )
    return shared.Check(True, "Memory", f"About {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB free.")


def _disk(recipe: EmbeddingsRecipe, base: str, ws: Workspace) -> Any:
    needed, folder = disk_bytes(recipe, base), ws.root
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"About {needed / 1e9:.2f} GB are needed, {free / 1e9:.1f} GB are free"
    if needed > free:
        return shared.Check(False, "Disk", f"{text} at {folder}. Delete old runs.")
    return shared.Check(True, "Disk", f"{text}.")


def _queue(ws: Workspace) -> Any:
    from core.runs.state import RunState, list_runs

    runs = list_runs(ws)
    running = sum(run.state == RunState.RUNNING for run in runs)
    waiting = sum(run.state == RunState.QUEUED for run in runs)
    if running or waiting:
        return shared.Check(
            None, "Queue", f"{running} running, {waiting} waiting: this training starts when a slot is free."
        )
    return shared.Check(True, "Queue", "Nothing else is training.")
