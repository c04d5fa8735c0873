"""One training of one network with the ultralytics trainer: our data, loss, precision, averaging and resume
points.

Knows no run folder, no dataset version and no registry: train.py brings those, core/bridges/ultralytics.py
the log.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.datasets.frames import LABELS, Frame
from core.errors import OutOfMemoryError
from core.training.precision import set_threads
from core.yolo import loss, quiet, sizes, weights
from core.yolo.images import EpochSampler, FrameDataset, FrameLoader, cache_choice
from core.yolo.metrics import ClassMetrics
from core.yolo.precision import decode_in_fp32, use_bf16
from core.yolo.recipe import YoloRecipe

quiet.library()
import ultralytics.engine.trainer as engine  # noqa: E402
from ultralytics.models.yolo.detect import DetectionTrainer, DetectionValidator  # noqa: E402
from ultralytics.utils.torch_utils import unwrap_model  # noqa: E402

STATE_FILE = "state.pt"
LIVE_FILE = "live.safetensors"
AVERAGE_FILE = "average.safetensors"
_LOWEST_RATE = 0.01
_AVERAGE_RAMP = 400  # updates over which the average's memory grows to its full length


@dataclass(frozen=True)
class Job:
    """Everything one attempt needs.

    Args:
        recipe: The settings.
        train: Training images.
        validation: Validation images.
        folder: Scratch folder of the trainer.
        device: `cpu` or `cuda`.
        start: State dict to begin from, or None for random weights.
        start_labels: Class names of `start`, or empty if they are the detector's.
        batch_size: Images at once.
        accumulation: Batches an update.
        learning_rate: In force for this attempt.
        resume_from: Folder of a resume point, or None.
        source: What makes the training batches instead of the images on disk (the pool on a graphics card).
        fresh: True when the training began from random weights, before any resume.
    """

    recipe: YoloRecipe
    train: Sequence[Frame]
    validation: Sequence[Frame]
    folder: Path
    device: str = "cpu"
    start: dict[str, torch.Tensor] | None = None
    start_labels: Sequence[str] = ()
    batch_size: int = 16
    accumulation: int = 1
    learning_rate: float = 2e-3
    resume_from: Path | None = None
    source: Callable[[], Any] | None = None
    fresh: bool = False


def library_settings(job: Job, bf16: bool) -> dict[str, Any]:
    """The recipe in the library's words."""
    recipe = job.recipe
    cuda = job.device != "cpu"
    return {
        "model": "yolov8n.yaml", "data": "frames.yaml", "task": "detect", "mode": "train",
        "epochs": recipe.epochs, "batch": job.batch_size, "nbs": job.batch_size * job.accumulation,
        "imgsz": recipe.image_size, "device": "0" if cuda else "cpu", "workers": 8 if cuda else 0,
        "project": str(job.folder.parent), "name": job.folder.name, "exist_ok": True,
        "save_dir": str(job.folder),
        "patience": 0, "plots": False, "val": True, "save": True, "verbose": False, "pretrained": False,
        "amp": ("bf16" if bf16 else False) if cuda else False, "deterministic": not cuda, "seed": recipe.seed,
        "optimizer": {"adamw": "AdamW", "sgd": "SGD"}[recipe.optimizer], "lr0": job.learning_rate,

        "momentum": 0.9 if recipe.optimizer == "adamw" else 0.937, "weight_decay": recipe.weight_decay,
        "warmup_epochs": recipe.warmup * recipe.epochs, "warmup_bias_lr": 0.0, "warmup_momentum": 0.8,
        "box": recipe.box_gain, "cls": recipe.class_gain_in_force, "dfl": recipe.edge_gain,
        "mosaic": recipe.mosaic, "close_mosaic": 0, "scale": recipe.scale,
        "copy_paste": recipe.copy_paste, "mixup": recipe.mixup, "degrees": recipe.degrees,
        "translate": recipe.translate, "fliplr": recipe.mirror, "hsv_h": recipe.hue,
        "hsv_s": recipe.saturation,
        "hsv_v": recipe.brightness, "erasing": 0.0, "auto_augment": None, "conf": 0.001, "iou": 0.7,
    }  # fmt: skip


def rate_share(progress: float, decay: str) -> float:
    """Learning rate as a share of its highest value, after `progress` (0 to 1) of the training."""
    if decay == "constant":
        return 1.0
    down = 0.5 * (1 + math.cos(math.pi * progress)) if decay == "cosine" else 1 - progress
    return _LOWEST_RATE + (1 - _LOWEST_RATE) * down


def side_at(progress: float, recipe: YoloRecipe) -> int:
    """Side in pixels (a multiple of 32) to which training images are scaled after `progress` (0 to 1) of a
    training from random weights that grows its images.
    """
    first = recipe.first_size or recipe.image_size
    share = min(1.0, progress / recipe.grow_until) if recipe.grow_until else 1.0
    side = first + (recipe.image_size - first) * share
    return min(recipe.image_size, max(32, int(side // 32) * 32))


class DetectorTrainer(DetectionTrainer):
    """The library's trainer with our data, loss, precision, averaging and resume points.

    Args:
        job: What to train.
        callbacks: The library's callbacks by event name.

    Attributes:
        updates_an_epoch: Updates of one epoch, with fraction.
        updates: Updates done, those before a resume included.
    """

    def __init__(self, job: Job, callbacks: dict[str, list[Callable]] | None = None) -> None:
        self.job = job
        self.bf16 = use_bf16(job.recipe.precision, job.device)
        self.threads = set_threads(job.recipe.threads) if job.device == "cpu" else 0
        self.updates = 0
        self.updates_an_epoch = 1.0
        self.mosaic_closed = False
        self.seconds_before = 0.0
        self.began = time.monotonic()
        table = {name: [] for name in engine.callbacks.get_default_callbacks()}
        for name, functions in (callbacks or {}).items():
            table.setdefault(name, []).extend(functions)
        table["on_train_epoch_start"].insert(0, DetectorTrainer._begin_epoch)
        super().__init__(overrides=library_settings(job, self.bf16), _callbacks=table)
        self.resume = job.resume_from is not None
        if self.device.type == "cpu":
            # The library has just set the number of threads to one less than there are.
            set_threads(job.recipe.threads)

    @property
    def seconds(self) -> float:
        """Training time of all attempts that led here."""
        return self.seconds_before + time.monotonic() - self.began

    @property
    def progress(self) -> float:
        """How much of the training is done, 0 to 1: by epochs or by the time limit, whichever is further."""
        done = self.updates / max(1, self.updates_an_epoch * self.epochs)
        limit = self.job.recipe.minutes * 60
        return min(1.0, max(done, self.seconds / limit if limit else 0.0))

    @property
    def out_of_time(self) -> bool:
        """True when the time limit is reached; a last validation still follows."""
        limit = self.job.recipe.minutes * 60
        return bool(limit) and self.seconds >= limit

    def _begin_epoch(self) -> None:
        share = self.job.recipe.close_mosaic
        if share and not self.mosaic_closed and self.progress >= 1 - share:
            self.mosaic_closed = True
            self._close_dataloader_mosaic()

    def _setup_scheduler(self) -> None:
        # By progress instead of by epoch, so that a time limit ends on the low end of the schedule as well.
        self.lf = lambda _: rate_share(self.progress, self.job.recipe.decay)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lr_lambda=self.lf)

    def get_dataset(self) -> dict[str, Any]:
        """What the library knows of the data; the images themselves are in the job."""
        return {
            "train": "train",
            "val": "val",
            "names": dict(enumerate(LABELS)),
            "nc": len(LABELS),
            "channels": 3,
        }

    def setup_model(self) -> dict[str, Any] | None:
        """Build the network, with the starting weights or those of the resume point."""
        job = self.job
        network = weights.build(job.recipe.architecture, LABELS, seed=job.recipe.seed)
        state = None
        if job.resume_from is not None:
            state = torch.load(job.resume_from / STATE_FILE, map_location="cpu", weights_only=True)
            weights.put_in(
                network, weights.read_state(job.resume_from / LIVE_FILE), job.resume_from / LIVE_FILE
            )
        elif job.start is not None:
            weights.adopt(network, job.start, LABELS, job.start_labels)
        for parameter in network.parameters():
            parameter.requires_grad_(True)
        self.model = network
        return state

    def set_class_weights(self) -> None:
        """Put in the loss; the library calls this hook before it copies the network for averaging."""
        network = unwrap_model(self.model)
        if self.device.type == "cpu" and self.bf16:
            self.model = self.model.to(memory_format=torch.channels_last)
        loss.install(network, self.job.recipe.class_weights, self.job.recipe.focal_gamma)

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> Any:
        """Loader of the training or validation images."""
        recipe = self.job.recipe
        if mode == "train" and self.job.source is not None:
            return self.job.source()
        frames = self.job.train if mode == "train" else self.job.validation
        augment = mode == "train"
        size = recipe.image_size
        cached = cache_choice(recipe.cache, len(frames), size)
        dataset = FrameDataset(
            frames, outlines=augment and (recipe.copy_paste > 0 or recipe.degrees > 0), data=self.data,
            imgsz=size, batch_size=batch_size, augment=augment, hyp=self.args, rect=not augment,
            cache=cached, stride=32,
            pad=0.0 if augment else 0.5,
        )  # fmt: skip
        sampler = None
        if augment:
            real = [frame.real for frame in frames]
            sampler = EpochSampler(real, recipe.images_per_epoch, recipe.real_share, recipe.seed)
            sampler.epoch = self.start_epoch_of_resume
        # Images in memory need no help, and workers that start anew for each validation cost seconds.
        workers = self.args.workers if self.device.type != "cpu" and (augment or not cached) else 0
        return FrameLoader(
            dataset, batch_size=min(batch_size, len(sampler or dataset)), sampler=sampler,
            num_workers=workers,
            collate_fn=dataset.collate_fn, pin_memory=self.device.type == "cuda", drop_last=False,
            persistent_workers=workers > 0,
        )  # fmt: skip

    @property
    def start_epoch_of_resume(self) -> int:
        """Epoch to go on with."""
        folder = self.job.resume_from
        if folder is None:
            return 0
        return int(torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)["epoch"]) + 1

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Batches of a pool come ready; those of the library's dataset are moved to the device and scaled."""
        if batch["img"].is_floating_point():
            return batch
        batch = super().preprocess_batch(batch)
        if self.job.fresh:
            batch = sizes.resized(batch, side_at(self.progress, self.job.recipe))
        return sizes.without_tiny(batch, self.job.recipe.least_box)

    def get_validator(self) -> DetectionValidator:
        """The library's validator with figures at the confidence in force."""
        validator = DetectionValidator(
            self.test_loader, save_dir=self.save_dir, args=copy(self.args), _callbacks=self.callbacks
        )
        recipe = self.job.recipe
        validator.metrics = ClassMetrics(dict(enumerate(LABELS)), recipe.confidence, recipe.recall_share)
        return validator

    def _build_train_pipeline(self) -> None:
        if getattr(self, "_oom_retries", 0):
            # The library halves the batch by itself in the first epoch only, and without accumulation.
            raise OutOfMemoryError("The machine ran out of memory.", "Choose a smaller batch size.")
        super()._build_train_pipeline()
        self.accumulate = self.job.accumulation
        # Batches left over at the end of an epoch wait for those of the next one.
        self.updates_an_epoch = len(self.train_loader) / self.accumulate

    def optimizer_step(self) -> None:
        """One update."""
        super().optimizer_step()
        self.updates += 1
        if self.updates > self._warmup_updates:
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * self.lf(0)

    @property
    def _warmup_updates(self) -> int:
        return math.ceil(self._get_warmup_iterations(len(self.train_loader)) / self.accumulate)

    def validate(self) -> tuple[dict[str, float], float]:
        """Validate the averaged weights; on the CPU in the training's number format, with boxes decoded in
        fp32.
        """
        average = self.ema.ema
        undo = decode_in_fp32(average)
        lowered = torch.autocast("cpu", dtype=torch.bfloat16) if self.cpu_bf16 else nullcontext()
        try:
            with lowered:
                return super().validate()
        finally:
            undo()

    @property
    def cpu_bf16(self) -> bool:
        """True when the CPU computes in bf16."""
        return self.bf16 and self.device.type == "cpu"

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Set up the averaging and, when resuming, put back what the resume point holds."""
        length = self.job.recipe.average
        self.ema.decay = lambda updates: length * (1 - math.exp(-updates / _AVERAGE_RAMP))
        if ckpt is None:
            return
        fresh = [(group["initial_lr"], group["weight_decay"]) for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(ckpt["optimizer"])
        for group, (rate, decay) in zip(self.optimizer.param_groups, fresh, strict=True):
            # This attempt's learning rate holds, not the one that may have failed.
            group["initial_lr"] = group["lr"] = rate
            group["weight_decay"] = decay
        self.scaler.load_state_dict(ckpt["scaler"])
        state = weights.read_state(self.job.resume_from / AVERAGE_FILE)
        weights.put_in(self.ema.ema, state, self.job.resume_from / AVERAGE_FILE)
        self.ema.updates = int(ckpt["average_updates"])
        self.updates = int(ckpt["updates"])
        self.seconds_before = float(ckpt["seconds"])
        self.best_fitness = ckpt["best_fitness"]
        self.start_epoch = int(ckpt["epoch"]) + 1
        torch.set_rng_state(ckpt["rng"])
        np.random.seed(self.job.recipe.seed + self.start_epoch)

    def save_model(self) -> bool:
        """The library's pickle is not written: `save_point` writes ours when the bridge asks."""
        return True

    def save_point(self, folder: Path) -> None:
        """Write a resume point into a new folder: tensors as safetensors, the rest without any class in
        it.
        """
        folder.mkdir(parents=True)
        weights.save_state(unwrap_model(self.model).state_dict(), folder / LIVE_FILE, dtype="fp32")
        weights.save_state(self.ema.ema.state_dict(), folder / AVERAGE_FILE, dtype="fp32")
        torch.save(
            {
                "epoch": self.epoch, "updates": self.updates, "average_updates": self.ema.updates,
                "best_fitness": None if self.best_fitness is None else float(self.best_fitness),
                "optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict(),
                "rng": torch.get_rng_state(), "seconds": self.seconds,
            },
            folder / STATE_FILE,
        )  # fmt: skip

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """No results.csv: the run's log holds every figure."""

    def final_eval(self) -> None:
        """No last validation here: train.py scores the stored model on the test split."""

    def run(self) -> None:
        """Train from the job's start to its end."""
        library_autocast = engine.autocast
        if self.cpu_bf16:
            # The library refuses bf16 on a CPU although torch computes it there.
            engine.autocast = lambda enabled=True, device="cpu": torch.autocast("cpu", dtype=torch.bfloat16)
        try:
            self.train()
        finally:
            engine.autocast = library_autocast
            for loader in (getattr(self, "train_loader", None), getattr(self, "test_loader", None)):
                if hasattr(loader, "close"):
                    loader.close()
