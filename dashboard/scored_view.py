"""The scored pass of the Validation page: choice of a set and progress; the model's view draws the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.errors import NotFoundError
from core.tasks import Task
from dashboard import cards, model_use, state, views, words
from dashboard.model_use import Choice
from dashboard.views import ValidationView


@dataclass(frozen=True)
class ScoredSet:
    """Something that a model can be scored on.

    Args:
        key: Names it in the store of results.
        title: What the page calls it.
        source: A dataset, of which the test split is read, or a path that the view knows to read.
        real: True for real data.
        word: What the badge says of its origin.
        note: How much will be read.
    """

    key: str
    title: str
    source: DatasetInfo | Path
    real: bool
    word: str
    note: str


def draw(task: Task, before: Choice, after: Choice, view: ValidationView) -> None:
    """Draw the choice of a set, the button and, once scored, the result.

    Args:
        task: Model family.
        before: The version to compare with.
        after: The version that is judged.
        view: Of the model.
    """
    st.subheader("Score a whole set")
    listed = [*store.list_datasets(task.name, "gold"), *store.list_datasets(task.name, "train")]
    sets = {info.id: of_dataset(info, views.unit(task.name)) for info in listed}
    if not sets and not view.OUTSIDE:
        cards.empty_state(
            "There is nothing to score on yet: import a gold set, or generate a dataset.",
            "Import a gold set",
            "generate",
            {"tab": "import", "task": task.name},
            kind="secondary",
        )
        return
    titles = {key: found.title for key, found in sets.items()}
    titles |= {key: title for key, (title, _) in view.OUTSIDE.items()}
    gold = store.get_gold(task.name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = state.choice("Set", list(titles), "set", default=gold.id if gold else None, titles=titles)
        also = st.toggle(f"also {before.id}", key="also", bind="query-params", disabled=before.id == after.id)
        pressed = st.button(f"Score {after.id}", icon=":material/fact_check:", key="score")
    found = sets[chosen] if chosen in sets else view.OUTSIDE[chosen][1](views.unit(task.name))
    if found is None:
        return
    models = [after, before] if also and before.id != after.id else [after]
    if pressed:
        for choice in models:
            _run(task, choice, found, view)
    results = [(choice, model_use.scored(task, choice, found.key)) for choice in models]
    results = [(choice, result) for choice, result in results if result is not None]
    if not results:
        st.html(cards.quiet_html(f"{found.note} will be read; the figures appear here."))
        return
    cards.source_badge(found.real, words.plain(found.title), found.word)
    for choice, result in results:
        view.figures(task, choice, result, real=found.real)
    view.worst(results[0][0], results[0][1])


def of_dataset(info: DatasetInfo, unit: str) -> ScoredSet:
    """The test split of a dataset, or a gold set.

    Args:
        info: The dataset.
        unit: What one row is called.
    """
    count = words.count(info.counts.get("test", 0), unit)
    kind = "gold set" if info.role == "gold" else "test split"
    real, word = info.role == "gold", ""
    origin = str(info.card.get("source", ""))
    if not real and origin.startswith("imported"):
        word = "Imported data"
    elif not real and origin == "mixed":
        word = "Generated and real data"
    return ScoredSet(info.id, f"{info.id} · {kind} · {count}", info, real, word, count)


def folder(unit: str) -> ScoredSet | None:
    """Ask for a labelled folder on this machine.

    Args:
        unit: What one row is called.

    Raises:
        NotFoundError: If what was typed is no folder.
    """
    typed = st.text_input(
        "Folder", key="folder", bind="query-params", placeholder="a folder with images/ and labels/",
        help="images/ and labels/ side by side (YOLO); ignore/ may hold regions that count neither way.",
    )  # fmt: skip
    if not typed.strip():
        return None
    path = Path(typed.strip()).expanduser()
    if not path.is_dir():
        raise NotFoundError(
            f"There is no folder {str(path)!r}.", "Type the whole path, as the file manager shows it."
        )
    newest = max(
        (place.stat().st_mtime_ns for place in (path, *path.glob("*/")) if place.is_dir()), default=0
    )
    return ScoredSet(
        f"{path.resolve()} {newest}",
        path.name,
        path,
        True,
        "Real data (labelled folder)",
        f"Every {unit} of {path.name}",
    )


def _run(task: Task, choice: Choice, found: ScoredSet, view: ValidationView) -> None:
    unit = views.unit(task.name)
    bar = st.progress(0.0, text=f"Loading {choice.id}, about 3 s the first time …")

    def progress(done: int, total: int) -> None:
        share = min(1.0, done / total) if total else 1.0
        bar.progress(share, text=f"{choice.id}: {done:,} of {words.count(total, unit)}")

    model_use.score(task, choice, found.key, lambda model: view.score(model, found.source, progress))
    bar.empty()
