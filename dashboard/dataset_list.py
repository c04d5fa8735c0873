"""The datasets of a model: counts, label balance, health, download, delete."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.runs.state import list_runs
from core.tasks import Task
from dashboard import cards, nav, views, words

LEVELS = {"ok": True, "info": True, "warning": None, "error": False}


def draw(task: Task) -> None:
    """Draw the list.

    Args:
        task: Model family.
    """
    made = st.session_state.pop("made", None)
    if made:
        st.html(cards.line_html("muted", "✓ Ready", f"{made} can be used now."))
    for dataset_id, reason in store.damaged_datasets(task.name):
        st.html(cards.line_html("below", f"✗ {dataset_id}", reason))
    found = store.list_datasets(task.name)
    if not found:
        st.html(cards.quiet_html("No datasets yet: generate one or import your own above."))
        return
    gold = store.get_gold(task.name)
    for info in found:
        _entry(task, info, is_gold=gold is not None and gold.id == info.id)


def _entry(task: Task, info: DatasetInfo, *, is_gold: bool) -> None:
    findings = info.card.get("health") or []
    with st.container(border=True, key=f"dataset-{info.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{info.id}**", width="content")
            _source(info)
            if is_gold:
                st.badge("targets are judged on it", icon=":material/flag:", color="blue")
            st.caption(f"{_counts(info, views.unit(task.name))} · {_made(info)}", width="stretch")
            if info.role == "train" and st.button("Train", key=f"train-{info.id}"):
                nav.go("launch", task=task.name, dataset=info.id)
            if (
                info.role == "gold"
                and not is_gold
                and st.button("Judge targets on it", key=f"gold-{info.id}")
            ):
                store.set_gold(task.name, info.id)
                st.rerun()
            _downloads(info)
            if st.button(
                "", icon=":material/delete:", help="Delete", type="tertiary", key=f"delete-{info.id}"
            ):
                _confirm_delete(task.name, info.id)
        st.html(views.data(task.name).summary(info))
        with st.expander(_health_word(findings), key=f"health-{info.id}"):
            st.html(_findings(findings) or cards.quiet_html("No health check was written for this dataset."))
            _examples(task, info)


def _source(info: DatasetInfo) -> None:
    if info.role == "gold":
        cards.source_badge(real=True)
    elif info.card.get("source") == "mixed":
        st.badge("Generated and real", icon=":material/blender:", color="gray")
    elif str(info.card.get("source", "")).startswith("imported"):
        st.badge("Imported", icon=":material/upload_file:", color="gray")
    else:
        cards.source_badge(real=False)


def _counts(info: DatasetInfo, unit: str) -> str:
    if set(info.counts) == {"test"}:
        return words.count(info.rows, unit)
    parts = " / ".join(f"{value:,} {split}" for split, value in info.counts.items())
    return f"{words.count(info.rows, unit)}: {parts}"


def _made(info: DatasetInfo) -> str:
    try:
        return words.ago(datetime.fromisoformat(str(info.card.get("created", ""))).timestamp(), time.time())
    except ValueError:
        return "made at an unknown time"


def _health_word(findings: list[dict[str, Any]]) -> str:
    if not findings:
        return "Examples"
    errors = sum(item.get("level") == "error" for item in findings)
    warnings = sum(item.get("level") == "warning" for item in findings)
    if not errors and not warnings:
        return "✓ Healthy · details and examples"
    parts = [words.count(errors, "problem")] if errors else []
    parts += [words.count(warnings, "thing to know", "things to know")] if warnings else []
    return f"{'✗' if errors else '▲'} {', '.join(parts)} · details and examples"


def _findings(findings: list[dict[str, Any]]) -> str:
    parts = []
    for item in findings:
        detail = item.get("detail", "")
        shown = [
            f"{row.get('split')} {row.get('row')}: {row.get('text', '')[:90]}"
            for row in item.get("rows") or []
        ]
        if shown:
            detail += " For example " + "; ".join(shown[:2]) + "."
        parts.append(cards.check_html(LEVELS.get(item.get("level", "")), item.get("title", ""), detail))
    return "".join(parts)


def _examples(task: Task, info: DatasetInfo) -> None:
    split = "train" if "train" in info.counts else "test"
    if st.toggle("Show examples", key=f"examples-{info.id}"):
        views.data(task.name).examples(info, split)


def _downloads(info: DatasetInfo) -> None:
    with st.popover(
        "", icon=":material/download:", type="tertiary", help="Download", key=f"download-{info.id}"
    ):
        for file in info.card.get("files") or {}:
            path = info.path / file
            name = f"{info.id}-{file.replace('/', '-')}"
            st.download_button(file, path.read_bytes, file_name=name, key=f"file-{name}", on_click="ignore")


@st.dialog("Delete this dataset?")
def _confirm_delete(task: str, dataset_id: str) -> None:
    st.write(f"{dataset_id} is removed for good. Models that were trained on it stay.")
    with nav.guard("Deleting"), st.container(horizontal=True):
        if st.button("Delete", type="primary", key="confirm-delete"):
            in_use = [run.dataset for run in list_runs(task=task) if run.active]
            store.delete_dataset(task, dataset_id, in_use=in_use)
            st.rerun()
        if st.button("Keep it", key="keep-dataset"):
            st.rerun()
