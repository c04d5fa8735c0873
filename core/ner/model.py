"""The network: built from a base encoder, stored as what training changed, rebuilt from that.

Two formats, both safetensors: `delta` holds the differences of the changed tensors to the base model (full
fine-tuning), `adapter` is a PEFT folder (LoRA). Each needs the base model it was made from, and checks it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from core.encoders.bases import DEFAULT_BASE, fingerprint, resolve_base
from core.errors import BaseModelError, ModelError
from core.ner.decode import bio_tags
from core.ner.encode import Encoder
from core.training import stored
from core.training.packed import read_tensors, write_tensors
from core.training.stored import (
    DELTA_FILE,
    base_name,
    check_base,
    first_line,
    merge_adapter,
    positions,
    quiet,
    store_adapter,
    with_adapters,
)
from core.training.weights import trainable
from core.workspace import write_json_atomic

if TYPE_CHECKING:
    from core.ner.recipe import NerRecipe

INFO_FILE = "nexa_model.json"
FORMAT = 1
# Tokenizers that glue blanks to words must be told that the words come without them.
_BLANK_GLUED = {"roberta", "longformer", "deberta", "gpt2", "bart", "modernbert"}
_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")


@dataclass
class ModelInfo:
    """What a stored model needs beside its weights (`nexa_model.json`).

    Args:
        kind: `delta`, `adapter` or `base` (untrained head).
        base_model: Name of the base encoder, as in the run's spec.
        base_sha256: Fingerprint of the base weights.
        labels: Entity labels, in the order of their ids.
        max_length: Longest training example in word pieces.
        window: Word pieces of a prediction window; longer texts are read in overlapping windows.
        overlap: Word pieces that neighbouring windows share.
        decode: Keyword arguments of `decode.entities`.
        format: Version of this file's shape.
    """

    kind: str
    base_model: str
    base_sha256: str
    labels: list[str]
    max_length: int = 192
    window: int = 96
    overlap: int = 32
    decode: dict[str, bool] = field(default_factory=lambda: {"legal": True, "clean": True})
    format: int = FORMAT

    @property
    def tags(self) -> list[str]:
        """BIO tags in the order of the network's outputs."""
        return bio_tags(self.labels)


def build(base: str, labels: Sequence[str], *, seed: int = 0) -> tuple[nn.Module, Encoder, ModelInfo]:
    """The base encoder with a new, untrained head.

    Args:
        base: Name of the base encoder, see `bases.resolve_base`.
        labels: Entity labels; the head has `2 * len(labels) + 1` outputs.
        seed: Seed of the head's weights: the same seed gives the same head.

    Returns:
        `(network, encoder, info)`; the network in evaluation mode, on the CPU, in fp32.

    Raises:
        BaseModelError: If the base cannot be found, fetched or used for token classification.
    """
    quiet()
    folder = resolve_base(base)
    tags = bio_tags(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            extra = {"add_prefix_space": True} if config.model_type in _BLANK_GLUED else {}
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_fast=True, **extra
            )
            network = AutoModelForTokenClassification.from_pretrained(
                folder,
                num_labels=len(tags),
                id2label=dict(enumerate(tags)),
                label2id={tag: number for number, tag in enumerate(tags)},
                ignore_mismatched_sizes=True,  # a head for other labels is replaced
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise BaseModelError(
                f"The base model {base!r} cannot be used for token classification: {first_line(error)}",
                f"Choose {DEFAULT_BASE!r} or another encoder.",
            ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise BaseModelError(
            f"The base model {base!r} has no fast tokenizer (tokenizer.json).", f"Choose {DEFAULT_BASE!r}."
        )
    network.eval()
    encoder = Encoder(tokenizer, positions(network.config, tokenizer))
    info = ModelInfo("base", base_name(base), fingerprint(folder), list(labels))
    info.window = min(info.window, encoder.positions)
    return network, encoder, info


def head_names(network: nn.Module) -> list[str]:
    """Names of the top-level modules outside the encoder: the classification head."""
    prefix = getattr(network, "base_model_prefix", "")
    return [name for name, module in network.named_children() if name != prefix and list(module.parameters())]


def prepare(network: nn.Module, recipe: NerRecipe, *, seed: int = 0) -> nn.Module:
    """Decide what training may change: freeze the word table (full) or add adapters (lora).

    Returns:
        The network to train; for lora a PEFT model around it.
    """
    heads = head_names(network)
    if recipe.method == "full":
        if recipe.freeze_embeddings:
            for parameter in _embeddings(network).parameters():
                parameter.requires_grad_(False)
        return network
    from peft import LoraConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(
            task_type="TOKEN_CLS",
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            target_modules=adapter_targets(network, recipe.lora_targets),
            modules_to_save=heads,
        )
        return with_adapters(network, config)


def _embeddings(network: nn.Module) -> nn.Module:
    encoder = getattr(network, network.base_model_prefix, network)
    # The whole block (word table, positions, norm) where the architecture names one.
    return getattr(encoder, "embeddings", None) or encoder.get_input_embeddings()


def adapter_targets(network: nn.Module, choice: str) -> list[str]:
    """Full names of the linear layers that get an adapter.

    Args:
        network: The network without adapters.
        choice: `attention` or `all-linear` (every linear layer of the encoder; never the head).
    """
    heads = tuple(f"{name}." for name in head_names(network))
    names = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and not f"{name}.".startswith(heads)
    ]
    if choice == "attention":
        names = [name for name in names if "attention" in name or "attn" in name]
    if not names:
        raise ModelError(
            f"This base model has no layers that fit the adapter choice {choice!r}.", "Choose all-linear."
        )
    return names


def depth_of(name: str) -> int | None:
    """Number of the encoder layer that a parameter belongs to (0 = lowest), or None for others."""
    found = _LAYER.search(f".{name}")
    return int(found.group(1)) if found else None


def store(network: nn.Module, folder: Path, info: ModelInfo, *, dtype: str = "fp16") -> None:
    """Write what training changed, in the format from which `load` rebuilds the same network.

    Args:
        network: The trained network (PEFT model for lora).
        folder: An empty or new folder.
        info: Description; its `kind` is set to what is written.
        dtype: `fp32`, `fp16` or `int8`, for the differences of a full fine-tuning. They are small, so that
            fp16 keeps them to about 1e-3 of the change, far finer than fp16 weights would.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(network, "peft_config"):
        info.kind = "adapter"
        store_adapter(network, folder, info.base_model)
    else:
        info.kind = "delta"
        original, _, _ = build(info.base_model, info.labels)
        before = original.state_dict()
        heads = tuple(f"{name}." for name in head_names(network))
        changed = {
            name: parameter.detach().to("cpu", torch.float32)
            for name, parameter in trainable(network).items()
        }
        # The head has no counterpart in the base model: its values are stored as they are.
        exact = [name for name in changed if name.startswith(heads)]
        changed = {name: value if name in exact else value - before[name] for name, value in changed.items()}
        write_tensors(changed, folder / DELTA_FILE, dtype, exact=exact, kind="delta")
    write_json_atomic(folder / INFO_FILE, vars(info))


def read_info(folder: Path) -> ModelInfo:
    """Read `nexa_model.json`.

    Raises:
        ModelError: If the folder holds no NER model, or one of a newer Studio.
    """
    return stored.read_info(ModelInfo, folder, INFO_FILE, "NER model", FORMAT)


def load(folder: Path) -> tuple[nn.Module, Encoder, ModelInfo]:
    """Rebuild a stored model: base encoder plus what training changed. Adapters are merged into the encoder.

    Raises:
        ModelError: If the folder holds no model or a file is broken.
        IntegrityError: If the base weights are not those that the model was trained from.
        BaseModelError: If the base model cannot be found.
    """
    info = read_info(folder)
    network, encoder, base_info = build(info.base_model, info.labels)
    check_base(info, base_info)
    try:
        if info.kind == "adapter":
            network = merge_adapter(network, folder)
        elif info.kind == "delta":
            _load_delta(network, folder / DELTA_FILE)
        else:
            raise ModelError(f"{INFO_FILE} in {str(folder)!r} names the unknown kind {info.kind!r}.")
    except (OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"The model in {str(folder)!r} cannot be read: {first_line(error)}", "Choose another version."
        ) from error
    network.eval()
    return network, encoder, info


def _load_delta(network: nn.Module, file: Path) -> None:
    heads = tuple(f"{name}." for name in head_names(network))
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, value in read_tensors(file).items():
            if name.startswith(heads):
                parameters[name].copy_(value)
            else:
                parameters[name].add_(value)
