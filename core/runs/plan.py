"""From a wish to a spec: recipe resolved, dataset checked, and the command that asks for the same.

Nothing here starts a run or writes a file; that is launcher.py.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from typing import Any

import core
from core.errors import InputError
from core.runs.spec import RunSpec
from core.tasks import get_task
from core.workspace import Workspace


def make_spec(
    task: str,
    *,
    recipe: dict[str, Any] | None = None,
    preset: str = "",
    dataset: str,
    gold: str | None = None,
    base_model: str = "",
    name: str = "",
    ws: Workspace | None = None,
) -> RunSpec:
    """Resolve and check what a run would be asked for, without starting it.

    Args:
        task: Model family.
        recipe: Recipe fields that differ from the preset (or all fields).
        preset: Name of the preset; the model's default preset without it.
        dataset: Dataset id.
        gold: Id of a gold dataset; the model's current gold set without it.
        base_model: Base weights; those of the preset without it.
        name: What the user calls the run.
        ws: The workspace; the current one without it.

    Raises:
        RecipeError: If preset or recipe do not hold.
        NotFoundError: If the dataset does not exist.
        IntegrityError, DatasetError: If the dataset is not what its hash says.
    """
    from core.datasets import store

    ws = ws or Workspace.current()
    room = get_task(task).room("recipe")
    preset = preset or room.DEFAULT_PRESET
    built = room.build_recipe(preset, recipe or {})
    if not dataset:
        raise InputError("No dataset was named.", "Generate or import one first, then choose it.")
    info = store.get_dataset(task, dataset, ws=ws)
    store.verify_dataset(info)
    if gold is None:
        current = store.get_gold(task, ws=ws)
        gold = current.id if current is not None else None
    else:
        store.get_dataset(task, gold, ws=ws)
    values = built.model_dump()
    spec = RunSpec(
        task=task,
        recipe=values,
        preset=preset,
        dataset=info.id,
        dataset_hash=info.hash,
        gold=gold,
        base_model=base_model or room.PRESETS[preset].base_model,
        seed=int(values.get("seed", 0)),
        name=name.strip()[:120],
        rows=int(info.counts.get("train", 0)),
        code_version=core.__version__,
        created=time.time(),
    )
    return spec.model_copy(update={"argv": _arguments(spec)})


def command_line(spec: RunSpec) -> str:
    """The exact command that starts the same training, ready to be copied into a shell."""
    arguments = spec.argv or _arguments(spec)
    return subprocess.list2cmdline(arguments) if os.name == "nt" else shlex.join(arguments)


def _arguments(spec: RunSpec) -> list[str]:
    room = get_task(spec.task).room("recipe")
    preset = room.build_recipe(spec.preset, {}).model_dump()
    arguments = [
        "python",
        "-m",
        "core",
        "train",
        spec.task,
        "--preset",
        spec.preset,
        "--dataset",
        spec.dataset,
    ]
    if spec.gold:
        arguments += ["--gold", spec.gold]
    if spec.base_model != room.PRESETS[spec.preset].base_model:
        arguments += ["--base-model", spec.base_model]
    for name, value in spec.recipe.items():
        if value != preset.get(name):
            text = value if isinstance(value, str) else json.dumps(value)
            arguments += ["--set", f"{name}={text}"]
    if spec.name:
        arguments += ["--name", spec.name]
    return arguments
