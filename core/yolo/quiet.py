"""The one door to the ultralytics library: no telemetry, no downloads, no pickles, and its thread habits
undone.

Every heavy room of this wing calls `library()` before it imports anything from ultralytics.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from types import ModuleType

from core.workspace import Workspace

ENVIRONMENT = {
    "YOLO_OFFLINE": "1",  # no telemetry, no look for updates
    "YOLO_AUTOINSTALL": "false",  # a missing package is an error, never a pip call
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "1",  # .pt files through an allow-list, never through plain pickle
    "MPLBACKEND": "Agg",
}
_OFF = ("sync", "raytune", "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "tensorboard", "wandb")
_loaded: ModuleType | None = None


def library() -> ModuleType:
    """Import ultralytics quietly and return it; later calls return the same module.

    The library sets OMP_NUM_THREADS=1 for the whole process when it is imported; that is undone here.
    """
    global _loaded
    if _loaded is not None:
        return _loaded
    os.environ.update(ENVIRONMENT)
    folder = Path(os.environ.setdefault("YOLO_CONFIG_DIR", str(_config_folder())))
    _place_font(folder / "Ultralytics")
    threads_before = os.environ.get("OMP_NUM_THREADS")

    import torch
    from PIL import Image

    threads, open_image = torch.get_num_threads(), Image.open
    import ultralytics

    # The library puts its own function there, which looks for further packages when a file is no image.
    Image.open = open_image

    if threads_before is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    torch.set_num_threads(threads)
    changes = {name: False for name in _OFF if ultralytics.settings.get(name)}
    if changes:
        ultralytics.settings.update(changes)
    _loaded = ultralytics
    return ultralytics


def _config_folder() -> Path:
    folder = Workspace.current().root / "ultralytics"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _place_font(folder: Path) -> None:
    # The library fetches Arial.ttf from the network when it finds no font under this name.
    target = folder / "Arial.ttf"
    spec = importlib.util.find_spec("matplotlib")
    if target.exists() or spec is None or not spec.origin:
        return
    source = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    if source.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{os.getpid()}.ttf"
        shutil.copyfile(source, part)
        part.replace(target)
