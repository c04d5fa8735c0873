"""The comparison of loss settings: every row is trained once, kept, and not trained again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import InputError
from core.yolo import ablation as room
from core.yolo.ablation import ROWS, ablation, slim, table_of

TINY = {"images": "21", "size": "64", "epochs": "1", "batch": "7", "architecture": "yolov8p"}


def test_the_rows_differ_in_the_loss_only() -> None:
    settings = {"size": 64, "epochs": 1, "batch": 4, "architecture": "yolov8p", "rate": 0.002}
    recipes = [room._recipe(settings, changes, 0).model_dump() for changes in ROWS.values()]
    differing = {key for recipe in recipes for key in recipe if recipe[key] != recipes[0][key]}
    assert differing == {"crossarm_weight", "underground_weight", "focal_gamma"}
    assert recipes[2]["crossarm_weight"] == 3.0 and recipes[3]["focal_gamma"] == 2.0


def test_finished_rows_are_kept_and_not_trained_again(
    workspace, labelled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(tmp_path / "photos", 4)
    output, lines, trained = tmp_path / "out.json", [], []
    options = {**TINY, "data": str(tmp_path / "photos"), "output": str(output)}
    train_row = room._row

    def one_only(recipe, *rest):
        if trained:
            raise KeyboardInterrupt
        trained.append(recipe)
        return train_row(recipe, *rest)

    monkeypatch.setattr(room, "_row", one_only)
    with pytest.raises(KeyboardInterrupt):
        ablation(lines.append, **options)
    kept = json.loads(output.read_text(encoding="utf-8"))
    assert len(kept["rows"]) == 1 and (tmp_path / "out-scenes").is_dir()
    first = next(iter(kept["rows"].values()))
    monkeypatch.setattr(room, "_row", lambda recipe, *rest: {**first, "best_epoch": 7})
    found = ablation(lines.append, **options)
    assert list(found["rows"]) == list(ROWS) and found["settings"]["photo_count"] == 4
    assert [row["best_epoch"] for row in found["rows"].values()] == [1, 7, 7, 7]
    assert set(found["rows"]["crossarm 2"]) == {"best_epoch", "generated", "photos", "seconds"}
    assert any(line.startswith("1 of 4 rows are done") for line in lines)
    assert any("all 3 rows" in line for line in lines)
    assert any(line.startswith("| 1 / 3 / 1.5, focal 2 | pole") for line in lines)
    assert not (tmp_path / "out-scenes").exists() and not (tmp_path / "out-model").exists()
    monkeypatch.setattr(room, "_row", None)
    assert ablation(lines.append, **options)["rows"] == found["rows"]
    with pytest.raises(InputError, match="other settings"):
        ablation(lines.append, **{**options, "epochs": "2"})


def test_figures_are_means_over_seeds_and_best_f1_ignores_the_threshold() -> None:
    result = {
        "map50": 0.5, "map50_95": 0.3,
        "classes": {
            "pole": {"ap50": 0.5, "ap50_95": 0.3, "recall": 0.1, "precision": None, "support": 4},
            "crossarm": {"support": 0},
        },
        "curves": {"pole": {"recall": [0.25, 0.5, 0.5], "precision": [1.0, 1.0, 0.7]}},
    }  # fmt: skip
    row = {"generated": slim(result), "seconds": 4.0}
    assert list(row["generated"]["classes"]) == ["pole"]
    assert row["generated"]["classes"]["pole"]["best_f1"] == pytest.approx(2 / 3)
    mean = room._mean([row, {**row, "seconds": 8.0}])
    assert mean["seconds"] == 6.0 and mean["generated"]["classes"]["pole"]["precision"] is None
    assert table_of({"a": mean}, "generated")[-1] == (
        "| a | pole (4) | 0.100 | – | 0.667 | 0.500 | 0.300 | 0.300 |"
    )


@pytest.mark.parametrize("option", ["images", "size", "epochs", "batch", "seeds", "rate"])
def test_options_that_are_no_numbers_are_told(option: str) -> None:
    with pytest.raises(InputError, match=f"{option} is 'many'"):
        ablation(lambda line: None, **{option: "many"})
