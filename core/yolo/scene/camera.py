"""A pinhole camera in metres: position, pitch, yaw, roll, focal length. Choosing a view is views.py.

World axes: x to the right, y up, z ahead of a camera with yaw 0. Camera axes: x right, y down, z ahead.
"""

from __future__ import annotations

import math

import numpy as np

NEAR = 0.25  # metres; nothing closer than this is drawn


class Camera:
    """A true perspective camera.

    Args:
        width, height: Picture size in pixels.
        focal: Focal length in pixels.
        position: World position in metres, shape (3,).
        pitch: Radians above the horizon.
        yaw: Radians to the right of the z axis.
        roll: Radians, clockwise positive.
    """

    def __init__(
        self,
        width: int,
        height: int,
        focal: float,
        position: tuple[float, float, float],
        pitch: float,
        yaw: float = 0.0,
        roll: float = 0.0,
    ) -> None:
        self.width, self.height, self.focal = width, height, focal
        self.position = np.asarray(position, float)
        self.pitch = pitch
        cos_p, sin_p, cos_y, sin_y = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
        ahead = np.array([sin_y * cos_p, sin_p, cos_y * cos_p])
        right = np.array([cos_y, 0.0, -sin_y])
        up = np.cross(ahead, right)
        cos_r, sin_r = math.cos(roll), math.sin(roll)
        self.axes = np.array([cos_r * right + sin_r * up, sin_r * right - cos_r * up, ahead])
        self._centre = np.array([width / 2, height / 2])

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) or (3,) in camera axes, (N, 3)."""
        return (np.atleast_2d(points) - self.position) @ self.axes.T

    def to_pixels(self, camera_points: np.ndarray) -> np.ndarray:
        """Camera points (N, 3) with z > 0 as pixel positions (N, 2)."""
        return camera_points[:, :2] / camera_points[:, 2:3] * self.focal + self._centre

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points as (pixels (N, 2), depth (N,)); pixels mean nothing where depth < NEAR."""
        seen = self.to_camera(points)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.to_pixels(seen), seen[:, 2]

    def depth(self, point: np.ndarray) -> float:
        """Metres ahead of the lens plane; negative behind it."""
        return float((np.asarray(point, float) - self.position) @ self.axes[2])

    def scale(self, depth: float) -> float:
        """Pixels for one metre at a depth."""
        return self.focal / max(depth, NEAR)

    def at(self, u: float, v: float, depth: float) -> np.ndarray:
        """The world point seen at pixel (u, v) at a depth in metres."""
        ray = np.array([(u - self.width / 2) / self.focal, (v - self.height / 2) / self.focal, 1.0])
        return self.position + self.axes.T @ ray * depth

    def horizon(self, x: np.ndarray) -> np.ndarray:
        """The row of the horizon at columns x, in pixels."""
        slope = self.axes[1, 1] if abs(self.axes[1, 1]) > 1e-3 else 1e-3
        tilt = self.axes[0, 1] * (x - self.width / 2) / self.focal + self.axes[2, 1]
        return self.height / 2 - self.focal * tilt / slope


def clip_segment(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A segment in camera axes cut at the near plane, or None when all of it is behind."""
    if a[2] < NEAR and b[2] < NEAR:
        return None
    if a[2] < NEAR:
        a = a + (NEAR - a[2]) / (b[2] - a[2]) * (b - a)
    elif b[2] < NEAR:
        b = b + (NEAR - b[2]) / (a[2] - b[2]) * (a - b)
    return a, b


def clip_polygon(points: np.ndarray) -> np.ndarray | None:
    """A polygon in camera axes (N, 3) cut at the near plane, or None when nothing is left."""
    depth = points[:, 2]
    if depth.min() >= NEAR:
        return points
    kept = []
    for i in range(len(points)):
        a, b = points[i], points[(i + 1) % len(points)]
        if a[2] >= NEAR:
            kept.append(a)
        if (a[2] >= NEAR) != (b[2] >= NEAR):
            kept.append(a + (NEAR - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept) if len(kept) >= 3 else None
