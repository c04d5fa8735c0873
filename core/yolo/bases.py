"""Starting weights: which there are, where their files lie, and what is said when one is not here.

No torch and no ultralytics at import; only `find_weights("coco", ...)` ever tries the network.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import BaseModelError
from core.workspace import STARTER_DIR, Workspace

DEFAULT_BASE = "starter"
SCRATCH = "scratch"
COCO = "coco"
STARTER_WEIGHTS = STARTER_DIR / "yolo" / "weights.safetensors"
_URL = "https://github.com/ultralytics/assets/releases/download/v8.3.0/{name}"
_TIMEOUT = 15.0


@dataclass(frozen=True)
class BaseChoice:
    """One kind of starting weights as a form shows it.

    Args:
        name: What a run's `base_model` says.
        title: Short title.
        help: One sentence on what it is.
        available: True when its files are on this machine (or it needs none).
        reason: Why it is not available, or an empty string.
    """

    name: str
    title: str
    help: str
    available: bool
    reason: str = ""


def list_bases(ws: Workspace | None = None) -> list[BaseChoice]:
    """The named starting weights, with whether they can be used here and now (no network is tried)."""
    starter = STARTER_WEIGHTS.is_file()
    coco = any(weights_folder(ws).glob("yolov8?.pt"))
    return [
        BaseChoice(
            "starter", "Starter detector",
            "yolov8n that already finds poles and crossarms; trains on from there.",
            starter, "" if starter else "The starter detector is not part of this installation.",
        ),
        BaseChoice(SCRATCH, "From scratch", "Begins with random weights; any size of network.", True),
        BaseChoice(
            COCO, "COCO weights", "Trained on everyday objects by the library's makers; fetched once.",
            coco, "" if coco else f"Not here: fetched at the start, or put a .pt into {weights_folder(ws)}.",
        ),
    ]  # fmt: skip


def is_available(name: str) -> tuple[bool, str]:
    """Whether a training can begin with these weights without network, and if not, one sentence why."""
    known = {choice.name: choice for choice in list_bases()}
    name = name.strip() or DEFAULT_BASE
    if name in known:
        return known[name].available, known[name].reason
    try:
        find_weights(name, "yolov8n", allow_network=False)
    except BaseModelError as error:
        return False, str(error)
    return True, ""


def weights_folder(ws: Workspace | None = None) -> Path:
    """Folder into which users drop weights files of their own."""
    return (ws or Workspace.current()).root / "weights"


@dataclass(frozen=True)
class Start:
    """Where a training begins.

    Args:
        path: Weights file, or None to begin with random weights.
        trusted: True when a `.pt` may be read (always through the allow-list).
        text: One sentence for the log.
    """

    path: Path | None
    trusted: bool
    text: str


def find_weights(
    name: str,
    architecture: str,
    *,
    trusted: bool = False,
    ws: Workspace | None = None,
    allow_network: bool = True,
    say: Callable[[str], None] = print,
) -> Start:
    """Find the starting weights called `name`.

    `coco` falls back to random weights when it cannot be fetched, and says so; every other name that cannot
    be found is an error.

    Args:
        name: `starter`, `scratch`, `coco`, a model version (`v3`, `production` ...) or a weights file.
        architecture: Network that will be trained.
        trusted: True when the user trusts a `.pt` file.
        ws: Workspace; the current one by default.
        allow_network: False never to fetch.
        say: Gets a sentence before a download.

    Raises:
        BaseModelError: If they are not here.
    """
    name = name.strip() or DEFAULT_BASE
    if name == SCRATCH:
        return Start(None, False, "Training begins with random weights.")
    if name == COCO:
        return _coco(architecture, ws, allow_network, say)
    path = Path(name).expanduser()
    if path.suffix in (".pt", ".safetensors"):
        for candidate in (path, weights_folder(ws) / name):
            if candidate.is_file():
                return Start(
                    candidate.resolve(), trusted, f"Training begins with the weights in {path.name!r}."
                )
        raise BaseModelError(
            f"The weights file {name!r} does not exist.",
            f"Give its full path or put it into {weights_folder(ws)}.",
        )
    return _version(name, ws)


def _version(name: str, ws: Workspace | None) -> Start:
    from core.errors import NexaError
    from core.registry.store import open_version

    try:
        version = open_version("yolo", name, ws=ws)
    except NexaError as error:
        raise BaseModelError(
            f"The starting weights {name!r} are not here: {error.message}",
            f"Choose {SCRATCH!r}, a model version or a weights file.",
        ) from error
    if version.path is None:
        return Start(None, False, "Training begins with random weights.")
    return Start(
        version.path / "weights.safetensors",
        False,
        f"Training begins with the weights of version {version.id!r}.",
    )


def _coco(architecture: str, ws: Workspace | None, allow_network: bool, say: Callable[[str], None]) -> Start:
    folder = weights_folder(ws)
    target = folder / f"{architecture}.pt"
    text = f"Training begins with COCO weights ({target.name})."
    if target.is_file():
        return Start(target, True, text)
    reason = "fetching is switched off"
    if architecture == "yolov8p":
        reason = "there are none for yolov8p"
    elif allow_network:
        say(f"Fetching {target.name} once.")
        try:
            _fetch(_URL.format(name=target.name), target)
            return Start(target, True, text)
        except (OSError, urllib.error.URLError) as error:
            reason = f"it could not be fetched ({type(error).__name__})"
    return Start(
        None,
        False,
        f"{target.name} is not on this machine and {reason}: training begins with RANDOM weights, which "
        "needs many "
        f"more images. To begin with COCO weights, put the file into {folder} and start again.",
    )


def _fetch(url: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, part.open("wb") as file:
            while piece := answer.read(1 << 20):
                file.write(piece)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
