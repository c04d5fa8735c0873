"""The Validation page of the detector, with a stand-in for the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from core.yolo.scene import scene as scenes
from core.yolo.scene.labels import Label
from dashboard import model_use
from dashboard.model_use import Choice
from tests.pages.conftest import buttons, words_of
from tests.pages.yolo_stand_in import ARM, POLE, SIDE, StandIn, line, make_dataset, photo_bytes


@pytest.fixture
def models(monkeypatch):
    """Loaded stand-ins by name: v2 finds a pole and two arms, v1 nothing."""
    from core.yolo import predict

    loaded: dict[str, StandIn] = {}
    monkeypatch.setattr(predict, "load_model", lambda ref, *, ws=None: loaded.setdefault(ref, StandIn(ref)))
    monkeypatch.setattr(model_use, "choices", lambda task: [Choice("v2", "v2"), Choice("v1", "v1")])
    labels = [Label(0, np.zeros((3, 2)), POLE), Label(1, np.zeros((3, 2)), ARM)]
    pixels = np.full((SIDE, SIDE, 3), 90, np.uint8)
    monkeypatch.setattr(scenes, "render", lambda scene, size=640: (pixels, labels))
    st.cache_data.clear()
    return loaded


def test_without_a_model_the_page_leads_on(open_page, monkeypatch) -> None:
    monkeypatch.setattr(model_use, "choices", lambda task: [Choice("base", "base")])
    at = open_page("validation", task="yolo")
    assert "There is no model to try yet." in words_of(at)
    assert "Launch training" in buttons(at)


def test_a_scene_shows_boxes_before_and_after(open_page, models) -> None:
    at = open_page("validation", task="yolo")
    at.button(key="scene-top").click().run()
    assert not at.exception
    said = words_of(at)
    before, after = said.index("<b>Before</b>"), said.index("<b>After</b>")
    assert "crossarm 0.80" not in said[before:after]
    assert "crossarm 0.80" in said[after:]
    assert "Nothing found" in said
    assert "nx-truth" in said
    assert "Generated scene" in said
    assert at.query_params["scene"] == "top"


def test_sliders_act_without_the_model(open_page, models) -> None:
    at = open_page("validation", task="yolo", scene="top")
    calls = models["v2"].calls
    assert "crossarm 0.40" in words_of(at)
    at.slider(key="threshold").set_value(0.5).run()
    said = words_of(at)
    assert "crossarm 0.40" not in said
    assert "crossarm 0.80" in said
    at.slider(key="overlap").set_value(0.1).run()
    assert models["v2"].calls == calls


def test_uploaded_photos_are_counted_per_pole_and_offered_as_tables(open_page, models, workspace) -> None:
    at = open_page("validation", task="yolo")
    files = [("one pole.jpg", photo_bytes(), "image/jpeg"), ("two.png", photo_bytes(9, "PNG"), "image/png")]
    at.file_uploader[0].set_value(files).run()
    assert not at.exception
    said = words_of(at)
    assert "Your photo" in said
    assert "Crossarms per pole" in said
    assert {"one-pole.jpg", "two.png"} <= set(at.selectbox(key="photo").options)
    labels = [button.label for button in at.get("download_button")]
    assert labels == ["Annotated photo", "Table (CSV)", "JSON"]
    assert "All 2 photos" in [entry.label for entry in at.expander]
    at.button(key="forget").click().run()
    assert "Crossarms per pole" not in words_of(at)
    assert not list(workspace.scratch.rglob("*.png"))


def test_place_and_time_do_not_reach_the_disk(open_page, models, workspace) -> None:
    import io

    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 15.0)
    stream = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE, 3), 50, np.uint8)).save(stream, "JPEG", exif=exif)
    at = open_page("validation", task="yolo")
    at.file_uploader[0].set_value(("gps.jpg", stream.getvalue(), "image/jpeg")).run()
    assert "Your photo" in words_of(at)
    kept = [path for path in workspace.scratch.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"SecretCamera" in path.read_bytes() or Image.open(path).getexif()]


def test_photos_of_the_same_name_are_kept_apart(open_page, models) -> None:
    at = open_page("validation", task="yolo")
    files = [("IMG_1.jpg", photo_bytes(shade), "image/jpeg") for shade in (10, 200)]
    at.file_uploader[0].set_value(files).run()
    assert at.selectbox(key="photo").options == ["IMG_1.jpg", "IMG_1.jpg (2)"]


def test_a_file_that_is_no_photo_is_named_and_left_out(open_page, models, workspace) -> None:
    at = open_page("validation", task="yolo")
    at.file_uploader[0].set_value(("broken.jpg", b"not a photo", "image/jpeg")).run()
    assert not at.exception
    assert "broken.jpg" in at.warning[0].value
    assert "Crossarms per pole" not in words_of(at)
    assert not list(workspace.scratch.rglob("broken.jpg"))


def test_underground_on_a_photo_is_said_to_be_untested(open_page, models) -> None:
    models["v2"] = StandIn("v2")
    models["v2"].underground = True
    at = open_page("validation", task="yolo")
    at.file_uploader[0].set_value(("one.jpg", photo_bytes(), "image/jpeg")).run()
    assert "underground 0.70" in words_of(at)
    assert "untested" in words_of(at)


def test_scored_pass_over_generated_scenes(open_page, models, workspace) -> None:
    make_dataset(workspace)
    at = open_page("validation", task="yolo")
    at.button(key="score").click().run()
    assert not at.exception, [e.value for e in at.exception]
    said = words_of(at)
    assert "Generated data" in said
    assert "Crossarm recall at 0.25" in said
    assert "✓ target" not in said
    assert "0 missed, 1 too many" in said
    assert "nx-wrong" in said
    titles = [json.loads(element.proto.json)["title"] for element in at.get("bidi_component")]
    assert titles == ["Precision and recall", "What was marked instead"]


def test_a_threshold_counts_anew_without_the_model(open_page, models, workspace) -> None:
    make_dataset(workspace, "field", "imported", "gold")
    at = open_page("validation", task="yolo")
    at.button(key="score").click().run()
    calls = models["v2"].calls
    assert "0 missed, 1 too many" in words_of(at)
    assert "✓ target 0.60" in words_of(at)
    at.slider(key="threshold").set_value(0.5).run()
    said = words_of(at)
    assert "Crossarm recall at 0.50" in said
    assert "✓ No mistake" in said
    assert models["v2"].calls == calls


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A labelled folder with one photo."""
    for part in ("images", "labels"):
        (tmp_path / "site" / part).mkdir(parents=True)
    (tmp_path / "site" / "images" / "a.jpg").write_bytes(photo_bytes())
    (tmp_path / "site" / "labels" / "a.txt").write_text(f"{line(0, POLE)}\n", encoding="utf-8")
    return tmp_path / "site"


def test_a_labelled_folder_can_be_scored(open_page, models, labelled: Path) -> None:
    at = open_page("validation", task="yolo", set="folder", folder=str(labelled))
    at.button(key="score").click().run()
    said = words_of(at)
    assert "Real data (labelled folder)" in said
    assert "0 missed, 2 too many · a.jpg" in said
    assert "untested" in said


def test_a_folder_that_is_gone_is_one_sentence(open_page, models) -> None:
    at = open_page("validation", task="yolo", set="folder", folder="/no/such/place")
    assert "There is no folder" in at.error[0].value
