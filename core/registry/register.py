"""A finished run becomes the next version: copied, hashed, described, then moved into place in one step.

Reading versions is in versions.py; small files of changed layers are made by each model's own rooms.
"""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import core
from core.errors import InputError, ModelError
from core.files import (
    copy_hashed,
    move_folder,
    scratch_folder,
    sha256_file,
    sync_folder,
    utc_now,
    write_synced,
)
from core.registry import aliases as alias_store
from core.registry.card import render_card
from core.registry.manifest import MANIFEST, SCHEMA, Version, figures, load_version
from core.registry.versions import VERSION_NAME, list_versions
from core.tasks import get_task
from core.workspace import Workspace, read_json, write_json_atomic

_LIBRARIES = (
    "torch", "transformers", "sentence-transformers", "peft", "tokenizers", "safetensors", "numpy",
    "ultralytics",
)  # fmt: skip


def register_run(run_dir: Path, *, ws: Workspace | None = None, run: str | None = None) -> Version:
    """Make a version of a finished run and point `candidate` at it.

    Copies `run_dir/model` and report.json; the run folder stays as it is. Asked twice for the same run
    with the same files, it gives the version that is there.

    Args:
        run_dir: Run folder with spec.json, report.json and model/.
        ws: Workspace; the current one by default.
        run: What the manifest calls the run: the folder's name by default, empty where no training was run.

    Raises:
        ModelError: If the run has no model, or the model folder holds links.
        InputError: If spec.json or report.json cannot be read.
    """
    ws = ws or Workspace.current()
    run = run_dir.name if run is None else run
    spec, report = _read(run_dir / "spec.json"), _read(run_dir / "report.json")
    task = get_task(spec.get("task", "")).name
    sources = _model_files(run_dir / "model")
    with scratch_folder(ws.scratch, "version") as folder:
        files = {}
        for name, source in {**sources, "report.json": run_dir / "report.json"}.items():
            sha256, size = copy_hashed(source, folder / name)
            files[name] = {"sha256": sha256, "bytes": size}
        known = _same_run(task, run, files, ws)
        if known is not None:
            return known
        claim = _claim(ws.models(task))
        try:
            manifest = _manifest(task, claim.name, run, spec, report, files, ws)
            card = render_card(manifest).encode("utf-8")
            write_synced(folder / "card.md", card)
            files["card.md"] = {"sha256": sha256_file(folder / "card.md"), "bytes": len(card)}
            write_json_atomic(folder / MANIFEST, manifest)
            sync_folder(folder)
            target = ws.model(task, claim.name)
            move_folder(folder, target)
        except BaseException:
            claim.rmdir()
            raise
    version = load_version(task, target.name, target, "workspace")
    alias_store.move(version, "register", {"candidate": version.id}, ws=ws)
    return version


def _manifest(
    task: str, version: str, run: str, spec: dict[str, Any], report: dict[str, Any], files: dict[str, Any],
    ws: Workspace,
) -> dict[str, Any]:  # fmt: skip
    before = report.get("before") or {}
    checks = _checks(report, before)
    origin = {"origin": report["origin"]} if report.get("origin") else {}
    return {
        "schema": SCHEMA,
        "task": task,
        "version": version,
        "created": utc_now(),
        "run": run,
        "kind": report.get("kind") or ("adapter" if "adapter_config.json" in files else "full"),
        "base_model": _base_model(spec, report),
        **origin,
        "spec": spec,
        "dataset": _dataset(task, spec, report, ws),
        "metrics": {
            "before": {**{part: figures(before.get(part)) for part in ("test", "gold")}, **checks["before"]},
            "after": {**{part: figures(report.get(part)) for part in ("test", "gold")}, **checks["after"]},
        },
        "libraries": _libraries(),
        "files": files,
        "labels": list(report.get("labels") or get_task(task).labels),
    }


def _checks(report: dict[str, Any], before: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a report holds beside its data: a stress test, and what was kept of general ability."""
    found: dict[str, dict[str, Any]] = {"before": {}, "after": {}}
    for moment, part in (("before", before), ("after", report)):
        if isinstance(stress := part.get("stress"), dict):
            copies = stress.get("copies") or {}
            found[moment]["stress"] = figures({"share": stress.get("share"), "copies": copies.get("mean")})
        if isinstance(general := report.get("general"), dict):
            found[moment]["general"] = figures({"spearman": general.get(moment)})
    return found


def _base_model(spec: dict[str, Any], report: dict[str, Any]) -> dict[str, str]:
    given = report.get("base_model")
    if isinstance(given, dict):
        return {"name": str(given.get("name", "")), "sha256": str(given.get("sha256", ""))}
    return {"name": str(given or spec.get("base_model", "")), "sha256": str(report.get("base_sha256", ""))}


def _dataset(task: str, spec: dict[str, Any], report: dict[str, Any], ws: Workspace) -> dict[str, Any]:
    told = report.get("dataset")
    source = told.get("source") if isinstance(told, dict) else ""
    entry = {"id": spec.get("dataset", ""), "hash": spec.get("dataset_hash", ""), "licence": "",
             "source": source if isinstance(source, str) else ""}  # fmt: skip
    try:
        card = read_json(ws.dataset(task, entry["id"]) / "card.json")
        entry["source"] = str(card.get("source", ""))
        entry["licence"] = str(card.get("licence", ""))
        entry["rows"] = card.get("counts", {})
    except (OSError, ValueError, AttributeError, InputError):
        # The dataset may have been deleted while the run waited; its id and hash still say what it was.
        pass
    return entry


def _libraries() -> dict[str, str]:
    found = {"nexa": core.__version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise ModelError(
            f"The run {path.parent.name!r} has no {path.name}, so it cannot become a version.",
            "Let the training end, or start it again.",
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} of run {path.parent.name!r} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(
            f"{path.name} of run {path.parent.name!r} holds {type(value).__name__}, not an object."
        )
    return value


def _model_files(folder: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_symlink():
            raise ModelError(f"The model folder holds a link, {path.name!r}; expected plain files.")
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = path
    if not found:
        raise ModelError(
            f"The run {folder.parent.name!r} has no model, so it cannot become a version.",
            "Only a run that reached its first evaluation keeps a model.",
        )
    reserved = {MANIFEST, "card.md", "report.json"} & set(found)
    if reserved:
        raise ModelError(f"The model folder may not hold a file called {sorted(reserved)[0]!r}.")
    return found


def _same_run(task: str, run: str, files: dict[str, Any], ws: Workspace) -> Version | None:
    for version in list_versions(task, ws=ws):
        listed = {name: entry for name, entry in version.manifest["files"].items() if name != "card.md"}
        if version.manifest.get("run") == run and listed == files:
            return version
    return None


def _claim(models: Path) -> Path:
    # An exclusive mkdir decides between two processes; the empty folder stays, so no number is used twice.
    claims = models / ".claims"
    claims.mkdir(parents=True, exist_ok=True)
    while True:
        taken = [
            int(m[1])
            for root in (models, claims)
            for p in root.iterdir()
            if (m := VERSION_NAME.fullmatch(p.name))
        ]
        claim = claims / f"v{max(taken, default=0) + 1}"
        try:
            claim.mkdir()
            return claim
        except FileExistsError:
            continue
