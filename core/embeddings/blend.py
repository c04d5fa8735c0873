"""Averages the weights of two similarity models into a new version ("model soup").

This helps where both come from one ancestor or one was trained on from the other: their weights then lie in
one valley of the loss, and the middle is often flatter than either end (Wortsman et al. 2022, arXiv
2203.05482). Models that were trained apart give nonsense; the figures in the manifest tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.embeddings import model as models
from core.embeddings.derived import parent_of, register_derived, trained_version
from core.embeddings.unseen import joined, topics_behind
from core.errors import ModelError
from core.files import scratch_folder
from core.registry.manifest import Version
from core.training.average import check_different, check_share, mixed
from core.training.packed import dtype_of, read_tensors, write_tensors
from core.training.stored import DELTA_FILE
from core.workspace import Workspace, write_json_atomic


def blend(
    first: str,
    second: str,
    *,
    share: float = 0.5,
    measured: dict[str, Sequence[dict]] | None = None,
    name: str = "",
    command: Sequence[str] = (),
    ws: Workspace | None = None,
) -> Version:
    """Average encoder and pair head of two versions and register the result.

    The last word on a pair is the first version's: it was fitted to that version's evidence, so fit it anew
    with `regrade`.

    Args:
        first: The version: `v3`, `candidate`, `starter` ...; the comparison in the manifest is with this one.
        second: The other one.
        share: Of `second` in the average, above 0 and below 1.
        measured: Pairs to score the new version and the first on: `test` and `gold`.
        name: What the user calls it.
        command: The command that makes it again.
        ws: Workspace; the current one by default.

    Raises:
        InputError: If the share is out of range, or both are the same weights.
        ModelError: If the two do not fit together.
        NotFoundError: If there is no such version.
    """
    check_share(share)
    ws = ws or Workspace.current()
    versions = [trained_version(ref, ws) for ref in (first, second)]
    one, other = versions
    infos = [models.read_info(version.path) for version in versions]
    entries = [parent_of(one, round(1 - share, 6)), parent_of(other, round(share, 6))]
    check_different(one.id, other.id, *(entry["sha256"] for entry in entries))
    _check(versions, infos)
    with scratch_folder(ws.scratch, "blend") as folder:
        made = folder / "model"
        made.mkdir()
        for file, told in ((DELTA_FILE, {"kind": "delta"}), (models.HEAD_FILE, {})):
            state = mixed(*_filled(*(read_tensors(version.path / file) for version in versions)), share)
            write_tensors(state, made / file, dtype_of(one.path / file), **told)
        info = infos[0]
        info.max_length = min(read.max_length for read in infos)
        info.topics = joined(*(topics_behind(version, ws=ws) for version in versions))
        if info.verdict:
            (made / models.VERDICT_FILE).write_bytes((one.path / models.VERDICT_FILE).read_bytes())
        write_json_atomic(made / models.INFO_FILE, vars(info))
        origin = {
            "method": "blend",
            "text": f"Weights averaged: {1 - share:.0%} {one.id} and {share:.0%} {other.id}."
            + (f" The last word on a pair is that of {one.id}." if info.verdict else ""),
            "shares": [entry["share"] for entry in entries],
            "parents": entries,
        }
        return register_derived(folder, one, origin, measured=measured, name=name, command=command, ws=ws)


def _filled(*states: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """The states with zeros for what another one changed and they did not."""
    known = {name: value for state in states for name, value in state.items()}
    return [
        {name: state.get(name, torch.zeros_like(value)) for name, value in known.items()} for state in states
    ]


def _check(versions: Sequence[Version], infos: Sequence[models.ModelInfo]) -> None:
    one, other = versions
    for version, info in zip(versions, infos, strict=True):
        if info.kind != "delta":
            raise ModelError(
                f"{version.id!r} is stored as {info.kind}; only versions trained by the method full can be "
                "averaged.",
                "Choose two versions of that method.",
            )
    facts = [(info.base_sha256, info.head, info.use_figures, info.cues) for info in infos]
    if facts[0] != facts[1]:
        what = next(
            name
            for name, a, b in zip(
                ("base model", "pair head", "figures", "table of cues"), *facts, strict=True
            )
            if a != b
        )
        raise ModelError(
            f"{one.id!r} and {other.id!r} differ in the {what}; they cannot be averaged.",
            "Choose two versions of the same settings.",
        )
