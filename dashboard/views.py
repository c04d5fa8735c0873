"""The table of what differs between the models on the pages: data, validation, samples of a training.

A further model is one row here and its modules; the pages know only the functions that are named below.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.datasets.store import DatasetInfo
from core.errors import InputError
from core.runs.state import RunStatus
from core.tasks import Task
from dashboard.model_use import Choice


class DataView(Protocol):
    """What the Data page asks of a model.

    Attributes:
        PREFIX: Start of the form's names in the page's address.
        HIDDEN: Settings that `more_settings` asks for instead of the form.
    """

    PREFIX: str
    HIDDEN: Sequence[str]

    def more_settings(self, task: Task) -> dict[str, Any]:
        """Draw what the form cannot, under it; returns what the user changed."""

    def preview(self, task: Task, changed: dict[str, Any]) -> None:
        """Draw examples of what these settings generate."""

    def draw_import(self, task: Task) -> None:
        """Draw the import of files."""

    def examples(self, info: DatasetInfo, split: str) -> None:
        """Draw a few rows of a stored dataset."""


class ValidationView(Protocol):
    """What the Validation page asks of a model."""

    def draw(self, task: Task, found: list[Choice]) -> tuple[Choice, Choice]:
        """Draw input and result; returns the versions (before, after) that were chosen."""

    def rows(self, task: Task, info: DatasetInfo) -> list[Any]:
        """What a scored pass reads."""

    def figures(self, task: Task, choice: Choice, result: Any, *, real: bool) -> None:
        """Draw the figures of a scored pass."""

    def worst(self, choice: Choice, result: Any) -> None:
        """Draw the rows with most errors."""


class LiveView(Protocol):
    """What the Live page asks of a model."""

    def samples(self, run: RunStatus) -> Callable[[], None] | None:
        """What draws the samples of a training, or None while there are none."""


@dataclass(frozen=True)
class Views:
    """The views of one model, as modules that are imported when they are first drawn.

    Args:
        unit: What one row is called, in the singular.
        data: Module with the functions of `DataView`.
        validation: Module with the functions of `ValidationView`.
        live: Module with the functions of `LiveView`.
    """

    unit: str
    data: str
    validation: str
    live: str


VIEWS: dict[str, Views] = {
    "ner": Views("sentence", "dashboard.ner_data", "dashboard.ner_validation", "dashboard.ner_live"),
}


def _views(task_name: str) -> Views:
    try:
        return VIEWS[task_name]
    except KeyError:
        raise InputError(
            f"The pages cannot show {task_name!r} yet.", f"Choose one of: {', '.join(VIEWS)}."
        ) from None


def unit(task_name: str) -> str:
    """What one row of a model's data is called, in the singular."""
    return VIEWS[task_name].unit if task_name in VIEWS else "row"


def data(task_name: str) -> DataView:
    """The data view of a model."""
    return importlib.import_module(_views(task_name).data)  # type: ignore[return-value]


def validation(task_name: str) -> ValidationView:
    """The validation view of a model."""
    return importlib.import_module(_views(task_name).validation)  # type: ignore[return-value]


def live(task_name: str) -> LiveView:
    """The live view of a model."""
    return importlib.import_module(_views(task_name).live)  # type: ignore[return-value]
