"""Training batches at another size, and without objects too small to teach."""

from __future__ import annotations

import pytest
import torch

from core.yolo.sizes import resized, without_tiny


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


@pytest.mark.parametrize(("shape", "side", "expected"), [((96, 96), 64, (64, 64)), ((96, 192), 96, (64, 96))])
def test_images_shrink_and_boxes_stay(shape: tuple[int, int], side: int, expected: tuple[int, int]) -> None:
    batch = {"img": torch.rand(2, 3, *shape), "bboxes": torch.rand(5, 4)}
    made = resized(dict(batch), side)
    assert made["img"].shape == (2, 3, *expected) and made["bboxes"] is batch["bboxes"]
    assert made["img"].mean().item() == pytest.approx(batch["img"].mean().item(), abs=0.02)


def test_images_of_the_right_size_are_left_alone() -> None:
    images = torch.rand(1, 3, 64, 64)
    assert resized({"img": images}, 64)["img"] is images


def test_tiny_objects_are_left_out() -> None:
    batch = _batch([(0.5, 0.5, 0.2, 0.02), (0.5, 0.5, 0.05, 0.05)], side=100)
    assert without_tiny(dict(batch), 10)["cls"].flatten().tolist() == [0.0]
    assert without_tiny(dict(batch), 0)["cls"].flatten().tolist() == [0.0, 1.0]
