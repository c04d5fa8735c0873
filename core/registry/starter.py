"""Copies a version to where it ships as the starter: the model that a fresh install has before any training.

Making a version small (changed layers only, half precision) is the work of the model's own rooms.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import InputError
from core.files import copy_hashed, move_folder, scratch_folder, sha256_file, utc_now, write_synced
from core.registry.card import render_card
from core.registry.manifest import MANIFEST, Version, load_version, verify
from core.workspace import write_json_atomic

LIMIT_BYTES = 25 * 1024 * 1024
# What the starter says about its training; the rest of a spec names paths and commands of one machine.
_SPEC = ("task", "recipe", "preset", "dataset", "dataset_hash", "seed", "schema_version", "code_version")


def export_starter(version: Version, to: Path) -> Version:
    """Write a version as a starter folder; an older starter at `to` is replaced.

    The report is left out: its worst sentences may come from a gold set that must not be passed on.

    Args:
        version: A version of kind `delta` or `adapter`, or a small `full` one (the detector's).
        to: The folder, for example data/starter/ner.

    Raises:
        InputError: If the kind does not fit or the files have more than 25 MB.
        IntegrityError: If a file differs from its hash.
    """
    if version.kind == "base" or version.path is None:
        raise InputError("'base' is untrained and cannot ship as the starter.", "Choose a trained version.")
    verify(version)
    names = [name for name in version.manifest["files"] if name not in ("report.json", "card.md")]
    size = sum(version.manifest["files"][name]["bytes"] for name in names)
    if size > LIMIT_BYTES:
        raise InputError(
            f"The starter would have {size / 1e6:.1f} MB; at most {LIMIT_BYTES / 1e6:.0f} MB may ship.",
            "Freeze more layers or use an adapter.",
        )
    base = dict(version.manifest["base_model"])
    base["name"] = Path(base["name"]).name if Path(base["name"]).is_absolute() else base["name"]
    manifest = {
        **{key: value for key, value in version.manifest.items() if key not in ("run", "files")},
        "version": "starter",
        "created": version.created or utc_now(),
        "base_model": base,
        "spec": {key: version.manifest["spec"][key] for key in _SPEC if key in version.manifest["spec"]},
    }
    with scratch_folder(to.parent, ".starter") as folder:
        files = {}
        for name in names:
            sha256, count = copy_hashed(version.path / name, folder / name)
            files[name] = {"sha256": sha256, "bytes": count}
        write_synced(folder / "card.md", render_card(manifest).encode("utf-8"))
        card = folder / "card.md"
        files["card.md"] = {"sha256": sha256_file(card), "bytes": card.stat().st_size}
        write_json_atomic(folder / MANIFEST, {**manifest, "files": files})
        if to.exists():
            shutil.rmtree(to)
        move_folder(folder, to)
    return load_version(version.task, "starter", to, "starter")
