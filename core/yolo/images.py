"""Training and validation images for the ultralytics trainer, made from frames instead of from label files.

The library's own dataset would scan every image, write caches beside the data and drop all outlines when one
image has none. Augmentation stays the library's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import torch

from core.datasets.frames import Frame
from core.datasets.photos import photo_size
from core.machine import usable_cores
from core.yolo import quiet

quiet.library()
from torch.utils.data import Sampler  # noqa: E402
from ultralytics.data.dataset import YOLODataset  # noqa: E402

_MEMORY_SHARE = 0.4  # of the free memory that cached images may take


class FrameDataset(YOLODataset):
    """A YOLODataset whose labels come from frames.

    Args:
        frames: The labelled images.
        outlines: True to carry outlines (copy and paste, rotation); plain boxes become rectangles then.
        **options: As for YOLODataset.
    """

    def __init__(self, frames: Sequence[Frame], *, outlines: bool = False, **options: Any) -> None:
        self.frames = list(frames)
        self.outlines = outlines and any(not thing.is_box for frame in frames for thing in frame.things)
        super().__init__(img_path="", **options)

    def get_img_files(self, img_path: Any) -> list[str]:
        """Paths of the frames; called by the library."""
        return [str(frame.path) for frame in self.frames]

    def get_labels(self) -> list[dict[str, Any]]:
        """Labels of the frames in the library's form; called by the library."""
        return [self._label(frame) for frame in self.frames]

    def cache_images(self) -> None:
        """Keep all images in memory, without the library's progress bar; called by the library."""
        with ThreadPool(usable_cores()) as readers:
            loaded = readers.map(self.load_image, range(self.ni))
        for number, (image, original, resized) in enumerate(loaded):
            self.ims[number], self.im_hw0[number], self.im_hw[number] = image, original, resized

    def _label(self, frame: Frame) -> dict[str, Any]:
        classes, boxes = frame.boxes()
        width, height = frame.size if frame.size[0] else photo_size(frame.path)
        middle_and_extent = np.concatenate(
            [(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1
        )
        return {
            "im_file": str(frame.path),
            "shape": (height, width),
            "cls": classes.reshape(-1, 1).astype(np.float32),
            "bboxes": middle_and_extent.astype(np.float32),
            "segments": [_outline(thing) for thing in frame.things] if self.outlines else [],
            "keypoints": None,
            "normalized": True,
            "bbox_format": "xywh",
        }


def _outline(thing: Any) -> np.ndarray:
    points = thing.outline
    if thing.is_box:
        x0, y0, x1, y1 = thing.box
        points = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return np.array(points, np.float32)


class EpochSampler(Sampler):
    """Which images an epoch reads: a fresh random choice each time, with a chosen share of real photos.

    The order of an epoch depends on the seed and the epoch's number only, so a resumed training reads the
    same.

    Args:
        real: For each image, whether it is a photo.
        count: Images an epoch; 0 = each image once.
        real_share: Share of photos; 0 = as they come.
        seed: Of the random choice.
    """

    def __init__(self, real: Sequence[bool], count: int = 0, real_share: float = 0.0, seed: int = 0) -> None:
        self.real = np.array(real, bool)
        self.count = count or len(self.real)
        self.real_share = real_share if self.real.any() and not self.real.all() else 0.0
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        if self.real_share:
            photos = round(self.count * self.real_share)
            chosen = np.concatenate([
                _draw(rng, np.flatnonzero(self.real), photos),
                _draw(rng, np.flatnonzero(~self.real), self.count - photos),
            ])  # fmt: skip
            return iter(rng.permutation(chosen).tolist())
        return iter(_draw(rng, np.arange(len(self.real)), self.count).tolist())


def _draw(rng: np.random.Generator, pool: np.ndarray, count: int) -> np.ndarray:
    # Whole rounds before any image comes a second time.
    rounds = [rng.permutation(pool) for _ in range(math.ceil(count / len(pool)))]
    return np.concatenate(rounds)[:count] if rounds else pool[:0]


class FrameLoader(torch.utils.data.DataLoader):
    """A DataLoader with what the trainer asks of its loaders beside iteration: `reset` and `close`."""

    def reset(self) -> None:
        """Let the next epoch start new workers, which see changed settings of the dataset."""
        self._iterator = None

    def close(self) -> None:
        """Nothing to do: workers end with their iterator."""


def cache_choice(wish: str, frames: int, side: int) -> str | bool:
    """Whether images are kept in memory: `ram` or False.

    Args:
        wish: `auto`, `memory` or `off`.
        frames: Number of images.
        side: Long side in pixels to which they are scaled.
    """
    if wish != "auto":
        return "ram" if wish == "memory" else False
    import psutil

    return "ram" if frames * side * side * 3 < _MEMORY_SHARE * psutil.virtual_memory().available else False
