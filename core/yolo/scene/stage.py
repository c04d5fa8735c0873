"""The stage of one scene: camera, canvas, light, ground and the list of labelled objects.

Builders take a stage and add themselves to it; solids are drawn by mesh.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.yolo.scene.camera import Camera
from core.yolo.scene.canvas import Canvas
from core.yolo.scene.dice import Dice
from core.yolo.scene.light import Light
from core.yolo.scene.textures import textures

POLE, CROSSARM, UNDERGROUND = 0, 1, 2
CLASS_NAMES = ("pole", "crossarm", "underground")


@dataclass(frozen=True)
class SceneObject:
    """One labelled thing on the stage.

    Args:
        class_id: 0 pole, 1 crossarm, 2 underground.
        anchors: World points (N, 3) its label holds when nothing hides them: beam ends, foot and top.
    """

    class_id: int
    anchors: np.ndarray


class Stage:
    """Everything a builder needs to put something into a scene.

    Args:
        camera: The camera; the canvas has its size.
        light: The light of the scene.
        dice: The stream for decisions made while drawing.
    """

    def __init__(self, camera: Camera, light: Light, dice: Dice) -> None:
        self.camera, self.light, self.dice = camera, light, dice
        self.textures = textures()
        self.canvas = Canvas(camera.width, camera.height, self.textures, dice)
        self.objects: list[SceneObject] = []
        self.slope = (0.0, 0.0)

    def register(self, class_id: int, anchors: np.ndarray) -> int:
        """Note a labelled object and return its id (1, 2, ...) for the id buffer."""
        self.objects.append(SceneObject(class_id, np.atleast_2d(anchors)))
        return len(self.objects)

    def ground(self, x: float, z: float) -> float:
        """Height of the ground in metres."""
        across, along = self.slope
        return across * x * math.exp(-abs(x) / 30) + along * min(abs(z), 60.0)

    def on_ground(self, x: float, z: float) -> np.ndarray:
        """The point on the ground at (x, z)."""
        return np.array([x, self.ground(x, z), z])

    def scale(self, point: np.ndarray) -> float:
        """Pixels for one metre at a world point."""
        return self.camera.scale(self.camera.depth(point))

    def half_width(self) -> float:
        """Half the width of the picture as a share of the depth."""
        return self.camera.width / 2 / self.camera.focal
