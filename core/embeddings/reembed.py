"""Before another similarity model becomes production, every library gets its vectors: a job with progress.

Old vectors stay beside the new ones until the switch; an index never holds both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.embeddings import library as libraries
from core.workspace import Workspace, read_json, write_json_atomic

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel

Progress = Callable[[int, int], None]
_STATE_FILE = "reembed.json"


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
        `{"key", "libraries", "passages", "state": "done"}`, also written to `libraries/reembed.json` as it
        goes.
    """
    ws = ws or Workspace.current()
    key = libraries.model_key(model)
    found = libraries.list_libraries(ws=ws)
    total = sum(library.chunks for library in found)
    done = 0

    def tell(state: str) -> dict[str, Any]:
        report = {
            "key": key,
            "model": model.ref,
            "libraries": len(found),
            "passages": total,
            "done": done,
            "state": state,
        }
        if found:
            write_json_atomic(libraries.root(ws) / _STATE_FILE, report)
        if progress is not None:
            progress(done, total)
        return report

    tell("running")
    for library in found:
        begin = done

        def part(count: int, _: int, begin: int = begin) -> None:
            nonlocal done
            done = begin + count
            if progress is not None:
                progress(done, total)

        libraries.embed_library(library, model, progress=part)
        done = begin + library.chunks
        tell("running")
    return tell("done")


def reembed_state(*, ws: Workspace | None = None) -> dict[str, Any] | None:
    """How far the last job came, or None if there was none."""
    try:
        return read_json(libraries.root(ws or Workspace.current()) / _STATE_FILE)
    except (FileNotFoundError, ValueError):
        return None


def promote(
    version: str, *, note: str = "", ws: Workspace | None = None, progress: Progress | None = None
) -> Any:
    """Re-embed every library with a version, then make it production. If embedding fails, production stays.

    Args:
        version: `v3`, `candidate`, ...
        note: Why.
        ws: The workspace; the current one without it.
        progress: Called with (passages done, passages in all).

    Returns:
        What `core.registry.store.promote` returns.
    """
    from core.embeddings.predict import load_model
    from core.registry import store

    reembed(load_model(version, ws=ws), ws=ws, progress=progress)
    return store.promote("embeddings", version, note=note, ws=ws)


def search(
    query: str,
    library_id: str,
    model_ref: str,
    *,
    k: int = 5,
    ws: Workspace | None = None,
    progress: Progress | None = None,
) -> list[libraries.Hit]:
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
