"""The NER training of a run: dataset version in, stored model and report out.

The training itself is fit.py, the loop around failures core/runs/recovery.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from core.encoders.bases import DEFAULT_BASE, fingerprint, resolve_base
from core.ner import model as models
from core.ner.evaluate import evaluate
from core.ner.fit import Fitted, fit
from core.ner.predict import NerModel, load_base, load_folder, load_model
from core.runs.checkpoints import begin_with
from core.runs.outcome import emptied, in_use, scored, without
from core.tasks import TASKS
from core.training.precision import device_here
from core.training.stored import quiet

if TYPE_CHECKING:
    from core.ner.recipe import NerRecipe
    from core.runs.context import RunContext, TrainResult
    from core.runs.spec import RunSpec

LABELS = TASKS["ner"].labels
_REPORT_WORST = 20


def train(spec: RunSpec, ctx: RunContext) -> TrainResult:
    """Train as `spec` says, write the model into `ctx.model_dir` and return the report.

    The report holds, for the test split and for the gold set where there is one, the scores of the stored
    model (reloaded from its files) and under `before` those of the model that it would replace.

    Raises:
        NexaError: In one sentence, whatever stands in the way.
    """
    from core.bridges.hf import HfBridge
    from core.datasets import store
    from core.ner.recipe import build_recipe
    from core.runs.context import TrainResult
    from core.runs.recovery import run_with_recovery

    quiet()
    ctx.set_phase("preparing")
    recipe = build_recipe(spec.preset or "fast", spec.recipe)
    base = spec.base_model or DEFAULT_BASE
    dataset = store.get_dataset("ner", spec.dataset)
    splits = {name: list(store.read_rows(dataset, name)) for name in ("train", "val", "test")}
    gold = store.get_dataset("ner", spec.gold) if spec.gold else None
    sets = {"test": splits["test"], "gold": list(store.read_rows(gold, "test")) if gold else []}
    device = device_here()
    _announce(ctx, recipe, base, splits, device)
    begin_with(ctx.run_dir, fingerprint(resolve_base(base)), base)

    def attempt(settings: Any) -> Path:
        ctx.set_phase("training")
        bridge = HfBridge(ctx, method=recipe.method, base_model=base)
        fitted = fit(
            splits["train"], splits["val"] or splits["train"][:200], recipe, base, ctx.checkpoints,
            labels=LABELS, device=device, batch_size=settings.batch_size, accumulation=settings.accumulation,
            rate=settings.learning_rate, resume_from=settings.resume_from, callbacks=[bridge],
        )  # fmt: skip
        if ctx.should_stop() == "cancel":
            from core.runs.context import RunCancelled

            raise RunCancelled
        store_fitted(fitted, recipe, ctx.model_dir)
        ctx.log(
            f"Kept the weights after epoch {fitted.epoch:.2f} (validation F1 "
            f"{fitted.metrics.get('f1', 0.0):.4f}).",
            best=fitted.metrics,
        )
        return ctx.model_dir

    folder = run_with_recovery(
        attempt,
        ctx,
        batch_size=recipe.batch_size,
        accumulation=recipe.gradient_accumulation,
        learning_rate=recipe.rate,
    )
    ctx.set_phase("testing")
    trained = load_folder(folder)
    report: dict[str, Any] = {
        "kind": trained.info.kind,
        "base_model": {"name": base, "sha256": trained.info.base_sha256},
        "labels": list(LABELS),
        "dataset": {"id": dataset.id, "source": dataset.card.get("source") or {}},
        "gold_dataset": gold.id if gold else None,
        **_scores(trained, sets, ctx),
        "before": _before(base, sets, ctx),
    }
    return TrainResult(report=report, kind=trained.info.kind)


def _announce(ctx: RunContext, recipe: NerRecipe, base: str, splits: dict[str, list], device: str) -> None:
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in splits.items())
    ctx.log(f"Training {base} ({recipe.method}) on {device} with {counts} examples.")
    if recipe.method == "lora" and recipe.rate != recipe.learning_rate:
        ctx.log(
            f"Adapters and head learn at {recipe.rate:g} (adapter learning rate), not at "
            f"{recipe.learning_rate:g}, "
            "at which adapters learn nothing."
        )


def _scores(model: NerModel, sets: dict[str, list[dict]], ctx: RunContext) -> dict[str, dict | None]:
    return scored(model, sets, ctx, partial(evaluate, worst=_REPORT_WORST))


def _before(base: str, sets: dict[str, list[dict]], ctx: RunContext) -> dict[str, Any]:
    """Scores of the model in use so far: production, else the starter, else the untrained base."""
    _, model = in_use(load_model, ctx) or ("base", load_base(base))
    return {"model": model.ref, "trained": model.trained, **without(_scores(model, sets, ctx), "worst")}


def store_fitted(fitted: Fitted, recipe: NerRecipe, folder: Path) -> None:
    """Write the trained model into `folder`, replacing what an earlier attempt left there."""
    models.store(fitted.network, emptied(folder), fitted.info, dtype=recipe.store_dtype)


class _Printer(TrainerCallback):
    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def on_evaluate(self, args, state, control, metrics=None, **_: Any) -> None:
        figures = " ".join(
            f"{name.removeprefix('eval_')}={value:.4f}" for name, value in (metrics or {}).items()
        )
        self.tell(f"epoch {state.epoch:.2f} step {state.global_step}: {figures}")


def train_local(
    rows_train: Sequence[dict],
    rows_val: Sequence[dict],
    recipe: NerRecipe,
    base: str = DEFAULT_BASE,
    out_dir: str | Path = "model",
    *,
    device: str = "cpu",
    labels: Sequence[str] = LABELS,
    tell: Callable[[str], None] = print,
    callbacks: Sequence[TrainerCallback] = (),
    keep_checkpoints: bool = False,
) -> NerModel:
    """Train without a run folder: for scripts and measurements. Same core as `train`.

    Args:
        rows_train: Rows `{"text", "entities"}`.
        rows_val: The same, for the choice of the best epoch.
        recipe: A `NerRecipe`, or any object with its attributes.
        base: Base encoder.
        out_dir: The stored model goes here; a folder beside it holds the resume points meanwhile.
        device: `cpu` or `cuda`.
        labels: Entity labels.
        tell: Receives one line an epoch.
        callbacks: More Trainer callbacks.
        keep_checkpoints: Leave that folder in place.

    Returns:
        The model, reloaded from `out_dir` (on the CPU; move `model.network` for more).
    """
    out = Path(out_dir)
    work = out.with_name(out.name + ".work")
    fitted = fit(
        rows_train,
        rows_val,
        recipe,
        base,
        work,
        labels=labels,
        device=device,
        callbacks=[_Printer(tell), *callbacks],
    )
    store_fitted(fitted, recipe, out)
    if not keep_checkpoints:
        shutil.rmtree(work, ignore_errors=True)
    return load_folder(out)
