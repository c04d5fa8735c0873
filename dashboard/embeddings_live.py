"""A similarity training on the Live page: its stages, and the pairs that its version scores worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import streamlit as st

from core.errors import NexaError
from core.registry import store as registry
from core.runs.series import RunLog
from core.runs.state import RunStatus
from dashboard import cards
from dashboard import embeddings_text as texts


def stages(run: RunStatus, log: RunLog, recipe: Mapping[str, Any]) -> str:
    """The stages of a training with where each one stands.

    Args:
        run: The run.
        log: Its log.
        recipe: Its settings.
    """
    phases = [event["phase"] for event in log.events_by_kind.get("log", ()) if event.get("phase")]
    testing = bool(phases) and phases[-1] == "testing"
    began = bool(log.start and log.start.get("total_steps"))
    shown: list[tuple[str, str, str]] = []
    first = str(recipe.get("first_stage") or "none")
    if first != "none":
        events = log.events_by_kind.get("stage")
        if events:
            step, total = int(events[-1].get("step") or 0), int(events[-1].get("total") or 0)
            said = f"{step:,} of {total:,} updates" if not began else f"done after {step:,} updates"
            shown.append((_role(began, True), f"Texts without grades ({first})", said))
        else:
            said = "waits" if not began else "done before this log began"
            shown.append(("muted", f"Texts without grades ({first})", said))
    ended = testing or (began and not run.active)
    if not began:
        said = "waits"
    elif testing or run.version:
        said = f"done after epoch {run.epoch:.1f}"
    elif ended:
        said = f"ended at epoch {run.epoch:.1f} of {run.epochs:g}"
    else:
        said = f"epoch {run.epoch:.1f} of {run.epochs:g}"
    shown.append((_role(ended, began), "Graded pairs", said))
    said = "done" if run.version else ("under way" if testing and run.active else "waits")
    shown.append((_role(bool(run.version), testing), "Test, stress test, everyday sentences", said))
    if not run.active and not run.version:
        shown = [entry for entry in shown if entry[2] != "waits"]
    parts = [
        f'<span class="nx-{role}"><b>{number} {escape(name)}</b>{escape(said)}</span>'
        for number, (role, name, said) in enumerate(shown, 1)
    ]
    return f'<div class="nx-stages">{"".join(parts)}</div>'


def _role(done: bool, begun: bool) -> str:
    return "muted" if done or not begun else "close"


def samples(run: RunStatus) -> Callable[[], None] | None:
    """What draws the worst pairs; None before there is a version."""
    worst = _worst(run)
    if worst is None:
        return None

    def draw() -> None:
        cards.source_badge(worst[1])
        for item in worst[0][:8]:
            facts = [f"given {item['given']:.2f}", f"predicted {item['score']:.2f}", str(item["kind"])]
            st.html(texts.pair_html(item["a"], item["b"], facts))

    return draw


def _worst(run: RunStatus) -> tuple[list[dict], bool] | None:
    """The worst pairs of the run's version, and whether they are real data."""
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
