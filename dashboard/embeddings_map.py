"""A spec library as a map, before and after training: each point a passage, coloured by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.embeddings import library as libraries
from core.embeddings.chunks import Chunk
from core.embeddings.library import Library
from core.embeddings.projection import pca, same_group, turned
from core.tasks import Task
from core.workspace import Workspace
from dashboard import cards, embeddings_find, embeddings_libraries, model_use, state, words
from dashboard.embeddings_charts import hover, map_figure, map_legend_html, picked
from dashboard.model_use import Choice

MOST_GROUPS = 20
OTHER = "other sections"
MAX_PASSAGES = 1500


@dataclass(frozen=True)
class Map:
    """One map.

    Args:
        points: (N, 2) of the passages that are drawn.
        share: Share of the variance that two components show, 0 to 1.
        near: Share of passages whose nearest neighbour is of the same section, or None.
    """

    points: np.ndarray
    share: float
    near: float | None


def draw(task: Task, before: Choice, after: Choice) -> None:
    """Draw the choice of a library, the button and, once asked for, both maps.

    Args:
        task: Model family.
        before: The version of the left map.
        after: The version of the right map.
    """
    from dashboard.live import chart

    known = {library.id: library for library in embeddings_libraries.known()}
    titles = {key: embeddings_libraries.title(library) for key, library in known.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        library = known[state.choice("Library", list(known), "library", titles=titles)]
        if st.button("Draw the map", type="primary", icon=":material/scatter_plot:", key="draw-map"):
            state.remember("drawn", "1")
    if state.param("drawn") != "1":
        st.html(
            cards.quiet_html("Every passage becomes a point; points close together are alike to a model.")
        )
        return
    models = [before, after] if before.id != after.id else [after]
    for choice in models:
        embeddings_find.embedded(task, choice, library)
    chunks = libraries.read_chunks(library)
    shown = picked(len(chunks), MAX_PASSAGES)
    choices = levels([chunks[n] for n in shown])
    level = state.segments("Colour by", {name: name for name in choices}, "by", default=_default(choices))
    groups = grouped(choices[level])
    maps = _maps(task.name, tuple((c.id, c.stamp) for c in models), library.id, str(library.path))
    said = [f"<b>{hover(' › '.join(chunks[n].section) or 'no heading')}</b><br>{hover(chunks[n].text)}"
            for n in shown]  # fmt: skip
    with st.container(key="sides-maps"):
        columns = st.columns(len(models), gap="medium")
    for column, choice, drawn in zip(columns, models, maps, strict=True):
        with column:
            figure = map_figure(
                choice.title, drawn.points, groups, said, revision=f"{library.id} {choice.id}"
            )
            chart(figure, key=f"map-{library.id}-{choice.id}-{choice.stamp}")
            near = "–" if drawn.near is None else f"{drawn.near:.0%}"
            st.html(cards.facts_html([
                ("Nearest passage is of the same section", near),
                ("Of all differences the map shows", f"{drawn.share:.0%}"),
            ]))  # fmt: skip
    st.html(map_legend_html(groups))
    _note(library, len(chunks), len(shown), len(models))


def _default(choices: dict[str, list[str]]) -> str:
    """The finest level that the colours and symbols can tell apart."""
    fitting = [level for level, names in choices.items() if len(set(names)) <= MOST_GROUPS]
    return fitting[-1] if fitting else next(iter(choices))


def _note(library: Library, passages: int, shown: int, maps: int) -> None:
    said = (
        "Two principal components of the vectors: what tells the passages apart most, never all of it. "
        "Directions and distances to the edge mean nothing; only who lies beside whom does."
    )
    if maps > 1:
        said += " The second map is turned, never stretched, so that it lies on the first as well as it can."
    if shown < passages:
        said += f" {shown:,} of {words.count(passages, 'passage')} of {library.name} are drawn."
    st.html(cards.quiet_html(said))


def levels(chunks: Sequence[Chunk]) -> dict[str, list[str]]:
    """What passages can be coloured by: name of the level → one name for each passage.

    A level at which all passages have one name, or the same names as at the level above, is left out.

    Args:
        chunks: The passages.
    """
    found = {"file": [chunk.source or "no name" for chunk in chunks]}
    for depth, level in enumerate(("document", "section", "subsection"), 1):
        found[level] = [" › ".join(chunk.section[:depth]) or "no heading" for chunk in chunks]
    kept: dict[str, list[str]] = {}
    for level, names in found.items():
        seen = len(set(names))
        if seen > 1 and all(len(set(other)) != seen for other in kept.values()):
            kept[level] = names
    return kept or {"file": found["file"]}


def grouped(names: Sequence[str], most: int = MOST_GROUPS) -> list[str]:
    """The names, all but the most frequent ones put together.

    Args:
        names: One for each passage.
        most: How many names stay.
    """
    counts = Counter(names)
    if len(counts) <= most:
        return list(names)
    kept = {name for name, _ in counts.most_common(most)}
    return [name if name in kept else OTHER for name in names]


@st.cache_data(max_entries=8, show_spinner="Drawing the map …")
def _maps(task_name: str, models: tuple[tuple[str, str], ...], library_id: str, root: str) -> list[Map]:
    library = libraries.get_library(library_id, ws=Workspace.current())
    made: list[Map] = []
    for model_id, stamp in models:
        with model_use.loaded(task_name, Choice(model_id, model_id, stamp)) as model:
            index = libraries.embed_library(library, model)
        shown = picked(len(index.chunks), MAX_PASSAGES)
        vectors = np.asarray(index.vectors)[shown]
        points, share = pca(vectors)
        if made:
            points = turned(points, made[0].points)
        near = same_group(vectors, [" › ".join(index.chunks[n].section) for n in shown])
        made.append(Map(points, share, near))
    return made
