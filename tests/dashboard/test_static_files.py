"""The served chart library: there once, of the right version, written in one piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import NexaError
from dashboard import static_files


def test_the_library_is_copied_once_and_old_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "static"
    folder.mkdir(parents=True)
    (folder / "plotly-0.0.1.min.js").write_text("old", encoding="utf-8")
    target = static_files.ensure_plotly_js(folder)
    assert target.read_bytes() == static_files.packaged_plotly_js().read_bytes()
    assert [path.name for path in folder.iterdir()] == [static_files.plotly_js_name()]
    before = target.stat().st_mtime_ns
    assert static_files.ensure_plotly_js(folder) == target
    assert target.stat().st_mtime_ns == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(NexaError, match="could not be copied"):
        static_files.ensure_plotly_js(blocked / "static")


def test_the_page_asks_for_the_file_that_is_served() -> None:
    script = (Path(static_files.__file__).parent / "live_chart.js").read_text(encoding="utf-8")
    assert "'app/static/' + name" in script
    assert static_files.STATIC_DIR.parent == Path(static_files.__file__).parent
