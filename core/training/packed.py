"""Tensor files of stored models: in fp32, fp16, or with 8-bit matrices.

A matrix in 8 bits is whole numbers from -127 to 127 with one fp32 scale for each row, so that no value is
off by more than 1/254 of the largest of its row. Vectors (biases, norms) stay fp16 then. This is for
differences to a base model: they are small, and half a per cent of a difference is not seen in a score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

DTYPES = ("fp32", "fp16", "int8")
_SCALE = "::scale"
_MOST = 127.0


def write_tensors(
    state: Mapping[str, torch.Tensor], path: Path, dtype: str, *, exact: Collection[str] = (), **told: str
) -> None:
    """Write tensors to a safetensors file.

    Args:
        state: Tensors of floating point, by name.
        path: The safetensors file.
        dtype: One of `DTYPES`.
        exact: Names of those that are written in fp32 whatever the rest is.
        **told: For the file's metadata.
    """
    target = torch.float32 if dtype == "fp32" else torch.float16
    written: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        value = tensor.detach().cpu().float()
        if name in exact:
            written[name] = value.clone()
        elif dtype == "int8" and value.dim() == 2:
            written[name], written[name + _SCALE] = _packed(value)
        else:
            written[name] = value.to(target).contiguous()
    save_file(written, path, metadata={"format": "pt", **told})


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """What `write_tensors` wrote, all in fp32.

    Raises:
        OSError, SafetensorError: If the file cannot be read.
        KeyError: If a matrix has lost its scale.
    """
    stored = load_file(path)
    return {
        name: value.float() * stored[name + _SCALE] if value.dtype == torch.int8 else value.float()
        for name, value in stored.items()
        if not name.endswith(_SCALE)
    }


def dtype_of(path: Path) -> str:
    """Which of `DTYPES` a file was written in."""
    found = {value.dtype for value in load_file(path).values()}
    if torch.int8 in found:
        return "int8"
    return "fp16" if torch.float16 in found else "fp32"


def _packed(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scale = matrix.abs().amax(1, keepdim=True) / _MOST
    # A row of zeros has no scale of its own.
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return (matrix / scale).round().to(torch.int8), scale
