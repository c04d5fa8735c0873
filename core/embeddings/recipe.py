"""What may be set for a similarity training, the presets, and what the form asks before a start.

The estimate and the checks themselves are in preflight.py.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from core.embeddings.bases import DEFAULT_BASE, is_hub_name, list_bases
from core.encoders.recipe import EncoderRecipe
from core.recipe import Preset, build_from_preset, setting

__all__ = [
    "DEFAULT_BASE",
    "DEFAULT_PRESET",
    "PRESETS",
    "EmbeddingsRecipe",
    "build_recipe",
    "is_hub_name",
    "list_bases",
]


class EmbeddingsRecipe(EncoderRecipe):
    """Settings of a similarity training: an optional stage on texts alone, then graded pairs."""

    method: Literal["full", "lora", "head"] = setting(
        "full",
        "Method",
        "full changes the encoder's layers; lora freezes them and trains small adapters beside them; head "
        "leaves vectors and search as they are and trains only what judges a pair: several times faster, "
        "nothing is forgotten, and there is no first stage.",
        group="Method",
    )

    epochs: int = setting(
        2,
        "Epochs on pairs",
        "How often the second stage reads all graded pairs.",
        group="Schedule",
        ge=1,
        le=500,
    )
    batch_size: int = setting(
        32,
        "Batch size",
        "Pairs that are read at once; more needs more memory.",
        group="Schedule",
        ge=2,
        le=512,
    )
    learning_rate: float = setting(
        2e-4,
        "Learning rate",
        "Size of one update. Too small learns nothing, too large diverges.",
        group="Schedule",
        gt=0,
        le=1,
    )
    first_stage: Literal["none", "simcse", "tsdae"] = setting(
        "none",
        "First stage",
        "Learning from specification texts without grades: simcse tells each text from all others, "
        "tsdae restores "
        "texts with deleted words.",
        group="First stage",
    )
    first_epochs: int = setting(
        5, "Epochs on texts", "How often the first stage reads all texts.", group="First stage", ge=1, le=100
    )
    first_learning_rate: float = setting(
        3e-5, "First learning rate", "Learning rate of the first stage.", group="First stage", gt=0, le=1
    )
    first_texts: int = setting(
        4000,
        "Most texts",
        "How many texts the first stage reads at most.",
        group="First stage",
        advanced=True,
        ge=10,
        le=1_000_000,
    )
    loss: Literal["mse", "cosent", "angle", "ranking", "mse+cosent"] = setting(
        "mse",
        "Loss of the vectors",
        "mse brings the cosine to the grade; cosent and angle order the pairs of a batch; ranking "
        "sets pairs of equal "
        "meaning against all other texts of the batch. Ranking alone pulls everything up to 0.8 and more.",
        group="Loss",
    )
    head_layers: int = setting(
        2,
        "Joint layers",
        "Layers of the pair head that read both texts together; 0 leaves cosine and figures only.",
        group="Pair head",
        ge=0,
        le=6,
    )
    own_layers: int = setting(
        0,
        "Layers of its own",
        "Layers below the joint ones in which the head reads each text by itself. They begin as copies of "
        "the encoder's; a version that is trained on gets those that it lacks. Its vectors stay as they are.",
        group="Pair head",
        advanced=True,
        ge=0,
        le=6,
    )
    head_weight: float = setting(
        1.0,
        "Weight of the head",
        "How much the head's error counts beside that of the vectors.",
        group="Pair head",
        advanced=True,
        gt=0,
        le=10,
    )
    compare: bool = setting(
        True,
        "Compare word by word",
        "Let the head set each word against its counterpart in the other text: one changed word in a long "
        "sentence then counts. A version that has it keeps it.",
        group="Pair head",
        advanced=True,
    )
    contrast: float = setting(
        1.0,
        "Contrast",
        "How much it counts that the scores of two pairs which share a text differ as their grades do: what "
        "a changed number, thing or place is worth. 0 = off.",
        group="Loss",
        advanced=True,
        ge=0,
        le=10,
    )
    use_figures: bool = setting(
        True,
        "Read figures",
        "Let the head see what the texts require: quantities after conversion, obligation, opposites, place.",
        group="Pair head",
        advanced=True,
    )
    verdict: bool = setting(
        True,
        "Last word",
        "After training, fit a small network on the validation pairs that weighs head, vectors, word by word "
        "alignment and figures. It is left out where it does not help.",
        group="Pair head",
        advanced=True,
    )
    rehearsal: float = setting(
        1.0,
        "Rehearsal",
        "Pull towards the base model's view of everyday sentences, so that general similarity is "
        "not forgotten. 0 = off.",
        group="Loss",
        advanced=True,
        ge=0,
        le=10,
    )
    most_forgotten: float = setting(
        0.045,
        "Most everyday similarity lost",
        "When the training is done and has cost more than this, the encoder is pulled back towards the base "
        "model until it has not. 0 = never.",
        group="Loss",
        unit="Spearman",
        advanced=True,
        ge=0,
        le=1,
    )
    freeze_layers: int = setting(
        1,
        "Frozen layers",
        "Lowest layers that stay as they are: faster, and the stored model is smaller.",
        group="Method",
        ge=0,
        le=24,
    )
    lora_dropout: float = setting(
        0.05,
        "Adapter dropout",
        "Share of adapter inputs left out at random.",
        group="Adapters (lora)",
        unit="share",
        ge=0,
        le=0.9,
    )
    max_length: int = setting(
        128,
        "Longest text",
        "Word pieces read of a text in training; longer ones are cut.",
        group="Data",
        unit="word pieces",
        advanced=True,
        ge=8,
        le=512,
    )
    select_by: Literal["spearman", "loss", "last"] = setting(
        "spearman",
        "Keep the checkpoint with",
        "Best validation Spearman, lowest validation loss, or the last.",
        group="Stopping",
        advanced=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _head_alone(cls, values: Any) -> Any:
        """Where the encoder does not learn, nothing that concerns its learning is in force."""
        if isinstance(values, dict) and values.get("method") == "head":
            return {**values, "first_stage": "none", "rehearsal": 0.0, "most_forgotten": 0.0}
        return values


DEFAULT_PRESET = "fast"
BEGINS_WITH_VERSIONS = True  # a base model may be a version, see bases.py
PRESETS: dict[str, Preset] = {
    "fast": Preset(
        title="Fast (CPU)",
        help="Vectors and pair head together from the packaged MiniLM; takes minutes.",
        # One pass: pairs are drawn anew without end, and fresh ones teach more than a second look.
        values={
            "first_stage": "simcse",
            "first_epochs": 1,
            "first_texts": 800,
            "epochs": 1,
            "batch_size": 16,
            "rehearsal": 2.0,
            "freeze_layers": 2,
        },
        base_model=DEFAULT_BASE,
    ),
    "seed": Preset(
        title="Original plan (two stages)",
        help="The plan as first written: 5 epochs without grades on specification texts, then 10 epochs on "
        "pairs, "
        "batch 32, learning rate 2e-5.",
        values={
            "first_stage": "simcse",
            "first_epochs": 5,
            "first_learning_rate": 2e-5,
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 2e-5,
            "warmup": 0.1,
            "freeze_layers": 0,
            "patience": 5,
            "target": 0.85,
        },
        base_model=DEFAULT_BASE,
    ),
}


def build_recipe(preset: str = DEFAULT_PRESET, overrides: dict[str, Any] | None = None) -> EmbeddingsRecipe:
    """The recipe of a preset with changed fields.

    Raises:
        RecipeError: If the preset or a field is unknown, or a value is out of range.
    """
    return build_from_preset(EmbeddingsRecipe, PRESETS, preset, overrides)


def estimate_seconds(
    recipe: EmbeddingsRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected training time on this machine in seconds; see `preflight.estimate_seconds`."""
    from core.embeddings import preflight

    return preflight.estimate_seconds(recipe, rows, cores, base)


def check(recipe: EmbeddingsRecipe, dataset: Any, base: str = "", *, ws: Any = None) -> list:
    """What stands in the way of a start; see `preflight.check`."""
    from core.embeddings import preflight

    return preflight.check(recipe, dataset, base, ws=ws)
