"""Finding model versions: by number, by alias, the shipped starter and the untrained base.

Making a version is in register.py, moving an alias in store.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core import workspace as places
from core.errors import NexaError, NotFoundError
from core.registry import aliases as alias_store
from core.registry.manifest import Version, load_version, verify_once
from core.tasks import get_task
from core.workspace import Workspace, checked_id

VERSION_NAME = re.compile(r"v([1-9][0-9]{0,6})")


def list_versions(task: str, *, ws: Workspace | None = None) -> list[Version]:
    """The workspace's readable versions, newest first; `starter` and `base` are not among them."""
    return [entry for entry in _scan(task, ws or Workspace.current()) if isinstance(entry, Version)]


def broken_versions(task: str, *, ws: Workspace | None = None) -> list[tuple[str, str]]:
    """(id, reason) of every version folder whose manifest cannot be used."""
    return [entry for entry in _scan(task, ws or Workspace.current()) if not isinstance(entry, Version)]


def get_version(task: str, ref: str, *, ws: Workspace | None = None) -> Version:
    """Find a version without hashing its files.

    Args:
        task: Model, for example `ner`.
        ref: `v3`, an alias (`production`, `previous`, `candidate`), `starter` or `base`.
        ws: Workspace; the current one by default.

    Raises:
        NotFoundError: If there is no such version, or the alias points nowhere.
        InputError: If `ref` is not a plain name.
        IntegrityError: If its manifest is damaged.
    """
    ws = ws or Workspace.current()
    get_task(task)
    ref = checked_id(ref, "model version")
    if ref in alias_store.NAMES:
        pointed = alias_store.aliases(task, ws=ws).get(ref)
        if pointed is None:
            what = "Train a model" if ref == "candidate" else "Promote a version"
            raise NotFoundError(f"No {task} model is {ref!r} yet.", f"{what} first, or use 'starter'.")
        ref = pointed
    if ref == "base":
        return Version(task, "base", None, "base", _default_base(task), {}, "", "base")
    if ref == "starter":
        return load_version(task, ref, places.STARTER_DIR / task, "starter")
    return load_version(task, ref, ws.model(task, ref), "workspace")


def open_version(task: str, ref: str, *, ws: Workspace | None = None) -> Version:
    """Find a version for loading: like `get_version`, with its files checked against their hashes.

    The hashing is paid once per process and again only when a file's size or time changes.

    Raises:
        IntegrityError: If a file differs; otherwise as `get_version`.
    """
    version = get_version(task, ref, ws=ws)
    verify_once(version)
    return version


def _default_base(task: str) -> str:
    try:
        return str(getattr(get_task(task).room("recipe"), "DEFAULT_BASE", ""))
    except NotFoundError:
        return ""


def _scan(task: str, ws: Workspace) -> Iterator[Version | tuple[str, str]]:
    get_task(task)
    root = ws.models(task)
    numbers = (
        [int(m[1]) for p in root.iterdir() if (m := VERSION_NAME.fullmatch(p.name))] if root.is_dir() else []
    )
    for number in sorted(numbers, reverse=True):
        try:
            yield load_version(task, f"v{number}", ws.model(task, f"v{number}"), "workspace")
        except NexaError as error:
            yield f"v{number}", str(error)
