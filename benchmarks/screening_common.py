"""What every part of the screening benchmark does alike."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class Family:
    """A program and everything it started, by /proc: processor time, and the most memory they held together."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak = pid, 0.0
        self._spent: dict[int, float] = {}  # by process, as last seen: it may be gone

    @property
    def cpu(self) -> float:
        """Return user and system seconds up to the last look."""
        return sum(self._spent.values())

    def look(self) -> None:
        """Take note of what every process has used."""
        parents, spent, held = {}, {}, {}
        for entry in Path("/proc").iterdir():
            try:
                pid = int(entry.name)
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except (ValueError, OSError):
                continue
            parents[pid] = int(stat[1])
            spent[pid] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            held[pid] = int(stat[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        family = {self.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        self._spent |= {pid: spent[pid] for pid in family if pid in spent}
        self.peak = max(self.peak, sum(held.get(pid, 0.0) for pid in family))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look ten times a second while the block runs."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.1):
                self.look()

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
            self.look()
