"""Wall time, and the processor time of this process and of the whole server: what other programs cannot falsify."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """Measures a block. ``client`` and ``server`` are seconds of processor, ``wall`` seconds."""

    def __init__(self) -> None:
        self.wall = self.client = self.server = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        self._begun = (time.perf_counter(), own(), server())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, what: BaseException | None, where: TracebackType | None
    ) -> None:
        """End."""
        wall, client, served = self._begun
        self.wall, self.client = time.perf_counter() - wall, own() - client
        self.server = server() - served

    @property
    def cpu(self) -> float:
        """Return seconds of processor of both sides."""
        return self.client + self.server


def own() -> float:
    """Return the processor time of this process and of its children that ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def server() -> float:
    """Return the processor time of the server that Django's connection reaches, backends that ended included."""
    from django.db import connection

    connection.ensure_connection()
    postmaster = _parent(connection.connection.info.backend_pid)
    ticks = sum(_spent(postmaster, children=True))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(int(entry.name)) == postmaster:
            ticks += sum(_spent(int(entry.name), children=False))
    return ticks / TICKS


def _stat(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(process: int) -> int:
    found = _stat(process)
    return int(found[1]) if found else 0


def _spent(process: int, *, children: bool) -> list[int]:
    found = _stat(process)
    return [int(ticks) for ticks in found[11 : 15 if children else 13]]
