"""What may be set for a NER training, the presets, and what the form asks before a start.

The estimate and the checks themselves are in preflight.py; base encoders in core/encoders.
"""

from __future__ import annotations

from typing import Any, Literal

from core.encoders.bases import DEFAULT_BASE, is_hub_name, list_bases
from core.encoders.recipe import EncoderRecipe
from core.recipe import Preset, build_from_preset, setting

__all__ = [
    "DEFAULT_BASE",
    "DEFAULT_PRESET",
    "PRESETS",
    "NerRecipe",
    "build_recipe",
    "is_hub_name",
    "list_bases",
]


class NerRecipe(EncoderRecipe):
    """Settings of a NER training (token classification with an encoder)."""

    epochs: int = setting(
        2, "Epochs", "How often the training reads the whole dataset.", group="Schedule", ge=1, le=500
    )
    freeze_embeddings: bool = setting(
        True, "Freeze word embeddings",
        "Keep the base model's word table as it is: words that the data lacks keep their meaning, "
        "and the stored "
        "model stays small. Adapters (lora) never change it.",
        group="Method",
    )  # fmt: skip
    lora_targets: Literal["attention", "all-linear"] = setting(
        "all-linear", "Adapters on", "Which layers get an adapter: those of the attention or all.",
        group="Adapters (lora)",
    )  # fmt: skip
    class_weighting: Literal["none", "balanced"] = setting(
        "none",
        "Class weighting",
        "balanced makes mistakes on rare labels count more in the loss.",
        group="Loss",
    )
    class_weight_strength: float = setting(
        0.5, "Class weight strength",
        "0 = all labels count the same, 1 = each label counts the same in total however rare it is.",
        group="Loss", advanced=True, ge=0, le=1,
    )  # fmt: skip
    label_smoothing: float = setting(
        0.0, "Label smoothing",
        "Share of each target spread over all labels: less certain, better calibrated models.",
        group="Loss", unit="share", advanced=True, ge=0, le=0.5,
    )  # fmt: skip
    consistency: float = setting(
        0.0, "Consistency",
        "Read each batch twice with other neurons left out and pull the two answers together (R-Drop): "
        "steadier on texts that differ from the training data, at twice the time a step. 0 = off.",
        group="Loss", advanced=True, ge=0, le=10,
    )  # fmt: skip
    token_masking: float = setting(
        0.0, "Token masking",
        "Share of words that are hidden at random while training, so that the model learns from context. "
        "On generated sentences it costs accuracy on real ones (measured F1 0.85 with 0.1, 0.89 without).",
        group="Data", unit="share", ge=0, le=0.9,
    )  # fmt: skip
    joining: float = setting(
        0.0, "Sentence joining",
        "Share of examples that are read together with another one, as in running text of several sentences.",
        group="Data", unit="share", advanced=True, ge=0, le=1,
    )  # fmt: skip
    max_length: int = setting(
        192, "Longest example", "Word pieces read at once; longer examples are cut into overlapping parts.",
        group="Data", unit="word pieces", advanced=True, ge=16, le=512,
    )  # fmt: skip
    length_bucketing: bool = setting(
        True, "Length bucketing", "Put examples of similar length into one batch: less padding, faster.",
        group="Data", advanced=True,
    )  # fmt: skip
    layer_decay: float = setting(
        1.0, "Layer decay",
        "Each layer below the top learns at this multiple of the layer above; below 1 keeps the "
        "lower layers closer "
        "to the base model.",
        group="Schedule", advanced=True, gt=0, le=1,
    )  # fmt: skip
    ema: float = setting(
        0.0, "Weight averaging",
        "Keep a running average of the weights with this memory (0.99 averages about 100 updates) "
        "and use it for "
        "validation and the stored model. 0 = off.",
        group="Schedule", advanced=True, ge=0, lt=1,
    )  # fmt: skip
    select_by: Literal["f1", "loss", "last"] = setting(
        "f1", "Keep the checkpoint with", "Best validation F1, lowest validation loss, or simply the last.",
        group="Stopping", advanced=True,
    )  # fmt: skip


DEFAULT_PRESET = "fast"
PRESETS: dict[str, Preset] = {
    "fast": Preset(
        title="Fast (CPU)",
        help="Full fine-tuning of the packaged MiniLM with frozen word embeddings, each batch read twice for "
        "consistency; takes minutes.",
        # Half a batch, added up twice: the same updates with 0.4 GB less memory.
        values={"consistency": 0.5, "batch_size": 8, "gradient_accumulation": 2},
        base_model=DEFAULT_BASE,
    ),
    "seed": Preset(
        title="Original plan (BERT base, LoRA)",
        help="The plan as first written: bert-base-uncased with LoRA, 20 epochs, batch 16, patience 5, "
        "learning rate 2e-5, target 0.85. Adapters learn nothing at 2e-5, so adapters and head use the "
        "adapter learning rate (1e-3); 2e-5 is in force when the method is changed to full. Needs the hub "
        "once, or a local folder.",
        values={
            "method": "lora",
            "epochs": 20,
            "batch_size": 16,
            "patience": 5,
            "learning_rate": 2e-5,
            "lora_learning_rate": 1e-3,
            "target": 0.85,
            "warmup": 0.1,
        },
        base_model="bert-base-uncased",
    ),
}


def build_recipe(preset: str = DEFAULT_PRESET, overrides: dict[str, Any] | None = None) -> NerRecipe:
    """The recipe of a preset with changed fields.

    Raises:
        RecipeError: If the preset or a field is unknown, or a value is out of range.
    """
    return build_from_preset(NerRecipe, PRESETS, preset, overrides)


def estimate_seconds(
    recipe: NerRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected training time on this machine in seconds; see `preflight.estimate_seconds`."""
    from core.ner import preflight

    return preflight.estimate_seconds(recipe, rows, cores, base)


def check(recipe: NerRecipe, dataset: Any, base: str = "", *, ws: Any = None) -> list:
    """What stands in the way of a start; see `preflight.check`."""
    from core.ner import preflight

    return preflight.check(recipe, dataset, base, ws=ws)
