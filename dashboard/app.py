"""Entry of the dashboard: `streamlit run dashboard/app.py` from the root of the repository.

Only navigation and the style sheet live here; every page is one script under pages/.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Streamlit puts the folder of this file on the path, not the repository root that `core` lies in.
_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from core.openmp import wait_a_moment  # noqa: E402

# Before any library with threads is loaded.
wait_a_moment(os.environ)

TITLE = "NEXA Fine-Tuning Studio"


def main() -> None:
    """Draw the navigation and run the chosen page."""
    # Imported here because processes that render scenes read this file too, and need none of it.
    import streamlit as st

    from dashboard import nav, theme
    from dashboard.static_files import ensure_plotly_js

    icon = str(Path(__file__).parent / "icon.svg")
    st.set_page_config(page_title=TITLE, page_icon=icon, layout="wide", initial_sidebar_state=230)
    st.logo(icon, size="large")
    st.html(f"<style>{theme.stylesheet()}</style>")
    with nav.guard("Preparing the charts"):
        ensure_plotly_js()
    pages = [
        st.Page(nav.path(name), title=title, icon=icon, url_path="" if name == "overview" else name,
                default=name == "overview")
        for name, (title, icon) in nav.PAGES.items()
    ]  # fmt: skip
    page = st.navigation({TITLE: pages})
    with nav.guard("This page"):
        page.run()


# A process that was spawned from the dashboard imports its script under this name.
if __name__ != "__mp_main__":
    main()
