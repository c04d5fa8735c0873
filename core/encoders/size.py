"""How large a base encoder is, from its config: for estimates of time, memory and disk."""

from __future__ import annotations

import json
from dataclasses import dataclass

from core.encoders.bases import DEFAULT_BASE, is_available, is_hub_name, list_bases, resolve_base
from core.errors import NexaError


@dataclass(frozen=True)
class BaseSize:
    """Size of a base encoder.

    Args:
        layers: Encoder layers.
        hidden: Width.
        vocabulary: Entries of the word table.
    """

    layers: int
    hidden: int
    vocabulary: int = 30522

    @property
    def encoder(self) -> int:
        """Parameters of the layers (attention 4 h², feed-forward 8 h² each)."""
        return 12 * self.layers * self.hidden**2

    @property
    def total(self) -> int:
        return self.encoder + self.vocabulary * self.hidden


def base_size(base: str) -> BaseSize:
    """Size of a base encoder from its config, or from the list of known ones when it is not here yet."""
    known = {choice.name: choice for choice in list_bases()}
    name = base.strip() or DEFAULT_BASE
    try:
        folder = (
            resolve_base(name, allow_network=False)
            if not is_hub_name(name) or is_available(name)[0]
            else None
        )
        if folder is not None:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            layers = config.get("num_hidden_layers") or config.get("n_layers") or 12
            hidden = config.get("hidden_size") or config.get("dim") or 768
            return BaseSize(int(layers), int(hidden), int(config.get("vocab_size") or 30522))
    except (NexaError, OSError, ValueError):
        pass  # the check of the base itself says what is wrong with it
    if name in known:
        return BaseSize(known[name].layers, known[name].hidden)
    return BaseSize(12, 768)
