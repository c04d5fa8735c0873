"""Vectors as points on a map: principal components, two maps turned alike, neighbours. numpy only.

A map of two components shows part of what tells the texts apart; `pca` says how much. Drawing is the
dashboard's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pca(vectors: np.ndarray, width: int = 2) -> tuple[np.ndarray, float]:
    """The first principal components of vectors.

    Args:
        vectors: (N, W).
        width: Components, at least 1.

    Returns:
        Points (N, width) float32 around 0, and the share of the variance that they show, 0 to 1. The sign of
        each component is fixed, so that the same vectors give the same points; missing components are 0.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    points = np.zeros((len(vectors), width), dtype=np.float32)
    if len(vectors) < 2:
        return points, 0.0
    centred = vectors - vectors.mean(0)
    left, strengths, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.where(axes[np.arange(len(axes)), np.abs(axes).argmax(1)] < 0, -1.0, 1.0)
    kept = min(width, len(strengths))
    points[:, :kept] = (left * strengths * signs)[:, :kept]
    total = float((strengths**2).sum())
    return points, float((strengths[:kept] ** 2).sum() / total) if total > 0 else 0.0


def turned(points: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Points turned and mirrored, never stretched, so that they lie on other points as well as they can.

    The axes of principal components mean nothing by themselves: without this, two maps of the same texts
    could not be compared by eye (orthogonal Procrustes, Schönemann 1966).

    Args:
        points: (N, D), centred.
        onto: (N, D), centred: where the same texts lie on the other map.
    """
    left, _, right = np.linalg.svd(np.asarray(points, np.float64).T @ np.asarray(onto, np.float64))
    return (points @ (left @ right)).astype(np.float32)


def same_group(vectors: np.ndarray, groups: Sequence[str]) -> float | None:
    """Share of texts whose nearest other text is of their own group, 0 to 1; None without two in a group.

    Args:
        vectors: (N, W) of length 1.
        groups: N names. Texts that are alone in their group are not asked.
    """
    names = np.asarray(groups)
    asked = np.array([np.count_nonzero(names == name) > 1 for name in groups], dtype=bool)
    if not asked.any():
        return None
    alike = np.asarray(vectors, np.float32) @ np.asarray(vectors, np.float32).T
    np.fill_diagonal(alike, -np.inf)
    return float((names[alike.argmax(1)] == names)[asked].mean())
