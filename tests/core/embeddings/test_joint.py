"""The pair head: what it says of a pair does not hang on order or padding, and one odd word counts."""

from __future__ import annotations

import pytest
import torch

from core.embeddings.joint import PairHead, WordComparison

WIDTH = 16


@pytest.fixture
def comparison() -> WordComparison:
    torch.manual_seed(3)
    made = WordComparison(WIDTH, 8, 5).eval()
    torch.nn.init.normal_(made.read[2].weight)
    return made


def texts(pairs: int, words: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(pairs, words, WIDTH), torch.ones(pairs, words, dtype=torch.long)


def test_order_and_padding_change_nothing(comparison: WordComparison) -> None:
    (a, a_mask), (b, b_mask) = texts(2, 4), texts(2, 6)
    seen = comparison(a, a_mask, b, b_mask)
    assert seen.shape == (2, 5)
    torch.testing.assert_close(comparison(b, b_mask, a, a_mask), seen)
    padded = torch.cat([a, torch.full((2, 3, WIDTH), 7.0)], 1)
    mask = torch.cat([a_mask, torch.zeros(2, 3, dtype=torch.long)], 1)
    torch.testing.assert_close(comparison(padded, mask, b, b_mask), seen)


def test_one_odd_word_of_many_is_not_averaged_away(comparison: WordComparison) -> None:
    """The largest difference is as large among 40 words as among 4."""
    odd = torch.randn(1, 1, WIDTH)
    moved = []
    for count in (4, 40):
        a, mask = texts(1, count)
        b = torch.cat([a[:, :-1], odd], 1)
        moved.append((comparison(a, mask, b, mask) - comparison(a, mask, a, mask)).norm())
    assert moved[1] > 0.4 * moved[0] > 0


def test_a_comparison_added_to_a_head_begins_by_changing_nothing() -> None:
    torch.manual_seed(1)
    head = PairHead(WIDTH, 1, heads=2, inner=32, figures=3).eval()
    torch.nn.init.normal_(head.judge[2].weight)
    (a, a_mask), (b, b_mask) = texts(3, 4), texts(3, 6)
    rest = (torch.rand(3), torch.rand(3, 5))
    before = head(a, a_mask, b, b_mask, *rest)
    added = head.add_comparison(8)
    assert added and head.add_comparison(8) == []
    torch.testing.assert_close(head.eval()(a, a_mask, b, b_mask, *rest), before)
    head(a, a_mask, b, b_mask, *rest).sum().backward()
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in added), "and it can learn"
