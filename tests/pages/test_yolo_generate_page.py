"""The Data page of the detector: preview, import, mixing, scripts, the list."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pytest

from core.datasets import store
from core.yolo.scene import scene as scenes
from core.yolo.scene.labels import Label
from tests.pages.conftest import buttons, words_of
from tests.pages.yolo_stand_in import ARM, SIDE, archive, coco_archive, make_dataset, voc_archive


@pytest.fixture
def drawn(monkeypatch) -> list[tuple[int, int]]:
    """(seed, index) of every rendered scene; rendering itself is tested with the scenes."""
    asked: list[tuple[int, int]] = []

    def render(scene, size=640):
        asked.append((scene.seed, scene.index))
        box = (10.0, 10.0, 30.0, 90.0)
        return np.full((size // 4, size // 4, 3), 99, np.uint8), [Label(1, np.zeros((3, 2)), box)]

    monkeypatch.setattr(scenes, "render", render)
    return asked


def test_empty_page_previews_scenes_with_boxes(open_page, drawn) -> None:
    at = open_page("generate", task="yolo")
    said = words_of(at)
    assert "No datasets yet" in said
    assert said.count('class="nx-photo"') == 9
    assert "nx-box nx-crossarm" in said
    assert drawn == [(1, index) for index in range(9)]


def test_the_preview_follows_the_seed_and_is_kept(open_page, drawn) -> None:
    at = open_page("generate", task="yolo")
    at.number_input(key="scenes.seed").set_value(7).run()
    assert {seed for seed, _ in drawn} == {1, 7}
    at.number_input(key="scenes.count").set_value(500).run()
    assert len(drawn) == 18
    at.button(key="other").click().run()
    assert drawn[-1] == (7, 17)


def test_settings_of_one_model_do_not_reach_another(open_page, drawn) -> None:
    at = open_page("generate", task="ner", **{"g.count": "77"})
    at.selectbox(key="choice-task").select("yolo").run()
    assert at.number_input(key="scenes.count").value == 2000
    assert "changed" not in " ".join(widget.label for widget in at.number_input)


def test_the_list_shows_photos_and_balance(open_page, drawn, workspace) -> None:
    info = make_dataset(workspace)
    at = open_page("generate", task="yolo")
    said = words_of(at)
    assert "8 photos: 4 train / 2 val / 2 test" in said
    assert re.search(r"<b>crossarm</b> 8 \(50%\)", said)
    at.toggle(key=f"examples-{info.id}").set_value(True).run()
    assert not at.exception
    assert "nx-box nx-pole" in words_of(at)
    assert "Licence: ours" in words_of(at)


def upload(at, payload: bytes, name: str = "poles.zip"):
    return at.file_uploader[0].set_value((name, payload, "application/zip")).run()


def test_an_archive_is_checked_and_saved(open_page, workspace) -> None:
    at = open_page("generate", task="yolo", tab="import")
    upload(at, archive(broken=True))
    assert not at.exception
    said = words_of(at)
    assert "4 photos can be used" in said
    assert "1 file left out" in said
    assert "broken.jpg" in said
    assert "→ crossarm" in " ".join(entry.label for entry in at.expander)
    at.button(key="save-photos").click().run()
    assert not at.exception, [e.value for e in at.exception]
    (info,) = store.list_datasets("yolo", "train", ws=workspace)
    assert info.rows == 4
    assert "CC BY 4.0" in info.card["licence"]
    assert f"{info.id} can be used now." in words_of(at)


@pytest.mark.parametrize("kind", ["coco", "voc"])
def test_other_formats_are_recognised_and_saved(open_page, workspace, kind: str) -> None:
    at = open_page("generate", task="yolo", tab="import")
    upload(at, {"coco": coco_archive, "voc": voc_archive}[kind]())
    assert not at.exception
    said = words_of(at)
    assert "4 photos can be used" in said and f"Format: {kind}" in said
    assert "<b>crossarm</b> 4" in said and "<b>pole</b> 4" in said
    assert said.count("nx-box nx-crossarm") == 4
    at.button(key="save-photos").click().run()
    assert not at.exception, [e.value for e in at.exception]
    (info,) = store.list_datasets("yolo", "train", ws=workspace)
    assert info.card["format"] == kind and info.rows == 4
    row = next(iter(store.iter_rows(info, "train")))
    box = next(thing["outline"] for thing in row["things"] if thing["label"] == "crossarm")
    assert [[round(share * SIDE, 2) for share in corner] for corner in box] == [[*ARM[:2]], [*ARM[2:]]]


def test_a_folder_and_a_coco_file_beside_its_photos_can_be_typed(open_page, workspace, tmp_path) -> None:
    zipfile.ZipFile(io.BytesIO(coco_archive())).extractall(tmp_path / "c")
    at = open_page("generate", task="yolo", tab="import")
    for typed in (tmp_path / "c", tmp_path / "c" / "_annotations.coco.json"):
        at.text_input(key="import-folder").set_value(str(typed)).run()
        assert not at.exception and "4 photos can be used" in words_of(at)
    at.text_input(key="import-folder").set_value(str(tmp_path / "nothing")).run()
    assert "There is no file or folder" in " ".join(entry.value for entry in at.error)


def test_classes_that_are_not_known_are_asked_for(open_page, workspace) -> None:
    at = open_page("generate", task="yolo", tab="import")
    upload(at, archive(names=("pole", "wooden thing")))
    assert "wooden thing" in at.selectbox(key="class-wooden thing").label
    before = words_of(at)
    at.selectbox(key="class-wooden thing").select("crossarm").run()
    assert "<b>crossarm</b> 4" in words_of(at)
    assert "<b>crossarm</b> 4" not in before


def test_an_archive_that_is_none_is_one_sentence(open_page) -> None:
    at = open_page("generate", task="yolo", tab="import")
    upload(at, b"no archive at all")
    assert at.error
    assert "Traceback" not in words_of(at)


def test_mixing_needs_both_kinds(open_page, workspace) -> None:
    make_dataset(workspace)
    assert "there are no imported photos yet" in words_of(open_page("generate", task="yolo", tab="mix"))


def test_mixing_makes_a_dataset_with_both(open_page, workspace) -> None:
    make_dataset(workspace)
    make_dataset(workspace, "field", "imported")
    at = open_page("generate", task="yolo", tab="mix")
    at.slider(key="mix-share").set_value(0.2).run()
    at.button(key="mix").click().run()
    assert not at.exception
    mixed = next(info for info in store.list_datasets("yolo", ws=workspace) if info.name == "mixed")
    assert mixed.counts == {"train": 5, "val": 4, "test": 4}


def test_scripts_are_offered_with_the_licence(open_page) -> None:
    at = open_page("generate", task="yolo", tab="outside", **{"rf-workspace": "some-people"})
    said = words_of(at)
    assert "CC BY 4.0" in said
    labels = [button.label for button in at.get("download_button")]
    assert any(label.startswith("download_crossarm_data.sh") for label in labels)
    assert any(label.startswith("download_crossarm_data.ps1") for label in labels)
    assert "Generate the dataset" not in buttons(at)


def test_a_name_that_would_reach_a_shell_is_refused(open_page) -> None:
    at = open_page("generate", task="yolo", tab="outside", **{"rf-workspace": "x; rm -rf /"})
    assert "is not a workspace" in at.error[0].value
    assert not at.get("download_button")
