"""Data: generate sentences, import your own, and the list of datasets."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.recipe import fields
from core.tasks import Task, available_tasks, get_task
from core.workspace import Workspace
from dashboard import dataset_list, entities, forms, import_view, nav, state, words

PREVIEW_ROWS = 8


def main() -> None:
    """Draw the page."""
    st.title("Data")
    available = available_tasks()
    task = get_task(state.task(available))
    tabs = {"generate": "Generate", "import": "Import your own"}
    tab = state.segments("Source", tabs, "tab", default="generate", label_visibility="collapsed")
    with nav.guard("This part of the page"):
        if tab == "import":
            import_view.draw(task)
        else:
            _generate(task)
    st.subheader("Datasets")
    with nav.guard("The list of datasets"):
        dataset_list.draw(task)


def _generate(task: Task) -> None:
    room = task.room("generate")
    defaults = room.build_settings({})
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.subheader("Recipe")
            name = st.text_input(
                "Name of the dataset", value=task.name, key="name", bind="query-params", max_chars=60
            )
            changed = forms.settings_form(
                fields(type(defaults)),
                defaults.model_dump(),
                prefix="g.",
                base_word="default",
                hide=["style_mix"],
            )
            mix = _style_mix(_style_weights(task.name))
            if mix is not None:
                changed["style_mix"] = mix
            settings = room.build_settings(changed)
            if st.button(
                "Generate the dataset", type="primary", icon=":material/auto_awesome:", width="stretch",
                key="generate",
            ):  # fmt: skip
                _build(task, settings, name)
        with right:
            _preview(task, changed)


@st.cache_data(max_entries=4, show_spinner="Reading the sentence patterns …")
def _style_weights(task_name: str) -> dict[str, float]:
    return get_task(task_name).room("generate").style_weights()


def _style_mix(weights: dict[str, float]) -> dict[str, float] | None:
    """Weights by style where the user changed one, else None."""
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
        return None
    return {style: weights[style] * factor for style, factor in factors.items()}


def _build(task: Task, settings: Any, name: str) -> None:
    bar = st.progress(0.0, text="Generating …")

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 0.0
        bar.progress(share, text=f"{done:,} of {words.count(total, 'sentence')}")

    info = task.room("dataset").build_generated(
        settings, name=name.strip() or task.name, progress=progress, ws=Workspace.current()
    )
    bar.empty()
    st.session_state["made"] = info.id
    st.rerun()


@st.cache_data(max_entries=32, show_spinner=False)
def _examples(task_name: str, changed: dict[str, Any], page: int) -> list[dict[str, Any]]:
    room = get_task(task_name).room("generate")
    settings = room.build_settings(changed)
    first = page * PREVIEW_ROWS % max(1, settings.count // 2)
    return room.preview(settings, first + PREVIEW_ROWS)[first:]


def _preview(task: Task, changed: dict[str, Any]) -> None:
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


main()
