"""Measurements that take minutes: our training against the library's own, and seconds from upload to boxes.

What is measured is trained and predicted by the same functions as in a run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.bench import Benchmark
from core.yolo.ablation import ablation

Say = Callable[[str], None]


def benchmarks() -> dict[str, Benchmark]:
    """The detector's benchmarks by name."""
    return {
        "train": Benchmark(
            "Training images a second against plain `yolo detect train` on the same data and settings "
            "(options: images, size, batch, architecture).",
            train_against_plain,
        ),
        "ablation": Benchmark(
            "Class weights and focal loss compared: one training from scratch for each, hours on a CPU, goes "
            "on after an interruption (options: images, size, epochs, batch, architecture, rate, seeds, "
            "data, output).",
            ablation,
        ),
        "photo": Benchmark("Seconds from a 12 megapixel JPEG to its boxes (options: model, repeat).", photo),
    }


def train_against_plain(
    say: Say, *, images: str = "160", size: str = "512", batch: str = "16", architecture: str = "yolov8n"
) -> dict[str, Any]:
    """Seconds of a warm epoch, validation left out, of our training and of the library's."""
    from core.yolo.scene.render import write_dataset

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        write_dataset(root, max(30, round(int(images) / 0.7)), 5, size=int(size))
        ours = _ours(root, Path(folder), int(size), int(batch), architecture)
        say(f"ours: {ours['seconds']:.1f} s an epoch of {ours['images']} images ({ours['precision']})")
        plain = _plain(root, Path(folder), int(size), int(batch), architecture)
        say(f"plain: {plain['seconds']:.1f} s an epoch")
    return {
        "ours_images_per_second": round(ours["images"] / ours["seconds"], 2),
        "plain_images_per_second": round(plain["images"] / plain["seconds"], 2),
        "times_faster": round(plain["seconds"] / ours["seconds"], 2),
        "precision": ours["precision"],
    }


class _Clock:
    """Times the training part of each epoch through the library's callbacks."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def begin(self, _: Any) -> None:
        self._began = time.perf_counter()

    def end(self, _: Any) -> None:
        self.seconds.append(time.perf_counter() - self._began)

    @property
    def warm(self) -> float:
        """Median without the first epoch, which builds kernels and fills caches."""
        return statistics.median(self.seconds[1:])


def _frames(root: Path, split: str) -> list[Any]:
    from core.datasets.frames import Frame, read_labels
    from core.datasets.photos import photo_size

    return [
        Frame(
            path, read_labels(root / "labels" / split / f"{path.stem}.txt"), real=False, size=photo_size(path)
        )
        for path in sorted((root / "images" / split).glob("*.jpg"))
    ]


def _ours(root: Path, folder: Path, size: int, batch: int, architecture: str) -> dict[str, Any]:
    from core.training.precision import device_here
    from core.yolo.recipe import build_recipe
    from core.yolo.trainer import DetectorTrainer, Job

    recipe = build_recipe(
        "fast",
        {"image_size": size, "batch_size": batch, "architecture": architecture, "epochs": 3,
         "images_per_epoch": 0,
         "minutes": 0, "mosaic": 1.0, "close_mosaic": 0, "gradient_accumulation": 1,
         "fresh_size": 0, "first_size": 0, "least_box": 0},
    )  # fmt: skip
    clock = _Clock()
    frames = _frames(root, "train")
    job = Job(recipe, frames, _frames(root, "val")[:8], folder / "ours", device_here(), batch_size=batch)
    trainer = DetectorTrainer(
        job, callbacks={"on_train_epoch_start": [clock.begin], "on_train_epoch_end": [clock.end]}
    )
    trainer.run()
    return {"seconds": clock.warm, "images": len(frames), "precision": "bf16" if trainer.bf16 else "fp32"}


def _plain(root: Path, folder: Path, size: int, batch: int, architecture: str) -> dict[str, Any]:
    from core.training.precision import device_here
    from core.yolo import quiet

    library = quiet.library()
    clock = _Clock()
    model = library.YOLO(f"{architecture}.yaml")
    model.add_callback("on_train_epoch_start", clock.begin)
    model.add_callback("on_train_epoch_end", clock.end)
    model.train(
        data=str(root / "data.yaml"), epochs=3, imgsz=size, batch=batch, nbs=batch, optimizer="AdamW",
        lr0=1e-3,
        project=str(folder), name="plain", plots=False, verbose=False, mosaic=1.0, close_mosaic=0,
        device="0" if device_here() == "cuda" else "cpu", amp="bf16" if device_here() == "cuda" else False,
    )  # fmt: skip
    return {"seconds": clock.warm, "images": len(list((root / "images" / "train").glob("*.jpg")))}


def photo(say: Say, *, model: str = "starter", repeat: str = "5") -> dict[str, Any]:
    """Seconds from the bytes of a 12 megapixel photo to its boxes, with and without tiles."""
    import io

    from PIL import Image

    from core.yolo.boxes import select
    from core.yolo.predict import load_model
    from core.yolo.scene.scene import make_scene, render

    pixels, _ = render(make_scene(11, 4), 1024)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((4000, 3000), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    detector = load_model(model)
    answer: dict[str, Any] = {"megapixels": 12, "megabytes": round(len(stream.getvalue()) / 1e6, 1)}
    for tiling in ("auto", "off"):
        detector.raw_photo(stream.getvalue(), tiling=tiling)
        times = []
        for _ in range(int(repeat)):
            begin = time.perf_counter()
            select(detector.raw_photo(stream.getvalue(), tiling=tiling))
            times.append(time.perf_counter() - begin)
        answer[f"seconds_{'tiled' if tiling == 'auto' else 'whole'}"] = round(statistics.median(times), 3)
        say(f"{tiling}: {statistics.median(times):.2f} s")
    return answer
