"""The network and its files: built from a description, stored as safetensors, read back without running code.

Where starting weights come from (starter, a version, a file) is in bases.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from core.errors import ModelError
from core.tasks import TASKS
from core.workspace import read_json, write_json_atomic
from core.yolo import quiet

WEIGHTS_FILE = "weights.safetensors"
INFO_FILE = "nexa_model.json"
FORMAT = 1
LABELS: tuple[str, ...] = TASKS["yolo"].labels
# depth multiple, width multiple, most channels; all but p are the library's own (cfg/models/v8/yolov8.yaml).
SCALES: dict[str, tuple[float, float, int]] = {
    "p": (0.33, 0.125, 1024),
    "n": (0.33, 0.25, 1024),
    "s": (0.33, 0.50, 1024),
    "m": (0.67, 0.75, 768),
    "l": (1.00, 1.00, 512),
    "x": (1.00, 1.25, 512),
}
_FIRST_CHANNELS = {8: "p", 16: "n", 32: "s", 48: "m", 64: "l", 80: "x"}
_PICKLE = (
    "{name!r} is a .pt file, a pickle: reading one can run any program that its author put inside. "
    "It was not read."
)


@dataclass
class DetectorInfo:
    """What a stored detector needs beside its weights (`nexa_model.json`).

    Args:
        architecture: `yolov8p`, `yolov8n`, `yolov8s`, `yolov8m`, `yolov8l` or `yolov8x`.
        labels: Class names, in the order of their ids.
        image_size: Long side in pixels that it was trained at.
        parent: What it was trained from.
        generator: Version of the scene generator that made the training images, or an empty string.
        format: Version of this file's shape.
    """

    architecture: str
    labels: list[str] = field(default_factory=lambda: list(LABELS))
    image_size: int = 640
    parent: str = ""
    generator: str = ""
    format: int = FORMAT


def model_config(architecture: str) -> dict[str, Any]:
    """The library's description of an architecture.

    Raises:
        ModelError: If the architecture is not known.
    """
    scale = architecture.removeprefix("yolov8")
    if not architecture.startswith("yolov8") or scale not in SCALES:
        known = ", ".join(f"yolov8{name}" for name in SCALES)
        raise ModelError(
            f"{architecture!r} is not a detector that can be built here.", f"Choose one of: {known}."
        )
    quiet.library()
    from ultralytics.nn.tasks import yaml_model_load

    config = yaml_model_load("yolov8n.yaml")
    config["scales"] = {name: list(values) for name, values in SCALES.items()}
    config["scale"] = scale
    config["yaml_file"] = f"{architecture}.yaml"
    return config


def build(architecture: str, labels: Sequence[str] = LABELS, *, seed: int = 0) -> nn.Module:
    """An untrained network (DetectionModel) in fp32; the same seed gives the same weights."""
    config = model_config(architecture)
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import DEFAULT_CFG_DICT, IterableSimpleNamespace

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DetectionModel(config, ch=3, nc=len(labels), verbose=False)
    network.names = dict(enumerate(labels))
    network.args = IterableSimpleNamespace(**DEFAULT_CFG_DICT)
    network.task = "detect"
    return network


def store(network: nn.Module, folder: Path, info: DetectorInfo, *, dtype: str = "fp16") -> None:
    """Write a network's weights and description.

    Args:
        network: A DetectionModel.
        folder: An empty or new folder.
        info: Its description.
        dtype: `fp16` or `fp32`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_state(
        network.state_dict(), folder / WEIGHTS_FILE, dtype=dtype, metadata={"architecture": info.architecture}
    )
    write_json_atomic(folder / INFO_FILE, vars(info))


def save_state(
    state: Mapping[str, torch.Tensor],
    path: Path,
    *,
    dtype: str = "fp16",
    metadata: dict[str, str] | None = None,
) -> None:
    """Write a state dict as safetensors; floating-point tensors in `dtype`, counters as they are."""
    target = torch.float16 if dtype == "fp16" else torch.float32
    tensors = {
        name: value.detach().to("cpu", target if value.is_floating_point() else value.dtype).contiguous()
        for name, value in state.items()
    }
    save_file(tensors, path, metadata={"format": "pt", **(metadata or {})})


def read_info(folder: Path) -> DetectorInfo:
    """Read `nexa_model.json`.

    Raises:
        ModelError: If the folder holds no detector, or one of a newer Studio.
    """
    try:
        values = read_json(folder / INFO_FILE)
        info = DetectorInfo(
            **{key: values[key] for key in DetectorInfo.__dataclass_fields__ if key in values}
        )
    except FileNotFoundError:
        raise ModelError(
            f"{str(folder)!r} holds no detector: {INFO_FILE} is missing.",
            "Choose a version from the list of models.",
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise ModelError(f"{INFO_FILE} in {str(folder)!r} cannot be read: {_first_line(error)}.") from error
    if info.format > FORMAT:
        raise ModelError(
            f"The model in {str(folder)!r} was stored by a newer Studio.", "Update this installation."
        )
    return info


def info_beside(path: Path, architecture: str, labels: Sequence[str] = ()) -> DetectorInfo:
    """The description of a weights file: the one beside it if it is of the same network, else a plain one.

    Args:
        path: A weights file.
        architecture: Of the network in it.
        labels: Class names in the file, or empty if it has none.
    """
    if path.name == WEIGHTS_FILE and (path.parent / INFO_FILE).is_file():
        info = read_info(path.parent)
        if info.architecture == architecture and (not labels or list(labels) == info.labels):
            return info
    return DetectorInfo(architecture, list(labels or LABELS))


def load(folder: Path) -> tuple[nn.Module, DetectorInfo]:
    """Rebuild a stored detector in fp32 and evaluation mode.

    Raises:
        ModelError: If the folder holds no detector or a file is broken.
    """
    info = read_info(folder)
    network = build(info.architecture, info.labels)
    put_in(network, read_state(folder / WEIGHTS_FILE), folder / WEIGHTS_FILE)
    return network.eval(), info


def put_in(network: nn.Module, state: Mapping[str, torch.Tensor], source: Path) -> None:
    """Load every tensor of a state dict into a network of the same shape.

    Raises:
        ModelError: If names or shapes differ.
    """
    try:
        network.load_state_dict({name: value.float() if value.is_floating_point() else value
                                 for name, value in state.items()})  # fmt: skip
    except RuntimeError as error:
        raise ModelError(
            f"The weights in {source.name!r} do not fit the network: {_first_line(error)}.",
            "Choose weights of the same architecture and the same classes.",
        ) from None


def read_weights(path: Path, *, trusted: bool = False) -> tuple[str, list[str], dict[str, torch.Tensor]]:
    """Read a weights file of any origin.

    A `.pt` file goes through the library's allow-list of known classes even when it is trusted, so that
    nothing in it is ever run; a file that needs more than those classes is refused.

    Args:
        path: A `.safetensors` or `.pt` file.
        trusted: True when the user has said that they know where a `.pt` file comes from.

    Returns:
        `(architecture, class names or [], state dict)`.

    Raises:
        ModelError: If it is missing, not trusted, damaged, or no YOLOv8 detector.
    """
    if not path.is_file():
        raise ModelError(f"The weights file {str(path)!r} does not exist.", "Check the path.")
    names: list[str] = []
    if path.suffix == ".safetensors":
        state = read_state(path)
    elif path.suffix == ".pt":
        if not trusted:
            raise ModelError(
                _PICKLE.format(name=path.name),
                "Mark it as trusted if you know who made it, or use a .safetensors file.",
            )
        names, state = _read_pt(path)
    else:
        raise ModelError(
            f"{path.name!r} is no weights file; expected .safetensors or .pt.", "Choose another file."
        )
    first = state.get("model.0.conv.weight")
    scale = _FIRST_CHANNELS.get(first.shape[0]) if first is not None and first.ndim == 4 else None
    if scale is None or "model.22.cv3.0.2.weight" not in state:
        raise ModelError(
            f"{path.name!r} holds no YOLOv8 detector.", "Choose weights of yolov8n, s, m, l or x."
        )
    return f"yolov8{scale}", names, state


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file.

    Raises:
        ModelError: If it is missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ModelError(f"The weights file {path.name!r} is missing.", "Choose another model.") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"The weights file {path.name!r} is damaged: {_first_line(error)}.", "Choose another file."
        ) from error


def _read_pt(path: Path) -> tuple[list[str], dict[str, torch.Tensor]]:
    quiet.library()
    from ultralytics.nn.tasks import torch_safe_load

    try:
        checkpoint, _ = torch_safe_load(str(path.resolve()), safe_only=True)
        network = checkpoint.get("ema") or checkpoint["model"]
        state = network.state_dict()
        names = getattr(network, "names", None) or {}
    except Exception as error:
        # Whatever a damaged or hostile pickle raises, the answer is the same: it is not used.
        raise ModelError(
            f"{path.name!r} is not a plain YOLO checkpoint and was refused ({type(error).__name__}).",
            "Export it to safetensors on the machine that made it, or use an official checkpoint.",
        ) from error
    ordered = (
        [str(names[key]) for key in sorted(names)] if isinstance(names, dict) else [str(n) for n in names]
    )
    return ordered, dict(state)


def adopt(
    network: nn.Module, state: Mapping[str, torch.Tensor], labels: Sequence[str], theirs: Sequence[str]
) -> int:
    """Put in whatever fits from weights with other classes; return how many tensors were taken.

    A class that both know by the same name keeps its output row; the other rows stay untrained.

    Args:
        network: The network to fill.
        state: Weights of the same architecture.
        labels: Class names of the network.
        theirs: Class names of the weights, or empty if unknown.
    """
    own = network.state_dict()
    taken = {}
    for name, value in state.items():
        if name not in own:
            continue
        if own[name].shape == value.shape and (
            not theirs or list(theirs) == list(labels) or ".cv3." not in name
        ):
            taken[name] = value.float() if value.is_floating_point() else value
        elif name.startswith("model.22.cv3.") and name.endswith((".2.weight", ".2.bias")):
            mixed = own[name].clone()
            for row, label in enumerate(labels):
                if label in theirs:
                    mixed[row] = value[list(theirs).index(label)].float()
            taken[name] = mixed
        elif own[name].shape == value.shape:
            taken[name] = value.float() if value.is_floating_point() else value
    network.load_state_dict({**own, **taken})
    return len(taken)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[1] if len(lines) > 1 and "Error(s) in loading" in lines[0] else lines[0] if lines else
            type(error).__name__)[:200].rstrip(".")  # fmt: skip
