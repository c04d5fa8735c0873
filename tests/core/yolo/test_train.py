"""Trainings of seconds: learning, resume points, time limit, failures, and a whole run with kill -9 in the
middle.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from core.bridges.ultralytics import UltralyticsBridge
from core.errors import NonFiniteLossError, OutOfMemoryError
from core.runs import launcher
from core.runs.series import RunLog
from core.runs.state import RunState, read_status
from core.yolo.best import BestWeights
from core.yolo.dataset import build_imported
from core.yolo.evaluate import evaluate
from core.yolo.fit import spread
from core.yolo.predict import load_model, wrap
from core.yolo.recipe import build_recipe
from core.yolo.train import train_local
from core.yolo.trainer import DetectorTrainer, Job, side_at

SMALL = {
    "architecture": "yolov8p", "image_size": 64, "images_per_epoch": 0, "batch_size": 8,
    "learning_rate": 5e-3, "fresh_learning_rate": 0, "fresh_size": 0, "first_size": 0, "least_box": 0,
    "average": 0.95, "minutes": 0, "warmup": 0.1, "threads": 1, "sheet_every": 0, "precision": "fp32",
}  # fmt: skip


class _Context:
    """As much of a run's context as the bridge asks for."""

    def __init__(self, folder: Path) -> None:
        self.checkpoints = folder / "checkpoints"
        self.checkpoints.mkdir(parents=True)
        self.steps, self.epochs, self.points, self.started = [], [], [], {}
        self.wish, self.decision, self.reason = None, "continue", ""

    def start(self, steps, epochs, **info):
        self.started = {"steps": steps, "epochs": epochs, **info}

    def step_due(self):
        return True

    def step(self, step, epoch, metrics):
        self.steps.append((step, epoch, metrics))

    def epoch(self, step, epoch, metrics):
        self.epochs.append((step, epoch, metrics))
        return self.decision

    def checkpoint(self, step, path, keep=2):
        self.points.append(path)

    def should_stop(self):
        return self.wish

    def end_early(self, reason, text):
        self.reason = reason


def _trainer(toy, ctx, resume_from=None, **changes):
    recipe = build_recipe("fast", {**SMALL, **changes})
    best = BestWeights(ctx.checkpoints, fresh=resume_from is None)
    bridge = UltralyticsBridge(ctx, keep_best=lambda t, f: best.offer(t.ema.ema, f, t.epoch + 1))
    job = Job(
        recipe, toy["train"], toy["val"], ctx.checkpoints / "library", batch_size=recipe.batch_size,
        accumulation=recipe.gradient_accumulation, learning_rate=recipe.learning_rate,
        resume_from=resume_from,
    )  # fmt: skip
    return DetectorTrainer(job, callbacks=bridge.callbacks()), best


def test_a_small_network_learns_the_toy(tmp_path: Path, labelled) -> None:
    train, val = labelled(tmp_path / "a", 40), labelled(tmp_path / "b", 12, 100)
    recipe = build_recipe("fast", {**SMALL, "epochs": 40, "batch_size": 16})
    fitted = train_local(train, val, recipe, "scratch", tmp_path / "m", device="cpu", tell=lambda line: None)
    assert fitted.figures["map50"] > 0.5
    figures = evaluate(wrap(fitted.network, fitted.info, device="cpu", precision="fp32", threads=1), val)
    assert figures["map50"] > 0.5
    assert not (tmp_path / "m.work").exists()


def test_images_grow_from_random_weights_only(toy, tmp_path: Path) -> None:
    recipe = build_recipe(
        "fast", {**SMALL, "image_size": 128, "first_size": 64, "grow_until": 0.5, "least_box": 10}
    )
    assert [side_at(share, recipe) for share in (0, 0.26, 0.5, 1)] == [64, 96, 128, 128]
    assert side_at(0, build_recipe("fast", {**SMALL, "first_size": 256})) == 64
    seen = {}
    for fresh in (True, False):
        job = Job(recipe, toy["train"], toy["val"], tmp_path / str(fresh), fresh=fresh)
        batch = {
            "img": torch.zeros(2, 3, 128, 96, dtype=torch.uint8), "batch_idx": torch.tensor([0.0, 1.0]),
            "cls": torch.tensor([[0.0], [1.0]]),
            "bboxes": torch.tensor([[0.5, 0.5, 0.2, 0.5], [0.5, 0.5, 0.1, 0.1]]),
        }  # fmt: skip
        batch = DetectorTrainer(job).preprocess_batch(batch)
        seen[fresh] = (tuple(batch["img"].shape), batch["cls"].flatten().tolist())
    # 0.1 of 64 pixels is too small to be taught, 0.1 of 128 is not.
    assert seen == {True: ((2, 3, 64, 64), [0.0]), False: ((2, 3, 128, 96), [0.0, 1.0])}


def test_random_weights_get_their_own_learning_rate() -> None:
    recipe = build_recipe("fast", {"learning_rate": 1e-3, "fresh_learning_rate": 2e-3})
    assert recipe.rate(fresh=True) == 2e-3 and recipe.rate(fresh=False) == 1e-3
    assert build_recipe("seed", {"learning_rate": 4e-3}).rate(fresh=True) == 4e-3
    sized = build_recipe("fast", {"image_size": 512, "fresh_size": 320})
    assert sized.begun(fresh=True).image_size == 320 and sized.begun(fresh=False).image_size == 512
    assert build_recipe("fast", {"image_size": 256, "fresh_size": 320}).begun(fresh=True).image_size == 256


def test_few_validation_images_come_from_all_over(toy) -> None:
    frames = toy["train"]
    assert spread(frames, 0) == spread(frames, 1000) == frames
    assert [frames.index(frame) for frame in spread(frames, 3)] == [0, 12, 23]


def test_the_bridge_reports_what_happens(toy, tmp_path: Path) -> None:
    ctx = _Context(tmp_path)
    trainer, best = _trainer(toy, ctx, epochs=2, gradient_accumulation=2)
    trainer.run()
    assert (
        ctx.started["steps"] == 3 and ctx.started["epochs"] == 2
    )  # 24 images, 8 at once, 2 batches an update
    step, epoch, metrics = ctx.steps[-1]
    assert (step, epoch) == (3, 2.0)
    assert metrics["loss"] == pytest.approx(
        metrics["box_loss"] + metrics["class_loss"] + metrics["edge_loss"]
    )
    assert metrics["images_per_second"] > 0 and metrics["learning_rate"] > 0
    figures = ctx.epochs[-1][2]
    parts = (
        "train_loss",
        "val_loss",
        "val_box_loss",
        "map50",
        "map50_95",
        "crossarm_recall",
        "pole_precision",
    )
    assert set(parts) <= set(figures)
    assert ctx.points[-1].name == "step-00000003"
    assert best.figures["fitness"] == max(figures["fitness"] for _, _, figures in ctx.epochs)


def test_a_resumed_training_goes_on_exactly(toy, tmp_path: Path) -> None:
    # No augmentation by chance: the same images in the same order must give the same weights.
    plain = dict.fromkeys(("mosaic", "mirror", "scale", "translate", "hue", "saturation", "brightness"), 0.0)
    whole = _Context(tmp_path / "whole")
    trainer, _ = _trainer(toy, whole, epochs=4, **plain)
    trainer.run()
    cut = _Context(tmp_path / "cut")
    first, _ = _trainer(toy, cut, epochs=4, **plain)

    def leave(*_):
        if len(cut.epochs) == 2:
            raise KeyboardInterrupt

    first.add_callback("on_train_batch_end", leave)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    again, _ = _trainer(toy, cut, resume_from=cut.points[-1], epochs=4, **plain)
    again.run()
    assert [epoch for _, epoch, _ in cut.epochs] == [1, 2, 3, 4]
    assert cut.started["from_step"] == 6
    for name, value in trainer.ema.ema.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, again.ema.ema.state_dict()[name], atol=2e-4), name


def test_a_resume_point_holds_no_code(toy, tmp_path: Path) -> None:
    ctx = _Context(tmp_path)
    trainer, _ = _trainer(toy, ctx, epochs=1)
    trainer.run()
    state = torch.load(ctx.points[0] / "state.pt", weights_only=True)
    assert state["epoch"] == 0 and state["updates"] == 3
    assert sorted(path.name for path in ctx.points[0].iterdir()) == [
        "average.safetensors", "live.safetensors", "state.pt",
    ]  # fmt: skip
    assert not list(ctx.checkpoints.rglob("last.pt"))


def test_stop_ends_after_a_last_validation(toy, tmp_path: Path) -> None:
    ctx = _Context(tmp_path)
    trainer, best = _trainer(toy, ctx, epochs=50)
    trainer.add_callback("on_train_batch_start", lambda t: setattr(ctx, "wish", "stop"))
    trainer.run()
    assert len(ctx.epochs) == 1 and len(ctx.steps) == 1 and best.figures


def test_the_time_limit_ends_a_training(toy, tmp_path: Path) -> None:
    ctx = _Context(tmp_path)
    trainer, _ = _trainer(toy, ctx, epochs=1000, minutes=0.02, decay="linear")
    trainer.run()
    assert ctx.reason == "time"
    assert 1 <= len(ctx.epochs) < 1000
    # The schedule ended with the time, not with the epochs that were asked for.
    assert ctx.steps[-1][2]["learning_rate"] < 0.3 * 5e-3


def test_a_loss_that_is_no_number_is_told_before_anything_is_stored(toy, tmp_path: Path) -> None:
    ctx = _Context(tmp_path)
    trainer, best = _trainer(toy, ctx, epochs=2)

    def spoil(trainer) -> None:
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(float("nan"))

    trainer.add_callback("on_train_batch_start", spoil)
    with pytest.raises(NonFiniteLossError):
        trainer.run()
    assert not ctx.points and not best.figures


def test_running_out_of_memory_is_told_and_not_hidden(toy, tmp_path: Path, monkeypatch) -> None:
    ctx = _Context(tmp_path)
    trainer, _ = _trainer(toy, ctx, epochs=2)

    def full(batch):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(trainer, "preprocess_batch", full)
    with pytest.raises(OutOfMemoryError):
        trainer.run()


def test_the_best_epoch_weighs_crossarm_recall_as_asked(toy, tmp_path: Path) -> None:
    from core.yolo.metrics import ClassMetrics

    metrics = ClassMetrics({0: "pole", 1: "crossarm"}, 0.25, 0.25)
    tp = np.zeros((2, 10), bool)
    tp[0, :1] = True
    metrics.update_stats({
        "tp": tp, "conf": np.array([0.9, 0.1]), "pred_cls": np.array([1, 0]), "target_cls": np.array([1, 0]),
        "target_img": np.array([0, 1]), "im_name": "a",
    })  # fmt: skip
    metrics.process()
    assert metrics.figures["crossarm_recall"] == 1.0 and metrics.figures["pole_recall"] == 0.0
    assert metrics.fitness == pytest.approx(0.75 * metrics.figures["map50_95"] + 0.25)


def _dataset(tmp_path: Path, workspace, labelled):
    labelled(tmp_path / "data", 30)
    info, result = build_imported([tmp_path / "data"], name="toy", ws=workspace)
    assert not result.rejected
    return info


def test_a_run_survives_kill_and_becomes_a_version(tmp_path: Path, workspace, labelled, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    info = _dataset(tmp_path, workspace, labelled)
    recipe = {**SMALL, "epochs": 5, "batch_size": 4, "sheet_every": 2}
    status = launcher.launch("yolo", recipe=recipe, preset="fast", dataset=info.id, base_model="scratch")
    folder = workspace.run(status.run_id)
    deadline = time.monotonic() + 60
    while not list((folder / "checkpoints").glob("step-*/complete.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(int(__import__("json").loads((folder / "process.json").read_text())["pid"]),
            getattr(signal, "SIGKILL", signal.SIGTERM))  # fmt: skip
    while read_status(folder).state != RunState.LOST and time.monotonic() < deadline:
        time.sleep(0.05)
    launcher.resume(status.run_id)
    status = launcher.wait(status.run_id, timeout=90)
    assert status.state == RunState.COMPLETED, status.message
    log = RunLog(folder / "metrics.jsonl")
    log.refresh()
    assert [event["epoch"] for event in log.epochs] == [1, 2, 3, 4, 5]
    assert (folder / "samples" / "epoch_002.jpg").stat().st_size > 1000
    model = load_model(status.version, ws=workspace, device="cpu", precision="fp32")
    assert model.info.architecture == "yolov8p" and model.image_size == 64


def test_a_cancelled_run_keeps_nothing(tmp_path: Path, workspace, labelled, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    info = _dataset(tmp_path, workspace, labelled)
    status = launcher.launch(
        "yolo", recipe={**SMALL, "epochs": 300}, preset="fast", dataset=info.id, base_model="scratch"
    )
    folder = workspace.run(status.run_id)
    deadline = time.monotonic() + 60
    while read_status(folder).step < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    launcher.cancel(status.run_id)
    assert launcher.wait(status.run_id, timeout=30).state == RunState.CANCELLED
    assert not (folder / "model").exists()
