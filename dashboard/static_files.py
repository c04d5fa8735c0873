"""Puts plotly.min.js of the installed plotly package where Streamlit serves static files from.

The copy carries plotly's version in its name, so that a browser never keeps an old one after an upgrade.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
from pathlib import Path

from core.errors import NexaError
from core.workspace import write_bytes_atomic

STATIC_DIR = Path(__file__).resolve().parent / "static"


@functools.cache
def plotly_js_name() -> str:
    """File name of the served chart library, for example `plotly-7.1.0.min.js`."""
    return f"plotly-{importlib.metadata.version('plotly')}.min.js"


def packaged_plotly_js() -> Path:
    """The chart library inside the installed plotly package, found without importing plotly."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise NexaError("The package 'plotly' is not installed.", "Run: pip install -r requirements.txt")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def ensure_plotly_js(folder: Path = STATIC_DIR) -> Path:
    """Copy the chart library into `folder` unless this version is there already.

    Two dashboards that start at once both write the same bytes under a temporary name and rename.

    Raises:
        NexaError: If the library is missing from the plotly package or the folder cannot be written.
    """
    target = folder / plotly_js_name()
    if target.is_file():
        return target
    source = packaged_plotly_js()
    try:
        write_bytes_atomic(target, source.read_bytes())
    except OSError as error:
        raise NexaError(
            f"The chart library could not be copied to {str(folder)!r}: {error.strerror or error}.",
            "Make the folder writable and reload the page.",
        ) from error
    for old in folder.glob("plotly-*.min.js"):
        if old.name != target.name:
            old.unlink(missing_ok=True)
    return target
