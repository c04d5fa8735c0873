"""The similarity training of a run: dataset version in, stored model and report out.

The training itself is fit.py, the loop around failures core/runs/recovery.py.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from core.embeddings import bases
from core.embeddings import model as models
from core.embeddings.evaluate import evaluate
from core.embeddings.fit import Fitted, fit
from core.embeddings.predict import SimilarityModel, load_base, load_folder, load_model
from core.embeddings.stress import general_similarity, stress_report
from core.embeddings.unseen import joined, topics_behind, topics_of
from core.encoders.bases import fingerprint, resolve_base
from core.files import sha256_file
from core.runs.checkpoints import begin_with
from core.runs.outcome import emptied, in_use, scored, without
from core.runs.stage import Stage, counted
from core.training.precision import device_here
from core.training.stored import quiet

if TYPE_CHECKING:
    from core.embeddings.recipe import EmbeddingsRecipe
    from core.registry.manifest import Version
    from core.runs.context import RunContext, TrainResult
    from core.runs.spec import RunSpec

_REPORT_WORST = 20
# Cosines of validation pairs that vary less than this: the vectors have collapsed to one point.
_COLLAPSED = 0.03
_FORGOTTEN = 0.05


def train(spec: RunSpec, ctx: RunContext) -> TrainResult:
    """Train as `spec` says, write the model into `ctx.model_dir` and return the report.

    The report holds, for the test split and for the gold set where there is one, the figures of the stored
    model
    (reloaded from its files) and under `before` those of the model that it would replace; `stress` (edits,
    near
    copies, known pairs) and `general` (everyday similarity kept) belong to it.

    Raises:
        NexaError: In one sentence, whatever stands in the way.
    """
    from core.bridges.hf import HfBridge
    from core.datasets import store
    from core.embeddings.recipe import DEFAULT_PRESET, build_recipe
    from core.runs.context import RunCancelled, TrainResult
    from core.runs.recovery import run_with_recovery

    quiet()
    ctx.set_phase("preparing")
    recipe = build_recipe(spec.preset or DEFAULT_PRESET, spec.recipe)
    base, parent = _beginning(spec.base_model)
    dataset = store.get_dataset("embeddings", spec.dataset)
    splits = {name: list(store.read_rows(dataset, name)) for name in ("train", "val", "test")}
    gold = store.get_dataset("embeddings", spec.gold) if spec.gold else None
    sets = {"test": splits["test"], "gold": list(store.read_rows(gold, "test")) if gold else []}
    corpus = []
    if recipe.first_stage != "none":
        corpus = _corpus(dataset.path / "corpus.txt")[: recipe.first_texts]
    device = device_here()
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in splits.items())
    begun = f"{parent.id}, trained from {base}," if parent else f"{base} ({recipe.method})"
    texts = f" and {len(corpus)} texts" if corpus else ""
    ctx.log(f"Training {begun} on {device} with {counts} pairs{texts}.")
    begin_with(ctx.run_dir, _weights_of(base, parent), spec.base_model or base)

    def attempt(settings: Any) -> Path:
        ctx.set_phase("training")
        bridge = HfBridge(ctx, method=recipe.method, base_model=base)
        fitted = fit(
            splits["train"],
            splits["val"] or splits["train"][:200],
            recipe,
            base,
            ctx.checkpoints,
            corpus=corpus,
            device=device,
            batch_size=settings.batch_size,
            accumulation=settings.accumulation,
            rate=settings.learning_rate,
            resume_from=settings.resume_from,
            start=parent and parent.path,
            callbacks=[bridge],
            first_callbacks=[FirstStage(ctx, recipe.first_stage)],
            reading=counted(ctx, "Reading the texts of the pairs"),
        )
        if ctx.should_stop() == "cancel":
            raise RunCancelled
        if fitted.metrics.get("spread", 1.0) < _COLLAPSED:
            ctx.log(
                "The vectors have collapsed: all texts look alike to the model. Choose the mse loss "
                "or a smaller "
                "learning rate."
            )
        if fitted.kept < 1:
            ctx.log(
                f"Everyday similarity had fallen by more than {recipe.most_forgotten:g}: {fitted.kept:.0%} "
                "of the encoder's changes were kept."
            )
        if fitted.settled is not None:
            ctx.log(_settled_text(fitted))
        fitted.info.topics = joined(topics_of(dataset), topics_behind(parent) if parent else [])
        store_fitted(fitted, recipe, ctx.model_dir)
        ctx.log(
            f"Kept the weights after epoch {fitted.epoch:.2f} (validation Spearman "
            f"{fitted.metrics.get('spearman', 0.0):.4f}).",
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
    _, before = in_use(load_model, ctx) or ("base", load_base(base))
    general = _general(base, trained, ctx)
    report: dict[str, Any] = {
        "kind": trained.info.kind,
        "base_model": {"name": base, "sha256": trained.info.base_sha256},
        "labels": [],
        "dataset": {"id": dataset.id, "source": dataset.card.get("source") or {}},
        "gold_dataset": gold.id if gold else None,
        **({"origin": _origin(parent)} if parent else {}),
        **_scores(trained, sets, ctx),
        "stress": stress_report(trained),
        "general": general,
        "before": {
            "model": before.ref,
            "trained": before.trained,
            **without(_scores(before, sets, ctx), "worst", "points"),
            "stress": stress_report(before),
        },
    }
    return TrainResult(report=report, kind=trained.info.kind)


def _beginning(name: str) -> tuple[str, Version | None]:
    """The encoder, and the version to go on from, its files checked against their hashes."""
    from core.registry.versions import open_version

    version = bases.trained(name)
    if version is None:
        return bases.encoder_of(name), None
    return version.base_model, open_version("embeddings", version.id)


def _weights_of(base: str, parent: Version | None) -> str:
    """Hash of everything that the training begins with; the last word of a version is not looked at."""
    found = [fingerprint(resolve_base(base))]
    if parent is not None:
        files = sorted(parent.path.glob("*.safetensors"))
        found += [sha256_file(file) for file in files if file.name != models.VERDICT_FILE]
    return hashlib.sha256("".join(found).encode()).hexdigest()


def _origin(parent: Version) -> dict[str, Any]:
    from core.embeddings.derived import parent_of

    return {
        "method": "train on",
        "text": f"The training went on from the weights of {parent.id}.",
        "parents": [parent_of(parent)],
    }


def _settled_text(fitted: Fitted) -> str:
    found = fitted.settled
    if not found.pairs:
        return "There are too few validation pairs to fit the last word on; the pair head has it."
    figures = f"Spearman {found.together:.4f} against {found.head:.4f} of the pair head alone"
    if found.verdict is None:
        return f"The last word, fitted on {found.pairs:,} validation pairs, did not help: {figures}."
    return (
        f"The last word was fitted on {found.pairs:,} validation pairs; on groups held back from a "
        f"first fit: {figures}."
    )


class FirstStage(TrainerCallback):
    """Reports the first stage, and ends it when the run is stopped or cancelled."""

    def __init__(self, ctx: RunContext, name: str) -> None:
        self.ctx, self.name = ctx, name
        self.stage: Stage | None = None

    def on_train_begin(self, args, state, control, **_: Any) -> None:
        self.ctx.log(f"First stage ({self.name}): {state.max_steps} updates on texts without grades.")
        self.stage = Stage(self.ctx, self.name, "texts without grades", state.max_steps)

    def on_step_end(self, args, state, control, **_: Any) -> None:
        from core.runs.context import RunCancelled

        if self.stage is not None and (self.stage.due() or state.global_step == state.max_steps):
            control.should_log = True
        wish = self.ctx.should_stop()
        if wish == "cancel":
            raise RunCancelled
        if wish is not None:
            control.should_training_stop = True

    def on_log(self, args, state, control, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if self.stage is not None and logs and "loss" in logs:
            self.stage.step(state.global_step, {"first_loss": float(logs["loss"])})

    def on_train_end(self, args, state, control, **_: Any) -> None:
        self.stage = None
        self.ctx.log(f"First stage done after {state.global_step} updates.")


def _corpus(path: Path) -> list[str]:
    """Texts of the first stage: those of the dataset and the spec library that ships."""
    from core.embeddings.chunks import shipped_chunks

    texts = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [
        text for text in dict.fromkeys([*(chunk.text for chunk in shipped_chunks()), *texts]) if text.strip()
    ]


def _scores(model: SimilarityModel, sets: dict[str, list[dict]], ctx: RunContext) -> dict[str, dict | None]:
    return scored(model, sets, ctx, partial(evaluate, worst=_REPORT_WORST))


def _general(base: str, trained: SimilarityModel, ctx: RunContext) -> dict[str, float]:
    """General similarity of base and trained model, and what was lost."""
    before, after = general_similarity(load_base(base)), general_similarity(trained)
    lost = round(before - after, 4)
    if lost > _FORGOTTEN:
        ctx.log(
            f"General similarity fell by {lost:.3f}, more than {_FORGOTTEN}. Raise the rehearsal or "
            f"train less."
        )
    return {"before": before, "after": after, "lost": lost}


def store_fitted(fitted: Fitted, recipe: EmbeddingsRecipe, folder: Path) -> None:
    """Write the trained model into `folder`, replacing what an earlier attempt left there."""
    models.store(fitted.network, emptied(folder), fitted.info, dtype=recipe.store_dtype)
