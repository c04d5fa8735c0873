"""From pairs to trained weights: one call for both stages, with or without a run folder.

Dataset versions, reports and the registry are train.py's.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SentenceTransformerTrainingArguments
from torch import nn
from transformers import TrainerCallback

from core.embeddings import model as models
from core.embeddings.bank import DATA
from core.embeddings.batches import PairExamples, TextExamples
from core.embeddings.everyday import Everyday
from core.embeddings.exchanges import PairReader
from core.embeddings.joint import fresh_parameters
from core.embeddings.losses import PairLoss, Restorer, TextLoss
from core.embeddings.model import ModelInfo, Network
from core.embeddings.trainer import SimilarityTrainer, Validation
from core.embeddings.verdict import Settled, settle
from core.text.normal import for_similarity
from core.training.precision import set_threads, use_bf16
from core.training.stored import positions
from core.training.weights import BestWeights

if TYPE_CHECKING:
    from core.embeddings.recipe import EmbeddingsRecipe

REHEARSAL_FILE = DATA / "rehearsal.txt"


@dataclass
class Fitted:
    """Result of `fit`; the network holds the best weights.

    Args:
        network: The trained network, on the device.
        tokenizer: Its tokenizer.
        info: Its description.
        metrics: Validation metrics of the best weights.
        step: Update after which they were taken.
        epoch: Epochs read by then.
        steps: Updates done in all (second stage).
        bf16: Whether training computed in bf16.
        settled: How the last word on a pair was fitted; None if the recipe leaves it to the head.
        kept: Share of the encoder's changes that is left after the pull towards the base model.
    """

    network: Network
    tokenizer: Any
    info: ModelInfo
    metrics: dict[str, float]
    step: int
    epoch: float
    steps: int
    bf16: bool
    settled: Settled | None = None
    kept: float = 1.0


def fit(
    train_rows: Sequence[dict],
    validation_rows: Sequence[dict],
    recipe: EmbeddingsRecipe,
    base: str,
    folder: Path,
    *,
    corpus: Sequence[str] = (),
    device: str = "cpu",
    batch_size: int | None = None,
    accumulation: int | None = None,
    rate: float | None = None,
    resume_from: Path | None = None,
    start: Path | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    first_callbacks: Sequence[TrainerCallback] = (),
    reading: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Train from a base encoder: the first stage on `corpus` where the recipe asks for it, then the pairs.

    Args:
        train_rows: Rows `{"a", "b", "score"}`.
        validation_rows: The same, for the score after each epoch.
        recipe: The settings.
        base: Base encoder.
        folder: Resume points and the best weights are written here.
        corpus: Texts of the first stage.
        device: `cpu` or `cuda`.
        batch_size: Instead of the recipe's.
        accumulation: Instead of the recipe's.
        rate: Instead of `recipe.rate`.
        resume_from: A checkpoint under `folder` from which to go on exactly.
        start: Folder of a stored model of that base to begin with, instead of the base itself; what is
            remembered of everyday sentences stays the base's.
        callbacks: More Trainer callbacks for the second stage, for example `HfBridge`.
        first_callbacks: Callbacks for the first stage.
        reading: Called with (texts read, texts in all) while the training pairs are read.

    Raises:
        BaseModelError: If the base cannot be used, or the recipe does not fit the model to begin with.
        DatasetError: If there is nothing to learn from.
        NonFiniteLossError: If the loss is no number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    threads = set_threads(recipe.threads) if device == "cpu" else 0
    bf16 = use_bf16(recipe.precision, device)
    network, tokenizer, info = models.build(
        base,
        head_layers=recipe.head_layers,
        own_layers=recipe.own_layers,
        compare=recipe.compare,
        seed=recipe.seed,
    )
    info.max_length = min(recipe.max_length, positions(network.encoder.config, tokenizer))
    info.use_figures = recipe.use_figures
    everyday = Everyday(tokenizer, info.max_length)
    general_before = everyday.measure(network)["general_spearman"]
    remembered = _memory(network, tokenizer, info.max_length, device) if recipe.rehearsal else None
    untrained = dict(network.encoder.named_parameters())
    fresh = fresh_parameters(network.head)
    if start is not None:
        network, begun, fresh = models.go_on(start, recipe)
        info.head = begun.head
    network = models.prepare(network, recipe, seed=recipe.seed).to(device)
    # Adapters begin at zero and have no counterpart in the base; layers that the version changed are pulled
    # back with the others.
    initial = {
        name: untrained.get(name, value).detach().to(device, copy=True)
        for name, value in network.encoder.named_parameters()
        if recipe.most_forgotten and (value.requires_grad or start is not None)
    }
    del untrained
    batch, accumulated = batch_size or recipe.batch_size, accumulation or recipe.gradient_accumulation
    rate = rate or recipe.rate

    # A resume point of the second stage holds what the first one taught.
    if recipe.first_stage != "none" and resume_from is None:
        _first_stage(
            network, tokenizer, info, recipe, corpus, folder / "first", device, bf16, batch, first_callbacks
        )
    reader = PairReader(info.cues)
    examples = PairExamples(
        train_rows, tokenizer, reader, max_length=info.max_length, figures=recipe.use_figures,
        progress=reading,
    )  # fmt: skip
    seen = PairExamples(
        validation_rows, tokenizer, reader, max_length=info.max_length, figures=recipe.use_figures
    )
    best = BestWeights(folder, recipe.select_by)
    if resume_from is None:
        best.forget()
    else:
        best.recall(int(resume_from.name.rsplit("-", 1)[-1]))
    sentences, cosines = remembered or (None, None)

    def loss(model: Any) -> nn.Module:
        return PairLoss(
            model,
            network,
            kind=recipe.loss,
            head_weight=recipe.head_weight,
            contrast=recipe.contrast,
            rehearsal=recipe.rehearsal if cosines is not None else 0.0,
            sentences=sentences,
            remembered=cosines,
        )

    trainer = SimilarityTrainer(
        network=network,
        tokenizer=tokenizer,
        examples=examples,
        loss=loss,
        seed=recipe.seed,
        args=_arguments(recipe, folder, len(examples), recipe.epochs, batch, accumulated, rate, bf16, device),
        checkpoint_minutes=recipe.checkpoint_minutes,
        validation=Validation(seen, pad_id=tokenizer.pad_token_id or 0, everyday=everyday),
        validation_bf16=bf16,
        best=best,
        callbacks=callbacks,
        fresh=fresh,
    )
    for callback in callbacks:
        if hasattr(callback, "info"):
            callback.info.update(
                device=device,
                precision="bf16" if bf16 else "fp32",
                threads=threads,
                batch_size=batch,
                accumulation=accumulated,
                learning_rate=rate,
                examples=len(examples),
                general_before=general_before,
                trainable=sum(value.numel() for value in models.trainable(network).values()),
                parameters=sum(value.numel() for value in network.parameters()),
            )
    trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    network.eval()
    if best.metrics:
        best.put_back(network)
    kept = everyday.held(network, initial, general_before, recipe.most_forgotten) if initial else 1.0
    settled = None
    if recipe.verdict:
        settled = settle(
            network, seen, [str(row.get("group") or row["a"]) for row in validation_rows],
            [*examples.a, *examples.b], pad_id=tokenizer.pad_token_id or 0, bf16=bf16, seed=recipe.seed,
        )  # fmt: skip
        network.verdict = settled.verdict and settled.verdict.to(device)
    return Fitted(
        network,
        tokenizer,
        info,
        best.metrics,
        best.step,
        best.epoch,
        trainer.state.global_step,
        bf16,
        settled,
        kept,
    )


def _arguments(
    recipe: EmbeddingsRecipe,
    folder: Path,
    examples: int,
    epochs: int,
    batch: int,
    accumulated: int,
    rate: float,
    bf16: bool,
    device: str,
    *,
    evaluate: bool = True,
) -> SentenceTransformerTrainingArguments:
    updates = math.ceil(epochs * math.ceil(math.ceil(examples / batch) / accumulated))
    strategy = "epoch" if evaluate else "no"
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulated,
        learning_rate=rate,
        lr_scheduler_type={"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}[
            recipe.decay
        ],
        warmup_steps=round(recipe.warmup * updates),
        max_grad_norm=recipe.max_grad_norm,
        weight_decay=recipe.weight_decay,
        seed=recipe.seed,
        bf16=bf16,
        use_cpu=device == "cpu",
        eval_strategy=strategy,
        save_strategy=strategy,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to=[],
    )


def _first_stage(
    network: Network,
    tokenizer: Any,
    info: ModelInfo,
    recipe: EmbeddingsRecipe,
    corpus: Sequence[str],
    folder: Path,
    device: str,
    bf16: bool,
    batch: int,
    callbacks: Sequence[TrainerCallback],
) -> None:
    examples = TextExamples(
        corpus,
        tokenizer,
        max_length=info.max_length,
        damage=recipe.first_stage == "tsdae",
        seed=recipe.seed,
    )
    restorer = None
    if recipe.first_stage == "tsdae":
        heads = int(network.encoder.config.num_attention_heads)
        restorer = Restorer(network.encoder.get_input_embeddings(), heads).to(device)
    trainer = SimilarityTrainer(
        network=network,
        tokenizer=tokenizer,
        examples=examples,
        seed=recipe.seed,
        extra=restorer,
        loss=lambda model: TextLoss(model, network, restorer),
        checkpoint_minutes=1e6,
        callbacks=callbacks,
        fresh=fresh_parameters(network.head),
        args=_arguments(
            recipe,
            folder,
            len(examples),
            recipe.first_epochs,
            batch,
            1,
            recipe.first_learning_rate,
            bf16,
            device,
            evaluate=False,
        ),
    )
    trainer.train()


def _memory(
    network: Network, tokenizer: Any, max_length: int, device: str
) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Everyday sentences and how alike the base model finds them."""
    lines = REHEARSAL_FILE.read_text(encoding="utf-8").splitlines()
    texts = [for_similarity(line) for line in lines if line.strip()]
    made = tokenizer(texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
    ids, mask = made["input_ids"], made["attention_mask"]
    with torch.inference_mode():
        vectors = network.vectors(ids, mask)
    cosines = (vectors @ vectors.T).clone()
    return (ids.to(device), mask.to(device)), cosines.to(device)
