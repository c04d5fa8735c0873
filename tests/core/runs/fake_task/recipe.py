"""Recipe room of the counting model. What goes wrong in a run is a setting here."""

from dataclasses import dataclass
from typing import Any, Literal

from core.recipe import BaseRecipe, build, setting


class FakeRecipe(BaseRecipe):
    epochs: int = setting(3, "Epochs", "Epochs.", group="Schedule", ge=1, le=500)
    steps: int = setting(5, "Steps", "Steps an epoch.", group="Schedule", ge=1, le=100000)
    pause: float = setting(0.01, "Pause", "Seconds a step.", group="Schedule", ge=0, le=60)
    trouble: Literal["", "raise", "memory", "missing", "ignore_stop", "nan", "full_disk", "exit"] = setting(
        "", "Trouble", "What goes wrong.", group="Schedule"
    )


@dataclass
class Preset:
    title: str
    help: str
    values: dict[str, Any]
    base_model: str


DEFAULT_PRESET = "fast"
PRESETS = {"fast": Preset("Fast", "Counts.", {}, "none")}


def build_recipe(preset: str, overrides: dict[str, Any]) -> FakeRecipe:
    return build(FakeRecipe, {**PRESETS[preset].values, **overrides})


def estimate_seconds(recipe: FakeRecipe, rows: int, cores: int | None = None, base: str = "") -> float:
    return recipe.epochs * recipe.steps * recipe.pause
