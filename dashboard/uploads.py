"""Uploads: out of the server's memory onto the disk at once, under names that cannot do harm."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import BinaryIO

from core.workspace import Workspace

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
