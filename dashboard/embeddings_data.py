"""Graded pairs on the Data page: mix of kinds, preview by kind, what a dataset holds.

Import is embeddings_import.py, spec libraries are embeddings_libraries.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.embeddings.generate import KIND_MIX
from core.embeddings.pairs import RUBRIC
from core.embeddings.score import spearman
from core.tasks import Task, get_task
from dashboard import cards, nav, words
from dashboard import embeddings_text as texts
from dashboard.embeddings_charts import grades_html
from dashboard.embeddings_import import draw_import
from dashboard.embeddings_libraries import draw_libraries

__all__ = [
    "HIDDEN", "NAME", "PREFIX", "draw_import", "examples", "more_settings", "more_tabs", "preview", "summary",
]  # fmt: skip

PREFIX = "pairs."
NAME = "pairs"
HIDDEN = ("kind_mix",)
PREVIEWED = 150
EXAMPLES = 12
# Reading more rows for a summary would slow the list down; the figures hardly change.
COUNTED = 6000


def more_tabs(task: Task) -> dict[str, tuple[str, Callable[[Task], None]]]:
    """The spec libraries."""
    return {"libraries": ("Spec libraries", draw_libraries)}


def more_settings(task: Task) -> dict[str, Any]:
    """The mix of kinds; weights only where the user changed one."""
    factors: dict[str, float] = {}
    with st.expander("Mix of kinds", key="kind-mix"):
        st.caption("1 is the usual share, 0 leaves a kind out, 2 makes it twice as frequent.")
        columns = st.columns(2, gap="medium")
        for index, (kind, weight) in enumerate(KIND_MIX.items()):
            with columns[index % 2]:
                factors[kind] = st.slider(
                    f"{kind.capitalize()} ({weight:.0%})", 0.0, 3.0, 1.0, 0.25, key=f"kinds.{kind}",
                    bind="query-params", help=_means(kind),
                )  # fmt: skip
    if all(factor == 1.0 for factor in factors.values()):
        return {}
    return {"kind_mix": {kind: round(KIND_MIX[kind] * factor, 4) for kind, factor in factors.items()}}


def _means(kind: str) -> str:
    score, means = RUBRIC[kind]
    return f"Graded about {score:.2f}: {means}."


@st.cache_data(max_entries=16, show_spinner="Writing pairs …")
def _pairs(task_name: str, changed: dict[str, Any]) -> list[dict[str, Any]]:
    room = get_task(task_name).room("generate")
    settings = room.build_settings(changed)
    return room.preview(settings, min(PREVIEWED, settings.count // 2))


def preview(task: Task, changed: dict[str, Any]) -> None:
    """One pair of each kind that these settings give, with its grade and what the grade means."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Preview", width="stretch")
        if st.button("Other examples", icon=":material/refresh:", type="tertiary", key="other"):
            st.session_state["preview-pairs"] = st.session_state.get("preview-pairs", 0) + 1
    page = st.session_state.get("preview-pairs", 0)
    with nav.guard("The preview"):
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for row in _pairs(task.name, changed):
            by_kind.setdefault(row["kind"], []).append(row)
        st.html(
            cards.quiet_html(
                "One pair of each kind; the grade follows the rubric. Underlined: words that both texts "
                "hold. “=” marks equal quantities, “≠” a quantity that differs."
            )
        )
        with st.container(height=760, border=False):
            for kind in (kind for kind in RUBRIC if kind in by_kind):
                rows = by_kind[kind]
                row = rows[page % len(rows)]
                st.html(
                    cards.head_html(f"{kind} · {row['score']:.2f}", RUBRIC[kind][1])
                    + texts.pair_html(row["a"], row["b"])
                )


@st.cache_data(max_entries=64, show_spinner=False)
def _counted(dataset_id: str, root: str) -> dict[str, Any]:
    """Grades, kinds and the word-overlap baseline of a stored dataset."""
    info = store.get_dataset("embeddings", dataset_id)
    rows = [row for split in info.counts for row in store.read_rows(info, split, limit=COUNTED)]
    tested = list(store.read_rows(info, "test", limit=COUNTED)) if info.counts.get("test") else []
    shared = [texts.overlap(row["a"], row["b"]) for row in tested]
    return {
        "grades": [row["score"] for row in rows],
        "kinds": dict(Counter(str(row.get("kind") or "pair") for row in rows).most_common()),
        "means": _mean_grades(rows),
        "overlap": spearman(shared, [row["score"] for row in tested]) if tested else None,
    }


def _mean_grades(rows: list[dict[str, Any]]) -> dict[str, float]:
    grades: dict[str, list[float]] = {}
    for row in rows:
        grades.setdefault(str(row.get("kind") or "pair"), []).append(row["score"])
    return {kind: sum(own) / len(own) for kind, own in grades.items()}


def summary(info: DatasetInfo) -> str:
    """How the grades are spread, how many kinds there are, and what counting shared words would reach."""
    found = _counted(info.id, str(info.path))
    facts = [
        ("Kinds of pairs", f"{len(found['kinds'])}"),
        ("Mean grade", words.score(_mean(found["grades"]))),
        ("Word overlap alone reaches (Spearman)", words.score(found["overlap"])),
    ]
    return cards.facts_html(facts) + grades_html(found["grades"])


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def examples(info: DatasetInfo, split: str) -> None:
    """Counts and mean grade by kind, and the first pairs of a dataset."""
    found = _counted(info.id, str(info.path))
    total = max(1, sum(found["kinds"].values()))
    rows = [
        (kind, f"{count:,}", f"{count / total:.0%}", f"{found['means'][kind]:.2f}",
         RUBRIC[kind][1] if kind in RUBRIC else "as imported")
        for kind, count in found["kinds"].items()
    ]  # fmt: skip
    columns = [("Kind", False), ("Pairs", True), ("Share", True), ("Mean grade", True), ("Means", False)]
    st.html(cards.table_html(columns, rows))
    for row in store.read_rows(info, split, limit=EXAMPLES):
        shared = f"word overlap {texts.overlap(row['a'], row['b']):.2f}"
        facts = [f"{row['score']:.2f}", str(row.get("kind") or "pair"), shared]
        st.html(texts.pair_html(row["a"], row["b"], facts))
