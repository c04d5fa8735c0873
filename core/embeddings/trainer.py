"""The sentence-transformers trainer with our batches, optimiser, validation and resume points.

Knows no run folder and no recipe form; fit.py sets it up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.modules import InputModule
from torch import nn
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, TrainerCallback

from core.embeddings.batches import EpochBatches, PairExamples, collate
from core.embeddings.everyday import Everyday
from core.embeddings.model import Network, trainable
from core.embeddings.predict import both_ways
from core.embeddings.score import correlations
from core.errors import NonFiniteLossError
from core.training.weights import BestWeights, load_weights, save_weights

_WEIGHTS_FILE = "weights.safetensors"
_FRESH = 10.0  # learning rate of layers that start at random, beside that of layers that start trained


class TextEncoder(InputModule):
    """The network as the library's first (and only) module."""

    def __init__(self, network: Network, tokenizer: Any, extra: nn.Module | None = None) -> None:
        super().__init__()
        self.network, self.tokenizer, self.extra = network, tokenizer, extra

    def preprocess(self, inputs: list[str], prompt: str | None = None, **_: Any) -> dict[str, torch.Tensor]:
        return dict(
            self.tokenizer([(prompt or "") + text for text in inputs], padding=True, return_tensors="pt")
        )

    def forward(self, features: dict[str, torch.Tensor], **_: Any) -> dict[str, torch.Tensor]:
        vectors = self.network.vectors(features["input_ids"], features["attention_mask"])
        return {**features, "sentence_embedding": vectors}

    def get_embedding_dimension(self) -> int:
        return int(self.network.encoder.config.hidden_size)

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """The wing stores models itself (model.py)."""


class Validation:
    """Validation pairs, encoded once, and how to score a network on them; with `everyday` sentences, too."""

    def __init__(
        self, examples: PairExamples, *, pad_id: int, batch_size: int = 64, everyday: Everyday | None = None
    ) -> None:
        self.examples, self.pad_id, self.everyday = examples, pad_id, everyday
        order = sorted(range(len(examples)), key=lambda n: examples.lengths[n])
        self.parts = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]

    def measure(
        self, network: Network, *, bf16: bool, progress: Callable[[int, int], None] | None = None
    ) -> dict:
        """Loss and correlation of the pair head, and of the cosine alone; `spread` warns of a collapse.

        Returns:
            `loss`, `spearman`, `pearson`, `spearman_cosine`, `spread` (standard deviation of the cosines),
            and those of `Everyday.measure`.
        """
        device = next(network.parameters()).device
        score, cosine = np.zeros(len(self.examples)), np.zeros(len(self.examples))
        for number, part in enumerate(self.parts):
            batch = collate([self.examples[n] for n in part], pad_id=self.pad_id)
            ids, mask = stacked(batch, device)
            with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
                vectors, tokens = network.read(ids, mask)
                together = (vectors[: len(part)] * vectors[len(part) :]).sum(1)
                found = both_ways(network, tokens, mask, together, batch["label"][:, 1:].to(device))
            score[part], cosine[part] = found.float().cpu().numpy(), together.float().cpu().numpy()
            if progress is not None:
                progress(number + 1, len(self.parts))
        grades = self.examples.scores.astype(float)
        clipped = score.clip(1e-6, 1 - 1e-6)
        loss = -(grades * np.log(clipped) + (1 - grades) * np.log(1 - clipped)).mean()
        figures = correlations(score, grades)
        return {
            "loss": float(loss),
            "spearman": figures["spearman"],
            "pearson": figures["pearson"],
            "spearman_cosine": correlations(cosine, grades)["spearman"],
            "spread": float(np.std(cosine)),
            **(self.everyday.measure(network, bf16=bf16) if self.everyday is not None else {}),
        }


def stacked(batch: dict[str, torch.Tensor], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces and mask (2B, P) of a batch of `collate`: first texts, then second texts."""
    longest = max(batch["a_input_ids"].shape[1], batch["b_input_ids"].shape[1])

    def both(name: str) -> torch.Tensor:
        parts = [batch[f"a_{name}"], batch[f"b_{name}"]]
        padded = [nn.functional.pad(part, (0, longest - part.shape[1])) for part in parts]
        return torch.cat(padded).to(device)

    return both("input_ids"), both("attention_mask")


class _Nothing(BaseEvaluator):
    """Stands where the library asks for an evaluator; `SimilarityTrainer.evaluate` does the work."""

    def __call__(self, *_: Any, **__: Any) -> dict:
        return {}


class _Housekeeping(TrainerCallback):
    """Epoch numbers for the order, timed resume points."""

    def __init__(self, trainer: SimilarityTrainer, minutes: float) -> None:
        self.trainer, self.seconds, self.saved_at = trainer, minutes * 60, 0.0

    def on_train_begin(self, args, state, control, **_: Any) -> None:
        self.saved_at = time.monotonic()

    def on_epoch_begin(self, args, state, control, **_: Any) -> None:
        # A resumed epoch begins in its middle: the whole part is its number.
        epoch = int((state.epoch or 0.0) + 1e-6)
        self.trainer.order.epoch = epoch
        if hasattr(self.trainer.examples, "epoch"):
            self.trainer.examples.epoch = epoch

    def on_step_begin(self, args, state, control, **_: Any) -> None:
        if hasattr(self.trainer.loss, "turn"):
            self.trainer.loss.turn = state.global_step

    def on_step_end(self, args, state, control, **_: Any) -> None:
        if time.monotonic() - self.saved_at > self.seconds:
            control.should_save = True

    def on_save(self, args, state, control, **_: Any) -> None:
        self.saved_at = time.monotonic()


class SimilarityTrainer(SentenceTransformerTrainer):
    """The library's trainer with this project's batches, validation and checkpoints of changed weights
    only."""

    def __init__(
        self,
        *,
        network: Network,
        tokenizer: Any,
        args: SentenceTransformerTrainingArguments,
        examples: Dataset,
        loss: Callable[[SentenceTransformer], nn.Module],
        seed: int,
        checkpoint_minutes: float,
        validation: Validation | None = None,
        validation_bf16: bool = False,
        best: BestWeights | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        extra: nn.Module | None = None,
        fresh: Sequence[nn.Parameter] = (),
    ) -> None:
        self.fresh = {id(parameter) for parameter in fresh}
        self.network, self.examples, self.validation = network, examples, validation
        self.validation_bf16, self.best = validation_bf16, best
        self.order = EpochBatches(
            examples.lengths, args.per_device_train_batch_size, seed=seed, sets=examples.sets
        )
        device = "cpu" if args.use_cpu else str(args.device)
        model = SentenceTransformer(modules=[TextEncoder(network, tokenizer, extra)], device=device)
        super().__init__(
            model=model,
            args=args,
            loss=loss,
            evaluator=_Nothing(),
            data_collator=partial(collate, pad_id=tokenizer.pad_token_id or 0),
        )
        self.train_dataset = examples
        for callback in [
            c for c in self.callback_handler.callbacks if type(c).__name__.endswith("ModelCardCallback")
        ]:
            self.remove_callback(callback)  # the registry writes its own card
        self.remove_callback(PrinterCallback)
        self.add_callback(_Housekeeping(self, checkpoint_minutes))
        for callback in callbacks:
            self.add_callback(callback)

    def get_train_dataloader(self) -> DataLoader:
        """Batches of the present epoch. Its own generator keeps the shared one for dropout alone."""
        return DataLoader(
            self.examples,
            batch_sampler=self.order,
            collate_fn=self.data_collator,
            generator=torch.Generator(),
        )

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """AdamW over what training changes; norms and biases do not decay, new layers learn faster than
        old ones."""
        if self.optimizer is None:
            groups: dict[tuple[float, float], list[nn.Parameter]] = {}
            for parameter in trainable(self.model).values():
                decay = self.args.weight_decay if parameter.dim() > 1 else 0.0
                rate = self.args.learning_rate * (_FRESH if id(parameter) in self.fresh else 1.0)
                groups.setdefault((rate, decay), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [
                    {"params": members, "lr": rate, "weight_decay": decay}
                    for (rate, decay), members in groups.items()
                ],
                lr=self.args.learning_rate,
            )
        return self.optimizer

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass; a loss that is no number ends the attempt before it spoils a weight.

        Raises:
            NonFiniteLossError: When the loss is NaN or infinite.
        """
        loss = super().training_step(*args, **kwargs)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"The training loss became {value} after step {self.state.global_step}.",
                "Lower the learning rate.",
            )
        return loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict:
        """Score the validation pairs and keep the weights if they are the best."""
        if self.validation is None:
            return {}
        self.model.eval()
        measured = self.validation.measure(self.network, bf16=self.validation_bf16, progress=self._validated)
        if not math.isfinite(measured["loss"]):
            raise NonFiniteLossError(
                f"The validation loss became {measured['loss']} at step {self.state.global_step}.",
                "Lower the learning rate.",
            )
        if self.best is not None:
            self.best.offer(self.network, measured, self.state.global_step, float(self.state.epoch or 0.0))
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in measured.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _validated(self, done: int, total: int) -> None:
        self.control = self.callback_handler.on_prediction_step(self.args, self.state, self.control)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.model, folder / _WEIGHTS_FILE)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        load_weights(self.model, Path(checkpoint_path) / _WEIGHTS_FILE)
