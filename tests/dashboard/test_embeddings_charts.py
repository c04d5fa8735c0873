"""Charts of similarities: valid figures, misses set apart, big sets thinned."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.embeddings.chunks import Chunk
from core.tasks import TASKS
from dashboard import embeddings_charts as charts
from dashboard import embeddings_map, embeddings_scored

TASK = TASKS["embeddings"]


def test_pairs_far_from_their_grade_are_set_apart() -> None:
    figure = charts.scatter_figure(
        [[0.9, 0.88, "copy"], [0.3, 0.9, "polarity"]], [("a", "b"), ("<i>x</i>", "y")], "t"
    )
    go.Figure(figure.traces, figure.layout)
    _, near, far = figure.traces
    assert (
        near["y"].tolist() == np.float32([0.88]).tolist() and far["y"].tolist() == np.float32([0.9]).tolist()
    )
    assert far["marker"]["symbol"] == "x" and "&lt;i&gt;" in far["text"][0]


def test_no_point_is_no_error() -> None:
    go.Figure(charts.scatter_figure([], [], "t").traces)
    assert "nx-grades" in charts.grades_html([])
    assert charts.picked(0).size == 0


def test_of_many_points_an_even_choice_is_drawn() -> None:
    chosen = charts.picked(50_000)
    assert chosen.size == charts.MAX_POINTS and (chosen[0], chosen[-1]) == (0, 49_999)


def test_grades_are_columns_whose_height_is_their_number() -> None:
    html = charts.grades_html([0.96, 0.97, 0.04], bins=10)
    assert html.count("<span style") == 10
    assert 'height:100.0%" title="0.90 to 1.00: 2 pairs"' in html


def test_a_map_keeps_colour_and_symbol_of_a_group() -> None:
    groups = [f"s{n:02}" for n in range(7)]
    points = np.arange(14, dtype=np.float32).reshape(7, 2)
    one = charts.map_figure("a", points, groups, groups)
    two = charts.map_figure("b", points[::-1], groups, groups)
    go.Figure(one.traces, one.layout)
    looks = [[(t["name"], t["marker"]["color"], t["marker"]["symbol"]) for t in f.traces] for f in (one, two)]
    assert charts.map_legend_html(groups).count("<span>") == 7
    assert looks[0] == looks[1] and len(set(looks[0])) == 7
    assert len({look[1:] for look in looks[0]}) == 7


def test_passages_are_coloured_by_what_tells_them_apart() -> None:
    chunks = [Chunk(f"t{n}", ("Doc", f"{n // 2} Part", f"{n} Sub"), 0, "one.md") for n in range(6)]
    found = embeddings_map.levels(chunks)
    assert list(found) == ["section", "subsection"]
    assert found["section"][:3] == ["Doc › 0 Part", "Doc › 0 Part", "Doc › 1 Part"]
    assert embeddings_map.levels([Chunk("t")]) == {"file": ["no name"]}


def test_rare_sections_are_put_together() -> None:
    assert embeddings_map.grouped(["a", "a", "b", "c"], most=1) == ["a", "a", *[embeddings_map.OTHER] * 2]


RESULT = {
    "spearman": 0.86, "pearson": 0.8, "spearman_cosine": 0.7, "error": 0.1, "pairs": 3,
    "points": [[0.9, 0.9, "copy"], [0.4, 0.6, "number"], [0.1, 0.1, "unrelated"]],
    "pairs_of": [("a b", "a b"), ("a b", "a c"), ("a b", "c d")],
}  # fmt: skip


def test_the_target_is_judged_on_real_pairs_only() -> None:
    real = {name: value for name, value, _ in embeddings_scored.facts(TASK, RESULT, real=True)}
    assert real["Spearman"] == "0.860 ✓ target 0.85"
    assert real["Word overlap alone (Spearman)"] == "1.000"
    generated = embeddings_scored.facts(TASK, RESULT, real=False)
    assert all("target" not in value for _, value, _ in generated)


def test_kinds_that_are_furthest_off_come_first() -> None:
    rows = embeddings_scored.kind_rows({
        "copy": {"pairs": 2, "given": 1.0, "mean": 0.99, "spearman": None},
        "number": {"pairs": 5, "given": 0.45, "mean": 0.85, "spearman": 0.2},
    })  # fmt: skip
    assert rows[0] == ("number", "5", "0.450", "0.850", "+0.400", "0.200")
    assert rows[1][-1] == "–"


def test_stress_figures_are_judged_line_by_line() -> None:
    stress = {
        "share": 0.9, "copies": {"mean": 0.9, "least": 0.5},
        "edits": {"number": {"before": 0.9, "after": 0.4, "share": 0.9, "edits": 60}},
        "known": [{"a": "<x>", "b": "y", "expected": 0.5, "score": 0.9}],
    }  # fmt: skip
    html = embeddings_scored.stress_html(stress, {"before": 0.8, "after": 0.7})
    assert "90% of single edits" in html and "▲ over 0.10 off" in html and "<x>" not in html
    assert html.count("nx-check nx-muted") == 1 and html.count("nx-check nx-close") == 2
