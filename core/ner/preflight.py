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
    from core.ner.recipe import NerRecipe

# Word pieces of an average example with padding; generated sentences have 20 words on average.
_PIECES = 30
# Share of the processor's own matrix speed that training reaches: about 0.5 on two shared cores.
_EFFICIENCY = 0.55
_MOST_CORES = 8
_START_SECONDS = 10.0
_MIB = 1024 * 1024
# Below this, adapters learn nothing in 20 epochs (measured F1 0.0 at 2e-5); at 1e-3 they learn.
_LEAST_LORA_RATE = 1e-4
_MOST_FULL_RATE = 2e-3


def estimate_seconds(
    recipe: NerRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected time of the whole training on this machine, in seconds: the order, not the minute.

    Args:
        recipe: The settings.
        rows: Training examples.
        cores: Cores that the training may use, when fewer than this machine's; None for all.
        base: Base encoder.
    """
    size = base_size(base)
    # Forward 2, gradients of activations 2, gradients of weights 2 operations per weight and piece; adapters
    # save the last but add their own small products (measured: about a third off).
    work = (4.2 if recipe.method == "lora" else 6.0) * size.encoder * _readings(recipe)
    pieces = min(_PIECES * (1 + recipe.joining), recipe.max_length)
    # More cores help less and less: batches are small.
    threads = min(recipe.threads or cores or usable_cores(), usable_cores(), _MOST_CORES)
    speed = core_speed() * threads * _EFFICIENCY
    validation = 0.1 * rows * recipe.epochs * pieces * 2 * size.encoder
    return _START_SECONDS + (rows * recipe.epochs * pieces * work + validation) / speed


def _readings(recipe: NerRecipe) -> int:
    """How often each batch is read."""
    return 2 if recipe.consistency > 0 else 1


def memory_bytes(recipe: NerRecipe, base: str = DEFAULT_BASE) -> int:
    """Expected peak memory of the training process in bytes."""
    size = base_size(base)
    trained = (
        size.encoder if recipe.method == "full" else size.encoder * recipe.lora_rank // (2 * size.hidden)
    )
    if recipe.method == "full" and not recipe.freeze_embeddings:
        trained = size.total
    weights = 4 * size.total + (4 * 3 + (4 if recipe.ema else 0)) * trained
    pieces = recipe.batch_size * _readings(recipe) * min(recipe.max_length, 4 * _PIECES)
    activations = 4 * pieces * size.layers * size.hidden * 34  # 34 values per piece, layer and width are kept
    return 900 * _MIB + weights + activations


def disk_bytes(recipe: NerRecipe, base: str = DEFAULT_BASE) -> int:
    """Disk space that resume points and the stored model need at most, in bytes."""
    size = base_size(base)
    trained = size.total if recipe.method == "full" else size.encoder * recipe.lora_rank // (2 * size.hidden)
    whole = size.total if recipe.method == "full" else trained
    return 3 * (4 * whole + 8 * trained) + 4 * trained


def check(recipe: NerRecipe, dataset: Any, base: str = "", *, ws: Workspace | None = None) -> list[Check]:
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
        *check_texts(dataset, "examples"), check_encoder(name), *_settings(recipe),
        check_memory(memory_bytes(recipe, name)), check_disk(disk_bytes(recipe, name), ws), check_queue(ws),
    ]  # fmt: skip


def _settings(recipe: NerRecipe) -> list[Check]:
    rate = recipe.rate
    if recipe.method == "lora" and rate < _LEAST_LORA_RATE:
        return [
            Check(
                None,
                "Learning rate",
                f"{rate:g} is too small for adapters: at 2e-5 they learn nothing. Set the adapter "
                f"learning rate to "
                "1e-3.",
            )
        ]
    if recipe.method == "lora" and rate != recipe.learning_rate:
        return [
            Check(
                True,
                "Learning rate",
                f"Adapters and head learn at {rate:g}; {recipe.learning_rate:g} holds for the full "
                f"method only.",
            )
        ]
    if recipe.method == "full" and rate > _MOST_FULL_RATE:
        return [
            Check(None, "Learning rate", f"{rate:g} is large for full fine-tuning; 1e-4 to 5e-4 is usual.")
        ]
    return [Check(True, "Learning rate", f"{rate:g}, {recipe.method}.")]
