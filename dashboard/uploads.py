"""Uploads: out of the server's memory onto the disk at once, under names that cannot do harm."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from core.errors import InputError
from core.workspace import Workspace
from dashboard.words import plain

KEPT_SECONDS = 3 * 86400.0
"""Uploads that were neither saved nor removed are deleted after this time."""

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def plain_stem(name: str) -> str:
    """A file's name without its ending, of letters, digits, `.`, `_` and `-` only; may be empty."""
    return _PLAIN.sub("-", Path(name).stem).strip("-.")


def to_disk(name: str, stream: BinaryIO) -> Path:
    """Put an upload into the workspace's scratch, in a folder named by its content.

    Args:
        name: As the browser sent it.
        stream: The upload; it is read from its start.
    """
    _sweep(Workspace.current().scratch)
    stream.seek(0)
    folder = Workspace.current().scratch / f"upload-{hashlib.file_digest(stream, 'sha256').hexdigest()[:16]}"
    target = folder / (_PLAIN.sub("-", Path(name).name).strip("-.")[-80:] or "upload")
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        stream.seek(0)
        with part.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        part.replace(target)
    return target


def _sweep(scratch: Path) -> None:
    """Delete uploads that nobody came back for."""
    for folder in scratch.glob("upload-*"):
        try:
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            # Another session was quicker.
            continue


def collect(
    label: str,
    key: str,
    types: list[str],
    *,
    limit_mb: int,
    clean: Callable[[Path], Path] | None = None,
    help: str | None = None,
) -> list[Path]:
    """An uploader whose files go to the disk as soon as they arrive and leave the server's memory.

    Args:
        label: Text above it.
        key: Name of the list; the same name gives the same files until `forget`.
        types: File endings without dot.
        limit_mb: Largest file in MB.
        clean: Checks a file that has arrived and gives the file to keep; raises InputError to refuse it.
        help: Text of the question mark.

    Returns:
        The files on disk, in the order in which they came.
    """
    kept: list[str] = st.session_state.setdefault(f"kept-{key}", [])
    number = st.session_state.setdefault(f"uploader-{key}", 0)
    files = st.file_uploader(
        label, type=types, accept_multiple_files=True, key=f"{key}-{number}", max_upload_size=limit_mb,
        help=help,
    )  # fmt: skip
    if files:
        refused: list[tuple[str, str]] = st.session_state.setdefault(f"refused-{key}", [])
        refused.clear()
        for file in files:
            path = to_disk(file.name, file)
            try:
                path = clean(path) if clean else path
            except InputError as error:
                path.unlink(missing_ok=True)
                refused.append((error.message, error.hint))
                continue
            if str(path) not in kept:
                kept.append(str(path))
        # Another key is an empty uploader: the server lets go of the bytes.
        st.session_state[f"uploader-{key}"] = number + 1
        st.rerun()
    for message, hint in st.session_state.get(f"refused-{key}", []):
        st.warning(f"{plain(message)}  \n{plain(hint)}", icon=":material/block:")
    kept[:] = [path for path in kept if Path(path).is_file()]
    return [Path(path) for path in kept]


def forget(key: str, paths: list[Path] | None = None) -> None:
    """Take files out of a list of `collect` and off the disk; all of them without `paths`."""
    kept: list[str] = st.session_state.get(f"kept-{key}", [])
    st.session_state.pop(f"refused-{key}", None)
    gone = {str(path) for path in paths} if paths is not None else set(kept)
    st.session_state[f"kept-{key}"] = [path for path in kept if path not in gone]
    for path in gone:
        Path(path).unlink(missing_ok=True)
