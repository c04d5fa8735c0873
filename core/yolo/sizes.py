"""Training batches at another size, and without objects that are too small there to teach a shape.

Nothing is read here; what makes the batches is images.py.
"""

from __future__ import annotations

from typing import Any

from torch.nn import functional


def resized(batch: dict[str, Any], side: int) -> dict[str, Any]:
    """A batch scaled to `side`.

    Args:
        batch: `img` (B, 3, H, W) float; boxes are in shares of the image and stay as they are.
        side: Long side in pixels (a multiple of 32) of the result.
    """
    images = batch["img"]
    height, width = images.shape[2:]
    longest = max(height, width)
    if longest != side:
        sizes = [max(32, round(pixels * side / longest / 32) * 32) for pixels in (height, width)]
        batch["img"] = functional.interpolate(images, sizes, mode="bilinear", antialias=True)
    return batch


def without_tiny(batch: dict[str, Any], least: float) -> dict[str, Any]:
    """A training batch without the objects whose long side is below `least` pixels of its images.

    Args:
        batch: `img` (B, 3, H, W); `batch_idx` (k,), `cls` (k, 1), `bboxes` (k, 4) as middle and extent in
            shares of the image.
        least: In pixels; 0 keeps all.
    """
    if least > 0:
        height, width = batch["img"].shape[2:]
        longest = (batch["bboxes"][:, 2:] * batch["bboxes"].new_tensor([width, height])).amax(1)
        keep = longest >= least
        for name in ("batch_idx", "cls", "bboxes"):
            batch[name] = batch[name][keep]
    return batch
