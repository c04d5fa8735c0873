"""A pool of training images in the memory of the device that trains, which renderers on the other cores keep
filling.

Rendering is slower than a graphics card trains: the card reads the pool again and again, augmented anew each
time, while it grows; once it is full, the oldest scenes are replaced. Augmentation is mosaic.py.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import torch

from core.datasets.frames import Frame
from core.datasets.photos import open_photo
from core.errors import TrainingError
from core.machine import usable_cores
from core.yolo.mosaic import Augmentation, Stock, draw_batch
from core.yolo.recipe import YoloRecipe

MOST_BOXES = 64
_MEMORY_SHARE = 0.45  # of the device's free memory that the pool may take
_FIRST_IMAGES = 1200  # training begins when so many are there
_FRESH_SEED = 500_009  # added to the recipe's seed: scenes of the pool are never those of a dataset
_LATE_MOSAIC = 0.15

# (image (height, width, 3) uint8 RGB, boxes (n, 5) class x0 y0 x1 y1 in pixels)
Picture = tuple[np.ndarray, np.ndarray]


class ScenePool:
    """Makes the training loader for `Job.source` and keeps the renderers; close it in the end.

    Args:
        frames: Images of the dataset, put into the pool first.
        recipe: Size, augmentation, renderers, seed.
        batch_size: Images at once.
        device: `cuda` or `cpu`.
        pictures: Where fresh scenes come from, for tests; the scene generator otherwise.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        recipe: YoloRecipe,
        batch_size: int,
        *,
        device: str = "cuda",
        pictures: Iterator[Picture] | None = None,
    ) -> None:
        self.recipe = recipe
        self.batch_size = batch_size
        self.device = torch.device(device)
        self.side = recipe.image_size
        self.capacity = self._capacity(len(frames))
        self.stock = Stock(
            torch.zeros((self.capacity, self.side, self.side, 3), dtype=torch.uint8, device=self.device),
            torch.full((self.capacity, MOST_BOXES, 5), -1.0, device=self.device),
            torch.full((self.capacity, 2), float(self.side), device=self.device),
        )
        self.added = 0
        self.error: BaseException | None = None
        self.mosaic = True
        self._next = 0
        self._first = min(_FIRST_IMAGES, self.capacity)
        self._end = threading.Event()
        self._pictures = pictures
        self._frames = frames
        # Loading and rendering both end in one thread: it alone writes into the pool.
        self._thread = threading.Thread(target=self._fill, name="scene pool", daemon=True)
        self._thread.start()

    def __call__(self) -> PoolLoader:
        """The loader, once enough images are there."""
        while self.added < self._first and self._thread.is_alive():
            time.sleep(0.05)
        self.check()
        if not self.added:
            raise TrainingError(
                "The pool of training images is empty.", "Choose a dataset with training images."
            )
        return PoolLoader(self)

    @property
    def filled(self) -> int:
        """Images that can be drawn."""
        return min(self.added, self.capacity)

    def check(self) -> None:
        """Raise what ended the filling, if anything did.

        Raises:
            TrainingError: If a scene could not be rendered.
        """
        if self.error is not None:
            raise TrainingError(
                f"Rendering scenes failed: {type(self.error).__name__}: {self.error}.",
                "Train on a dataset instead: switch 'Render while training' off.",
            ) from self.error

    def draw(self, generator: torch.Generator | None = None) -> dict[str, torch.Tensor]:
        """One augmented batch."""
        recipe = self.recipe
        how = Augmentation(
            mosaic=recipe.mosaic if self.mosaic else min(_LATE_MOSAIC, recipe.mosaic), scale=recipe.scale,
            mirror=recipe.mirror, saturation=recipe.saturation, brightness=recipe.brightness,
        )  # fmt: skip
        return draw_batch(self.stock, self.filled, self.batch_size, how, generator)

    def close(self) -> None:
        """End the renderers and free the memory."""
        self._end.set()
        self._thread.join(timeout=60)
        self.stock = Stock(*(torch.empty(0) for _ in range(3)))

    def _capacity(self, frames: int) -> int:
        wanted = max(frames, self.recipe.pool_images if self.recipe.fresh_scenes else frames, 1)
        if self.device.type != "cuda":
            return wanted
        free, _ = torch.cuda.mem_get_info(self.device)
        return max(1, min(wanted, int(_MEMORY_SHARE * free / (self.side * self.side * 3))))

    def _fill(self) -> None:
        stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        try:
            with torch.cuda.stream(stream) if stream else _Nothing():
                self._fill_from_disk()
                self._first = min(self._first, max(self.added, 1)) if not self._renders else self._first
                if self._renders:
                    self._fill_from_renderers()
        except BaseException as error:
            self.error = error

    @property
    def _renders(self) -> bool:
        return self.recipe.fresh_scenes

    def _fill_from_disk(self) -> None:
        with ThreadPoolExecutor(usable_cores()) as readers:
            for picture in readers.map(read_picture, self._frames[: self.capacity]):
                if self._end.is_set():
                    return
                self._add(*picture)

    def _fill_from_renderers(self) -> None:
        if self._pictures is not None:
            for picture in self._pictures:
                if self._end.is_set():
                    return
                self._add(*picture)
            return
        workers = self.recipe.renderers or max(1, usable_cores() - 1)
        with fresh_scenes(self.recipe.seed + _FRESH_SEED, self.side, workers) as pictures:
            for picture in pictures:
                if self._end.is_set():
                    return
                self._add(*picture)

    def _add(self, image: np.ndarray, boxes: np.ndarray) -> None:
        image, boxes = shrink(image, boxes, self.side)
        height, width = image.shape[:2]
        if len(boxes) > MOST_BOXES:
            area = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2])
            boxes = boxes[np.argsort(-area)[:MOST_BOXES]]
        rows = torch.full((MOST_BOXES, 5), -1.0)
        rows[: len(boxes)] = torch.from_numpy(boxes.astype(np.float32))
        place = self._next
        self.stock.images[place, :height, :width].copy_(torch.from_numpy(np.array(image)))
        self.stock.boxes[place].copy_(rows)
        self.stock.sizes[place].copy_(torch.tensor([float(width), float(height)]))
        if self.device.type == "cuda":
            # Not before the image has arrived may it be drawn.
            torch.cuda.current_stream(self.device).synchronize()
        self._next = (place + 1) % self.capacity
        self.added += 1


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class fresh_scenes:
    """Pictures of new training scenes, without end; a context manager.

    Args:
        seed: Of the scenes.
        side: Long side in pixels.
        workers: Renderer processes.
    """

    def __init__(self, seed: int, side: int, workers: int) -> None:
        from core.yolo.scene.stream import SceneStream

        self._stream = SceneStream(seed, split="train", size=side, workers=workers)

    def __enter__(self) -> Iterator[Picture]:
        return self._pictures()

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _pictures(self) -> Iterator[Picture]:
        for _, image, labels in self._stream:
            yield (
                image,
                np.array([(label.class_id, *label.box) for label in labels], np.float32).reshape(-1, 5),
            )


def read_picture(frame: Frame) -> Picture:
    """A frame's pixels and boxes in pixels."""
    pixels, (width, height) = open_photo(frame.path)
    classes, boxes = frame.boxes()
    return pixels, np.concatenate([classes[:, None], boxes * np.array([width, height] * 2)], axis=1)


def shrink(image: np.ndarray, boxes: np.ndarray, side: int) -> Picture:
    """Scale a picture so that its long side is `side`."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale != 1:
        size = max(1, min(side, round(width * scale))), max(1, min(side, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        boxes = boxes * np.array([1, size[0] / width, size[1] / height, size[0] / width, size[1] / height])
    return image, boxes


class PoolLoader:
    """What the library's trainer asks of a loader, over a pool.

    Args:
        pool: The pool.
    """

    num_workers = 0
    drop_last = True

    def __init__(self, pool: ScenePool) -> None:
        self.pool = pool
        self.batch_size = pool.batch_size
        self.count = max(
            1, math.ceil((pool.recipe.images_per_epoch or max(pool.filled, 1)) / pool.batch_size)
        )
        self.sampler = range(self.count * self.batch_size)
        self.dataset = _PoolDataset(pool, len(self.sampler))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _ in range(self.count):
            self.pool.check()
            yield self.pool.draw()

    def reset(self) -> None:
        """Nothing to do: batches are drawn one by one."""

    def close(self) -> None:
        """Nothing to do: the pool is closed by who made it."""


class _PoolDataset:
    def __init__(self, pool: ScenePool, count: int) -> None:
        self._pool = pool
        self._count = count

    def __len__(self) -> int:
        return self._count

    @property
    def mosaic(self) -> bool:
        return self._pool.mosaic

    @mosaic.setter
    def mosaic(self, value: bool) -> None:
        self._pool.mosaic = value


Source = Callable[[], PoolLoader]
