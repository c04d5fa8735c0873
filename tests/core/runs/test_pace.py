"""Time left of a running training."""

from __future__ import annotations

import pytest

from core.runs.pace import Pace


def test_nothing_is_known_before_the_second_update():
    pace = Pace()
    assert pace.eta(0, 10) is None
    pace.update(1, 100.0)
    assert pace.seconds_per_step is None


def test_a_steady_pace_gives_the_exact_time_left():
    pace = Pace(scale=10)
    for step in range(1, 51):
        pace.update(step, step * 0.5)
    assert pace.eta(50, 100) == pytest.approx(25.0)
    assert pace.eta(100, 100) == 0.0
    assert pace.eta(5, 0) is None


def test_evaluations_are_part_of_the_pace():
    pace, now = Pace(scale=100), 0.0
    for step in range(1, 501):
        now += 0.1
        if step % 100 == 1:
            now += 20.0
        pace.update(step, now)
    # 500 more steps take 500 * 0.1 s and five evaluations of 20 s.
    assert pace.eta(500, 1000) == pytest.approx(150.0, rel=0.35)


def test_a_slower_machine_is_noticed():
    pace = Pace(scale=20)
    for step in range(100):
        pace.update(step, step * 0.1)
    for step in range(100):
        pace.update(100 + step, 10 + step * 1.0)
    assert pace.seconds_per_step == pytest.approx(1.0, rel=0.05)


def test_a_step_that_comes_twice_or_goes_back_changes_nothing():
    pace = Pace()
    for step, now in ((1, 1.0), (2, 2.0), (2, 50.0), (1, 60.0)):
        pace.update(step, now)
    assert pace.seconds_per_step == pytest.approx(1.0)
