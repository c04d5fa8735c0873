"""Import of labelled sentences: upload, check, map unknown labels, save as training data or as a gold set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core.tasks import Task
from dashboard import cards, entities, import_check, uploads, words
from dashboard.import_check import MAX_UPLOAD_MB, ROLES

TYPES = ["jsonl", "json", "conll", "bio", "iob2", "csv", "tsv", "txt"]
LEAVE_OUT = "leave out"


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
    import_check.checked(found, len(paths))
    if found.rows:
        st.html(cards.balance_html(found.label_counts))
        for row in found.rows[:5]:
            st.html(entities.highlight(row["text"], row["entities"], compact=True))
    if import_check.save_button(save, role, disabled=not found.rows):
        import_check.save(task, paths, role, name, label_map)


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
