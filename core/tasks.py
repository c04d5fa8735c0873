"""The table of the three models, loaded lazily. A further model is one new folder and one row here.

Floors 0 and 1 reach a model's rooms only through `Task.room`, so that listing runs never imports torch.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from core.errors import InputError, NotFoundError


@dataclass(frozen=True)
class Target:
    """A figure that the user wants to pass.

    Args:
        metric: Name in the metrics log and the reports, for example `f1`.
        title: What the pages call it.
        value: The threshold; the target is met above it.
    """

    metric: str
    title: str
    value: float

    def met(self, value: float | None) -> bool:
        return value is not None and value > self.value


@dataclass(frozen=True)
class Task:
    """One model family.

    Args:
        name: Key in ids, folders and the command line.
        title: What the pages call it.
        purpose: One sentence for a person who does not know the field.
        package: The Python package with the rooms recipe, generate, dataset, train, evaluate, predict.
        main_metric: The metric by which the best checkpoint is kept.
        targets: The user's targets.
        labels: The label names, in the order of their ids.
        released: False while its rooms are built but its figures and pages are not there yet.
        unit: What one row of its data is called, in the singular.
        switch_room: Room with `prepare(version, ws=, progress=)`, which runs before a version goes into
            production; empty where a switch needs no preparation.
    """

    name: str
    title: str
    purpose: str
    package: str
    main_metric: str
    targets: tuple[Target, ...]
    labels: tuple[str, ...] = ()
    released: bool = True
    unit: str = "row"
    switch_room: str = ""

    @property
    def available(self) -> bool:
        """True when this edition of the Studio offers the model."""
        if not self.released:
            return False
        try:
            return importlib.util.find_spec(f"{self.package}.recipe") is not None
        except ModuleNotFoundError:
            return False

    def title_of(self, metric: str) -> str:
        """What the pages call a metric: the target's title, else its own name."""
        return next((target.title for target in self.targets if target.metric == metric), metric)

    def room(self, name: str) -> ModuleType:
        """Import and return one room, for example `task.room("train")`."""
        if not self.available:
            raise NotFoundError(
                f"The {self.title} model cannot be used in this edition.",
                f"Choose one of: {', '.join(t.name for t in available_tasks())}.",
            )
        return importlib.import_module(f"{self.package}.{name}")


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="ner",
            title="NER",
            purpose="Finds standards, measures, equipment and exemptions in go-backs and specifications.",
            package="core.ner",
            main_metric="f1",
            targets=(Target("f1", "F1", 0.85), Target("precision", "Precision", 0.82)),
            labels=("STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION"),
            unit="sentence",
        ),
        Task(
            name="embeddings",
            title="Similarity",
            purpose="Says whether a specification passage means the same as an infraction.",
            package="core.embeddings",
            main_metric="spearman",
            targets=(Target("spearman", "Correlation (Spearman)", 0.85),),
            unit="pair",
            switch_room="reembed",
        ),
        Task(
            name="yolo",
            title="Detector",
            purpose="Finds poles, crossarms and underground equipment in job photos.",
            package="core.yolo",
            main_metric="map50_95",
            targets=(
                Target("map50_95", "mAP50-95", 0.60),
                Target("crossarm_recall", "Crossarm recall", 0.50),
            ),
            labels=("pole", "crossarm", "underground"),
            unit="photo",
        ),
    )
}


def get_task(name: str) -> Task:
    """Return the task called `name`.

    Raises:
        InputError: If there is none.
    """
    try:
        return TASKS[name]
    except KeyError:
        raise InputError(f"{name!r} is not a model.", f"Choose one of: {', '.join(TASKS)}.") from None


def available_tasks() -> list[Task]:
    """The models whose training rooms are in this edition, in table order."""
    return [task for task in TASKS.values() if task.available]
