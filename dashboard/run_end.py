"""What the Live page shows of an ended run: why it ended, figures before and after, what to do next."""

from __future__ import annotations

import streamlit as st

from core.advice import figures_of, setback
from core.errors import NexaError
from core.registry import store as registry
from core.runs import checkpoints, launcher
from core.runs.state import RunState, RunStatus
from core.tasks import TASKS, Task
from core.workspace import Workspace
from dashboard import cards, nav, state, switching, words


def ended(run: RunStatus) -> None:
    """Draw the card of an ended run; nothing while it is active."""
    if run.active:
        return
    task = TASKS.get(run.task)
    with st.container(border=True, key="ended"):
        with st.container(horizontal=True, vertical_alignment="center"):
            cards.state_badge(run.state)
            if run.version:
                st.badge(f"Version {run.version}", icon=":material/inventory_2:", color="gray")
        st.markdown(_outcome(run))
        if run.version and task is not None:
            _before_after(task, run.version)
        _next_steps(run)


def _outcome(run: RunStatus) -> str:
    text = run.message or {
        "completed": "The training is complete.",
        "cancelled": "The training was cancelled.",
    }.get(run.state, "The training ended.")
    hint = run.hint
    if run.state in (RunState.LOST, RunState.STOPPED) and not run.version and not _has_checkpoint(run):
        hint = "It ended before its first resume point: retry starts it from the beginning."
    text, hint = words.plain(text), words.plain(hint)
    return f"{text}  \n{hint}" if hint else text


def _has_checkpoint(run: RunStatus) -> bool:
    return checkpoints.newest_checkpoint(Workspace.current().run(run.run_id) / "checkpoints") is not None


def _before_after(task: Task, version_id: str) -> None:
    try:
        version = registry.get_version(task.name, version_id)
    except NexaError as error:
        nav.show_error(error)
        return
    before, after = figures_of(version, "before"), figures_of(version)
    rows = []
    for target in task.targets:
        for word, role, old, new in (
            ("real (gold)", "real", before.real, after.real),
            (after.held_out_word, "generated", before.generated, after.generated),
        ):
            value = new.get(target.metric)
            if value is None:
                continue
            verdict, said = _verdict(value, target.value, role, judged_on_real=bool(after.real))
            was, now = words.score(old.get(target.metric)), words.score(value)
            rows.append(
                [
                    target.title,
                    cards.word_html(role, word),
                    was,
                    now,
                    f"{target.value:.2f}",
                    cards.word_html(verdict, said),
                ]
            )
    if rows:
        names = ["Figure", "Measured on", "Before", "After", "Target", ""]
        columns = [(name, name in ("Before", "After", "Target")) for name in names]
        st.html(cards.table_html(columns, rows, raw=(1, 5)))
    if lost := setback(task, version):
        st.warning(words.plain(lost), icon=":material/trending_down:")


def _verdict(value: float, target: float, role: str, *, judged_on_real: bool) -> tuple[str, str]:
    if role == "real":
        return cards.verdict(value, target)
    if judged_on_real:
        return "muted", ""
    return "generated", f"{'above' if value > target else 'below'} target, not on real data"


def _next_steps(run: RunStatus) -> None:
    with st.container(horizontal=True):
        if run.version:
            if st.button("Validate", type="primary", icon=":material/fact_check:", key="validate"):
                nav.go("validation", task=run.task, after=run.version)
            _promote_button(run)
        can_resume = run.resumable and _has_checkpoint(run)
        if can_resume and st.button(
            "Resume from the last checkpoint", type="secondary" if run.version else "primary",
            icon=":material/play_arrow:", key="resume",
        ):  # fmt: skip
            with nav.guard("Resuming"):
                launcher.resume(run.run_id)
                st.rerun()
        if run.state != RunState.COMPLETED and st.button(
            "Retry with the same settings", icon=":material/refresh:", key="retry",
            type="primary" if not (run.version or can_resume) else "secondary",
        ):  # fmt: skip
            with nav.guard("Starting again"):
                wish = f"retry-{run.run_id}"
                again = launcher.retry(run.run_id, token=state.token(wish))
                state.new_token(wish)
                nav.go("live", run=again.run_id)
        if st.button("Change the settings", icon=":material/tune:", key="change"):
            nav.go("launch", task=run.task, like=run.run_id)


def _promote_button(run: RunStatus) -> None:
    current = registry.aliases(run.task).get("production")
    if current == run.version:
        st.button(f"{run.version} is in production", disabled=True, icon=":material/check:", key="promoted")
    elif st.button("Promote", icon=":material/publish:", key="promote"):
        _confirm_promote(run.task, run.version, current)


@st.dialog("Promote this version?")
def _confirm_promote(task: str, version: str, current: str | None) -> None:
    instead = f" in place of {current}" if current else ""
    st.write(f"{version} becomes production{instead}. You can go back on the Models page.")
    if more := switching.warning(task):
        st.caption(more)
    with nav.guard("Promoting"):
        if st.button(f"Promote {version}", type="primary", key="confirm-promote"):
            switching.switch(task, version)
            st.rerun()
