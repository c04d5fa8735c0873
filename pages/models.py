"""Models: every version with its figures, which one is in production, promote, roll back, history."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import streamlit as st

from core.advice import figures_of
from core.errors import NexaError
from core.registry import store as registry
from core.registry.store import Version
from core.tasks import Task, available_tasks, get_task
from dashboard import cards, nav, state, switching, words


def main() -> None:
    """Draw the page."""
    st.title("Models")
    available = available_tasks()
    task = get_task(state.task(available))
    aliases = registry.aliases(task.name)
    versions = _versions(task)
    for version_id, reason in registry.broken_versions(task.name):
        st.html(cards.line_html("below", f"✗ {version_id}", reason))
    if not versions:
        cards.empty_state(
            "There is no model version yet: a finished training makes one.", "Launch training", "launch",
            {"task": task.name},
        )  # fmt: skip
        return
    _rollback(task, aliases)
    for version in versions:
        _card(task, version, aliases)
    _history(task)


def _versions(task: Task) -> list[Version]:
    found = list(registry.list_versions(task.name))
    try:
        found.append(registry.get_version(task.name, "starter"))
    except NexaError as error:
        if not isinstance(error, LookupError):
            nav.show_error(error)
    return found


def _rollback(task: Task, aliases: dict[str, str]) -> None:
    production, previous = aliases.get("production"), aliases.get("previous")
    with st.container(horizontal=True, vertical_alignment="center"):
        if production:
            st.badge(f"In production: {production}", icon=":material/verified:", color="gray")
        else:
            st.badge("Nothing in production", icon=":material/info:", color="gray")
        if previous and st.button(f"Go back to {previous}", icon=":material/undo:", key="rollback"):
            _confirm("rollback", task.name, previous)


@st.dialog("Change production?")
def _confirm(action: str, task: str, version: str) -> None:
    st.write(f"{version} becomes production; what is there now stays reachable as “previous”.")
    if more := switching.warning(task):
        st.caption(more)
    note = st.text_input("Why (for the history)", key="note", max_chars=200)
    with nav.guard("Changing production"):
        if st.button(f"Use {version}", type="primary", key="confirm"):
            switching.switch(task, version, note=note, back=action == "rollback")
            st.rerun()


def _card(task: Task, version: Version, aliases: dict[str, str]) -> None:
    names = [alias for alias, target in aliases.items() if target == version.id]
    figures = figures_of(version)
    before = figures_of(version, "before")
    with st.container(border=True, key=f"version-{version.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{version.id}**", width="content")
            for alias in names:
                st.badge(alias, color="gray", icon=":material/label:")
            st.caption(_about(version), width="stretch")
            if st.button("Validate", key=f"validate-{version.id}"):
                nav.go("validation", task=version.task, after=version.id)
            if "production" not in names and st.button("Promote", key=f"promote-{version.id}"):
                _confirm("promote", task.name, version.id)
        parts = []
        for target in task.targets:
            parts.append(
                cards.score_html(
                    target.title, target.value, real=figures.real.get(target.metric),
                    generated=figures.generated.get(target.metric), held_out_word=figures.held_out_word,
                )
            )  # fmt: skip
        for column, part in zip(st.columns(len(parts), gap="large"), parts, strict=True):
            column.html(part)
        with st.expander("Details", key=f"details-{version.id}"):
            _details(task, version, before)


def _about(version: Version) -> str:
    if version.source == "starter":
        return "ships with the Studio"
    dataset = version.manifest.get("dataset") or {}
    made = f"{_when(version.created)} · {version.kind} of {version.base_model}"
    return f"{made} · dataset {dataset.get('id') or 'unknown'}"


def _details(task: Task, version: Version, before: Any) -> None:
    rows = []
    figures = figures_of(version)
    for word, role, old, new in (
        ("real (gold)", "real", before.real, figures.real),
        (figures.held_out_word, "generated", before.generated, figures.generated),
    ):
        for target in task.targets:
            if target.metric in new:
                rows.append((
                    cards.word_html(role, word), target.title, words.score(old.get(target.metric)),
                    words.score(new[target.metric]),
                ))  # fmt: skip
    if rows:
        columns = [("Measured on", False), ("Figure", False), ("Before training", True), ("After", True)]
        st.html(cards.table_html(columns, rows, raw=(0,)))
    files = version.manifest.get("files") or {}
    total = sum(entry.get("bytes", 0) for entry in files.values())
    st.html(cards.facts_html([
        ("Size", words.size(total)), ("Files", str(len(files))), ("Kind", version.kind),
        ("Base", version.base_model or "–"), ("Run", str(version.manifest.get("run") or "–")),
    ]))  # fmt: skip
    if st.button("Check the files", key=f"verify-{version.id}", icon=":material/fingerprint:"):
        with nav.guard("The check"), st.spinner("Hashing the files …"):
            registry.verify(version)
            st.html(cards.line_html("muted", "✓ Unchanged", "Every file is as it was written."))


def _history(task: Task) -> None:
    moves = registry.history(task.name)
    if not moves:
        return
    st.subheader("History")
    rows = [
        (_when(move.get("time", "")), move.get("action", ""), move.get("alias", ""), move.get("from") or "–",
         move.get("to", ""), move.get("who", ""), move.get("note", ""))
        for move in reversed(moves)
    ]  # fmt: skip
    names = ["When", "Action", "Name", "From", "To", "Who", "Note"]
    st.html(cards.table_html([(name, False) for name in names], rows[:50]))


def _when(iso: str) -> str:
    try:
        return words.ago(datetime.fromisoformat(iso).timestamp(), time.time())
    except ValueError:
        return "at an unknown time"


main()
