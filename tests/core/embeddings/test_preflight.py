"""How long a similarity training is said to take: what counts, and how cores shorten it."""

from __future__ import annotations

import inspect

import pytest

from core.embeddings import preflight as room
from core.embeddings.preflight import estimate_seconds, fixed_seconds, operations
from core.embeddings.recipe import build_recipe


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "core_speed", lambda: 1e11)
    monkeypatch.setattr(room, "usable_cores", lambda: 4)


def test_every_core_counts_up_to_those_that_may_be_used() -> None:
    recipe = build_recipe("fast")
    fixed = 25.0 + fixed_seconds(recipe, 8400)

    def work(cores: int | None, threads: int = 0) -> float:
        return estimate_seconds(build_recipe("fast", {"threads": threads}), 8400, cores) - fixed

    assert work(1) == pytest.approx(2 * work(2)) and work(2) == pytest.approx(2 * work(None))
    assert work(None, threads=1) == pytest.approx(work(1))
    assert work(None, threads=64) == pytest.approx(work(None)), "there are no more than four"
    assert work(1) == pytest.approx(operations(recipe, 8400) / (1e11 * room._EFFICIENCY))


def test_the_last_word_and_the_scoring_count() -> None:
    with_word, without = build_recipe("fast"), build_recipe("fast", {"verdict": False})
    # 2,400 validation pairs: 150 updates without a fifth of them, 184 with all, of six networks.
    added = fixed_seconds(with_word, 8400) - fixed_seconds(without, 8400)
    assert added == pytest.approx(6 * (150 + 2400 / 13) * room._UPDATE_SECONDS)
    more = fixed_seconds(with_word, 10**6) - fixed_seconds(without, 10**6)
    assert added < more <= 6 * 2 * 1500 * room._UPDATE_SECONDS * 1.01
    assert fixed_seconds(with_word, 100) == fixed_seconds(without, 100), "too few pairs to fit it on"
    assert operations(with_word, 8400) > operations(without, 8400)
    # Without a single training pair a run still scores two models on the edits.
    assert operations(without, 0) > 2 * 540 * 2 * room._PIECES * 2 * 10e6
    assert fixed_seconds(without, 8400) > 0.001 * 8400 + 2 * 0.001 * 1200


def test_it_grows_with_work() -> None:
    def work(**changes) -> float:
        return operations(build_recipe("fast", {"first_stage": "none", **changes}), 8400)

    plain = work()
    assert work(epochs=4) == pytest.approx(2 * work(epochs=2), rel=0.15)
    assert work(head_layers=0) < plain and work(method="lora") < plain and work(freeze_layers=4) < plain
    assert work(method="head") < 0.8 * plain and work(compare=False) < plain < work(own_layers=2)
    assert plain < work(first_stage="simcse", first_epochs=1) < work(first_stage="simcse", first_epochs=3)
    assert plain < work(first_stage="tsdae", first_epochs=1)
    assert work(rehearsal=0) < plain < work(batch_size=8)
    assert operations(build_recipe("fast"), 8400, "bert-base-uncased") > 5 * plain


def test_its_numbers_are_those_of_the_training() -> None:
    from core.embeddings import losses, stress, verdict
    from core.embeddings.fit import REHEARSAL_FILE

    share = inspect.signature(losses.PairLoss).parameters["share"].default
    assert (share, losses._REHEARSE_EVERY) == (room._REHEARSED, room._REHEARSE_EVERY)
    assert room._LEAST_VERDICT_PAIRS == verdict._LEAST_PAIRS
    for name in ("_MEMBERS", "_LEAST_STEPS", "_MOST_STEPS", "_PAIRS_A_STEP"):
        assert getattr(room, name) == getattr(verdict, name)
    edits = stress.stress_set()
    pairs = sum(2 * len(found) for found in edits["edits"].values()) + len(edits["copies"]) + 3
    assert pairs == pytest.approx(room._STRESS_PAIRS, rel=0.1)
    texts = 2 * len(stress.general_rows())
    assert pytest.approx(texts * 14 / room._PIECES) == room._EVERYDAY
    lines = [line for line in REHEARSAL_FILE.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert pytest.approx(len(lines) * 14 / room._PIECES) == room._REMEMBERED
