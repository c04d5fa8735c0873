"""Import of graded pairs: which files are taken and how their rows look. The rest is text_import.py."""

from __future__ import annotations

import streamlit as st

from core.datasets.importers.rows import ImportResult
from core.tasks import Task
from dashboard import cards, text_import
from dashboard import embeddings_text as texts
from dashboard.embeddings_charts import grades_html

TYPES = ["jsonl", "json", "csv", "tsv"]
SHOWN_PAIRS = 4


def draw_import(task: Task) -> None:
    """Draw the import of graded pairs.

    Args:
        task: Model family.
    """
    text_import.draw_import(task, FILES)


def _preview(found: ImportResult) -> None:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.label_counts.items())
    st.html(grades_html([row["score"] for row in found.rows]) + cards.quiet_html(f"Kinds: {kinds}."))
    for row in found.rows[:SHOWN_PAIRS]:
        facts = [f"{row['score']:.2f}", str(row.get("kind") or "pair")]
        st.html(texts.pair_html(row["a"], row["b"], facts))


FILES = text_import.TextFiles(
    title="Graded pairs",
    types=TYPES,
    help="JSON Lines or CSV with two texts, a grade from 0 to 1 and, if known, a kind.",
    formats='JSON Lines (`{"a": …, "b": …, "score": 0.94, "kind": …}`) or CSV with the columns a, b, '
    "score, kind. Grades up to 5 are divided by 5. Files stay on this machine.",
    preview=_preview,
)
