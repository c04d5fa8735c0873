"""Tiny labelled photos and a stand-in for a detector, for the detector's pages."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from core.datasets import store
from core.datasets.frames import LABELS
from core.files import sha256_file
from core.workspace import Workspace
from core.yolo.boxes import Raw

SIDE = 96
POLE, ARM, LOW_ARM = (40, 10, 50, 90), (20, 20, 70, 28), (22, 40, 68, 48)


def photo_bytes(shade: int = 120, kind: str = "JPEG") -> bytes:
    """A grey photo of 96 pixels."""
    stream = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE, 3), shade, np.uint8)).save(stream, kind)
    return stream.getvalue()


def line(label: int, box: tuple[int, int, int, int]) -> str:
    """A YOLO label line."""
    x0, y0, x1, y1 = (side / SIDE for side in box)
    return f"{label} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}"


def archive(names: tuple[str, ...] = ("pole", "cross_arm"), count: int = 4, broken: bool = False) -> bytes:
    """A zip in YOLO layout; each photo holds a pole and an arm."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for number in range(count):
            file.writestr(f"images/p{number}.jpg", photo_bytes(60 + number))
            file.writestr(f"labels/p{number}.txt", f"{line(0, POLE)}\n{line(1, ARM)}\n")
        if broken:
            file.writestr("images/broken.jpg", b"not a photo")
        listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(names))
        file.writestr("data.yaml", f"train: images\nval: images\nnames:\n{listed}")
        file.writestr("README.dataset.txt", "License: CC BY 4.0")
    return stream.getvalue()


def coco_archive(count: int = 4) -> bytes:
    """The same photos as a COCO export: one JSON file beside them."""
    things = [(1, POLE), (2, ARM)]
    data = {
        "categories": [{"id": 0, "name": "poles"}, {"id": 1, "name": "pole"}, {"id": 2, "name": "cross-arm"}],
        "images": [{"id": n, "file_name": f"p{n}.jpg", "width": SIDE, "height": SIDE} for n in range(count)],
        "annotations": [
            {"id": 2 * n + label, "image_id": n, "category_id": label,
             "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
            for n in range(count) for label, box in things
        ],
    }  # fmt: skip
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for number in range(count):
            file.writestr(f"p{number}.jpg", photo_bytes(60 + number))
        file.writestr("_annotations.coco.json", json.dumps(data))
    return stream.getvalue()


def voc_archive(count: int = 4) -> bytes:
    """The same photos with a Pascal VOC file each."""
    keys = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><bndbox>"
        + "".join(f"<{key}>{value}</{key}>" for key, value in zip(keys, box, strict=True))
        + "</bndbox></object>"
        for name, box in (("pole", POLE), ("crossarm", ARM))
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for number in range(count):
            file.writestr(f"JPEGImages/p{number}.jpg", photo_bytes(60 + number))
            name = f"<filename>p{number}.jpg</filename>"
            file.writestr(f"Annotations/p{number}.xml", f"<annotation>{name}{objects}</annotation>")
    return stream.getvalue()


def make_dataset(ws: Workspace, name: str = "scenes", source: str = "generated", role: str = "train"):
    """A stored dataset of tiny photos with a pole and an arm each."""
    folder = ws.scratch / f"made-{name}"
    folder.mkdir(parents=True, exist_ok=True)

    def row(number: int) -> dict:
        path = folder / f"{name}{number}.jpg"
        path.write_bytes(photo_bytes(40 + number))
        shares = [[side / SIDE for side in corner] for corner in (POLE[:2], POLE[2:], ARM[:2], ARM[2:])]
        things = [
            {"label": "pole", "outline": shares[:2]}, {"label": "crossarm", "outline": shares[2:]},
        ]  # fmt: skip
        return {
            "file": path.name, "sha256": sha256_file(path), "width": SIDE, "height": SIDE,
            "real": source != "generated", "things": things, "source": str(path),
        }  # fmt: skip

    rows = [row(number) for number in range(8)]
    splits = {"test": rows} if role == "gold" else {"train": rows[:4], "val": rows[4:6], "test": rows[6:]}
    return store.create_dataset("yolo", name, splits, {"source": source, "licence": "ours"}, role=role, ws=ws)


class StandIn:
    """Answers like a loaded detector: one pole and two arms, the lower arm being uncertain and not there."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.labels = list(LABELS)
        self.calls = 0
        self.underground = False

    def raw(self, pixels, *, tiling="auto", size=None, floor=0.02) -> Raw:
        self.calls += 1
        height, width = pixels.shape[:2]
        if self.ref == "v1":
            return Raw(np.zeros((0, 4)), np.zeros((0, 3)), (width, height))
        scale = np.array([width, height] * 2) / SIDE
        boxes = np.array([POLE, ARM, LOW_ARM, (70, 70, 90, 90)], float) * scale
        scores = np.array([[0.9, 0, 0], [0, 0.8, 0], [0, 0.4, 0], [0, 0, 0.7 if self.underground else 0.03]])
        return Raw(boxes, scores, (width, height))

    def raw_photo(self, photo: Path, *, name: str = "", tiling="auto") -> Raw:
        with Image.open(photo) as image:
            return self.raw(np.asarray(image.convert("RGB")))
