"""The queue: order, dead holders, limits from the environment."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.runs import gpu, slots
from core.runs.locks import RUN_LOCK, try_lock
from core.runs.spec import RunSpec


@pytest.fixture
def line(workspace):
    """`line(name)` makes a living run that waits, and returns (folder, lock of its process)."""
    locks = []

    def add(name):
        folder = workspace.runs / name
        folder.mkdir(parents=True)
        RunSpec(task="ner", recipe={}, dataset="d").save(folder)
        locks.append(try_lock(folder / RUN_LOCK))
        slots.take_ticket(folder)
        return folder, locks[-1]

    yield add
    for lock in locks:
        lock.release()


@pytest.fixture(autouse=True)
def one_slot(monkeypatch):
    monkeypatch.setenv("NEXA_SLOTS", "1")


def test_first_come_first_served(line, workspace):
    (a, _), (b, _), (c, _) = line("run-c"), line("run-a"), line("run-b")
    assert slots.waiting_runs(workspace) == ["run-c", "run-a", "run-b"]
    assert [slots.queue_position(x) for x in (a, b, c)] == [1, 2, 3]
    assert slots.try_slot(b) is None
    number, slot = slots.try_slot(a)
    assert number == 0
    assert slots.queue_position(a) is None
    assert [slots.queue_position(x) for x in (b, c)] == [1, 2]
    assert slots.free_slots(workspace) == 0
    assert slots.try_slot(b) is None
    slot.release()
    assert slots.try_slot(c) is None, "the first in line has the right"
    slots.try_slot(b)[1].release()


def test_the_dead_are_passed_over(line, workspace):
    (_, dead), (b, _) = line("run-a"), line("run-b")
    dead.release()
    assert slots.waiting_runs(workspace) == ["run-b"]
    assert slots.queue_position(b) == 1
    slots.try_slot(b)[1].release()


def test_dead_tickets_are_swept(line, workspace):
    (_, dead), _ = line("run-a"), line("run-b")
    dead.release()
    slots.sweep(workspace)
    assert [path.name.partition("-")[2] for path in (workspace.slots / "queue").iterdir()] == ["run-b"]


def test_a_new_ticket_is_at_the_end(line, workspace):
    (a, _), _ = line("run-a"), line("run-b")
    slots.take_ticket(a)
    assert slots.waiting_runs(workspace) == ["run-b", "run-a"]
    slots.give_back_ticket(a)
    assert slots.queue_position(a) is None


def test_several_slots_several_runs(line, monkeypatch, workspace):
    monkeypatch.setenv("NEXA_SLOTS", "2")
    (a, _), (b, _), (c, _) = line("run-a"), line("run-b"), line("run-c")
    first, second = slots.try_slot(a), slots.try_slot(b)
    assert (first[0], second[0]) == (0, 1)
    assert slots.try_slot(c) is None
    first[1].release()
    assert slots.try_slot(c)[0] == 0
    second[1].release()


@pytest.mark.parametrize("bad", ["0", "-1", "two", "1.5", "65", "²"])
def test_bad_limits_are_named(monkeypatch, bad):
    monkeypatch.setenv("NEXA_SLOTS", bad)
    with pytest.raises(InputError, match=rf"NEXA_SLOTS is '{bad}': expected a whole number from 1 to 64"):
        slots.slot_count()
    monkeypatch.setenv("NEXA_QUEUE", "0")
    with pytest.raises(InputError, match="NEXA_QUEUE"):
        slots.queue_limit()


def test_slots_follow_the_gpus(monkeypatch):
    monkeypatch.delenv("NEXA_SLOTS")
    for visible, count in (("", 1), ("-1", 1), ("0", 1), ("0, 3", 2)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        gpu.gpu_indices.cache_clear()
        assert slots.slot_count() == count
    gpu.gpu_indices.cache_clear()
    assert slots.queue_limit() == 20


def test_gpus_are_asked_of_the_driver_program(monkeypatch, tmp_path):
    answers = {"index": ["0", "1"], "utilization.gpu,memory.used": ["37, 2048"]}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu, "_ask", lambda query, index=None: answers[query])
    gpu.gpu_indices.cache_clear()
    assert gpu.gpu_indices() == ("0", "1")
    gpu.gpu_indices.cache_clear()
    assert gpu.gpu_usage("0") == {"gpu_percent": 37.0, "gpu_memory_mb": 2048.0}
    answers["utilization.gpu,memory.used"] = ["[N/A], [N/A]"]
    assert gpu.gpu_usage("0") == {}


def test_no_driver_program_is_no_gpu(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu.shutil, "which", lambda name: None)
    gpu.gpu_indices.cache_clear()
    assert gpu.gpu_indices() == ()
    gpu.gpu_indices.cache_clear()
