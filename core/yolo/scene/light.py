"""Sun, sky light, haze and silhouette exposure of a scene, as functions from colour to colour.

What the sky looks like is sky.py; damage done by the camera is photo.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from core.yolo.scene.dice import Dice

BRIGHT_SKIES = ("clear", "clouds")


@dataclass
class Light:
    """The light of one scene.

    Args:
        sky: Kind of sky: clear, clouds, overcast, white, sunset, storm or night.
        sun: Unit vector towards the sun.
        ambient, diffuse: Shares of sky light and sun light, about 0 to 1.
        gain: Exposure of things against the sky; far below 1 they are silhouettes.
        ground_gain: The same for the ground.
        visibility: Metres at which haze covers 63 % of a colour.
        haze: RGB of far haze, set once the sky is painted.
        backlit: True when the camera looks towards the sun.
    """

    sky: str
    sun: np.ndarray
    ambient: float
    diffuse: float
    gain: float = 1.0
    ground_gain: float = 1.0
    visibility: float = 2000.0
    haze: np.ndarray = field(default_factory=lambda: np.full(3, 205.0, np.float32))
    backlit: bool = False

    def strength(self, normal: np.ndarray | None = None) -> float:
        """Light on a face with this unit normal; without one, on an average face."""
        facing = 0.55 if normal is None else max(0.0, float(normal @ self.sun))
        return self.ambient + self.diffuse * facing

    def fog(self, depth: float) -> float:
        """Share of haze in front of something `depth` metres away, 0 to 1."""
        return 1 - math.exp(-max(0.0, depth) / self.visibility)

    def hazed(self, colour: np.ndarray, depth: float) -> np.ndarray:
        """A colour, or an array (..., 3) of them, seen through `depth` metres of air."""
        share = self.fog(depth)
        return np.clip(colour * (1 - share) + self.haze * share, 0, 255)

    def lit(self, colour: np.ndarray, normal: np.ndarray | None = None, depth: float = 10.0) -> np.ndarray:
        """How an RGB surface colour looks from here."""
        return self.hazed(np.asarray(colour, np.float32) * (self.strength(normal) * self.gain), depth)

    def ramp(self, dark: np.ndarray, bright: np.ndarray, depth: float) -> np.ndarray:
        """A colour for each of 256 grey values between two surface colours, (1, 256, 3) uint8."""
        share = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
        colours = (np.asarray(dark) * (1 - share) + np.asarray(bright) * share) * self.gain
        return self.hazed(colours, depth).astype(np.uint8)[None]


def choose_light(dice: Dice, skies: dict[str, float], silhouettes: float) -> Light:
    """Draw the light of a scene.

    Args:
        skies: Kinds of sky and their weights.
        silhouettes: Chance of a dark foreground under a bright sky.
    """
    sky = dice.weighted(skies)
    azimuth = dice.between(-math.pi, math.pi)
    height = dice.between(0.03, 0.2) if sky == "sunset" else dice.between(0.15, 1.3)
    sun = np.array(
        [math.sin(azimuth) * math.cos(height), math.sin(height), math.cos(azimuth) * math.cos(height)]
    )
    if sky in BRIGHT_SKIES:
        ambient, diffuse = dice.between(0.35, 0.65), dice.between(0.45, 0.95)
    elif sky == "sunset":
        ambient, diffuse = dice.between(0.25, 0.45), dice.between(0.2, 0.5)
    elif sky == "night":
        ambient, diffuse = dice.between(0.15, 0.3), dice.between(0.1, 0.5)
    else:
        ambient, diffuse = dice.between(0.6, 0.95), dice.between(0.0, 0.2)
    light = Light(sky, sun, ambient, diffuse, backlit=abs(azimuth) < 1.0)
    dark = {"sunset": 0.9, "white": 0.75}.get(sky, silhouettes + (0.25 if light.backlit else 0.0))
    if dice.chance(dark):
        light.gain = dice.between(0.12, 0.75)
    light.ground_gain = light.gain if dice.chance(0.7) else (light.gain + 1) / 2
    light.visibility = 10 ** (dice.between(2.6, 4.0) if dice.chance(0.87) else dice.between(1.8, 2.5))
    return light
