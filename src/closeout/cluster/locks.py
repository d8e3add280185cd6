"""Locks on files: the kernel frees them when the holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from closeout.cluster.errors import ClusterError

STEP_SECONDS = 0.01


def open_lock(path: Path) -> int:
    """Open the lock file ``path``, which belongs to the owner of its folder; made if missing, not inherited.

    Raises: ClusterError.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        owner = path.parent.stat()
        if os.geteuid() == 0 and os.fstat(file).st_uid != owner.st_uid:
            os.fchown(file, owner.st_uid, owner.st_gid)
    except OSError as wrong:
        raise ClusterError(
            f"{path} cannot be opened ({wrong.strerror}); the data directory belongs to somebody else: set "
            "CLOSEOUT_DATA_DIR to one of your own."
        ) from wrong
    return file


def try_lock(file: int, kind: int) -> bool:
    """Take the lock now if it is free. ``kind``: ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_lock(file: int, kind: int, *, seconds: float) -> bool:
    """Take the lock within ``seconds``; False if it stayed taken."""
    deadline = time.monotonic() + seconds
    while not try_lock(file, kind):
        if time.monotonic() > deadline:
            return False
        time.sleep(STEP_SECONDS)
    return True


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` alone; waits for as long as it takes."""
    file = open_lock(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def is_taken(path: Path) -> bool:
    """Say whether anybody holds ``path`` exclusively; a missing file is held by nobody."""
    if not path.exists():
        return False
    file = open_lock(path)
    try:
        return not try_lock(file, fcntl.LOCK_SH)
    finally:
        os.close(file)
