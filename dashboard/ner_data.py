"""Sentences on the Data page: style mix, preview, examples of a dataset. Their import is ner_import.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.tasks import Task, get_task
from dashboard import cards, entities, nav
from dashboard.ner_import import draw_import

__all__ = [
    "HIDDEN",
    "NAME",
    "PREFIX",
    "draw_import",
    "examples",
    "more_settings",
    "more_tabs",
    "preview",
    "summary",
]

PREFIX = "g."
NAME = "ner"
HIDDEN = ("style_mix",)
PREVIEW_ROWS = 8


def more_tabs(task: Task) -> dict[str, tuple[str, Callable[[Task], None]]]:
    """Generating and importing are all."""
    return {}


@st.cache_data(max_entries=4, show_spinner="Reading the sentence patterns …")
def _style_weights(task_name: str) -> dict[str, float]:
    return get_task(task_name).room("generate").style_weights()


def more_settings(task: Task) -> dict[str, Any]:
    """The style mix; weights by style only where the user changed one."""
    weights = _style_weights(task.name)
    factors: dict[str, float] = {}
    with st.expander("Style mix", key="style-mix"):
        st.caption("1 is what the pattern files say, 0 leaves a style out, 2 makes it twice as frequent.")
        columns = st.columns(2, gap="medium")
        for index, style in enumerate(weights):
            with columns[index % 2]:
                factors[style] = st.slider(
                    style.capitalize().replace("-", " "),
                    0.0,
                    3.0,
                    1.0,
                    0.25,
                    key=f"mix.{style}",
                    bind="query-params",
                )
    if all(factor == 1.0 for factor in factors.values()):
        return {}
    return {"style_mix": {style: weights[style] * factor for style, factor in factors.items()}}


@st.cache_data(max_entries=32, show_spinner=False)
def _examples(task_name: str, changed: dict[str, Any], page: int) -> list[dict[str, Any]]:
    room = get_task(task_name).room("generate")
    settings = room.build_settings(changed)
    first = page * PREVIEW_ROWS % max(1, settings.count // 2)
    return room.preview(settings, first + PREVIEW_ROWS)[first:]


def preview(task: Task, changed: dict[str, Any]) -> None:
    """Sentences that these settings give."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Preview", width="stretch")
        if st.button("Other examples", icon=":material/refresh:", type="tertiary", key="other"):
            st.session_state["preview-page"] = st.session_state.get("preview-page", 0) + 1
    page = st.session_state.get("preview-page", 0)
    with nav.guard("The preview"):
        rows = _examples(task.name, changed, page)
        counts: dict[str, int] = {}
        for row in rows:
            for entity in row["entities"]:
                counts[entity["label"]] = counts.get(entity["label"], 0) + 1
        st.html(entities.legend())
        for row in rows:
            with st.container(border=True, gap=None):
                st.html(entities.highlight(row["text"], row["entities"], compact=True))
                notes = " · ".join(str(row[key]) for key in ("style", "split") if row.get(key))
                none = "nothing to find" if not row["entities"] else ""
                st.caption(" · ".join(part for part in (notes, none) if part) or " ")


def summary(info: DatasetInfo) -> str:
    """How often each label occurs."""
    return cards.labels_html(info.card)


def examples(info: DatasetInfo, split: str) -> None:
    """The first sentences of a dataset."""
    for row in store.read_rows(info, split, limit=10):
        st.html(entities.highlight(row["text"], row["entities"], compact=True))
