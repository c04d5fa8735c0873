"""Settings that every training of a text encoder has, whatever it is trained for.

What belongs to one model only is in that model's recipe.py.
"""

from __future__ import annotations

from typing import Literal

from core.recipe import BaseRecipe, setting


class EncoderRecipe(BaseRecipe):
    """Settings of a training that changes an encoder, or trains adapters beside it."""

    method: Literal["full", "lora"] = setting(
        "full", "Method",
        "full changes the encoder's layers; lora freezes them and trains small adapters beside them, which "
        "keeps the base model's knowledge untouched and makes a small file.",
        group="Method",
    )  # fmt: skip
    lora_rank: int = setting(
        16, "Adapter rank", "Size of the adapters; more can learn more and needs more data.",
        group="Adapters (lora)", ge=1, le=256,
    )  # fmt: skip
    lora_alpha: int = setting(
        32, "Adapter alpha", "Strength of the adapters; their output is scaled by alpha / rank.",
        group="Adapters (lora)", ge=1, le=512,
    )  # fmt: skip
    lora_dropout: float = setting(
        0.1, "Adapter dropout", "Share of adapter inputs left out at random, against overfitting.",
        group="Adapters (lora)", unit="share", ge=0, le=0.9,
    )  # fmt: skip
    lora_learning_rate: float = setting(
        1e-3, "Adapter learning rate",
        "Learning rate of adapters and head when the method is lora; 0 takes the learning rate of the "
        "schedule. Adapters start at zero and need 20 to 60 times the rate of full fine-tuning: at 2e-5 they "
        "learn nothing (measured for NER: F1 0.0 after 20 epochs), at 1e-3 they learn.",
        group="Adapters (lora)", ge=0, le=1,
    )  # fmt: skip
    max_grad_norm: float = setting(
        1.0, "Gradient clipping", "Longest gradient that is applied; longer ones are shortened. 0 = never.",
        group="Schedule", advanced=True, ge=0, le=100,
    )  # fmt: skip
    store_dtype: Literal["fp16", "fp32", "int8"] = setting(
        "fp16", "Stored precision",
        "Precision in which the changed weights are stored (adapters keep theirs); int8 keeps the encoder's "
        "changes in half the space of fp16. Reported scores are those of the stored model.",
        group="Machine", advanced=True,
    )  # fmt: skip
    checkpoint_minutes: float = setting(
        3.0, "Resume point every", "Minutes between resume points inside an epoch; each epoch ends with one.",
        group="Machine", unit="minutes", advanced=True, gt=0, le=600,
    )  # fmt: skip

    @property
    def rate(self) -> float:
        """The learning rate that is in force for the chosen method."""
        if self.method == "lora" and self.lora_learning_rate > 0:
            return self.lora_learning_rate
        return self.learning_rate
