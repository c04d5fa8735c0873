"""Live metrics: one run's curves, progress and signals while it trains, and what to do when it ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from core.errors import NexaError
from core.runs import launcher
from core.runs.series import RunLog
from core.runs.spec import RunSpec
from core.runs.state import RunState, RunStatus, list_runs, read_status
from core.tasks import Task, get_task
from core.workspace import Workspace
from dashboard import cards, curves, nav, run_end, run_tabs, state, views, words

TICK_SECONDS = 1.5
SMOOTHING = {"none": 0.0, "light": 0.6, "strong": 0.9}
MAX_COMPARED = 5
# A training that was asked to end may be ended by force after this time.
OBEY_SECONDS = 30.0


def main() -> None:
    """Draw the page."""
    ws = Workspace.current()
    st.title("Live metrics")
    runs = list_runs(ws)
    if not runs:
        cards.empty_state("No training has been started yet.", "Launch training", "launch")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = _choose(runs)
        _buttons(run)
    run_end.ended(run)
    others = _view_options(run, runs)
    every = TICK_SECONDS if run.active else None
    body = nav.guarded("Reading the training")(_body)
    st.fragment(body, run_every=every)(run.run_id, _drawn(run), others)


def _choose(runs: list[RunStatus]) -> RunStatus:
    titles = {run.run_id: f"{run.name} · {_started(run)}" for run in runs}
    first = next((run.run_id for run in runs if run.state == RunState.RUNNING), runs[0].run_id)
    chosen = state.choice(
        "Training", list(titles), "run", default=first, titles=titles, label_visibility="collapsed"
    )
    # The list may be a moment old: the state that decides about the buttons is read anew.
    return read_status(Workspace.current().run(chosen))


def _started(run: RunStatus) -> str:
    return time.strftime("%d %b %H:%M", time.localtime(run.created))


def _buttons(run: RunStatus) -> None:
    if not run.active:
        return
    if run.state == RunState.RUNNING:
        label = "Stopping …" if run.asked == "stop" else "Stop"
        help_text = "Ends at the next step and keeps the best weights."
        if st.button(
            label, icon=":material/stop_circle:", disabled=bool(run.asked), key="stop", help=help_text
        ):
            _confirm_stop(run.run_id)
    if _overdue(run) and st.button("End it by force", icon=":material/dangerous:", key="force"):
        with nav.guard("Ending the training"), st.spinner("Ending the process, up to 20 s …"):
            launcher.kill_if_needed(run.run_id, timeout=0.0)
            st.rerun()
    label = "Cancelling …" if run.asked == "cancel" else "Cancel"
    if st.button(
        label, icon=":material/close:", disabled=run.asked == "cancel", key="cancel",
        help="Ends at the next step and keeps nothing.",
    ):  # fmt: skip
        _confirm_cancel(run.run_id)


def _overdue(run: RunStatus) -> bool:
    """True when the training was asked to end and has not obeyed in time."""
    if not run.asked:
        return False
    asked = Workspace.current().run(run.run_id) / run.asked
    try:
        return time.time() - asked.stat().st_mtime > OBEY_SECONDS
    except FileNotFoundError:
        return False


@st.dialog("Stop this training?")
def _confirm_stop(run_id: str) -> None:
    st.write("It ends at the next step. The best weights so far become a model version.")
    with nav.guard("Stopping"), st.container(horizontal=True):
        if st.button("Stop now", type="primary", key="confirm-stop"):
            launcher.stop(run_id)
            st.rerun()
        if st.button("Keep training", key="keep-stop"):
            st.rerun()


@st.dialog("Cancel this training?")
def _confirm_cancel(run_id: str) -> None:
    st.write("It ends at the next step and nothing of it is kept as a model.")
    with nav.guard("Cancelling"), st.container(horizontal=True):
        if st.button("Cancel the training", type="primary", key="confirm-cancel"):
            launcher.cancel(run_id)
            st.rerun()
        if st.button("Keep training", key="keep-cancel"):
            st.rerun()


def _view_options(run: RunStatus, runs: list[RunStatus]) -> list[str]:
    names = {
        other.run_id: other.name for other in runs if other.task == run.task and other.run_id != run.run_id
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Along",
            ["step", "epoch"],
            default="step",
            required=True,
            key="by",
            bind="query-params",
            width="content",
        )
        st.segmented_control(
            "Smoothing", list(SMOOTHING), default="light", required=True, key="smooth", bind="query-params",
            width="content", help="Averages the training curve; the measured values stay as a faint line.",
        )  # fmt: skip
        if not names:
            return []
        return state.several(
            "Compare with", list(names), "with", titles=names, limit=MAX_COMPARED - 1,
            placeholder="other trainings", help="Up to five trainings in the same charts.",
        )  # fmt: skip


def _drawn(run: RunStatus) -> tuple[str, str, bool]:
    return run.state, run.asked, _overdue(run)


def _body(run_id: str, drawn: tuple[str, str, bool], others: list[str]) -> None:
    ws = Workspace.current()
    run = read_status(ws.run(run_id))
    if _drawn(run) != drawn:
        # Buttons and the end card stand outside this fragment: draw them for the new state.
        st.rerun()
    spec = _spec(run)
    task = get_task(run.task)
    log = _log(run_id)
    _header(run, task)
    _stages(run, log, spec)
    _signals(log)
    compared = [(run.name, log)]
    for other in others:
        with nav.guard(f"Comparing with {other}"):
            compared.append((read_status(ws.run(other)).name, _log(other)))
    _curves(run, compared, task, spec)
    run_tabs.tabs(run, log, spec)


def _spec(run: RunStatus) -> RunSpec | None:
    try:
        return RunSpec.load(Workspace.current().run(run.run_id))
    except NexaError as error:
        nav.show_error(error)
        return None


def _log(run_id: str) -> RunLog:
    log = curves.run_log(str(Workspace.current().run(run_id) / "metrics.jsonl"))
    log.refresh()
    return log


def _header(run: RunStatus, task: Task) -> None:
    main = next((t for t in task.targets if t.metric == task.main_metric), None)
    best = run.best.get(task.main_metric)
    title = main.title if main else task.main_metric
    role = "met" if main and main.met(best) else ""
    facts = [
        ("Epoch", f"{run.epoch:.1f} of {run.epochs:g}" if run.epochs else "–", ""),
        ("Step", f"{run.step:,} of {run.total_steps:,}" if run.total_steps else "–", ""),
        (f"Best validation {title} so far", words.score(best) + (" ✓" if role else ""), role),
        ("Time", words.duration(_elapsed(run)), ""),
        ("Dataset", run.dataset or "–", ""),
        ("Base", run.base_model or "–", ""),
    ]
    if run.state == RunState.QUEUED:
        place = f"place {run.queue_position}" if run.queue_position else "next"
        st.info(
            f"Waiting for a free slot: {place} in the queue. It starts by itself.",
            icon=":material/hourglass_empty:",
        )
    if run.state == RunState.RUNNING:
        doing = words.time_left(run.eta_seconds) if run.total_steps else run.message
        with st.container(horizontal=True, vertical_alignment="center"):
            cards.state_badge(run.state)
            st.html(cards.progress_html(run.progress, f"{run.progress:.0%}", doing), width="stretch")
    st.html(cards.facts_html(facts))


def _stages(run: RunStatus, log: RunLog, spec: RunSpec | None) -> None:
    if spec is None or run.task not in views.VIEWS:
        return
    html = views.live(run.task).stages(run, log, spec.recipe)
    if html:
        st.html(html)


def _elapsed(run: RunStatus) -> float | None:
    if run.state == RunState.RUNNING:
        return run.seconds + max(0.0, time.time() - run.updated)
    if run.seconds:
        return run.seconds
    return run.ended - run.started if run.ended and run.started else None


def _signals(log: RunLog) -> None:
    lines = []
    for event in log.signals:
        stops = event.get("level") == "stop"
        kind = str(event.get("signal") or "")
        role = "met" if kind == "target" else "close"
        word = {
            "target": "✓ Target",
            "patience": "▲ Patience",
            "plateau": "▲ Plateau",
            "overfit": "▲ Overfitting",
        }
        tail = " The training stops on it." if stops else ""
        lines.append(cards.line_html(role, word.get(kind, "▲ Signal"), str(event.get("text", "")) + tail))
    if lines:
        st.html("".join(lines))


def _curves(
    run: RunStatus, compared: list[tuple[str, RunLog]], task: Task, spec: RunSpec | None
) -> None:  # fmt: skip
    from dashboard.charts import curves_figure
    from dashboard.live import chart

    by = st.session_state.get("by") or "step"
    target = spec.recipe.get("target") if spec else None
    found = curves.run_panels(compared, task, by=by, target=target)
    if not found:
        waiting = (
            "The first points appear within seconds of the start." if run.active else "No point was logged."
        )
        st.html(cards.quiet_html(waiting))
        return
    smoothing = SMOOTHING.get(st.session_state.get("smooth") or "light", 0.0)
    main, details = curves.in_detail(found)

    def draw(panel: curves.Panel) -> None:
        figure = curves_figure(
            panel.title, panel.curves, x_title=panel.x_title or by, smoothing=smoothing, target=panel.target,
            target_of=panel.target_of, target_word=panel.target_word, score=panel.name in curves.SCORES,
            revision=f"{run.run_id}-{by}",
        )  # fmt: skip
        chart(figure, key=f"chart-{run.run_id}-{panel.name}-{by}")

    with st.container(key="curves"):
        _in_two_columns(main, draw)
        if details:
            with st.expander("More curves", key="more-curves"):
                _in_two_columns(details, draw)
    note = curves.thinning_note(found)
    legend = "Solid: training. Dashed: validation. ★ best so far."
    st.html(cards.quiet_html(f"{legend} {note}".strip()))


def _in_two_columns(panels: list[curves.Panel], draw: Callable[[curves.Panel], None]) -> None:
    for first in range(0, len(panels), 2):
        for column, panel in zip(st.columns(2, gap="medium"), panels[first : first + 2], strict=False):
            with column:
                draw(panel)


main()
