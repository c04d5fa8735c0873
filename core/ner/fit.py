"""From rows to trained weights: one call that sets up a training and runs it, with or without a run folder.

Dataset versions, reports and the registry are train.py's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn
from transformers import TrainerCallback, TrainingArguments

from core.ner import model as models
from core.ner.batches import TrainingExamples, encode_rows
from core.ner.encode import Encoder
from core.ner.model import ModelInfo
from core.ner.trainer import NerTrainer, Validation
from core.training.precision import set_threads, use_bf16
from core.training.weights import BestWeights

if TYPE_CHECKING:
    from core.ner.recipe import NerRecipe


# A real sentence is often longer than the generated ones; up to here it is read whole.
_LEAST_WINDOW = 96


def reach(examples: TrainingExamples, longest: int) -> tuple[int, int]:
    """Window and overlap of predictions, in word pieces: as long as what the network was trained on.

    Texts of many sentences read at once, in windows far longer than any training example, lost a tenth of
    their entities (measured F1 0.79 at 512 pieces against 0.88 at 96, same model and sentences).
    """
    usual = float(np.quantile([len(example) for example in examples.examples], 0.995))
    window = min(longest, max(_LEAST_WINDOW, round(usual * (2 if examples.joining else 1))))
    return window, window // 3


@dataclass
class Fitted:
    """Result of `fit`; the network holds the best weights.

    Args:
        network: The trained network (PEFT model for lora), on the device.
        encoder: Its tokenizer.
        info: Its description.
        metrics: Validation metrics of the best weights.
        step: Update after which they were taken.
        epoch: Epochs read by then.
        steps: Updates done in all.
        bf16: Whether training computed in bf16.
    """

    network: nn.Module
    encoder: Encoder
    info: ModelInfo
    metrics: dict[str, float]
    step: int
    epoch: float
    steps: int
    bf16: bool


def fit(
    train_rows: Sequence[dict],
    validation_rows: Sequence[dict],
    recipe: NerRecipe,
    base: str,
    folder: Path,
    *,
    labels: Sequence[str],
    device: str = "cpu",
    batch_size: int | None = None,
    accumulation: int | None = None,
    rate: float | None = None,
    resume_from: Path | None = None,
    callbacks: Sequence[TrainerCallback] = (),
    epochs: float | None = None,
) -> Fitted:
    """Train from a base encoder.

    Args:
        train_rows: Rows `{"text", "entities": [{"start", "end", "label"}]}`.
        validation_rows: The same, for the score after each epoch.
        recipe: The settings.
        base: Base encoder, see `bases.resolve_base`.
        folder: Resume points and the best weights are written here.
        labels: Entity labels.
        device: `cpu` or `cuda`.
        batch_size: Instead of the recipe's.
        accumulation: Instead of the recipe's.
        rate: Instead of `recipe.rate`.
        resume_from: A checkpoint under `folder` from which to go on exactly.
        callbacks: More Trainer callbacks, for example `HfBridge`.
        epochs: Instead of the recipe's (measurements).

    Raises:
        BaseModelError: If the base cannot be used.
        DatasetError: If a row cannot be learnt from.
        NonFiniteLossError: If the loss is no number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    threads = set_threads(recipe.threads) if device == "cpu" else 0
    bf16 = use_bf16(recipe.precision, device)
    network, encoder, info = models.build(base, labels, seed=recipe.seed)
    info.max_length = min(recipe.max_length, encoder.positions)
    network = models.prepare(network, recipe, seed=recipe.seed)
    examples = TrainingExamples(
        encode_rows(train_rows, encoder, info.tags, info.max_length), encoder, seed=recipe.seed,
        masking=recipe.token_masking, joining=recipe.joining, max_length=info.max_length,
    )  # fmt: skip
    info.window, info.overlap = reach(examples, info.max_length)
    batch = batch_size or recipe.batch_size
    accumulated = accumulation or recipe.gradient_accumulation
    count = epochs or recipe.epochs
    updates = math.ceil(count * math.ceil(math.ceil(len(examples) / batch) / accumulated))
    args = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=count,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulated,
        learning_rate=rate or recipe.rate,
        lr_scheduler_type={"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}[
            recipe.decay
        ],
        warmup_steps=round(recipe.warmup * updates),
        max_grad_norm=recipe.max_grad_norm,
        weight_decay=recipe.weight_decay,
        seed=recipe.seed,
        bf16=bf16,
        use_cpu=device == "cpu",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to=[],
    )
    best = BestWeights(folder, recipe.select_by)
    if resume_from is None:
        best.forget()
    else:
        best.recall(int(resume_from.name.rsplit("-", 1)[-1]))
    trainer = NerTrainer(
        network=network, args=args, examples=examples, validation=Validation(validation_rows, encoder, info),
        recipe=recipe, rate=rate or recipe.rate, bf16=bf16, best=best, callbacks=callbacks,
    )  # fmt: skip
    for callback in callbacks:
        if hasattr(callback, "info"):
            callback.info.update(
                device=device, precision="bf16" if bf16 else "fp32", threads=threads, batch_size=batch,
                accumulation=accumulated, learning_rate=rate or recipe.rate, examples=len(examples),
                trainable=sum(value.numel() for value in models.trainable(network).values()),
                parameters=sum(value.numel() for value in network.parameters()),
            )  # fmt: skip
    if resume_from is not None and trainer.average is not None:
        trainer.average.load(resume_from)
    trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    network.eval()
    if best.metrics:
        best.put_back(network)
    return Fitted(
        network, encoder, info, best.metrics, best.step, best.epoch, trainer.state.global_step, bf16
    )
