"""The frozen description of a run: everything that was asked for, resolved to values.

Nothing here starts or changes a run; `spec.json` is written once by the launcher.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict

from core.errors import InputError, NotFoundError
from core.workspace import read_json, write_json_atomic

SPEC_FILE = "spec.json"
SCHEMA_VERSION = 1


class RunSpec(BaseModel):
    """What a run was asked for.

    Args:
        task: Model family, a key of `core.tasks.TASKS`.
        recipe: Every recipe field with its value.
        preset: Name of the preset that the recipe started from.
        dataset: Dataset id.
        dataset_hash: Content hash of the dataset when the run was launched.
        gold: Id of the gold dataset that the model is judged on, or None.
        base_model: Name of the base weights.
        seed: Seed of the training, as in the recipe.
        name: What the user calls the run.
        rows: Training examples in the dataset (0 = unknown), for time estimates.
        argv: The command that starts the same run, one string an argument.
        schema_version: Version of this file's shape.
        code_version: Version of the Studio that launched the run.
        created: Unix time of the launch, seconds.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    task: str
    recipe: dict[str, Any]
    preset: str = ""
    dataset: str
    dataset_hash: str = ""
    gold: str | None = None
    base_model: str = ""
    seed: int = 0
    name: str = ""
    rows: int = 0
    argv: list[str] = []
    schema_version: int = SCHEMA_VERSION
    code_version: str = ""
    created: float = 0.0

    @classmethod
    def load(cls, run_dir: Path) -> RunSpec:
        """Read the spec of a run.

        Raises:
            NotFoundError: If the folder holds no run.
            InputError: If the file is broken or of a newer Studio.
        """
        path = run_dir / SPEC_FILE
        try:
            spec = cls.model_validate(read_json(path))
        except FileNotFoundError:
            raise NotFoundError(
                f"There is no run {run_dir.name!r} in {str(run_dir.parent)!r}.", "Look at the list of runs."
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError, pydantic.ValidationError) as error:
            raise InputError(
                f"{SPEC_FILE} of run {run_dir.name!r} cannot be read: {type(error).__name__}.",
                "Delete the run and start it again.",
            ) from error
        if spec.schema_version > SCHEMA_VERSION:
            raise InputError(
                f"Run {run_dir.name!r} was made by a newer Studio (schema {spec.schema_version}, known "
                f"{SCHEMA_VERSION}).",
                "Update this installation.",
            )
        return spec

    def save(self, run_dir: Path) -> None:
        """Write the spec into `run_dir`, atomically."""
        write_json_atomic(run_dir / SPEC_FILE, self.model_dump())
