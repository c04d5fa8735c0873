"""The base recipe: what a user may set for any training, described once.

The form, the command line options and the run's frozen spec are all made from these pydantic fields.
Fields of one model only live in that model's recipe.py.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

import pydantic
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field

from core.errors import RecipeError

Reaction = Literal["stop", "inform", "off"]


def setting(
    default: Any, title: str, help: str, *, group: str, unit: str = "", advanced: bool = False, **limits: Any
) -> Any:
    """A pydantic field with what a form needs: title, help text, unit and group.

    Args:
        default: Default value.
        title: Label of the form field.
        help: One or two sentences for a person who does not know deep learning.
        group: Heading under which the form shows it.
        unit: Unit of the value, or an empty string.
        advanced: True to fold it away by default.
        **limits: `ge`, `gt`, `le`, `lt` as in pydantic.
    """
    extra = {"group": group, "unit": unit, "advanced": advanced}
    return Field(default, title=title, description=help, json_schema_extra=extra, **limits)


class BaseRecipe(BaseModel):
    """Settings that every model's training has."""

    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)

    epochs: int = setting(
        4, "Epochs", "How often the training reads the whole dataset.", group="Schedule", ge=1, le=500
    )
    batch_size: int = setting(
        16, "Batch size", "Examples that are read at once; more needs more memory.",
        group="Schedule", ge=1, le=512,
    )  # fmt: skip
    gradient_accumulation: int = setting(
        1,
        "Gradient accumulation",
        "Batches that are added up before one update: a larger batch without its memory.",
        group="Schedule", advanced=True, ge=1, le=64,
    )  # fmt: skip
    learning_rate: float = setting(
        3e-4, "Learning rate", "Size of one update. Too small learns nothing, too large diverges.",
        group="Schedule", gt=0, le=1,
    )  # fmt: skip
    warmup: float = setting(
        0.08, "Warm-up", "Share of all updates during which the learning rate rises from zero.",
        group="Schedule", unit="share", advanced=True, ge=0, le=0.5,
    )  # fmt: skip
    decay: Literal["linear", "cosine", "constant"] = setting(
        "linear", "Decay", "How the learning rate falls after the warm-up.", group="Schedule", advanced=True
    )
    weight_decay: float = setting(
        0.01, "Weight decay", "Pull of all weights towards zero, against overfitting.",
        group="Schedule", advanced=True, ge=0, le=1,
    )  # fmt: skip
    seed: int = setting(
        0, "Seed", "The same seed on the same machine gives the same training.",
        group="Schedule", ge=0, le=2**31 - 1,
    )  # fmt: skip
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "Number format", "auto takes bf16 where this machine computes it faster, else fp32.",
        group="Machine", advanced=True,
    )  # fmt: skip
    threads: int = setting(
        0, "CPU threads", "Threads that the training uses; 0 takes all cores.",
        group="Machine", advanced=True, ge=0, le=256,
    )  # fmt: skip
    patience: int = setting(
        3, "Patience", "Epochs without a better validation score before the training may stop.",
        group="Stopping", unit="epochs", ge=1, le=100,
    )  # fmt: skip
    on_patience: Reaction = setting(
        "stop", "When patience is exhausted", "Stop the training, only show it, or do not look.",
        group="Stopping",
    )  # fmt: skip
    target: float = setting(
        0.85, "Target", "Score on validation data at which the goal counts as reached.",
        group="Stopping", gt=0, le=1,
    )  # fmt: skip
    on_target: Reaction = setting(
        "inform", "When the target is reached", "Stop the training, only show it, or do not look.",
        group="Stopping",
    )  # fmt: skip
    plateau_epochs: int = setting(
        5, "Plateau length", "Epochs without a lower validation loss that count as a plateau.",
        group="Stopping", unit="epochs", advanced=True, ge=2, le=50,
    )  # fmt: skip
    on_plateau: Reaction = setting(
        "inform", "On a plateau", "Stop the training, only show it, or do not look.",
        group="Stopping", advanced=True,
    )  # fmt: skip
    overfit_ratio: float = setting(
        2.0, "Overfitting ratio",
        "Validation loss divided by training loss above which, while validation gets worse, the model "
        "overfits.",
        group="Stopping", advanced=True, gt=1, le=100,
    )  # fmt: skip
    on_overfit: Reaction = setting(
        "inform", "On overfitting", "Stop the training, only show it, or do not look.",
        group="Stopping", advanced=True,
    )  # fmt: skip


@dataclass(frozen=True)
class FieldInfo:
    """One recipe field as a form or a command line needs it.

    Args:
        name: Attribute name.
        kind: `int`, `float`, `bool`, `str` or `choice`.
        default: Default value.
        title: Label.
        help: Explanation.
        unit: Unit or an empty string.
        group: Heading.
        advanced: True if it is folded away.
        minimum: Smallest value (inclusive unless `exclusive_minimum`), or None.
        maximum: Largest value, or None.
        exclusive_minimum: True if `minimum` itself is not allowed.
        choices: Allowed values of a `choice`.
    """

    name: str
    kind: str
    default: Any
    title: str
    help: str
    unit: str
    group: str
    advanced: bool
    minimum: float | None
    maximum: float | None
    exclusive_minimum: bool
    choices: tuple[str, ...]


def fields(model: type[BaseModel]) -> list[FieldInfo]:
    """Describe every field of a recipe class, in the order in which it is written."""
    return [_describe(name, info) for name, info in model.model_fields.items()]


def _describe(name: str, info: pydantic.fields.FieldInfo) -> FieldInfo:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kind, choices = _kind(info.annotation)
    low = high = None
    exclusive = False
    for limit in info.metadata:
        if isinstance(limit, Ge):
            low = limit.ge
        elif isinstance(limit, Gt):
            low, exclusive = limit.gt, True
        elif isinstance(limit, Le):
            high = limit.le
        elif isinstance(limit, Lt):
            high = limit.lt
    return FieldInfo(
        name=name, kind=kind, default=info.get_default(call_default_factory=True),
        title=info.title or name, help=info.description or "", unit=str(extra.get("unit", "")),
        group=str(extra.get("group", "")), advanced=bool(extra.get("advanced", False)),
        minimum=low, maximum=high, exclusive_minimum=exclusive, choices=choices,
    )  # fmt: skip


def _kind(annotation: Any) -> tuple[str, tuple[str, ...]]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is Literal:
        return "choice", tuple(str(a) for a in typing.get_args(annotation))
    names = {bool: "bool", int: "int", float: "float", str: "str"}
    return names.get(annotation, "str"), ()


@dataclass(frozen=True)
class Preset:
    """A named starting point for the form.

    Args:
        title: What the form calls it.
        help: What it is for and what it does about known pitfalls.
        values: Recipe fields that differ from the defaults.
        base_model: Base weights that it starts from.
    """

    title: str
    help: str
    values: dict[str, Any]
    base_model: str


def build_from_preset(
    model: type[BaseModel], presets: dict[str, Preset], preset: str, overrides: dict[str, Any] | None = None
) -> Any:
    """The recipe of a preset with changed fields.

    Raises:
        RecipeError: If the preset or a field is unknown, or a value is out of range.
    """
    if preset not in presets:
        raise RecipeError(f"{preset!r} is not a preset.", f"Choose one of: {', '.join(presets)}.")
    return build(model, {**presets[preset].values, **(overrides or {})})


def build(model: type[BaseModel], values: dict[str, Any]) -> Any:
    """Validate `values` into a recipe.

    Raises:
        RecipeError: Naming the first field that does not fit, what came and what is allowed.
    """
    try:
        return model(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "recipe"
        known = ", ".join(model.model_fields)
        if first["type"] == "extra_forbidden":
            raise RecipeError(f"{name!r} is not a setting.", f"Settings are: {known}.") from None
        raise RecipeError(f"{name} = {first['input']!r} is not possible: {first['msg']}.") from None
