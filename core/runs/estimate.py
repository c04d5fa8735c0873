"""How long a training will take, before it starts: the wing's formula, corrected by this machine's own runs.

What remains of a running one is pace.py.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from core.errors import NexaError
from core.runs.spec import RunSpec
from core.runs.state import RunState, list_runs
from core.tasks import get_task
from core.workspace import Workspace

_RUNS = 5
# A single run beside other load says little: no correction beyond this factor.
_LIMIT = 10.0


@dataclass(frozen=True)
class Estimate:
    """An expected duration.

    Args:
        seconds: From the slot to the end.
        runs: How many earlier runs of this workspace it was corrected by; 0 = formula only.
    """

    seconds: float
    runs: int


def estimate(
    task: str, recipe: Any, *, rows: int, base_model: str = "", ws: Workspace | None = None
) -> Estimate:
    """Estimate the duration of a training.

    The formula of the model's recipe room is multiplied by the median of what the last completed runs of the
    same base model took against their own formula.

    Args:
        task: Model family.
        recipe: A built recipe of it.
        rows: Training examples.
        base_model: Base weights; those of the default preset without it.
        ws: The workspace; the current one without it.
    """
    room = get_task(task).room("recipe")
    base_model = base_model or room.PRESETS[room.DEFAULT_PRESET].base_model
    formula = float(room.estimate_seconds(recipe, rows, base=base_model))
    factors = _factors(task, base_model, ws or Workspace.current())
    if not factors:
        return Estimate(formula, 0)
    factor = min(_LIMIT, max(1 / _LIMIT, statistics.median(factors)))
    return Estimate(formula * factor, len(factors))


def _factors(task: str, base_model: str, ws: Workspace) -> list[float]:
    room = get_task(task).room("recipe")
    factors: list[float] = []
    for status in list_runs(ws, task):
        if len(factors) == _RUNS:
            break
        # A resumed run was interrupted at an unknown moment: its time is not that of one training.
        usable = status.state == RunState.COMPLETED and status.attempt == 1 and status.step > 0
        if not usable or status.base_model != base_model or status.seconds <= 0:
            continue
        try:
            spec = RunSpec.load(ws.run(status.run_id))
            formula = room.estimate_seconds(
                room.build_recipe(spec.preset, spec.recipe), spec.rows, base=base_model
            )
        except NexaError:
            # A run of an older edition, whose recipe is no longer known.
            continue
        if spec.rows and formula > 0:
            whole = status.seconds * max(1.0, status.total_steps / status.step)
            factors.append(whole / formula)
    return factors
