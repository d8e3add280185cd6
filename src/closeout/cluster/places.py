"""Where the data lie: the data directory, and a shorter place for the socket when its path is too long."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from closeout.cluster import osuser
from closeout.cluster.errors import ClusterError
from closeout.cluster.osuser import OsUser

ROOT_DATA = Path("/var/lib/closeout")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 100  # bytes, the name included; sun_path holds 104 on macOS and 108 on Linux


def data_dir() -> Path:
    """Return the data directory: CLOSEOUT_DATA_DIR, else ``closeout`` in the XDG data home."""
    named = os.environ.get("CLOSEOUT_DATA_DIR")
    if named:
        return Path(named).absolute()
    home = os.environ.get("XDG_DATA_HOME")
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "share"
    return base / "closeout"


@dataclass(frozen=True)
class Place:
    """The folder of one cluster, and who owns it. Everything in it belongs to that user, for nobody else."""

    path: Path
    user: OsUser

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.path / "pgdata"

    @property
    def start_lock(self) -> Path:
        """Held while one process starts or stops the server."""
        return self.path / "start.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's own processes: free means that not one of them lives."""
        return self.path / "server.lock"

    @property
    def holders_lock(self) -> Path:
        """Shared by everybody who uses the server."""
        return self.path / "holders.lock"

    @property
    def keep(self) -> Path:
        """Marks a server that stays when its last user leaves."""
        return self.path / "keep"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.path / "server.log"

    def make(self) -> None:
        """Create the folder, 0700, owned by the server's user; parents are made if missing, never changed.

        Raises: ClusterError.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            self.path.mkdir(mode=0o700, exist_ok=True)
            owner = self.path.stat().st_uid
            foreign = not self.start_lock.exists() and any(self.path.iterdir())
        except OSError as wrong:
            raise ClusterError(
                f"The data directory {self.path} cannot be made or read ({wrong.strerror}); set "
                "CLOSEOUT_DATA_DIR to a directory of your own."
            ) from wrong
        if foreign:
            raise ClusterError(f"{self.path} holds other files; set CLOSEOUT_DATA_DIR to an empty directory.")
        if owner != self.user.uid and os.geteuid() != 0:
            raise ClusterError(
                f"{self.path} belongs to user {owner}; set CLOSEOUT_DATA_DIR to one of your own."
            )
        if owner != self.user.uid:
            os.chown(self.path, self.user.uid, self.user.gid)
        self.path.chmod(0o700)

    def socket_dir(self) -> Path:
        """Return the folder of the socket, made if missing, 0700. Raises: ClusterError."""
        near = self.path / "socket"
        if len(os.fsencode(near / SOCKET_NAME)) <= SOCKET_PATH_MAX:
            chosen = near
        else:
            temporary = "/tmp" if os.geteuid() == 0 else tempfile.gettempdir()  # noqa: S108 - checked below
            name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
            chosen = Path(temporary) / f"closeout-{self.user.uid}-{name}"
        chosen.mkdir(mode=0o700, exist_ok=True)
        own(chosen, self.user)
        return chosen


def own(folder: Path, user: OsUser) -> None:
    """Make sure that ``folder`` is a folder of ``user``, 0700. Raises: ClusterError if it is another's."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {user.uid, os.geteuid()}:
        raise ClusterError(f"{folder} belongs to somebody else; remove it.")
    if found.st_uid != user.uid:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)


def settle(wanted: Path) -> Place:
    """Return the place for a cluster at ``wanted``.

    Root's server runs as another user. Where that user cannot walk to ``wanted`` (anything below ``/root``),
    the place is under ``/var/lib/closeout`` instead, named after the wanted path: no folder is opened for it.
    Raises: ClusterError.
    """
    wanted = wanted.absolute()
    user = osuser.server_user(wanted / "pgdata")
    if os.geteuid() != 0 or user.can("-x", _existing(wanted.parent)):
        return Place(wanted, user)
    name = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:8]
    moved = ROOT_DATA / f"{wanted.name}-{name}"
    return Place(moved, osuser.server_user(moved / "pgdata"))


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
