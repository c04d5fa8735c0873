"""Sliders without the network, tiles, and counting arms per pole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.yolo.boxes import Raw, arms_per_pole, cut_by_tile, select, tiles


def _raw(boxes, scores) -> Raw:
    return Raw(
        np.array(boxes, float).reshape(-1, 4), np.array(scores, float).reshape(len(boxes), -1), (100, 100)
    )


def test_the_weaker_of_two_overlapping_boxes_of_a_class_goes() -> None:
    raw = _raw([[0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 60]], [[0.5, 0], [0.9, 0], [0.3, 0.8]])
    chosen = select(raw, confidence=0.25, overlap=0.6)
    assert chosen.confidence.tolist() == [0.9, 0.8, 0.3]
    assert chosen.classes.tolist() == [0, 1, 0]
    assert len(select(raw, confidence=0.25, overlap=0.95)) == 4
    assert len(select(raw, confidence=0.85)) == 1


@given(st.floats(0.05, 0.9), st.floats(0.05, 0.9), st.integers(0, 50))
def test_a_higher_threshold_gives_a_part_of_the_boxes(one: float, other: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (20, 2))
    raw = _raw(np.concatenate([corner, corner + 20], 1), rng.uniform(0, 1, (20, 3)))
    low, high = (select(raw, confidence=limit) for limit in sorted((one, other)))
    assert {tuple(box) for box in high.boxes} <= {tuple(box) for box in low.boxes}


def test_suppression_is_the_librarys() -> None:
    torch = pytest.importorskip("torch")
    from torchvision.ops import nms

    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 50, (200, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 30, (200, 2))], 1)
    scores = rng.uniform(0.1, 1, (200, 1))
    theirs = nms(torch.from_numpy(boxes), torch.from_numpy(scores[:, 0]), 0.5).numpy()
    assert np.array_equal(select(_raw(boxes, scores), confidence=0.0, overlap=0.5).boxes, boxes[theirs])


@given(st.integers(10, 5000), st.integers(10, 5000), st.integers(100, 2000))
def test_tiles_cover_the_photo(width: int, height: int, side: int) -> None:
    found = tiles(width, height, side)
    assert min(x0 for x0, *_ in found) == 0 and max(x1 for _, _, x1, _ in found) == width
    assert min(y0 for _, y0, *_ in found) == 0 and max(y1 for *_, y1 in found) == height
    columns = sorted({(x0, x1) for x0, _, x1, _ in found})
    for (_, end), (start, _) in pairwise(columns):
        assert start <= end - 0.19 * side


def test_boxes_cut_by_a_tile_are_known_but_not_those_at_the_photos_edge() -> None:
    boxes = np.array([[0, 10, 20, 20], [90, 10, 100, 20], [40, 40, 60, 60.0]])
    assert cut_by_tile(boxes, (0, 0, 100, 100), (300, 100), 1).tolist() == [False, True, False]


def test_arms_sit_on_the_pole_that_they_cross() -> None:
    poles = np.array([[100, 50, 110, 400], [300, 40, 312, 390.0]])
    arms = np.array([[60, 80, 150, 90], [250, 60, 360, 72], [250, 100, 360, 112], [500, 80, 600, 90.0]])
    on, alone = arms_per_pole(poles, arms)
    assert on == [[0], [1, 2]]
    assert alone == [3]


def test_an_arm_bolted_beside_the_shaft_belongs_to_it() -> None:
    on, alone = arms_per_pole(np.array([[100, 50, 110, 400.0]]), np.array([[113, 80, 200, 90.0]]))
    assert (on, alone) == ([[0]], [])


def test_without_poles_every_arm_stands_alone() -> None:
    assert arms_per_pole(np.zeros((0, 4)), np.array([[0, 0, 9, 9.0]])) == ([], [0])
