"""The registry's public face: versions, aliases, promotion and the check of files, under one roof.

Loading weights is the work of each model's predict room.
"""

from __future__ import annotations

from core.errors import InputError
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


def aliases(task: str, *, ws: Workspace | None = None) -> dict[str, str]:
    """Where `production`, `previous` and `candidate` point; a name that points nowhere is left out."""
    get_task(task)
    return alias_store.aliases(task, ws=ws)


def promote(task: str, version: str, *, note: str = "", ws: Workspace | None = None) -> Version:
    """Set `production` to a version after checking its files; what was there becomes `previous`.

    Args:
        task: Model.
        version: Anything `get_version` takes, except `base`.
        note: Why, for the history.
        ws: Workspace; the current one by default.

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
    return alias_store.to_production(chosen, note=note, ws=ws)


def rollback(task: str, *, note: str = "", ws: Workspace | None = None) -> Version:
    """Swap `production` and `previous`; the files of `previous` are checked first.

    Raises:
        StateError: If there is no previous version.
        IntegrityError: If its files differ from their hashes.
    """
    previous = alias_store.aliases(task, ws=ws).get("previous")
    if previous is None:
        raise alias_store.nothing_to_roll_back(task)
    chosen = get_version(task, previous, ws=ws)
    verify(chosen)
    return alias_store.to_production(chosen, note=note, action="rollback", ws=ws)
