"""Validation: try a model before and after training; score a whole set.

What differs by model is drawn by its validation view, see dashboard/views.py.
"""

from __future__ import annotations

import streamlit as st

from core.tasks import available_tasks, get_task
from dashboard import cards, model_use, nav, scored_view, state, views


def main() -> None:
    """Draw the page."""
    st.title("Validation")
    available = available_tasks()
    task = get_task(state.task(available))
    view = views.validation(task.name)
    found = [choice for choice in model_use.choices(task) if choice.id != "base" or view.HAS_BASE]
    if not found:
        cards.empty_state("There is no model to try yet.", "Launch training", "launch", {"task": task.name})
        return
    before, after = view.draw(task, found)
    if not view.SCORES_BELOW:
        return
    st.divider()
    with nav.guard("The scored pass"):
        scored_view.draw(task, before, after, view)


main()
