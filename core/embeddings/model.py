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
from safetensors import SafetensorError, safe_open
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
FORMAT = 3  # 1 had no verdict; 2 compared no words one by one and spread no answers


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
        lower: Layer whose token vectors the head reads; 0 is the word table.

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
        """Text vectors (B, W) of length 1 and token vectors (B, P, W) of the lower layer."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.still):
            out = self.encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        states = out.last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = ((states * weights).sum(1) / weights.sum(1).clamp(min=1)).float()
        return nn.functional.normalize(pooled, dim=-1), out.hidden_states[self.lower]

    def train(self, mode: bool = True) -> Network:
        """As of every module, but an encoder that does not learn drops nothing out."""
        super().train(mode)
        if self.still:
            self.encoder.eval()
        return self


def build(
    base: str,
    *,
    head_layers: int = 2,
    compare: bool = True,
    seed: int = 0,
    head: dict[str, Any] | None = None,
) -> tuple[Network, Any, ModelInfo]:
    """The base encoder with an untrained pair head.

    Args:
        base: Name of the base encoder.
        head_layers: Joint layers of the head, at most the encoder's own.
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
        layers = int(config.num_hidden_layers)
        sizes = head or {
            "layers": joint_layers(head_layers, config),
            "lower": layers - joint_layers(head_layers, config),
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
        )
    own = getattr(getattr(encoder, "encoder", None), "layer", None)
    if head is None and own is not None and config.model_type == "bert":
        copy_bert_layers(list(own)[layers - sizes["layers"] :], pair_head.layers)
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
    if joint_layers(recipe.head_layers, network.encoder.config) != layers:
        raise BaseModelError(
            f"The version's pair head has {layers} joint layers, the settings ask for {recipe.head_layers}.",
            f"Set the joint layers to {layers}, or begin with the base model.",
        )
    network.verdict = None
    # Merged adapters leave the weights below them frozen.
    network.requires_grad_(True)
    fresh: list[nn.Parameter] = []
    if recipe.compare:
        width = compared(info.head["width"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            fresh = network.head.add_comparison(width)
        if fresh:
            info.head["compare"] = width
    return network, info, fresh


def joint_layers(wanted: int, config: Any) -> int:
    """Joint layers of a head: those wanted, at most as many as the encoder has."""
    return min(wanted, int(config.num_hidden_layers))


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
    """Write what training changed, in the format from which `load` rebuilds the same network."""
    folder.mkdir(parents=True, exist_ok=True)
    target = torch.float16 if dtype == "fp16" else torch.float32
    head = {
        name: value.detach().cpu().to(target).contiguous()
        for name, value in network.head.state_dict().items()
    }
    save_file(head, folder / HEAD_FILE, metadata={"format": "pt"})
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
                changed[name] = difference.to(target).contiguous()
        save_file(changed, folder / DELTA_FILE, metadata={"format": "pt", "kind": "delta"})
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
    info.head.setdefault("compare", 0)  # heads stored before there was a comparison do not name it
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
        network.head.load_state_dict(
            {k: v.to(torch.float32) for k, v in load_file(folder / HEAD_FILE).items()}
        )
        if info.verdict:
            network.verdict = Verdict(**info.verdict)
            network.verdict.load_state_dict(load_file(folder / VERDICT_FILE))
        if info.kind == "adapter":
            network.encoder = merge_adapter(network.encoder, folder)
        else:
            parameters = dict(network.encoder.named_parameters())
            with torch.no_grad(), safe_open(folder / DELTA_FILE, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 (safe_open is no mapping)
                    parameters[name].add_(tensors.get_tensor(name).to(torch.float32))
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"The model in {str(folder)!r} cannot be read: {first_line(error)}", "Choose another version."
        ) from error
    return network.eval(), tokenizer, info
