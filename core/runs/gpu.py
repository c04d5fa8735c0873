"""How many GPUs there are and what they do, without importing torch. Nothing here decides who gets one."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess


@functools.cache
def gpu_indices() -> tuple[str, ...]:
    """The GPUs that this process may use, as values for CUDA_VISIBLE_DEVICES; empty on a CPU machine."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        chosen = [part.strip() for part in visible.split(",")]
        return tuple(part for part in chosen if part and part != "-1")
    return tuple(line.strip() for line in _ask("index") if line.strip())


def gpu_usage(index: str) -> dict[str, float]:
    """Load in percent and used memory in MB of one GPU; empty where it cannot be asked."""
    for line in _ask("utilization.gpu,memory.used", index):
        try:
            load, memory = (float(part) for part in line.split(","))
        except ValueError:
            continue
        return {"gpu_percent": load, "gpu_memory_mb": memory}
    return {}


def _ask(query: str, index: str | None = None) -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={query}", "--format=csv,noheader,nounits"]
    if index is not None:
        command.append(f"--id={index}")
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.splitlines()
