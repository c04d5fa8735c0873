"""Small labelled pictures made on the spot: a tall bar is a pole, a wide bar a crossarm, a block
underground.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.frames import Frame, Thing, label_line


def draw(seed: int, side: int = 64) -> tuple[np.ndarray, list[Thing]]:
    """One picture (side, side, 3) with one to three things."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(150, 200, (side, side, 3)).astype(np.uint8)
    things = []
    for label, colour in ((0, (110, 70, 30)), (1, (30, 30, 120)), (2, (20, 110, 40))):
        if rng.random() < 0.25:
            continue
        w, h = {0: (8, 40), 1: (36, 8), 2: (18, 14)}[label]
        x, y = rng.integers(1, side - w), rng.integers(1, side - h)
        pixels[y : y + h, x : x + w] = colour
        x0, y0, x1, y1 = x / side, y / side, (x + w) / side, (y + h) / side
        things.append(Thing(label, ((x0, y0), (x1, y0), (x1, y1), (x0, y1))))
    return pixels, things


def write_folder(folder: Path, count: int, start: int = 0) -> list[Frame]:
    """A labelled folder with images/ and labels/."""
    frames = []
    for number in range(start, start + count):
        pixels, things = draw(number)
        image = folder / "images" / f"p{number:03d}.png"
        label = folder / "labels" / f"p{number:03d}.txt"
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(image)
        label.write_text("".join(label_line(t) + "\n" for t in things), encoding="utf-8", newline="\n")
        frames.append(Frame(image, tuple(things), size=(64, 64), real=False))
    return frames


@pytest.fixture
def labelled():
    """`labelled(folder, count, start)` writes a labelled folder and returns its frames."""
    return write_folder


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, list[Frame]]:
    """Training and validation frames of 64 pixels."""
    return {"train": write_folder(tmp_path / "a", 24), "val": write_folder(tmp_path / "b", 8, 100)}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Weights files of two small detectors, the second trained on from the first."""
    from core.yolo import weights
    from core.yolo.recipe import build_recipe
    from core.yolo.train import train_local

    small = {
        "architecture": "yolov8p", "image_size": 64, "epochs": 40, "batch_size": 16, "learning_rate": 5e-3,
        "fresh_learning_rate": 0, "fresh_size": 0, "first_size": 0, "least_box": 0,
        "images_per_epoch": 0, "minutes": 0, "mosaic": 0.0, "scale": 0.2, "average": 0.9,
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("trained")
    train, val = write_folder(folder / "a", 40), write_folder(folder / "b", 8, 100)
    quiet = {"device": "cpu", "tell": lambda line: None}
    first, second = folder / "one", folder / "two"
    train_local(train, val, build_recipe("fast", small), "scratch", first, **quiet)
    more = build_recipe("fast", {**small, "epochs": 4, "seed": 3})
    train_local(train, val, more, first / weights.WEIGHTS_FILE, second, **quiet)
    return first / weights.WEIGHTS_FILE, second / weights.WEIGHTS_FILE
