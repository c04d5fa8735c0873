"""The network: base encoder and pair head, stored as what training changed, rebuilt from that.

Formats, all safetensors: `delta` holds the differences of the changed encoder tensors to the base model,
`adapter` a
PEFT folder; both hold the head in head.safetensors. How texts become scores is predict.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, AutoTokenizer

from core.embeddings.bases import INFO_FILE
from core.embeddings.exchanges import TABLE, load_exchanges
from core.embeddings.joint import PairHead, copy_bert_layers
from core.embeddings.verdict import Verdict
from core.encoders.bases import DEFAULT_BASE, fingerprint, resolve_base
from core.errors import BaseModelError, ModelError
from core.text.cues import FEATURES, load_cues
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
    from core.embeddings.recipe import EmbeddingsRecipe

HEAD_FILE = "head.safetensors"
VERDICT_FILE = "verdict.safetensors"
FORMAT = 4  # 1 had no verdict; 2 compared no words one by one and spread no answers; 3 had no own layers


@dataclass
class ModelInfo:
    """What a stored model needs beside its weights (`nexa_similarity.json`).

    Args:
        kind: `delta`, `adapter` or `base` (untrained: cosine only).
        base_model: Name of the base encoder.
        base_sha256: Fingerprint of its weights.
        max_length: Word pieces read of a text.
        head: Sizes of the pair head.
        use_figures: Whether the head sees the figures of the texts.
        figures: Their names, in order.
        cues: The table of cues by which the figures are read, with the lists of exchangeable words.
        verdict: Sizes of the network that has the last word; empty where the head has it.
        topics: Topics of data/embeddings that the weights learnt from; None where nobody can tell.
        format: Version of this file's shape.
    """

    kind: str
    base_model: str
    base_sha256: str
    max_length: int = 128
    head: dict[str, Any] = field(default_factory=dict)
    use_figures: bool = True
    figures: list[str] = field(default_factory=lambda: list(FEATURES))
    cues: dict[str, Any] = field(default_factory=dict)
    verdict: dict[str, int] = field(default_factory=dict)
    topics: list[str] | None = None
    format: int = FORMAT


class Network(nn.Module):
    """Encoder and pair head.

    Args:
        encoder: A text encoder that gives hidden states of all layers.
        head: The pair head.
        lower: Layer whose token vectors the head (its own layers first) reads; 0 is the word table.

    Attributes:
        verdict: What has the last word on a pair, once it is fitted.
        still: Whether the encoder does not learn, only what judges its vectors.
    """

    verdict: Verdict | None

    def __init__(self, encoder: nn.Module, head: PairHead, lower: int) -> None:
        super().__init__()
        self.encoder, self.head, self.lower = encoder, head, lower
        self.verdict = None
        self.still = False

    def read(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Text vectors (B, W) of length 1 and the token vectors (B, P, W) that the head compares."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.still):
            out = self.encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
            vectors = _mean_of(out.last_hidden_state, attention_mask)
        return vectors, self.head.reading(out.hidden_states[self.lower], attention_mask)

    def vectors(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Text vectors (B, W) of length 1 alone."""
        out = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        return _mean_of(out.last_hidden_state, attention_mask)

    def train(self, mode: bool = True) -> Network:
        """As of every module, but an encoder that does not learn drops nothing out."""
        super().train(mode)
        if self.still:
            self.encoder.eval()
        return self


def _mean_of(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    pooled = ((states * weights).sum(1) / weights.sum(1).clamp(min=1)).float()
    return nn.functional.normalize(pooled, dim=-1)


def build(
    base: str,
    *,
    head_layers: int = 2,
    own_layers: int = 0,
    compare: bool = True,
    seed: int = 0,
    head: dict[str, Any] | None = None,
) -> tuple[Network, Any, ModelInfo]:
    """The base encoder with an untrained pair head.

    Args:
        base: Name of the base encoder.
        head_layers: Joint layers of the head, at most as many as the encoder has.
        own_layers: Layers of the head below them that read each text alone, of the encoder's that are left.
        compare: Whether the head compares word by word.
        seed: Seed of the head's weights.
        head: Sizes of a stored head, instead of those that fit the encoder.

    Returns:
        `(network, tokenizer, info)`; in evaluation mode, on the CPU, in fp32.

    Raises:
        BaseModelError: If the base cannot be found or used.
    """
    quiet()
    folder = resolve_base(base)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            encoder = AutoModel.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise BaseModelError(
                f"The base model {base!r} cannot be used as a text encoder: {first_line(error)}",
                f"Choose {DEFAULT_BASE!r} or another encoder.",
            ) from error
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # vectors are means over tokens
        joint, own = layers_of(config, head_layers, own_layers)
        sizes = head or {
            "layers": joint,
            "own": own,
            "lower": int(config.num_hidden_layers) - joint - own,
            "width": int(config.hidden_size),
            "heads": int(config.num_attention_heads),
            "inner": int(getattr(config, "intermediate_size", 4 * config.hidden_size)),
            "compare": compared(int(config.hidden_size)) if compare else 0,
        }
        pair_head = PairHead(
            sizes["width"],
            sizes["layers"],
            heads=sizes["heads"],
            inner=sizes["inner"],
            figures=len(FEATURES),
            compare=sizes["compare"],
            own=sizes["own"],
        )
    if head is None and (copied := _layers_to_copy(encoder)):
        first = sizes["lower"] + own
        copy_bert_layers(copied[sizes["lower"] : first], pair_head.own)
        copy_bert_layers(copied[first:], pair_head.layers)
    network = Network(encoder, pair_head, sizes["lower"]).eval()
    info = ModelInfo(
        "base",
        base_name(base),
        fingerprint(folder),
        head=sizes,
        cues={**load_cues(), TABLE: load_exchanges()},
    )
    info.max_length = min(info.max_length, positions(network.encoder.config, tokenizer))
    return network, tokenizer, info


def go_on(folder: Path, recipe: EmbeddingsRecipe) -> tuple[Network, ModelInfo, list[nn.Parameter]]:
    """A stored model as the start of another training: encoder and head, without the last word.

    Args:
        folder: The stored model.
        recipe: The settings of the training to come.

    Returns:
        `(network, info, fresh)`: the last are parameters that the stored model had not, and that begin
        untrained.

    Raises:
        BaseModelError: If the recipe does not fit the stored model.
        ModelError: If it cannot be read.
    """
    network, _, info = load(folder)
    if recipe.method == "lora":
        raise BaseModelError(
            f"A training by the method {recipe.method!r} cannot go on from a version: adapters are stored "
            "beside the base model alone.",
            "Set the method to 'full' or 'head', or begin with the base model.",
        )
    layers = info.head.get("layers")
    joint, own = layers_of(network.encoder.config, recipe.head_layers, recipe.own_layers)
    if joint != layers:
        raise BaseModelError(
            f"The version's pair head has {layers} joint layers, the settings ask for {recipe.head_layers}.",
            f"Set the joint layers to {layers}, or begin with the base model.",
        )
    network.verdict = None
    # Merged adapters leave the weights below them frozen.
    network.requires_grad_(True)
    fresh: list[nn.Parameter] = []
    if (more := own - info.head["own"]) > 0:
        # Copies of the encoder's layers change nothing until they learn.
        copied, lower = _layers_to_copy(network.encoder), network.lower - more
        if not copied:
            raise BaseModelError(
                f"A head with layers of its own cannot be put on the version's encoder "
                f"({network.encoder.config.model_type}); only BERT's layers can be copied.",
                f"Set the head's own layers to {info.head['own']}, or begin with the base model.",
            )
        network.head.add_own(copied[lower : network.lower])
        network.lower = lower
        info.head.update(own=own, lower=lower)
    if recipe.compare:
        width = compared(info.head["width"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            fresh = network.head.add_comparison(width)
        if fresh:
            info.head["compare"] = width
    return network, info, fresh


def layers_of(config: Any, joint: int, own: int) -> tuple[int, int]:
    """Joint layers of a head and those of its own: as wanted, together at most as many as the encoder has."""
    most = int(config.num_hidden_layers)
    return min(joint, most), min(own, most - min(joint, most))


def _layers_to_copy(encoder: nn.Module) -> list[nn.Module]:
    """The encoder's layers, where those of a head can be copies of them."""
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    return list(layers) if layers is not None and encoder.config.model_type == "bert" else []


def compared(width: int) -> int:
    """Inner size of the comparison word by word beside token vectors of a width."""
    return width // 2


def prepare(network: Network, recipe: EmbeddingsRecipe, *, seed: int = 0) -> Network:
    """Decide what training may change: the word table and the lowest layers stay (full), adapters learn
    (lora), or the pair head alone (head)."""
    if recipe.method == "head":
        network.encoder.requires_grad_(False)
        network.still = True
        return network
    if recipe.method == "full":
        embeddings = getattr(network.encoder, "embeddings", None) or network.encoder.get_input_embeddings()
        frozen = list(embeddings.parameters())
        layers = getattr(getattr(network.encoder, "encoder", None), "layer", None) or []
        for layer in list(layers)[: recipe.freeze_layers]:
            frozen += list(layer.parameters())
        for parameter in frozen:
            parameter.requires_grad_(False)
        return network
    from peft import LoraConfig

    names = [name for name, module in network.encoder.named_modules() if isinstance(module, nn.Linear)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(
            r=recipe.lora_rank,
            lora_alpha=recipe.lora_alpha,
            lora_dropout=recipe.lora_dropout,
            target_modules=names,
        )
        network.encoder = with_adapters(network.encoder, config)
    return network


def store(network: Network, folder: Path, info: ModelInfo, *, dtype: str = "fp16") -> None:
    """Write what training changed, in the format from which `load` rebuilds the same network.

    Args:
        network: Encoder and head.
        folder: Where the files go.
        info: Its description; what is stored as is noted there.
        dtype: `fp32`, `fp16` or `int8`. There is no base from which the head's weights differ but little, so
            8 bits are for the encoder's changes alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(network.head.state_dict(), folder / HEAD_FILE, "fp32" if dtype == "fp32" else "fp16")
    if network.verdict is not None:
        store_verdict(network.verdict, folder, info)
    if hasattr(network.encoder, "peft_config"):
        info.kind = "adapter"
        store_adapter(network.encoder, folder, info.base_model)
    else:
        info.kind = "delta"
        original, _, _ = build(info.base_model, head=info.head)
        before = dict(original.encoder.named_parameters())
        learnt = trainable(network.encoder)
        changed = {}
        for name, parameter in network.encoder.named_parameters():
            difference = parameter.detach().to("cpu", torch.float32) - before[name].detach()
            # Layers frozen now may have been changed by the version that this training went on from.
            if name in learnt or bool(difference.any()):
                changed[name] = difference
        write_tensors(changed, folder / DELTA_FILE, dtype, kind="delta")
    write_json_atomic(folder / INFO_FILE, vars(info))


def store_verdict(verdict: Verdict, folder: Path, info: ModelInfo) -> None:
    """Write what has the last word on a pair; its sizes go into `info`, which the caller writes."""
    info.verdict, info.format = dict(verdict.sizes), FORMAT
    state = {name: value.cpu().contiguous() for name, value in verdict.state_dict().items()}
    save_file(state, folder / VERDICT_FILE, metadata={"format": "pt"})


def read_info(folder: Path) -> ModelInfo:
    """Read `nexa_similarity.json`.

    Raises:
        ModelError: If the folder holds no similarity model, or one of a newer Studio.
    """
    info = stored.read_info(ModelInfo, folder, INFO_FILE, "similarity model", FORMAT)
    # Heads stored before there was a comparison, or layers of their own, do not name them.
    info.head = {"compare": 0, "own": 0, **info.head}
    if list(info.figures) != list(FEATURES):
        raise ModelError(
            f"The model in {str(folder)!r} was stored by another Studio.", "Update or train again."
        )
    return info


def load(folder: Path) -> tuple[Network, Any, ModelInfo]:
    """Rebuild a stored model; adapters are merged into the encoder.

    Raises:
        ModelError: If the folder holds no model or a file is broken.
        IntegrityError: If the base weights are not those that the model was trained from.
        BaseModelError: If the base model cannot be found.
    """
    info = read_info(folder)
    network, tokenizer, base_info = build(info.base_model, head=info.head)
    check_base(info, base_info)
    try:
        network.head.load_state_dict(read_tensors(folder / HEAD_FILE))
        if info.verdict:
            network.verdict = Verdict(**info.verdict)
            network.verdict.load_state_dict(load_file(folder / VERDICT_FILE))
        if info.kind == "adapter":
            network.encoder = merge_adapter(network.encoder, folder)
        else:
            parameters = dict(network.encoder.named_parameters())
            with torch.no_grad():
                for name, value in read_tensors(folder / DELTA_FILE).items():
                    parameters[name].add_(value)
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"The model in {str(folder)!r} cannot be read: {first_line(error)}", "Choose another version."
        ) from error
    return network.eval(), tokenizer, info
