"""Spec libraries on disk: passages once, vectors for each model apart, search over both.

`<workspace>/libraries/<name>@<hash8>/` holds library.json, chunks.jsonl and
`vectors/<model key>.safetensors`. Vectors of two models never meet: a vector file says whose it is and of
which passages, and an index (index.py) knows it, too. Reading specifications is chunks.py, changing over to
another model reembed.py.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from core.embeddings.chunks import SHIPPED, Chunk, read_document
from core.embeddings.index import Index
from core.errors import DatasetError, InputError, IntegrityError, NotFoundError, StateError
from core.files import move_folder, scratch_folder, sha256_file, utc_now
from core.workspace import Workspace, checked_id, read_json, write_bytes_atomic, write_json_atomic

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel

Progress = Callable[[int, int], None]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
SHIPPED_NAME = "sample-specs"
# Counts up when texts are prepared for encoding in another way: vectors made before are then made anew.
_VECTORS = 3


@dataclass(frozen=True)
class Library:
    """One stored library.

    Args:
        id: `<name>@<hash8>`.
        name: The user's name for it.
        path: Its folder.
        chunks: Number of passages.
        sources: File names.
        notices: What could not be read.
        created: When it was imported.
        sha256: Hash of its passages.
    """

    id: str
    name: str
    path: Path
    chunks: int
    sources: tuple[str, ...]
    notices: tuple[str, ...]
    created: str
    sha256: str


def root(ws: Workspace) -> Path:
    """Where libraries lie."""
    return ws.root / "libraries"


def import_library(
    paths: Sequence[Path | str | tuple[str, bytes]], *, name: str = "", ws: Workspace | None = None
) -> Library:
    """Read specifications and store their passages; the same files again give the same library.

    Args:
        paths: Files, or (name, bytes) pairs.
        name: Name of the library; made from the first file if empty.
        ws: The workspace; the current one without it.

    Raises:
        DatasetError: If a file cannot be read; nothing is stored then.
    """
    if not paths:
        raise DatasetError("No file was named.", "Choose at least one specification.")
    chunks: list[Chunk] = []
    notices: list[str] = []
    sources = []
    for path in paths:
        filename, content = path if isinstance(path, tuple) else (Path(path).name, Path(path))
        document = read_document(content, filename=filename)
        chunks += document.chunks
        notices += document.notices
        sources.append(filename)
    return store_library(chunks, name=name or _plain(sources[0]), sources=sources, notices=notices, ws=ws)


def store_library(
    chunks: Sequence[Chunk],
    *,
    name: str,
    sources: Sequence[str],
    notices: Sequence[str] = (),
    ws: Workspace | None = None,
) -> Library:
    """Freeze passages as a library.

    Raises:
        DatasetError: If the name cannot be used, or there are no passages.
    """
    if not chunks:
        raise DatasetError("There are no passages to store.", "Choose a specification with sentences.")
    ws = ws or Workspace.current()
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"{name!r} is no name for a library.", "Use letters, digits, '.', '_' and '-', at most 80."
        )
    lines = [json.dumps(asdict(chunk), ensure_ascii=False, sort_keys=True) for chunk in chunks]
    payload = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
    sha256 = hashlib.sha256(payload).hexdigest()
    target = root(ws) / f"{name}@{sha256[:8]}"
    if target.exists() and not _sound(target.name, ws):
        _remove(target, ws)
    if not target.exists():
        with scratch_folder(ws.scratch, "library") as folder:
            write_bytes_atomic(folder / "chunks.jsonl", payload)
            write_json_atomic(
                folder / "library.json",
                {
                    "id": target.name,
                    "name": name,
                    "chunks": len(chunks),
                    "sources": list(sources),
                    "notices": list(notices),
                    "created": utc_now(),
                    "sha256": sha256,
                },
            )
            with contextlib.suppress(FileExistsError):  # another process has just finished the same library
                move_folder(folder, target)
    return get_library(target.name, ws=ws)


def _sound(library_id: str, ws: Workspace) -> bool:
    try:
        read_chunks(get_library(library_id, ws=ws))
    except (IntegrityError, NotFoundError):
        return False
    return True


def _remove(path: Path, ws: Workspace) -> None:
    # Out of sight in one step, so that a crash leaves the whole library or none.
    with scratch_folder(ws.scratch, "library") as folder:
        move_folder(path, folder / path.name)


def list_libraries(*, ws: Workspace | None = None) -> list[Library]:
    """All readable libraries, newest first."""
    ws = ws or Workspace.current()
    found = []
    for path in root(ws).iterdir() if root(ws).is_dir() else []:
        try:
            found.append(get_library(path.name, ws=ws))
        except (NotFoundError, InputError, IntegrityError):
            continue
    return sorted(found, key=lambda library: (library.created, library.id), reverse=True)


def get_library(library_id: str, *, ws: Workspace | None = None) -> Library:
    """The library with this id.

    Raises:
        NotFoundError: If there is none.
        IntegrityError: If its description is damaged.
    """
    path = root(ws or Workspace.current()) / checked_id(library_id, "library id")
    try:
        card = read_json(path / "library.json")
        return Library(
            str(card["id"]),
            str(card["name"]),
            path,
            int(card["chunks"]),
            tuple(card["sources"]),
            tuple(card["notices"]),
            str(card["created"]),
            str(card["sha256"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"There is no library {library_id!r}.", "Import a specification first.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"The description of library {library_id!r} is damaged: {error}.", "Import it again."
        ) from error


def find_library(ref: str, *, ws: Workspace | None = None) -> Library:
    """The library that a person means: `shipped`, an id, or a name (then the newest of that name).

    Raises:
        NotFoundError: If there is none; the message lists what there is.
    """
    if ref == "shipped":
        return shipped_library(ws=ws)
    found = list_libraries(ws=ws)
    match = next((one for one in found if ref in (one.id, one.name)), None)
    if match is None:
        known = ", ".join(["shipped", *(one.id for one in found)])
        raise NotFoundError(f"There is no library {ref!r}.", f"Choose one of: {known}.")
    return match


def shipped_library(*, ws: Workspace | None = None) -> Library:
    """The spec library that ships, stored in the workspace on first use."""
    return import_library(sorted(SHIPPED.glob("*.md")), name=SHIPPED_NAME, ws=ws)


def delete_library(library_id: str, *, ws: Workspace | None = None) -> None:
    """Delete a library with all its vectors.

    Raises:
        NotFoundError: If there is none.
    """
    ws = ws or Workspace.current()
    _remove(get_library(library_id, ws=ws).path, ws)


def read_chunks(library: Library) -> list[Chunk]:
    """The passages of a library in order.

    Raises:
        IntegrityError: If the file is damaged.
    """
    try:
        payload = (library.path / "chunks.jsonl").read_bytes()
        if hashlib.sha256(payload).hexdigest() != library.sha256:
            raise ValueError("they differ from the hash in library.json")
        rows = [json.loads(line) for line in payload.decode("utf-8").split("\n") if line]
        return [Chunk(row["text"], tuple(row["section"]), row["page"], row["source"]) for row in rows]
    except (OSError, ValueError, KeyError) as error:
        raise IntegrityError(
            f"The passages of library {library.id!r} are damaged: {error}.", "Import it again."
        ) from error


def model_key(model: SimilarityModel) -> str:
    """What tells a model's vectors from those of every other: a hash over its stored files, or its base."""
    if model.path is None:
        return f"base-{_VECTORS}-{model.info.base_sha256[:16]}"
    return folder_key(model.path)


def folder_key(folder: Path) -> str:
    """`model_key` of the model that is stored in a folder, without loading it."""
    digest = hashlib.sha256(f"vectors {_VECTORS}\n".encode())
    for file in sorted(folder.iterdir()):
        if file.suffix in (".safetensors", ".json") and file.name not in ("manifest.json", "report.json"):
            stat = file.stat()
            digest.update(f"{file.name}\n{_file_hash(file, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:24]


@functools.lru_cache(maxsize=256)
def _file_hash(file: Path, size: int, changed: int) -> str:
    # Size and time are part of the key only: a search must not hash the weights again.
    return sha256_file(file)


def is_embedded(library: Library, key: str) -> bool:
    """Whether the library has vectors of the model with this key that can be read."""
    if not _vector_file(library, key).is_file():
        return False
    try:
        _read_vectors(library, key)
    except IntegrityError:
        return False
    return True


def _vector_file(library: Library, key: str) -> Path:
    return library.path / "vectors" / f"{checked_id(key, 'model key')}.safetensors"


def embed_library(library: Library, model: SimilarityModel, *, progress: Progress | None = None) -> Index:
    """Vectors of all passages, made and stored unless they are there; damaged ones are made anew.

    Args:
        library: The library.
        model: Whose vectors.
        progress: Called with (passages done, passages in all).

    Raises:
        IntegrityError: If the passages are damaged.
        OSError: If the disk is full; what was stored before stays.
    """
    chunks, key = read_chunks(library), model_key(model)
    with contextlib.suppress(StateError, IntegrityError):
        return open_index(library, key, chunks=chunks)
    vectors = model.encode([passage_text(chunk) for chunk in chunks], progress=progress)
    stored = save(
        {"vectors": np.ascontiguousarray(vectors, dtype=np.float32)},
        metadata={"model": key, "passages": library.sha256},
    )
    _sweep(library.path / "vectors")
    write_bytes_atomic(_vector_file(library, key), stored)
    return open_index(library, key, chunks=chunks)


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half-written more than a day ago."""
    for part in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if part.stat().st_mtime < time.time() - 86400:
                part.unlink()


def open_index(library: Library, key: str, *, chunks: Sequence[Chunk] | None = None) -> Index:
    """The stored vectors of one model.

    Raises:
        StateError: If the library was not embedded with this model.
        IntegrityError: If the vectors are damaged, or not those of these passages and this model.
    """
    if not _vector_file(library, key).is_file():
        raise StateError(
            f"The library {library.id!r} has no vectors of this model.", "Embed the library first."
        )
    return Index(chunks if chunks is not None else read_chunks(library), _read_vectors(library, key), key)


def _read_vectors(library: Library, key: str) -> np.ndarray:
    try:
        with safe_open(_vector_file(library, key), framework="np") as stored:
            about = stored.metadata() or {}
            vectors = stored.get_tensor("vectors")
        if (about.get("model"), about.get("passages")) != (key, library.sha256):
            raise ValueError("they are of another model or of other passages")
        if vectors.ndim != 2 or len(vectors) != library.chunks or not np.isfinite(vectors).all():
            raise ValueError(f"their shape is {vectors.shape}, or they are not finite")
    except (ValueError, OSError, SafetensorError) as error:
        raise IntegrityError(
            f"The vectors of library {library.id!r} are damaged: {error}.", "Embed the library again."
        ) from error
    return vectors


def passage_text(chunk: Chunk) -> str:
    """What is embedded of a passage: its innermost heading says what a short passage is about."""
    if chunk.section and len(chunk.text.split()) < 12:
        return f"{chunk.section[-1]}: {chunk.text}"
    return chunk.text


def _plain(filename: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(filename).stem).strip("-._")[:60] or "library"
