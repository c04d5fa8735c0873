"""Fresh scenes straight into a training, rendered ahead by other cores. Writing files is render.py."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np

from core.yolo.scene.labels import Label
from core.yolo.scene.render import one_thread, worker_result
from core.yolo.scene.scene import Scene, make_scene, render

Sample = tuple[Scene, np.ndarray, list[Label]]


def _render_sample(seed: int, index: int, split: str, size: int) -> Sample:
    scene = make_scene(seed, index, split)
    return (scene, *render(scene, size))


class SceneStream:
    """An endless iterator of (scene, image, labels) for training straight from the renderer.

    Scenes come in the order of their index whatever the number of workers, so a stream started again at
    `position` goes on where it stopped. Use it as a context manager, or call `close`.

    Args:
        seed: Seed of the scenes.
        split: train, val or test.
        size: Longer side of a photo in pixels.
        workers: Renderer processes; 0 renders in this process.
        start: Number of the first scene within the split.
        ahead: Photos rendered ahead of need, for each worker.
    """

    def __init__(
        self,
        seed: int,
        *,
        split: str = "train",
        size: int = 640,
        workers: int = 0,
        start: int = 0,
        ahead: int = 4,
    ) -> None:
        make_scene(seed, start, split)  # a wrong seed or split is told here and not in a worker
        self.seed, self.split, self.size = seed, split, size
        self.position = start
        self._ahead = max(1, workers * ahead)
        self._waiting: deque[Future[Sample]] = deque()
        self._pool: ProcessPoolExecutor | None = None
        if workers > 0:
            self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), one_thread)

    def __iter__(self) -> SceneStream:
        return self

    def __next__(self) -> Sample:
        if self._pool is None:
            sample = _render_sample(self.seed, self.position, self.split, self.size)
        else:
            while len(self._waiting) < self._ahead:
                index = self.position + len(self._waiting)
                self._waiting.append(
                    self._pool.submit(_render_sample, self.seed, index, self.split, self.size)
                )
            sample = worker_result(self._waiting.popleft())
        self.position += 1
        return sample

    def close(self) -> None:
        """End the workers; photos rendered ahead are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
            self._waiting.clear()

    def __enter__(self) -> SceneStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
