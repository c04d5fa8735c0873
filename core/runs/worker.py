"""The process of one run: `python -m core.runs.worker RUN_DIR`. Lock, slot, training, report, version, end.

Who starts it is launcher.py; what a training does is a wing's train room.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import NexaError, StateError
from core.openmp import wait_a_moment
from core.runs import checkpoints, slots
from core.runs.context import RunCancelled, RunContext, RunTerminated
from core.runs.events import plain
from core.runs.explain import explain
from core.runs.gpu import gpu_indices
from core.runs.locks import RUN_LOCK, try_lock
from core.runs.monitor import Monitor
from core.runs.spec import RunSpec
from core.runs.state import PROCESS_FILE, RunState, asked_for, rebuild_status, stored_status, write_status
from core.tasks import Task, get_task
from core.workspace import write_json_atomic

LOCK_PATIENCE = 5.0
QUEUE_SECONDS = 0.3
CONSOLE_LINES = 50

EXIT_DONE, EXIT_FAILED, EXIT_REFUSED = 0, 1, 3


def main(argv: list[str] | None = None, tasks: Mapping[str, Task] | None = None) -> int:
    """Train the run whose folder is the only argument.

    A second worker for the same run, or a worker for a run that does not wait, ends at once and touches
    nothing.

    Args:
        argv: Arguments without the program's name.
        tasks: The table of models; the Studio's own without it.

    Returns:
        0 if the run completed, was stopped or cancelled; 1 if it failed; 3 if there was nothing to do here.
    """
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) != 1:
        print("usage: python -m core.runs.worker RUN_DIR", file=sys.stderr)
        return 2
    run_dir = Path(argv[0]).resolve()
    try:
        spec = RunSpec.load(run_dir)
        task = get_task(spec.task) if tasks is None else tasks[spec.task]
        lock = try_lock(run_dir / RUN_LOCK, LOCK_PATIENCE)
        if lock is None:
            raise StateError(f"Run {run_dir.name!r} is already in the hands of another process.")
    except NexaError as error:
        print(error, file=sys.stderr)
        return EXIT_REFUSED
    try:
        status = stored_status(run_dir) or rebuild_status(run_dir)
        if status.state != RunState.QUEUED:
            print(f"Run {run_dir.name!r} is {status.state}, not queued: resume it instead.", file=sys.stderr)
            return EXIT_REFUSED
        write_json_atomic(run_dir / PROCESS_FILE, {"pid": os.getpid(), "started": time.time()})
        return _work(run_dir, spec, task)
    finally:
        slots.give_back_ticket(run_dir)
        lock.release()


def _work(run_dir: Path, spec: RunSpec, task: Task) -> int:
    _listen()
    status = stored_status(run_dir) or rebuild_status(run_dir)
    try:
        ctx = RunContext(run_dir, spec, main_metric=task.main_metric, status=status)
    except (NexaError, OSError) as error:
        return _failed_without_log(run_dir, status, error)
    slot = None
    with ctx:
        try:
            slot = _wait_for_slot(run_dir)
            if slot is None:
                return _end_on_request(ctx, "before the training began")
            return _train(ctx, task, slot[0])
        except BaseException as error:
            return _end_by_exception(ctx, error)
        finally:
            if slot is not None:
                slot[1].release()


def _wait_for_slot(run_dir: Path) -> Any:
    """Return (slot number, its lock), or None if the run was stopped or cancelled while it waited."""
    if slots.queue_position(run_dir) is None:
        slots.take_ticket(run_dir)
    while not asked_for(run_dir):
        slot = slots.try_slot(run_dir)
        if slot is not None:
            return slot
        time.sleep(QUEUE_SECONDS)
    return None


def _train(ctx: RunContext, task: Task, slot: int) -> int:
    gpus = gpu_indices()
    gpu = gpus[slot % len(gpus)] if gpus else None
    _prepare_environment(ctx.spec, task, gpu)
    checkpoints.sweep_incomplete(ctx.checkpoints)
    ctx.mark_running()
    monitor = Monitor(ctx, gpu)
    monitor.start()
    try:
        ctx.set_phase("preparing")
        result = task.room("train").train(ctx.spec, ctx)
        if ctx.should_stop_now() == "cancel":
            raise RunCancelled
        report = plain(getattr(result, "report", result) or {})
        write_json_atomic(ctx.run_dir / "report.json", report)
        ctx.set_phase("storing the model version")
        version = _register(ctx)
    finally:
        monitor.close()
    _be_quiet()
    early = ctx.status.step < ctx.status.total_steps
    if not early:
        ctx.stop_reason = ""
    if ctx.stop_reason == "asked":
        message = f"Stopped on request after epoch {ctx.status.epoch:.3g}; the best weights are kept."
        ctx.finish(RunState.STOPPED, message, version=version)
    elif ctx.stop_reason:
        ctx.finish(RunState.COMPLETED, f"Ended early. {ctx.stop_text}", version=version)
    else:
        ctx.finish(RunState.COMPLETED, "All epochs are done.", version=version)
    if ctx.status.state == RunState.COMPLETED:
        # Nothing can be resumed any more, and optimiser states are several times the size of the model.
        shutil.rmtree(ctx.checkpoints, ignore_errors=True)
    return EXIT_DONE


def _register(ctx: RunContext) -> str:
    from core.registry.store import register_run

    return register_run(ctx.run_dir, ws=slots.workspace_of(ctx.run_dir)).id


def _prepare_environment(spec: RunSpec, task: Task, gpu: str | None) -> None:
    # All of these are read when torch and the tokenizers are imported, which has not happened yet.
    wait_a_moment(os.environ)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    is_hub_name = getattr(task.room("recipe"), "is_hub_name", None)
    if is_hub_name is None or not is_hub_name(spec.base_model):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _end_by_exception(ctx: RunContext, error: BaseException) -> int:
    _be_quiet()
    asked = asked_for(ctx.run_dir)
    if isinstance(error, RunCancelled) or asked == "cancel":
        ctx.stop_reason = "asked"
        return _end_on_request(ctx, f"after epoch {ctx.status.epoch:.3g}")
    sentence, hint = explain(error)
    if isinstance(error, (RunTerminated, KeyboardInterrupt)):
        ctx.stop_reason = "asked" if asked else "system"
        if asked:
            sentence = "Stopped on request before the training could end by itself."
        return _finish(ctx, RunState.STOPPED, sentence, hint)
    # The console may be what cannot be written.
    with contextlib.suppress(OSError):
        traceback.print_exception(error)
    checkpoints.sweep_incomplete(ctx.checkpoints)
    return _finish(ctx, RunState.FAILED, sentence, hint, error=type(error).__name__)


def _end_on_request(ctx: RunContext, when: str) -> int:
    _be_quiet()
    ctx.stop_reason = "asked"
    if asked_for(ctx.run_dir) == "stop":
        return _finish(ctx, RunState.STOPPED, f"Stopped on request {when}.", "")
    ctx.discard()
    return _finish(ctx, RunState.CANCELLED, f"Cancelled on request {when}; nothing is kept.", "")


def _finish(ctx: RunContext, state: str, message: str, hint: str, **extra: Any) -> int:
    if state == RunState.FAILED:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        extra["console"] = console_tail(ctx.console)
    try:
        ctx.finish(state, message, hint, **extra)
    except NexaError as error:
        return _failed_without_log(ctx.run_dir, ctx.status, error)
    return EXIT_FAILED if state == RunState.FAILED else EXIT_DONE


def _failed_without_log(run_dir: Path, status: Any, error: Exception) -> int:
    sentence, hint = explain(error)
    _say(f"{sentence} {hint}")
    failed = dataclasses.replace(
        status, state=RunState.FAILED, message=sentence, hint=hint, ended=time.time(), eta_seconds=None
    )
    try:
        write_status(run_dir, failed)
    except OSError as second:
        _say(f"The status cannot be written either: {second}")
    return EXIT_FAILED


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def console_tail(path: Path, lines: int = CONSOLE_LINES) -> list[str]:
    """The last lines of a console log, each cut to 500 characters; of a progress bar its last state."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 65536))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    # A progress bar rewrites its line after a carriage return.
    whole = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return [line[:500] for line in whole if line.strip()][-lines:]


def _listen() -> None:
    for name in ("SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, _terminated)


def _be_quiet() -> None:
    # From here on only the end is written; a second signal must not tear that.
    for name in ("SIGTERM", "SIGBREAK", "SIGINT"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN)


def _terminated(number: int, frame: Any) -> None:
    raise RunTerminated


if __name__ == "__main__":
    sys.exit(main())
