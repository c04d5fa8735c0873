"""Samples of a NER training on the Live page: the sentences that its version reads worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.errors import NexaError
from core.registry import store as registry
from core.runs.series import RunLog
from core.runs.state import RunStatus
from dashboard import cards, entities


def samples(run: RunStatus) -> Callable[[], None] | None:
    """What draws the worst sentences; None before there is a version."""
    worst = _worst(run)
    if worst is None:
        return None

    def draw() -> None:
        cards.source_badge(worst[1])
        for item in worst[0][:5]:
            st.html(entities.highlight(item["text"], item.get("predicted", []), compact=True))

    return draw


def _worst(run: RunStatus) -> tuple[list[dict], bool] | None:
    """The worst sentences of the run's version, and whether they are real data."""
    if not run.version:
        return None
    try:
        report = registry.get_version(run.task, run.version).report
    except NexaError:
        # The end card above has named the problem with this version already.
        return None
    for part, real in (("gold", True), ("test", False)):
        worst = (report.get(part) or {}).get("worst")
        if worst:
            return worst, real
    return None


def stages(run: RunStatus, log: RunLog, recipe: Mapping[str, Any]) -> str:
    """There is one stage only."""
    return ""
