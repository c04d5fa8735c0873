"""Changing production from a page: files checked, libraries re-embedded with a bar, then the switch.

What a switch needs first is the model's own business (`Task.switch_room`); this only shows how far it is.
"""

from __future__ import annotations

import streamlit as st

from core.registry import store as registry
from dashboard import words


def switch(task: str, version: str, *, note: str = "", back: bool = False) -> None:
    """Make a version production, with a bar while libraries are re-embedded.

    Args:
        task: Model family.
        version: The version.
        note: Why, for the history.
        back: True to go back to the previous version.

    Raises:
        NexaError: If anything stands in the way; production then stays as it is.
    """
    place = st.empty()
    place.progress(0.0, text="Checking the files of the version …")

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        said = f"Re-embedding the libraries with {version}: {done:,} of {words.count(total, 'passage')}"
        place.progress(share, text=words.plain(said))

    try:
        if back:
            registry.rollback(task, note=note, progress=progress)
        else:
            registry.promote(task, version, note=note, progress=progress)
    finally:
        place.empty()


def warning(task: str) -> str:
    """What a person should know before the switch: one sentence, or an empty string.

    Args:
        task: Model family.
    """
    from core.tasks import get_task

    if not get_task(task).switch_room:
        return ""
    return (
        "Every spec library is re-embedded with it first; if that fails, production stays as it is. "
        "Keep this page open meanwhile."
    )
