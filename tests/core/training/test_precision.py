"""Threads and number formats."""

from __future__ import annotations

import pytest
import torch

from core.training import precision


def test_threads_come_from_the_wish_then_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert precision.set_threads(1) == torch.get_num_threads() == 1
        assert precision.set_threads() == torch.get_num_threads() == 2
        monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
        assert precision.set_threads() == precision.usable_cores()
    finally:
        torch.set_num_threads(before)


def test_a_named_format_holds_and_auto_asks_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision.use_bf16("bf16", "cpu") and not precision.use_bf16("fp32", "cuda")
    asked: list[str] = []
    monkeypatch.setattr(precision, "bf16_gain", lambda kind: asked.append(kind) or 1.5)
    assert precision.use_bf16("auto", "cpu") and precision.use_bf16("auto", "cpu", "convolution")
    assert asked == ["linear", "convolution"]
    monkeypatch.setattr(precision, "bf16_gain", lambda kind: 1.1)
    assert not precision.use_bf16("auto", "cpu")


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_the_gain_is_measured_without_touching_the_random_numbers(kind: str) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with torch.no_grad():
        assert precision.bf16_gain.__wrapped__(kind) >= 0
    assert torch.equal(torch.rand(1), expected)
