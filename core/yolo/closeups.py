"""Training batches seen from nearer: sections of images around an object, and objects too small to teach.

A network that begins from random weights learns a shape sooner where it is large. Nothing is read here; what
makes the batches is images.py.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

LOAD_FACTOR = 1.5  # images from which sections are cut are loaded this much larger than the network reads
_LEAST_FILLED, _MOST_FILLED = 0.15, 0.85  # of a section's side, by the object in it
_LEAST_SECTION = 0.3  # of the image's side; below it only blur would be enlarged
_LEAST_SHOWN = 0.25  # of a box's area, for the box to stay


def resized(batch: dict[str, Any], side: int, share: float) -> dict[str, Any]:
    """A batch scaled to `side`, some of its images replaced by a section around one of their objects.

    Args:
        batch: `img` (B, 3, H, W) float; `batch_idx` (k,), `cls` (k, 1), `bboxes` (k, 4) as middle and extent
            in shares of the image.
        side: Long side in pixels (a multiple of 32) of the result.
        share: Of the images, 0 to 1, that show a section; those without any object show a random one.

    Returns:
        The batch, its boxes clipped to what is shown; a box of which little is left is gone.
    """
    images = batch["img"]
    height, width = images.shape[2:]
    longest = max(height, width)
    sizes = [max(32, round(pixels * side / longest / 32) * 32) for pixels in (height, width)]
    if share <= 0:
        if longest != side:
            batch["img"] = _scaled(images, sizes)
        return batch
    views = torch.tensor([[0.0, 0.0, 1.0]]).repeat(len(images), 1)  # left, top, side in shares
    owner, boxes = batch["batch_idx"].long().cpu(), batch["bboxes"].cpu()
    for number in range(len(images)):
        if torch.rand(()) < share:
            views[number] = _section(boxes[owner == number])
    shown = []
    for image, (left, top, part) in zip(images, views.tolist(), strict=True):
        x0, y0 = round(left * width), round(top * height)
        x1, y1 = x0 + max(8, round(part * width)), y0 + max(8, round(part * height))
        shown.append(_scaled(image[None, :, y0:y1, x0:x1], sizes))
    batch["img"] = torch.cat(shown)
    return _seen(batch, views.to(batch["bboxes"].device))


def _scaled(images: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    return functional.interpolate(images, sizes, mode="bilinear", antialias=True)


def _section(boxes: torch.Tensor) -> torch.Tensor:
    """Left, top and side, in shares of the image, of a random section around one of the boxes (n, 4)."""
    dice = torch.rand(4).tolist()
    if not len(boxes):
        part = _LEAST_SECTION + (1 - _LEAST_SECTION) * dice[0]
        return torch.tensor([dice[1] * (1 - part), dice[2] * (1 - part), part])
    x, y, wide, high = boxes[int(dice[3] * len(boxes))].tolist()
    low, high_end = math.log(_LEAST_FILLED), math.log(_MOST_FILLED)
    part = max(wide, high) / math.exp(low + dice[0] * (high_end - low))
    part = min(1.0, max(_LEAST_SECTION, part))
    # The object may stand anywhere in the section as long as it fits.
    left = x - part / 2 + (dice[1] - 0.5) * max(0.0, part - wide)
    top = y - part / 2 + (dice[2] - 0.5) * max(0.0, part - high)
    return torch.tensor([min(max(left, 0.0), 1 - part), min(max(top, 0.0), 1 - part), part])


def _seen(batch: dict[str, Any], views: torch.Tensor) -> dict[str, Any]:
    boxes = batch["bboxes"]
    left, top, part = views.to(boxes.dtype)[batch["batch_idx"].long()].unbind(1)
    middle = torch.stack([(boxes[:, 0] - left) / part, (boxes[:, 1] - top) / part], 1)
    half = boxes[:, 2:] / part[:, None] / 2
    low, high = (middle - half).clamp(0, 1), (middle + half).clamp(0, 1)
    extent = high - low
    keep = extent.prod(1) > _LEAST_SHOWN * (4 * half.prod(1)).clamp(min=1e-12)
    batch["bboxes"] = torch.cat([(low + high) / 2, extent], 1)
    return _kept(batch, keep)


def without_tiny(batch: dict[str, Any], least: float) -> dict[str, Any]:
    """A training batch without the objects whose long side is below `least` pixels of its images."""
    if least > 0:
        height, width = batch["img"].shape[2:]
        longest = (batch["bboxes"][:, 2:] * batch["bboxes"].new_tensor([width, height])).amax(1)
        batch = _kept(batch, longest >= least)
    return batch


def _kept(batch: dict[str, Any], keep: torch.Tensor) -> dict[str, Any]:
    for name in ("batch_idx", "cls", "bboxes"):
        batch[name] = batch[name][keep]
    return batch
