"""A photo in a real browser: upload it, see crossarm boxes, move the threshold, score a labelled folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.files import sha256_file, utc_now
from core.workspace import Workspace, write_json_atomic
from tests.core.yolo.conftest import write_folder

SECONDS = 1000
SMALL = {
    "architecture": "yolov8p", "image_size": 64, "images_per_epoch": 0, "batch_size": 16, "epochs": 40,
    "learning_rate": 5e-3, "fresh_learning_rate": 0, "first_size": 0, "least_box": 0,
    "average": 0.95, "minutes": 0, "warmup": 0.1, "threads": 1, "sheet_every": 0,
    "precision": "fp32",
}  # fmt: skip


@pytest.fixture
def toy_version(workspace: Workspace, tmp_path: Path) -> Path:
    """Version v1, trained here on toy pictures; returns the folder with those that it was not trained on."""
    from core.yolo.recipe import build_recipe
    from core.yolo.train import train_local

    train, held_out = write_folder(tmp_path / "train", 40), write_folder(tmp_path / "held_out", 12, 100)
    folder = workspace.model("yolo", "v1")
    recipe = build_recipe("fast", SMALL)
    train_local(train, held_out, recipe, "scratch", folder, device="cpu", tell=lambda line: None)
    files = {
        path.name: {"sha256": sha256_file(path), "bytes": path.stat().st_size} for path in folder.iterdir()
    }
    write_json_atomic(folder / "manifest.json", {
        "schema": 1, "task": "yolo", "version": "v1", "kind": "full", "created": utc_now(), "files": files,
        "base_model": {"name": "scratch"}, "metrics": {},
    })  # fmt: skip
    return tmp_path / "held_out"


def with_arm(folder: Path, workspace: Workspace) -> Path:
    """A picture on which the model is sure of a crossarm."""
    from core.yolo.predict import load_model

    model = load_model("v1", ws=workspace)
    pictures = sorted((folder / "images").iterdir())
    answers = model.predict(pictures, confidence=0.3)
    found = [
        picture
        for picture, answer in zip(pictures, answers, strict=True)
        if any(item["label"] == "crossarm" for item in answer["detections"])
    ]
    assert found, "the toy training found no crossarm at all"
    return found[0]


@pytest.mark.browser
def test_a_photo_shows_its_crossarms(
    toy_version: Path, workspace: Workspace, studio: str, browser: Any
) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=30 * SECONDS)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    picture = with_arm(toy_version, workspace)

    page.goto(f"{studio}/validation?task=yolo")
    page.locator("input[type=file]").set_input_files(str(picture))
    arm = page.locator(".nx-box.nx-crossarm").first
    expect(arm).to_be_visible(timeout=90 * SECONDS)
    expect(arm).to_contain_text("crossarm 0.")
    expect(page.get_by_text("Crossarms per pole")).to_be_visible()
    # Before and after stand side by side: the picture meant is the one that holds the arm.
    photo = page.locator(".nx-photo", has=page.locator(".nx-crossarm")).first.bounding_box()
    box = arm.bounding_box()
    assert photo["x"] <= box["x"] + 1 and box["x"] + box["width"] <= photo["x"] + photo["width"] + 1

    with page.expect_download() as download:
        page.get_by_role("button", name="Table (CSV)").click()
    assert "crossarm" in Path(download.value.path()).read_text(encoding="utf-8-sig")

    page.goto(f"{studio}/validation?task=yolo&threshold=1.0&set=folder&folder={toy_version.as_posix()}")
    page.get_by_role("button", name="Score v1").click()
    expect(page.get_by_text("Crossarm recall at 1.00")).to_be_visible(timeout=90 * SECONDS)
    expect(page.get_by_text("Worst photos of v1")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
