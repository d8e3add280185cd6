"""What happens to machines: workers killed at random under load, a fail-over to a standby, a full disk.

``python -m tests.crash.machines`` prints one line for each, and exits 1 if anything was lost, doubled or stuck.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg
from tests.crash import process
from tests.crash.closing import CLOCK, FORK, Bench, Tally, bench_on, judge, kill_server, say

from closeout.cluster import binaries, databases, places, server, supervisor
from closeout.venues.sandbox import world

PEOPLE = 10
WORKERS = 2
STEP_SECONDS = 0.05
STUCK_SECONDS = 300
LEASE = timedelta(seconds=1)  # the machine's clock decides how long a dead worker is waited for
SMALL_DISK = "300m"

# What all accounts together must show, whoever was killed. Which reminders are written depends on where the clock is
# moved to between two looks of a worker, so they are left out.
STANDING = {
    "history": "select event, from_state, to_state, actor, count(*) from cases_caseevent group by 1, 2, 3, 4 "
    "order by 1, 2",
    "effects": "select kind, state, count(*) from cases_effect where data->>'template' is distinct from 'remind' "
    "group by 1, 2 order by 1, 2",
    "letters": "select template, channel, sent_at is not null, count(*) from cases_message "
    "where template <> 'remind' group by 1, 2, 3 order by 1, 2, 3",
    "audit": "select event, count(*) from audit.entry where event like 'case:%' group by 1 order by 1",
    "receipts": "select kind, state, reason, count(*) from sandbox.receipt group by 1, 2, 3 order by 1, 2, 3",
    "accounts": "select state, erased_at is not null, count(*) from sandbox.account group by 1, 2 order by 1, 2",
    "ledger": "select asset, balances from sandbox.asset_sum order by 1",
}


def wait_for(what: Callable[[], bool]) -> bool:
    """Ask again and again; return whether it became true before it counts as stuck."""
    begun, pause = CLOCK.monotonic(), threading.Event()
    while not what():
        if CLOCK.monotonic() - begun > STUCK_SECONDS:
            return False
        pause.wait(STEP_SECONDS)
    return True


class Crew:
    """One process that applies and some that work, on one database; whoever dies is replaced."""

    def __init__(self, name: str, environment: Mapping[str, str], folder: Path) -> None:
        self._name, self._environment = name, environment
        self.acknowledged = folder / "acknowledged"
        self.acknowledged.touch()
        self.applicant = self._fork(process.apply_all, self.acknowledged)
        self.workers = [self._fork(process.work, LEASE) for _ in range(WORKERS)]

    def _fork(self, target: Callable[..., None], *values: object) -> BaseProcess:
        child = FORK.Process(target=target, args=(self._name, self._environment, *values))
        child.start()
        return child

    def kill_one(self, chance: random.Random) -> None:
        """Kill somebody who lives and put another in the place."""
        place = chance.randint(0, WORKERS)
        if place == WORKERS and self.applicant.is_alive():
            end(self.applicant)
            self.applicant = self._fork(process.apply_all, self.acknowledged)
        else:
            end(self.workers[place % WORKERS])
            self.workers[place % WORKERS] = self._fork(process.work, LEASE)

    def replace_the_dead(self) -> None:
        """Start those again that ended with an error."""
        if self.applicant.exitcode:
            self.applicant = self._fork(process.apply_all, self.acknowledged)
        self.workers = [one if one.is_alive() else self._fork(process.work, LEASE) for one in self.workers]

    def accepted(self) -> set[int]:
        """Return the accounts whose application was accepted."""
        return set(map(int, self.acknowledged.read_text(encoding="ascii").split()))

    def end(self) -> None:
        """Kill everybody."""
        for one in (self.applicant, *self.workers):
            end(one)


def end(child: BaseProcess) -> None:
    """Kill -9."""
    child.kill()
    child.join()


def standing(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is true of the database."""
    with psycopg.connect(url) as opened:
        return {what: opened.execute(text).fetchall() for what, text in STANDING.items()}


def all_erased(url: str, people: int) -> bool:
    """Move the clock six hours on and say whether everybody's data are erased."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as opened:
        row = opened.execute("select count(*) from cases_case where state = 'erased'").fetchone()
        now = opened.execute("select instant from sandbox.clock").fetchone()
        assert row is not None
        assert now is not None
        world.set_clock(opened, now[0] + timedelta(hours=6))
        return bool(row[0] == people)
    return False


def finish(crew: Crew, url: str, people: int) -> bool:
    """Let everybody work until all is done; return whether it was."""

    def done() -> bool:
        crew.replace_the_dead()
        return len(crew.accepted()) == people and all_erased(url, people)

    return wait_for(done)


def one_run(bench: Bench, people: int, *, kills: int = 0, seed: int = 0) -> tuple[bool, dict[str, Any]]:
    """Bring everybody from application to erased, killing so many on the way; return whether it ended, and how."""
    name, folder = bench.schedule()
    crew = Crew(name, bench.environment(name, folder), folder)
    chance, pause = random.Random(seed), threading.Event()
    try:
        for _ in range(kills):
            pause.wait(chance.uniform(0.02, 0.6))
            crew.kill_one(chance)
            all_erased(bench.at(name), people)
        ended = finish(crew, bench.at(name), people)
        return ended, standing(bench.at(name))
    finally:
        crew.end()
        bench.drop(name)


def random_kills(bench: Bench, people: int, *, kills: int, each: int, seed: int) -> Tally:
    """Kill applicants and workers at random, ``each`` times in a run, and compare with a run without."""
    ended, wanted = one_run(bench, people)
    assert ended, "the undisturbed run does not end"
    tally = Tally()
    while tally.killed < kills:
        tally.points += 1
        now = min(each, kills - tally.killed)
        ended, found = one_run(bench, people, kills=now, seed=seed + tally.points)
        tally.killed += now
        if ended:
            judge(tally, f"run {tally.points}", found, wanted)
        else:
            tally.stuck.append(f"run {tally.points}")
    return tally


@contextmanager
def standby_of(home: Path) -> Iterator[supervisor.Cluster]:
    """Copy the running server and let the copy follow; from then on every commit waits for it."""
    primary, place = places.settle(home / "pg"), places.settle(home / "standby")
    place.make()
    place.start_lock.touch(mode=0o600)
    with (primary.pgdata / "closeout_hba.conf").open("a", encoding="utf-8") as file:
        file.write("local replication all peer map=closeout\n")
    sockets = server.socket_of(primary)
    assert sockets is not None
    admin = f"postgresql://{server.SUPERUSER}@/postgres?host={sockets}"
    with psycopg.connect(admin, autocommit=True) as opened:
        opened.execute("select pg_reload_conf()")
        programs = binaries.runnable_by(place.user, binaries.find())
        copy = [
            programs / "pg_basebackup", "--host", sockets, "--username", server.SUPERUSER, "--pgdata", place.pgdata,
            "--write-recovery-conf", "--checkpoint", "fast", "--wal-method", "stream",
        ]  # fmt: skip
        subprocess.run(copy, check=True, capture_output=True, cwd="/", **place.user.popen())
        standby = supervisor.Cluster(home / "standby")
        standby.start()
        try:
            opened.execute("alter system set synchronous_standby_names = '*'")
            opened.execute("select pg_reload_conf()")
            follows = "select 1 from pg_stat_replication where sync_state = 'sync'"
            assert wait_for(lambda: opened.execute(follows).fetchone() is not None)
            yield standby
        finally:
            standby.stop(force=True)


def fail_over(people: int, seed: int) -> tuple[int, int, float, bool]:
    """Kill the server while people apply, and promote its synchronous standby.

    Return how many applications had been accepted, how many of them the standby does not have, after how many seconds
    the next one was accepted, and whether everybody was closed and erased in the end.
    """
    with bench_on(durable=True, light=True, people=people) as (bench, cluster):
        name, folder = bench.schedule()
        home = places.settle(cluster.wanted).path.parent
        with standby_of(home) as standby:
            first, second = (databases.with_name(one.start(), name) for one in (cluster, standby))
            both = psycopg.conninfo.conninfo_to_dict(first)
            hosts = f"{both['host']},{psycopg.conninfo.conninfo_to_dict(second)['host']}"
            url = f"postgresql://closeout@/{name}?host={hosts}&target_session_attrs=read-write"
            environment = bench.environment(name, folder) | {
                "CLOSEOUT_DATABASE_URL": url,
                "CLOSEOUT_KEYRING_URL": databases.with_name(url, f"{name}_keyring"),
            }
            crew = Crew(name, environment, folder)
            try:
                enough = random.Random(seed).randint(2, people // 2)
                assert wait_for(lambda: len(crew.accepted()) >= enough)
                kill_server(cluster)
                begun = CLOCK.monotonic()
                before = crew.accepted()
                _promote(standby)
                lost = len(before - _submitted(second))

                def goes_on() -> bool:
                    crew.replace_the_dead()
                    return len(crew.accepted()) > len(before)

                assert wait_for(goes_on)
                seconds = CLOCK.monotonic() - begun
                return len(before), lost, seconds, finish(crew, second, people)
            finally:
                crew.end()


def _promote(standby: supervisor.Cluster) -> None:
    sockets = server.socket_of(places.settle(standby.wanted))
    with psycopg.connect(f"postgresql://{server.SUPERUSER}@/postgres?host={sockets}") as opened:
        opened.execute("select pg_promote()")


def _submitted(url: str) -> set[int]:
    with psycopg.connect(url) as opened:
        found = opened.execute("select account_id from cases_case where state <> 'application'").fetchall()
    return {account for (account,) in found}


def take_over(bench: Bench) -> float:
    """Kill a worker that holds an effect; return after how many seconds another has done it, with the real lease."""
    name, folder = bench.schedule()
    environment = bench.environment(name, folder)
    applicant = FORK.Process(target=process.apply_all, args=(name, environment, folder / "acknowledged"))
    applicant.start()
    applicant.join()
    dies = FORK.Process(target=process.work, args=(name, environment, None, "effects.claimed"))
    dies.start()
    dies.join()
    assert dies.exitcode == -signal.SIGKILL, dies.exitcode
    begun = CLOCK.monotonic()
    other = FORK.Process(target=process.work, args=(name, environment))
    other.start()
    frozen = "select count(*) from sandbox.account where state = 'open'"
    try:
        with psycopg.connect(bench.at(name), autocommit=True) as opened:
            assert wait_for(lambda: opened.execute(frozen).fetchone() == (0,))
        return CLOCK.monotonic() - begun
    finally:
        end(other)
        bench.drop(name)


@contextmanager
def small_disk() -> Iterator[Path]:
    """Lend a file system of 300 MB. Raises: PermissionError if nobody may mount here."""
    home = Path(tempfile.mkdtemp(prefix="closeout-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", home], capture_output=True, check=False
    )
    if mounted.returncode:
        home.rmdir()
        raise PermissionError("a small file system can be mounted by root only")
    try:
        yield home
    finally:
        subprocess.run(["umount", home], check=True)
        home.rmdir()


def full_disk(*, rounds: int, people: int, seed: int) -> Tally:
    """Fill the disk of the database while everybody works, make room again, and compare."""
    tally, chance = Tally(), random.Random(seed)
    with (
        small_disk() as disk,
        bench_on(durable=True, light=True, people=people, home=disk) as (bench, cluster),
    ):
        sockets = server.socket_of(places.settle(cluster.wanted))
        with psycopg.connect(f"postgresql://postgres@/postgres?host={sockets}", autocommit=True) as opened:
            opened.execute("alter system set max_wal_size = '64MB'")
            opened.execute("select pg_reload_conf()")
        ended, wanted = one_run(bench, people)
        assert ended, "the undisturbed run does not end"
        for number in range(rounds):
            tally.points += 1
            name, folder = bench.schedule()
            crew = Crew(name, bench.environment(name, folder), folder)
            try:
                threading.Event().wait(chance.uniform(0.2, 3.0))
                _fill(disk, chance.uniform(2.0, 6.0))
                tally.killed += 1
                cluster.start()
                if finish(crew, bench.at(name), people):
                    judge(tally, f"disk {number}", standing(bench.at(name)), wanted)
                else:
                    tally.stuck.append(f"disk {number}")
            finally:
                crew.end()
                bench.drop(name)
    return tally


def _fill(disk: Path, seconds: float) -> None:
    """Leave no room on the disk for so long."""
    junk = disk / "junk"
    begun = CLOCK.monotonic()
    with junk.open("ab", buffering=0) as file:
        while CLOCK.monotonic() - begun < seconds:
            try:
                file.write(b"\0" * 65536)
            except OSError:
                threading.Event().wait(STEP_SECONDS)
    junk.unlink()


def report(what: str, tally: Tally) -> bool:
    """Print a line of the matrix and what was wrong; return whether nothing was."""
    say(tally.line(what))
    for problem in [*tally.lost, *tally.doubled, *tally.stuck]:
        say(f"  {problem}")
    return tally.sound


def main() -> int:
    """Print what was survived; exit 1 if something was not."""
    wanted_by = argparse.ArgumentParser(description=__doc__)
    wanted_by.add_argument("--kills", type=int, default=1000)
    wanted_by.add_argument("--each", type=int, default=50, help="kills in one run of ten people")
    wanted_by.add_argument("--people", type=int, default=PEOPLE)
    wanted_by.add_argument("--fail-overs", type=int, default=5)
    wanted_by.add_argument("--full-disks", type=int, default=5)
    wanted_by.add_argument("--take-overs", type=int, default=1)
    wanted_by.add_argument("--seed", type=int, default=1)
    asked = wanted_by.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    process.prepare()
    sound = []
    with bench_on(durable=False, light=True, people=asked.people) as (bench, _):
        if asked.kills:
            tally = random_kills(bench, asked.people, kills=asked.kills, each=asked.each, seed=asked.seed)
            sound.append(report("runs under random kills", tally))
        for _ in range(asked.take_overs):
            seconds = take_over(bench)
            say(f"a killed worker's effects were done by another after {seconds:.0f} s")
            sound.append(seconds < 60)
    for number in range(asked.fail_overs):
        accepted, lost, seconds, ended = fail_over(asked.people, asked.seed + number)
        say(
            f"fail-over: {accepted} applications accepted, {lost} lost, the next accepted after {seconds:.1f} s"
        )
        sound.append(not lost and ended)
    if asked.full_disks:
        sound.append(
            report("full disks", full_disk(rounds=asked.full_disks, people=asked.people, seed=asked.seed))
        )
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
