"""Writes the scripts that fetch photos of utility poles from outside. Nothing is fetched here."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from core.errors import InputError
from core.workspace import DATA_DIR, PROJECT_ROOT

NAMES = ("download_crossarm_data.sh", "download_crossarm_data.ps1")
PROJECT = "utility-poles"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


def write_download_scripts(
    folder: Path, *, workspace: str = "", project: str = PROJECT, version: int = 1
) -> list[Path]:
    """Write `download_crossarm_data.sh` and `.ps1`, ready to run.

    The scripts take the API key from the environment only, show the licence, go on after an interruption,
    check what arrived and import it with `python -m core import yolo`.

    Args:
        folder: Where to.
        workspace: First part of the data set's address on Roboflow; empty to name it when the script runs.
        project: Second part of the address.
        version: Version of the data set, from 1.

    Returns:
        The two files.

    Raises:
        InputError: If a name is not usable.
    """
    for value, what in ((workspace or "x", "workspace"), (project, "project")):
        if not _PLAIN.fullmatch(value):
            raise InputError(
                f"{value!r} is not a {what} on Roboflow.", "Copy it from the data set's address."
            )
    if version < 1:
        raise InputError(f"{version} is not a version of a data set.", "Give 1 or more.")
    values = {
        "STUDIO": str(PROJECT_ROOT), "PYTHON": sys.executable, "SPACE": workspace, "PROJECT": project,
        "VERSION": str(version),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in NAMES:
        text = (DATA_DIR / "yolo" / name).read_text(encoding="utf-8")
        shell = name.endswith(".sh")
        for key, value in values.items():
            text = text.replace(f"@{key}@", _quoted_for_sh(value) if shell else _quoted_for_powershell(value))
        target = folder / name
        # Windows PowerShell reads a script without this mark in the system's old code page.
        target.write_text(text, encoding="utf-8" if shell else "utf-8-sig", newline="\n" if shell else "\r\n")
        if shell:
            target.chmod(0o755)
        written.append(target)
    return written


def _quoted_for_powershell(value: str) -> str:
    # Inside '...': PowerShell takes the typographer's quotes for plain ones, and two of them for one.
    return re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value)


def _quoted_for_sh(value: str) -> str:
    # Inside ${NAME:-...}: a backslash before everything that the shell would read as more than a letter.
    return re.sub(r"([^A-Za-z0-9_./-])", r"\\\1", value)
