"""Opens a page of the dashboard without a browser; makes run folders with the writers of real trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.datasets import store
from core.runs.context import RunContext
from core.runs.locks import RUN_LOCK, try_lock
from core.runs.spec import RunSpec
from core.runs.state import RunState, new_status, write_status
from core.workspace import Workspace
from dashboard import nav

ENTRY = Path(nav.PAGES_DIR).parent / "dashboard" / "app.py"
TEXT = "Install pole with 18 feet clearance per G.O. 95"
ROW = {
    "text": TEXT,
    "entities": [
        {"start": 8, "end": 12, "label": "EQUIPMENT"},
        {"start": 18, "end": 25, "label": "MEASURE"},
        {"start": 40, "end": 47, "label": "STANDARD"},
    ],
}


def words_of(at: AppTest) -> str:
    """Everything that the page says, in one string."""
    parts = [str(getattr(element, "value", "") or "") for kind in KINDS for element in at.get(kind)]
    parts += [element.proto.body for element in at.get("html")]
    parts += [button.label for button in at.button]
    return "\n".join(parts)


KINDS = ("title", "subheader", "markdown", "caption", "error", "info", "warning", "success", "code")


def buttons(at: AppTest) -> list[str]:
    """Labels of the page's buttons."""
    return [button.label for button in at.button]


@pytest.fixture
def open_page(workspace: Workspace) -> Callable[..., AppTest]:
    """`open_page("live", run="…")` runs a page with query parameters and without an exception."""
    st.cache_data.clear()
    st.cache_resource.clear()

    def run(page: str, **params: str) -> AppTest:
        at = AppTest.from_file(str(ENTRY), default_timeout=30)
        if page != "overview":
            at.switch_page(str(nav.path(page)))
        for name, value in params.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, [e.value for e in at.exception]
        return at

    return run


@pytest.fixture
def dataset(workspace: Workspace) -> store.DatasetInfo:
    """A small training dataset."""
    rows = [{**ROW, "text": f"{TEXT} ({i})"} for i in range(30)]
    splits = {"train": rows[:20], "val": rows[20:26], "test": rows[26:]}
    health = [
        {"code": "duplicates", "level": "warning", "title": "Some rows are alike", "detail": "Look at them.",
         "rows": [{"split": "train", "row": 3, "text": "<script>x</script>", "note": ""}]}
    ]  # fmt: skip
    return store.create_dataset(
        "ner", "poles", splits, {"source": "generated", "health": health}, ws=workspace
    )


@pytest.fixture
def make_run(workspace: Workspace) -> Iterator[Callable[..., Path]]:
    """`make_run("failed", epochs=2)` writes a run folder in that state; a running one holds its lock."""
    held = []

    def make(state: str, *, name: str = "go95", epochs: int = 2, **finish: Any) -> Path:
        from core.ner.recipe import build_recipe

        run_dir = workspace.run(f"ner-20260101-00000{len(list(workspace.runs.glob('ner-*')))}-{name}")
        run_dir.mkdir(parents=True)
        spec = RunSpec(
            task="ner", recipe=build_recipe("fast").model_dump(), preset="fast", dataset="poles@12345678",
            base_model="minilm", name=name, created=1_767_225_600.0 + len(held), rows=20,
        )  # fmt: skip
        spec.save(run_dir)
        write_status(run_dir, new_status(run_dir, spec))
        lock = try_lock(run_dir / RUN_LOCK, 1.0)
        if state == RunState.QUEUED:
            held.append(lock)
            return run_dir
        (run_dir / "console.log").write_text("Reading <b>20</b> sentences\n", encoding="utf-8")
        with RunContext(run_dir, spec) as ctx:
            ctx._set(state=RunState.RUNNING, started=spec.created)
            ctx.start(40, 4, device="cpu")
            for step in range(1, epochs * 10 + 1):
                ctx.step(step, step / 10, {"loss": 2 / step, "learning_rate": 3e-4})
                if step % 10 == 0:
                    score = {
                        "train_loss": 0.3,
                        "val_loss": 0.4,
                        "f1": 0.7 + step / 100,
                        "precision": 0.8,
                        "recall": 0.8,
                    }
                    ctx.epoch(step, step / 10, score)
            ctx.metrics_log.write("system", metrics={"cpu_percent": 150.0, "rss_mb": 1200.0})
            ctx.save_status()
            if state in RunState.ENDED and state != RunState.LOST:
                ctx.finish(
                    state,
                    finish.get("message", "It ended."),
                    finish.get("hint", ""),
                    version=finish.get("version"),
                )
        if state == RunState.RUNNING:
            held.append(lock)
        else:
            lock.release()
        return run_dir

    yield make
    for lock in held:
        lock.release()
