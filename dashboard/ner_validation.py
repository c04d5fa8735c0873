"""Typed text on the Validation page: its entities before and after training, a threshold, a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.tasks import Task
from dashboard import cards, entities, model_use, nav, state
from dashboard.model_use import Choice
from dashboard.ner_scored import figures, score, worst

__all__ = ["HAS_BASE", "OUTSIDE", "SCORES_BELOW", "draw", "figures", "score", "worst"]

HAS_BASE = True
SCORES_BELOW = True
OUTSIDE: Mapping[str, tuple[str, Callable[[str], Any]]] = {}

EXAMPLES = (
    "Install pole with 18 feet clearance per G.O. 95",
    "Replace 45' class 3 pole and 2 crossarms; maintain 8'-6\" above roof per GO 95 Rule 37 Table 1.",
    "Guy wire below 8 ft needs a guard, except where the anchor stands inside a fenced substation.",
)
MAX_CHARACTERS = 100_000
# Longer texts are not kept in the page's address: browsers and servers cut long addresses.
IN_ADDRESS = 1_500


def draw(task: Task, found: list[Choice]) -> tuple[Choice, Choice]:
    """Text box, choice of versions, and the entities that they find.

    Args:
        task: Model family.
        found: The versions that can be tried.

    Returns:
        The chosen versions (before, after).
    """
    before, after, threshold = _input(task, found)
    text = st.session_state.get("asked") or state.param("q")
    if text.strip():
        with nav.guard("The prediction"):
            _result(task, before, after, text, threshold)
    return before, after


def _input(task: Task, found: list[Choice]) -> tuple[Choice, Choice, float]:
    if "text" not in st.session_state:
        st.session_state["text"] = state.param("q")
    st.text_area(
        "Text", key="text", height=110, max_chars=MAX_CHARACTERS, label_visibility="collapsed",
        placeholder="Type or paste a sentence, a go-back note, a page of a specification …",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Find entities", type="primary", icon=":material/search:", key="find"):
            _ask(st.session_state["text"])
        for number, example in enumerate(EXAMPLES):
            short = example if number == 0 else example[:34].rstrip(" ;,") + " …"
            st.button(short, key=f"example-{number}", type="tertiary", on_click=_use, args=(example,))
    by_id = {choice.id: choice for choice in found}
    titles = {choice.id: choice.title for choice in found}
    first, second = model_use.defaults(task, found)
    with st.container(key="sides"):
        left, right, last = st.columns(3, gap="medium", vertical_alignment="bottom")
    with left:
        before = state.choice("Before", list(by_id), "before", default=first, titles=titles)
    with right:
        after = state.choice("After", list(by_id), "after", default=second, titles=titles)
    with last:
        threshold = st.slider(
            "Confidence at least", 0.0, 1.0, 0.5, 0.01, key="confidence", bind="query-params",
            help="Entities that the model is less sure of are hidden. The model is not run again.",
        )  # fmt: skip
    return by_id[before], by_id[after], threshold


def _use(example: str) -> None:
    st.session_state["text"] = example
    _ask(example)


def _ask(text: str) -> None:
    st.session_state["asked"] = text
    state.remember("q", text if len(text) <= IN_ADDRESS else "")


def _result(task: Task, before: Choice, after: Choice, text: str, threshold: float) -> None:
    answers = {}
    roles = model_use.roles(task)
    for choice in (after, before):
        doing = "Reading the text … the first time a model is loaded, about 3 s."
        with st.spinner(doing):
            answers[choice.id] = model_use.predict(task.name, choice.id, choice.stamp, text)
    with st.container(key="sides-result"):
        columns = st.columns(2, gap="medium")
    pairs = [("Before", before), ("After", after)] if before.id != after.id else [("Model", after)]
    for column, (word, choice) in zip(columns, pairs, strict=False):
        with column, st.container(border=True, height="stretch"):
            shown = [e for e in answers[choice.id] if e["confidence"] >= threshold]
            role = roles.get(choice.id)
            st.html(cards.head_html(word, f"{choice.title} · {role}" if role else choice.title))
            st.html(entities.highlight(text, shown))
            hidden = len(answers[choice.id]) - len(shown)
            if choice.id == "base":
                st.html(cards.quiet_html("Not trained yet: what the base model marks is chance."))
            elif not shown:
                st.html(cards.quiet_html("Nothing found at this confidence." if hidden else "Nothing found."))
            if hidden and shown:
                st.html(cards.quiet_html(f"{hidden} less certain than {threshold:.2f} hidden."))
    _table(text, after, answers[after.id], threshold)


def _table(text: str, after: Choice, found: list[dict[str, Any]], threshold: float) -> None:
    listed = entities.rows(text, found, threshold)
    if not listed:
        return
    html = [
        (cards.label_html(row["label"]), row["text"], f"{row['confidence']:.3f}", row["start"], row["end"])
        for row in listed
    ]
    columns = [("Label", False), ("Text", False), ("Confidence", True), ("From", True), ("To", True)]
    st.html(cards.table_html(columns, html, raw=(0,)))
    with st.container(horizontal=True):
        st.download_button(
            "CSV", _csv(listed), file_name="entities.csv", mime="text/csv", icon=":material/download:",
            key="csv",
            on_click="ignore",
        )  # fmt: skip
        payload = {"text": text, "model": after.id, "entities": [dict(row) for row in listed]}
        st.download_button(
            "JSON", json.dumps(payload, ensure_ascii=False, indent=2), file_name="entities.json",
            mime="application/json", icon=":material/download:", key="json", on_click="ignore",
        )  # fmt: skip


def _csv(listed: list[dict[str, Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(listed[0]))
    writer.writeheader()
    for row in listed:
        # A cell that begins like a formula would be computed by a spreadsheet.
        mark = "'" if row["text"][:1] in "=+-@" else ""
        writer.writerow({**row, "text": mark + row["text"]})
    # The byte order mark makes Excel read UTF-8.
    return out.getvalue().encode("utf-8-sig")
