"""Writes data sets of generated photos over all cores. Streaming them into a training is stream.py.

A photo counts as done when its image file exists: labels are written first, both through a temporary name,
so a killed run leaves only whole pairs and goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2

from core.errors import DatasetError, InputError
from core.yolo.scene.families import GENERATOR_VERSION, SPLITS
from core.yolo.scene.labels import yolo_lines
from core.yolo.scene.scene import Scene, make_scene, render
from core.yolo.scene.stage import CLASS_NAMES

QUALITY = 93  # of the stored JPEG; the damage of worse ones is part of the scene
SETTINGS_FILE = "generator.json"
_CHUNK = 8  # scenes a worker gets at once

T = TypeVar("T")
Progress = Callable[[int, int, float], None]


@dataclass
class RenderStats:
    """What a run of the writer did.

    Args:
        total: Photos in the data set.
        rendered: Photos drawn by this run.
        skipped: Photos that were there already.
        seconds: Wall time of this run.
        images_per_second: rendered / seconds, 0 when nothing was drawn.
        splits: Photos of each split.
        classes: Labels of each class.
        negatives: Photos without any label.
        kinds: Photos of each kind of scene.
        families: Number of families in each split.
        stopped: True when the run was asked to stop before its end.
    """

    total: int
    rendered: int = 0
    skipped: int = 0
    seconds: float = 0.0
    images_per_second: float = 0.0
    splits: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    negatives: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    families: dict[str, int] = field(default_factory=dict)
    stopped: bool = False

    def as_dict(self) -> dict:
        """The figures as plain values, for a card or JSON."""
        return asdict(self)


def _replace_bytes(path: Path, payload: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_bytes(payload)
    os.replace(temporary, path)


def _paths(folder: Path, scene: Scene) -> tuple[Path, Path]:
    return (
        folder / "images" / scene.split / f"{scene.name}.jpg",
        folder / "labels" / scene.split / f"{scene.name}.txt",
    )


def write_scene(folder: Path, scene: Scene, size: int) -> None:
    """Render one scene and write its label file and its photo, each as a whole."""
    image, labels = render(scene, size)
    height, width = image.shape[:2]
    image_path, label_path = _paths(folder, scene)
    ok, packed = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not ok:
        raise DatasetError(f"Scene {scene.name} could not be packed as JPEG.", "Render at another size.")
    _replace_bytes(label_path, yolo_lines(labels, width, height).encode("utf-8"))
    _replace_bytes(image_path, packed.tobytes())


def one_thread() -> None:
    """One renderer a core: cv2's own threads would only get in each other's way."""
    cv2.setNumThreads(1)


def _write_chunk(folder: str, seed: int, indices: Sequence[int], size: int) -> int:
    for index in indices:
        write_scene(Path(folder), make_scene(seed, index), size)
    return len(indices)


def _check_settings(folder: Path, settings: dict[str, int]) -> None:
    """Refuse to mix photos of different settings in one folder."""
    path = folder / SETTINGS_FILE
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != settings:
            raise DatasetError(
                f"The folder '{folder}' holds scenes made with {found}, asked for are {settings}.",
                "Choose an empty folder or the same seed, size and generator version.",
            )
        return
    if any((folder / "images").rglob("*.jpg")):
        raise DatasetError(
            f"The folder '{folder}' holds images without {SETTINGS_FILE}.", "Choose an empty folder."
        )
    _replace_bytes(path, json.dumps(settings, indent=1).encode("utf-8"))


def _write_yaml(folder: Path) -> None:
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASS_NAMES))
    text = (
        "# Generated scenes. Paths are relative to this file.\n"
        "train: images/train\nval: images/val\ntest: images/test\n"
        f"names:\n{names}"
    )
    _replace_bytes(folder / "data.yaml", text.encode("utf-8"))


def default_workers() -> int:
    """One renderer for each core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write_dataset(
    out_dir: str | Path,
    count: int,
    seed: int,
    *,
    size: int = 640,
    workers: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: bool = True,
) -> RenderStats:
    """Write `count` photos with labels in the ultralytics layout.

    Args:
        out_dir: Folder for images/{train,val,test}, labels/{train,val,test} and data.yaml.
        count: Photos in all; scenes 0 to count - 1 of the seed, 70/20/10 by family.
        seed: Seed of the scenes, 0 or more.
        size: Longer side of a photo in pixels.
        workers: Renderer processes; None for one a core, 1 renders in this process.
        progress: Called with (done, total, images a second of this run).
        should_stop: Asked between photos; True ends the run early, a later one goes on.
        resume: Keep photos that are there; False draws all of them anew.

    Returns:
        Figures of the run and of the data set.

    Raises:
        InputError: `count` or `workers` is below 1.
        DatasetError: The folder holds photos of other settings.
    """
    workers = default_workers() if workers is None else workers
    if count < 1 or workers < 1:
        raise InputError(f"{count} photos with {workers} workers were asked for.", "Give 1 or more of both.")
    folder = Path(out_dir)
    for kind in ("images", "labels"):
        for split in SPLITS:
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
    _check_settings(folder, {"generator_version": GENERATOR_VERSION, "seed": seed, "size": size})
    _write_yaml(folder)
    scenes = [make_scene(seed, index) for index in range(count)]
    missing = [s.index for s in scenes if not (resume and _paths(folder, s)[0].exists())]
    stats = RenderStats(total=count, skipped=count - len(missing))
    started = time.perf_counter()
    for done in _run(folder, seed, missing, size, workers, should_stop):
        stats.rendered += done
        stats.seconds = time.perf_counter() - started
        stats.images_per_second = stats.rendered / max(stats.seconds, 1e-9)
        if progress is not None:
            progress(stats.skipped + stats.rendered, count, stats.images_per_second)
    stats.stopped = stats.rendered < len(missing)
    _count(folder, scenes, stats)
    return stats


def _run(
    folder: Path,
    seed: int,
    missing: list[int],
    size: int,
    workers: int,
    should_stop: Callable[[], bool] | None,
) -> Iterator[int]:
    """Render what is missing; yields how many photos each finished step added."""
    stop = should_stop or (lambda: False)
    if workers == 1 or len(missing) < 2 * _CHUNK:
        for index in missing:
            if stop():
                return
            yield _write_chunk(str(folder), seed, [index], size)
        return
    chunks = [missing[i : i + _CHUNK] for i in range(0, len(missing), _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(chunks)), context, one_thread) as pool:
        waiting = [pool.submit(_write_chunk, str(folder), seed, chunk, size) for chunk in chunks]
        try:
            for future in as_completed(waiting):
                yield worker_result(future)
                if stop():
                    return
        finally:
            for future in waiting:
                future.cancel()


def worker_result(future: Future[T]) -> T:
    """What a renderer process gave back; a process that died is told in words."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise DatasetError(
            "A renderer process ended before its scene was done, most often for want of memory.",
            "Start again with fewer workers; finished photos are kept.",
        ) from error


def _count(folder: Path, scenes: list[Scene], stats: RenderStats) -> None:
    """Fill in what the finished files hold."""
    classes, splits, kinds = Counter(), Counter(), Counter()
    families: dict[str, set[int]] = {split: set() for split in SPLITS}
    for scene in scenes:
        image_path, label_path = _paths(folder, scene)
        if not image_path.exists():
            continue
        lines = label_path.read_text(encoding="utf-8").splitlines()
        classes.update(CLASS_NAMES[int(line.split(" ", 1)[0])] for line in lines)
        splits[scene.split] += 1
        kinds[scene.kind] += 1
        families[scene.split].add(scene.family)
        stats.negatives += not lines
    stats.splits = {split: splits[split] for split in SPLITS}
    stats.classes = {name: classes[name] for name in CLASS_NAMES}
    stats.kinds = dict(sorted(kinds.items()))
    stats.families = {split: len(numbers) for split, numbers in families.items()}
