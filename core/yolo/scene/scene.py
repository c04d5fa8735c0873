"""One scene by seed and index: its family, split and kind, and how it becomes a photo with labels.

scene = make_scene(seed=7, index=42)
image, labels = render(scene, size=640)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.yolo.scene.compose import Composer
from core.yolo.scene.dice import Dice
from core.yolo.scene.families import (
    GENERATOR_VERSION,
    draw_family,
    family_number,
    index_in_split,
    split_of_family,
)
from core.yolo.scene.kinds import KINDS, NEGATIVE_KINDS
from core.yolo.scene.labels import Label, photo_labels
from core.yolo.scene.light import choose_light
from core.yolo.scene.photo import damage, develop, turn
from core.yolo.scene.stage import Stage
from core.yolo.scene.views import choose_view

OVERSAMPLING = 1.3  # the canvas is this much larger than the photo, so that thin wires keep soft edges
SIZES = (64, 2048)


@dataclass(frozen=True)
class Scene:
    """What defines a scene; equal scenes give equal pixels at equal size and library versions.

    Args:
        seed: Seed of the data set.
        index: Number of the scene in it, from 0.
        family: Number of its family.
        split: train, val or test.
        kind: What is pictured, a key of KINDS.
    """

    seed: int
    index: int
    family: int
    split: str
    kind: str

    @property
    def name(self) -> str:
        """File name without its ending."""
        return f"s{self.seed}-{self.index:07d}"

    @property
    def negative(self) -> bool:
        """True when nothing in it carries a label."""
        return self.kind in NEGATIVE_KINDS


@dataclass(frozen=True)
class Frame:
    """A drawn scene before and after the camera.

    Args:
        image: The photo, (height, width, 3) uint8 RGB.
        labels: Its labels.
        stage: The stage with camera, canvas, id buffer and world objects.
        matrix: (2, 3) from canvas pixels to photo pixels.
    """

    image: np.ndarray
    labels: list[Label]
    stage: Stage
    matrix: np.ndarray


def make_scene(seed: int, index: int, split: str | None = None, kind: str | None = None) -> Scene:
    """The scene of a seed and an index.

    Args:
        seed: 0 or more.
        index: 0 or more; with `split` it counts the scenes of that split only.
        split: train, val or test.
        kind: Force what is pictured, for previews and tests.

    Raises:
        InputError: A number is negative, or there is no such split or kind.
    """
    if seed < 0 or index < 0:
        raise InputError(f"A scene has seed {seed} and index {index}.", "Give whole numbers of 0 or more.")
    if kind is not None and kind not in KINDS:
        raise InputError(f"There is no kind of scene '{kind}'.", f"Choose one of: {', '.join(KINDS)}.")
    if split is not None:
        index = index_in_split(split, index)
    family = family_number(index)
    drawn = Dice(GENERATOR_VERSION, seed, 3, index).weighted(KINDS)
    return Scene(seed, index, family, split_of_family(family), kind or drawn)


def draw(scene: Scene, size: int = 640) -> Frame:
    """Draw a scene and keep everything that led to the photo; `render` is enough for most."""
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"A photo of {size} px cannot be rendered.", f"Choose {SIZES[0]} to {SIZES[1]} px.")
    family = draw_family(scene.seed, scene.family)
    dice = Dice(GENERATOR_VERSION, scene.seed, 2, scene.index)
    view = choose_view(
        dice, scene.kind, round(size * OVERSAMPLING), family.utility.height, family.field_of_view, family.roll
    )
    stage = Stage(view.camera, choose_light(dice, family.skies, family.silhouettes), dice)
    Composer(stage, family, scene.kind, view).paint()
    # the camera has its own stream: how much was drawn before must not change it
    lens = Dice(GENERATOR_VERSION, scene.seed, 4, scene.index)
    photo, to_photo = develop(lens, stage.canvas.image, size)
    photo, turned = turn(lens, damage(lens, photo, family.photo), 0.25 if scene.negative else 0.1)
    matrix = (turned @ to_photo)[:2]
    height, width = photo.shape[:2]
    labels = photo_labels(stage.canvas.image, stage.canvas.ids, stage.objects, matrix, width, height)
    return Frame(photo, labels, stage, matrix)


def render(scene: Scene, size: int = 640) -> tuple[np.ndarray, list[Label]]:
    """The photo of a scene and its labels.

    Args:
        scene: From `make_scene`.
        size: Longer side in pixels, 64 to 2048.

    Returns:
        The photo (height, width, 3) uint8 RGB, and labels in its pixels.
    """
    frame = draw(scene, size)
    return frame.image, frame.labels
