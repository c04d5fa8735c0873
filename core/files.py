"""Small file habits that datasets and models share: hashing, flushing to disk, moving a folder into place.

Formats and folder layouts belong to the rooms that own them; single files are replaced in workspace.py.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

_CHUNK = 1 << 20
_STALE_SECONDS = 24 * 3600


def utc_now() -> str:
    """The present moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def sha256_file(path: Path) -> str:
    """The sha256 of a file as 64 hex digits, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def copy_hashed(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file to disk for good and return (sha256, bytes) of what was written."""
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest(), size


def write_synced(path: Path, payload: bytes) -> None:
    """Write a new file and flush it to the disk; for files inside a folder that nobody sees yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to the disk where the system can do that (Windows cannot)."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_folder(source: Path, target: Path) -> None:
    """Rename a finished folder to its place in one step.

    Raises:
        FileExistsError: If `target` is there already; it stays as it is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(20):
        if target.exists():
            raise FileExistsError(errno.EEXIST, "The folder is there already", str(target))
        try:
            source.rename(target)
            break
        except PermissionError:
            # Windows refuses while a scanner or a reader holds a file of the folder for a moment.
            if os.name != "nt" or attempt == 19:
                raise
            time.sleep(0.05)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                raise FileExistsError(errno.EEXIST, "The folder is there already", str(target)) from error
            raise
    sync_folder(target.parent)


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """An empty folder in `parent` that is gone afterwards, unless it was moved into its place.

    Folders of the same prefix that a crash left more than a day ago are removed first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    oldest = time.time() - _STALE_SECONDS
    for left in parent.glob(f"{prefix}-*"):
        try:
            if left.stat().st_mtime < oldest:
                shutil.rmtree(left, ignore_errors=True)
        except FileNotFoundError:
            continue
    folder = parent / f"{prefix}-{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
