"""What stored encoder models have in common: files, the base they were made from, adapters.

The networks themselves, and what each stores beside its weights, are in the wings' model.py.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import nn
from transformers.utils import logging as transformers_logging

from core.encoders.bases import DEFAULT_BASE
from core.errors import IntegrityError, ModelError
from core.workspace import read_json, write_json_atomic

DELTA_FILE = "delta.safetensors"
ADAPTER_FILE = "adapter_model.safetensors"
_ADAPTER_CONFIG = "adapter_config.json"
# These number positions from padding_idx + 1.
_TWO_FEWER = {"roberta", "xlm-roberta", "camembert", "mpnet", "longformer"}


class _Info(Protocol):
    base_model: str
    base_sha256: str
    format: int


Info = TypeVar("Info", bound=_Info)


def quiet() -> None:
    """Keep the library's load reports and progress bars out of the console log."""
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def first_line(error: BaseException) -> str:
    """What an exception of a library says, in one line of at most 200 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def positions(config: Any, tokenizer: Any) -> int:
    """Word pieces that an encoder can read at once."""
    known = getattr(config, "max_position_embeddings", 512) or 512
    if config.model_type in _TWO_FEWER:
        known -= 2
    return int(min(known, 512, getattr(tokenizer, "model_max_length", 512) or 512))


def base_name(base: str) -> str:
    """A base encoder as a stored model names it: folders with their whole path."""
    name = base.strip() or DEFAULT_BASE
    if name != DEFAULT_BASE and Path(name).expanduser().exists():
        return str(Path(name).expanduser().resolve())
    return name


def read_info(made: type[Info], folder: Path, file: str, what: str, newest: int) -> Info:
    """The description of a stored model.

    Args:
        made: Its class, a dataclass.
        folder: The model's folder.
        file: Name of the file in it.
        what: What the folder should hold, for messages: `NER model`.
        newest: Largest `format` that is understood.

    Raises:
        ModelError: If the folder holds no such model, or one of a newer Studio.
    """
    try:
        values = read_json(folder / file)
        info = made(**{key: values[key] for key in made.__dataclass_fields__ if key in values})  # type: ignore[attr-defined]
    except FileNotFoundError:
        raise ModelError(
            f"{str(folder)!r} holds no {what}: {file} is missing.",
            "Choose a version from the list of models.",
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise ModelError(f"{file} in {str(folder)!r} cannot be read: {first_line(error)}.") from error
    if info.format > newest:
        raise ModelError(
            f"The model in {str(folder)!r} was stored by a newer Studio.", "Update this installation."
        )
    return info


def check_base(stored: _Info, found: _Info) -> None:
    """Make sure that the base that was found is the one that a model was trained from.

    Raises:
        IntegrityError: If it is not.
    """
    if found.base_sha256 != stored.base_sha256:
        raise IntegrityError(
            f"The base model {stored.base_model!r} has changed since this model was trained "
            f"(SHA-256 {found.base_sha256[:12]}…, expected {stored.base_sha256[:12]}…).",
            "Bring back the old base model or train again.",
        )


def with_adapters(network: nn.Module, config: Any) -> nn.Module:
    """The PEFT model around a network."""
    from peft import get_peft_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between two libraries, nothing a user can act on
        return get_peft_model(network, config)


def store_adapter(network: Any, folder: Path, base_model: str) -> None:
    """Write the adapters of a PEFT model in PEFT's own format, the same bytes for the same adapters."""
    network.save_pretrained(folder, save_embedding_layers=False, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)
    config = read_json(folder / _ADAPTER_CONFIG)
    config["base_model_name_or_path"] = base_model  # a name, not a path on this machine
    for key in ("target_modules", "modules_to_save"):  # sets, whose order changes from process to process
        if config.get(key):
            config[key] = sorted(set(config[key]))
    write_json_atomic(folder / _ADAPTER_CONFIG, config)


def merge_adapter(network: nn.Module, folder: Path) -> nn.Module:
    """The network with the adapters of a folder merged into its weights.

    Raises:
        FileNotFoundError: If the folder holds none.
    """
    from peft import PeftModel

    if not (folder / ADAPTER_FILE).is_file():
        # PEFT would look for a pickle or a model of the hub.
        raise FileNotFoundError(f"{ADAPTER_FILE} is missing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return PeftModel.from_pretrained(network, str(folder), is_trainable=False).merge_and_unload()
