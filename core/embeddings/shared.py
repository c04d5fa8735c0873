"""What this wing shares with the other wings, reached through one door: base encoders, number formats, cores.

The only module here that names another wing; the shared rooms belong on the floor below.
"""

from __future__ import annotations

import importlib
from typing import Any

_ROOMS = {
    "DEFAULT_BASE": "bases", "BaseChoice": "bases", "list_bases": "bases", "resolve_base": "bases",
    "fingerprint": "bases", "is_available": "bases", "is_hub_name": "bases", "set_threads": "precision",
    "use_bf16": "precision", "usable_cores": "machine", "base_size": "preflight", "matrix_speed": "preflight",
    "Check": "preflight",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"core.ner.{_ROOMS[name]}"), name)
