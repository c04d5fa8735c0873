"""Maps of vectors: components, turning one map onto another, neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from core.embeddings.projection import pca, same_group, turned


def test_two_components_of_flat_data_show_everything() -> None:
    flat = np.random.default_rng(3).normal(size=(40, 2)) @ np.random.default_rng(4).normal(size=(2, 9))
    points, share = pca(flat)
    assert share == pytest.approx(1.0)
    apart = np.linalg.norm(flat[0] - flat[7])
    assert np.linalg.norm(points[0] - points[7]) == pytest.approx(apart, rel=1e-4)
    assert np.array_equal(pca(flat)[0], points)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_vectors_are_no_error(count: int) -> None:
    points, share = pca(np.eye(3)[:count])
    assert points.shape == (count, 2) and 0 <= share <= 1
    assert same_group(np.eye(3)[:count], ["a"] * min(count, 1) + ["b"] * max(0, count - 1)) is None


def test_a_turned_map_lies_on_the_first() -> None:
    points = np.random.default_rng(5).normal(size=(30, 2))
    points -= points.mean(0)
    angle = 0.7
    mirrored = points @ np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    assert np.allclose(turned(mirrored, points), points, atol=1e-5)


def test_neighbours_of_the_own_section_are_counted() -> None:
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [0.7, 0.7]])
    assert same_group(vectors, ["a", "a", "b", "b", "alone"]) == 1.0
    assert same_group(vectors, ["a", "b", "a", "b", "alone"]) == 0.0
