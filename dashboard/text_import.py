"""Import of rows of text: upload, check with rejected lines, labels called otherwise, saving as training data
or as a gold set.

Which files a model takes, and how its rows look, is the model's own import module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets import store
from core.datasets.importers.rows import ImportResult
from core.errors import InputError
from core.tasks import Task, get_task
from core.workspace import Workspace
from dashboard import cards, uploads, words

MAX_UPLOAD_MB = 50
SHOWN_ROWS = 200
LEAVE_OUT = "leave out"
ROLES = {"gold": "Gold set: real cases to measure on, never trained on", "train": "Training data"}


@dataclass(frozen=True)
class TextFiles:
    """What a model says about the files that it takes, and how it shows their rows.

    Args:
        title: Text above the uploader.
        types: File endings without dot.
        help: Text of the question mark.
        formats: The formats in detail, said while no file is chosen; Markdown.
        preview: Draws the first of the rows that can be used; called only if there are any.
    """

    title: str
    types: list[str]
    help: str
    formats: str
    preview: Callable[[ImportResult], None]


def draw_import(task: Task, kind: TextFiles) -> None:
    """Draw the import of a model: the form on the left, what its files hold on the right.

    Args:
        task: Model family.
        kind: What is the model's own.
    """
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.subheader("File")
            uploader = f"import-files-{st.session_state.get('imports', 0)}"
            files = st.file_uploader(
                kind.title, type=kind.types, accept_multiple_files=True, key=uploader,
                max_upload_size=MAX_UPLOAD_MB, help=kind.help,
            )  # fmt: skip
            role = st.radio("Use it as", list(ROLES), format_func=ROLES.get, key="role", bind="query-params")
            if not files:
                st.caption(kind.formats)
                return
            paths = [uploads.to_disk(file.name, file) for file in files]
            stem = uploads.plain_stem(files[0].name) or task.name
            name = st.text_input(
                "Name of the dataset", value=stem[:60], key=f"import-name-{stem}", max_chars=60
            )
            # Filled after the check on the right: only that knows whether there is anything to save.
            button = st.empty()
        with right:
            st.subheader("Check")
            found, label_map = _check(task, paths)
            if found.rows:
                kind.preview(found)
            if _save_button(button, role, disabled=not found.rows):
                _save(task, paths, role, name, label_map)


@st.cache_data(max_entries=8, show_spinner="Checking the rows …")
def _read(
    task_name: str, paths: tuple[str, ...], label_map: tuple[tuple[str, str | None], ...]
) -> ImportResult:
    room = get_task(task_name).room("dataset")
    return room.check_import([Path(path) for path in paths], label_map=dict(label_map) or None)


def _check(task: Task, paths: list[Path]) -> tuple[ImportResult, dict[str, str | None]]:
    where = tuple(str(path) for path in paths)
    found = _read(task.name, where, ())
    label_map = _label_map(task, found.unknown_labels) if found.unknown_labels else {}
    if label_map:
        found = _read(task.name, where, tuple(label_map.items()))
    _draw_result(found, len(paths))
    return found, label_map


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


def _draw_result(found: ImportResult, files: int) -> None:
    """How many rows can be used, the notices, and every rejected line with its reason."""
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


def _save_button(place: DeltaGenerator, role: str, *, disabled: bool) -> bool:
    return place.button(
        "Save as gold set" if role == "gold" else "Save as training data", type="primary",
        icon=":material/save:", width="stretch", disabled=disabled, key="save-import",
    )  # fmt: skip


def _save(task: Task, paths: list[Path], role: str, name: str, label_map: dict[str, str | None]) -> None:
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
