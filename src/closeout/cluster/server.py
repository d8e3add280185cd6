"""One PostgreSQL server over one data directory: initialise, start, find, stop.

Whether it runs is asked of the kernel, not of a pid file: its processes inherit a lock on ``server.lock``,
which is free exactly when the last of them is gone. So a zombie, a number that the system gave to another
program, and a restored backup are all the same case: the lock is free, and the server may be started.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import BinaryIO, Final

from psycopg import pq

from closeout.cluster import binaries, locks, osuser
from closeout.cluster.errors import ClusterError
from closeout.cluster.places import SOCKET_NAME, Place

STEP_SECONDS: Final = 0.02
ORPHANS_SECONDS: Final = 30
STOP_SECONDS: Final = 120
LOG_BYTES_MAX: Final = 10_000_000
ROLE: Final = "closeout"
SUPERUSER: Final = "postgres"


def socket_of(place: Place) -> Path | None:
    """Return the folder of the running server's socket, or None if no server runs. Raises: ClusterError."""
    if not locks.is_taken(place.server_lock):
        return None
    lines = _pid_lines(place)
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def pid_of(place: Place) -> int | None:
    """Return the process number of the running server, or None. Raises: ClusterError."""
    lines = _pid_lines(place) if locks.is_taken(place.server_lock) else []
    return int(lines[0]) if lines else None


def _pid_lines(place: Place) -> list[str]:
    try:
        return (place.pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def start(place: Place, *, durable: bool) -> Path:
    """Start the server if it does not run, wait until it answers, and return the folder of its socket.

    The caller holds ``start.lock``. ``durable=False`` is for tests: nothing is forced to disk.
    Raises: ClusterError.
    """
    if locks.is_taken(place.server_lock):
        with contextlib.suppress(
            ClusterError
        ):  # killed just now: its last processes held the lock, and are gone
            return _wait(place)
    programs = binaries.runnable_by(place.user, binaries.find(major=_made_by(place)))
    if not place.pgdata.exists():
        _initialise(place, programs, durable=durable)
    _launch(place, programs)
    return _wait(place)


def _made_by(place: Place) -> int | None:
    try:
        return int((place.pgdata / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _initialise(place: Place, programs: Path, *, durable: bool) -> None:
    """Make the data directory, under another name first: a kill leaves nothing that looks finished."""
    unfinished = place.path / "pgdata.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, place.user.uid, place.user.gid)
    major = binaries.version(programs)
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    command: list[str | Path] = [
        programs / "initdb", f"--pgdata={unfinished}", f"--username={SUPERUSER}", "--encoding=UTF8",
        "--locale=C", *locale, "--auth-local=peer", "--auth-host=reject", "--data-checksums",
        *([] if durable else ["--no-sync"]),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", env=_environment(), umask=0o077, check=False,
        **place.user.popen(),
    )  # fmt: skip
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ClusterError(
            f"The database could not be made in {place.path} ({reason}); free space there or move it."
        )
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(_settings(durable=durable))
    unfinished.rename(place.pgdata)


def _settings(*, durable: bool) -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    megabytes = min(memory // 6, 2 << 30) >> 20 if durable else 64
    lines = [
        "", "# closeout: written once when the directory was made; change what you like below.",
        f"shared_buffers = {megabytes}MB", "max_wal_size = 4GB", "wal_compression = pglz", "jit = off",
        "timezone = 'UTC'", "log_timezone = 'UTC'", "lc_messages = 'C'",
    ]  # fmt: skip
    if not durable:
        lines += ["fsync = off", "full_page_writes = off", "synchronous_commit = off", "autovacuum = off"]
    return "\n".join(lines) + "\n"


def _environment() -> dict[str, str]:
    """Nothing of the caller's environment reaches the server; macOS needs a locale that is set."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


def _launch(place: Place, programs: Path) -> None:
    """Start the postmaster, detached, holding ``server.lock``."""
    lock = locks.open_lock(place.server_lock)
    try:
        if not locks.wait_lock(lock, fcntl.LOCK_EX, seconds=ORPHANS_SECONDS):
            raise ClusterError(
                f"Processes of an earlier server over {place.path} do not end; stop them and try again."
            )
        _admit(place)
        sockets = place.socket_dir()
        for left in sockets.glob(SOCKET_NAME + "*"):
            left.unlink()
        environment = _environment()
        if stale := _pid_lines(place):
            environment["PG_GRANDPARENT_PID"] = stale[
                0
            ]  # the lock was free: whoever has this number is not ours
        options = {
            "listen_addresses": "", "unix_socket_directories": str(sockets),
            "unix_socket_permissions": "0700", "hba_file": str(place.pgdata / "closeout_hba.conf"),
            "ident_file": str(place.pgdata / "closeout_ident.conf"),
        }  # fmt: skip
        command = [str(programs / "postgres"), "-D", str(place.pgdata), "-p", "5432"]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with _log(place) as log:
            # the shell ends at once, so that the server is nobody's child and leaves no zombie here
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command], check=True, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd="/", env=environment, umask=0o077, pass_fds=[lock],
                start_new_session=True, **place.user.popen(),
            )  # fmt: skip
    finally:
        os.close(lock)


def _admit(place: Place) -> None:
    """Write who may connect: who starts the server, who runs it, and root; each by the kernel's word."""
    names = sorted({osuser.starter().name, place.user.name, osuser.by_uid(0).name})
    ident = [f'closeout "{name}" {role}' for name in names for role in (ROLE, SUPERUSER)]
    for name, lines in (("hba", ["local all all peer map=closeout"]), ("ident", ident)):
        path = place.pgdata / f"closeout_{name}.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.chown(path, place.user.uid, place.user.gid)
        path.chmod(0o600)


def _log(place: Place) -> BinaryIO:
    if place.log.exists() and place.log.stat().st_size > LOG_BYTES_MAX:
        place.log.replace(place.log.with_suffix(".log.1"))
    file = place.log.open("ab")
    os.fchown(file.fileno(), place.user.uid, place.user.gid)
    os.fchmod(file.fileno(), 0o600)
    return file


def _wait(place: Place) -> Path:
    """Wait until the server answers, for as long as it lives: recovery after a crash may take minutes."""
    while True:
        alive = locks.is_taken(place.server_lock)
        sockets = socket_of(place)
        if sockets is not None:
            said = pq.PGconn.ping(f"host='{sockets}' dbname=postgres user={SUPERUSER}".encode())
            if said == pq.Ping.OK:
                return sockets
        if not alive:
            raise ClusterError(
                f"PostgreSQL did not start ({_last_words(place)}); the whole story is in {place.log}."
            )
        time.sleep(STEP_SECONDS)


def _last_words(place: Place) -> str:
    lines = place.log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
    loud = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return (loud or lines or ["it said nothing"])[-1].split(":  ")[-1].strip()


def stop(place: Place) -> None:
    """Shut the server down cleanly; open transactions are rolled back. Does nothing if it does not run.

    The caller holds ``start.lock``. Raises: ClusterError.
    """
    pid = pid_of(place)
    if pid is None:
        return
    try:
        os.kill(pid, signal.SIGINT)
    except PermissionError:
        raise ClusterError(
            f"The server over {place.path} runs as {place.user.name}; stop it as that user."
        ) from None
    except ProcessLookupError:
        pass
    deadline = time.monotonic() + STOP_SECONDS
    while locks.is_taken(place.server_lock):
        if time.monotonic() > deadline:
            raise ClusterError(f"The server (process {pid}) does not end; look into {place.log}.")
        time.sleep(STEP_SECONDS)
