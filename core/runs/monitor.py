"""A thread beside the training: what the process uses, every two seconds, and a fresh status every second."""

from __future__ import annotations

import contextlib
import threading
import time

from core.errors import NexaError
from core.runs.context import RunContext
from core.runs.gpu import gpu_usage

STATUS_SECONDS = 1.0
SYSTEM_SECONDS = 2.0


class Monitor(threading.Thread):
    """Writes `system` events (CPU in percent of one core, memory in MB, GPU) until `close`.

    Args:
        ctx: The run.
        gpu: The GPU that the run uses, or None.
    """

    def __init__(self, ctx: RunContext, gpu: str | None = None) -> None:
        super().__init__(name="monitor", daemon=True)
        self._ctx = ctx
        self._gpu = gpu
        self._ended = threading.Event()

    def run(self) -> None:
        # A log that cannot be written ends the training in its own thread, with a sentence.
        with contextlib.suppress(NexaError, ValueError):
            self._watch()

    def close(self) -> None:
        """End the thread; afterwards it writes nothing."""
        self._ended.set()
        self.join(timeout=15.0)

    def _watch(self) -> None:
        import psutil

        process = psutil.Process()
        process.cpu_percent()
        next_system = time.monotonic() + SYSTEM_SECONDS
        while not self._ended.wait(STATUS_SECONDS):
            self._ctx.save_status_if_changed()
            if time.monotonic() < next_system:
                continue
            next_system = time.monotonic() + SYSTEM_SECONDS
            usage = {"cpu_percent": process.cpu_percent(), "rss_mb": _memory(process) / 2**20}
            if self._gpu is not None:
                usage.update(gpu_usage(self._gpu))
            self._ctx.metrics_log.write("system", metrics={name: round(v, 1) for name, v in usage.items()})


def _memory(process: object) -> int:
    """Resident bytes of the process and its data loading children."""
    import psutil

    total = process.memory_info().rss  # type: ignore[attr-defined]
    for child in process.children(recursive=True):  # type: ignore[attr-defined]
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss
    return total
