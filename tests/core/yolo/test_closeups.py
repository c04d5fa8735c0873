"""Sections of training images: what is drawn and what the boxes say stay together."""

from __future__ import annotations

import pytest
import torch

from core.yolo.closeups import resized, without_tiny


def _batch(boxes: list[tuple[float, float, float, float]], side: int = 96) -> dict:
    """One image a box; the box is drawn in white on black, image 0 for the first."""
    images = torch.zeros(len(boxes), 3, side, side)
    for number, (x, y, wide, high) in enumerate(boxes):
        x0, x1 = round((x - wide / 2) * side), round((x + wide / 2) * side)
        y0, y1 = round((y - high / 2) * side), round((y + high / 2) * side)
        images[number, :, y0:y1, x0:x1] = 1
    return {
        "img": images, "batch_idx": torch.arange(len(boxes)).float(),
        "cls": torch.arange(len(boxes)).float()[:, None], "bboxes": torch.tensor(boxes),
    }  # fmt: skip


def _drawn(image: torch.Tensor) -> list[float]:
    """Box of the white part, as middle and extent in shares."""
    rows, columns = torch.where(image[0] > 0.5)
    side = image.shape[-1]
    x0, x1 = columns.min().item() / side, (columns.max().item() + 1) / side
    y0, y1 = rows.min().item() / side, (rows.max().item() + 1) / side
    return [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]


@pytest.mark.parametrize("seed", range(6))
def test_boxes_follow_the_section(seed: int) -> None:
    torch.manual_seed(seed)
    batch = resized(_batch([(0.5, 0.5, 0.25, 0.125), (0.25, 0.75, 0.125, 0.25)] * 4), 64, 1.0)
    assert batch["img"].shape == (8, 3, 64, 64)
    assert batch["batch_idx"].tolist() == list(range(8))
    for image, box in zip(batch["img"], batch["bboxes"], strict=True):
        # One pixel of the section may be a few of the result.
        assert torch.tensor(_drawn(image)).sub(box).abs().max() < 0.06


def test_objects_are_larger_in_sections() -> None:
    torch.manual_seed(3)
    boxes = [(0.5, 0.5, 0.2, 0.05)] * 64
    whole, near = resized(_batch(boxes), 64, 0.0), resized(_batch(boxes), 64, 1.0)
    assert torch.allclose(whole["bboxes"], torch.tensor(boxes))
    assert near["bboxes"][:, 2].min() >= 0.2 and near["bboxes"][:, 2].mean() > 0.3


def test_what_is_not_shown_is_not_taught() -> None:
    torch.manual_seed(1)
    batch = _batch([(0.1, 0.1, 0.1, 0.1)] * 40)
    # A second object in the far corner of each image.
    batch["batch_idx"] = batch["batch_idx"].repeat(2)
    batch["cls"] = torch.cat([torch.zeros(40, 1), torch.ones(40, 1)])
    batch["bboxes"] = torch.cat([batch["bboxes"], torch.tensor([[0.9, 0.9, 0.1, 0.1]] * 40)])
    batch = resized(batch, 64, 1.0)
    counts = [int((batch["batch_idx"] == number).sum()) for number in range(40)]
    assert set(counts) == {1, 2} or set(counts) == {1}
    assert batch["bboxes"].min() >= 0 and (batch["bboxes"][:, :2] + batch["bboxes"][:, 2:] / 2).max() < 1.001


def test_images_without_objects_and_unchanged_sizes() -> None:
    empty = {
        "img": torch.rand(3, 3, 64, 64), "batch_idx": torch.zeros(0), "cls": torch.zeros(0, 1),
        "bboxes": torch.zeros(0, 4),
    }  # fmt: skip
    assert resized(dict(empty), 32, 1.0)["img"].shape == (3, 3, 32, 32)
    assert resized(dict(empty), 64, 0.0)["img"] is empty["img"]


def test_tiny_objects_are_left_out() -> None:
    batch = _batch([(0.5, 0.5, 0.2, 0.02), (0.5, 0.5, 0.05, 0.05)], side=100)
    assert without_tiny(dict(batch), 10)["cls"].flatten().tolist() == [0.0]
    assert without_tiny(dict(batch), 0)["cls"].flatten().tolist() == [0.0, 1.0]
