"""The benchmarks of all models, by name. What each measures is in the model's own bench room."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.tasks import available_tasks


@dataclass(frozen=True)
class Benchmark:
    """One measurement that takes too long for a test.

    Args:
        help: What it measures, in one sentence.
        run: `run(say, **options) -> figures`; `say` prints a line of progress, options are strings.
    """

    help: str
    run: Callable[..., dict[str, Any]]


def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark by name, `TASK-NAME`."""
    found: dict[str, Benchmark] = {}
    for task in available_tasks():
        if importlib.util.find_spec(f"{task.package}.bench") is None:
            continue
        for name, benchmark in task.room("bench").benchmarks().items():
            found[f"{task.name}-{name}"] = benchmark
    return found
