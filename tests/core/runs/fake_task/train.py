"""Train room of the counting model: a loss that falls, a checkpoint an epoch, and trouble on request."""

import json
import os
import time

from core.errors import NonFiniteLossError
from core.runs.context import RunContext, TrainResult
from core.runs.recovery import Attempt, run_with_recovery
from core.runs.spec import RunSpec


def train(spec: RunSpec, ctx: RunContext) -> TrainResult:
    recipe = spec.recipe

    def attempt(settings: Attempt) -> None:
        _count(recipe, ctx, settings)

    run_with_recovery(attempt, ctx, batch_size=4, accumulation=1, learning_rate=recipe["learning_rate"])
    ctx.set_phase("testing")
    (ctx.model_dir / "weights.json").write_text(json.dumps({"epoch": ctx.status.epoch}), encoding="utf-8")
    return TrainResult(report={"test": {"f1": 0.9}, "gold": None, "before": {"f1": 0.1}})


def _count(recipe: dict, ctx: RunContext, settings: Attempt) -> None:
    steps, epochs = recipe["steps"], recipe["epochs"]
    done = int(settings.resume_from.name.removeprefix("step-")) if settings.resume_from else 0
    ctx.start(steps * epochs, epochs, from_step=done, pid=os.getpid())
    for step in range(done + 1, steps * epochs + 1):
        time.sleep(recipe["pause"])
        if step == steps + 2:
            _trouble(recipe["trouble"], ctx, settings)
        ctx.step(step, step / steps, {"loss": 1.0 / step})
        if recipe["trouble"] != "ignore_stop" and ctx.should_stop() is not None:
            return
        if step % steps:
            continue
        epoch = step // steps
        metrics = {"train_loss": 1 / epoch, "val_loss": 1.1 / epoch, "f1": 1 - 0.5 / epoch}
        decision = ctx.epoch(step, epoch, metrics)
        folder = ctx.checkpoints / f"step-{step:08d}"
        folder.mkdir()
        (folder / "state.json").write_text(json.dumps({"step": step}), encoding="utf-8")
        ctx.checkpoint(step, folder)
        if decision != "continue" and recipe["trouble"] != "ignore_stop":
            return


def _trouble(kind: str, ctx: RunContext, settings: Attempt) -> None:
    if kind == "raise":
        print("a line on the console")
        raise ValueError("the widget broke\nsecond line")
    if kind == "memory" and settings.batch_size > 1:
        raise MemoryError
    if kind == "missing":
        import a_package_that_is_not_there  # noqa: F401
    if kind == "nan" and settings.rollbacks < 2:
        raise NonFiniteLossError("The training loss became nan at step 7.")
    if kind == "full_disk":
        # No file of this process may grow past the log as it is now, as on a disk that has just become full.
        import resource

        ctx.log("x" * 5000)
        size = ctx.metrics_log.path.stat().st_size + 20
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    if kind == "exit":
        os._exit(9)
