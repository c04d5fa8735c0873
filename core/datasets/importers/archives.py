"""Unpacking archives from strangers: nothing leaves its folder, nothing grows without end, no links, no
programs.

What the files inside mean is the importers' business.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from core.errors import DatasetError

MOST_FILES = 200_000
MOST_BYTES = 20 * 1024**3
# Photos and text shrink to a third at best; a bomb shrinks a thousandfold.
MOST_RATIO = 120
_FREE_RATIO_BYTES = 1 << 20
_CHUNK = 1 << 20


def unpack(
    source: Path | bytes, folder: Path, *, name: str, suffixes: Collection[str]
) -> list[tuple[str, str]]:
    """Unpack a zip archive into an empty folder.

    Args:
        source: The archive or its bytes.
        folder: Where to; made if it is not there.
        name: What errors call the archive.
        suffixes: Endings of the files that are wanted, lower case with dot; others are left out silently.

    Returns:
        `(file, reason)` of each file that was refused.

    Raises:
        DatasetError: If it is no zip archive, is damaged, encrypted, or far too large unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            return _unpack(archive, folder, name, suffixes)
    except zipfile.BadZipFile as error:
        raise DatasetError(
            f"{name!r} is no zip archive or is damaged: {error}.", "Pack the folder again as .zip."
        ) from None


def _unpack(
    archive: zipfile.ZipFile, folder: Path, name: str, suffixes: Collection[str]
) -> list[tuple[str, str]]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise DatasetError(f"{name!r} holds {len(entries):,} files; expected at most {MOST_FILES:,}.")
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    refused, total = [], 0
    for entry in entries:
        place = _place(entry.filename)
        if place is None:
            refused.append((entry.filename[:120], "its path leads out of the archive"))
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            refused.append((entry.filename[:120], "it is a link"))
            continue
        if place.suffix.lower() not in suffixes or place.name.startswith("."):
            continue
        if entry.flag_bits & 1:
            raise DatasetError(f"{name!r} is encrypted.", "Unpack it yourself and import the folder.")
        target = root.joinpath(*place.parts)
        if not target.resolve().is_relative_to(root):
            refused.append((entry.filename[:120], "its path leads out of the archive"))
            continue
        # What the header says is not to be trusted: the size is counted while unpacking.
        limit = max(_FREE_RATIO_BYTES, entry.compress_size * MOST_RATIO)
        try:
            size = _write(archive, entry, target, min(limit, MOST_BYTES - total))
        except _TooLarge:
            if total + limit >= MOST_BYTES:
                raise DatasetError(
                    f"{name!r} is larger than {MOST_BYTES / 1024**3:.0f} GB unpacked.", "Split it."
                ) from None
            refused.append(
                (entry.filename[:120], f"it grows more than {MOST_RATIO} times when unpacked (a zip bomb)")
            )
            continue
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
            refused.append((entry.filename[:120], f"it cannot be unpacked ({type(error).__name__})"))
            target.unlink(missing_ok=True)
            continue
        total += size
    return refused


class _TooLarge(Exception):
    pass


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, limit: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(entry) as reader, target.open("wb") as writer:
        while piece := reader.read(_CHUNK):
            size += len(piece)
            if size > limit:
                break
            writer.write(piece)
    if size > limit:
        target.unlink()
        raise _TooLarge
    return size


def _place(name: str) -> PurePosixPath | None:
    """The path of an entry inside the archive, or None if it would leave it."""
    path = PurePosixPath(name.replace("\\", "/"))
    bad = path.is_absolute() or any(part == ".." or ":" in part or "\0" in part for part in path.parts)
    return None if bad or not path.parts else path
