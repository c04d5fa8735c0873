"""Before a start: what stands in the way, and how long it will take. No torch, no network.

The recipe itself is in recipe.py; whether a run may start now is the launcher's question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.embeddings import bases
from core.embeddings.generate import SPLIT_SHARES, split_counts
from core.encoders.bases import DEFAULT_BASE
from core.encoders.size import BaseSize
from core.encoders.size import base_size as encoder_size
from core.errors import NexaError
from core.machine import core_speed, usable_cores
from core.preflight import Check, check_disk, check_encoder, check_memory, check_queue, check_texts
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.embeddings.recipe import EmbeddingsRecipe

_PIECES = 31  # word pieces of an average text with padding
# Share of its own matrix speed (core.machine.core_speed) that each core reaches while it trains. To set it
# anew, on an idle machine: take the seconds of a finished run, subtract `_START_SECONDS` and `fixed_seconds`,
# and divide `operations` by what is left, by core_speed() and by the threads. One core at bf16, beside other
# load, gave 0.50 to 0.63; a second core adds less than the first, so the lower end stands for both.
_EFFICIENCY = 0.50
_MOST_CORES = 8  # more help less and less: batches are small
_START_SECONDS = 25.0
_COMPARED = 0.27  # weights of the comparison word by word, in encoder layers
_PAIR_SECONDS = 0.001  # reading the figures of a pair and cutting it into word pieces, on one core
# The last word: two fits, the first without a fifth of the pairs, of six networks; updates as in verdict.py.
_MEMBERS, _LEAST_STEPS, _MOST_STEPS, _PAIRS_A_STEP = 6, 150, 1500, 13
_UPDATE_SECONDS = 0.0020  # of one network with the loss on edits, on one core
_LEAST_VERDICT_PAIRS = 200  # as in verdict.py
_STRESS_PAIRS = 540  # of stress.stress_report
_EVERYDAY = 2 * 59 * 14 / _PIECES  # texts of general.jsonl, as if they were as long as the pairs'
_REMEMBERED = 120 * 14 / _PIECES  # texts of rehearsal.txt, likewise
_REHEARSED, _REHEARSED_PIECES, _REHEARSE_EVERY = 16, 14, 4  # sentences a step, as in losses.py
_MIB = 1024 * 1024


def estimate_seconds(
    recipe: EmbeddingsRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected time on this machine from start to report, in seconds; expect it to be right within a half.

    Both stages, validation, the last word, and the scoring of the stored model and of the one before it on
    the test split, the edits and the everyday sentences count; a gold set does not, its size is not known.

    Args:
        recipe: The settings.
        rows: Training pairs; validation and test are taken to be as large as those of generated pairs.
        cores: Cores that the training may use, when fewer than this machine's; None for all.
        base: Base encoder, or a version trained from one.
    """
    threads = min(recipe.threads or cores or usable_cores(), usable_cores(), _MOST_CORES)
    speed = core_speed() * threads * _EFFICIENCY
    return _START_SECONDS + fixed_seconds(recipe, rows) + operations(recipe, rows, base) / speed


def operations(recipe: EmbeddingsRecipe, rows: int, base: str = DEFAULT_BASE) -> float:
    """Operations of the matrix products of a whole run; arguments as for `estimate_seconds`."""
    size = base_size(base)
    layer = size.encoder / size.layers
    # Forward 2, gradients of activations 2, of weights 2 operations per weight and piece.
    trained = {"full": size.layers - min(recipe.freeze_layers, size.layers), "lora": size.layers, "head": 0}[
        recipe.method
    ]
    joint = layer * (recipe.head_layers + (_COMPARED if recipe.compare else 0.0))
    own = layer * recipe.own_layers
    work = layer * (2 * size.layers + (2.2 if recipe.method == "lora" else 4) * trained)
    text = 2 * _PIECES * size.encoder  # reading one
    # The head reads both texts together, in both orders when it judges.
    judged = 2 * text + 2 * 2 * _PIECES * (2 * joint + own)
    pair = 2 * _PIECES * (work + 6 * (joint + own))
    rehearsal = 0.0
    if recipe.rehearsal:
        rehearsal = _REHEARSED * _REHEARSED_PIECES * work / (recipe.batch_size * _REHEARSE_EVERY)
    validation, test = _others(rows)
    total = recipe.epochs * (rows * (pair + rehearsal) + validation * judged + _EVERYDAY * text)
    total += _first_operations(recipe, rows, base, work)
    if recipe.verdict:
        total += validation * judged
    total += 2 * (test + _STRESS_PAIRS) * judged  # the stored model and the one before it
    return total + (3 * _EVERYDAY + (_REMEMBERED if recipe.rehearsal else 0)) * text


def _first_operations(recipe: EmbeddingsRecipe, rows: int, base: str, work: float) -> float:
    if recipe.first_stage == "none":
        return 0.0
    texts = min(recipe.first_texts, 2 * rows + 400) * recipe.first_epochs
    if recipe.first_stage == "simcse":  # each text twice
        return texts * 2 * _PIECES * work
    # Two fifths of the pieces are left for the encoder; a layer and the word table restore all of them.
    size = base_size(base)
    restored = 8 * size.encoder / size.layers + 4 * size.hidden * size.vocabulary
    return texts * _PIECES * (0.4 * work + restored)


def fixed_seconds(recipe: EmbeddingsRecipe, rows: int) -> float:
    """Seconds of a run that further cores do not shorten, without the start: reading pairs, fitting the last
    word."""
    validation, test = _others(rows)
    seconds = _PAIR_SECONDS * (rows + validation + 2 * (test + _STRESS_PAIRS))
    if not recipe.verdict or validation < _LEAST_VERDICT_PAIRS:
        return seconds
    steps = [
        min(_MOST_STEPS, max(_LEAST_STEPS, pairs / _PAIRS_A_STEP)) for pairs in (0.8 * validation, validation)
    ]
    return seconds + _UPDATE_SECONDS * _MEMBERS * sum(steps)


def _others(rows: int) -> tuple[float, float]:
    """Validation and test pairs that belong to so many training pairs."""
    counts = split_counts(round(rows / SPLIT_SHARES["train"]))
    return counts["val"], counts["test"]


def memory_bytes(recipe: EmbeddingsRecipe, base: str = DEFAULT_BASE) -> int:
    """Expected peak memory of the training process in bytes."""
    size = base_size(base)
    layer = size.encoder // size.layers
    trained = layer * (size.layers + recipe.head_layers + recipe.own_layers)
    activations = (
        4 * 2 * recipe.batch_size * min(recipe.max_length, 4 * _PIECES) * size.layers * size.hidden * 34
    )
    return 1400 * _MIB + 4 * size.total + 12 * trained + activations


def disk_bytes(recipe: EmbeddingsRecipe, base: str = DEFAULT_BASE) -> int:
    """Disk space that resume points and the stored model need at most, in bytes."""
    size = base_size(base)
    trained = size.encoder + size.encoder // size.layers * (recipe.head_layers + recipe.own_layers)
    return 3 * 12 * trained + 6 * trained


def check(
    recipe: EmbeddingsRecipe, dataset: Any, base: str = "", *, ws: Workspace | None = None
) -> list[Check]:
    """Look at everything that could make a training fail or disappoint.

    Args:
        recipe: The settings.
        dataset: A `DatasetInfo`, or None when none is chosen.
        base: Base encoder or version; the packaged encoder without it.
        ws: The workspace; the current one without it.

    Returns:
        One `Check` each for the data, the base, the settings, memory, disk and the queue.
    """
    ws = ws or Workspace.current()
    name = base.strip() or DEFAULT_BASE
    return [
        *check_texts(dataset, "pairs"),
        *_beginning(recipe, name, ws),
        *_settings(recipe),
        check_memory(memory_bytes(recipe, name)),
        check_disk(disk_bytes(recipe, name), ws),
        check_queue(ws),
    ]


def base_size(base: str) -> BaseSize:
    """Size of the encoder that a base or a version rests on; a version that is not here counts as the usual
    one."""
    try:
        return encoder_size(bases.encoder_of(base))
    except NexaError:
        return encoder_size(DEFAULT_BASE)  # the check of the base itself says what is wrong


def _beginning(recipe: EmbeddingsRecipe, name: str, ws: Workspace) -> list[Check]:
    try:
        version = bases.trained(name, ws=ws)
    except NexaError as error:
        return [Check(False, "Base model", str(error))]
    if version is None:
        return [check_encoder(name)]
    found = [Check(True, "Base model", f"The training goes on from {version.id}.")]
    if recipe.method == "lora":
        detail = "Adapters cannot be stored on top of a version; set the method to full or head."
        found.append(Check(False, "Method", detail))
    layers = min(recipe.head_layers, base_size(version.base_model).layers)
    known = bases.head_layers(version)
    if known is not None and known != layers:
        detail = f"{version.id} has {known}, the settings ask for {layers}; set them to {known}."
        found.append(Check(False, "Joint layers", detail))
    return [*found, check_encoder(version.base_model)]


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
