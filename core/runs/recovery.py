"""Second chances inside one run: back to the last checkpoint after a non-finite loss, smaller batches when
memory runs out. What one attempt does is the wing's.
"""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from core.errors import NonFiniteLossError, OutOfMemoryError, TrainingError
from core.runs.explain import is_out_of_memory
from core.workspace import read_json, write_json_atomic

if TYPE_CHECKING:
    from core.runs.context import RunContext

RECOVERY_FILE = "recovery.json"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Attempt:
    """The settings of one attempt.

    Args:
        batch_size: Examples at once.
        accumulation: Batches that make one update; `batch_size * accumulation` stays as it was asked for.
        learning_rate: Halved at each rollback.
        rollbacks: How often the run went back after a non-finite loss.
        resume_from: Checkpoint folder to go on from, or None for the base weights.
    """

    batch_size: int
    accumulation: int
    learning_rate: float
    rollbacks: int = 0
    resume_from: Path | None = None


def run_with_recovery(
    attempt: Callable[[Attempt], Result],
    ctx: RunContext,
    *,
    batch_size: int,
    accumulation: int,
    learning_rate: float,
    max_rollbacks: int = 3,
) -> Result:
    """Call `attempt` until it returns, with gentler settings after each failure that allows it.

    What was learned is kept in the run folder, so that a resumed run does not start with the settings that
    failed.

    Args:
        attempt: Trains with the given settings from the given checkpoint. Everything it made (model,
            optimiser) must be made inside it, so that a failed attempt frees its memory.
        ctx: The run.
        batch_size: Examples at once, as asked for.
        accumulation: Batches that make one update, as asked for.
        learning_rate: As asked for.
        max_rollbacks: How often a non-finite loss is forgiven.

    Raises:
        TrainingError: If the loss was non-finite more than `max_rollbacks` times.
        OutOfMemoryError: If memory runs out at batch size 1.
    """
    current = _load(ctx, Attempt(batch_size, accumulation, learning_rate))
    while True:
        current = dataclasses.replace(current, resume_from=ctx.resume_from)
        try:
            return attempt(current)
        except NonFiniteLossError as error:
            current = _rolled_back(current, error, ctx, max_rollbacks)
        except (RuntimeError, MemoryError, OSError, OutOfMemoryError) as error:
            if not is_out_of_memory(error):
                raise
            current = _halved(current, error, ctx)
        # Only here, outside the handlers, is the failed attempt's model no longer referred to.
        _free_memory()
        _save(ctx, current)


def _rolled_back(current: Attempt, error: NonFiniteLossError, ctx: RunContext, limit: int) -> Attempt:
    if current.rollbacks >= limit:
        raise TrainingError(
            f"The loss became NaN or infinite {current.rollbacks + 1} times, lastly with a learning rate of "
            f"{current.learning_rate:g}.",
            "Choose a learning rate ten times smaller, or number format fp32, and look for broken rows.",
        ) from error
    rate = current.learning_rate / 2
    ctx.log(
        f"{error.message} Going back to {_where(ctx)} with half the learning rate, {rate:g} "
        f"({current.rollbacks + 1} of {limit}).",
        recovery="rollback",
    )
    return dataclasses.replace(current, learning_rate=rate, rollbacks=current.rollbacks + 1)


def _halved(current: Attempt, error: BaseException, ctx: RunContext) -> Attempt:
    if current.batch_size <= 1:
        raise OutOfMemoryError(
            "The machine ran out of memory even with a batch size of 1.",
            "Choose a shorter maximum length or a smaller base model, or close other programs.",
        ) from error
    size = current.batch_size // 2
    accumulation = max(1, round(current.batch_size * current.accumulation / size))
    ctx.log(
        f"Memory ran out with batch size {current.batch_size}. Going on from {_where(ctx)} with batch size "
        f"{size} and {accumulation} batches an update.",
        recovery="memory",
    )
    return dataclasses.replace(current, batch_size=size, accumulation=accumulation)


def _where(ctx: RunContext) -> str:
    return "the last checkpoint" if ctx.resume_from is not None else "the beginning"


def _free_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _save(ctx: RunContext, current: Attempt) -> None:
    values = dataclasses.asdict(current)
    values.pop("resume_from")
    write_json_atomic(ctx.run_dir / RECOVERY_FILE, values)


def _load(ctx: RunContext, asked: Attempt) -> Attempt:
    try:
        values = read_json(ctx.run_dir / RECOVERY_FILE)
        return Attempt(
            batch_size=int(values["batch_size"]),
            accumulation=int(values["accumulation"]),
            learning_rate=float(values["learning_rate"]),
            rollbacks=int(values["rollbacks"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return asked
