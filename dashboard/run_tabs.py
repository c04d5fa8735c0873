"""The tabs under the curves of the Live page: console, load of the machine, samples, spec."""

from __future__ import annotations

import streamlit as st

from core.runs import launcher
from core.runs.series import RunLog
from core.runs.spec import RunSpec
from core.runs.state import RunStatus
from core.workspace import Workspace
from dashboard import cards, curves, views

SYSTEM_WORDS = {
    "cpu_percent": "processor",
    "rss_mb": "memory of the training",
    "gpu_percent": "GPU",
    "gpu_memory_mb": "GPU memory",
}


def tabs(run: RunStatus, log: RunLog, spec: RunSpec | None) -> None:
    """Draw the tabs; a run without samples has no tab for them."""
    folder = Workspace.current().run(run.run_id)
    samples = views.live(run.task).samples(run) if run.task in views.VIEWS else None
    names = ["Console", "System", *(["Samples"] if samples else []), "Spec"]
    drawn = dict(zip(names, st.tabs(names, key=f"tabs-{run.run_id}"), strict=True))
    with drawn["Console"]:
        text = curves.console_tail(folder / "console.log")
        if text:
            with st.container(height=320, autoscroll=True, border=False, key=f"console-{run.run_id}"):
                st.code(text, language=None)
        else:
            st.html(cards.quiet_html("Nothing was printed yet."))
    with drawn["System"]:
        _system(run, log)
    if samples:
        with drawn["Samples"]:
            samples()
    with drawn["Spec"]:
        if spec is not None:
            st.markdown("The command that starts the same training:")
            st.code(launcher.command_line(spec), language="bash", wrap_lines=True)
            st.json(spec.model_dump(), expanded=1)


def _system(run: RunStatus, log: RunLog) -> None:
    from dashboard.charts import system_figure
    from dashboard.live import chart

    names = log.metrics("system")
    groups = {
        "Load": ("%", [name for name in names if name.endswith("percent")]),
        "Memory": ("MB", [name for name in names if name.endswith("_mb")]),
    }
    groups = {title: group for title, group in groups.items() if group[1]}
    if not groups:
        st.html(
            cards.quiet_html("The load of the machine is measured every two seconds while a training runs.")
        )
        return
    for column, (title, (unit, members)) in zip(st.columns(2, gap="medium"), groups.items(), strict=False):
        series = {name: log.series(name, by="t", kind="system") for name in members}
        with column:
            figure = system_figure(
                title, unit, {SYSTEM_WORDS.get(name, name): (x / 60, y) for name, (x, y) in series.items()},
                revision=run.run_id,
            )  # fmt: skip
            chart(figure, key=f"system-{run.run_id}-{title}")
