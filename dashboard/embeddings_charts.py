"""Charts of similarities as pure functions: predicted against given, grades in columns, passages as a map."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import shorten, wrap
from typing import Any

import numpy as np

from dashboard import theme
from dashboard.charts import SMALL_FONT, Figure, plain_layout

FAR = 0.25
"""A score further than this from its grade is drawn as a miss."""
MAX_POINTS = 2000
"""Points of a scatter that reach the browser; of more an even choice is shown."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")


def picked(count: int, limit: int = MAX_POINTS) -> np.ndarray:
    """Indexes of at most `limit` of `count` things, evenly over all of them."""
    return (
        np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int)) if count else np.arange(0)
    )


def hover(text: str, width: int = 64) -> str:
    """A text for the pointer: escaped, in lines, cut after some of them."""
    return "<br>".join(escape(line) for line in wrap(shorten(text, 320, placeholder=" …"), width))


def scatter_figure(
    points: Sequence[Sequence[Any]], pairs: Sequence[tuple[str, str]], title: str, *, revision: str = ""
) -> Figure:
    """Scores (up) over grades (right); a pair on the diagonal is scored as it was graded.

    Args:
        points: `[grade, score, kind]` for each pair, 0 to 1.
        pairs: The two texts of each pair, for the words under the pointer.
        title: Heading.
        revision: While it stays the same, the browser keeps the zoom.
    """
    chosen = picked(len(points))
    given = np.array([points[n][0] for n in chosen], np.float32)
    found = np.array([points[n][1] for n in chosen], np.float32)
    said = [
        f"<b>{escape(str(points[n][2]))}</b><br>{hover(pairs[n][0])}<br>–<br>{hover(pairs[n][1])}"
        for n in chosen
    ]
    far = np.abs(given - found) > FAR
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "x": [0, 1], "y": [0, 1], "mode": "lines", "hoverinfo": "skip",
         "showlegend": False, "line": {"color": theme.MUTED.light, "width": 1, "dash": "dot"}}
    ]  # fmt: skip
    for misses, name, colour, symbol in (
        (False, f"within {FAR:g}", theme.SERIES[1].light, "circle"),
        (True, f"✗ more than {FAR:g} apart", theme.FAILED.light, "x"),
    ):
        own = np.flatnonzero(far == misses)
        traces.append(
            {"type": "scatter", "x": given[own], "y": found[own], "mode": "markers", "name": name,
             "marker": {"color": colour, "symbol": symbol, "size": 7, "opacity": 0.55},
             "text": [said[n] for n in own],
             "hovertemplate": "given %{x:.2f}, predicted %{y:.2f}<br>%{text}<extra></extra>"}
        )  # fmt: skip
    layout = plain_layout(title, "given", revision, legend=True)
    layout["xaxis"]["range"] = layout["yaxis"]["range"] = [-0.03, 1.05]
    layout["yaxis"]["title"] = {"text": "predicted", "font": SMALL_FONT}
    layout.update(height=380, hovermode="closest")
    return Figure(traces, layout)


def grades_html(grades: Sequence[float], bins: int = 20) -> str:
    """How often each grade occurs: a row of columns from 0 to 1 with the numbers under it.

    Args:
        grades: 0 to 1.
        bins: Columns.
    """
    counts, _ = np.histogram(np.asarray(grades, float), bins=bins, range=(0.0, 1.0))
    most = max(1, int(counts.max(initial=0)))
    columns = "".join(
        f'<span style="height:{100 * count / most:.1f}%" title="{number / bins:.2f} to '
        f'{(number + 1) / bins:.2f}: {count:,} pairs"></span>'
        for number, count in enumerate(counts)
    )
    return (
        f'<div class="nx-grades" role="img" aria-label="histogram of grades">{columns}</div>'
        '<div class="nx-scale"><span>0 nothing in common</span><span>0.5</span>'
        "<span>1 the same requirement</span></div>"
    )


def map_figure(
    title: str, points: np.ndarray, groups: Sequence[str], said: Sequence[str], *, revision: str = ""
) -> Figure:
    """Passages as points, coloured by section.

    Args:
        title: Heading.
        points: (N, 2).
        groups: Section of each passage; a group keeps its colour and symbol on every map of the same groups.
        said: What stands under the pointer, HTML made by `hover`.
        revision: While it stays the same, the browser keeps the zoom.
    """
    traces = []
    for number, name in enumerate(dict.fromkeys(sorted(groups))):
        own = np.array([n for n, group in enumerate(groups) if group == name])
        colour = theme.SERIES[number % len(theme.SERIES)].light
        symbol = SYMBOLS[number // len(theme.SERIES) % len(SYMBOLS)]
        traces.append(
            {"type": "scatter", "x": np.asarray(points[own, 0], np.float32),
             "y": np.asarray(points[own, 1], np.float32), "mode": "markers",
             "name": escape(shorten(name.rpartition(" › ")[2], 30, placeholder=" …")),
             "marker": {"color": colour, "symbol": symbol, "size": 8, "opacity": 0.8},
             "text": [said[n] for n in own], "hovertemplate": "%{text}<extra></extra>"}
        )  # fmt: skip
    layout = plain_layout(title, "", revision, legend=True)
    for axis in ("xaxis", "yaxis"):
        layout[axis] = {**layout[axis], "showticklabels": False, "title": {"text": ""}}
    layout["yaxis"].update(scaleanchor="x", scaleratio=1)
    # The names stand under the map: above it they would take half of it.
    layout["legend"] = {**layout["legend"], "y": -0.02, "yanchor": "top"}
    layout.update(height=560, hovermode="closest")
    return Figure(traces, layout)
