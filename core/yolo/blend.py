"""Averages the weights of two detectors into a new version ("model soup").

This helps where both come from one ancestor or one was trained on from the other: their weights then lie in
one valley of the loss, and the middle is often flatter than either end (Izmailov et al. 2018; Wortsman et al.
2022). Networks that were trained apart give nonsense; the scores in the manifest tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from core.datasets.frames import Frame
from core.datasets.photos import open_photo
from core.errors import DatasetError, ModelError
from core.registry.manifest import Version
from core.training.average import check_different, check_share, mixed
from core.workspace import Workspace
from core.yolo import weights
from core.yolo.origin import Parent, Progress, open_parent, register_derived

_BATCH = 16  # photos over which one mean and variance is taken


def blend(
    first: str,
    second: str,
    *,
    share: float = 0.5,
    name: str = "",
    statistics: Sequence[Frame] | None = None,
    statistics_name: str = "",
    scores: bool = True,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    ws: Workspace | None = None,
) -> Version:
    """Average two detectors and register the result.

    Args:
        first: Reference as in `origin.open_parent`; the comparison in the manifest is with this one.
        second: The other one.
        share: Of `second` in the average, above 0 and below 1.
        name: What the user calls the new version.
        statistics: Photos on which the normalisation statistics are measured anew (see `renew_statistics`);
            None averages those of the parents.
        statistics_name: What the manifest calls these photos.
        scores: False to leave the measuring out.
        progress: Called with (photos done, photos in all).
        command: The command that makes it again.
        ws: Workspace; the current one by default.

    Raises:
        InputError: If the share is out of range, or both are the same weights.
        ModelError: If the two do not fit together.
    """
    check_share(share)
    parents = [open_parent(ref, ws=ws) for ref in (first, second)]
    _check(*parents)
    state = mixed(parents[0].state, parents[1].state, share)
    origin: dict[str, Any] = {
        "method": "blend",
        "text": f"Weights averaged: {1 - share:.0%} {parents[0].name} and {share:.0%} {parents[1].name}.",
        "shares": [round(1 - share, 6), round(share, 6)],
        "statistics": "averaged",
    }
    if statistics is not None:
        network = weights.build(parents[0].info.architecture, parents[0].info.labels)
        weights.put_in(network, state, _Named("the average"))
        count = renew_statistics(network, statistics, parents[0].info.image_size, progress=progress)
        state = network.state_dict()
        origin["statistics"] = {"measured_on": statistics_name, "photos": count}
        origin["text"] += f" Normalisation statistics measured anew on {count} photos."
    return register_derived(
        state, parents, origin, name=name, command=command, scores=scores, progress=progress, ws=ws
    )


class _Named(str):
    """Stands in for a path in an error message."""

    @property
    def name(self) -> str:
        return str(self)


def _check(one: Parent, other: Parent) -> None:
    check_different(one.name, other.name, one.sha256, other.sha256)
    if one.info.architecture != other.info.architecture or one.info.labels != other.info.labels:
        raise ModelError(
            f"{one.name!r} is {one.info.architecture} for {', '.join(one.info.labels)}, {other.name!r} is "
            f"{other.info.architecture} for {', '.join(other.info.labels)}; they cannot be averaged.",
            "Choose two versions of the same architecture and classes.",
        )


def renew_statistics(
    network: nn.Module, frames: Sequence[Frame], side: int, *, progress: Progress | None = None
) -> int:
    """Measure mean and variance of every normalisation layer anew, on photos as prediction sees them.

    The statistics of an average are not the average of the statistics: activations of the averaged weights
    vary less (Jordan et al. 2022), the more the further apart the parents are.

    Args:
        network: A DetectionModel that is not fused; changed in place.
        frames: Photos; their labels are not used.
        side: Long side in pixels.
        progress: Called with (photos done, photos in all).

    Returns:
        The number of photos that were used.

    Raises:
        DatasetError: If there are fewer than two photos.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.train()
    used = 0
    try:
        with torch.inference_mode():
            for batch in _batches(frames, side):
                used += len(batch)
                for layer in layers:
                    layer.momentum = len(batch) / used  # the mean over all photos so far
                network(torch.from_numpy(batch).permute(0, 3, 1, 2).float().div(255))
                if progress:
                    progress(used, len(frames))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        network.eval()
    return used


def _batches(frames: Sequence[Frame], side: int) -> Iterator[np.ndarray]:
    """Batches (n, height, width, 3) of photos of one shape, 1 to 16 each."""
    from core.yolo.predict import fit

    if len(frames) < 2:
        raise DatasetError(
            f"Statistics cannot be measured on {len(frames)} photos.", "Give a folder or dataset with more."
        )
    waiting: dict[tuple[int, ...], list[np.ndarray]] = {}
    for frame in frames:
        image, _, _ = fit(open_photo(frame.path, at_most=side)[0], side)
        group = waiting.setdefault(image.shape, [])
        group.append(image)
        if len(group) == _BATCH:
            yield np.stack(group)
            group.clear()
    for group in waiting.values():
        if group:
            yield np.stack(group)
