"""Before a start: what stands in the way, and how long it will take. No torch, no network.

The recipe itself is in recipe.py; whether a run may start now is the launcher's question.
"""

from __future__ import annotations

import functools
import json
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import NexaError
from core.ner.bases import DEFAULT_BASE, is_available, is_hub_name, list_bases, resolve_base
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.ner.recipe import NerRecipe

# Word pieces of an average example with padding; generated sentences measured 21 to 29 without.
_PIECES = 26
# Share of the processor's own matrix speed that training reaches: measured 0.40 to 0.47 on two cores.
_EFFICIENCY = 0.45
_START_SECONDS = 10.0
_MIB = 1024 * 1024
# Below this, adapters learn nothing in 20 epochs (measured F1 0.0 at 2e-5); at 1e-3 they learn.
_LEAST_LORA_RATE = 1e-4
_MOST_FULL_RATE = 2e-3


@dataclass(frozen=True)
class Check:
    """One answer of the pre-flight check.

    Args:
        ok: True = fine, None = worth knowing, False = a start would fail.
        title: What was looked at.
        detail: What was found and, unless it is fine, what to do.
    """

    ok: bool | None
    title: str
    detail: str

    @property
    def reason(self) -> str:
        return self.detail


@dataclass(frozen=True)
class BaseSize:
    """Size of a base encoder.

    Args:
        layers: Encoder layers.
        hidden: Width.
        vocabulary: Entries of the word table.
    """

    layers: int
    hidden: int
    vocabulary: int = 30522

    @property
    def encoder(self) -> int:
        """Parameters of the layers (attention 4 h², feed-forward 8 h² each)."""
        return 12 * self.layers * self.hidden**2

    @property
    def total(self) -> int:
        return self.encoder + self.vocabulary * self.hidden


def base_size(base: str) -> BaseSize:
    """Size of a base encoder from its config, or from the list of known ones when it is not here yet."""
    known = {choice.name: choice for choice in list_bases()}
    name = base.strip() or DEFAULT_BASE
    try:
        folder = (
            resolve_base(name, allow_network=False)
            if not is_hub_name(name) or is_available(name)[0]
            else None
        )
        if folder is not None:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            layers = config.get("num_hidden_layers") or config.get("n_layers") or 12
            hidden = config.get("hidden_size") or config.get("dim") or 768
            return BaseSize(int(layers), int(hidden), int(config.get("vocab_size") or 30522))
    except (NexaError, OSError, ValueError):
        pass  # the check of the base itself says what is wrong with it
    if name in known:
        return BaseSize(known[name].layers, known[name].hidden)
    return BaseSize(12, 768)


@functools.cache
def matrix_speed() -> float:
    """Operations a second of this machine's matrix product in fp32, measured in about 0.1 s."""
    one = np.ones((768, 768), dtype=np.float32)
    one @ one
    best = 0.0
    stop = time.perf_counter() + 0.08
    while time.perf_counter() < stop:
        begin = time.perf_counter()
        one @ one
        best = max(best, 2 * 768**3 / (time.perf_counter() - begin))
    return best


def estimate_seconds(
    recipe: NerRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected time of the whole training on this machine, in seconds; expect it to be right within a third.

    Args:
        recipe: The settings.
        rows: Training examples.
        cores: Cores that the training may use, when fewer than this machine's; None for all.
        base: Base encoder.
    """
    from core.ner.machine import usable_cores

    size = base_size(base)
    # Forward 2, gradients of activations 2, gradients of weights 2 operations per weight and piece; adapters
    # save the last but add their own small products (measured: about a third off).
    work = (4.2 if recipe.method == "lora" else 6.0) * size.encoder
    pieces = min(_PIECES * (1 + recipe.joining), recipe.max_length)
    share = min(1.0, (recipe.threads or cores or usable_cores()) / usable_cores())
    speed = matrix_speed() * share * _EFFICIENCY
    validation = 0.1 * rows * recipe.epochs * pieces * 2 * size.encoder
    return _START_SECONDS + (rows * recipe.epochs * pieces * work + validation) / speed


def memory_bytes(recipe: NerRecipe, base: str = DEFAULT_BASE) -> int:
    """Expected peak memory of the training process in bytes."""
    size = base_size(base)
    trained = (
        size.encoder if recipe.method == "full" else size.encoder * recipe.lora_rank // (2 * size.hidden)
    )
    if recipe.method == "full" and not recipe.freeze_embeddings:
        trained = size.total
    weights = 4 * size.total + (4 * 3 + (4 if recipe.ema else 0)) * trained
    pieces = recipe.batch_size * min(recipe.max_length, 4 * _PIECES)
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
        *_data(dataset), _base(name), *_settings(recipe), _memory(recipe, name), _disk(recipe, name, ws),
        _queue(ws),
    ]  # fmt: skip


def _data(dataset: Any) -> list[Check]:
    if dataset is None:
        return [Check(False, "Data", "No dataset is chosen. Generate or import one first.")]
    counts = dataset.counts
    train, val = counts.get("train", 0), counts.get("val", 0)
    if not train:
        return [Check(False, "Data", f"{dataset.id} has no training split. Choose another dataset.")]
    found = [
        Check(
            True, "Data", f"{train:,} training, {val:,} validation, {counts.get('test', 0):,} test examples."
        )
    ]
    if not val:
        found.append(
            Check(None, "Validation data", "There is none: training examples are used, scores will flatter.")
        )
    if train < 3000:
        found.append(
            Check(
                None,
                "Amount",
                f"{train:,} examples are few; below about 3,000 scores on real text drop sharply.",
            )
        )
    for finding in dataset.card.get("health", []) if isinstance(dataset.card.get("health"), list) else []:
        if isinstance(finding, dict) and finding.get("level") in ("warning", "error"):
            found.append(Check(None, str(finding.get("title", "Health")), str(finding.get("detail", ""))))
    return found


def _base(name: str) -> Check:
    here, reason = is_available(name)
    if here:
        return Check(True, "Base model", f"{name} is on this machine.")
    if is_hub_name(name):
        return Check(None, "Base model", f"{reason} Without network the training will not start.")
    return Check(False, "Base model", reason)


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


def _memory(recipe: NerRecipe, base: str) -> Check:
    needed = memory_bytes(recipe, base)
    try:
        import psutil

        free = psutil.virtual_memory().available
    except ImportError:
        return Check(
            None, "Memory", f"About {needed / 1e9:.1f} GB are needed; free memory could not be read."
        )
    if needed > free:
        return Check(
            None,
            "Memory",
            f"About {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free. Choose a smaller "
            f"batch size; "
            "otherwise it is halved when memory runs out.",
        )
    return Check(True, "Memory", f"About {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB free.")


def _disk(recipe: NerRecipe, base: str, ws: Workspace) -> Check:
    needed = disk_bytes(recipe, base)
    folder = ws.root
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        return Check(
            False,
            "Disk",
            f"About {needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free at {folder}. "
            f"Delete old runs.",
        )
    return Check(True, "Disk", f"About {needed / 1e9:.2f} GB of {free / 1e9:.1f} GB free.")


def _queue(ws: Workspace) -> Check:
    from core.runs.state import RunState, list_runs

    waiting = running = 0
    for run in list_runs(ws):
        waiting += run.state == RunState.QUEUED
        running += run.state == RunState.RUNNING
    if waiting or running:
        return Check(
            None, "Queue", f"{running} running, {waiting} waiting: this training starts when a slot is free."
        )
    return Check(True, "Queue", "Nothing else is training.")
