"""The scored pass of the Validation page: figures by label, kinds of errors, worst sentences first."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.tasks import Task
from dashboard import cards, entities, model_use, state, words
from dashboard.model_use import Choice

ERROR_WORDS = {
    "boundary": "wrong edges",
    "type": "wrong label",
    "missing": "missed",
    "spurious": "invented",
}
PAGE = 10


def draw(task: Task, before: Choice, after: Choice) -> None:
    """Draw the choice of a set, the button and, once scored, the result.

    Args:
        task: Model family.
        before: The version to compare with.
        after: The version that is judged.
    """
    st.subheader("Score a whole set")
    listed = [*store.list_datasets(task.name, "gold"), *store.list_datasets(task.name, "train")]
    sets = {info.id: info for info in listed}
    if not sets:
        cards.empty_state(
            "There is nothing to score on yet: import a gold set, or generate a dataset.",
            "Import a gold set",
            "generate",
            {"tab": "import"},
            kind="secondary",
        )
        return
    titles = {key: _title(info) for key, info in sets.items()}
    gold = store.get_gold(task.name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = state.choice("Set", list(sets), "set", default=gold.id if gold else None, titles=titles)
        also = st.toggle(f"also {before.id}", key="also", bind="query-params", disabled=before.id == after.id)
        pressed = st.button(f"Score {after.id}", icon=":material/fact_check:", key="score")
    info = sets[chosen]
    models = [after, before] if also and before.id != after.id else [after]
    if pressed:
        for choice in models:
            _run(task, choice, info)
    results = [(choice, model_use.scored(task, choice, info)) for choice in models]
    results = [(choice, result) for choice, result in results if result is not None]
    if not results:
        rows = words.count(info.counts.get("test", 0), "sentence")
        st.html(cards.quiet_html(f"{rows} will be read; the figures appear here."))
        return
    cards.source_badge(info.role == "gold", info.id)
    for choice, result in results:
        _figures(task, choice, result, real=info.role == "gold")
    _worst(results[0][0], results[0][1])


def _title(info: DatasetInfo) -> str:
    count = words.count(info.counts.get("test", 0), "sentence")
    return f"{info.id} · {'gold set' if info.role == 'gold' else 'test split'} · {count}"


def _run(task: Task, choice: Choice, info: DatasetInfo) -> None:
    bar = st.progress(0.0, text=f"Loading {choice.id}, about 3 s the first time …")

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        bar.progress(share, text=f"{choice.id}: {done:,} of {words.count(total, 'sentence')}")

    model_use.score(task, choice, info, progress)
    bar.empty()


def _figures(task: Task, choice: Choice, result: dict[str, Any], *, real: bool) -> None:
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
    for label, figures in result["labels"].items():
        errors = result["label_errors"].get(label, {})
        rows.append([
            cards.label_html(label), words.score(figures["f1"]), words.score(figures["precision"]),
            words.score(figures["recall"]), f"{figures['support']:,}",
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


def _worst(choice: Choice, result: dict[str, Any]) -> None:
    worst = result["worst"]
    if not worst:
        st.html(cards.line_html("muted", "✓ No error", "Every entity of every sentence is right."))
        return
    st.markdown(f"**Worst sentences of {choice.id}**")
    pages = -(-len(worst) // PAGE)
    page = 1
    if pages > 1:
        page = st.segmented_control(
            "Page", list(range(1, pages + 1)), default=1, required=True, key="worst-page",
            label_visibility="collapsed",
        )  # fmt: skip
    for entry in worst[(page - 1) * PAGE : page * PAGE]:
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
