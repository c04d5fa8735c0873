"""Best weights and their running average."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from core.errors import TrainingError
from core.training.weights import BestWeights, RunningAverage, load_weights, save_weights, trainable


def network(value: float) -> nn.Module:
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.fill_(value)
    layer.bias.requires_grad_(False)
    return layer


def test_only_what_training_changes_is_stored(tmp_path: Path) -> None:
    source, target = network(1.0), network(2.0)
    save_weights(source, tmp_path / "w.safetensors")
    bias = target.bias.clone()
    load_weights(target, tmp_path / "w.safetensors")
    assert set(trainable(source)) == {"weight"}
    assert torch.equal(target.weight, source.weight) and torch.equal(target.bias, bias)


def test_weights_of_another_network_are_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    save_weights(network(1.0), tmp_path / "w.safetensors")
    for other in (nn.Linear(2, 2), nn.Linear(3, 2, bias=False), nn.Sequential(network(2.0))):
        before = [value.clone() for value in other.parameters()]
        with pytest.raises(TrainingError, match=r"another network.*Start it anew"):
            load_weights(other, tmp_path / "w.safetensors")
        assert all(torch.equal(*pair) for pair in zip(before, other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("select_by", "kept"), [("f1", 0.7), ("spearman", 0.3), ("loss", 0.5), ("last", 0.9)]
)
def test_the_best_is_kept_and_survives_a_restart(tmp_path: Path, select_by: str, kept: float) -> None:
    best = BestWeights(tmp_path, select_by)
    offers = [(0.3, 0.5, 0.9, 0.4), (0.5, 0.6, 0.1, 0.2), (0.7, 0.8, 0.4, 0.5), (0.9, 0.8, 0.3, 0.6)]
    for step, (value, f1, spearman, loss) in enumerate(offers, 1):
        best.offer(network(value), {"f1": f1, "spearman": spearman, "loss": loss}, step, step / 2)
    again = BestWeights(tmp_path, select_by)
    again.recall(4)
    assert again.metrics == best.metrics and again.step == best.step
    found = network(0.0)
    again.put_back(found)
    assert found.weight[0, 0].item() == pytest.approx(kept)
    early = BestWeights(tmp_path, select_by)
    early.recall(0)
    assert not early.metrics
    again.forget()
    assert not again.file.exists() and not again.metrics


def test_the_average_moves_slowly_and_swaps(tmp_path: Path) -> None:
    layer = network(0.0)
    average = RunningAverage(layer, 0.9)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    for _ in range(3):
        average.update()
    assert 0.9 < average.weights["weight"][0, 0].item() < 1.0
    average.swap()
    assert layer.weight[0, 0].item() < 1.0 and average.weights["weight"][0, 0].item() == 1.0
    average.save(tmp_path)
    other = RunningAverage(network(5.0), 0.9)
    other.load(tmp_path)
    assert other.updates == 3 and torch.equal(other.weights["weight"], average.weights["weight"])
