"""Import of graded pairs: upload, check with rejected lines, save as training data or as a gold set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets.importers.rows import ImportResult
from core.tasks import Task, get_task
from dashboard import cards, import_check, uploads
from dashboard import embeddings_text as texts
from dashboard.embeddings_charts import grades_html
from dashboard.import_check import MAX_UPLOAD_MB, ROLES

TYPES = ["jsonl", "json", "csv", "tsv"]
SHOWN_PAIRS = 4


def draw_import(task: Task) -> None:
    """Draw the import of graded pairs.

    Args:
        task: Model family.
    """
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.subheader("File")
            uploader = f"import-files-{st.session_state.get('imports', 0)}"
            files = st.file_uploader(
                "Graded pairs", type=TYPES, accept_multiple_files=True, key=uploader,
                max_upload_size=MAX_UPLOAD_MB,
                help="JSON Lines or CSV with two texts, a grade from 0 to 1 and, if known, a kind.",
            )  # fmt: skip
            role = st.radio("Use it as", list(ROLES), format_func=ROLES.get, key="role", bind="query-params")
            if not files:
                st.caption(
                    'JSON Lines (`{"a": …, "b": …, "score": 0.94, "kind": …}`) or CSV with the columns a, b, '
                    "score, kind. Grades up to 5 are divided by 5. Files stay on this machine."
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
def _read(task_name: str, paths: tuple[str, ...]) -> ImportResult:
    return get_task(task_name).room("dataset").check_import([Path(path) for path in paths])


def _check(task: Task, paths: Sequence[Path], role: str, name: str, save: Any) -> None:
    st.subheader("Check")
    found = _read(task.name, tuple(str(path) for path in paths))
    import_check.checked(found, len(paths))
    if found.rows:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.label_counts.items())
        st.html(grades_html([row["score"] for row in found.rows]) + cards.quiet_html(f"Kinds: {kinds}."))
        for row in found.rows[:SHOWN_PAIRS]:
            facts = [f"{row['score']:.2f}", str(row.get("kind") or "pair")]
            st.html(texts.pair_html(row["a"], row["b"], facts))
    if import_check.save_button(save, role, disabled=not found.rows):
        import_check.save(task, list(paths), role, name)
