"""Second chances: back after a non-finite loss, smaller batches when memory runs out."""

from __future__ import annotations

import pytest

from core.errors import NonFiniteLossError, OutOfMemoryError, TrainingError
from core.runs.context import RunContext
from core.runs.log import LogTail
from core.runs.recovery import Attempt, run_with_recovery
from core.runs.spec import RunSpec


@pytest.fixture
def ctx(run_dir):
    with RunContext(run_dir, RunSpec.load(run_dir)) as context:
        yield context


def go(ctx, errors, **changes):
    """Run attempts that raise `errors` one after the other; return what each was given, and the result."""
    given, waiting = [], list(errors)

    def attempt(settings: Attempt) -> str:
        given.append(settings)
        if waiting:
            raise waiting.pop(0)
        return "done"

    values = {"batch_size": 16, "accumulation": 2, "learning_rate": 0.8, **changes}
    return given, lambda: run_with_recovery(attempt, ctx, **values)


def nan():
    return NonFiniteLossError("The training loss became nan at step 3.")


def checkpoint(ctx, step):
    folder = ctx.checkpoints / f"step-{step:08d}"
    folder.mkdir()
    ctx.checkpoint(step, folder)
    return folder


def test_without_trouble_there_is_one_attempt(ctx):
    given, run = go(ctx, [])
    assert run() == "done"
    assert given == [Attempt(16, 2, 0.8)]


def test_nan_three_times_is_forgiven_a_fourth_is_not(ctx):
    given, run = go(ctx, [nan(), nan(), nan()])
    assert run() == "done"
    assert [settings.learning_rate for settings in given] == [0.8, 0.4, 0.2, 0.1]


def test_nan_four_times_is_an_error_with_advice(ctx):
    given, run = go(ctx, [nan(), nan(), nan(), nan()])
    with pytest.raises(
        TrainingError, match=r"4 times, lastly with a learning rate of 0\.1\..*ten times smaller"
    ):
        run()
    assert len(given) == 4


def test_going_back_means_the_last_checkpoint(ctx):
    folder = checkpoint(ctx, 5)
    given, run = go(ctx, [nan()])
    run()
    assert [settings.resume_from for settings in given] == [folder, folder]
    messages = [
        event["message"] for event in LogTail(ctx.run_dir / "metrics.jsonl").read() if "message" in event
    ]
    assert "Going back to the last checkpoint with half the learning rate, 0.4 (1 of 3)." in messages[0]


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate"), OutOfMemoryError("no memory")],
)
def test_out_of_memory_halves_the_batch_and_keeps_the_update(ctx, error):
    given, run = go(ctx, [error, MemoryError()])
    assert run() == "done"
    assert [(s.batch_size, s.accumulation) for s in given] == [(16, 2), (8, 4), (4, 8)]
    assert {s.learning_rate for s in given} == {0.8}


def test_an_odd_batch_stays_close_to_its_update(ctx):
    given, run = go(ctx, [MemoryError()], batch_size=5, accumulation=1)
    run()
    assert (given[1].batch_size, given[1].accumulation) == (2, 2)


def test_no_memory_for_a_single_example_is_an_error(ctx):
    given, run = go(ctx, [MemoryError()] * 9, batch_size=4)
    with pytest.raises(OutOfMemoryError, match="even with a batch size of 1"):
        run()
    assert [s.batch_size for s in given] == [4, 2, 1]


@pytest.mark.parametrize("error", [RuntimeError("shape mismatch"), FileNotFoundError("x"), ValueError("x")])
def test_other_errors_are_not_tried_again(ctx, error):
    given, run = go(ctx, [error])
    with pytest.raises(type(error)):
        run()
    assert len(given) == 1


def test_a_resumed_run_keeps_what_was_learned(ctx):
    _, run = go(ctx, [nan(), MemoryError()])
    run()
    given, run = go(ctx, [])
    run()
    assert given == [Attempt(8, 4, 0.4, rollbacks=1)]


def test_a_failed_attempt_frees_its_memory(ctx):
    import weakref

    class Big:
        pass

    alive = []

    def attempt(settings):
        big = Big()
        alive.append(weakref.ref(big))
        if len(alive) == 1:
            raise MemoryError
        assert alive[0]() is None
        return True

    assert run_with_recovery(attempt, ctx, batch_size=2, accumulation=1, learning_rate=0.1)
