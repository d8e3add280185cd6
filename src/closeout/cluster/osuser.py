"""The user of the operating system that runs the server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from closeout.cluster.errors import ClusterError

UNPRIVILEGED = ("closeout", "postgres", "_postgres")


@dataclass(frozen=True)
class OsUser:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int

    def popen(self) -> dict[str, Any]:
        """Return the arguments that make :mod:`subprocess` run a program as this user."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, test: str, path: Path) -> bool:
        """Say whether this user passes ``test`` (as in test(1), for example ``-x``) on ``path``."""
        asked = subprocess.run(
            ["/bin/sh", "-c", f'test {test} "$0"', path], cwd="/", check=False, **self.popen()
        )
        return asked.returncode == 0


def by_uid(uid: int) -> OsUser:
    """Return the user numbered ``uid``. Raises: ClusterError."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise ClusterError(
            f"The user numbered {uid} has no name on this machine, and PostgreSQL needs one; add it to "
            "/etc/passwd, or set CLOSEOUT_DATABASE_URL."
        ) from None
    return OsUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def starter() -> OsUser:
    """Return the user that runs this process. Raises: ClusterError."""
    return by_uid(os.geteuid())


def server_user(pgdata: Path) -> OsUser:
    """Return who runs the server over ``pgdata``: its owner, oneself, or for root an unprivileged user.

    Raises: ClusterError.
    """
    if os.geteuid() != 0:
        return starter()
    if pgdata.exists() and pgdata.stat().st_uid != 0:
        return by_uid(pgdata.stat().st_uid)
    for name in UNPRIVILEGED:
        try:
            return by_uid(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    return _create(UNPRIVILEGED[0])


def _create(name: str) -> OsUser:
    ways = (
        ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
        ["adduser", "-S", "-D", "-H", name],
    )
    for way in ways:
        if shutil.which(way[0]) and subprocess.run(way, capture_output=True, check=False).returncode == 0:
            return by_uid(pwd.getpwnam(name).pw_uid)
    raise ClusterError(
        "PostgreSQL does not run as root and no unprivileged user could be made; run closeout as an ordinary "
        "user, or set CLOSEOUT_DATABASE_URL."
    )
