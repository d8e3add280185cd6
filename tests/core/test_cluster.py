"""The embedded cluster: real servers, real kills, real users of the operating system."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from closeout.cluster import Cluster, ClusterError, binaries, commands, locks, osuser, places

ROOT = os.geteuid() == 0
HOLD = """
import sys
from closeout import cluster
url = cluster.ensure()
import psycopg
with psycopg.connect(url) as connection:
    pid = connection.execute("select pg_postmaster_start_time()::text").fetchone()[0]
print(url, pid, sep="|", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def a_folder() -> Iterator[Path]:
    """A short folder that every user can walk through; whatever cluster is in it is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="closeout-c-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for lock in folder.rglob("start.lock"):
            Cluster(lock.parent).stop(force=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One data directory that the tests of this file share; each leaves it stopped or running as it likes."""
    with a_folder() as folder:
        yield folder / "postgres"


def holder(data_dir: Path) -> subprocess.Popen[str]:
    """A process that holds the cluster until a line arrives on its stdin."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CLOSEOUT_")}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**environment, "CLOSEOUT_DATA_DIR": str(data_dir)},
    )  # fmt: skip


def said(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise AssertionError(process.communicate()[1])
    url, started = line.split("|")
    return url, started


def end(process: subprocess.Popen[str]) -> str:
    return process.communicate("\n")[1]


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute("select current_setting(%s)", (name,)).fetchone())


def kill_postmaster(cluster: Cluster) -> None:
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_start_and_stop(home: Path) -> None:
    """Durable, local only, private, not a superuser; stopping leaves nothing running."""
    home.mkdir(mode=0o700, exist_ok=True)
    cluster = Cluster(home)
    url = cluster.start()
    assert cluster.start() == url
    status = cluster.status()
    assert (status.running, status.url, status.kept, status.in_use) == (True, url, True, False)
    assert setting(url, "fsync") == "('on',)"
    assert setting(url, "full_page_writes") == "('on',)"
    assert setting(url, "data_checksums") == "('on',)"
    assert setting(url, "listen_addresses") == "('',)"
    assert setting(url, "TimeZone") == "('UTC',)"
    assert setting(url, "is_superuser") == "('off',)"
    with psycopg.connect(url) as connection:
        names = connection.execute("select datname from pg_database where not datistemplate").fetchall()
    assert {("closeout",), ("closeout_keyring",)} <= set(names)
    assert (home.stat().st_mode & 0o777, (home / "pgdata").stat().st_mode & 0o777) == (0o700, 0o700)
    cluster.stop()
    assert not cluster.status().running
    cluster.stop()


def test_no_acknowledged_commit_is_lost_by_kill_9(home: Path) -> None:
    """The postmaster is killed under writes, twice; the next start recovers every commit that was answered."""
    cluster = Cluster(home)
    acknowledged = 0
    for _ in range(2):
        with psycopg.connect(cluster.start(), autocommit=True) as connection:
            connection.execute("create table if not exists line (n int)")
            kill_at = acknowledged + 200
            with pytest.raises(psycopg.OperationalError):  # noqa: PT012 - the loop is what is killed
                while True:
                    connection.execute("insert into line values (%s)", (acknowledged + 1,))
                    acknowledged += 1
                    if acknowledged == kill_at:
                        kill_postmaster(cluster)
        with psycopg.connect(cluster.start()) as connection:
            found = connection.execute("select count(*), max(n) from line where n <= %s", (acknowledged,))
            count, last = found.fetchone() or (0, 0)
            assert (count, last) == (acknowledged, acknowledged)
            connection.execute("delete from line where n > %s", (acknowledged,))
    cluster.stop()


def test_a_stale_number_of_another_living_process_does_not_matter(home: Path) -> None:
    """After a restart of the machine the old number may belong to anybody: here to this very test."""
    cluster = Cluster(home)
    cluster.start()
    kill_postmaster(cluster)
    freed = locks.open_lock(home / "server.lock")
    assert locks.wait_lock(freed, fcntl.LOCK_SH, seconds=30)
    os.close(freed)
    pid_file = home / "pgdata" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert cluster.status().running is False
    with psycopg.connect(cluster.start()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    cluster.stop()


def test_a_server_that_is_dying_is_waited_for_and_started_again(home: Path) -> None:
    """Its last processes hold the lock for a moment after kill -9: here another process does, until we wait."""
    cluster = Cluster(home)
    cluster.start()
    kill_postmaster(cluster)
    held = locks.open_lock(home / "server.lock")
    assert locks.wait_lock(held, fcntl.LOCK_EX, seconds=30)
    with ThreadPoolExecutor(max_workers=1) as pool:
        url = pool.submit(cluster.start)
        while not locks.is_taken(home / "start.lock"):
            assert not url.done()
        os.close(held)
        with psycopg.connect(url.result(timeout=60)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    cluster.stop()


def test_the_last_to_leave_stops_it_and_a_killed_holder_counts_no_longer(home: Path) -> None:
    """Holders are counted by locks: SIGKILL cannot leave a wrong count behind."""
    cluster = Cluster(home)
    cluster.stop()
    first, second = holder(home.parent), holder(home.parent)
    assert said(first) == said(second)
    with pytest.raises(ClusterError, match="Another closeout process uses the database"):
        cluster.stop()
    end(first)
    assert cluster.status().running
    second.kill()
    second.communicate()
    assert cluster.status().running
    assert not cluster.status().in_use
    third = holder(home.parent)
    said(third)
    end(third)
    assert not cluster.status().running


def test_db_start_outlives_its_users(home: Path) -> None:
    """A server that was asked to stay is not stopped by a command that used it."""
    cluster = Cluster(home)
    cluster.start()
    user = holder(home.parent)
    said(user)
    end(user)
    assert cluster.status().running
    cluster.stop()


def test_eight_starters_get_one_server() -> None:
    """A new data directory with a path too long for a socket, and half of an earlier initialisation in it."""
    with a_folder() as folder:
        long = folder / ("long" * 22)
        place = places.settle(long / "postgres")
        place.make()
        os.close(locks.open_lock(place.start_lock))
        unfinished = place.path / "pgdata.unfinished"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18\n")
        starters = [holder(long) for _ in range(8)]
        answers = {said(starter) for starter in starters}
        assert len(answers) == 1
        (url, _started) = answers.pop()
        assert str(long) not in url
        messages = [end(starter) for starter in starters]
        assert any(f"starting PostgreSQL, data in {long / 'postgres'}" in message for message in messages)
        assert all("Traceback" not in message for message in messages)
        assert not unfinished.exists()
        assert not Cluster(long / "postgres").status().running
        shutil.rmtree(place.socket_dir())


def _nobody() -> osuser.OsUser:
    return osuser.by_uid(pwd.getpwnam("nobody").pw_uid)


def _python_of(user: osuser.OsUser) -> Path:
    """A Python of this version that ``user`` can run with this environment's packages."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (Path(sys.executable), Path("/usr/bin") / name, Path("/usr/local/bin") / name):
        if user.can("-x", python) and user.can("-r", Path(psycopg.__file__)):
            return python
    pytest.skip(f"{user.name} can run no {name}, or not read the packages: the project is in a closed folder")


needs_root = pytest.mark.skipif(not ROOT, reason="becomes another user of the system, which only root can")


@needs_root
def test_an_ordinary_user_has_a_cluster_of_their_own() -> None:
    """The same program without root: nothing is dropped, nothing is shared with root's server."""
    nobody = _nobody()
    python = _python_of(nobody)
    with a_folder() as folder:
        os.chown(folder, nobody.uid, nobody.gid)
        script = (
            "from closeout import cluster; import psycopg, os; url = cluster.ensure();"
            "print(psycopg.connect(url).execute('select current_user').fetchone()[0], os.geteuid())"
        )
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), "CLOSEOUT_DATA_DIR": str(folder / "data")}
        done = subprocess.run(
            [python, "-W", "ignore", "-c", script], env=environment, cwd="/", text=True,
            capture_output=True, check=False, **nobody.popen(),
        )  # fmt: skip
        assert done.stdout.split() == ["closeout", str(nobody.uid)], done.stderr
        data = folder / "data" / "postgres"
        assert data.stat().st_uid == nobody.uid
        assert Cluster(data).start().startswith("postgresql://closeout@/")  # root may, as the owner's server
        assert (data / "pgdata" / "postmaster.pid").stat().st_uid == nobody.uid


@needs_root
def test_another_user_of_the_machine_is_rejected(home: Path) -> None:
    """First by the folder; where somebody opened the folder, by the kernel's word about who is asking."""
    nobody = _nobody()
    url = Cluster(home).start()
    psql = binaries.runnable_by(nobody, binaries.find()) / "psql"

    def ask(role: str) -> str:
        return subprocess.run(
            [psql, url.replace("closeout@", f"{role}@"), "-c", "select 1"], capture_output=True, text=True,
            check=False, env={"PGSSLMODE": "disable"}, cwd="/", **nobody.popen(),
        ).stderr  # fmt: skip

    assert "Permission denied" in ask("closeout")
    sockets = home / "socket"
    for opened, mode in ((home, 0o711), (sockets, 0o711), (sockets / places.SOCKET_NAME, 0o777)):
        opened.chmod(mode)
    assert 'Peer authentication failed for user "closeout"' in ask("closeout")
    assert 'Peer authentication failed for user "postgres"' in ask("postgres")
    Cluster(home).stop()


@needs_root
def test_a_closed_folder_is_not_opened_for_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below /root the server's user cannot walk: the place moves, and no folder gets other rights."""
    monkeypatch.setattr(places, "ROOT_DATA", Path("/var/lib/closeout"))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = [folder.stat().st_mode for folder in (closed, *closed.parents)]
    place = places.settle(closed / "data" / "postgres")
    assert place.path.parent == Path("/var/lib/closeout")
    assert place.user.uid != 0
    assert place == places.settle(closed / "data" / "postgres")
    assert [folder.stat().st_mode for folder in (closed, *closed.parents)] == before


@needs_root
def test_programs_in_a_closed_folder_are_copied_with_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone under /root keeps PostgreSQL where the server's user cannot run it."""
    with a_folder() as folder:
        monkeypatch.setattr(binaries, "COPIES", folder / "copies")
        found = binaries.find()
        closed = tmp_path / "package"
        closed.mkdir(mode=0o700)
        (closed / "install").symlink_to(found.parent)
        tmp_path.chmod(0o700)
        copy = binaries.runnable_by(_nobody(), closed / "install" / "bin")
        assert copy.is_relative_to(folder)
        assert binaries.version(copy) == binaries.version(found)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """CLOSEOUT_DATA_DIR=/etc must not end in a changed owner."""
    (tmp_path / "mine.txt").touch()
    place = places.Place(tmp_path, osuser.starter())
    with pytest.raises(ClusterError, match="holds other files; set CLOSEOUT_DATA_DIR to an empty directory"):
        place.make()


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    """The last words of PostgreSQL are in the sentence, and it says where the whole story is."""
    cluster = Cluster(home)
    cluster.start()
    cluster.stop()
    conf = home / "pgdata" / "postgresql.conf"
    before = conf.read_text()
    try:
        conf.write_text(before + "shared_buffers = 'much'\n")
        with pytest.raises(
            ClusterError, match=r"PostgreSQL did not start \(.+\); the whole story is in .+log"
        ):
            cluster.start()
    finally:
        conf.write_text(before)
    cluster.start()
    cluster.stop()


def test_a_foreign_version_and_missing_programs_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sentence says what to do."""
    with pytest.raises(ClusterError, match=r"was made by PostgreSQL 99, but only .* set CLOSEOUT_PG_BIN"):
        binaries.find(major=99)
    monkeypatch.setenv("CLOSEOUT_PG_BIN", str(tmp_path))
    with pytest.raises(ClusterError, match="there is no postgres and initdb"):
        binaries.find()


def test_closeout_db_by_hand(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """start, url, status, stop: results on stdout, the rest on stderr, exit status 4 when it does not run."""
    Cluster(home).stop()
    monkeypatch.delenv("CLOSEOUT_DATABASE_URL")
    monkeypatch.setenv("CLOSEOUT_DATA_DIR", str(home.parent))
    run = CliRunner()
    assert run.invoke(commands.db, ["url"]).exit_code == 4
    assert run.invoke(commands.db, ["status"]).exit_code == 4
    started = run.invoke(commands.db, ["start"])
    assert started.exit_code == 0, started.output
    url = started.stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("select current_database()").fetchone() == ("closeout",)
    assert run.invoke(commands.db, ["url"]).stdout.strip() == url
    shown = json.loads(run.invoke(commands.db, ["status", "--json"]).stdout)
    assert (shown["schema"], shown["running"], shown["url"]) == ("closeout.db/1", True, url)
    assert shown["data_dir"] == str(home)
    assert run.invoke(commands.db, ["stop"]).exit_code == 0
    assert run.invoke(commands.db, ["status"]).exit_code == 4
