"""What may be set for generated detector data. The scenes themselves are core/yolo/scene; storing is
dataset.py.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from core.recipe import build, setting


class GenerateSettings(BaseModel):
    """What a user may set for generated scenes; the page and the command line are made from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    count: int = setting(
        2000, "Scenes", "How many photos to render, all splits together (70/20/10 by scene family).",
        group="Size", ge=30, le=500_000,
    )  # fmt: skip
    seed: int = setting(
        1, "Seed", "The same seed with the same settings gives the same scenes again.",
        group="Size", ge=0, le=2**31 - 1,
    )  # fmt: skip
    size: int = setting(
        640, "Photo size", "Long side of a photo. Larger photos take longer and keep thin arms.",
        group="Size", unit="pixels", ge=64, le=2048,
    )  # fmt: skip
    workers: int = setting(
        0, "Renderers", "Processes that render; 0 takes all cores.", group="Machine", ge=0, le=256
    )


def build_settings(values: dict[str, Any] | None = None) -> GenerateSettings:
    """Settings from the values that differ from the defaults.

    Raises:
        RecipeError: Naming the field that does not fit, what came and what is allowed.
    """
    return build(GenerateSettings, values or {})


def preview(settings: GenerateSettings, count: int = 6, size: int = 384) -> list[Any]:
    """The first scenes that these settings give, as Pillow images with their boxes drawn.

    Args:
        settings: The settings.
        count: How many.
        size: Long side in pixels; the same scenes as in full size.
    """
    from core.datasets.frames import LABELS
    from core.yolo.scene.scene import make_scene, render
    from core.yolo.sheets import draw_boxes

    pictures = []
    for index in range(count):
        image, labels = render(make_scene(settings.seed, index), size)
        items = [
            {"label": LABELS[label.class_id], "confidence": 1.0, "box": list(label.box)} for label in labels
        ]
        pictures.append(draw_boxes(image, items, text=False))
    return pictures
