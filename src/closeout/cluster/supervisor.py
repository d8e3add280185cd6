"""The embedded cluster: started by whoever comes first, stopped by whoever leaves last."""

from __future__ import annotations

import atexit
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

import click

from closeout.cluster import databases, locks, places, server
from closeout.cluster.errors import ClusterError


@dataclass(frozen=True)
class Status:
    """How a cluster stands."""

    running: bool
    data_dir: Path
    pid: int | None = None
    url: str | None = None
    kept: bool = False  # stays when its last user leaves
    in_use: bool = False  # a process holds it now


class Cluster:
    """A PostgreSQL server of our own over one data directory.

    Safe to use from many processes at once. ``durable=False`` is for tests only: nothing is forced to disk.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.wanted = data_dir
        self.durable = durable
        self._holding: int | None = None

    def start(self) -> str:
        """Start the server if it does not run and return the main database's URL; it stays until stopped.

        Raises: ClusterError.
        """
        place = self._made()
        with locks.exclusive(place.start_lock):
            url = self._up(place)
            place.keep.touch(mode=0o600)
            os.chown(place.keep, place.user.uid, place.user.gid)
        return url

    def hold(self) -> str:
        """Start the server if it does not run, use it until :meth:`release`, and return the URL. Idempotent.

        A holder that is killed counts no longer; its server is stopped by the next holder that leaves last.
        Raises: ClusterError.
        """
        place = self._made()
        with locks.exclusive(place.start_lock):
            if self._holding is None:
                self._holding = locks.open_lock(place.holders_lock)
                fcntl.flock(self._holding, fcntl.LOCK_SH)
            return self._up(place)

    def release(self) -> None:
        """Stop using the server; it is stopped if nobody else uses it and nobody asked that it stays.

        Raises: ClusterError.
        """
        if self._holding is None:
            return
        place = places.settle(self.wanted)
        with locks.exclusive(place.start_lock):
            os.close(self._holding)
            self._holding = None
            if not place.keep.exists() and not self._used(place):
                server.stop(place)

    def stop(self, *, force: bool = False) -> None:
        """Shut the server down cleanly. Raises: ClusterError, also if others use it and not ``force``."""
        place = places.settle(self.wanted)
        if not place.start_lock.exists():
            return
        with locks.exclusive(place.start_lock):
            if not force and self._holding is None and self._used(place):
                raise ClusterError(
                    "Another closeout process uses the database; end it first, or stop with --force."
                )
            place.keep.unlink(missing_ok=True)
            server.stop(place)

    def status(self) -> Status:
        """Look, and change nothing. Raises: ClusterError."""
        place = places.settle(self.wanted)
        if not place.start_lock.exists():
            return Status(running=False, data_dir=place.path)
        sockets = server.socket_of(place)
        return Status(
            running=sockets is not None,
            data_dir=place.path,
            pid=server.pid_of(place),
            url=databases.embedded_url(sockets) if sockets else None,
            kept=place.keep.exists(),
            in_use=self._used(place),
        )

    def _made(self) -> places.Place:
        place = places.settle(self.wanted)
        place.make()
        return place

    def _up(self, place: places.Place) -> str:
        sockets = server.start(place, durable=self.durable)
        databases.admit_role(sockets)
        url = databases.embedded_url(sockets)
        databases.prepare(url)
        return url

    def _used(self, place: places.Place) -> bool:
        file = locks.open_lock(place.holders_lock)
        try:
            return not locks.try_lock(file, fcntl.LOCK_EX)
        finally:
            os.close(file)


_ours: dict[Path, Cluster] = {}


def embedded() -> Cluster:
    """Return the cluster of this user's data directory; it is not started by this."""
    return Cluster(places.data_dir() / "postgres")


def ensure() -> str:
    """Return the URL of a database that answers, with its keyring beside it.

    CLOSEOUT_DATABASE_URL if that is set. Otherwise the embedded server, held until this process ends; its
    data directory is named on stderr when this starts it. Idempotent, also from many processes at once.
    Raises: ClusterError.
    """
    url = os.environ.get("CLOSEOUT_DATABASE_URL")
    if url:
        databases.prepare(url)
        return url
    cluster = embedded()
    if cluster.wanted in _ours:
        return _ours[cluster.wanted].hold()
    before = cluster.status()
    if not before.running:
        click.echo(f"closeout: starting PostgreSQL, data in {before.data_dir}", err=True)
    url = cluster.hold()
    _ours[cluster.wanted] = cluster
    atexit.register(_leave, cluster, os.getpid())
    return url


def _leave(cluster: Cluster, pid: int) -> None:
    if os.getpid() != pid:  # a fork: its parent is the holder
        return
    try:
        cluster.release()
    except ClusterError as wrong:
        click.echo(f"closeout: {wrong}", err=True)
