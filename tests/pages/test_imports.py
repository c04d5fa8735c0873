"""What the dashboard may not load, and how it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from streamlit.testing.v1 import AppTest
from dashboard import nav
for page in nav.PAGES:
    at = AppTest.from_file("dashboard/app.py", default_timeout=60)
    if page != "overview":
        at.switch_page(str(nav.path(page)))
    at.run()
    assert not at.exception, (page, at.exception)
heavy = {"torch", "transformers", "peft", "ultralytics"}
print(",".join(sorted({name.split(".")[0] for name in sys.modules} & heavy)))
"""


def run_python(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_no_page_loads_torch(workspace) -> None:
    done = run_python(SCRIPT, ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == ""


def test_the_entry_finds_core_when_only_its_own_folder_is_on_the_path(workspace, tmp_path) -> None:
    folder = ROOT / "dashboard"
    script = (
        f"import sys, runpy; sys.path[:] = [p for p in sys.path if p not in ('', {str(ROOT)!r})];"
        f"sys.path.insert(0, {str(folder)!r}); runpy.run_path({str(folder / 'app.py')!r}, run_name='entry')"
    )
    done = run_python(script, tmp_path)
    assert "No module named" not in done.stderr
    assert done.returncode == 0, done.stderr[-2000:]
