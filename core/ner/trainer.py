"""The Hugging Face Trainer with our order of batches, loss, optimiser groups and validation.

Knows no run folder and no recipe form; fit.py sets it up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from core.errors import NonFiniteLossError
from core.ner import model as models
from core.ner.batches import EpochBatches, TrainingExamples, collate, tag_ids, tag_weights
from core.ner.decode import entities
from core.ner.encode import IGNORED, Encoder
from core.ner.forward import word_log_probs
from core.ner.model import ModelInfo
from core.ner.score import score
from core.training.weights import BestWeights, RunningAverage

if TYPE_CHECKING:
    from core.ner.recipe import NerRecipe


@dataclass
class Validation:
    """Validation rows, encoded once, and how to score a network on them.

    Args:
        rows: Rows `{"text", "entities"}`.
        encoder: The tokenizer.
        info: Labels, window and decoding.
    """

    rows: Sequence[dict]
    encoder: Encoder
    info: ModelInfo

    def __post_init__(self) -> None:
        self.pieces = self.encoder.pieces([row["text"] for row in self.rows])
        self.tags = tag_ids(self.rows, self.info.tags)

    def measure(
        self, network: nn.Module, *, bf16: bool, progress: Callable[[int, int], None] | None = None
    ) -> dict:
        """Loss per word and strict entity scores, decoded as in prediction.

        Returns:
            `loss`, `f1`, `precision`, `recall` and `f1_<LABEL>`; floats.
        """
        info = self.info
        log_probs = word_log_probs(
            network, self.encoder, self.pieces, tags=len(info.tags), window=info.window, overlap=info.overlap,
            bf16=bf16, progress=progress,
        )  # fmt: skip
        total, words = 0.0, 0
        found = []
        for row, pieces, scores, tags in zip(self.rows, self.pieces, log_probs, self.tags, strict=True):
            seen = np.unique(np.asarray(pieces.word_of, dtype=np.int64))
            total -= float(scores[seen, np.asarray(tags, dtype=np.int64)[seen]].sum())
            words += len(seen)
            if np.isfinite(scores).all():
                found.append(entities(row["text"], pieces.words, scores, info.tags, **info.decode))
            else:
                found.append([])
        figures = score([row["entities"] for row in self.rows], found, labels=info.labels, worst=0)
        return {
            "loss": total / max(1, words),
            "f1": figures["f1"], "precision": figures["precision"], "recall": figures["recall"],
            **{f"f1_{label}": figures["labels"][label]["f1"] for label in info.labels},
        }  # fmt: skip


class _Housekeeping(TrainerCallback):
    """Epoch numbers for data and order, running average, timed resume points."""

    def __init__(self, trainer: NerTrainer, minutes: float) -> None:
        self.trainer = trainer
        self.seconds = minutes * 60
        self.saved_at = 0.0

    def on_train_begin(self, args, state, control, **_: Any) -> None:
        self.saved_at = time.monotonic()
        self.trainer.take_up(args, state)

    def on_epoch_begin(self, args, state, control, **_: Any) -> None:
        # A resumed epoch begins in its middle: the whole part is its number. 1e-6 absorbs rounding of k/n
        # sums.
        epoch = int((state.epoch or 0.0) + 1e-6)
        self.trainer.train_dataset.epoch = epoch
        self.trainer.order.epoch = epoch

    def on_step_end(self, args, state, control, **_: Any) -> None:
        if self.trainer.average is not None:
            self.trainer.average.update()
        if time.monotonic() - self.saved_at > self.seconds:
            control.should_save = True

    def on_save(self, args, state, control, **_: Any) -> None:
        self.saved_at = time.monotonic()
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if self.trainer.average is not None:
            self.trainer.average.save(folder)


class NerTrainer(Trainer):
    """The library's Trainer with this project's order of batches, loss, optimiser groups and validation."""

    def __init__(
        self,
        *,
        network: nn.Module,
        args: TrainingArguments,
        examples: TrainingExamples,
        validation: Validation,
        recipe: NerRecipe,
        rate: float,
        bf16: bool,
        best: BestWeights,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self.recipe = recipe
        self.rate = rate
        self.validation = validation
        self.validation_bf16 = bf16
        self.best = best
        self.order = EpochBatches(
            [len(example) for example in examples.examples], args.per_device_train_batch_size,
            seed=recipe.seed, bucketing=recipe.length_bucketing,
        )  # fmt: skip
        self.average = RunningAverage(network, recipe.ema) if recipe.ema > 0 else None
        self.group_rates: list[float] = []
        tags = len(validation.info.tags)
        weights = None
        if recipe.class_weighting == "balanced":
            weights = tag_weights(examples.examples, tags, recipe.class_weight_strength).to(args.device)
        super().__init__(
            model=network,
            args=args,
            train_dataset=examples,
            eval_dataset=list(validation.rows),
            data_collator=partial(collate, pad_id=examples.encoder.pad_id),
            compute_loss_func=partial(
                token_loss, weights=weights, smoothing=recipe.label_smoothing, consistency=recipe.consistency
            ),
        )
        self.remove_callback(PrinterCallback)
        self.add_callback(_Housekeeping(self, recipe.checkpoint_minutes))
        for callback in callbacks:
            self.add_callback(callback)
        if self.average is not None:  # the library may have moved the network
            device = next(network.parameters()).device
            self.average.weights = {name: value.to(device) for name, value in self.average.weights.items()}

    def get_train_dataloader(self) -> DataLoader:
        """Batches of the present epoch. Its own generator keeps the shared one for dropout alone."""
        return DataLoader(
            self.train_dataset,
            batch_sampler=self.order,
            collate_fn=self.data_collator,
            generator=torch.Generator(),
        )

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """AdamW; lower layers learn at `layer_decay` of the layer above, norms and biases do not decay."""
        if self.optimizer is None:
            decayed = set(self.get_decay_parameter_names(self.model))
            groups: dict[tuple[float, float], list[nn.Parameter]] = {}
            layers = 1 + max(
                (models.depth_of(name) or 0 for name, _ in self.model.named_parameters()), default=0
            )
            for name, parameter in models.trainable(self.model).items():
                rate = self.rate * self.recipe.layer_decay ** _below_top(name, layers)
                decay = self.recipe.weight_decay if name in decayed else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [
                    {"params": members, "lr": rate, "weight_decay": decay}
                    for (rate, decay), members in groups.items()
                ],
                lr=self.rate,
            )
            self.group_rates = [rate for rate, _ in groups]
        return self.optimizer

    def take_up(self, args: TrainingArguments, state: Any) -> None:
        """After a checkpoint was read: this attempt's learning rates hold, not those stored in it."""
        scheduler = self.lr_scheduler
        scheduler.base_lrs = list(self.group_rates)
        factors = [function(scheduler.last_epoch) for function in scheduler.lr_lambdas]
        for group, rate, factor in zip(self.optimizer.param_groups, self.group_rates, factors, strict=True):
            group["initial_lr"] = rate
            group["lr"] = rate * factor

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, torch.Tensor], *args: Any, **kwargs: Any
    ) -> Any:
        """The library's, on the batch read twice where the recipe asks for consistency."""
        if self.recipe.consistency > 0:
            inputs = {name: torch.cat([value, value]) for name, value in inputs.items()}
        return super().compute_loss(model, inputs, *args, **kwargs)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass; a loss that is no number ends the attempt before it spoils a weight.

        Raises:
            NonFiniteLossError: When the loss is NaN or infinite.
        """
        loss = super().training_step(*args, **kwargs)
        value = float(loss)
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"The training loss became {value} after step {self.state.global_step}.",
                "Lower the learning rate.",
            )
        return loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict:
        """Score the validation rows with legal decoding and keep the weights if they are the best."""
        network = self.model
        network.eval()
        if self.average is not None:
            self.average.swap()
        try:
            measured = self.validation.measure(network, bf16=self.validation_bf16, progress=self._validated)
            if not math.isfinite(measured["loss"]):
                raise NonFiniteLossError(
                    f"The validation loss became {measured['loss']} at step {self.state.global_step}.",
                    "Lower the learning rate.",
                )
            self.best.offer(network, measured, self.state.global_step, float(self.state.epoch or 0.0))
        finally:
            if self.average is not None:
                self.average.swap()
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in measured.items()}
        self.log(dict(metrics))  # the library adds fields to what it logs
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _validated(self, done: int, total: int) -> None:
        self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)


def _below_top(name: str, layers: int) -> int:
    depth = models.depth_of(name)
    if depth is not None:
        return layers - 1 - depth
    return layers if "embedding" in name else 0


def token_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
    *,
    weights: torch.Tensor | None = None,
    smoothing: float = 0.0,
    consistency: float = 0.0,
) -> torch.Tensor:
    """Weighted cross-entropy per word over a whole update, so that accumulated batches equal one large batch.

    With `consistency` the batch is there twice, read with other dropout; half the symmetric Kullback-Leibler
    divergence between the two answers is added (R-Drop, Liang et al. 2021, arXiv 2106.14448).

    Args:
        outputs: Holds logits (B, P, C).
        labels: (B, P) tag ids, -100 where nothing is learnt.
        num_items_in_batch: Words in all batches of the update, each counted once.
        weights: (C,) weight of each tag, or None.
        smoothing: Label smoothing, 0 to 0.5.
        consistency: Weight of the divergence; 0 for a batch that is there once.
    """
    logits = (outputs["logits"] if isinstance(outputs, dict) else outputs.logits).float()
    summed = functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), weight=weights, label_smoothing=smoothing,
        ignore_index=IGNORED, reduction="sum",
    )  # fmt: skip
    learnt = labels != IGNORED
    words = learnt.sum() if num_items_in_batch is None else num_items_in_batch
    if consistency <= 0:
        return summed / words
    if num_items_in_batch is None:
        words = words / 2
    half = len(labels) // 2
    first, second = (part[learnt[:half]].log_softmax(-1) for part in (logits[:half], logits[half:]))
    apart = functional.kl_div(first, second, log_target=True, reduction="sum")
    apart = apart + functional.kl_div(second, first, log_target=True, reduction="sum")
    return (summed / 2 + consistency * apart / 2) / words
