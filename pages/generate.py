"""Data: generate examples, import your own, and the list of datasets.

What differs by model is drawn by its data view, see dashboard/views.py.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.recipe import fields
from core.tasks import Task, available_tasks, get_task
from core.workspace import Workspace
from dashboard import dataset_list, forms, nav, state, views, words
from dashboard.views import DataView


def main() -> None:
    """Draw the page."""
    st.title("Data")
    available = available_tasks()
    task = get_task(state.task(available))
    view = views.data(task.name)
    tabs = {"generate": "Generate", "import": "Import your own"}
    tab = state.segments("Source", tabs, "tab", default="generate", label_visibility="collapsed")
    with nav.guard("This part of the page"):
        if tab == "import":
            view.draw_import(task)
        else:
            _generate(task, view)
    st.subheader("Datasets")
    with nav.guard("The list of datasets"):
        dataset_list.draw(task)


def _generate(task: Task, view: DataView) -> None:
    room = task.room("generate")
    defaults = room.build_settings({})
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.subheader("Recipe")
            name = st.text_input(
                "Name of the dataset", value=task.name, key=f"{view.PREFIX}name", bind="query-params",
                max_chars=60,
            )  # fmt: skip
            changed = forms.settings_form(
                fields(type(defaults)),
                defaults.model_dump(),
                prefix=view.PREFIX,
                base_word="default",
                hide=view.HIDDEN,
            )
            changed |= view.more_settings(task)
            settings = room.build_settings(changed)
            if st.button(
                "Generate the dataset", type="primary", icon=":material/auto_awesome:", width="stretch",
                key="generate",
            ):  # fmt: skip
                _build(task, settings, name)
        with right:
            view.preview(task, changed)


def _build(task: Task, settings: Any, name: str) -> None:
    bar = st.progress(0.0, text="Generating …")
    unit = views.unit(task.name)

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 0.0
        bar.progress(share, text=f"{done:,} of {words.count(total, unit)}")

    info = task.room("dataset").build_generated(
        settings, name=name.strip() or task.name, progress=progress, ws=Workspace.current()
    )
    bar.empty()
    st.session_state["made"] = info.id
    st.rerun()


main()
