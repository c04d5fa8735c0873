"""The life of a run with real processes: to the end, stopped, cancelled, killed, resumed, failed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from core.errors import InputError, NotFoundError, QueueFullError, StateError
from core.runs import launcher, process, slots
from core.runs.checkpoints import newest_checkpoint
from core.runs.locks import RUN_LOCK, is_held, try_lock
from core.runs.log import LogTail, RunLog
from core.runs.state import read_status
from core.workspace import read_json
from tests.core.runs.conftest import kill, reach, until


def log_of(run_dir):
    log = RunLog(run_dir)
    log.refresh()
    return log


def events(run_dir, kind=None):
    found = LogTail(run_dir / "metrics.jsonl").read()
    assert [event["seq"] for event in found] == list(range(len(found)))
    return [event for event in found if kind in (None, event["kind"])]


def test_a_run_completes_and_becomes_a_version(launchable, workspace):
    status = launchable(wait=True)
    assert (status.state, status.version, status.progress) == ("completed", "v1", 1.0)
    assert status.step == status.total_steps == 15
    assert status.epoch == 3
    assert status.best["f1"] == pytest.approx(1 - 0.5 / 3)
    assert status.message == "All epochs are done."
    run_dir = workspace.run(status.run_id)
    assert read_json(run_dir / "report.json")["test"] == {"f1": 0.9}
    assert (run_dir / "model" / "weights.json").exists()
    assert not is_held(run_dir / RUN_LOCK)
    assert [event["phase"] for event in events(run_dir, "log")] == [
        "preparing",
        "testing",
        "storing the model version",
    ]
    assert not (run_dir / "checkpoints").exists(), "nothing can be resumed any more"
    assert events(run_dir, "end")[0]["outcome"] == "completed"
    with pytest.raises(StateError, match="completed"):
        launcher.resume(status.run_id)


def test_patience_ends_a_run_early_as_completed(launchable):
    status = launchable(wait=True, epochs=9, target=0.7, on_target="stop")
    assert (status.state, status.reason) == ("completed", "target")
    assert "Target reached: F1 0.750" in status.message
    assert status.epoch == 2


def test_stop_keeps_the_model_and_cancel_keeps_nothing(launchable, workspace):
    stopped = launchable(epochs=200, pause=0.02)
    reach(workspace.run(stopped.run_id), 12)
    assert launcher.stop(stopped.run_id).asked == "stop"
    stopped = launcher.kill_if_needed(stopped.run_id)
    assert (stopped.state, stopped.reason, stopped.version) == ("stopped", "asked", "v1")
    assert len(list((workspace.run(stopped.run_id) / "checkpoints").iterdir())) == 2
    assert (workspace.run(stopped.run_id) / "model" / "weights.json").exists()
    with pytest.raises(StateError, match="is stopped already"):
        launcher.stop(stopped.run_id)

    cancelled = launchable(epochs=200, pause=0.02)
    run_dir = workspace.run(cancelled.run_id)
    reach(run_dir, 12)
    launcher.cancel(cancelled.run_id)
    cancelled = launcher.kill_if_needed(cancelled.run_id)
    assert (cancelled.state, cancelled.version) == ("cancelled", None)
    assert not (run_dir / "model").exists()
    assert not (run_dir / "checkpoints").exists()
    with pytest.raises(StateError, match="is cancelled and cannot be resumed"):
        launcher.resume(cancelled.run_id)


def test_a_stopped_run_resumes_to_the_end(launchable, workspace):
    first = launchable(epochs=6, pause=0.03)
    run_dir = workspace.run(first.run_id)
    reach(run_dir, 12)
    launcher.stop(first.run_id)
    assert launcher.wait(first.run_id, 20).state == "stopped"
    launcher.resume(first.run_id)
    status = launcher.wait(first.run_id, 20)
    assert (status.state, status.attempt, status.step) == ("completed", 2, 30)
    assert not (run_dir / "stop").exists()


def test_kill_9_is_lost_and_resume_goes_on_without_a_gap(launchable, workspace):
    first = launchable(epochs=6, pause=0.03)
    run_dir = workspace.run(first.run_id)
    reach(run_dir, 13)
    kill(run_dir)
    status = until(lambda: (s := read_status(run_dir)).state == "lost" and s)
    assert "killed" in status.message
    assert status.eta_seconds is None
    with (run_dir / "metrics.jsonl").open("ab") as file:
        file.write(b'{"v":1,"seq":99,"t":1.0,"kind":"st')
    last_whole = log_of(run_dir).last_seq

    launcher.resume(first.run_id)
    with pytest.raises(StateError, match=r"is (queued|running) and cannot be resumed"):
        launcher.resume(first.run_id)
    status = launcher.wait(first.run_id, 20)
    assert (status.state, status.attempt) == ("completed", 2)
    found = events(run_dir)
    assert found[last_whole + 1]["seq"] == last_whole + 1
    starts = [event for event in found if event["kind"] == "start"]
    assert [event["attempt"] for event in starts] == [1, 2]
    assert starts[1]["from_step"] in (10, 15)
    log = log_of(run_dir)
    x, _ = log.series("loss")
    assert (x[1:] > x[:-1]).all()
    assert [event["epoch"] for event in log.epochs] == [1, 2, 3, 4, 5, 6]
    assert status.seconds > 6 * 5 * 0.03


def test_of_two_resumes_at_once_one_wins(launchable, workspace):
    first = launchable(wait=True, trouble="raise", pause=0.02)
    outcomes = []

    def resume():
        try:
            outcomes.append(launcher.resume(first.run_id).state)
        except StateError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=resume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("cannot be resumed" in outcome for outcome in outcomes) == 3
    status = launcher.wait(first.run_id, 20)
    assert (status.state, status.attempt) == ("failed", 2)
    assert len(events(workspace.run(first.run_id), "end")) == 2


def test_of_two_workers_at_once_one_trains(launchable, workspace, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(process, "start", lambda run_dir: None)
        status = launchable(epochs=200, pause=0.02)
    run_dir = workspace.run(status.run_id)
    workers = [
        subprocess.Popen(process.worker_command(run_dir), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    reach(run_dir, 12)
    refused = until(lambda: [w for w in workers if w.poll() is not None])
    assert [worker.returncode for worker in refused] == [3]
    launcher.cancel(status.run_id)
    for worker in workers:
        worker.communicate(timeout=20)
    assert [event["kind"] for event in events(run_dir)].count("start") == 1


def test_two_runs_train_side_by_side_in_two_slots(launchable, workspace, monkeypatch):
    monkeypatch.setenv("NEXA_SLOTS", "2")
    first, second = launchable(epochs=400, pause=0.02), launchable(epochs=400, pause=0.02)
    for status in (first, second):
        assert reach(workspace.run(status.run_id), 3).state == "running"
    third = launchable(epochs=1)
    assert third.queue_position == 1
    for status in (first, second):
        launcher.cancel(status.run_id)
    assert launcher.wait(third.run_id, 20).state == "completed"


def test_the_monitor_writes_what_the_process_uses(launchable, workspace):
    status = launchable(epochs=20, pause=0.05, wait=True)
    measured = events(workspace.run(status.run_id), "system")
    assert measured
    assert measured[0]["metrics"]["rss_mb"] > 5
    assert measured[0]["metrics"]["cpu_percent"] >= 0


def test_a_second_worker_touches_nothing(launchable, workspace):
    first = launchable(epochs=400, pause=0.02)
    run_dir = workspace.run(first.run_id)
    reach(run_dir, 3)
    second = subprocess.run(process.worker_command(run_dir), capture_output=True, text=True, timeout=30)
    assert second.returncode == 3
    assert "already in the hands of another process" in second.stderr
    launcher.stop(first.run_id)
    assert launcher.wait(first.run_id, 20).state == "stopped"
    events(run_dir)

    size = (run_dir / "metrics.jsonl").stat().st_size
    third = subprocess.run(process.worker_command(run_dir), capture_output=True, text=True, timeout=30)
    assert third.returncode == 3
    assert "is stopped, not queued" in third.stderr
    assert (run_dir / "metrics.jsonl").stat().st_size == size


def test_looking_at_the_lock_does_not_disturb_a_starting_worker(launchable, workspace):
    first = launchable(epochs=1)
    run_dir = workspace.run(first.run_id)
    give_up = time.monotonic() + 20
    while (status := read_status(run_dir)).active and time.monotonic() < give_up:
        is_held(run_dir / RUN_LOCK)
    assert status.state == "completed"


def test_the_same_token_twice_starts_one_run(launchable, workspace):
    first = launchable(token="click-1")
    second = launchable(token="click-1")
    assert first.run_id == second.run_id
    assert len(list(workspace.runs.glob("ner-*"))) == 1
    launcher.wait(first.run_id, 20)
    assert launchable(token="click-2").run_id != first.run_id


def test_the_queue_is_fair_has_positions_and_an_end(launchable, workspace, monkeypatch):
    monkeypatch.setenv("NEXA_QUEUE", "3")
    running = launchable(epochs=400, pause=0.02)
    reach(workspace.run(running.run_id), 1)
    waiting = [launchable(epochs=1) for _ in range(3)]
    assert [read_status(workspace.run(w.run_id)).queue_position for w in waiting] == [1, 2, 3]
    with pytest.raises(QueueFullError, match="3 runs wait already"):
        launchable()
    assert read_status(workspace.run(running.run_id)).state == "running"

    gone = launcher.cancel(waiting[1].run_id)
    assert (gone.state, gone.message) == (
        "cancelled",
        "Cancelled on request before the training began; nothing is kept.",
    )
    assert launcher.stop(waiting[0].run_id).state == "stopped"
    assert read_status(workspace.run(waiting[2].run_id)).queue_position == 1

    fourth = launchable(epochs=1)
    kill(workspace.run(running.run_id))
    done = [launcher.wait(w.run_id, 20) for w in (waiting[2], fourth)]
    assert [status.state for status in done] == ["completed", "completed"]
    assert done[0].started < done[1].started
    assert done[0].ended <= done[1].started + 0.5
    assert slots.free_slots(workspace) == 1


def test_a_killed_waiter_is_lost_and_passed_over(launchable, workspace):
    running = launchable(epochs=400, pause=0.02)
    reach(workspace.run(running.run_id), 1)
    first, second = launchable(epochs=1), launchable(epochs=1)
    until(lambda: is_held(workspace.run(first.run_id) / RUN_LOCK))
    kill(workspace.run(first.run_id))
    lost = until(lambda: (s := read_status(workspace.run(first.run_id))).state == "lost" and s)
    assert lost.message == "The process of this run ended before the training began."
    assert read_status(workspace.run(second.run_id)).queue_position == 1
    launcher.cancel(running.run_id)
    assert launcher.wait(second.run_id, 20).state == "completed"


def test_a_failure_is_told_in_one_sentence_and_can_be_tried_again(launchable, workspace):
    status = launchable(wait=True, trouble="raise")
    assert status.state == "failed"
    assert status.message == "The training failed with ValueError: the widget broke."
    end = events(workspace.run(status.run_id), "end")[0]
    assert any("a line on the console" in line for line in end["console"])
    assert any("Traceback" in line for line in end["console"])
    assert len(end["console"]) <= 50
    again = launcher.retry(status.run_id)
    assert again.run_id != status.run_id
    assert launcher.wait(again.run_id, 20).message == status.message


def test_a_missing_package_is_named(launchable):
    status = launchable(wait=True, trouble="missing")
    assert status.message == "The Python package 'a_package_that_is_not_there' is not installed."
    assert "pip install" in status.hint


def test_memory_and_nan_are_survived(launchable, workspace):
    status = launchable(wait=True, trouble="memory")
    assert status.state == "completed"
    kinds = [event.get("recovery") for event in events(workspace.run(status.run_id), "log")]
    assert kinds.count("memory") == 2
    status = launchable(wait=True, trouble="nan")
    assert status.state == "completed"
    log = log_of(workspace.run(status.run_id))
    assert [event["from_step"] for event in log.events_by_kind["start"]] == [0, 5, 5]
    assert [event["epoch"] for event in log.epochs] == [1, 2, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_becomes_full_fails_with_a_sentence_and_a_whole_log(launchable, workspace):
    status = launchable(wait=True, trouble="full_disk", pause=0.3)
    assert status.state == "failed"
    assert "cannot be written: File too large" in status.message
    assert "Free disk space" in status.hint
    run_dir = workspace.run(status.run_id)
    assert (run_dir / "metrics.jsonl").read_bytes().endswith(b"\n")
    events(run_dir)
    assert status.resumable


def test_a_process_that_exits_is_lost_at_once(launchable, workspace):
    status = launchable(wait=True, trouble="exit")
    assert status.state == "lost"


def test_a_deaf_run_is_ended_by_force(launchable, workspace):
    status = launchable(trouble="ignore_stop", epochs=400, pause=0.02)
    run_dir = workspace.run(status.run_id)
    reach(run_dir, 12)
    with pytest.raises(StateError, match="was not asked to end"):
        launcher.kill_if_needed(status.run_id)
    launcher.stop(status.run_id)
    status = launcher.kill_if_needed(status.run_id, timeout=1.0)
    assert (status.state, status.reason) == ("stopped", "asked")
    events(run_dir)
    assert newest_checkpoint(run_dir / "checkpoints") is not None


def test_sigkill_after_a_stop_is_settled_as_stopped(launchable, workspace):
    status = launchable(trouble="ignore_stop", epochs=400, pause=0.02)
    run_dir = workspace.run(status.run_id)
    reach(run_dir, 12)
    launcher.cancel(status.run_id)
    process.end(run_dir, force=True)
    until(lambda: not is_held(run_dir / RUN_LOCK))
    status = launcher._settle(run_dir, "cancel")
    assert (status.state, status.message) == (
        "cancelled",
        "Cancelled on request, by force; nothing is kept.",
    )
    assert not (run_dir / "checkpoints").exists()
    events(run_dir)


def test_sigterm_from_the_system_is_written_down(launchable, workspace):
    status = launchable(epochs=400, pause=0.02)
    run_dir = workspace.run(status.run_id)
    reach(run_dir, 12)
    process.end(run_dir, force=False)
    status = launcher.wait(status.run_id, 20)
    assert (status.state, status.reason) == ("stopped", "system")
    assert "ended the training process" in status.message
    assert status.resumable


def test_delete_needs_an_ended_run(launchable, workspace):
    status = launchable(epochs=400, pause=0.02)
    with pytest.raises(StateError, match="cannot be deleted"):
        launcher.delete(status.run_id)
    launcher.cancel(status.run_id)
    launcher.kill_if_needed(status.run_id)
    launcher.delete(status.run_id)
    assert not workspace.run(status.run_id).exists()
    with pytest.raises(NotFoundError, match=status.run_id):
        launcher.stop(status.run_id)


def test_a_held_lock_refuses_resume(launchable, workspace):
    status = launchable(wait=True, trouble="raise")
    run_dir = workspace.run(status.run_id)
    held = try_lock(run_dir / RUN_LOCK)
    try:
        with pytest.raises(StateError, match="still ending"):
            launcher.resume(status.run_id)
    finally:
        held.release()


@pytest.mark.parametrize("bad", ["../../etc", "a/b", "..", "", "a\\b", ".hidden", "x" * 200, "a\0b"])
def test_a_path_is_no_run_id(workspace, bad):
    for act in (
        launcher.stop,
        launcher.cancel,
        launcher.resume,
        launcher.delete,
        launcher.retry,
        launcher.wait,
    ):
        with pytest.raises(InputError, match="is not a run id"):
            act(bad)
