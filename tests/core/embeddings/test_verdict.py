"""The last word on a pair: alignment of words, fit on held-out pairs, storing, symmetry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.embeddings import model as models
from core.embeddings.batches import PairExamples
from core.embeddings.exchanges import PairReader
from core.embeddings.predict import SimilarityModel, load_folder
from core.embeddings.verdict import Verdict, _among, _fit, alignment, rarity_of, settle, twins_of
from core.errors import ModelError
from tests.core.embeddings.tiny import toy_pairs

PAIRS = [
    ("the pole shall be 18 feet", "18 ft for the pole"),
    ("guy", "the anchor must be 3 feet on line"),
    ("", "a"),
]


@pytest.fixture
def settled(tiny_encoder: Path):
    """An untrained tiny network with a fitted verdict."""
    network, tokenizer, info = models.build(str(tiny_encoder), head_layers=1)
    rows = toy_pairs(600)
    for number, row in enumerate(rows):
        row["group"] = f"g{number % 30}"
    examples = PairExamples(rows, tokenizer, PairReader(info.cues), max_length=32)
    groups = [row["group"] for row in rows]
    found = settle(network, examples, groups, [*examples.a, *examples.b], pad_id=0, steps=200)
    return network, tokenizer, info, found


def test_words_without_a_partner_show_as_gaps() -> None:
    one, other, third = torch.eye(3)
    a, b = torch.stack([one, other])[None], torch.stack([one, third])[None]
    full = torch.tensor([[1.0, 1.0]])
    equal, apart = alignment(a, full, a, full)[0], alignment(a, full, b, full)[0]
    assert equal[:6].tolist() == [1, 1, 0, 0, 0, 1]
    assert apart[:5].tolist() == pytest.approx([0.5, 0, 1, 0.5, 1])
    # A word that tells little counts little, one of weight 0 is not there.
    little = alignment(a, torch.tensor([[1.0, 0.3]]), b, torch.tensor([[1.0, 0.3]]))[0]
    assert little[4] == pytest.approx(0.3)
    missing = alignment(a, torch.tensor([[1.0, 0.0]]), b, torch.tensor([[1.0, 0.0]]))[0]
    assert missing[:6].tolist() == [1, 1, 0, 0, 0, 1]


def test_common_words_are_less_rare() -> None:
    rarity = rarity_of([[1, 2], [1, 3], [1, 4]], 6)
    assert rarity[1] == pytest.approx(0.3) and rarity[2] < rarity[5] == 1


def test_a_verdict_helps_an_untrained_head(settled) -> None:
    found = settled[3]
    assert found.verdict is not None and found.pairs == 600
    assert found.together > found.head + 0.1 and found.together > 0.6


def test_answers_spread_halfway_to_the_grades() -> None:
    """Their order stays, ends stay, and answers that lie closer together than grades move apart."""
    verdict = Verdict(4, 2)
    rng = np.random.default_rng(2)
    grades = torch.from_numpy(rng.choice([0.05, 0.3, 0.45, 0.6, 0.95], 4000))
    scores = (0.5 + 0.3 * (grades - 0.5) + torch.from_numpy(rng.normal(0, 0.05, 4000))).clamp(0, 1).float()
    verdict.fit_spread(scores, grades)
    seen = verdict._spread(torch.linspace(0, 1, 1001))
    assert (seen.diff() > 0).all(), "no two answers change places or become equal"
    assert seen[0] == 0 and seen[-1] == pytest.approx(1, abs=1e-3)
    spread = verdict._spread(scores)
    middle = float(scores.std() + grades.std()) / 2
    assert float(spread.std()) == pytest.approx(middle, rel=0.05)
    assert (spread - grades).abs().mean() < (scores - grades).abs().mean()
    assert verdict.sizes["knots"] == len(verdict.found) > 2


def test_a_verdict_stored_before_answers_were_spread_answers_as_it_did() -> None:
    sizes = {"words": 4, "figures": 3, "members": 2, "hidden": 8}
    old = Verdict(**sizes).eval()
    assert not {"found", "given"} & set(old.state_dict())
    again = Verdict(**sizes).eval()
    again.load_state_dict(old.state_dict())
    facts = torch.randn(5, 3)
    torch.testing.assert_close(again(facts), old(facts))


def test_twins_share_one_text_and_are_graded_apart(tiny_encoder: Path) -> None:
    _, tokenizer, info = models.build(str(tiny_encoder), head_layers=1)
    rows = [
        {"a": "the pole", "b": "a pole", "score": 0.9},
        {"a": "the pole", "b": "a guy", "score": 0.4},
        {"a": "the pole", "b": "a guy wire", "score": 0.5},  # too near to the one before
        {"a": "an anchor", "b": "a guy", "score": 0.1},
        {"a": "an anchor", "b": "a guy", "score": 0.6},  # the same pair again
    ]
    examples = PairExamples(rows, tokenizer, PairReader(info.cues), max_length=32)
    twins = twins_of(examples)
    assert {(0, 1), (0, 2)} <= {tuple(pair) for pair in twins.tolist()}
    assert not {(1, 2), (3, 4), (0, 3)} & {tuple(pair) for pair in twins.tolist()}
    chosen = torch.tensor([True, False, True, True, True])
    assert _among(torch.tensor([[0, 1], [0, 2], [3, 4]]), chosen).tolist() == [[0, 1], [2, 3]]
    assert twins_of(PairExamples(rows[:1], tokenizer, PairReader(info.cues), max_length=32)).shape == (0, 2)


def test_twins_teach_how_far_an_edit_moves_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    facts = torch.randn(600, 4, generator=generator)
    # In most pairs the second fact says nothing; between twins alone it decides.
    grades = torch.rand(600, generator=generator)
    facts[0:200:2, 1], facts[1:200:2, 1] = 1.0, -1.0
    grades[0:200:2], grades[1:200:2] = 0.8, 0.3
    twins = torch.arange(200).reshape(-1, 2)
    moved = []
    for weight in (0.0, 10.0):
        monkeypatch.setattr("core.embeddings.verdict._CONTRAST", weight)
        verdict = Verdict(4, 4, members=2, hidden=8)
        _fit(verdict, facts, grades, twins, 0, 200)
        answers = verdict(facts)
        moved.append((answers[twins[:, 0]] - answers[twins[:, 1]]).mean().item())
    assert moved[1] > moved[0] + 0.03 and moved[1] > 0.3, moved


def test_too_few_pairs_leave_the_head_its_word(tiny_encoder: Path) -> None:
    network, tokenizer, info = models.build(str(tiny_encoder), head_layers=1)
    examples = PairExamples(toy_pairs(40), tokenizer, PairReader(info.cues), max_length=32)
    assert settle(network, examples, ["a", "b"] * 20, examples.a, pad_id=0, steps=5).verdict is None


def test_it_is_stored_symmetric_and_independent_of_the_batch(settled, tmp_path: Path) -> None:
    network, tokenizer, info, found = settled
    network.verdict = found.verdict
    before = SimilarityModel(network, tokenizer, info)
    info.kind = "delta"
    a, b = zip(*PAIRS, strict=True)
    wanted = before.score(a, b)
    models.store(network, tmp_path / "m", info, dtype="fp32")
    again = load_folder(tmp_path / "m")
    assert isinstance(again.network.verdict, Verdict)
    np.testing.assert_allclose(again.score(a, b), wanted, atol=1e-5)
    np.testing.assert_allclose(again.score(b, a), wanted, atol=1e-5)
    np.testing.assert_allclose([again.score(x, y) for x, y in PAIRS], wanted, atol=1e-5)
    without = again.scores(a, b)
    again.network.verdict = None
    assert np.abs(again.score(a, b) - without["score"]).max() > 0.01
    (tmp_path / "m" / models.VERDICT_FILE).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_folder(tmp_path / "m")
