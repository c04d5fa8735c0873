"""Charts of a scored pass as pure functions: what was marked instead, precision over recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dashboard import theme
from dashboard.charts import SMALL_FONT, Figure, plain_layout


def confusion_figure(labels: Sequence[str], counts: np.ndarray, things: str = "spans") -> Figure:
    """What was marked (columns) against what is there (rows), as counts.

    Args:
        labels: Names of rows and columns, (k,); the last one stands for "nothing".
        counts: (k, k) integers.
        things: What is counted, for the words under the pointer.
    """
    counts = np.asarray(counts)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    trace = {
        "type": "heatmap", "z": share.tolist(), "x": list(labels), "y": list(labels), "text": counts.tolist(),
        "texttemplate": "%{text}", "showscale": False, "zmin": 0, "zmax": 1, "xgap": 2, "ygap": 2,
        "colorscale": [[0, theme.BACKGROUND.light], [1, theme.GENERATED.light]],
        "hovertemplate": f"there: %{{y}}<br>marked: %{{x}}<br>%{{text}} {things}<extra></extra>",
    }  # fmt: skip
    layout = plain_layout("What was marked instead", "marked as", "", legend=False)
    layout["yaxis"].update(autorange="reversed", title={"text": "there is", "font": SMALL_FONT})
    layout.update(height=330, hovermode="closest", margin={**layout["margin"], "l": 100})
    return Figure([trace], layout)


def precision_recall_figure(
    classes: Mapping[str, Mapping[str, Sequence[float]]], confidence: float, *, revision: str = ""
) -> Figure:
    """Precision over recall for each class, with a mark where the threshold in force stands.

    Args:
        classes: Label → `recall`, `precision`, `confidence` of equal length, confidence descending.
        confidence: The threshold in force, 0 to 1.
        revision: While it stays the same, the browser keeps the zoom.
    """
    traces: list[dict[str, Any]] = []
    for label, curve in classes.items():
        recall, precision, marks = (
            np.asarray(curve[key], np.float32) for key in ("recall", "precision", "confidence")
        )
        if not recall.size:
            continue
        colour = theme.label_colour(label).light
        traces.append(
            {"type": "scatter", "x": recall, "y": precision, "customdata": marks, "name": label,
             "mode": "lines",
             "line": {"color": colour, "width": 2}, "legendgroup": label,
             "hovertemplate": "recall %{x:.3f}, precision %{y:.3f} at confidence %{customdata:.2f}"}
        )  # fmt: skip
        shown = np.flatnonzero(marks >= confidence)
        if shown.size:
            at = int(shown[-1])
            traces.append(
                {"type": "scatter", "x": recall[at : at + 1], "y": precision[at : at + 1], "mode": "markers",
                 "marker": {"symbol": "circle", "size": 11, "color": colour}, "showlegend": False,
                 "legendgroup": label, "hovertemplate": f"{label} at {confidence:.2f}<extra></extra>"}
            )  # fmt: skip
    layout = plain_layout("Precision and recall", "recall", revision, legend=True)
    layout["xaxis"]["range"] = layout["yaxis"]["range"] = [0, 1.04]
    layout["yaxis"]["title"] = {"text": "precision", "font": SMALL_FONT}
    layout.update(height=330, hovermode="closest")
    return Figure(traces, layout)
