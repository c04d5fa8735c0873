"""Loaded models for the Validation page: fetched once per process, used by one session at a time.

torch is imported here only when a prediction is asked for, inside the functions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.datasets import store
from core.errors import NexaError
from core.registry import store as registry
from core.tasks import Task, get_task
from core.workspace import Workspace

KEPT_MODELS = 3


@dataclass(frozen=True)
class Choice:
    """A model version that can be tried.

    Args:
        id: What the registry calls it: `v3`, `starter` or `base`.
        title: What the page calls it.
        stamp: Changes when another model takes the same id; part of every cache key.
    """

    id: str
    title: str
    stamp: str = ""


@dataclass
class Scores:
    """Finished scored passes of this process, by (task, model id, stamp, dataset id)."""

    results: dict[tuple[str, str, str, str], dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: tuple[str, str, str, str]) -> dict[str, Any] | None:
        with self.lock:
            return self.results.get(key)

    def put(self, key: tuple[str, str, str, str], value: dict[str, Any]) -> None:
        with self.lock:
            self.results[key] = value
            while len(self.results) > 50:
                self.results.pop(next(iter(self.results)))


def choices(task: Task) -> list[Choice]:
    """Every version of a model that can be tried: newest first, then the starter and the untrained base."""
    found = [
        Choice(version.id, version.id, f"{Workspace.current().root}{version.created}")
        for version in registry.list_versions(task.name)
    ]
    for ref, title in (("starter", "starter"), ("base", "base, before any training")):
        try:
            version = registry.get_version(task.name, ref)
        except NexaError as error:
            # Without a starter the list is shorter; a damaged one must be named.
            if not isinstance(error, LookupError):
                st.error(error.message)
            continue
        found.append(Choice(ref, title, version.created))
    return found


def roles(task: Task) -> dict[str, str]:
    """Version id → the names that point at it, for example `production`."""
    names: dict[str, list[str]] = {}
    for alias, version in registry.aliases(task.name).items():
        names.setdefault(version, []).append(alias)
    return {version: ", ".join(aliases) for version, aliases in names.items()}


def defaults(task: Task, found: list[Choice]) -> tuple[str, str]:
    """(before, after) as the page suggests them.

    After is the newest version, else the starter; before is production where that is another version, else
    the starter, else the base.
    """
    ids = [choice.id for choice in found]
    after = ids[0]
    production = registry.aliases(task.name).get("production")
    for candidate in (production, "starter", "base"):
        if candidate in ids and candidate != after:
            return str(candidate), after
    return after, after


@st.cache_resource(max_entries=KEPT_MODELS, show_spinner=False)
def _model(task_name: str, model_id: str, stamp: str) -> tuple[Any, threading.Lock]:
    loaded = get_task(task_name).room("predict").load_model(model_id, ws=Workspace.current())
    return loaded, threading.Lock()


@st.cache_resource(show_spinner=False)
def scores() -> Scores:
    """The store of scored passes, shared by all sessions."""
    return Scores()


@st.cache_data(max_entries=64, show_spinner=False)
def predict(task_name: str, model_id: str, stamp: str, text: str) -> list[dict[str, Any]]:
    """Entities of a text at every confidence, so that a threshold can be applied without the model.

    Args:
        task_name: Model family.
        model_id: From `Choice`.
        stamp: From `Choice`.
        text: Any text.
    """
    model, lock = _model(task_name, model_id, stamp)
    with lock:
        return model.predict([text])[0]["entities"]


def score(
    task: Task,
    choice: Choice,
    dataset: store.DatasetInfo,
    rows: Callable[[], list[Any]],
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Run a model over the test split of a dataset; the result is kept for this process.

    Args:
        task: Model family.
        choice: Which model.
        dataset: A dataset or gold set.
        rows: Reads what `evaluate` of the model scores.
        progress: Called with (done, total).
    """
    key = (task.name, choice.id, choice.stamp, dataset.id)
    found = scores().get(key)
    if found is not None:
        return found
    model, lock = _model(task.name, choice.id, choice.stamp)
    with lock:
        result = task.room("evaluate").evaluate(model, rows(), progress=progress)
    scores().put(key, result)
    return result


def scored(task: Task, choice: Choice, dataset: store.DatasetInfo) -> dict[str, Any] | None:
    """The result of an earlier `score`, or None."""
    return scores().get((task.name, choice.id, choice.stamp, dataset.id))
