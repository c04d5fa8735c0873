"""The registry's public face: versions, aliases, promotion and the check of files, under one roof.

Loading weights is the work of each model's predict room.
"""

from __future__ import annotations

from collections.abc import Callable

from core.errors import InputError, StateError
from core.registry import aliases as alias_store
from core.registry.aliases import history
from core.registry.manifest import Version, verify
from core.registry.register import register_run
from core.registry.versions import broken_versions, get_version, list_versions, open_version
from core.tasks import get_task
from core.workspace import Workspace

__all__ = [
    "Version", "aliases", "broken_versions", "get_version", "history", "list_versions", "open_version",
    "promote", "register_run", "rollback", "verify",
]  # fmt: skip

Progress = Callable[[int, int], None]


def aliases(task: str, *, ws: Workspace | None = None) -> dict[str, str]:
    """Where `production`, `previous` and `candidate` point; a name that points nowhere is left out."""
    get_task(task)
    return alias_store.aliases(task, ws=ws)


def promote(
    task: str,
    version: str,
    *,
    note: str = "",
    ws: Workspace | None = None,
    progress: Progress | None = None,
) -> Version:
    """Set `production` to a version after checking its files; what was there becomes `previous`.

    What the model's switch needs (see `Task.switch_room`) is done first; if it fails, production stays.

    Args:
        task: Model.
        version: Anything `get_version` takes, except `base`.
        note: Why, for the history.
        ws: Workspace; the current one by default.
        progress: Called with (done, total) while the switch is prepared.

    Raises:
        NotFoundError: If there is no such version.
        IntegrityError: Naming the file that differs from its hash.
        StateError: If it is in production already.
        InputError: If it is `base`.
    """
    chosen = get_version(task, version, ws=ws)
    if chosen.kind == "base":
        raise InputError("'base' is untrained and cannot go into production.", "Choose a trained version.")
    verify(chosen)
    _prepare(chosen, ws, progress)
    return alias_store.to_production(chosen, note=note, ws=ws)


def rollback(
    task: str, *, note: str = "", ws: Workspace | None = None, progress: Progress | None = None
) -> Version:
    """Swap `production` and `previous`; the files of `previous` are checked first.

    Args:
        task: Model.
        note: Why, for the history.
        ws: Workspace; the current one by default.
        progress: Called with (done, total) while the switch is prepared, as for `promote`.

    Raises:
        StateError: If there is no previous version.
        IntegrityError: If its files differ from their hashes.
    """
    previous = alias_store.aliases(task, ws=ws).get("previous")
    if previous is None:
        raise alias_store.nothing_to_roll_back(task)
    chosen = get_version(task, previous, ws=ws)
    verify(chosen)
    _prepare(chosen, ws, progress)
    return alias_store.to_production(chosen, note=note, action="rollback", ws=ws)


def _prepare(version: Version, ws: Workspace | None, progress: Progress | None) -> None:
    task = get_task(version.task)
    if not task.switch_room:
        return
    if alias_store.aliases(task.name, ws=ws).get("production") == version.id:
        raise StateError(f"{version.id!r} is in production already.")
    task.room(task.switch_room).prepare(version, ws=ws, progress=progress)
