"""A model version in memory: its manifest, where it lies, and the check of its files against their hashes.

Which versions there are is in store.py, which one is in production in aliases.py.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import IntegrityError, ModelError, NotFoundError
from core.files import sha256_file
from core.workspace import read_json

SCHEMA = 1
MANIFEST = "manifest.json"
KINDS = ("full", "adapter", "delta", "base")
# Files that desktops put into any folder they show; they are no part of a model.
_STRAY = {".DS_Store", "Thumbs.db", "desktop.ini"}

_verified: dict[str, tuple[tuple[str, int, int], ...]] = {}


@dataclass(frozen=True)
class Version:
    """One model version.

    Args:
        task: Model, for example `ner`.
        id: `v3`, `starter` or `base`.
        path: Its folder; None for `base`, which has no files of its own.
        kind: `full` (all weights), `adapter` (LoRA), `delta` (changed layers) or `base`.
        base_model: Name of the base weights.
        manifest: Everything in manifest.json; empty for `base`.
        created: ISO 8601 time, or an empty string.
        source: `workspace`, `starter` or `base`.
    """

    task: str
    id: str
    path: Path | None
    kind: str
    base_model: str
    manifest: dict[str, Any]
    created: str
    source: str

    @property
    def metrics(self) -> dict[str, Any]:
        """`{"before": {"test", "gold"}, "after": {"test", "gold"}}`; a part that was not measured is None."""
        return self.manifest.get("metrics", {})

    @property
    def report(self) -> dict[str, Any]:
        """The training's full report, read from the version's folder; empty if it has none."""
        if self.path is None or not (self.path / "report.json").is_file():
            return {}
        return read_json(self.path / "report.json")


def load_version(task: str, version_id: str, path: Path, source: str) -> Version:
    """Read a version's manifest. The files are not hashed here.

    Raises:
        NotFoundError: If there is no manifest.
        IntegrityError: If the manifest is damaged or of another version.
        ModelError: If it was written by a newer Studio.
    """
    try:
        manifest = read_json(path / MANIFEST)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            f"There is no {task} model version {version_id!r}.", "Choose one from the list of versions."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise _damaged(version_id, str(error)) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict) or not manifest["files"]:
        raise _damaged(version_id, "it lists no files")
    if (manifest.get("task"), manifest.get("version")) != (task, version_id):
        raise _damaged(version_id, f"it is of {manifest.get('task')!r} version {manifest.get('version')!r}")
    if manifest.get("kind") not in KINDS:
        raise _damaged(version_id, f"its kind is {manifest.get('kind')!r}")
    if not isinstance(manifest.get("schema"), int) or manifest["schema"] > SCHEMA:
        raise ModelError(
            f"Model version {version_id!r} has the manifest schema {manifest.get('schema')!r}, not {SCHEMA}.",
            "Update this installation.",
        )
    base = manifest.get("base_model")
    return Version(
        task=task, id=version_id, path=path, kind=manifest["kind"],
        base_model=str(base.get("name", "")) if isinstance(base, dict) else "",
        manifest=manifest, created=str(manifest.get("created", "")), source=source,
    )  # fmt: skip


def verify(version: Version) -> None:
    """Hash every file of a version and compare.

    Raises:
        IntegrityError: Naming the first file that differs, is missing, is unknown or leads out of the folder.
    """
    if version.path is None:
        return
    signature = _signature(version)
    for name, expected in version.manifest["files"].items():
        if sha256_file(_member(version, name)) != expected["sha256"]:
            raise _changed(version, name, "differs from the hash in its manifest")
    _verified[str(version.path)] = signature


def verify_once(version: Version) -> None:
    """Like `verify`, but files that this process has hashed are only looked at for size and time."""
    if version.path is None:
        return
    if _verified.get(str(version.path)) != _signature(version):
        verify(version)


def figures(value: Any) -> Any:
    """The numbers of a report, nested as they are; texts, lists and non-finite numbers are left out."""
    if isinstance(value, dict):
        kept = {str(key): figures(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None}
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    return None


def _signature(version: Version) -> tuple[tuple[str, int, int], ...]:
    listed = version.manifest["files"]
    entries = []
    for name, expected in listed.items():
        if not isinstance(expected, dict) or not isinstance(expected.get("sha256"), str):
            raise _changed(version, name, "has no hash in the manifest")
        stat = _member(version, name).stat()
        if stat.st_size != expected.get("bytes"):
            raise _changed(version, name, f"has {stat.st_size} bytes instead of {expected.get('bytes')!r}")
        entries.append((name, stat.st_size, stat.st_mtime_ns))
    for path in version.path.rglob("*"):
        name = path.relative_to(version.path).as_posix()
        if not path.is_dir() and name not in listed and name != MANIFEST and path.name not in _STRAY:
            # A loader might take an extra weights file in place of the one that was hashed.
            raise _changed(version, name, "is not listed in its manifest")
    stat = (version.path / MANIFEST).stat()
    return (*entries, (MANIFEST, stat.st_size, stat.st_mtime_ns))


def _member(version: Version, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or any(char in name for char in "\\:\0"):
        raise _changed(version, name, "leads out of the version's folder")
    path = version.path.joinpath(*parts)
    if not path.is_file() or path.is_symlink():
        raise _changed(version, name, "is missing")
    if not path.resolve().is_relative_to(version.path.resolve()):
        raise _changed(version, name, "leads out of the version's folder")
    return path


def _damaged(version_id: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"The manifest of model version {version_id!r} cannot be used: {why}.",
        "Choose another version, or train again.",
    )


def _changed(version: Version, name: str, what: str) -> IntegrityError:
    return IntegrityError(
        f"The file {name!r} of model version {version.id!r} {what}.",
        "Do not use this version; choose another one, or train again.",
    )
