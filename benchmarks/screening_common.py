"""What every part of the screening benchmark does alike."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

AT = datetime(2026, 11, 22)


def cpu() -> float:
    """Return user and system seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak() -> float:
    """Return the peak memory of this process in MB; not of the one that started it, as ru_maxrss may."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(work: Callable[[], Any], *, times: int = 3) -> dict[str, float]:
    """Return the best CPU and wall seconds of ``times`` runs, and the peak memory of this process so far."""
    found = []
    for _ in range(times):
        wall, used = time.perf_counter(), cpu()
        work()
        found.append((cpu() - used, time.perf_counter() - wall))
    return {"cpu": min(one[0] for one in found), "wall": min(one[1] for one in found), "rss": peak()}
