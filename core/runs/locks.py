"""Operating-system file locks: held by a living process only, so that kill -9 releases them.

Which lock means what is written where it is used (worker.py, slots.py, launcher.py).
"""

from __future__ import annotations

import time
from pathlib import Path

import filelock

RUN_LOCK = "lock"


def try_lock(path: Path, patience: float = 0.0) -> filelock.BaseFileLock | None:
    """Take the lock `path`, or return None if another holder keeps it for `patience` seconds.

    A reader that looks whether a lock is held takes it for an instant; whoever must have the lock
    therefore needs a patience of a few seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, thread_local=False)
    give_up = time.monotonic() + patience
    while True:
        try:
            lock.acquire(timeout=0)
            return lock
        except filelock.Timeout:
            if time.monotonic() >= give_up:
                return None
        time.sleep(0.05)


def is_held(path: Path) -> bool:
    """True if a living process holds the lock `path`."""
    if not path.exists():
        return False
    try:
        lock = try_lock(path)
    except OSError:
        # A lock that cannot even be opened says nothing; claiming the run lost would be worse.
        return True
    if lock is None:
        return True
    lock.release()
    return False
