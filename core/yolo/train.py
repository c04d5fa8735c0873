"""The detector training of a run: dataset version in, stored model and report out.

The training itself is fit.py, the loop around failures core/runs/recovery.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.datasets.frames import LABELS, Frame, frame_from_row
from core.runs.outcome import emptied, in_use, scored, without
from core.training.precision import device_here
from core.yolo import calibrate, weights
from core.yolo.bases import DEFAULT_BASE, Start, find_weights
from core.yolo.fit import Fitted, fit, spread
from core.yolo.sheets import write_sheet

if TYPE_CHECKING:
    from core.runs.context import RunContext, TrainResult
    from core.runs.spec import RunSpec
    from core.yolo.predict import Detector
    from core.yolo.recipe import YoloRecipe

SAMPLES = "samples"
_REPORT_WORST = 20
_SHEET_PHOTOS = 9
_CALIBRATION_PHOTOS = 600


def train(spec: RunSpec, ctx: RunContext) -> TrainResult:
    """Train as `spec` says, write the model into `ctx.model_dir` and return the report.

    The report holds, for the test split and for the gold set where there is one, the scores of the stored
    model (reloaded from its files) and under `before` those of the model that it would replace.

    Raises:
        NexaError: In one sentence, whatever stands in the way.
    """
    from core.bridges.ultralytics import UltralyticsBridge
    from core.datasets import store
    from core.runs.context import RunCancelled, TrainResult
    from core.runs.recovery import run_with_recovery
    from core.yolo.recipe import build_recipe

    ctx.set_phase("preparing")
    recipe = build_recipe(spec.preset or "fast", spec.recipe)
    base = spec.base_model or DEFAULT_BASE
    dataset = store.get_dataset("yolo", spec.dataset)
    frames = {
        split: [frame_from_row(row, dataset.path, split) for row in store.iter_rows(dataset, split)]
        for split in ("train", "val", "test")
    }
    gold = store.get_dataset("yolo", spec.gold) if spec.gold else None
    gold_frames = (
        [frame_from_row(row, gold.path, "test") for row in store.iter_rows(gold, "test")] if gold else []
    )
    device = device_here()
    start = find_weights(base, recipe.architecture, trusted=recipe.trust_pickle, say=ctx.log)
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in frames.items())
    ctx.log(f"Training {recipe.architecture} on {device} with {counts} images. {start.text}")
    if recipe.fresh_scenes and device == "cpu":
        ctx.log(
            "Rendering while training needs a graphics card; this training reads the dataset's images only."
        )
    sheet = _Sheets(ctx, recipe, frames["val"], device)

    def attempt(settings: Any) -> Path:
        ctx.set_phase("training")

        def bridge(best: Any, told: dict[str, Any]) -> UltralyticsBridge:
            def keep(trainer: Any, figures: dict[str, float]) -> None:
                best.offer(trainer.ema.ema, figures, trainer.epoch + 1)

            link = UltralyticsBridge(ctx, keep_best=keep, after_epoch=sheet)
            link.info = told
            return link

        fitted = fit(
            frames["train"], frames["val"], recipe, start, ctx.checkpoints, device=device,
            batch_size=settings.batch_size, accumulation=settings.accumulation, rate=settings.learning_rate,
            resume_from=settings.resume_from, bridge=bridge, parent=base,
            generator=str(dataset.card.get("generator_version", "")),
        )  # fmt: skip
        if recipe.calibrate == "always" or (recipe.calibrate == "fresh" and start.path is None):
            ctx.set_phase("calibrating")
            settled = calibrate.settle(
                fitted.network, fitted.info, spread(frames["val"], _CALIBRATION_PHOTOS),
                to=recipe.confidence, least=recipe.least_box, device=device,
            )  # fmt: skip
            ctx.log(calibrate.told_of(settled, recipe.confidence))
        store_fitted(fitted, ctx.model_dir)
        ctx.log(
            f"Kept the weights after epoch {fitted.figures['epoch']} (validation mAP50-95 "
            f"{fitted.figures['map50_95']:.3f}, crossarm recall "
            f"{fitted.figures.get('crossarm_recall', 0.0):.3f}).",
            best=fitted.figures,
        )
        return ctx.model_dir

    folder = run_with_recovery(
        attempt,
        ctx,
        batch_size=recipe.batch_size,
        accumulation=recipe.gradient_accumulation,
        learning_rate=recipe.rate(start.path is None),
    )
    if ctx.should_stop() == "cancel":
        raise RunCancelled
    ctx.set_phase("testing")
    sets = {"test": frames["test"], "gold": gold_frames}
    report: dict[str, Any] = {
        "kind": "full",
        "base_model": {"name": base},
        "labels": list(LABELS),
        "dataset": {"id": dataset.id, "source": dataset.card.get("source") or ""},
        "gold_dataset": gold.id if gold else None,
        **_scores(_stored(folder, device), sets, recipe.confidence, ctx),
        "before": _before(sets, recipe.confidence, device, ctx),
    }
    return TrainResult(report=report, kind="full")


class _Sheets:
    """Draws validation photos with the predictions of the weights of the moment, every few epochs."""

    def __init__(self, ctx: RunContext, recipe: YoloRecipe, frames: Sequence[Frame], device: str) -> None:
        self.ctx = ctx
        self.every = recipe.sheet_every
        self.confidence = recipe.confidence
        self.frames = spread(frames, _SHEET_PHOTOS)
        self.device = device

    def __call__(self, trainer: Any, epoch: int) -> None:
        last = epoch >= trainer.epochs or trainer.stop
        if not self.every or not self.frames or (epoch % self.every and epoch != 1 and not last):
            return
        from copy import deepcopy

        from core.yolo.predict import wrap

        network = deepcopy(trainer.ema.ema)
        network.criterion = None
        info = weights.DetectorInfo(trainer.job.recipe.architecture, image_size=trainer.job.recipe.image_size)
        precision = "bf16" if trainer.bf16 else "fp32"
        model = wrap(network, info, device=self.device, precision=precision, threads=trainer.threads)
        path = self.ctx.run_dir / SAMPLES / f"epoch_{epoch:03d}.jpg"
        write_sheet(model, self.frames, path, confidence=self.confidence)
        name = path.relative_to(self.ctx.run_dir).as_posix()
        self.ctx.log(f"Validation photos after epoch {epoch}: {name}", image=name, epoch=epoch)


def store_fitted(fitted: Fitted, folder: Path) -> None:
    """Write the trained model into `folder`, replacing what an earlier attempt left there."""
    weights.store(fitted.network, emptied(folder), fitted.info)


def _stored(folder: Path, device: str) -> Detector:
    from core.yolo.predict import wrap

    network, info = weights.load(folder)
    return wrap(network, info, ref="trained", device=device)


def _scores(
    model: Detector, sets: dict[str, list[Frame]], confidence: float, ctx: RunContext
) -> dict[str, dict | None]:
    from core.yolo.evaluate import evaluate

    return scored(model, sets, ctx, partial(evaluate, confidence=confidence, worst=_REPORT_WORST))


def _before(sets: dict[str, list[Frame]], confidence: float, device: str, ctx: RunContext) -> dict[str, Any]:
    """Scores of the model in use so far: production, else the starter, else nothing found at all."""
    from core.yolo.predict import load_model

    found = in_use(partial(load_model, device=device), ctx)
    if found is None:
        return {"model": "none", "trained": False, "test": None, "gold": None}
    name, model = found
    scores = without(_scores(model, sets, confidence, ctx), "worst", "curves")
    return {"model": name, "trained": True, **scores}


class _Teller:
    """Stands in for a run's bridge in `train_local`: prints, keeps the best, writes no resume points."""

    def __init__(
        self, best: Any, tell: Callable[[str], None], after_epoch: Callable[[Any, int], None] | None
    ) -> None:
        self.best = best
        self.tell = tell
        self.after_epoch = after_epoch

    def callbacks(self) -> dict[str, list[Callable]]:
        return {"on_train_batch_end": [self._batch], "on_fit_epoch_end": [self._epoch]}

    def _batch(self, trainer: Any) -> None:
        if trainer.out_of_time:
            trainer.stop = True

    def _epoch(self, trainer: Any) -> None:
        figures = {**trainer.validator.metrics.figures, "fitness": float(trainer.fitness)}
        kept = self.best.offer(trainer.ema.ema, figures, trainer.epoch + 1)
        text = " ".join(f"{name}={value:.4f}" for name, value in figures.items())
        loss = " ".join(f"{name}={float(value):.4f}" for name, value in (trainer.tloss or {}).items())
        self.tell(
            f"epoch {trainer.epoch + 1} at {trainer.seconds:.0f} s: {loss} {text}{' best' if kept else ''}"
        )
        if self.after_epoch is not None:
            self.after_epoch(trainer, trainer.epoch + 1)


def train_local(
    frames_train: Sequence[Frame],
    frames_val: Sequence[Frame],
    recipe: YoloRecipe,
    base: str | Path = "scratch",
    out_dir: str | Path = "model",
    *,
    device: str = "",
    tell: Callable[[str], None] = print,
    after_epoch: Callable[[Any, int], None] | None = None,
    keep_work: bool = False,
) -> Fitted:
    """Train without a run folder: for scripts, measurements and machines without a workspace. Same core as
    `train`.

    Args:
        frames_train: Training images (see `layout.read_folder`); may be empty with `recipe.fresh_scenes` on
            a card.
        frames_val: Images for the choice of the best epoch.
        recipe: The settings.
        base: `scratch`, or a .safetensors file.
        out_dir: The stored model goes here.
        device: `cpu`, `cuda`, or empty for the best there is.
        tell: Receives one line an epoch.
        after_epoch: Called with (trainer, number of the epoch).
        keep_work: Leave the folder with the best weights beside `out_dir`.
    """
    out = Path(out_dir)
    work = out.with_name(out.name + ".work")
    path = None if str(base) == "scratch" else Path(base)
    fitted = fit(
        frames_train, frames_val, recipe, Start(path, False, ""), work, device=device or device_here(),
        bridge=lambda best, told: _Teller(best, tell, after_epoch),
        parent="scratch" if path is None else path.name,
    )  # fmt: skip
    store_fitted(fitted, out)
    if not keep_work:
        shutil.rmtree(work, ignore_errors=True)
    return fitted
