"""Versions that are made from other versions instead of from a training: where their weights come from, and
how they are registered with their parentage.

How the weights change is in blend.py and calibrate.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

import core
from core.datasets import store as datasets
from core.datasets.frames import Frame
from core.errors import InputError, ModelError, NotFoundError
from core.files import scratch_folder, sha256_file
from core.registry.manifest import Version
from core.registry.register import register_run
from core.registry.versions import open_version
from core.runs.spec import SCHEMA_VERSION, SPEC_FILE
from core.workspace import Workspace, write_json_atomic
from core.yolo import weights
from core.yolo.weights import DetectorInfo

Progress = Callable[[int, int], None]
_KEPT_SPEC = ("recipe", "preset", "dataset", "dataset_hash", "gold", "seed", "rows")
_WORST = 20


@dataclass(frozen=True)
class Parent:
    """Weights that another version is made from.

    Args:
        name: Version id, `starter`, or the file's name.
        info: Description of the network.
        state: Its tensors, floating-point ones in fp32.
        sha256: Of the weights file.
        manifest: Of the version; empty for a plain file.
    """

    name: str
    info: DetectorInfo
    state: dict[str, torch.Tensor]
    sha256: str
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> dict[str, Any]:
        """What a manifest says about it: name, hash, and how it was made itself."""
        spec = self.manifest.get("spec") or {}
        told = {
            "dataset": (self.manifest.get("dataset") or {}).get("id"),
            "preset": spec.get("preset"),
            "seed": spec.get("seed"),
            "generator": self.info.generator,
            "origin": self.manifest.get("origin"),
        }
        return {
            "name": self.name,
            "sha256": self.sha256,
            **{k: v for k, v in told.items() if v not in (None, "")},
        }

    def network(self) -> nn.Module:
        """The network with these weights, in evaluation mode and not fused."""
        network = weights.build(self.info.architecture, self.info.labels)
        weights.put_in(network, self.state, Path(self.name))
        return network.eval()


def open_parent(ref: str, *, ws: Workspace | None = None) -> Parent:
    """Read the weights that a reference names.

    Args:
        ref: `v3`, `production`, `candidate`, `previous`, `starter`, or the path of a .safetensors file.
        ws: Workspace; the current one by default.

    Raises:
        NotFoundError: If there is no such version.
        ModelError: If it is untrained, a pickle, damaged or no detector.
    """
    if ref.endswith((".safetensors", ".pt")):
        path = Path(ref).expanduser()
        architecture, _, state = weights.read_weights(path)
        info = weights.info_beside(path, architecture)
        return Parent(path.name, info, _in_fp32(state), sha256_file(path))
    version = open_version("yolo", ref, ws=ws)
    if version.path is None:
        raise ModelError(
            "'base' is an untrained detector: nothing can be made from it.",
            "Choose a version, 'starter' or a .safetensors file.",
        )
    path = version.path / weights.WEIGHTS_FILE
    return Parent(
        version.id, weights.read_info(version.path), _in_fp32(weights.read_state(path)), sha256_file(path),
        version.manifest,
    )  # fmt: skip


def _in_fp32(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def register_derived(
    state: dict[str, torch.Tensor],
    parents: Sequence[Parent],
    origin: dict[str, Any],
    *,
    name: str = "",
    command: Sequence[str] = (),
    scores: bool = True,
    confidence: float = 0.25,
    progress: Progress | None = None,
    ws: Workspace | None = None,
) -> Version:
    """Store weights in half precision as a new version, measured like a trained one.

    It is scored on the test split of its first parent's dataset and on the gold set, where these are in the
    workspace; `before` is the first parent. What it says about its training is the first parent's that was
    trained.

    Args:
        state: The new weights.
        parents: What they were made from, the most important first; at least one.
        origin: How, for the manifest: `method`, `text` (one sentence) and settings; the parents are added.
        name: What the user calls it.
        command: The command that makes it again.
        scores: False to leave the measuring out.
        confidence: In force for recall and precision.
        progress: Called with (photos scored, photos in all).
        ws: Workspace; the current one by default.
    """
    ws = ws or Workspace.current()
    first = parents[0]
    trained = next((parent for parent in parents if parent.manifest.get("spec")), first)
    spec = {key: value for key, value in (trained.manifest.get("spec") or {}).items() if key in _KEPT_SPEC}
    shares = origin.get("shares") or [1.0] * len(parents)
    entries = [{**parent.entry, "share": share} for parent, share in zip(parents, shares, strict=True)]
    told = " and ".join(parent.name for parent in parents)
    info = DetectorInfo(
        first.info.architecture, list(first.info.labels), first.info.image_size, told,
        " and ".join(dict.fromkeys(p.info.generator for p in parents if p.info.generator)),
    )  # fmt: skip
    with scratch_folder(ws.scratch, "derived") as folder:
        network = weights.build(info.architecture, info.labels)
        weights.put_in(network, state, Path(told))
        weights.store(network, folder / "model", info)
        gold = datasets.get_gold("yolo", ws=ws)
        report: dict[str, Any] = {
            "kind": "full",
            "base_model": {"name": told, "sha256": first.sha256 if len(parents) == 1 else ""},
            "labels": list(info.labels),
            "dataset": {
                "id": spec.get("dataset", ""),
                "source": (trained.manifest.get("dataset") or {}).get("source", ""),
            },
            "gold_dataset": gold.id if gold else None,
            "origin": {**origin, "parents": entries},
            "test": None, "gold": None, "before": None,
        }  # fmt: skip
        if scores:
            sets = _sets(str(spec.get("dataset", "")), gold, ws)
            report |= _measure(folder / "model", first, sets, confidence, progress)
        write_json_atomic(folder / "report.json", report)
        write_json_atomic(folder / SPEC_FILE, {
            **spec, "task": "yolo", "base_model": told, "name": name, "argv": list(command),
            "schema_version": SCHEMA_VERSION, "code_version": core.__version__, "created": time.time(),
        })  # fmt: skip
        return register_run(folder, ws=ws, run="")


def _sets(dataset: str, gold: Any, ws: Workspace) -> dict[str, list[Frame]]:
    from core.yolo.dataset import frames_of_dataset

    found: dict[str, list[Frame]] = {}
    try:
        info = datasets.get_dataset("yolo", dataset, ws=ws)
        found["test"] = frames_of_dataset(info, "test")
    except (NotFoundError, InputError):
        # The parent's dataset is not in this workspace, or it was a plain file: then nothing can be compared.
        pass
    if gold:
        found["gold"] = frames_of_dataset(gold, "test")
    return {part: frames for part, frames in found.items() if frames}


def _measure(
    folder: Path, parent: Parent, sets: dict[str, list[Frame]], confidence: float, progress: Progress | None
) -> dict[str, Any]:
    from core.yolo.evaluate import evaluate
    from core.yolo.predict import wrap

    total = 2 * sum(map(len, sets.values()))
    done = 0

    def scored(model: Any) -> dict[str, Any]:
        nonlocal done
        result = {}
        for part, frames in sets.items():
            start = done
            tell = (lambda count, _, start=start: progress(start + count, total)) if progress else None
            result[part] = evaluate(model, frames, confidence=confidence, worst=_WORST, progress=tell)
            done += len(frames)
        return {part: result.get(part) for part in ("test", "gold")}

    after = scored(wrap(*weights.load(folder), ref="made"))
    before = scored(wrap(parent.network(), parent.info, ref=parent.name))
    slim = {
        part: value and {key: item for key, item in value.items() if key not in ("worst", "curves")}
        for part, value in before.items()
    }
    return {**after, "before": {"model": parent.name, "trained": True, **slim}}
