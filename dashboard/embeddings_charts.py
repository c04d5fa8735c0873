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
SIGNS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "cross": "✚"}
SYMBOLS = tuple(SIGNS)


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


def looks(groups: Sequence[str]) -> dict[str, tuple[theme.Colour, str]]:
    """Colour and symbol of each group, the same for the same groups.

    Args:
        groups: Names, with repetitions.
    """
    return {
        name: (theme.SERIES[number % len(theme.SERIES)], SYMBOLS[number // len(theme.SERIES) % len(SYMBOLS)])
        for number, name in enumerate(dict.fromkeys(sorted(groups)))
    }


def map_figure(
    title: str, points: np.ndarray, groups: Sequence[str], said: Sequence[str], *, revision: str = ""
) -> Figure:
    """Passages as points; what colour and symbol mean stands in `map_legend_html`.

    Args:
        title: Heading.
        points: (N, 2).
        groups: Section of each passage.
        said: What stands under the pointer, HTML made by `hover`.
        revision: While it stays the same, the browser keeps the zoom.
    """
    traces = []
    for name, (colour, symbol) in looks(groups).items():
        own = np.array([n for n, group in enumerate(groups) if group == name])
        traces.append(
            {"type": "scatter", "x": np.asarray(points[own, 0], np.float32),
             "y": np.asarray(points[own, 1], np.float32), "mode": "markers", "name": escape(name),
             "marker": {"color": colour.light, "symbol": symbol, "size": 8, "opacity": 0.8},
             "text": [said[n] for n in own], "hovertemplate": "%{text}<extra></extra>"}
        )  # fmt: skip
    layout = plain_layout(title, "", revision, legend=False)
    for axis in ("xaxis", "yaxis"):
        layout[axis] = {**layout[axis], "showticklabels": False, "title": {"text": ""}}
    layout["yaxis"].update(scaleanchor="x", scaleratio=1)
    layout.update(height=440, hovermode="closest", margin={**layout["margin"], "t": 44})
    return Figure(traces, layout)


def map_legend_html(groups: Sequence[str]) -> str:
    """The groups of a map with colour, symbol and number of passages; only the last heading is named.

    Args:
        groups: Section of each passage.
    """
    items = []
    for name, (colour, symbol) in looks(groups).items():
        last = shorten(name.rpartition(" › ")[2], 40, placeholder=" …")
        sign = f'<b style="color:{colour.css}">{SIGNS[symbol]}</b>'
        items.append(f"<span>{sign} {escape(last)} {list(groups).count(name):,}</span>")
    return f'<div class="nx-legend">{"".join(items)}</div>'
