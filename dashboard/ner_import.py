"""Import of labelled sentences: which files are taken and how their rows look. The rest is text_import.py."""

from __future__ import annotations

import streamlit as st

from core.datasets.importers.rows import ImportResult
from core.tasks import Task
from dashboard import cards, entities, text_import

SHOWN_SENTENCES = 5


def draw_import(task: Task) -> None:
    """Draw the import of labelled sentences.

    Args:
        task: Model family.
    """
    text_import.draw_import(task, FILES)


def _preview(found: ImportResult) -> None:
    st.html(cards.balance_html(found.label_counts))
    for row in found.rows[:SHOWN_SENTENCES]:
        st.html(entities.highlight(row["text"], row["entities"], compact=True))


FILES = text_import.TextFiles(
    title="Labelled sentences",
    types=["jsonl", "json", "conll", "bio", "iob2", "csv", "tsv", "txt"],
    help="JSON Lines with spans, CoNLL BIO, a Label Studio JSON export, or CSV.",
    formats='JSON Lines (`{"text": …, "entities": [{"start", "end", "label"}]}`), CoNLL BIO, '
    "Label Studio JSON or CSV. Files stay on this machine.",
    preview=_preview,
)
