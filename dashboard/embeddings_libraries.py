"""Spec libraries on the Data page: import with a preview of the passages, the list, deletion.

Searching them is embeddings_find.py; reading and storing is core/embeddings.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import streamlit as st

from core.embeddings import library as libraries
from core.embeddings.chunks import SUFFIXES, Document, read_document
from core.embeddings.library import Library
from core.errors import InputError, NexaError
from core.registry import store as registry
from core.tasks import Task
from core.workspace import Workspace
from dashboard import cards, nav, uploads, words

MAX_UPLOAD_MB = 200
SHOWN_PASSAGES = 40
KEY = "spec-files"


def known() -> list[Library]:
    """Every library, the one that ships first; it is stored in the workspace when it is first asked for."""
    shipped = libraries.shipped_library()
    return [shipped, *(one for one in libraries.list_libraries() if one.id != shipped.id)]


def title(library: Library) -> str:
    """What a choice of libraries calls one of them."""
    return f"{library.name} · {words.count(library.chunks, 'passage')}"


def draw_libraries(task: Task) -> None:
    """Draw import and list.

    Args:
        task: Model family.
    """
    _import()
    st.subheader("Libraries")
    made = st.session_state.pop("made-library", None)
    if made:
        st.html(cards.line_html("muted", "✓ Ready", f"{made} can be searched on the Validation page."))
    production = _production(task)
    for number, library in enumerate(known()):
        _entry(task, library, production, ships=number == 0)


def _import() -> None:
    with st.container(key="sides-libraries"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Specification")
        paths = uploads.collect(
            "PDF, Markdown or text", KEY, [suffix[1:] for suffix in SUFFIXES], limit_mb=MAX_UPLOAD_MB,
            help="Several files become one library. Pages without text (scans) are named.",
        )  # fmt: skip
        if not paths:
            st.caption(
                "A specification is cut along its sections into passages; each keeps the path of headings "
                "above it. Files stay on this machine."
            )
            return
        stem = uploads.plain_stem(paths[0].name) or "library"
        name = st.text_input("Name of the library", value=stem[:60], key=f"library-{stem}", max_chars=60)
        save = st.empty()
        if st.button("Take the files out", type="tertiary", icon=":material/close:", key="forget-specs"):
            uploads.forget(KEY)
            st.rerun()
    with right:
        st.subheader("Passages")
        read = _read_all(paths)
        found = sum(len(document.chunks) for _, document in read)
        if save.button(
            "Save the library", type="primary", icon=":material/save:", width="stretch", disabled=not found,
            key="save-library",
        ):  # fmt: skip
            _save([path for path, _ in read], name)
        _preview(read)


@st.cache_data(max_entries=16, show_spinner="Reading the specification …")
def _read(path: str) -> Document:
    return read_document(Path(path), filename=Path(path).name)


def _read_all(paths: list[Path]) -> list[tuple[Path, Document]]:
    """What could be read; a file that cannot be is named and left out."""
    read = []
    for path in paths:
        try:
            read.append((path, _read(str(path))))
        except NexaError as error:
            nav.show_error(error)
    return read


def _preview(read: list[tuple[Path, Document]]) -> None:
    chunks = [chunk for _, document in read for chunk in document.chunks]
    lines = []
    for path, document in read:
        pages = f"{words.count(document.pages, 'page')}, " if document.pages else ""
        detail = f"{pages}{words.count(len(document.chunks), 'passage')}"
        lines.append(cards.check_html(bool(document.chunks), path.name, detail))
        lines += [cards.check_html(None, notice, "") for notice in document.notices]
    if not chunks:
        st.html("".join(lines))
        return
    sections = Counter(" › ".join(chunk.section) or "no heading" for chunk in chunks)
    long = max(len(chunk.text.split()) for chunk in chunks)
    st.html(
        "".join(lines)
        + cards.facts_html([
            ("Passages", f"{len(chunks):,}"), ("Sections", f"{len(sections):,}"),
            ("Longest passage", words.count(long, "word")),
        ])
    )  # fmt: skip
    rows = [
        (" › ".join(chunk.section) or "–", str(chunk.page or "–"), chunk.text)
        for chunk in chunks[:SHOWN_PASSAGES]
    ]
    with st.container(height=min(420, 60 + 44 * len(rows)), border=False):
        st.html(cards.table_html([("Section", False), ("Page", True), ("Passage", False)], rows))
    if len(chunks) > SHOWN_PASSAGES:
        st.html(cards.quiet_html(f"The first {SHOWN_PASSAGES} of {len(chunks):,} passages are shown."))


def _save(paths: list[Path], name: str) -> None:
    if not name.strip():
        raise InputError("The library has no name.", "Give it one.")
    with st.spinner("Saving the library …"):
        made = libraries.import_library(paths, name=name.strip(), ws=Workspace.current())
    uploads.forget(KEY)
    st.session_state["made-library"] = made.id
    st.rerun()


def _production(task: Task) -> tuple[str, str] | None:
    """(version, key of its vectors) in production, without loading the model; None without one."""
    name = registry.aliases(task.name).get("production")
    if not name:
        return None
    try:
        version = registry.get_version(task.name, name)
        return (name, libraries.folder_key(version.path)) if version.path else None
    except NexaError:
        # The Models page names a version that is damaged; here only its vectors are of interest.
        return None


def _entry(task: Task, library: Library, production: tuple[str, str] | None, *, ships: bool) -> None:
    with st.container(border=True, key=f"library-{library.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.plain(library.name)}**", width="content")
            if ships:
                st.badge("ships with the Studio", icon=":material/inventory:", color="gray")
            if production and libraries.is_embedded(library, production[1]):
                st.badge(f"embedded with {production[0]}", icon=":material/check:", color="gray")
            st.caption(f"{words.count(library.chunks, 'passage')} · {_made(library)}", width="stretch")
            if st.button("Search", key=f"search-{library.id}", icon=":material/search:"):
                nav.go("validation", task=task.name, view="find", library=library.id)
            if not ships and st.button(
                "", icon=":material/delete:", help="Delete", type="tertiary", key=f"delete-{library.id}"
            ):
                _confirm_delete(library.id)
        st.html(
            cards.quiet_html(f"From {', '.join(library.sources)}.")
            + "".join(cards.check_html(None, notice, "") for notice in library.notices)
        )
        with st.expander("Passages", key=f"passages-{library.id}"):
            if st.toggle("Show passages", key=f"show-{library.id}"):
                rows = [
                    (chunk.source, " › ".join(chunk.section) or "–", str(chunk.page or "–"), chunk.text)
                    for chunk in libraries.read_chunks(library)[:SHOWN_PASSAGES]
                ]
                names = [("File", False), ("Section", False), ("Page", True), ("Passage", False)]
                st.html(cards.table_html(names, rows))


def _made(library: Library) -> str:
    try:
        return words.ago(datetime.fromisoformat(library.created).timestamp(), time.time())
    except ValueError:
        return "made at an unknown time"


@st.dialog("Delete this library?")
def _confirm_delete(library_id: str) -> None:
    st.write(f"{words.plain(library_id)} is removed for good, with its vectors of every model.")
    with nav.guard("Deleting"), st.container(horizontal=True):
        if st.button("Delete", type="primary", key="confirm-delete"):
            libraries.delete_library(library_id, ws=Workspace.current())
            st.rerun()
        if st.button("Keep it", key="keep-library"):
            st.rerun()
