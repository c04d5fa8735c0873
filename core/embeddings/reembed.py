"""Before another similarity model becomes production, every library gets its vectors: a job with progress.

Old vectors stay beside the new ones until the switch; an index never holds both. The switch itself is the
registry's, which calls `prepare` first whoever asks for it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.embeddings import library as libraries
from core.errors import InputError, StateError
from core.runs.locks import is_held, try_lock
from core.workspace import Workspace, read_json, write_json_atomic

if TYPE_CHECKING:
    from core.embeddings.index import Hit
    from core.embeddings.predict import SimilarityModel
    from core.registry.manifest import Version

Progress = Callable[[int, int], None]
_STATE_FILE = "reembed.json"
_LOCK_FILE = ".reembed.lock"
_TELL_SECONDS = 1.0
_ROUNDS = 5
_PATIENCE = 3.0  # seconds


def reembed(
    model: SimilarityModel, *, ws: Workspace | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Give every library vectors of a model; what is there already is kept, so a broken job goes on where
    it was.

    Args:
        model: The model that is to become production.
        ws: The workspace; the current one without it.
        progress: Called with (passages done, passages in all).

    Returns:
        `{"key", "model", "libraries", "passages", "done", "state": "done"}`, also written to
        `libraries/reembed.json` as it goes.

    Raises:
        StateError: If another process is at it.
        IntegrityError: If a library is damaged; it is named.
        OSError: If the disk is full. Old vectors and production stay as they are.
    """
    ws = ws or Workspace.current()
    found = libraries.list_libraries(ws=ws)
    report: dict[str, Any] = {
        "key": libraries.model_key(model), "model": model.ref, "libraries": len(found),
        "passages": sum(library.chunks for library in found), "done": 0, "state": "running",
    }  # fmt: skip
    if not found:
        return report | {"state": "done"}
    file, told = libraries.root(ws) / _STATE_FILE, 0.0

    def tell(done: int, state: str = "running") -> None:
        nonlocal told
        report.update(done=done, state=state)
        if state != "running" or time.monotonic() - told >= _TELL_SECONDS:
            write_json_atomic(file, report)
            told = time.monotonic()
        if progress is not None:
            progress(done, report["passages"])

    with _alone(libraries.root(ws)):
        done = 0
        try:
            tell(0)
            for library in found:

                def part(count: int, _: int, begin: int = done) -> None:
                    tell(begin + count)

                libraries.embed_library(library, model, progress=part)
                done += library.chunks
                tell(done)
            tell(done, "done")
        except BaseException as error:
            with contextlib.suppress(OSError):  # the disk may be what failed
                write_json_atomic(file, report | {"state": "failed", "error": str(error)})
            raise
    return report


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    lock = try_lock(root / _LOCK_FILE, patience=_PATIENCE)
    if lock is None:
        raise StateError(
            "The libraries are being re-embedded by another process.", "Wait until it has ended."
        )
    try:
        yield
    finally:
        lock.release()


def reembed_state(*, ws: Workspace | None = None) -> dict[str, Any] | None:
    """How far the last job came, or None if there was none.

    `state` is `running`, `done`, `failed` (with `error`) or `interrupted`: its process was killed; the next
    promotion goes on where it was.
    """
    root = libraries.root(ws or Workspace.current())
    try:
        report = read_json(root / _STATE_FILE)
    except (FileNotFoundError, ValueError):
        return None
    if isinstance(report, dict) and report.get("state") == "running" and not is_held(root / _LOCK_FILE):
        # It may have ended between the two looks.
        report = read_json(root / _STATE_FILE)
        if report.get("state") == "running":
            report["state"] = "interrupted"
    return report if isinstance(report, dict) else None


def not_embedded(version: Version, *, ws: Workspace | None = None) -> list[libraries.Library]:
    """Libraries that have no sound vectors of a version yet."""
    key = libraries.folder_key(_folder(version))
    return [one for one in libraries.list_libraries(ws=ws) if not libraries.is_embedded(one, key)]


def prepare(version: Version, *, ws: Workspace | None = None, progress: Progress | None = None) -> None:
    """Embed every library with a version that is about to go into production; the registry calls this.

    Args:
        version: The version, its files checked.
        ws: The workspace; the current one without it.
        progress: Called with (passages done, passages in all).

    Raises:
        StateError: If libraries keep being added meanwhile; otherwise as `reembed`.
    """
    from core.embeddings.predict import load_folder

    model = None
    for _ in range(_ROUNDS):
        if not not_embedded(version, ws=ws):
            return
        model = model or load_folder(_folder(version), ref=version.id)
        reembed(model, ws=ws, progress=progress)
    left = not_embedded(version, ws=ws)
    if left:
        raise StateError(
            f"The library {left[0].id!r} has no vectors of {version.id!r} yet.", "Promote it once more."
        )


def _folder(version: Version) -> Path:
    if version.path is None:
        raise InputError(f"{version.id!r} is untrained and cannot go into production.")
    return version.path


def promote(
    version: str, *, note: str = "", ws: Workspace | None = None, progress: Progress | None = None
) -> Version:
    """Re-embed every library with a version, then make it production. If embedding fails, production stays.

    Args:
        version: `v3`, `candidate`, ...
        note: Why.
        ws: The workspace; the current one without it.
        progress: Called with (passages done, passages in all).
    """
    from core.registry import store

    return store.promote("embeddings", version, note=note, ws=ws, progress=progress)


def rollback(*, note: str = "", ws: Workspace | None = None, progress: Progress | None = None) -> Version:
    """Put the previous production model back; libraries that it never embedded are embedded first."""
    from core.registry import store

    return store.rollback("embeddings", note=note, ws=ws, progress=progress)


def search(
    query: str,
    library_id: str,
    model_ref: str,
    *,
    k: int = 5,
    ws: Workspace | None = None,
    progress: Progress | None = None,
) -> list[Hit]:
    """The passages of a library that fit a text best; the library is embedded with the model where it is
    not yet.

    Args:
        query: For example an infraction.
        library_id: Id of a library.
        model_ref: Model, see `predict.load_model`.
        k: How many passages.
        ws: The workspace; the current one without it.
        progress: Called while the library is embedded.
    """
    from core.embeddings.predict import load_model

    model = load_model(model_ref, ws=ws)
    index = libraries.embed_library(libraries.get_library(library_id, ws=ws), model, progress=progress)
    return model.search(query, index, k=k)
