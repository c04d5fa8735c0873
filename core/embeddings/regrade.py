"""Fits the last word of a stored version on graded pairs, without training the encoder again.

For pairs of one's own: a few hundred that were graded by hand bring the scores to the grader's own scale.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import torch

from core.embeddings import model as models
from core.embeddings.batches import PairExamples
from core.embeddings.derived import Progress, parent_of, register_derived, trained_version
from core.embeddings.exchanges import PairReader, renewed
from core.embeddings.predict import load_folder
from core.embeddings.unseen import topics_behind
from core.embeddings.verdict import settle
from core.errors import InputError
from core.files import scratch_folder
from core.registry.manifest import Version
from core.training.packed import dtype_of, read_tensors, write_tensors
from core.training.stored import ADAPTER_FILE, DELTA_FILE
from core.workspace import Workspace, write_json_atomic

_WEIGHTS = (
    models.INFO_FILE, models.HEAD_FILE, DELTA_FILE, ADAPTER_FILE, "adapter_config.json",
)  # fmt: skip


def regrade(
    ref: str,
    rows: Sequence[dict],
    *,
    keep: float = 1.0,
    data_name: str = "",
    measured: dict[str, Sequence[dict]] | None = None,
    name: str = "",
    command: Sequence[str] = (),
    progress: Progress | None = None,
    ws: Workspace | None = None,
) -> Version:
    """Fit the last word of a version on pairs and register the result.

    Args:
        ref: The version: `v3`, `candidate`, `starter` ...
        rows: Pairs `{"a", "b", "score"}` whose texts the version did not learn from, at least 200; `group`
            keeps pairs together when some are held back.
        keep: Share of the changes to the encoder that is kept, 0.5 to 1: below 1 it is pulled back towards
            its base, which gives everyday similarity back.
        data_name: What the manifest calls them.
        measured: Pairs to score the new version and its parent on: `test` and `gold`.
        name: What the user calls it.
        command: The command that makes it again.
        progress: Called with (pairs read, pairs in all).
        ws: Workspace; the current one by default.

    Raises:
        InputError: If the pairs are too few, a new last word would be no better, or `keep` does not fit.
        NotFoundError: If there is no such version.
    """
    ws = ws or Workspace.current()
    version = trained_version(ref, ws)
    if not 0.5 <= keep <= 1 or (keep < 1 and version.kind != "delta"):
        raise InputError(
            f"A share of {keep:g} of the changes to a {version.kind} version cannot be kept.",
            "Give 0.5 to 1, and below 1 a version that was trained by the method full.",
        )
    parent = load_folder(version.path, ref=version.id)
    cues = renewed(parent.info.cues)
    examples = PairExamples(
        rows, parent.tokenizer, PairReader(cues), max_length=parent.info.max_length,
        figures=parent.info.use_figures,
    )  # fmt: skip
    fitted = parent if keep == 1 else load_folder(version.path)
    changes = read_tensors(version.path / DELTA_FILE) if keep < 1 else {}
    _pull(fitted.network.encoder, changes, keep)
    found = settle(
        fitted.network, examples, [str(row.get("group") or row["a"]) for row in rows],
        [*examples.a, *examples.b], pad_id=parent.tokenizer.pad_token_id or 0, progress=progress,
        rarity=parent.network.verdict and parent.network.verdict.rarity,
    )  # fmt: skip
    if not found.pairs:
        raise InputError(f"{len(rows)} pairs are too few to fit on.", "Give 200 or more, of several groups.")
    if found.verdict is None:
        raise InputError(
            f"A new last word would be no better: on pairs held back Spearman {found.together:.4f} against "
            f"{found.head:.4f}.",
            "Give more pairs, or keep the version.",
        )
    with scratch_folder(ws.scratch, "regrade") as folder:
        (folder / "model").mkdir()
        for file in (version.path / kept for kept in _WEIGHTS):
            if file.is_file():
                shutil.copyfile(file, folder / "model" / file.name)
        if changes:
            write_tensors(
                {name: value * keep for name, value in changes.items()},
                folder / "model" / DELTA_FILE, dtype_of(version.path / DELTA_FILE), kind="delta",
            )  # fmt: skip
        info = models.read_info(folder / "model")
        info.cues = cues
        info.topics = topics_behind(version, ws=ws)
        models.store_verdict(found.verdict, folder / "model", info)
        write_json_atomic(folder / "model" / models.INFO_FILE, vars(info))
        text = (
            f"The last word on a pair was fitted on {found.pairs:,} pairs of {data_name or 'a file'}; on a "
            f"fifth of the groups, held back from a first fit, Spearman {found.together:.4f}, and "
            f"{found.head:.4f} of the pair head alone."
            + (f" {keep:.0%} of the encoder's changes were kept." if keep < 1 else "")
        )
        origin = {
            "method": "regrade", "text": text, "data": data_name, "pairs": found.pairs, "kept": keep,
            "parents": [parent_of(version)],
        }  # fmt: skip
        return register_derived(folder, version, origin, measured=measured, name=name, command=command, ws=ws)


def _pull(encoder: Any, changes: dict[str, torch.Tensor], keep: float) -> None:
    with torch.no_grad():
        for name, value in encoder.named_parameters():
            if name in changes:
                value.sub_((1 - keep) * changes[name].to(value))
