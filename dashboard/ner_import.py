"""Import of labelled sentences: upload, check, map unknown labels, save as training data or as a gold set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets import store
from core.errors import InputError
from core.tasks import Task
from core.workspace import Workspace
from dashboard import cards, entities, uploads, words

MAX_UPLOAD_MB = 50
SHOWN_ROWS = 200
TYPES = ["jsonl", "json", "conll", "bio", "iob2", "csv", "tsv", "txt"]
LEAVE_OUT = "leave out"
ROLES = {"gold": "Gold set: real cases to measure on, never trained on", "train": "Training data"}


def draw_import(task: Task) -> None:
    """Draw the import of labelled sentences.

    Args:
        task: Model family.
    """
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.subheader("File")
            uploader = f"import-files-{st.session_state.get('imports', 0)}"
            files = st.file_uploader(
                "Labelled sentences", type=TYPES, accept_multiple_files=True, key=uploader,
                max_upload_size=MAX_UPLOAD_MB,
                help="JSON Lines with spans, CoNLL BIO, a Label Studio JSON export, or CSV.",
            )  # fmt: skip
            role = st.radio("Use it as", list(ROLES), format_func=ROLES.get, key="role", bind="query-params")
            if not files:
                st.caption(
                    'JSON Lines (`{"text": …, "entities": [{"start", "end", "label"}]}`), CoNLL BIO, '
                    "Label Studio JSON or CSV. Files stay on this machine."
                )
                return
            paths = [uploads.to_disk(file.name, file) for file in files]
            stem = uploads.plain_stem(files[0].name) or task.name
            name = st.text_input(
                "Name of the dataset", value=stem[:60], key=f"import-name-{stem}", max_chars=60
            )
            save = st.empty()
        with right:
            _check(task, paths, role, name, save)


@st.cache_data(max_entries=8, show_spinner="Checking the rows …")
def _read(task_name: str, paths: tuple[str, ...], label_map: tuple[tuple[str, str | None], ...]) -> Any:
    from core.tasks import get_task

    return (
        get_task(task_name)
        .room("dataset")
        .check_import([Path(path) for path in paths], label_map=dict(label_map) or None)
    )


def _check(task: Task, paths: list[Path], role: str, name: str, save: Any) -> None:
    st.subheader("Check")
    where = tuple(str(path) for path in paths)
    unknown = _read(task.name, where, ()).unknown_labels
    label_map = _label_map(task, unknown) if unknown else {}
    found = _read(task.name, where, tuple(label_map.items()))
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
    if found.rejected:
        names = ["Line", "Reason", "Row begins", *(["File"] if len(paths) > 1 else [])]
        rows = [(r.line, r.reason, r.snippet, r.file)[: len(names)] for r in found.rejected[:SHOWN_ROWS]]
        with st.container(height=min(320, 60 + 44 * len(rows)), border=False):
            st.html(cards.table_html([(name, name == "Line") for name in names], rows))
        if len(found.rejected) > SHOWN_ROWS:
            st.html(cards.quiet_html(f"The first {SHOWN_ROWS} are shown; the command line lists all."))
    if found.rows:
        st.html(cards.balance_html(found.label_counts))
        for row in found.rows[:5]:
            st.html(entities.highlight(row["text"], row["entities"], compact=True))
    label = "Save as gold set" if role == "gold" else "Save as training data"
    if save.button(
        label,
        type="primary",
        icon=":material/save:",
        width="stretch",
        disabled=not found.rows,
        key="save-import",
    ):
        _save(task, paths, role, name, label_map)


def _label_map(task: Task, unknown: dict[str, int]) -> dict[str, str | None]:
    st.markdown("**Labels of the file that are not known here**")
    chosen: dict[str, str | None] = {}
    for theirs, count in unknown.items():
        ours = st.selectbox(
            f"{words.plain(theirs)} · {words.count(count, 'span')}", [*task.labels, LEAVE_OUT], index=None,
            placeholder="rows with it are rejected", key=f"map-{theirs}",
        )  # fmt: skip
        if ours is not None:
            chosen[theirs] = None if ours == LEAVE_OUT else ours
    return chosen


def _save(task: Task, paths: list[Path], role: str, name: str, label_map: dict[str, str | None]) -> None:
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
