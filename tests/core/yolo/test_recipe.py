"""Presets, starting weights and the check before a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BaseModelError, RecipeError
from core.recipe import fields
from core.yolo import bases, preflight
from core.yolo.recipe import DEFAULT_PRESET, PRESETS, YoloRecipe, build_recipe, check, estimate_seconds


def test_the_seed_preset_is_what_the_user_wrote() -> None:
    recipe = build_recipe("seed")
    assert (recipe.architecture, recipe.epochs, recipe.patience) == ("yolov8m", 100, 30)
    assert recipe.class_weights == (1.0, 3.0, 1.5) and recipe.focal_gamma == 2.0
    assert (recipe.mosaic, recipe.scale, recipe.copy_paste) == (1.0, 0.7, 0.3)


def test_focal_loss_is_off_unless_asked_for() -> None:
    assert build_recipe("fast").focal_gamma == build_recipe("gpu").focal_gamma == 0


def test_every_field_explains_itself() -> None:
    for field in fields(YoloRecipe):
        assert field.title and len(field.help) > 10 and field.group
    assert set(PRESETS) == {"fast", "seed", "gpu"} and DEFAULT_PRESET == "fast"
    assert all(preset.help and build_recipe(name) for name, preset in PRESETS.items())


def test_wrong_settings_are_refused_by_name() -> None:
    with pytest.raises(RecipeError, match="not a preset"):
        build_recipe("best")
    with pytest.raises(RecipeError, match="focal_gamma"):
        build_recipe("fast", {"focal_gamma": -1})
    with pytest.raises(RecipeError, match="architecture"):
        build_recipe("fast", {"architecture": "yolov9"})


def test_starting_weights_by_name_and_file(workspace, tmp_path: Path) -> None:
    assert bases.find_weights("scratch", "yolov8n").path is None
    file = tmp_path / "mine.safetensors"
    file.write_bytes(b"x")
    assert bases.find_weights(str(file), "yolov8n").path == file
    dropped = bases.weights_folder(workspace) / "own.pt"
    dropped.parent.mkdir(parents=True)
    dropped.write_bytes(b"x")
    start = bases.find_weights("own.pt", "yolov8n", trusted=True)
    assert start.path == dropped and start.trusted
    assert not bases.find_weights("own.pt", "yolov8n").trusted
    with pytest.raises(BaseModelError, match="does not exist"):
        bases.find_weights("none.pt", "yolov8n")
    with pytest.raises(BaseModelError, match="'v9' are not here"):
        bases.find_weights("v9", "yolov8n")


def test_coco_weights_that_cannot_be_fetched_are_said_plainly(workspace, monkeypatch) -> None:
    def unreachable(url, target):
        raise OSError("no route to host")

    monkeypatch.setattr(bases, "_fetch", unreachable)
    said = []
    start = bases.find_weights("coco", "yolov8m", say=said.append)
    assert start.path is None and "RANDOM weights" in start.text and "yolov8m.pt" in start.text
    assert said == ["Fetching yolov8m.pt once."]
    assert "switched off" in bases.find_weights("coco", "yolov8m", allow_network=False).text
    here = bases.weights_folder(workspace) / "yolov8m.pt"
    here.parent.mkdir(parents=True, exist_ok=True)
    here.write_bytes(b"x")
    assert bases.find_weights("coco", "yolov8m").path == here


def test_the_check_names_what_stands_in_the_way(workspace, monkeypatch) -> None:
    monkeypatch.setattr(preflight, "gpu_indices", lambda: ())
    answers = {answer.title: answer for answer in check(build_recipe("seed"), None, "coco")}
    assert answers["Data"].ok is False
    assert answers["Machine"].ok is None and "graphics card" in answers["Machine"].detail
    assert answers["Focal loss"].ok is None
    assert answers["Starting weights"].ok is None
    assert check(build_recipe("fast"), None, "scratch")[1].ok is True


def test_larger_trainings_are_expected_to_take_longer(monkeypatch) -> None:
    monkeypatch.setattr(preflight, "gpu_indices", lambda: ())
    small = estimate_seconds(build_recipe("fast", {"minutes": 0, "epochs": 2}), 500)
    large = estimate_seconds(
        build_recipe("fast", {"minutes": 0, "epochs": 2, "architecture": "yolov8m"}), 500
    )
    assert 20 < small < large
    assert estimate_seconds(build_recipe("fast", {"minutes": 1}), 10**6) < 120


def test_recipes_need_no_training_library() -> None:
    import subprocess
    import sys

    code = "import sys, core.yolo.recipe, core.yolo.generate; assert not {'torch', 'cv2'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
