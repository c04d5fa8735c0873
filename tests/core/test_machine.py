"""What the machine offers."""

from __future__ import annotations

import os

from core.machine import core_speed, machine_speed, usable_cores


def test_cores_are_at_least_one_and_at_most_all() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_speed_is_measured_once() -> None:
    for speed in (core_speed, machine_speed):
        assert speed() > 1e7 and speed() == speed()
