"""What every training is asked before a start: data, base, memory, disk and queue, as answers for a form.

How much of each a training needs is computed in the models' own preflight rooms.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from core.workspace import Workspace

_FEW = 3000


@dataclass(frozen=True)
class Check:
    """One answer of the pre-flight check.

    Args:
        ok: True = fine, None = worth knowing, False = a start would fail.
        title: What was looked at.
        detail: What was found and, unless it is fine, what to do.
    """

    ok: bool | None
    title: str
    detail: str

    @property
    def reason(self) -> str:
        return self.detail


def check_texts(dataset: Any, unit: str) -> list[Check]:
    """Amount, splits and health of a text dataset.

    Args:
        dataset: A `DatasetInfo`, or None when none is chosen.
        unit: What a row is called, in the plural.
    """
    if dataset is None:
        return [Check(False, "Data", "No dataset is chosen. Generate or import one first.")]
    counts = dataset.counts
    train, val = counts.get("train", 0), counts.get("val", 0)
    if not train:
        return [Check(False, "Data", f"{dataset.id} has no training split. Choose another dataset.")]
    found = [
        Check(True, "Data", f"{train:,} training, {val:,} validation, {counts.get('test', 0):,} test {unit}.")
    ]
    if not val:
        found.append(
            Check(None, "Validation data", f"There is none: training {unit} are used, scores will flatter.")
        )
    if train < _FEW:
        found.append(
            Check(
                None,
                "Amount",
                f"{train:,} {unit} are few; below about {_FEW:,} scores on real text drop sharply.",
            )
        )
    health = dataset.card.get("health", [])
    for finding in health if isinstance(health, list) else []:
        if isinstance(finding, dict) and finding.get("level") in ("warning", "error"):
            found.append(Check(None, str(finding.get("title", "Health")), str(finding.get("detail", ""))))
    return found


def check_encoder(name: str) -> Check:
    """Whether a base encoder is here."""
    from core.encoders.bases import is_available, is_hub_name

    here, reason = is_available(name)
    if here:
        return Check(True, "Base model", f"{name} is on this machine.")
    if is_hub_name(name):
        return Check(None, "Base model", f"{reason} Without network the training will not start.")
    return Check(False, "Base model", reason)


def check_memory(needed: int, smaller: str = "batch size") -> Check:
    """Whether the free memory is enough.

    Args:
        needed: Bytes.
        smaller: The setting to lower where it is not.
    """
    try:
        import psutil

        free = psutil.virtual_memory().available
    except ImportError:
        return Check(
            None, "Memory", f"About {needed / 1e9:.1f} GB are needed; free memory could not be read."
        )
    if needed > free:
        return Check(
            None,
            "Memory",
            f"About {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free. "
            f"Choose a smaller {smaller}; otherwise the batch is halved when memory runs out.",
        )
    return Check(True, "Memory", f"About {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB free.")


def check_disk(needed: int, ws: Workspace) -> Check:
    """Whether `needed` bytes fit on the workspace's disk."""
    folder = ws.root
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        return Check(
            False,
            "Disk",
            f"About {needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free at {folder}. "
            "Delete old runs.",
        )
    return Check(True, "Disk", f"About {needed / 1e9:.2f} GB of {free / 1e9:.1f} GB free.")


def check_queue(ws: Workspace) -> Check:
    """Whether the training would start at once."""
    from core.runs.state import RunState, list_runs

    states = [run.state for run in list_runs(ws)]
    waiting, running = states.count(RunState.QUEUED), states.count(RunState.RUNNING)
    if waiting or running:
        return Check(
            None, "Queue", f"{running} running, {waiting} waiting: this training starts when a slot is free."
        )
    return Check(True, "Queue", "Nothing else is training.")
