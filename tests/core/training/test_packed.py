"""Tensor files in fewer bits: what is read is what was written, as closely as the precision promises."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.training.packed import DTYPES, dtype_of, read_tensors, write_tensors


def tensors() -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(3)
    state = {name: 1e-3 * torch.randn(40, 64, generator=made) for name in ("layer.weight", "head.weight")}
    state["layer.weight"][5] *= 1e-6  # a row that hardly changed beside others that did
    state["layer.weight"][6] = 0.0
    return {**state, "layer.bias": 1e-3 * torch.randn(64, generator=made)}


@pytest.mark.parametrize(("dtype", "error"), [("fp32", 0.0), ("fp16", 1e-3), ("int8", 1 / 253)])
def test_values_come_back_as_closely_as_promised(tmp_path: Path, dtype: str, error: float) -> None:
    before = tensors()
    write_tensors(before, tmp_path / "a.safetensors", dtype)
    after = read_tensors(tmp_path / "a.safetensors")
    assert set(after) == set(before)
    assert dtype_of(tmp_path / "a.safetensors") == dtype
    for name, value in before.items():
        assert after[name].dtype == torch.float32 and after[name].shape == value.shape
        largest = value.abs().amax(-1, keepdim=True)
        # fp16 has no digits left below 6e-8; the scale of 8-bit rows keeps theirs.
        assert ((after[name] - value).abs() <= error * largest + (6e-8 if dtype == "fp16" else 1e-12)).all()


def test_eight_bits_are_half_of_sixteen(tmp_path: Path) -> None:
    sizes = {}
    for dtype in DTYPES:
        write_tensors(tensors(), tmp_path / dtype, dtype, kind="delta")
        sizes[dtype] = (tmp_path / dtype).stat().st_size
    assert sizes["int8"] < 0.62 * sizes["fp16"] < 0.62 * 0.55 * sizes["fp32"]


def test_named_tensors_stay_exact(tmp_path: Path) -> None:
    before = tensors()
    write_tensors(before, tmp_path / "a", "int8", exact=["head.weight"])
    after = read_tensors(tmp_path / "a")
    assert torch.equal(after["head.weight"], before["head.weight"])
    assert not torch.equal(after["layer.weight"], before["layer.weight"])


def test_a_matrix_without_its_scale_is_no_model(tmp_path: Path) -> None:
    write_tensors(tensors(), tmp_path / "a", "int8")
    stored = load_file(tmp_path / "a")
    save_file({name: value for name, value in stored.items() if "scale" not in name}, tmp_path / "a")
    with pytest.raises(KeyError):
        read_tensors(tmp_path / "a")
