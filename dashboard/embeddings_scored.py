"""A scored pass of the similarity model: figures, kinds, scatter, stress test, worst pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.store import DatasetInfo
from core.embeddings.exchanges import default_pair_reader
from core.tasks import Task, get_task
from core.workspace import read_json
from dashboard import cards, uploads, words
from dashboard import embeddings_text as texts
from dashboard.embeddings_charts import scatter_figure
from dashboard.embeddings_import import TYPES
from dashboard.model_use import Choice
from dashboard.scored_view import ScoredSet
from dashboard.text_import import MAX_UPLOAD_MB

PAGE = 10
FEW = 50
"""Below this many pairs a correlation is said to be uncertain."""
WORST = 60
EDIT_SHARE = 0.85
"""Share of single edits that must lower the score by more than 0.2."""
COPY_LEAST = 0.95
KNOWN_DISTANCE = 0.10
GENERAL_LOSS = 0.05
EDITS = {"number": "a number", "object": "the thing", "polarity": "required / not", "place": "the place"}


@st.cache_data(max_entries=8, show_spinner="Reading the pairs …")
def _rows(path: str) -> tuple[list[dict[str, Any]], int]:
    """Pairs of a file, and how many lines were left out."""
    found = get_task("embeddings").room("dataset").check_import([Path(path)])
    return found.rows, len(found.rejected)


def _file(unit: str) -> ScoredSet | None:
    """Ask for a file of graded pairs."""
    paths = uploads.collect(
        "Graded pairs (JSON Lines or CSV: a, b, score, kind)", "scored-pairs", TYPES, limit_mb=MAX_UPLOAD_MB
    )  # fmt: skip
    if not paths:
        return None
    path = paths[-1]
    rows, rejected = _rows(str(path))
    if rejected:
        st.html(cards.check_html(
            None, f"{words.count(rejected, 'row')} of {path.name} left out",
            "Import the file on the Data page to see which and why.",
        ))  # fmt: skip
    if not rows:
        st.html(cards.check_html(False, f"No graded pair was found in {path.name}.", "Choose another file."))
        return None
    count = words.count(len(rows), unit)
    return ScoredSet(f"{path}", f"{path.name} · {count}", path, True, "Your file", count)


OUTSIDE = {"file": ("A file of graded pairs", _file)}


def score(model: Any, source: DatasetInfo | Path, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Correlations of a loaded model on the test split of a dataset, or on a file, and its stress figures."""
    room = get_task("embeddings").room("evaluate")
    rows = _rows(str(source))[0] if isinstance(source, Path) else list(store.read_rows(source, "test"))
    result = room.evaluate(model, rows, progress=progress, worst=WORST)
    return {**result, "pairs_of": [(row["a"], row["b"]) for row in rows], **_character(model)}


@st.cache_resource(show_spinner=False, max_entries=1)
def _characters() -> dict[str, dict[str, Any]]:
    """Stress figures and everyday similarity by the key of a model: they do not depend on the scored set."""
    return {}


def _character(model: Any) -> dict[str, Any]:
    """What the report of a version says of its stress test; measured where there is no report."""
    from core.embeddings.library import model_key

    known, key = _characters(), model_key(model)
    if key not in known:
        known[key] = _reported(model.path) or _measured(model)
    return known[key]


def _reported(folder: Path | None) -> dict[str, Any] | None:
    if folder is None or not (folder / "report.json").is_file():
        return None
    report = read_json(folder / "report.json")
    if not report.get("stress") or not report.get("general"):
        return None
    return {"stress": report["stress"], "general": report["general"]}


def _measured(model: Any) -> dict[str, Any]:
    from core.embeddings.predict import load_base
    from core.embeddings.stress import general_similarity, stress_report

    with st.spinner("Stress test: edits, near copies, everyday sentences …"):
        base = load_base(model.info.base_model) if model.trained else model
        before, after = general_similarity(base), general_similarity(model)
        return {"stress": stress_report(model), "general": {"before": before, "after": after}}


def figures(task: Task, choice: Choice, result: Mapping[str, Any], *, real: bool) -> None:
    """Correlations against the target, scatter, figures by kind, stress test."""
    from dashboard.live import chart

    st.markdown(f"**{words.plain(choice.title)}**")
    st.html(cards.facts_html(facts(task, result, real=real)))
    if result["pairs"] < FEW:
        said = f"{words.count(result['pairs'], 'pair')} only: a correlation of so few may be chance."
        st.html(cards.line_html("close", "▲ Few pairs", said))
    with st.container(key=f"sides-charts-{choice.id}"):
        left, right = st.columns(2, gap="medium")
    with left:
        title = "Predicted against given"
        figure = scatter_figure(result["points"], result["pairs_of"], title, revision=choice.id)
        chart(figure, key=f"scatter-{choice.id}")
    with right:
        names = ["Kind", "Pairs", "Given, mean", "Predicted, mean", "Off by", "Spearman"]
        st.html(cards.table_html([(name, name != "Kind") for name in names], kind_rows(result["kinds"])))
    title = "Stress test: does it look at the requirement or at shared words?"
    with st.expander(title, key=f"stress-{choice.id}", expanded=True):
        st.html(stress_html(result["stress"], result["general"]))


def facts(task: Task, result: Mapping[str, Any], *, real: bool) -> list[tuple[str, str, str]]:
    """The figures over all pairs, with ✓ or ✗ against the target on real data.

    Args:
        task: Model family.
        result: From `score`.
        real: True for real pairs: only those are judged against the target.
    """
    role = "real" if real else "generated"
    target = next((t for t in task.targets if t.metric == "spearman"), None)
    tail = ""
    if real and target is not None:
        tail = f" {'✓' if target.met(result['spearman']) else '✗'} target {target.value:.2f}"
    overlap = texts_overlap(result)
    return [
        ("Spearman", words.score(result["spearman"]) + tail, role),
        ("Pearson", words.score(result["pearson"]), role),
        ("Vectors alone (Spearman)", words.score(result.get("spearman_cosine")), role),
        ("Word overlap alone (Spearman)", words.score(overlap), ""),
        ("Mean distance to the grade", words.score(result["error"]), ""),
        ("Pairs", f"{result['pairs']:,}", ""),
    ]


def texts_overlap(result: Mapping[str, Any]) -> float | None:
    """Spearman that counting shared words reaches on the scored pairs."""
    from core.embeddings.score import spearman

    shared = [texts.overlap(a, b) for a, b in result["pairs_of"]]
    return spearman(shared, [point[0] for point in result["points"]])


def kind_rows(kinds: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Table rows by kind, largest distance between given and predicted first."""
    order = sorted(kinds.items(), key=lambda item: -abs(item[1]["mean"] - item[1]["given"]))
    return [
        (kind, f"{own['pairs']:,}", f"{own['given']:.3f}", f"{own['mean']:.3f}",
         f"{own['mean'] - own['given']:+.3f}", words.score(own["spearman"]))
        for kind, own in order
    ]  # fmt: skip


def stress_html(stress: Mapping[str, Any], general: Mapping[str, float]) -> str:
    """What single edits, near copies, the known pairs and everyday sentences show."""
    share, copies = stress["share"], stress["copies"]
    lost = general["before"] - general["after"]
    lines = [
        _verdict(share >= EDIT_SHARE, f"{share:.0%} of single edits lower the score by more than 0.2",
                 f"wanted: {EDIT_SHARE:.0%}"),
        _verdict(copies["mean"] >= COPY_LEAST, f"Near copies score {copies['mean']:.3f}",
                 f"least {copies['least']:.3f}; wanted: {COPY_LEAST:.2f}"),
        _verdict(lost <= GENERAL_LOSS, f"Everyday similarity is {general['after']:.3f}",
                 f"{general['before']:.3f} in the base model; wanted: no more than {GENERAL_LOSS:.2f} lost"),
    ]  # fmt: skip
    edits = [
        (f"{EDITS.get(kind, kind)} changed", f"{own['edits']:,}", words.score(own["before"]),
         words.score(own["after"]), f"{own['share']:.0%}")
        for kind, own in stress["edits"].items()
    ]  # fmt: skip
    known = [
        (one["a"], one["b"], f"{one['expected']:.2f}", words.score(one["score"]),
         "✓" if abs(one["score"] - one["expected"]) <= KNOWN_DISTANCE else f"▲ over {KNOWN_DISTANCE:.2f} off")
        for one in stress["known"]
    ]  # fmt: skip
    heads = ["One edit", "Texts", "Score before it", "Score after it", "Fell by more than 0.2"]
    pairs = [("Known pair", False), ("", False), ("Expected", True), ("Predicted", True), ("", False)]
    return (
        "".join(lines)
        + cards.table_html([(name, name != "One edit") for name in heads], edits)
        + cards.table_html(pairs, known)
    )


def _verdict(good: bool, title: str, detail: str) -> str:
    return cards.check_html(True if good else None, title, detail)


def worst(choice: Choice, result: Mapping[str, Any]) -> None:
    """The pairs whose score is furthest from the grade, with what differs between the texts."""
    entries = result["worst"]
    if not entries:
        st.html(cards.line_html("muted", "✓ Nothing", "There is no pair to show."))
        return
    st.markdown(f"**Worst pairs of {words.plain(choice.id)}**")
    pages = -(-len(entries) // PAGE)
    page = 1
    if pages > 1:
        page = st.segmented_control(
            "Page", list(range(1, pages + 1)), default=1, required=True, key="worst-page",
            label_visibility="collapsed",
        )  # fmt: skip
    reader = default_pair_reader()
    for entry in entries[(page - 1) * PAGE : page * PAGE]:
        gap = entry["score"] - entry["given"]
        facts = [
            f"given {entry['given']:.2f}", f"predicted {entry['score']:.2f} ({gap:+.2f})", str(entry["kind"]),
            *_differing(entry["a"], entry["b"], reader),
        ]  # fmt: skip
        st.html(texts.pair_html(entry["a"], entry["b"], facts))


def _differing(a: str, b: str, reader: Any) -> list[str]:
    found = [d for d in texts.differences(a, b, reader) if d.alike is False]
    return [f"{d.what.lower()}: {d.a} ≠ {d.b}" for d in found[:3]]
