"""From photos to boxes and figures with a network whose answers are known, and with a trained toy."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from core.datasets.frames import Frame, Thing
from core.errors import DatasetError, InputError, ModelError
from core.yolo import weights
from core.yolo.boxes import select
from core.yolo.evaluate import evaluate, evaluate_path, score_raws
from core.yolo.predict import Detector, fit, load_model, predict_path, wrap
from core.yolo.sheets import contact_sheet, draw_boxes
from core.yolo.weights import DetectorInfo


class _RedBar(nn.Module):
    """Finds the extent of red pixels and calls it a crossarm; sure only of bars at least 3 pixels high."""

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor]:
        answers = []
        for image in batch:
            red = (image[0] > 0.6) & (image[1] < 0.4)
            rows, columns = red.any(1).nonzero(), red.any(0).nonzero()
            if not len(rows) or rows[-1] - rows[0] < 2:
                answers.append(torch.tensor([[8.0], [8.0], [4.0], [4.0], [0.0], [0.01], [0.0]]))
                continue
            x0, x1, y0, y1 = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
            answers.append(torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0).float(), (y1 - y0).float(),
                                        torch.zeros(1), torch.full((1,), 0.9), torch.zeros(1)]))  # fmt: skip
        return (torch.stack([answer.reshape(7, 1).float() for answer in answers]),)


@pytest.fixture
def red() -> Detector:
    """A detector of red bars at 128 pixels."""
    return Detector(_RedBar(), DetectorInfo("yolov8p", image_size=128), image_size=128)


def _photo(width: int, height: int, bar: tuple[int, int, int, int]) -> np.ndarray:
    pixels = np.full((height, width, 3), 120, np.uint8)
    x0, y0, x1, y1 = bar
    pixels[y0:y1, x0:x1] = (255, 0, 0)
    return pixels


@pytest.mark.parametrize("size", [(128, 128), (300, 200), (97, 211), (64, 40)])
def test_boxes_come_back_in_pixels_of_the_photo(red: Detector, size: tuple[int, int]) -> None:
    width, height = size
    bar = (width // 4, height // 4, 3 * width // 4, height // 2)
    chosen = select(red.raw(_photo(width, height, bar), tiling="off"))
    assert len(chosen) == 1 and chosen.classes.tolist() == [1]
    assert np.allclose(chosen.boxes[0], bar, atol=1.6 * max(width, height) / 128)


def test_an_arm_that_scaling_loses_is_found_in_tiles(red: Detector) -> None:
    photo = _photo(800, 600, (500, 300, 560, 312))
    assert len(select(red.raw(photo, tiling="off"))) == 0
    raw = red.raw(photo, tiling="auto")
    chosen = select(raw)
    assert raw.tiled and len(chosen) == 1
    assert np.allclose(chosen.boxes[0], (500, 300, 560, 312), atol=6)
    assert not red.raw(photo[:200, :300]).tiled


def test_half_an_arm_at_the_edge_of_a_tile_is_not_shown(red: Detector) -> None:
    # As long as the photo: every tile sees a piece of it, none the whole.
    chosen = select(red.raw(_photo(800, 600, (5, 290, 795, 330)), tiling="on"))
    assert len(chosen) == 1 and chosen.boxes[0][2] - chosen.boxes[0][0] > 780


def test_rotated_phone_photos_give_boxes_of_the_upright_photo(red: Detector) -> None:
    upright = Image.fromarray(_photo(90, 120, (20, 30, 70, 60)))
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    upright.rotate(90, expand=True).save(stream, "JPEG", quality=95, exif=exif)
    answer = red.predict([stream.getvalue()])[0]
    assert answer["size"] == [90, 120]
    assert np.allclose(answer["detections"][0]["box"], (20, 30, 70, 60), atol=3)


def test_a_reduced_jpeg_gives_boxes_in_full_size(red: Detector) -> None:
    stream = io.BytesIO()
    Image.fromarray(_photo(2000, 1500, (500, 600, 1500, 800))).save(stream, "JPEG", quality=95)
    raw = red.raw_photo(stream.getvalue(), tiling="off")
    assert raw.size == (2000, 1500)
    assert np.allclose(select(raw).boxes[0], (500, 600, 1500, 800), atol=25)


def test_padding_is_a_multiple_of_the_networks_stride() -> None:
    image, scale, (left, top) = fit(np.zeros((200, 300, 3), np.uint8), 128)
    assert image.shape == (96, 128, 3) and (left, top) == (0, 5)
    assert scale == (128 / 300, 85 / 200)


def test_figures_of_a_known_detector(red: Detector, tmp_path: Path) -> None:
    frames = []
    for number, bar in enumerate([(20, 20, 100, 40), (20, 60, 100, 80), None]):
        path = tmp_path / f"{number}.png"
        Image.fromarray(_photo(128, 128, bar or (30, 100, 90, 120))).save(path)
        things = (Thing(1, ((bar[0] / 128, bar[1] / 128), (bar[2] / 128, bar[3] / 128))),) if bar else ()
        frames.append(Frame(path, things))
    figures = evaluate(red, frames)
    arm = figures["classes"]["crossarm"]
    assert (arm["recall"], arm["precision"], arm["support"]) == (1.0, pytest.approx(2 / 3), 2)
    assert figures["crossarm_recall"] == 1.0 and figures["confusion"]["nothing"]["crossarm"] == 1
    assert [item["file"] for item in figures["worst"]] == ["2.png"] and figures["worst"][0]["false"] == 1
    region = (Thing(-1, ((0.2, 0.7), (0.8, 1.0))),)
    frames[2] = Frame(frames[2].path, (), region)
    assert evaluate(red, frames)["classes"]["crossarm"]["precision"] == 1.0
    raws = [red.raw(np.asarray(Image.open(frame.path)), tiling="off", floor=0.001) for frame in frames]
    assert score_raws(raws, frames, red.labels, confidence=0.95)["crossarm_recall"] == 0.0


def test_a_detector_with_scrambled_boxes_scores_badly(red: Detector, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(_photo(128, 128, (20, 20, 100, 40))).save(path)
    wrong = Frame(path, (Thing(0, ((0.1, 0.1), (0.8, 0.3))), Thing(1, ((0.5, 0.6), (0.9, 0.9)))))
    figures = evaluate(red, [wrong])
    assert figures["map50"] == 0.0 and figures["worst"][0]["missed"] == 2


def _stored(folder: Path) -> str:
    network = weights.build("yolov8p", seed=1)
    weights.save_state(network.state_dict(), folder / "m.safetensors", dtype="fp32")
    return str(folder / "m.safetensors")


def test_the_fused_network_answers_like_the_librarys_predictor(tmp_path: Path) -> None:
    from core.yolo import quiet

    network = weights.build("yolov8p", seed=4)
    # An untrained head is sure of nothing and sees the same box everywhere; this one does not.
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for branch in (*network.model[-1].cv3, *network.model[-1].cv2):
            torch.nn.init.normal_(branch[-1].weight, std=3.0)
            torch.nn.init.normal_(branch[-1].bias)
    photo = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    model = quiet.library().YOLO("yolov8n.yaml")
    model.model = network.eval()
    theirs = model.predict(
        photo[..., ::-1], imgsz=96, conf=0.4, iou=0.6, verbose=False, device="cpu", max_det=40
    )[0]
    import copy

    ours = wrap(
        copy.deepcopy(network), DetectorInfo("yolov8p", image_size=96), device="cpu", precision="fp32"
    )
    chosen = select(ours.raw(photo, tiling="off"), confidence=0.4, overlap=0.6, most=40)
    rows = theirs.boxes.data.numpy()  # x0 y0 x1 y1 confidence class
    assert len(chosen) >= 3 and len(rows) >= 3
    # The library suppresses before it cuts boxes at the photo's edge, so it keeps more of them there.
    for box, mark, number in zip(chosen.boxes[:2], chosen.confidence, chosen.classes, strict=False):
        alike = np.abs(rows - [*box, mark, number]).max(axis=1) < 0.05
        assert alike.any()


def test_a_folder_gives_a_line_for_each_photo(tmp_path: Path) -> None:
    ref = _stored(tmp_path)
    photos = tmp_path / "photos" / "deep"
    photos.mkdir(parents=True)
    Image.fromarray(_photo(64, 48, (5, 5, 30, 20))).save(photos / "a.jpg")
    (photos / "broken.png").write_bytes(b"no photo")
    (photos / "._a.jpg").write_bytes(b"what a Mac leaves beside a copied file")
    (photos / "gone.jpg").symlink_to(photos / "nowhere.jpg") if os.name != "nt" else None
    seen = []
    count = predict_path(
        ref, tmp_path / "photos", tmp_path / "o" / "out.jsonl", progress=lambda *a: seen.append(a)
    )
    lines = [
        json.loads(line) for line in (tmp_path / "o" / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert seen[-1] == (count, count)
    names = ["deep/a.jpg", "deep/broken.png", "deep/gone.jpg"]
    assert [line["file"] for line in lines] == names[:count] and count == (2 if os.name == "nt" else 3)
    assert all("cannot be read" in line["error"] for line in lines[2:])
    assert lines[0]["size"] == [64, 48] and "no photo" in lines[1]["error"]
    with pytest.raises(InputError, match="no photos"):
        predict_path(ref, tmp_path / "nothing", tmp_path / "x.jsonl")


@pytest.mark.parametrize("size", [(8, 8), (640, 9), (9, 640), (1, 1)])
def test_tiny_and_thin_photos_are_looked_at(red: Detector, size: tuple[int, int]) -> None:
    for tiling in ("auto", "on", "off"):
        raw = red.raw(np.full((size[1], size[0], 3), 120, np.uint8), tiling=tiling)
        assert raw.size == size and np.isfinite(raw.boxes).all()


def test_weights_beside_their_description_keep_their_size(tmp_path: Path) -> None:
    weights.store(weights.build("yolov8p"), tmp_path, DetectorInfo("yolov8p", image_size=96))
    assert load_model(str(tmp_path / weights.WEIGHTS_FILE), device="cpu").image_size == 96
    # A description of another network says nothing about the file.
    weights.save_state(weights.build("yolov8n").state_dict(), tmp_path / weights.WEIGHTS_FILE)
    assert load_model(str(tmp_path / weights.WEIGHTS_FILE), device="cpu").image_size == 640


def test_labels_that_belong_to_no_photo_are_told(toy, tmp_path: Path) -> None:
    for path in (tmp_path / "b" / "labels").glob("*.txt"):
        path.rename(path.with_name(f"x{path.name}"))
    with pytest.raises(DatasetError, match="None of the label files"):
        evaluate_path(_stored(tmp_path), tmp_path / "b")


def test_a_labelled_folder_is_scored(toy, tmp_path: Path) -> None:
    figures = evaluate_path(_stored(tmp_path), tmp_path / "b", conf=0.5)
    assert figures["images"] == 8 and figures["confidence"] == 0.5
    assert set(figures["classes"]) == {"pole", "crossarm", "underground"}
    assert {"map50", "map50_95"} <= set(figures)


def test_base_and_missing_models_are_named(workspace, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="untrained"):
        load_model("base", ws=workspace)
    with pytest.raises(ModelError, match="does not exist"):
        load_model(str(tmp_path / "no.safetensors"))


def test_sheets_hold_every_photo() -> None:
    items = [{"label": "crossarm", "confidence": 0.5, "box": [2, 2, 40, 20]}]
    picture = draw_boxes(
        np.zeros((50, 60, 3), np.uint8), items, truth=[{"label": "pole", "box": [1, 1, 9, 9]}]
    )
    assert picture.size == (60, 50) and np.asarray(picture).max() > 200
    assert contact_sheet([picture] * 5, columns=3, cell=100).size == (300, 200)
