"""From photos to boxes with one model version. Thresholds and overlaps are applied in boxes.py, without the
network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch import nn

from core.datasets.frames import picture_files
from core.datasets.photos import open_photo
from core.errors import InputError, ModelError
from core.training.precision import set_threads
from core.workspace import Workspace
from core.yolo import boxes as box_tools
from core.yolo import weights
from core.yolo.boxes import OVERLAP, Raw, Selection, select
from core.yolo.precision import decode_in_fp32, use_bf16
from core.yolo.weights import DetectorInfo

FLOOR = 0.02  # candidates below this confidence are never kept for the sliders
FILL = 114  # grey of the padding, as in training
TILE_FROM = 2.5  # photos whose long side is this many times the trained size are tiled for arms
ZOOM = 1.8  # tiles show arms this many times larger than the view of the whole photo
MOST_TILES = 12
_ARM = weights.LABELS.index("crossarm")

Tiling = Literal["auto", "on", "off"]


@dataclass
class Detector:
    """A loaded model.

    Args:
        network: The fused network in evaluation mode.
        info: Its description.
        ref: What was asked for: `v3`, `starter`, a path ...
        device: `cpu` or `cuda`.
        bf16: Whether it computes in bf16.
    """

    network: nn.Module
    info: DetectorInfo
    ref: str = ""
    device: str = "cpu"
    bf16: bool = False
    image_size: int = 640
    _layout: Any = field(default=torch.contiguous_format, repr=False)

    @property
    def labels(self) -> list[str]:
        """Class names by id."""
        return self.info.labels

    def raw(self, pixels: np.ndarray, *, tiling: Tiling = "auto", size: tuple[int, int] | None = None,
            floor: float = FLOOR) -> Raw:  # fmt: skip
        """All candidates of one upright photo.

        Args:
            pixels: (height, width, 3) uint8 RGB.
            tiling: `auto` looks at tiles too when thin arms would be lost by scaling down; `on`, `off`.
            size: Size in which boxes are given, if the pixels are a reduced version of the photo.
            floor: Candidates below this confidence are dropped.
        """
        height, width = pixels.shape[:2]
        found = [self._look([pixels], floor)[0]]
        tiled = tiling == "on" or (tiling == "auto" and max(width, height) >= TILE_FROM * self.image_size)
        if tiled:
            found.append(self._look_at_tiles(pixels, floor))
        boxes = np.concatenate([part[0] for part in found])
        scores = np.concatenate([part[1] for part in found])
        size = size or (width, height)
        boxes = boxes * np.array([size[0] / width, size[1] / height] * 2)
        return box_tools.strongest(Raw(boxes, scores, size, tiled))

    def _look_at_tiles(self, pixels: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
        height, width = pixels.shape[:2]
        side = max(self.image_size, round(max(width, height) / ZOOM))
        while len(places := box_tools.tiles(width, height, side)) > MOST_TILES:
            side = round(side * 1.2)
        boxes, scores = [], []
        for place in places:
            x0, y0, x1, y1 = place
            found, marks = self._look([pixels[y0:y1, x0:x1]], floor)[0]
            found = found + np.array([x0, y0, x0, y0])
            whole = ~box_tools.cut_by_tile(found, place, (width, height), 0.01 * side)
            # Tall shafts and tanks are cut by tiles; the view of the whole photo knows them better.
            only_arms = np.zeros_like(marks)
            only_arms[:, _ARM] = marks[:, _ARM]
            keep = whole & (only_arms[:, _ARM] >= floor)
            boxes.append(found[keep])
            scores.append(only_arms[keep])
        return np.concatenate(boxes), np.concatenate(scores)

    def raw_batch(self, photos: Sequence[np.ndarray], *, floor: float = FLOOR) -> list[Raw]:
        """Candidates of several photos of the same size at once, without tiles."""
        found = self._look(photos, floor)
        return [
            Raw(boxes, scores, (photo.shape[1], photo.shape[0]))
            for photo, (boxes, scores) in zip(photos, found, strict=True)
        ]

    @torch.inference_mode()
    def _look(self, photos: Sequence[np.ndarray], floor: float) -> list[tuple[np.ndarray, np.ndarray]]:
        fitted = [fit(photo, self.image_size) for photo in photos]
        batch = torch.from_numpy(np.stack([image for image, _, _ in fitted])).to(self.device)
        batch = batch.permute(0, 3, 1, 2).to(torch.float32).div_(255).contiguous(memory_format=self._layout)
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16):
            answer = self.network(batch)
        answer = (answer[0] if isinstance(answer, (tuple, list)) else answer).float().cpu().numpy()
        found = []
        for rows, (_, scale, (left, top)), photo in zip(answer, fitted, photos, strict=True):
            chosen = rows[4:].max(axis=0) >= floor
            middle, extent, scores = rows[:2, chosen].T, rows[2:4, chosen].T, rows[4:, chosen].T
            boxes = np.concatenate([middle - extent / 2, middle + extent / 2], axis=1) - np.array(
                [left, top] * 2
            )
            boxes /= np.array([scale[0], scale[1]] * 2)
            limit = np.array([photo.shape[1], photo.shape[0]] * 2)
            found.append((np.clip(boxes, 0, limit).astype(np.float64), scores.astype(np.float64)))
        return found

    def predict(
        self, photos: Sequence[Path | bytes | np.ndarray], *, confidence: float = 0.25,
        overlap: float = OVERLAP,
        tiling: Tiling = "auto",
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Boxes of photos, thresholded.

        Returns:
            One `{"file", "size", "detections": [{"label", "confidence", "box": [x0, y0, x1, y1]}]}` a photo.
        """
        answers = []
        for number, photo in enumerate(photos, 1):
            raw = self.raw_photo(photo, tiling=tiling)
            name = photo.name if isinstance(photo, Path) else f"photo {number}"
            chosen = select(raw, confidence=confidence, overlap=overlap)
            answers.append(
                {"file": name, "size": list(raw.size), "detections": detections(chosen, self.labels)}
            )
        return answers

    def raw_photo(self, photo: Path | bytes | np.ndarray, *, name: str = "", tiling: Tiling = "auto") -> Raw:
        """All candidates of one photo from a file, bytes or upright RGB pixels."""
        if isinstance(photo, np.ndarray):
            return self.raw(photo, tiling=tiling)
        # More pixels than the tiles are scaled down to change nothing.
        enough = self.image_size if tiling == "off" else round(ZOOM * self.image_size)
        pixels, size = open_photo(photo, name=name, at_most=enough)
        wanted = "on" if tiling == "auto" and max(size) >= TILE_FROM * self.image_size else tiling
        return self.raw(pixels, tiling=wanted, size=size)


def fit(photo: np.ndarray, side: int) -> tuple[np.ndarray, tuple[float, float], tuple[int, int]]:
    """Scale a photo to a long side and pad it to multiples of 32, as the network reads it.

    Args:
        photo: (height, width, 3) uint8.
        side: Long side in pixels.

    Returns:
        `(image, (x scale, y scale), (left, top) padding)`.
    """
    height, width = photo.shape[:2]
    scale = side / max(height, width)
    new = max(1, round(width * scale)), max(1, round(height * scale))
    if (width, height) != new:
        # Plain linear scaling skips pixels below half size, and thin wires and arms with them.
        way = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        photo = cv2.resize(photo, new, interpolation=way)
    across, down = (-new[0]) % 32, (-new[1]) % 32
    left, top = across // 2, down // 2
    photo = cv2.copyMakeBorder(
        photo, top, down - top, left, across - left, cv2.BORDER_CONSTANT, value=(FILL, FILL, FILL)
    )
    return photo, (new[0] / width, new[1] / height), (left, top)


def detections(chosen: Selection, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Boxes as plain values: label, confidence, box in pixels."""
    return [
        {
            "label": labels[int(number)],
            "confidence": round(float(mark), 4),
            "box": [round(float(v), 1) for v in box],
        }
        for box, mark, number in zip(chosen.boxes, chosen.confidence, chosen.classes, strict=True)
    ]


def wrap(network: nn.Module, info: DetectorInfo, *, ref: str = "", device: str = "", precision: str = "auto",
         threads: int = 0) -> Detector:  # fmt: skip
    """Make a network ready to predict: fused, on its device, in its fastest format.

    Args:
        network: A DetectionModel that is not used elsewhere.
        info: Its description.
        ref: What it is called.
        device: `cpu`, `cuda`, or empty for the best there is.
        precision: `auto`, `fp32` or `bf16`.
        threads: CPU threads; 0 = all cores.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cpu":
        set_threads(threads)
    network = network.eval().float()
    if network.is_fused() is False:
        network = network.fuse(verbose=False)
    bf16 = use_bf16(precision, device)
    # bf16 convolutions are up to a third faster with the channels last; fp32 ones are not.
    layout = torch.channels_last if bf16 or device == "cuda" else torch.contiguous_format
    network = network.to(device).to(memory_format=layout)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    decode_in_fp32(network)
    return Detector(network, info, ref, device, bf16, info.image_size, layout)


def load_model(ref: str, *, ws: Workspace | None = None, device: str = "", precision: str = "auto",
               threads: int = 0,
               trusted: bool = False) -> Detector:  # fmt: skip
    """Load a model version or a weights file.

    Args:
        ref: `v3`, `production`, `candidate`, `previous`, `starter`, or the path of a .safetensors or .pt
            file.
        ws: Workspace; the current one by default.
        device: As in `wrap`.
        precision: As in `wrap`.
        threads: As in `wrap`.
        trusted: True when the user has said that they know where a `.pt` file comes from.

    Raises:
        NotFoundError: If there is no such version.
        IntegrityError: If a file differs from its manifest.
        ModelError: If it cannot be read.
    """
    if ref.endswith((".pt", ".safetensors")):
        path = Path(ref).expanduser()
        architecture, names, state = weights.read_weights(path, trusted=trusted)
        names = names or list(weights.LABELS)
        if len(names) != state["model.22.cv3.0.2.bias"].shape[0]:
            raise ModelError(
                f"{path.name!r} knows {state['model.22.cv3.0.2.bias'].shape[0]} classes, expected "
                f"{len(names)}.",
                f"Use weights for {', '.join(names)}.",
            )
        network = weights.build(architecture, names)
        weights.put_in(network, state, path)
        info = weights.info_beside(path, architecture, names)
    else:
        from core.registry.store import open_version

        version = open_version("yolo", ref, ws=ws)
        if version.path is None:
            raise ModelError(
                "'base' is an untrained detector: it finds nothing.", "Choose a version, or 'starter'."
            )
        network, info = weights.load(version.path)
    return wrap(network, info, ref=ref, device=device, precision=precision, threads=threads)


def predict_path(
    ref: str, source: Path, output: Path, *, confidence: float = 0.25, overlap: float = OVERLAP,
    tiling: Tiling = "auto",
    ws: Workspace | None = None, progress: Callable[[int, int], None] | None = None,
) -> int:  # fmt: skip
    """Predict every photo of a folder (or one file) and write one JSON line each; return how many.

    A photo that cannot be read gets a line with `error` and no detections.

    Raises:
        InputError: If there are no photos.
    """
    if source.is_dir():
        files = picture_files(source)
    else:
        files = [source] if source.is_file() else []
    if not files:
        raise InputError(
            f"There are no photos in {str(source)!r}.", "Give a folder with .jpg, .png or .heic files."
        )
    model = load_model(ref, ws=ws)
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="\n") as stream:
        for number, path in enumerate(files, 1):
            name = path.relative_to(source).as_posix() if source.is_dir() else path.name
            try:
                row = model.predict([path], confidence=confidence, overlap=overlap, tiling=tiling)[0]
                row = {"file": name, "size": row["size"], "detections": row["detections"]}
            except InputError as error:
                row = {"file": name, "detections": [], "error": str(error)}
            except OSError as error:
                row = {"file": name, "detections": [], "error": f"{name!r} cannot be read: {error.strerror}."}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            if progress:
                progress(number, len(files))
    return len(files)
