"""A scored NER pass on the Validation page: figures by label, kinds of errors, worst sentences first."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.tasks import Task
from dashboard import cards, entities, words
from dashboard.model_use import Choice

ERROR_WORDS = {
    "boundary": "wrong edges",
    "type": "wrong label",
    "missing": "missed",
    "spurious": "invented",
}
PAGE = 10


def rows(task: Task, info: DatasetInfo) -> list[dict[str, Any]]:
    """The test split of a dataset."""
    return store.read_rows(info, "test")


def figures(task: Task, choice: Choice, result: dict[str, Any], *, real: bool) -> None:
    """Strict figures, by label and by kind of error."""
    role = "real" if real else "generated"
    targets = {target.metric: target for target in task.targets}
    facts = []
    for metric, title in (("f1", "F1"), ("precision", "Precision"), ("recall", "Recall")):
        target = targets.get(metric)
        tail = ""
        if target is not None and real:
            tail = f" {'✓' if target.met(result[metric]) else '✗'} target {target.value:.2f}"
        facts.append((title, words.score(result[metric]) + tail, role))
    facts += [("Entities in the set", f"{result['support']:,}"), ("Sentences", f"{result['texts']:,}")]
    st.markdown(f"**{choice.title}**")
    st.html(cards.facts_html(facts))
    rows = []
    for label, found in result["labels"].items():
        errors = result["label_errors"].get(label, {})
        rows.append([
            cards.label_html(label), words.score(found["f1"]), words.score(found["precision"]),
            words.score(found["recall"]), f"{found['support']:,}",
            *(f"{errors.get(kind, 0):,}" for kind in ERROR_WORDS),
        ])  # fmt: skip
    names = ["F1", "Precision", "Recall", "In the set", *(word.capitalize() for word in ERROR_WORDS.values())]
    st.html(cards.table_html([("Label", False), *((name, True) for name in names)], rows, raw=(0,)))
    swaps = sorted(
        ((count, there, said) for there, row in result["confusion"].items() for said, count in row.items()),
        reverse=True,
    )
    if swaps:
        said = "; ".join(f"{there} read as {label} {count:,}×" for count, there, label in swaps[:4])
        st.html(cards.quiet_html(f"Most frequent mix-ups: {said}."))


def worst(choice: Choice, result: dict[str, Any]) -> None:
    """The sentences with most errors, truth beside prediction."""
    entries = result["worst"]
    if not entries:
        st.html(cards.line_html("muted", "✓ No error", "Every entity of every sentence is right."))
        return
    st.markdown(f"**Worst sentences of {choice.id}**")
    pages = -(-len(entries) // PAGE)
    page = 1
    if pages > 1:
        page = st.segmented_control(
            "Page", list(range(1, pages + 1)), default=1, required=True, key="worst-page",
            label_visibility="collapsed",
        )  # fmt: skip
    for entry in entries[(page - 1) * PAGE : page * PAGE]:
        with st.container(border=True, key=f"worst-{entry['index']}"):
            kinds = [ERROR_WORDS.get(error["kind"], error["kind"]) for error in entry["errors"]]
            counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
            st.caption(f"{words.count(len(kinds), 'error')}: {counted}")
            with st.container(key=f"sides-worst-{entry['index']}"):
                there, said = st.columns(2, gap="medium")
            for column, word, spans in (
                (there, "Truth", "gold"),
                (said, f"Marked by {choice.id}", "predicted"),
            ):
                html = entities.highlight(entry["text"], entry[spans], compact=True)
                column.html(cards.quiet_html(word) + html)
