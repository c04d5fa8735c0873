"""Samples of a detector training on the Live page: sheets of validation photos with boxes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.runs.series import RunLog
from core.runs.state import RunStatus
from core.workspace import Workspace
from dashboard import cards, entities

_SHEET = re.compile(r"epoch_(\d{1,6})\.jpg")


def sheets(run_dir: Path) -> list[tuple[int, Path]]:
    """(epoch, file) of every sheet of a run, newest first; half-written ones are not among them."""
    found = [
        (int(match[1]), path)
        for path in (run_dir / "samples").glob("epoch_*.jpg")
        if (match := _SHEET.fullmatch(path.name))
    ]
    return sorted(found, reverse=True)


def samples(run: RunStatus) -> Callable[[], None] | None:
    """What draws the newest sheet; None before there is one."""
    found = dict(sheets(Workspace.current().run(run.run_id)))
    if not found:
        return None

    def draw() -> None:
        epochs = list(found)
        epoch = epochs[0]
        if len(epochs) > 1:
            # Without a choice of its own the newest sheet is shown, also when another one arrives.
            picked = st.segmented_control(
                "After epoch", epochs[:12], key=f"sheet-{run.run_id}", format_func=lambda e: f"epoch {e}",
                label_visibility="collapsed",
            )  # fmt: skip
            epoch = picked if picked in found else epochs[0]
        st.html(entities.legend(labels=("pole", "crossarm", "underground")))
        st.image(found[epoch].read_bytes(), width="stretch", alt=f"validation photos after epoch {epoch}")
        st.html(
            cards.quiet_html(
                f"Validation photos after epoch {epoch}: boxes found in colour, what is there in thin white."
            )
        )

    return draw


def stages(run: RunStatus, log: RunLog, recipe: Mapping[str, Any]) -> str:
    """There is one stage only."""
    return ""
