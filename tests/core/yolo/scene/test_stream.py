"""Streams of fresh scenes: in order, of one split, going on where they stopped."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.yolo.scene.scene import make_scene, render
from core.yolo.scene.stream import SceneStream


def test_stream_gives_fresh_scenes_of_its_split_and_goes_on_where_it_stopped() -> None:
    with SceneStream(3, split="val", size=96) as stream:
        first = [next(stream) for _ in range(3)]
    assert [scene.split for scene, _, _ in first] == ["val"] * 3
    assert len({scene.index for scene, _, _ in first}) == 3
    scene, image, labels = first[2]
    assert scene == make_scene(3, 2, "val") and np.array_equal(image, render(scene, 96)[0])
    with SceneStream(3, split="val", size=96, start=2) as later:
        again = next(later)
        assert again[0] == scene and np.array_equal(again[1], image) and later.position == 3
        assert [label.box for label in again[2]] == [label.box for label in labels]
    with pytest.raises(InputError, match="split 'dev'"):
        SceneStream(3, split="dev")


def test_stream_with_workers_keeps_the_order() -> None:
    with SceneStream(3, size=96, workers=1, ahead=2) as stream:
        got = [next(stream) for _ in range(3)]
    assert [scene for scene, _, _ in got] == [make_scene(3, number, "train") for number in range(3)]
    assert np.array_equal(got[0][1], render(got[0][0], 96)[0])
