"""The similarity model on the Validation page: which versions, and four views of them.

The views: two texts (here), passages of a library (embeddings_find.py), a scored pass (embeddings_scored.py
in the frame that all models share), a map of a library (embeddings_map.py).
"""

from __future__ import annotations

import streamlit as st

from core.embeddings.exchanges import default_pair_reader
from core.tasks import Task
from dashboard import cards, embeddings_find, embeddings_map, model_use, nav, scored_view, state, views
from dashboard import embeddings_text as texts
from dashboard.embeddings_scored import OUTSIDE, figures, score, worst
from dashboard.model_use import Choice

__all__ = ["HAS_BASE", "OUTSIDE", "SCORES_BELOW", "draw", "figures", "score", "worst"]

HAS_BASE = True
SCORES_BELOW = False
TABS = {"pair": "Two texts", "find": "Find passages", "score": "Scored pass", "map": "Map"}
EXAMPLES = (
    ("18 feet clearance", "18 ft spacing"),
    ("pole installation", "crossarm mounting"),
    ("underground conduit", "overhead conductor"),
    ("Maintain 18 feet of clearance above the roadway.", "Keep 8 ft above the road."),
    ("Guy guards are required in areas with foot traffic.",
     "Guy guards are not required where nobody walks."),
)  # fmt: skip
MAX_CHARACTERS = 20_000
# Longer texts are not kept in the page's address: browsers and servers cut long addresses.
IN_ADDRESS = 700


def draw(task: Task, found: list[Choice]) -> tuple[Choice, Choice]:
    """Choice of versions and of a view, and the view.

    Args:
        task: Model family.
        found: The versions that can be tried.

    Returns:
        The chosen versions (before, after).
    """
    if not any(choice.id != "base" for choice in found):
        _untrained(task)
    view = state.segments("View", TABS, "view", default="pair", label_visibility="collapsed")
    before, after = _versions(task, found)
    with nav.guard(f"“{TABS[view]}”"):
        if view == "find":
            embeddings_find.draw(task, before, after)
        elif view == "map":
            embeddings_map.draw(task, before, after)
        elif view == "score":
            scored_view.draw(task, before, after, views.validation(task.name))
        else:
            _pair(task, before, after)
    return before, after


def _untrained(task: Task) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="untrained"):
        st.markdown(
            "**There is no trained similarity model yet**, and none ships with this edition. The base model "
            "below compares general meaning: it does not see numbers or the word “not”. "
            "Generate pairs and train on them, it takes some minutes.",
            width="stretch",
        )
        if st.button("Launch training", key="to-launch"):
            nav.go("launch", task=task.name)


def _versions(task: Task, found: list[Choice]) -> tuple[Choice, Choice]:
    by_id = {choice.id: choice for choice in found}
    titles = {choice.id: choice.title for choice in found}
    first, second = model_use.defaults(task, found)
    # A similarity says most beside the untrained base, whatever is in production.
    first = "base" if "base" in by_id and second != "base" else first
    with st.container(key="sides-versions"):
        left, right = st.columns(2, gap="medium")
    with left:
        before = state.choice("Before", list(by_id), "before", default=first, titles=titles)
    with right:
        after = state.choice("After", list(by_id), "after", default=second, titles=titles)
    return by_id[before], by_id[after]


def _pair(task: Task, before: Choice, after: Choice) -> None:
    for side in ("a", "b"):
        if f"text-{side}" not in st.session_state:
            st.session_state[f"text-{side}"] = state.param(side)
    with st.container(key="sides-pair"):
        columns = st.columns(2, gap="medium")
    for side, name, column in zip(("a", "b"), ("One text", "Another text"), columns, strict=True):
        column.text_area(
            name, key=f"text-{side}", height=90, max_chars=MAX_CHARACTERS,
            placeholder="a requirement, a go-back note …",
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Compare", type="primary", icon=":material/compare_arrows:", key="compare"):
            _ask(st.session_state["text-a"], st.session_state["text-b"])
        for number, (a, b) in enumerate(EXAMPLES):
            label = f"{_short(a)} / {_short(b)}"
            st.button(label, key=f"pair-{number}", type="tertiary", on_click=_use, args=(a, b))
    a, b = st.session_state.get("asked-pair") or (state.param("a"), state.param("b"))
    if not a.strip() or not b.strip():
        if a.strip() or b.strip():
            st.html(cards.quiet_html("A comparison needs two texts: fill the other box too."))
        return
    _result(task, before, after, a, b)


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:22].rstrip(" ,;.") + " …"


def _use(a: str, b: str) -> None:
    st.session_state["text-a"], st.session_state["text-b"] = a, b
    _ask(a, b)


def _ask(a: str, b: str) -> None:
    st.session_state["asked-pair"] = (a, b)
    short = len(a) <= IN_ADDRESS and len(b) <= IN_ADDRESS
    for key, value in (("a", a), ("b", b)):
        state.remember(key, value if short else "")


@st.cache_data(max_entries=128, show_spinner=False)
def _scored(task_name: str, model_id: str, stamp: str, a: str, b: str) -> tuple[float, float]:
    """(score, cosine) of a pair."""
    with model_use.loaded(task_name, Choice(model_id, model_id, stamp)) as model:
        found = model.scores([a], [b])
    return float(found["score"][0]), float(found["cosine"][0])


def _result(task: Task, before: Choice, after: Choice, a: str, b: str) -> None:
    answers = {}
    for choice in (after, before):
        with st.spinner("Comparing … the first time a model is loaded, about 3 s."):
            answers[choice.id] = _scored(task.name, choice.id, choice.stamp, a, b)
    roles = model_use.roles(task)
    with st.container(key="sides-result"):
        columns = st.columns(2, gap="medium")
    pairs = [("Before", before), ("After", after)] if before.id != after.id else [("Model", after)]
    for column, (word, choice) in zip(columns, pairs, strict=False):
        with column, st.container(border=True, height="stretch"):
            role = roles.get(choice.id)
            st.html(cards.head_html(word, f"{choice.title} · {role}" if role else choice.title))
            value, cosine = answers[choice.id]
            detail = (
                "Not trained: the cosine of the vectors alone." if choice.id == "base"
                else f"The pair head judged both texts together; their vectors alone say {cosine:.3f}."
            )  # fmt: skip
            st.html(
                texts.score_html("Similarity", value, detail, "muted" if choice.id == "base" else "strong")
            )
    st.markdown("**What the texts require**")
    st.html(texts.pair_html(a, b))
    found = texts.differences(a, b, default_pair_reader())
    if found:
        names = [("Reading", False), ("One text", False), ("Another text", False), ("", False)]
        st.html(cards.table_html(names, texts.difference_rows(found), raw=(3,)))
    else:
        st.html(cards.quiet_html("No quantity, obligation, place or rule number was read in these texts."))
    with st.expander("What a similarity means", key="scale"):
        edges = [f"{edge:.2f} and more" for edge, _ in texts.BANDS[:-1]] + ["below"]
        rows = [(edge, said) for edge, (_, said) in zip(edges, texts.BANDS, strict=True)]
        st.html(cards.table_html([("Similarity", False), ("Means", False)], rows))
