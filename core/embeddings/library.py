"""Spec libraries on disk: passages once, vectors for each model apart, search over both.

`<workspace>/libraries/<name>@<hash8>/` holds library.json, chunks.jsonl and `vectors/<model key>.npy`.
Vectors of two
models never meet: an index knows whose vectors it holds. Reading files is chunks.py, changing over is
reembed.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.embeddings.chunks import SHIPPED, Chunk, read_document
from core.errors import DatasetError, InputError, IntegrityError, NotFoundError, StateError
from core.files import move_folder, scratch_folder, sha256_file, utc_now
from core.workspace import Workspace, checked_id, read_json, write_bytes_atomic, write_json_atomic

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel

Progress = Callable[[int, int], None]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
SHIPPED_NAME = "sample-specs"


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
    """

    id: str
    name: str
    path: Path
    chunks: int
    sources: tuple[str, ...]
    notices: tuple[str, ...]
    created: str


@dataclass
class Hit:
    """One found passage: `score` 0 to 1, where it stands, and the words that it shares with the query."""

    text: str
    score: float
    section: tuple[str, ...]
    page: int
    source: str
    number: int


class Index:
    """Passages with vectors of one model.

    Args:
        chunks: The passages.
        vectors: (N, W) float32 of length 1.
        key: Key of the model that made them.
    """

    def __init__(self, chunks: Sequence[Chunk], vectors: np.ndarray, key: str) -> None:
        if len(chunks) != len(vectors):
            raise IntegrityError(
                f"The library has {len(chunks)} passages, but {len(vectors)} vectors.",
                "Embed the library again.",
            )
        self.chunks, self.vectors, self.key = (
            list(chunks),
            np.ascontiguousarray(vectors, dtype=np.float32),
            key,
        )

    def nearest(self, vector: np.ndarray, k: int) -> list[Hit]:
        """The k passages of the highest cosine, best first. `vector` is (W,) of length 1, of the same
        model."""
        if not len(self.chunks):
            return []
        scores = self.vectors @ np.asarray(vector, dtype=np.float32)
        k = min(k, len(scores))
        top = np.argpartition(-scores, k - 1)[:k]
        top = top[np.argsort(-scores[top], kind="stable")]
        return [
            Hit(
                self.chunks[n].text,
                float(scores[n]),
                self.chunks[n].section,
                self.chunks[n].page,
                self.chunks[n].source,
                int(n),
            )
            for n in top
        ]


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
        DatasetError: If the name cannot be used.
    """
    ws = ws or Workspace.current()
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"{name!r} is no name for a library.", "Use letters, digits, '.', '_' and '-', at most 80."
        )
    lines = [json.dumps(asdict(chunk), ensure_ascii=False, sort_keys=True) for chunk in chunks]
    payload = "".join(line + "\n" for line in lines).encode("utf-8", "replace")
    sha256 = hashlib.sha256(payload).hexdigest()
    target = root(ws) / f"{name}@{sha256[:8]}"
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
        )
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"There is no library {library_id!r}.", "Import a specification first.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"The description of library {library_id!r} is damaged: {error}.", "Import it again."
        ) from error


def shipped_library(*, ws: Workspace | None = None) -> Library:
    """The spec library that ships, stored in the workspace on first use."""
    return import_library(sorted(SHIPPED.glob("*.md")), name=SHIPPED_NAME, ws=ws)


def delete_library(library_id: str, *, ws: Workspace | None = None) -> None:
    """Delete a library with all its vectors.

    Raises:
        NotFoundError: If there is none.
    """
    shutil.rmtree(get_library(library_id, ws=ws).path)


def read_chunks(library: Library) -> list[Chunk]:
    """The passages of a library in order.

    Raises:
        IntegrityError: If the file is damaged.
    """
    try:
        lines = (library.path / "chunks.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [Chunk(row["text"], tuple(row["section"]), row["page"], row["source"]) for row in rows]
    except (OSError, ValueError, KeyError) as error:
        raise IntegrityError(
            f"The passages of library {library.id!r} are damaged: {error}.", "Import it again."
        ) from error


def model_key(model: SimilarityModel) -> str:
    """What tells a model's vectors from those of every other: a hash over its stored files, or over its
    base."""
    if model.path is None:
        return f"base-{model.info.base_sha256[:16]}"
    digest = hashlib.sha256()
    for file in sorted(model.path.iterdir()):
        if file.suffix in (".safetensors", ".json") and file.name not in ("manifest.json", "report.json"):
            digest.update(f"{file.name}\n{sha256_file(file)}\n".encode())
    return digest.hexdigest()[:24]


def is_embedded(library: Library, key: str) -> bool:
    """Whether the library has vectors of the model with this key."""
    return _vector_file(library, key).is_file()


def _vector_file(library: Library, key: str) -> Path:
    return library.path / "vectors" / f"{checked_id(key, 'model key')}.npy"


def embed_library(library: Library, model: SimilarityModel, *, progress: Progress | None = None) -> Index:
    """Vectors of all passages, made and stored unless they are there.

    Args:
        library: The library.
        model: Whose vectors.
        progress: Called with (passages done, passages in all).
    """
    chunks, key = read_chunks(library), model_key(model)
    if not is_embedded(library, key):
        vectors = model.encode([passage_text(chunk) for chunk in chunks], progress=progress)
        buffer = io.BytesIO()
        np.save(buffer, vectors.astype(np.float32), allow_pickle=False)
        write_bytes_atomic(_vector_file(library, key), buffer.getvalue())
    return open_index(library, key, chunks=chunks)


def open_index(library: Library, key: str, *, chunks: Sequence[Chunk] | None = None) -> Index:
    """The stored vectors of one model.

    Raises:
        StateError: If the library was not embedded with this model.
        IntegrityError: If the vectors do not fit the passages.
    """
    path = _vector_file(library, key)
    if not path.is_file():
        raise StateError(
            f"The library {library.id!r} has no vectors of this model.", "Embed the library first."
        )
    try:
        vectors = np.load(path, allow_pickle=False)
    except (ValueError, OSError) as error:
        path.unlink(missing_ok=True)
        raise IntegrityError(
            f"The vectors of library {library.id!r} are damaged: {error}.", "Search again."
        ) from error
    return Index(chunks if chunks is not None else read_chunks(library), vectors, key)


def passage_text(chunk: Chunk) -> str:
    """What is embedded of a passage: its innermost heading says what a short passage is about."""
    if chunk.section and len(chunk.text.split()) < 12:
        return f"{chunk.section[-1]}: {chunk.text}"
    return chunk.text


def _plain(filename: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(filename).stem).strip("-._")[:60] or "library"
