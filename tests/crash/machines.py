"""What happens to machines: workers killed at random under load, a fail-over to a standby, a full disk.

``python -m tests.crash.machines`` prints one line for each, and exits 1 if anything was lost, doubled or stuck.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from tests.crash import process
from tests.crash.closing import CLOCK, FORK, Bench, Tally, bench_on, judge, kill_server, say
from tests.crash.crew import SHORT, STEP_SECONDS, Crew, all_erased, end, finish, standing, wait_for
from tests.crash.mutants import MUTANTS

from closeout.cluster import binaries, databases, places, server, supervisor

PEOPLE = 10
TAKEN_OVER_SECONDS = 60
SMALL_DISK = "300m"


def one_run(
    bench: Bench, people: int, *, kills: int = 0, seed: int = 0, mutant: str = ""
) -> tuple[bool, dict[str, Any]]:
    """Bring everybody from application to erased, killing so many on the way; return whether it ended, and how."""
    name, folder = bench.schedule()
    crew = Crew(name, bench.environment(name, folder), folder, mutant)
    chance, pause = random.Random(seed), threading.Event()
    try:
        for _ in range(kills):
            pause.wait(chance.uniform(0.02, 0.6))
            crew.kill_one(chance)
            all_erased(bench.at(name), people, SHORT)
        ended = finish(crew, bench.at(name), people)
        return ended, standing(bench.at(name))
    finally:
        crew.end()
        bench.drop(name)


def random_kills(bench: Bench, people: int, *, kills: int, each: int, seed: int, mutant: str = "") -> Tally:
    """Kill applicants and workers at random, ``each`` times in a run, and compare with a run without."""
    ended, wanted = one_run(bench, people)
    assert ended, "the undisturbed run does not end"
    tally = Tally()
    while tally.killed < kills:
        tally.points += 1
        now = min(each, kills - tally.killed)
        ended, found = one_run(bench, people, kills=now, seed=seed + tally.points, mutant=mutant)
        tally.killed += now
        if ended:
            judge(tally, f"run {tally.points}", found, wanted)
        else:
            tally.stuck.append(f"run {tally.points}")
        say("  … " + tally.line("runs so far"))
    return tally


@contextmanager
def standby_of(home: Path, *, synchronous: bool = True) -> Iterator[supervisor.Cluster]:
    """Copy the running server and let the copy follow; from then on every commit waits for it.

    Not ``synchronous``, which is the planted mistake: nobody waits, and the copy stops hearing.
    """
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
        if synchronous:
            opened.execute("alter system set synchronous_standby_names = '*'")
            opened.execute("select pg_reload_conf()")
        follows = (
            "select pid from pg_stat_replication where state = 'streaming' and (sync_state = 'sync') = %s"
        )
        deaf = 0
        try:
            assert wait_for(lambda: opened.execute(follows, [synchronous]).fetchone() is not None)
            if not synchronous:
                (deaf,) = opened.execute(follows, [synchronous]).fetchone() or (0,)
                os.kill(deaf, signal.SIGSTOP)
            yield standby
        finally:
            if deaf:
                os.kill(deaf, signal.SIGKILL)
            standby.stop(force=True)


def fail_over(people: int, seed: int, *, synchronous: bool = True) -> tuple[int, int, float, bool]:
    """Kill the server while people apply, and promote its synchronous standby.

    Return how many applications had been accepted, how many of them the standby does not have, after how many seconds
    the next one was accepted, and whether everybody was closed and erased in the end.
    """
    with bench_on(durable=True, light=True, people=people) as (bench, cluster):
        name, folder = bench.schedule()
        home = places.settle(cluster.wanted).path.parent
        with standby_of(home, synchronous=synchronous) as standby:
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
                enough = random.Random(seed).randint(1, max(people // 2, 1))
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


def take_over(bench: Bench, *, mutant: str = "") -> float | None:
    """Kill a worker that holds an effect; return after how many seconds another has done it, with the real lease.

    None: nobody has within a minute.
    """
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
    other = FORK.Process(target=process.work, args=(name, environment, None, "", mutant))
    other.start()
    frozen = "select count(*) from sandbox.account where state = 'open'"
    try:
        with psycopg.connect(bench.at(name), autocommit=True) as opened:
            taken = wait_for(lambda: opened.execute(frozen).fetchone() == (0,), most=TAKEN_OVER_SECONDS)
        return CLOCK.monotonic() - begun if taken else None
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


def full_disk(*, rounds: int, people: int, seed: int, mutant: str = "") -> Tally:
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
            crew = Crew(name, bench.environment(name, folder), folder, mutant)
            try:
                threading.Event().wait(chance.uniform(0.2, 3.0))
                tally.killed += _fill(disk, chance.uniform(2.0, 6.0))
                cluster.start()
                if finish(crew, bench.at(name), people):
                    judge(tally, f"disk {number}", standing(bench.at(name)), wanted)
                else:
                    tally.stuck.append(f"disk {number}")
            finally:
                crew.end()
                bench.drop(name)
        said = places.settle(cluster.wanted).log.read_text(encoding="utf-8", errors="replace")
        say(f"the server said {said.count('No space left on device')} times that there is no space left")
    return tally


def _fill(disk: Path, seconds: float) -> bool:
    """Leave no room on the disk for so long; return whether it was full."""
    junk, full = disk / "junk", False
    begun = CLOCK.monotonic()
    with junk.open("ab", buffering=0) as file:
        while CLOCK.monotonic() - begun < seconds:
            try:
                file.write(b"\0" * 65536)
            except OSError:
                full = True
                threading.Event().wait(STEP_SECONDS)
    junk.unlink()
    return full


def report(what: str, tally: Tally) -> bool:
    """Print a line of the matrix and what was wrong; return whether nothing was."""
    say(tally.line(what))
    for problem in [*tally.lost, *tally.doubled, *tally.stuck]:
        say(f"  {problem}")
    return tally.sound


def killed(asked: argparse.Namespace) -> list[bool]:
    """Kill people's and workers' processes; return what was survived."""
    sound = []
    with bench_on(durable=False, light=True, people=asked.people) as (bench, _):
        if asked.kills:
            tally = random_kills(
                bench, asked.people, kills=asked.kills, each=asked.each, seed=asked.seed, mutant=asked.mutant
            )
            sound.append(report("runs under random kills", tally))
        for _ in range(asked.take_overs):
            seconds = take_over(bench, mutant=asked.mutant)
            told = "NOT done" if seconds is None else f"done by another after {seconds:.0f} s"
            say(f"a killed worker's effects were {told}; at most {TAKEN_OVER_SECONDS} s")
            sound.append(seconds is not None)
    return sound


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
    wanted_by.add_argument(
        "--mutant",
        choices=sorted(MUTANTS),
        default="",
        help="plant this bug in the workers; it must be found",
    )
    wanted_by.add_argument(
        "--asynchronous", action="store_true", help="let no commit wait for the standby; it must be found"
    )
    asked = wanted_by.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    process.prepare()
    sound: list[bool] = []
    if asked.kills or asked.take_overs:
        sound += killed(asked)
    for number in range(asked.fail_overs):
        accepted, lost, gap, ended = fail_over(
            asked.people, asked.seed + number, synchronous=not asked.asynchronous
        )
        end_told = "everybody closed and erased" if ended else "STUCK"
        say(
            f"fail-over: {accepted} applications accepted, {lost} lost, the next after {gap:.1f} s, {end_told}"
        )
        sound.append(not lost and ended)
    if asked.full_disks:
        tally = full_disk(rounds=asked.full_disks, people=asked.people, seed=asked.seed, mutant=asked.mutant)
        sound.append(report("full disks", tally))
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
