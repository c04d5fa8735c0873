"""Batches drawn on the device, and the pool that renderers fill."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import TrainingError
from core.yolo.best import BestWeights
from core.yolo.mosaic import Augmentation, Stock, draw_batch
from core.yolo.pool import MOST_BOXES, ScenePool, shrink
from core.yolo.recipe import build_recipe
from core.yolo.train import _Teller
from core.yolo.trainer import DetectorTrainer, Job

SIDE = 64
CALM = {"saturation": 0.0, "brightness": 0.0}
SMALL = {
    "architecture": "yolov8p", "image_size": SIDE, "epochs": 3, "images_per_epoch": 64, "batch_size": 8,
    "average": 0.95, "minutes": 0, "warmup": 0.1, "threads": 1, "precision": "fp32", "pool_images": 40,
    "sheet_every": 0,
}  # fmt: skip


def _picture(seed: int, width: int = SIDE, height: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """A green block on grey, with its box."""
    rng = np.random.default_rng(seed)
    w, h = rng.integers(14, 30, 2)
    x, y = rng.integers(0, width - w), rng.integers(0, height - h)
    image = np.full((height, width, 3), 114, np.uint8)
    image[y : y + h, x : x + w] = (0, 255, 0)
    return image, np.array([[1, x, y, x + w, y + h]], np.float32)


def _stock(count: int, width: int = SIDE, height: int = SIDE) -> Stock:
    images = torch.zeros((count, SIDE, SIDE, 3), dtype=torch.uint8)
    boxes = torch.full((count, MOST_BOXES, 5), -1.0)
    for number in range(count):
        image, box = _picture(number, width, height)
        images[number, :height, :width] = torch.from_numpy(image)
        boxes[number, :1] = torch.from_numpy(box)
    return Stock(images, boxes, torch.tensor([[float(width), float(height)]]).repeat(count, 1))


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
@pytest.mark.parametrize(("width", "height"), [(64, 64), (64, 40), (36, 64)])
def test_boxes_lie_on_what_they_name(mosaic: float, width: int, height: int) -> None:
    generator = torch.Generator().manual_seed(1)
    how = Augmentation(mosaic=mosaic, **CALM)
    batch = draw_batch(_stock(12, width, height), 12, 32, how, generator)
    assert batch["img"].shape == (32, 3, SIDE, SIDE) and batch["img"].min() >= 0 and batch["img"].max() <= 1
    assert len(batch["bboxes"]) == len(batch["cls"]) == len(batch["batch_idx"]) > 16
    green = (batch["img"][:, 1] - batch["img"][:, 0]) > 0.18
    coloured = green.flatten(1).any(1)  # some images are turned grey
    covered = torch.zeros_like(green)
    shares = []
    for image, (x, y, w, h) in zip(batch["batch_idx"].long(), batch["bboxes"] * SIDE, strict=True):
        x0, y0, x1, y1 = (round(float(v)) for v in (x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        inner = green[image, y0 + 1 : y1 - 1, x0 + 1 : x1 - 1]
        covered[image, max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = True
        if inner.numel() > 20 and coloured[image]:
            shares.append(inner.float().mean().item())
    assert np.median(shares) > 0.97 and np.mean(shares) > 0.9
    # What is green outside of all boxes are slivers that are too small to be labelled.
    assert (green & ~covered).sum() < 0.05 * green.sum()


def test_only_filled_places_are_drawn() -> None:
    stock = _stock(4)
    stock.images[2:] = 0
    stock.boxes[2:, 0, 0] = 2
    batch = draw_batch(stock, 2, 64, Augmentation(**CALM))
    assert set(batch["cls"].unique().tolist()) == {1.0}


def test_the_same_generator_gives_the_same_batch() -> None:
    one, other = (
        draw_batch(_stock(6), 6, 8, Augmentation(), torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert torch.equal(one["img"], other["img"]) and torch.equal(one["bboxes"], other["bboxes"])


def test_pictures_are_scaled_with_their_boxes() -> None:
    image, boxes = shrink(np.zeros((100, 200, 3), np.uint8), np.array([[1, 20, 10, 40, 30.0]]), 64)
    assert image.shape == (32, 64, 3)
    assert np.allclose(boxes, [[1, 6.4, 3.2, 12.8, 9.6]])


def test_the_pool_grows_replaces_the_oldest_and_ends(toy) -> None:
    recipe = build_recipe("gpu", SMALL)
    pictures = (_picture(number) for number in itertools.count())
    pool = ScenePool(toy["train"], recipe, 8, device="cpu", pictures=pictures)
    try:
        loader = pool()
        deadline = time.monotonic() + 20
        while pool.added < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert pool.added >= 100 and pool.filled == pool.capacity == 40
        assert len(loader) == 8 and len(loader.dataset) == 64
        batch = next(iter(loader))
        assert batch["img"].shape == (8, 3, SIDE, SIDE)
    finally:
        pool.close()
    assert not pool._thread.is_alive()


def test_a_renderer_that_fails_ends_the_training_with_a_sentence() -> None:
    def broken():
        yield _picture(1)
        raise ValueError("no such family")

    pool = ScenePool([], build_recipe("gpu", SMALL), 8, device="cpu", pictures=broken())
    pool._thread.join(20)
    with pytest.raises(TrainingError, match="no such family"):
        pool()
    pool.close()


def test_a_training_reads_the_pool_and_closes_mosaics_at_the_end(toy, tmp_path: Path) -> None:
    recipe = build_recipe("gpu", {**SMALL, "close_mosaic": 0.5})
    pictures = (_picture(number) for number in range(60))
    pool = ScenePool([], recipe, 8, device="cpu", pictures=pictures)
    best = BestWeights(tmp_path / "w", fresh=True)
    lines = []
    try:
        job = Job(recipe, [], toy["val"], tmp_path / "lib", batch_size=8, learning_rate=2e-3, source=pool)
        trainer = DetectorTrainer(job, callbacks=_Teller(best, lines.append, None).callbacks())
        trainer.run()
    finally:
        pool.close()
    assert len(lines) == 3 and trainer.updates == 24
    assert pool.mosaic is False and best.figures


def test_fresh_scenes_come_from_the_generator(tmp_path: Path) -> None:
    recipe = build_recipe("gpu", {**SMALL, "pool_images": 3, "renderers": 1})
    pool = ScenePool([], recipe, 2, device="cpu")
    try:
        pool()
        assert pool.filled >= 1 and pool.stock.images[0].float().std() > 5
    finally:
        pool.close()
