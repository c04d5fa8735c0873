"""The scored pass of the Validation page: choice of a set and progress; the model's view draws the result."""

from __future__ import annotations

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.tasks import Task
from dashboard import cards, model_use, state, views, words
from dashboard.model_use import Choice
from dashboard.views import ValidationView


def draw(task: Task, before: Choice, after: Choice, view: ValidationView) -> None:
    """Draw the choice of a set, the button and, once scored, the result.

    Args:
        task: Model family.
        before: The version to compare with.
        after: The version that is judged.
        view: Of the model.
    """
    st.subheader("Score a whole set")
    listed = [*store.list_datasets(task.name, "gold"), *store.list_datasets(task.name, "train")]
    sets = {info.id: info for info in listed}
    if not sets:
        cards.empty_state(
            "There is nothing to score on yet: import a gold set, or generate a dataset.",
            "Import a gold set",
            "generate",
            {"tab": "import", "task": task.name},
            kind="secondary",
        )
        return
    titles = {key: _title(info, views.unit(task.name)) for key, info in sets.items()}
    gold = store.get_gold(task.name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = state.choice("Set", list(sets), "set", default=gold.id if gold else None, titles=titles)
        also = st.toggle(f"also {before.id}", key="also", bind="query-params", disabled=before.id == after.id)
        pressed = st.button(f"Score {after.id}", icon=":material/fact_check:", key="score")
    info = sets[chosen]
    models = [after, before] if also and before.id != after.id else [after]
    if pressed:
        for choice in models:
            _run(task, choice, info, view)
    results = [(choice, model_use.scored(task, choice, info)) for choice in models]
    results = [(choice, result) for choice, result in results if result is not None]
    if not results:
        rows = words.count(info.counts.get("test", 0), views.unit(task.name))
        st.html(cards.quiet_html(f"{rows} will be read; the figures appear here."))
        return
    cards.source_badge(info.role == "gold", info.id)
    for choice, result in results:
        view.figures(task, choice, result, real=info.role == "gold")
    view.worst(results[0][0], results[0][1])


def _title(info: DatasetInfo, unit: str) -> str:
    count = words.count(info.counts.get("test", 0), unit)
    return f"{info.id} · {'gold set' if info.role == 'gold' else 'test split'} · {count}"


def _run(task: Task, choice: Choice, info: DatasetInfo, view: ValidationView) -> None:
    unit = views.unit(task.name)
    bar = st.progress(0.0, text=f"Loading {choice.id}, about 3 s the first time …")

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        bar.progress(share, text=f"{choice.id}: {done:,} of {words.count(total, unit)}")

    model_use.score(task, choice, info, lambda: view.rows(task, info), progress)
    bar.empty()
