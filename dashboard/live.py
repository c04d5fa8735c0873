"""A Plotly chart that keeps its place and zoom while its data grows.

`st.plotly_chart` mounts a new chart on every change, so it flickers and loses the zoom in a ticking fragment.
This component hands new data to the chart that is there (`Plotly.react`) and recolours it for the theme.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard import theme
from dashboard.static_files import plotly_js_name

if TYPE_CHECKING:
    from dashboard.charts import Figure

_CONFIG = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}

_JS = (Path(__file__).parent / "live_chart.js").read_text(encoding="utf-8")

_component = st.components.v2.component("nexa_chart", js=_JS, html="<div></div>", isolate_styles=False)


def payload(figure: Figure) -> dict[str, Any]:
    """What the browser gets: traces and layout (numbers as base64 float32), and the dark colours."""
    return {
        "traces": [{key: _packed(value) for key, value in trace.items()} for trace in figure.traces],
        "layout": figure.layout,
        "title": re.sub("<[^>]*>", "", figure.layout["title"]["text"]),
        "dark": theme.dark_of_light(),
        "library": plotly_js_name(),
        "config": _CONFIG,
    }


def _packed(value: Any) -> Any:
    """An array as the chart library takes it without parsing numbers; everything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    little = np.ascontiguousarray(value, dtype="<f4")
    return {"dtype": "f4", "bdata": base64.b64encode(little).decode("ascii")}


def chart(figure: Figure, key: str) -> None:
    """Draw a figure; calling again with the same `key` updates it in place.

    Args:
        figure: Made by dashboard/charts.py.
        key: Unique on the page and the same on every tick.
    """
    _component(data=payload(figure), key=key)
