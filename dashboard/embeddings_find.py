"""One infraction → the best passages of a spec library, with section, score and marks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.embeddings import library as libraries
from core.embeddings.library import Library
from core.errors import InputError
from core.tasks import Task
from core.workspace import Workspace
from dashboard import cards, embeddings_libraries, model_use, nav, state, words
from dashboard import embeddings_text as texts
from dashboard.model_use import Choice

if TYPE_CHECKING:
    from core.embeddings.index import Index
    from core.embeddings.predict import SimilarityModel

EXAMPLES = (
    "service drop hangs 9 ft over the sidewalk",
    "no warning tape above the primary cable",
    "guy without guard beside a path",
)
LEGEND = (
    "Underlined: words of the infraction. Shaded: a quantity equal to one of the infraction. Dashed: another "
    "quantity of the same kind."
)
COUNTS = (3, 5, 10, 20)
MAX_CHARACTERS = 5_000
IN_ADDRESS = 1_500
KEPT_INDEXES = 6


@dataclass
class Indexes:
    """Passages with their vectors as this process last read them, by library and model key."""

    results: OrderedDict[tuple[str, str, str], Index] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: tuple[str, str, str]) -> Index | None:
        with self.lock:
            if key in self.results:
                self.results.move_to_end(key)
            return self.results.get(key)

    def put(self, key: tuple[str, str, str], index: Index) -> None:
        with self.lock:
            self.results[key] = index
            self.results.move_to_end(key)
            while len(self.results) > KEPT_INDEXES:
                self.results.popitem(last=False)


@st.cache_resource(show_spinner=False)
def indexes() -> Indexes:
    """The store of indexes, shared by all sessions."""
    return Indexes()


def index_of(
    library: Library, model: SimilarityModel, progress: Callable[[int, int], None] | None = None
) -> Index:
    """Passages of a library with vectors of a model; read, or made, once a process.

    Args:
        library: The library.
        model: Whose vectors.
        progress: Called with (passages done, passages in all) while vectors are made.
    """
    # A library that was deleted and imported again has the same id, but no vectors on the disk.
    key = (str(library.path), library.created, libraries.model_key(model))
    index = indexes().get(key)
    if index is None:
        index = libraries.embed_library(library, model, progress=progress)
        indexes().put(key, index)
    return index


def draw(task: Task, before: Choice, after: Choice) -> None:
    """Draw the infraction, the choice of a library, and the passages.

    Args:
        task: Model family.
        before: The version to compare with, if wished.
        after: The version that searches.
    """
    if "infraction" not in st.session_state:
        st.session_state["infraction"] = state.param("q")
    st.text_area(
        "Infraction", key="infraction", height=80, max_chars=MAX_CHARACTERS, label_visibility="collapsed",
        placeholder="Type or paste an infraction: what was found in the field …",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Find passages", type="primary", icon=":material/search:", key="find-passages"):
            _ask(st.session_state["infraction"])
        for number, example in enumerate(EXAMPLES):
            st.button(example, key=f"infraction-{number}", type="tertiary", on_click=_use, args=(example,))
    library, count, also = _options(before, after)
    query = st.session_state.get("asked-infraction") or state.param("q")
    if not query.strip():
        st.html(cards.quiet_html("The passages that fit best appear here, best first."))
        return
    models = [after, before] if also and before.id != after.id else [after]
    found = {choice.id: _found(task, choice, library, query, count) for choice in models}
    st.html(cards.quiet_html(LEGEND))
    with st.container(key="sides-result"):
        columns = st.columns(len(models), gap="medium")
    for column, choice in zip(columns, reversed(models), strict=True):
        with column:
            st.markdown(f"**{words.plain(choice.title)}**")
            _hits(query, found[choice.id])


def _options(before: Choice, after: Choice) -> tuple[Library, int, bool]:
    known = {library.id: library for library in embeddings_libraries.known()}
    titles = {key: embeddings_libraries.title(library) for key, library in known.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = state.choice("Library", list(known), "library", titles=titles)
        count = st.segmented_control(
            "Passages", COUNTS, default=5, required=True, key="k", bind="query-params", width="content"
        )
        also = st.toggle(
            f"also {before.id}", key="also-find", bind="query-params", disabled=before.id == after.id
        )
        if st.button("Libraries", type="tertiary", icon=":material/menu_book:", key="to-libraries"):
            nav.go("generate", task="embeddings", tab="libraries")
    return known[chosen], int(count or 5), also


def _use(example: str) -> None:
    st.session_state["infraction"] = example
    _ask(example)


def _ask(text: str) -> None:
    st.session_state["asked-infraction"] = text
    state.remember("q", text if len(text) <= IN_ADDRESS else "")


def embedded(task: Task, choice: Choice, library: Library) -> None:
    """Give a library vectors of a model unless it has them, with a bar that says how far it is.

    Args:
        task: Model family.
        choice: The model.
        library: The library.
    """
    place = st.empty()
    place.html(cards.quiet_html(f"Loading {choice.title}, about 3 s the first time …"))

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        said = f"Embedding {library.name} with {choice.id}: {done:,} of {words.count(total, 'passage')}"
        place.progress(share, text=words.plain(said))

    with model_use.loaded(task.name, choice) as model:
        index_of(library, model, progress)
    place.empty()


@st.cache_data(max_entries=128, show_spinner=False)
def _search(
    task_name: str, model_id: str, stamp: str, library_id: str, root: str, query: str, count: int
) -> list[dict[str, Any]]:
    library = libraries.get_library(library_id, ws=Workspace.current())
    with model_use.loaded(task_name, Choice(model_id, model_id, stamp)) as model:
        return [asdict(hit) for hit in model.search(query, index_of(library, model), k=count)]


def _found(task: Task, choice: Choice, library: Library, query: str, count: int) -> list[dict[str, Any]]:
    if not library.chunks:
        raise InputError(f"The library {library.name!r} has no passages.", "Import its files again.")
    embedded(task, choice, library)
    with st.spinner("Searching …"):
        root = str(library.path)
        return _search(task.name, choice.id, choice.stamp, library.id, root, query, count)


def _hits(query: str, hits: list[dict[str, Any]]) -> None:
    for number, hit in enumerate(hits, 1):
        page = f" · page {hit['page']}" if hit["page"] else ""
        where = " › ".join(hit["section"]) or "no heading"
        with st.container(border=True):
            score = hit["score"]
            head = cards.head_html(f"{number} · {score:.3f}", texts.meaning(score))
            source = escape(f"{hit['source']}{page} · {where}")
            st.html(
                f'<div class="nx-muted">{head}{cards.bar_html(score)}</div><p class="nx-where">{source}</p>'
                + texts.marked_html(hit["text"], texts.marks(hit["text"], query), notes=False)
            )
    if not hits:
        st.html(cards.quiet_html("No passage was found."))
