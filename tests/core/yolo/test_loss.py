"""Class weights and focal loss act on the gradients as they say."""

from __future__ import annotations

import pytest
import torch

from core.yolo import weights
from core.yolo.loss import FocalBCE, install
from core.yolo.recipe import build_recipe


def _gradient(class_weights, gamma: float = 0.0) -> torch.Tensor:
    """Gradient of the class loss by the score logits, (classes,) mean of its size over all anchors."""
    network = weights.build("yolov8p", seed=0).train()
    install(network, class_weights, gamma)
    torch.manual_seed(0)
    anchors = 4 * 4 + 2 * 2 + 8 * 8
    scores = torch.randn(2, 3, anchors).requires_grad_()
    preds = {
        "boxes": torch.rand(2, 64, anchors),
        "scores": scores,
        "feats": [torch.zeros(2, 1, side, side) for side in (8, 4, 2)],
    }
    batch = {
        "batch_idx": torch.tensor([0.0, 1.0]), "cls": torch.tensor([[0.0], [1.0]]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.2, 0.8], [0.5, 0.3, 0.8, 0.2]]),
    }  # fmt: skip
    total, _ = network.criterion(preds, batch)
    total[1].backward()
    return scores.grad


def test_a_class_weight_multiplies_the_gradient_of_its_class() -> None:
    plain, weighted = _gradient((1.0, 1.0, 1.0)), _gradient((1.0, 3.0, 1.5))
    for number, weight in enumerate((1.0, 3.0, 1.5)):
        assert torch.allclose(weighted[:, number], weight * plain[:, number], rtol=1e-4, atol=1e-7)


def test_weights_of_one_switch_weighting_off() -> None:
    network = weights.build("yolov8p")
    install(network, (1.0, 3.0, 1.0))
    assert network.criterion.class_weights.flatten().tolist() == [1.0, 3.0, 1.0]
    install(network, (1.0, 1.0, 1.0))
    assert network.criterion.class_weights is None


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_focal_loss_turns_from_easy_to_hard_examples(gamma: float) -> None:
    logits = torch.tensor([3.0, 0.0, -3.0], requires_grad=True)
    targets = torch.ones(3)  # right and sure, undecided, wrong and sure
    FocalBCE(gamma)(logits, targets).sum().backward()
    focal = logits.grad.abs()
    plain = 1 - torch.tensor([3.0, 0.0, -3.0]).sigmoid()
    ratio = focal / plain
    assert ratio[0] < 0.3 < ratio[1] < ratio[2]
    miss = 1 - logits.sigmoid()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    expected = miss.pow(gamma) * plain + gamma * miss.pow(gamma) * logits.sigmoid() * loss
    assert torch.allclose(focal, expected.detach(), atol=1e-6)


def test_focal_loss_acts_in_the_training_loss() -> None:
    plain, focal = _gradient((1.0, 1.0, 1.0)), _gradient((1.0, 1.0, 1.0), 2.0)
    assert not torch.allclose(plain, focal)
    # Elements whose error is small lose nearly all of their gradient, those with a large one keep theirs.
    small, large = plain.abs() < plain.abs().quantile(0.1), plain.abs() > plain.abs().quantile(0.9)
    assert (focal[small].abs().sum() / plain[small].abs().sum()) < 0.2
    assert (focal[large].abs().sum() / plain[large].abs().sum()) > 0.6


def test_zero_gamma_is_plain_cross_entropy() -> None:
    logits, targets = torch.randn(50), torch.rand(50)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    assert torch.allclose(FocalBCE(0.0)(logits, targets), plain)


def test_the_class_gain_makes_up_for_focal_loss() -> None:
    assert build_recipe("fast").class_gain_in_force == 0.5
    assert build_recipe("seed").class_gain_in_force == pytest.approx(1.5)
    assert build_recipe("seed", {"focal_gain": 4.0}).class_gain_in_force == pytest.approx(2.0)


def test_the_loss_is_not_stored_with_the_weights(tmp_path) -> None:
    network = weights.build("yolov8p")
    install(network, (1.0, 3.0, 1.5), 2.0)
    weights.store(network, tmp_path, weights.DetectorInfo("yolov8p"))
    loaded, _ = weights.load(tmp_path)
    assert not hasattr(loaded, "class_weights") and not isinstance(
        getattr(loaded, "criterion", None), FocalBCE
    )
