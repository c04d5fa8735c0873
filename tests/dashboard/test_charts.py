"""Figures from arrays: thinning, smoothing, what is marked, colours from the palette only."""

from __future__ import annotations

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dashboard import charts, theme
from dashboard.charts import Curve
from dashboard.live import payload


def curve(n: int, **more: object) -> Curve:
    x = np.arange(n, dtype=np.float32)
    return Curve("training", x, np.exp(-x / 50).astype(np.float32), **more)  # type: ignore[arg-type]


def drawn(figure: charts.Figure) -> go.Figure:
    """The figure as an object of the chart library, which refuses whatever is not in its schema."""
    return go.Figure(figure.traces, figure.layout)


def test_short_curves_are_not_thinned() -> None:
    x = np.arange(1500)
    found = charts.thin(x, x * 2.0)
    assert found.x.size == 1500
    assert not found.reduced


def test_long_curves_keep_extremes_and_the_last_point() -> None:
    x = np.arange(100_000, dtype=np.float32)
    y = np.sin(x / 700).astype(np.float32)
    y[31_234], y[77_001] = 9.0, -9.0
    found = charts.thin(x, y)
    assert found.x.size <= charts.MAX_POINTS
    assert found.points == 100_000
    assert found.reduced
    assert found.x[-1] == 99_999
    assert found.x[0] == 0
    assert {9.0, -9.0} <= set(found.y.tolist())
    assert found.x.dtype == found.y.dtype == np.float32


@given(
    hnp.arrays(
        np.float32, st.integers(0, 5000), elements=st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))
    )
)
def test_thinning_never_invents_or_reorders(y: np.ndarray) -> None:
    x = np.arange(y.size, dtype=np.float32)
    found = charts.thin(x, y, limit=200)
    assert found.x.size <= 200
    assert np.all(np.diff(found.x) > 0)
    assert np.array_equal(found.y, y[found.x.astype(int)])
    there = np.flatnonzero(np.isfinite(y))
    if there.size:
        assert found.x[-1] == there[-1]


def test_smoothing_starts_unbiased_and_skips_gaps() -> None:
    y = np.array([2.0, 2.0, np.nan, 2.0], dtype=np.float32)
    found = charts.smooth(y, 0.9)
    assert np.allclose(found[[0, 1, 3]], 2.0)
    assert np.isnan(found[2])
    assert np.array_equal(charts.smooth(y, 0.0), y, equal_nan=True)


def test_best_index() -> None:
    assert charts.best_index(np.array([0.1, 0.9, 0.9, np.nan])) == 1
    assert charts.best_index(np.array([0.1, 0.05]), lower_is_better=True) == 1
    assert charts.best_index(np.array([np.nan])) is None
    assert charts.best_index(np.array([])) is None


def test_validation_is_dashed_and_training_solid() -> None:
    figure = drawn(charts.curves_figure("Loss", [curve(50), curve(50, validation=True)], x_title="step"))
    assert [trace.line.dash for trace in figure.data] == ["solid", "dash"]


def test_smoothing_keeps_the_measured_values_as_a_faint_line() -> None:
    figure = drawn(charts.curves_figure("Loss", [curve(50)], x_title="step", smoothing=0.6))
    raw, smoothed = figure.data
    assert raw.opacity == 0.25
    assert np.allclose(raw.y, curve(50).y)
    assert not np.allclose(smoothed.y, raw.y)


@pytest.mark.parametrize(
    ("best", "colour", "word"), [(0.8, theme.MUTED, "target 0.85"), (0.9, theme.TARGET_MET, "✓ met")]
)
def test_the_target_line_turns_green_only_when_it_is_met(
    best: float, colour: theme.Colour, word: str
) -> None:
    y = np.array([0.1, best], dtype=np.float32)
    line = Curve("validation", np.array([1, 2], dtype=np.float32), y, validation=True, best=1)
    figure = drawn(charts.curves_figure("F1", [line], x_title="epoch", target=0.85))
    assert figure.layout.shapes[0].line.color == colour.light
    assert word in figure.layout.annotations[0].text
    assert f"best {best:.3f}" in figure.data[-1].text[0]


def test_every_colour_is_of_the_palette() -> None:
    figure = charts.curves_figure(
        "F1",
        [curve(9, best=3, validation=True), curve(9, series=1)],
        x_title="step",
        target=0.5,
        smoothing=0.6,
    )
    sent = payload(figure)
    used = {c.lower() for c in re.findall(r"#[0-9A-Fa-f]{6}", json.dumps([sent["traces"], sent["layout"]]))}
    assert used <= set(theme.dark_of_light())


def test_compared_runs_have_different_colours() -> None:
    figure = drawn(charts.curves_figure("F1", [curve(9, series=i) for i in range(5)], x_title="step"))
    assert len({trace.line.color for trace in figure.data}) == 5


def test_payload_carries_numbers_as_float32() -> None:
    sent = payload(charts.curves_figure("Loss", [curve(1000)], x_title="step", revision="run-1"))
    assert sent["traces"][0]["y"]["dtype"] == "f4"
    assert sent["layout"]["uirevision"] == "run-1"
    assert sent["title"] == "Loss"
    assert len(json.dumps(sent)) < 20_000


def test_growing_data_changes_nothing_in_the_layout_that_would_undo_a_zoom() -> None:
    few, many = (
        charts.curves_figure("F1", [curve(n)], x_title="step", score=True, revision="r") for n in (10, 500)
    )
    assert few.layout == many.layout
    assert "range" not in few.layout["xaxis"]


def test_system_figure_names_its_unit() -> None:
    x = np.arange(5, dtype=np.float32)
    figure = drawn(charts.system_figure("Memory", "MB", {"a": (x, x), "b": (x, x + 1)}))
    assert figure.layout.yaxis.ticksuffix == " MB"
    assert len(figure.data) == 2


def test_panels_put_loss_first_and_the_main_metric_second() -> None:
    found = charts.panels(
        ["loss", "learning_rate", "grad_norm"], ["train_loss", "val_loss", "f1", "recall"], "f1"
    )
    assert [name for name, _ in found] == ["loss", "f1", "recall", "learning_rate", "grad_norm"]
    assert dict(found)["loss"] == ["loss", "train_loss", "val_loss"]


def test_empty_curves_make_an_empty_figure() -> None:
    empty = np.empty(0, dtype=np.float32)
    figure = drawn(
        charts.curves_figure(
            "F1", [Curve("validation", empty, empty, validation=True)], x_title="step", target=0.5
        )
    )
    assert figure.layout.shapes[0].line.color == theme.MUTED.light


def test_confusion_counts_stand_in_the_chart() -> None:
    counts = np.array([[5, 1], [0, 2]])
    figure = drawn(charts.confusion_figure(["pole", "nothing"], counts, "boxes"))
    assert list(figure.data[0].text[0]) == [5, 1]
    assert "boxes" in figure.data[0].hovertemplate
