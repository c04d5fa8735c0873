"""Whole scenes: the same each time, true to their family and split, with usable labels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.yolo.scene.dice import Dice
from core.yolo.scene.families import (
    SCENES_PER_FAMILY,
    draw_family,
    family_number,
    index_in_split,
    split_of_family,
)
from core.yolo.scene.kinds import KINDS, NEGATIVE_KINDS, POSITIVE_KINDS
from core.yolo.scene.labels import SMALLEST, polygon_area, yolo_lines
from core.yolo.scene.photo import damage, draw_photo_habit, turn
from core.yolo.scene.preview import annotate, contact_sheet, main
from core.yolo.scene.scene import make_scene, render
from core.yolo.scene.stage import CROSSARM, POLE, UNDERGROUND


def test_the_same_seed_and_index_give_the_same_pixels() -> None:
    for kind in ("full", "plantation", "underground"):
        scene = make_scene(4, 17, kind=kind)
        first, second = render(scene, 256), render(scene, 256)
        assert np.array_equal(first[0], second[0])
        assert [label.box for label in first[1]] == [label.box for label in second[1]]
    other = render(make_scene(5, 17, kind="full"), 256)[0]
    assert other.shape != first[0].shape or not np.array_equal(other, first[0])


def test_drawing_other_scenes_between_changes_nothing() -> None:
    scene = make_scene(4, 3)
    before = render(scene, 192)[0]
    for index in range(4, 8):
        render(make_scene(9, index), 192)
    assert np.array_equal(render(scene, 192)[0], before)


@pytest.mark.parametrize("kind", sorted(NEGATIVE_KINDS))
def test_negatives_have_no_labels(kind: str) -> None:
    for index in range(4):
        scene = make_scene(2, index, kind=kind)
        image, labels = render(scene, 256)
        assert labels == [] and scene.negative
        assert image.std() > 2


def test_every_kind_of_pole_picture_shows_poles_or_equipment() -> None:
    for kind in POSITIVE_KINDS:
        found = Counter()
        for index in range(8):
            _, labels = render(make_scene(2, index, kind=kind), 256)
            found.update(label.class_id for label in labels)
        wanted = UNDERGROUND if kind == "underground" else POLE
        assert found[wanted] >= 4, kind
    assert not make_scene(2, 0, kind="full").negative


def test_negatives_are_15_to_20_per_cent() -> None:
    share = sum(make_scene(1, index).negative for index in range(4000)) / 4000
    assert 0.15 < share < 0.20
    assert sum(KINDS.values()) == pytest.approx(1.0, abs=0.005)


def test_splits_are_70_20_10_and_no_family_stands_in_two() -> None:
    scenes = [make_scene(1, index) for index in range(1000)]
    assert Counter(scene.split for scene in scenes) == {"train": 700, "val": 200, "test": 100}
    splits_of = {}
    for scene in scenes:
        splits_of.setdefault(scene.family, set()).add(scene.split)
    assert all(len(splits) == 1 for splits in splits_of.values())
    assert len(splits_of) == 1000 // SCENES_PER_FAMILY
    assert Counter(scene.split for scene in scenes[:10]) == {"train": 7, "val": 2, "test": 1}


@given(st.sampled_from(["train", "val", "test"]), st.integers(0, 10**6))
def test_counting_within_a_split_reaches_that_split_once(split: str, number: int) -> None:
    index = index_in_split(split, number)
    assert split_of_family(family_number(index)) == split
    assert index_in_split(split, number + 1) > index
    assert make_scene(0, number, split) == make_scene(0, index)


def test_a_family_fixes_utility_place_and_camera() -> None:
    first, again, other = draw_family(3, 11), draw_family(3, 11), draw_family(3, 12)
    assert first is again or first.utility.height == again.utility.height
    assert first.utility.height != other.utility.height
    assert draw_family(4, 11).utility.height != first.utility.height


def test_polygons_are_valid_and_sizes_reasonable() -> None:
    seen = Counter()
    for index in range(40):
        image, labels = render(make_scene(8, index), 320)
        height, width = image.shape[:2]
        assert max(height, width) == 320 and image.dtype == np.uint8 and image.shape[2] == 3
        for label in labels:
            assert len(label.polygon) >= 3 and polygon_area(label.polygon) >= 1
            x0, y0, x1, y1 = label.box
            assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
            least_long, least_short = SMALLEST[label.class_id]
            assert max(x1 - x0, y1 - y0) >= least_long / 2 and min(x1 - x0, y1 - y0) >= least_short / 2
            assert label.polygon.min(0) == pytest.approx([x0, y0]) and label.polygon.max(0) == pytest.approx(
                [x1, y1]
            )
            seen[label.class_id] += 1
        for line in yolo_lines(labels, width, height).splitlines():
            values = [float(part) for part in line.split()]
            assert len(values) % 2 == 1 and len(values) >= 7
            assert values[0] in (POLE, CROSSARM, UNDERGROUND) and all(0 <= v <= 1 for v in values[1:])
    assert seen[POLE] > 20 and seen[CROSSARM] > 20


def test_far_small_and_near_large_poles_both_occur() -> None:
    heights = []
    for kind in ("far", "shaft", "worm"):
        for index in range(12):
            image, labels = render(make_scene(6, index, kind=kind), 256)
            heights += [(b.box[3] - b.box[1]) / image.shape[0] for b in labels if b.class_id == POLE]
    assert min(heights) < 0.12 and max(heights) > 0.85


def test_photo_damage_keeps_shape_and_a_middle_brightness() -> None:
    dark = np.full((120, 160, 3), 12, np.uint8)
    means = []
    for seed in range(40):
        dice = Dice(seed)
        photo = damage(dice, dark, draw_photo_habit(dice))
        assert photo.shape == dark.shape and photo.dtype == np.uint8
        means.append(photo.mean())
    assert np.median(means) > 25


def test_a_turned_photo_has_wedges_and_a_matching_matrix() -> None:
    photo = np.full((100, 140, 3), 200, np.uint8)
    photo[48:52, 68:72] = 0
    wedges = 0
    for seed in range(30):
        turned, matrix = turn(Dice(seed), photo, 1.0)
        assert max(turned.shape[:2]) == 140
        wedges += bool((turned[0, 0] != 200).any() or (turned[-1, -1] != 200).any())
        x, y = (matrix @ [70.0, 50.0, 1.0])[:2]
        assert turned[int(y), int(x)].max() < 60
    assert wedges > 25
    same, matrix = turn(Dice(1), photo, 0.0)
    assert same is photo and np.array_equal(matrix, np.eye(3))


def test_wrong_values_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="split 'dev'"):
        make_scene(0, 0, "dev")
    with pytest.raises(InputError, match="kind of scene 'moon'"):
        make_scene(0, 0, kind="moon")
    with pytest.raises(InputError, match="seed -1"):
        make_scene(-1, 0)
    with pytest.raises(InputError, match="5000 px"):
        render(make_scene(0, 0), 5000)


def test_contact_sheet(tmp_path) -> None:
    scenes = [make_scene(1, index, kind="full") for index in range(3)]
    sheet = contact_sheet(scenes, columns=2, cell=96, size=128)
    assert sheet.shape == (192, 192, 3) and sheet[:96, :96].std() > 5
    image, labels = render(scenes[0], 128)
    assert labels and not np.array_equal(annotate(image, labels, outlines=True), image)
    assert main([str(tmp_path / "sheet.png"), "--count", "1", "--columns", "1", "--cell", "64"]) == 0
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
