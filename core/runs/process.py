"""The operating-system side of a run: start its worker detached, end it by force. No states here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.openmp import wait_a_moment
from core.runs.slots import workspace_of
from core.runs.state import PROCESS_FILE, worker_process
from core.workspace import PROJECT_ROOT, read_json, write_json_atomic


def worker_command(run_dir: Path) -> list[str]:
    """The command of a run's worker."""
    return [sys.executable, "-m", "core.runs.worker", str(run_dir)]


def start(run_dir: Path) -> int:
    """Start a run's worker in a session of its own and return its process id.

    Closing the browser, the dashboard or the terminal does not reach it. Its output goes to a file: a pipe
    that nobody reads would stop the training when it is full.
    """
    environment = {
        **os.environ,
        "NEXA_HOME": str(workspace_of(run_dir).root),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")))),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PYTHONFAULTHANDLER": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    wait_a_moment(environment)
    detached: dict[str, object] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    with (run_dir / "console.log").open("ab") as console:
        child = subprocess.Popen(
            worker_command(run_dir),
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            **detached,  # type: ignore[call-overload]
        )
    write_json_atomic(run_dir / PROCESS_FILE, {"pid": child.pid, "started": time.time()})
    # Somebody must take the exit status, or the ended process stays in the system's table.
    threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()
    return child.pid


def end(run_dir: Path, *, force: bool) -> None:
    """Send SIGTERM, or SIGKILL with `force`, to a run's worker and everything that it started."""
    import psutil

    try:
        pid = int(read_json(run_dir / PROCESS_FILE)["pid"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return
    worker = worker_process(pid, run_dir)
    if worker is None:
        return
    if sys.platform != "win32" and os.getpgid(pid) == pid:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)
        return
    with contextlib.suppress(psutil.Error):
        for member in [*worker.children(recursive=True), worker]:
            member.kill() if force else member.terminate()
