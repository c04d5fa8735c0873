"""What every import of rows shows and does: the check with its rejected lines, and saving.

Which files a model takes, and how its rows look, is the model's own import module.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.datasets import store
from core.datasets.importers.rows import ImportResult
from core.errors import InputError
from core.tasks import Task
from core.workspace import Workspace
from dashboard import cards, words

MAX_UPLOAD_MB = 50
SHOWN_ROWS = 200
ROLES = {"gold": "Gold set: real cases to measure on, never trained on", "train": "Training data"}


def checked(found: ImportResult, files: int) -> None:
    """Draw how many rows can be used, the notices, and every rejected line with its reason.

    Args:
        found: What the files hold.
        files: How many files there are.
    """
    st.html(
        cards.check_html(
            bool(found.rows), f"{words.count(len(found.rows), 'row')} can be used", f"Format: {found.format}"
        )
        + cards.check_html(
            True if not found.rejected else None,
            f"{words.count(len(found.rejected), 'row')} rejected",
            "" if not found.rejected else "They are left out; everything else is kept.",
        )
        + "".join(cards.check_html(None, notice, "") for notice in found.notices)
    )
    if not found.rejected:
        return
    names = ["Line", "Reason", "Row begins", *(["File"] if files > 1 else [])]
    rows = [(r.line, r.reason, r.snippet, r.file)[: len(names)] for r in found.rejected[:SHOWN_ROWS]]
    with st.container(height=min(320, 60 + 44 * len(rows)), border=False):
        st.html(cards.table_html([(name, name == "Line") for name in names], rows))
    if len(found.rejected) > SHOWN_ROWS:
        st.html(cards.quiet_html(f"The first {SHOWN_ROWS} are shown; the command line lists all."))


def save(
    task: Task, paths: list[Path], role: str, name: str, label_map: dict[str, str | None] | None = None
) -> None:
    """Store checked files as a dataset, put a gold set in force, forget the uploads and draw the page anew.

    Raises:
        InputError: If the name is empty.
    """
    if not name.strip():
        raise InputError("The dataset has no name.", "Give it one.")
    with st.spinner("Saving the dataset …"):
        info, _ = task.room("dataset").build_imported(
            paths, name=name.strip(), role=role, label_map=label_map or None, ws=Workspace.current()
        )
        if role == "gold":
            store.set_gold(task.name, info.id)
    for path in paths:
        path.unlink(missing_ok=True)
    st.session_state["made"] = info.id
    # Another key is an empty uploader: what was saved need not be offered again.
    st.session_state["imports"] = st.session_state.get("imports", 0) + 1
    st.rerun()


def save_button(place: st.delta_generator.DeltaGenerator, role: str, *, disabled: bool) -> bool:
    """The button under the form; True when it was pressed.

    Args:
        place: An empty place of the form.
        role: `gold` or `train`.
        disabled: True while nothing can be saved.
    """
    return place.button(
        "Save as gold set" if role == "gold" else "Save as training data", type="primary",
        icon=":material/save:", width="stretch", disabled=disabled, key="save-import",
    )  # fmt: skip
