"""Versions made from other versions instead of by a training: how they are measured and registered.

What is changed is in blend.py and regrade.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import core
from core.embeddings import model as models
from core.embeddings.evaluate import evaluate
from core.embeddings.predict import load_base, load_folder
from core.embeddings.stress import general_similarity, stress_report
from core.errors import InputError
from core.files import sha256_file
from core.registry.manifest import Version
from core.registry.register import register_run
from core.registry.versions import open_version
from core.runs.spec import SCHEMA_VERSION, SPEC_FILE
from core.workspace import Workspace, write_json_atomic

Progress = Callable[[int, int], None]
_KEPT_SPEC = ("recipe", "preset", "dataset", "dataset_hash", "gold", "seed", "rows", "base_model")
_WORST = 20


def trained_version(ref: str, ws: Workspace) -> Version:
    """The version that a reference names.

    Raises:
        InputError: If it is the untrained base.
        NotFoundError: If there is none.
    """
    version = open_version("embeddings", ref, ws=ws)
    if version.kind == "base":
        raise InputError("The base model has no pair head.", "Choose a trained version, or train one.")
    return version


def parent_of(version: Version, share: float = 1.0) -> dict[str, Any]:
    """What a manifest says about a version that another one was made from."""
    spec = version.manifest.get("spec") or {}
    return {
        "name": version.id,
        "share": share,
        "sha256": sha256_file(version.path / models.HEAD_FILE),
        "dataset": spec.get("dataset"),
        "preset": spec.get("preset"),
        "seed": spec.get("seed"),
        **({"origin": version.manifest["origin"]} if version.manifest.get("origin") else {}),
    }


def register_derived(
    folder: Path,
    parent: Version,
    origin: dict[str, Any],
    *,
    measured: dict[str, Sequence[dict]] | None = None,
    name: str = "",
    command: Sequence[str] = (),
    ws: Workspace,
) -> Version:
    """Measure what lies in `folder`/model like a trained version, beside its parent, and register it.

    Args:
        folder: A scratch folder with the finished model in `model`.
        parent: The version that it is compared with; what the manifest says of the training is its own.
        origin: For the manifest: `method`, `text` (one sentence), `parents`, settings.
        measured: Pairs to score both on: `test` and `gold`.
        name: What the user calls it.
        command: The command that makes it again.
        ws: Workspace.
    """
    before, made = load_folder(parent.path, ref=parent.id), load_folder(folder / "model")
    sets = {part: list(pairs) for part, pairs in (measured or {}).items()}

    def scored(model: Any) -> dict[str, Any]:
        return {
            part: evaluate(model, sets[part], worst=_WORST) if sets.get(part) else None
            for part in ("test", "gold")
        }

    everyday = general_similarity(load_base(made.info.base_model)), general_similarity(made)
    earlier = {
        part: value and {key: item for key, item in value.items() if key not in ("worst", "points")}
        for part, value in scored(before).items()
    }
    spec = parent.manifest.get("spec") or {}
    write_json_atomic(folder / "report.json", {
        "kind": made.info.kind, "labels": [],
        "base_model": parent.manifest.get("base_model") or {"name": made.info.base_model},
        "dataset": parent.manifest.get("dataset") or {}, "gold_dataset": spec.get("gold"),
        "origin": origin,
        **scored(made), "stress": stress_report(made),
        "general": {
            "before": everyday[0], "after": everyday[1], "lost": round(everyday[0] - everyday[1], 4),
        },
        "before": {"model": parent.id, "trained": True, **earlier, "stress": stress_report(before)},
    })  # fmt: skip
    write_json_atomic(folder / SPEC_FILE, {
        **{key: value for key, value in spec.items() if key in _KEPT_SPEC}, "task": "embeddings",
        "name": name, "argv": list(command), "schema_version": SCHEMA_VERSION,
        "code_version": core.__version__, "created": time.time(),
    })  # fmt: skip
    return register_run(folder, ws=ws, run="")
