"""The table of what differs between the models on the pages: data, validation, samples of a training.

A further model is one row here and its modules; the pages know only the functions that are named below.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.datasets.store import DatasetInfo
from core.errors import InputError
from core.runs.series import RunLog
from core.runs.state import RunStatus
from core.tasks import Task, get_task
from dashboard.model_use import Choice


class DataView(Protocol):
    """What the Data page asks of a model.

    Attributes:
        NAME: Name of a new dataset unless the user gives another one.
        PREFIX: Start of the form's names in the page's address.
        HIDDEN: Settings that `more_settings` asks for instead of the form.
    """

    NAME: str
    PREFIX: str
    HIDDEN: Sequence[str]

    def more_settings(self, task: Task) -> dict[str, Any]:
        """Draw what the form cannot, under it; returns what the user changed."""

    def more_tabs(self, task: Task) -> dict[str, tuple[str, Callable[[Task], None]]]:
        """Further tabs beside generating and importing: name in the address → (title, what draws it)."""

    def preview(self, task: Task, changed: dict[str, Any]) -> None:
        """Draw examples of what these settings generate."""

    def draw_import(self, task: Task) -> None:
        """Draw the import of files."""

    def summary(self, info: DatasetInfo) -> str:
        """HTML of what a stored dataset holds, for the list of datasets."""

    def examples(self, info: DatasetInfo, split: str) -> None:
        """Draw a few rows of a stored dataset."""


class ValidationView(Protocol):
    """What the Validation page asks of a model.

    Attributes:
        HAS_BASE: True where the untrained base can be tried too.
        SCORES_BELOW: True where the scored pass stands under the input; False where `draw` places it.
        OUTSIDE: Sets to score that are no datasets: name in the address → (title, what asks for it; it takes
            what a row is called).
    """

    HAS_BASE: bool
    SCORES_BELOW: bool
    OUTSIDE: Mapping[str, tuple[str, Callable[[str], Any]]]

    def draw(self, task: Task, found: list[Choice]) -> tuple[Choice, Choice]:
        """Draw input and result; returns the versions (before, after) that were chosen."""

    def score(
        self, model: Any, source: DatasetInfo | Path, progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Run a loaded model over the test split of a dataset, or over a set from outside."""

    def figures(self, task: Task, choice: Choice, result: Any, *, real: bool) -> None:
        """Draw the figures of a scored pass."""

    def worst(self, choice: Choice, result: Any) -> None:
        """Draw the rows with most errors."""


class LiveView(Protocol):
    """What the Live page asks of a model."""

    def samples(self, run: RunStatus) -> Callable[[], None] | None:
        """What draws the samples of a training, or None while there are none."""

    def stages(self, run: RunStatus, log: RunLog, recipe: Mapping[str, Any]) -> str:
        """HTML of the stages of a training, or an empty string where there is only one."""


@dataclass(frozen=True)
class Views:
    """The views of one model, as modules that are imported when they are first drawn.

    Args:
        data: Module with the functions of `DataView`.
        validation: Module with the functions of `ValidationView`.
        live: Module with the functions of `LiveView`.
    """

    data: str
    validation: str
    live: str


VIEWS: dict[str, Views] = {
    "ner": Views("dashboard.ner_data", "dashboard.ner_validation", "dashboard.ner_live"),
    "embeddings": Views(
        "dashboard.embeddings_data", "dashboard.embeddings_validation", "dashboard.embeddings_live"
    ),
    "yolo": Views("dashboard.yolo_data", "dashboard.yolo_validation", "dashboard.yolo_live"),
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
    return get_task(task_name).unit


def data(task_name: str) -> DataView:
    """The data view of a model."""
    return importlib.import_module(_views(task_name).data)  # type: ignore[return-value]


def validation(task_name: str) -> ValidationView:
    """The validation view of a model."""
    return importlib.import_module(_views(task_name).validation)  # type: ignore[return-value]


def live(task_name: str) -> LiveView:
    """The live view of a model."""
    return importlib.import_module(_views(task_name).live)  # type: ignore[return-value]
