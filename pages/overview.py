"""Overview: where each model stands, what runs now, what to do next."""

from __future__ import annotations

import time
from datetime import datetime

import streamlit as st

from core.advice import Advice, Figures, Situation, advise, situation
from core.registry.store import Version
from core.runs.state import RunState, RunStatus, list_runs
from core.tasks import TASKS
from core.workspace import Workspace
from dashboard import cards, nav, words


def main() -> None:
    """Draw the page."""
    st.title("Overview")
    ws = Workspace.current()
    runs = list_runs(ws)
    facts = [situation(task, ws, runs) for task in TASKS.values()]
    _next(facts)
    active = [run for run in runs if run.active]
    if active:
        st.subheader("Running now")
        _running([run.run_id for run in active])
    st.subheader("Models")
    with st.container(key="cards"):
        for column, fact in zip(st.columns(len(facts)), facts, strict=True):
            with column:
                _card(fact)
    if runs:
        st.subheader("Last trainings")
        _runs(runs[:8])


def _next(facts: list[Situation]) -> None:
    found = [(fact, item) for fact in facts for item in advise(fact)]
    if not found:
        return
    (fact, first), *others = found
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="next"):
        st.markdown(f"**What to do next** · {fact.task.title}  \n{words.plain(first.text)}", width="stretch")
        _advice_button(fact, first, "primary")
    for fact, item in others[:2]:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Then · {fact.task.title} · {words.plain(item.text)}", width="stretch")
            _advice_button(fact, item, "tertiary")


def _advice_button(fact: Situation, item: Advice, kind: str) -> None:
    if st.button(item.button, type=kind, key=f"advice-{fact.task.name}-{item.code}", width="content"):
        nav.go(item.page, **item.params)


def _card(fact: Situation) -> None:
    task = fact.task
    version, figures = fact.shown
    with st.container(border=True, key=f"card-{task.name}", height="stretch"):
        if not task.available:
            st.html(cards.head_html(task.title, "") + cards.quiet_html(task.purpose))
            st.html(cards.quiet_html("Not part of this edition yet."))
            return
        status = _status(fact)
        st.html(cards.head_html(task.title, status) + cards.quiet_html(task.purpose))
        if version is None:
            st.html(cards.quiet_html("No model yet."))
        else:
            st.html(_scores(fact, figures))
            st.html(cards.quiet_html(_origin(version)))
        with st.container(horizontal=True):
            if version is not None and st.button("Validate", key=f"validate-{task.name}"):
                nav.go("validation", after=version.id)
            again = "Train again" if fact.newest else "Train"
            if fact.datasets and st.button(again, key=f"train-{task.name}"):
                nav.go("launch", task=task.name)
            if not fact.datasets and st.button("Generate data", key=f"data-{task.name}"):
                nav.go("generate", task=task.name)


def _status(fact: Situation) -> str:
    if fact.production:
        return f"production {fact.production.id}"
    if fact.newest:
        return f"{fact.newest.id}, not in production"
    return "starter model" if fact.starter else "none yet"


def _scores(fact: Situation, figures: Figures) -> str:
    return "".join(
        cards.score_html(
            target.title, target.value, real=figures.real.get(target.metric),
            generated=figures.generated.get(target.metric), held_out_word=figures.held_out_word,
            advise_gold=not fact.gold,
        )
        for target in fact.task.targets
    )  # fmt: skip


def _origin(version: Version) -> str:
    when = words.ago(_timestamp(version.created), time.time())
    if version.source == "starter":
        return "Ships with the Studio, trained on generated data: works before you train anything."
    dataset = version.manifest.get("dataset") or {}
    return f"trained {when} · dataset {dataset.get('id') or 'unknown'}"


def _timestamp(iso: str) -> float | None:
    try:
        return datetime.fromisoformat(iso).timestamp()
    except ValueError:
        return None


def _running(run_ids: list[str]) -> None:
    # The interval is fixed at the call: ticking ends with a full run of the page once nothing is active.
    st.fragment(nav.guarded("The list of running trainings")(_running_lines), run_every=2.0)(run_ids)


def _running_lines(run_ids: list[str]) -> None:
    active = [run for run in list_runs(Workspace.current()) if run.active]
    for run in active:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"now-{run.run_id}"):
            cards.state_badge(run.state)
            st.html(cards.progress_html(run.progress, run.name, _doing(run)), width="stretch")
            if st.button("Watch", key=f"watch-{run.run_id}"):
                nav.go("live", run=run.run_id)
    if {run.run_id for run in active} != set(run_ids):
        st.rerun()


def _doing(run: RunStatus) -> str:
    if run.state == RunState.QUEUED:
        return f"place {run.queue_position} in the queue" if run.queue_position else "waiting to start"
    main = TASKS[run.task].main_metric if run.task in TASKS else ""
    best = run.best.get(main)
    parts = [f"epoch {run.epoch:.1f} of {run.epochs:g}"] if run.epochs else [run.message or "preparing"]
    if best is not None:
        parts.append(f"best {main.upper()} {words.score(best)}")
    return " · ".join([*parts, words.time_left(run.eta_seconds)])


def _runs(runs: list[RunStatus]) -> None:
    now = time.time()
    for run in runs:
        main = TASKS[run.task].main_metric if run.task in TASKS else ""
        best = run.best.get(main)
        badge, name, score, when = st.columns([1.3, 4, 2.2, 1.5], vertical_alignment="center", wrap=False)
        with badge:
            cards.state_badge(run.state)
        with name:
            st.page_link(nav.path("live"), label=words.plain(run.name), query_params={"run": run.run_id})
        if best is not None:
            score.html(cards.quiet_html(f"validation {main.upper()} {words.score(best)}"))
        when.html(cards.quiet_html(words.ago(run.ended or run.created, now)))


main()
