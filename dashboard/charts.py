"""Charts as pure functions: arrays in, figure out. No Streamlit, no files, no colours of its own.

Figures carry the light colours; dashboard/live.py recolours them in the browser when the dark theme is on.
They are plain traces and layouts of the Plotly schema: the library's own figure objects check every value as
it is set, which costs a ticking page more than all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from tsdownsample import MinMaxLTTBDownsampler

from dashboard import theme

MAX_POINTS = 1500
"""Points a trace may have in the browser; more are thinned, minima, maxima and the last point kept."""

HEIGHT = 290

ORDER = ("general_spearman", "general_loss", "map50", "recall_by_label", "precision_by_label", "precision",
         "recall", "box_loss", "class_loss", "edge_loss")  # fmt: skip
"""Charts after the loss and the main metric, most telling first."""


@dataclass(frozen=True)
class Figure:
    """A chart: `plotly.graph_objects.Figure(figure.traces, figure.layout)` is the same as an object.

    Args:
        traces: Dicts of the Plotly schema; numbers are float32 arrays.
        layout: Dict of the Plotly schema.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Args:
        name: Legend entry.
        x: Steps or epochs, float32 (n,), ascending.
        y: Values, float32 (n,); NaN where there is none.
        validation: True for validation data (dashed), False for training data (solid).
        series: Which run it belongs to: index into `theme.SERIES`.
        best: Index of the best point, or None.
        colour: Light hex of a colour of its own (a label's); the run's colour without it.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    validation: bool = False
    series: int = 0
    best: int | None = None
    colour: str = ""

    @property
    def drawn_colour(self) -> str:
        """Light hex of the line."""
        return self.colour or theme.SERIES[self.series % len(theme.SERIES)].light


@dataclass(frozen=True)
class Thinned:
    """A curve reduced for drawing: `x`, `y` float32 and how many points were there before."""

    x: np.ndarray
    y: np.ndarray
    points: int = field(default=0)

    @property
    def reduced(self) -> bool:
        return self.x.size < self.points


def thin(x: np.ndarray, y: np.ndarray, limit: int = MAX_POINTS) -> Thinned:
    """Reduce a curve to at most `limit` points by MinMaxLTTB, keeping its first and last point.

    Args:
        x: (n,) ascending.
        y: (n,) values; points that are NaN are left out.
        limit: Largest number of points that come back, at least 4.
    """
    x = np.asarray(x, dtype=np.float32)
    y = np.asarray(y, dtype=np.float32)
    there = np.isfinite(y) & np.isfinite(x)
    x, y = np.ascontiguousarray(x[there]), np.ascontiguousarray(y[there])
    total = x.size
    if total <= limit:
        return Thinned(x, y, total)
    # The downsampler keeps the first and last index itself, but wants an even number of output points.
    picked = MinMaxLTTBDownsampler().downsample(x, y, n_out=limit - limit % 2)
    return Thinned(x[picked], y[picked], total)


def smooth(y: np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average with the bias at the start taken out.

    Args:
        y: (n,) values; NaN is passed through and does not count.
        weight: 0 (as it is) up to, not including, 1.

    Returns:
        (n,) float32.
    """
    y = np.asarray(y, dtype=np.float32)
    if weight <= 0 or y.size == 0:
        return y
    # `adjust` takes the bias at the start out; `ignore_na` lets gaps pass without counting.
    mean = (
        pd.Series(y.astype(np.float64)).ewm(alpha=1 - weight, adjust=True, ignore_na=True).mean().to_numpy()
    )
    return np.where(np.isfinite(y), mean, np.nan).astype(np.float32)


def best_index(y: np.ndarray, *, lower_is_better: bool = False) -> int | None:
    """Index of the best finite value, the first one of equals; None if there is none."""
    y = np.asarray(y, dtype=np.float32)
    if not np.isfinite(y).any():
        return None
    return int(np.nanargmin(y) if lower_is_better else np.nanargmax(y))


def curves_figure(
    title: str,
    curves: Sequence[Curve],
    *,
    x_title: str,
    smoothing: float = 0.0,
    target: float | None = None,
    target_of: str = "",
    target_word: str = "target",
    score: bool = False,
    revision: str = "",
) -> Figure:
    """Training (solid) and validation (dashed) curves, the target as a line, the best point named.

    Args:
        title: Heading of the chart.
        curves: What to draw.
        x_title: "step" or "epoch".
        smoothing: Weight for `smooth`, applied to training curves; the raw values stay as a faint line.
        target: Value of the target line; green once a validation curve has passed it.
        target_of: Name of the only curve that the target is for; all validation curves without it.
        target_word: What the line is called; a `floor` is not called met.
        score: True for a metric between 0 and 1: the axis then shows all of that range.
        revision: While it stays the same, the browser keeps the zoom.
    """
    many = len({curve.series for curve in curves}) > 1
    traces = [trace for curve in curves for trace in _curve_traces(curve, smoothing, many)]
    traces += [
        _best_trace(curve, x_title)
        for curve in curves
        if curve.best is not None and curve.best < curve.y.size
    ]
    layout = plain_layout(title, x_title, revision, legend=len(curves) > 1)
    # A range that is given anew on every tick would undo the user's zoom; the automatic one does not.
    layout["xaxis"]["rangemode"] = "tozero"
    if score:
        layout["yaxis"]["range"] = [0, 1.04]
    if target is not None:
        layout.update(_target_line(target, curves, target_of, target_word))
    return Figure(traces, layout)


def _curve_traces(curve: Curve, smoothing: float, many: bool) -> list[dict[str, Any]]:
    colour = curve.drawn_colour
    traces: list[dict[str, Any]] = []
    few = curve.x.size <= 40
    smoothed = smoothing > 0 and not curve.validation and curve.y.size > 2
    drawn = thin(curve.x, smooth(curve.y, smoothing) if smoothed else curve.y)
    if smoothed:
        raw = thin(curve.x, curve.y)
        traces.append(
            {"type": "scatter", "x": raw.x, "y": raw.y, "mode": "lines", "opacity": 0.25, "hoverinfo": "skip",
             "line": {"color": colour, "width": 1}, "showlegend": False}
        )  # fmt: skip
    trace = {
        "type": "scatter", "x": drawn.x, "y": drawn.y, "name": curve.name,
        "mode": "lines+markers" if few else "lines", "marker": {"size": 5, "color": colour},
        "line": {"color": colour, "width": 2, "dash": "dash" if curve.validation else "solid"},
        "showlegend": True, "hovertemplate": "%{y:.4g}",
    }  # fmt: skip
    if many:
        trace["legendgroup"] = curve.name
    return [*traces, trace]


def _target_line(target: float, curves: Sequence[Curve], of: str, word: str) -> dict[str, Any]:
    judged = [curve for curve in curves if curve.validation and of in ("", curve.name.rpartition(" · ")[2])]
    met = word == "target" and any(_shown_value(curve) > target for curve in judged)
    colour = theme.TARGET_MET.light if met else theme.MUTED.light
    return {
        "shapes": [
            {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": target, "y1": target,
             "line": {"color": colour, "width": 1.5, "dash": "dot"}}
        ],
        "annotations": [
            {"text": f"{of} {word} {target:.3g}".strip() + (" ✓ met" if met else ""),
             "font": {"color": colour, "size": 12},
             "xref": "x domain", "x": 0, "xanchor": "left", "yref": "y", "y": target, "yanchor": "bottom",
             "showarrow": False}
        ],
    }  # fmt: skip


def _shown_value(curve: Curve) -> float:
    """The value that counts against the target: at the best point where there is one, else the newest."""
    there = curve.y[np.isfinite(curve.y)]
    if curve.best is not None and curve.best < curve.y.size:
        return float(curve.y[curve.best])
    return float(there[-1]) if there.size else float("-inf")


def _best_trace(curve: Curve, x_title: str) -> dict[str, Any]:
    colour = curve.drawn_colour
    x, y = float(curve.x[curve.best]), float(curve.y[curve.best])
    return {
        "type": "scatter", "x": [x], "y": [y], "mode": "markers+text",
        "marker": {"symbol": "star", "size": 12, "color": colour}, "text": [f"best {y:.3f}"],
        "textposition": "top center", "textfont": {"color": colour, "size": 12}, "showlegend": False,
        "cliponaxis": False, "hovertemplate": f"best {y:.4g} at {x_title} {x:g}<extra></extra>",
    }  # fmt: skip


def system_figure(
    title: str, unit: str, columns: Mapping[str, tuple[np.ndarray, np.ndarray]], *, revision: str = ""
) -> Figure:
    """What the worker used of the machine over time.

    Args:
        title: Heading.
        unit: Unit of the values, for the axis.
        columns: Name → (minutes since the start (n,), values (n,)).
        revision: While it stays the same, the browser keeps the zoom.
    """
    traces = []
    for index, (name, (x, y)) in enumerate(columns.items()):
        drawn = thin(x, y)
        colour = theme.SERIES[index % len(theme.SERIES)].light
        traces.append(
            {"type": "scatter", "x": drawn.x, "y": drawn.y, "name": name, "mode": "lines",
             "line": {"color": colour, "width": 2}, "hovertemplate": "%{y:.4g} " + unit}
        )  # fmt: skip
    layout = plain_layout(title, "minutes", revision, legend=len(columns) > 1)
    layout["yaxis"].update(rangemode="tozero", ticksuffix=f" {unit}")
    return Figure(traces, layout)


SMALL_FONT = {"color": theme.MUTED.light, "size": 12}


def plain_layout(title: str, x_title: str, revision: str, *, legend: bool) -> dict[str, Any]:
    """The layout that all charts share.

    Args:
        title: Heading.
        x_title: Under the x axis.
        revision: While it stays the same, the browser keeps the zoom.
        legend: Show the names of the traces above the chart.
    """
    axis = {
        "gridcolor": theme.BORDER.light, "zeroline": False, "linecolor": theme.BORDER.light,
        "tickfont": SMALL_FONT, "automargin": True,
    }  # fmt: skip
    return {
        "xaxis": {**axis, "title": {"text": x_title, "font": SMALL_FONT}}, "yaxis": axis, "height": HEIGHT,
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "showlegend": legend,
        "margin": {"l": 8, "r": 16, "t": 62, "b": 8}, "hovermode": "x unified",
        "title": {"text": f"<b>{title}</b>", "font": {"size": 15, "color": theme.TEXT.light}, "x": 0,
                  "xref": "paper", "y": 0.98, "yanchor": "top"},
        "font": {"color": theme.TEXT.light, "size": 12},
        "hoverlabel": {"bgcolor": theme.PANEL.light, "font": {"color": theme.TEXT.light}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom",
                   "font": {"size": 12, "color": theme.TEXT.light}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": theme.MUTED.light, "activecolor": theme.TEXT.light},
        "uirevision": revision or title,
    }  # fmt: skip


def panels(
    step_names: Sequence[str], epoch_names: Sequence[str], main_metric: str
) -> list[tuple[str, list[str]]]:
    """Group metric names into charts: `train_loss`, `val_loss` and `loss` share one.

    Args:
        step_names: Metrics that step events carry.
        epoch_names: Metrics that epoch events carry.
        main_metric: It gets the second chart, after the loss.

    Returns:
        (base name, the metric names in it), most telling first.
    """
    groups: dict[str, list[str]] = {}
    for name in [*step_names, *epoch_names]:
        members = groups.setdefault(base_name(name), [])
        if name not in members:
            members.append(name)
    order = ["loss", main_metric, *ORDER, f"{main_metric}_by_label"]
    last = {"learning_rate": 1, "grad_norm": 2}
    return sorted(
        groups.items(),
        key=lambda item: (
            order.index(item[0]) if item[0] in order else len(order) + last.get(item[0], 0), item[0]
        ),
    )  # fmt: skip


def label_of(name: str) -> str:
    """The label that a metric is about (`crossarm_recall` → `crossarm`), or an empty string."""
    first, last = name.partition("_")[0], name.rpartition("_")[2]
    return next((part for part in (last, first) if part != name and part in theme.LABELS), "")


def base_name(name: str) -> str:
    """`val_loss` → `loss`: the metric without the word for the data it was measured on.

    A figure of one label shares a chart with the other labels: `f1_MEASURE` and `pole_f1` → `f1_by_label`.
    """
    label = label_of(name)
    if label:
        return f"{name.removesuffix('_' + label).removeprefix(label + '_')}_by_label"
    for prefix in ("train_", "val_", "eval_"):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name
