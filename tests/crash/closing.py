"""Kill a closing at every commit point, start again, compare with the undisturbed run.

``python -m tests.crash.closing`` makes clusters of its own and prints the matrix. Where the server itself is killed,
everything is forced to disk.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tests.crash import process

from closeout.cluster import databases, migrations, places, supervisor

SECONDS_MAX = 120  # of one process; longer is stuck
CLOCK = time
FORK = get_context("fork")  # Django is imported once; a schedule then costs little more than its work

# What must be the same however often it was interrupted. Codes that were sent again, and when the clock stood
# where, may differ: a person who starts again asks for another code.
STANDING = {
    "case": "select state, held, clock_left, withdrawals from cases_case order by id",
    "history": "select revision, event, from_state, to_state, actor, detail::text from cases_caseevent "
    "order by case_id, revision",
    "effects": "select kind, state, count(*) from cases_effect where not data ? 'message' group by 1, 2 order by 1, 2",
    "letters": "select template, channel, sent_at is not null, count(*) from cases_message where template <> 'code' "
    "group by 1, 2, 3 order by 1, 2, 3",
    "documents": "select kind, count(*) from cases_document group by 1 order by 1",
    "audit": "select event, count(*) from audit.entry group by 1 order by 1",
    "receipts": "select kind, state, reason, count(*) from sandbox.receipt group by 1, 2, 3 order by 1, 2, 3",
    "accounts": "select state, erased_at is not null, count(*) from sandbox.account group by 1, 2 order by 1, 2",
    "people": "select count(*) from sandbox.person",
    "ledger": "select asset, balances from sandbox.asset_sum order by 1",
}
KEYS = "select class, count(*) from keyring.erasure group by 1 order by 1"


@dataclass
class Tally:
    """What became of the schedules."""

    points: int = 0
    killed: int = 0
    equal: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def line(self, what: str) -> str:
        """Return the line of the matrix."""
        return (
            f"{self.points} {what}, {self.killed} killed, {self.equal} equal, {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {len(self.stuck)} stuck"
        )

    @property
    def sound(self) -> bool:
        """Say whether every schedule ended as the undisturbed run did."""
        return self.equal == self.points and not (self.lost or self.doubled or self.stuck)


class Bench:
    """A server with a furnished exchange, copied for every schedule."""

    def __init__(self, url: str, home: Path, *, light: bool, people: int = 1) -> None:
        self._url, self._home, self._light, self._people = url, home, light, people
        self._number = 0
        self._template = f"crash{os.getpid()}"
        self._names: list[str] = []

    def furnish(self) -> None:
        """Make the template: holders whose accounts can be closed, and no more."""
        for name in (self._template, f"{self._template}_keyring"):
            self._admin("create database {}", name)
            self._names.append(name)
        with databases.connect(self.at(self._template)) as opened:
            migrations.apply_all(opened)
        opened.close()
        with databases.connect(self.at(f"{self._template}_keyring")) as opened:
            migrations.apply_keyring(opened)
        opened.close()
        assert self._child(self._template, self._home / "template", furnish=True) == 0

    def clear(self) -> None:
        """Drop what was made."""
        for name in self._names:
            self._admin("drop database if exists {} with (force)", name)

    def schedule(self) -> tuple[str, Path]:
        """Return name and folder of a fresh copy."""
        self._number += 1
        name = f"{self._template}_{self._number}"
        for made, template in ((name, self._template), (f"{name}_keyring", f"{self._template}_keyring")):
            self._admin("create database {} template {} strategy file_copy", made, template)
            self._names.append(made)
        return name, self._home / name

    def drop(self, name: str) -> None:
        """Drop one copy and its folder."""
        for made in (name, f"{name}_keyring"):
            self._admin("drop database {} with (force)", made)
            self._names.remove(made)
        shutil.rmtree(self._home / name, ignore_errors=True)

    def run(self, name: str, folder: Path, **more: Any) -> int:
        """Run the process to the end or to its death (see :func:`process.live`); return its exit code."""
        return self._child(name, folder, **more)

    def asked(self, name: str, text: str) -> list[tuple[Any, ...]]:
        """Return what the database called ``name`` answers to ``text``."""
        with psycopg.connect(self.at(name)) as opened:
            return opened.execute(text.encode()).fetchall()

    def letters_lost(self, name: str, folder: Path) -> int:
        """Return how many letters count as sent and were never written."""
        with psycopg.connect(self.at(name)) as opened:
            rows = opened.execute(
                "select key, channel from cases_message where sent_at is not null and template <> 'code'"
            )
            endings = {"email": "eml", "sms": "txt"}
            files = [folder / "outbox" / f"{key}.{endings[channel]}" for key, channel in rows.fetchall()]
        return sum(not file.exists() for file in files)

    def start(self, name: str, folder: Path) -> BaseProcess:
        """Start the process and leave it running."""
        child = FORK.Process(target=process.live, args=(name, self.environment(name, folder)))
        child.start()
        return child

    def standing(self, name: str) -> dict[str, list[tuple[Any, ...]]]:
        """Return what is true of the database called ``name``."""
        with psycopg.connect(self.at(name)) as opened:
            found = {what: opened.execute(text).fetchall() for what, text in STANDING.items()}
        with psycopg.connect(self.at(f"{name}_keyring")) as opened:
            found["keys"] = opened.execute(KEYS).fetchall()
        return found

    def points(self, folder: Path) -> int:
        """Return how many points the undisturbed run passed."""
        return int((folder / "points").read_text(encoding="ascii"))

    def at(self, name: str) -> str:
        """Return the address of the database called ``name``."""
        return databases.with_name(self._url, name)

    def _admin(self, text: str, *names: str) -> None:
        with databases.connect(self._url, autocommit=True) as opened:
            opened.execute(sql.SQL(text).format(*map(sql.Identifier, names)))
        opened.close()

    def environment(self, name: str, folder: Path) -> dict[str, str]:
        """Return what a process must know to work on the copy called ``name``."""
        folder.mkdir(parents=True, exist_ok=True)
        return os.environ | {
            "CLOSEOUT_DATABASE_URL": self.at(name),
            "CLOSEOUT_KEYRING_URL": self.at(f"{name}_keyring"),
            "CLOSEOUT_KEYS": str(self._home / "keys"),
            "CLOSEOUT_OUTBOX": str(folder / "outbox"),
            "CLOSEOUT_ARCHIVES": str(folder / "archives"),
            "CLOSEOUT_SECRET_KEY": "only for tests " + "x" * 40,
            "CRASH_LIGHT": "1" if self._light else "",
            "CRASH_PEOPLE": str(self._people),
            "CRASH_COUNT": str(folder / "points"),
        }

    def _child(self, name: str, folder: Path, **more: Any) -> int:
        """Run :func:`process.live` in a process of its own, forked from this one, which holds no connection."""
        child = FORK.Process(target=process.live, args=(name, self.environment(name, folder)), kwargs=more)
        child.start()
        child.join(SECONDS_MAX)
        if child.exitcode is None:
            child.kill()
            child.join()
            return 124
        return child.exitcode


def judge(tally: Tally, where: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare what is with what must be, and say what was lost or doubled."""
    if found == wanted:
        tally.equal += 1
        return
    for what, rows in wanted.items():
        lacking = Counter(map(str, rows)) - Counter(map(str, found[what]))
        beyond = Counter(map(str, found[what])) - Counter(map(str, rows))
        if lacking:
            tally.lost.append(f"{where}: {what} lacks {sorted(lacking)}")
        if beyond:
            tally.doubled.append(f"{where}: {what} has {sorted(beyond)}")


def crash(bench: Bench, schedules: Sequence[Sequence[int]], wanted: dict[str, Any]) -> Tally:
    """Run every schedule: killed at each of its points in turn, then left alone until it has finished."""
    tally = Tally()
    for schedule in schedules:
        tally.points += 1
        name, folder = bench.schedule()
        where = " then ".join(map(str, schedule))
        for at in schedule:
            tally.killed += bench.run(name, folder, at=at) == -signal.SIGKILL
        if bench.run(name, folder) == 0:
            judge(tally, where, bench.standing(name), wanted)
        else:
            tally.stuck.append(where)
        bench.drop(name)
        if tally.points % 50 == 0:
            say("  … " + tally.line("schedules so far"))
    return tally


def undisturbed(bench: Bench) -> tuple[dict[str, Any], int]:
    """Run once without a fault; return how it ends and how many points it passes."""
    name, folder = bench.schedule()
    code = bench.run(name, folder)
    assert code == 0, f"the undisturbed run ends with {code}"
    wanted, points = bench.standing(name), bench.points(folder)
    bench.drop(name)
    return wanted, points


def kill_server(cluster: supervisor.Cluster) -> None:
    """Kill the server as a power cut does: the postmaster and with it every backend, unasked."""
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def storms(
    bench: Bench, cluster: supervisor.Cluster, wanted: dict[str, Any], *, rounds: int, seed: int
) -> Tally:
    """Kill -9 the PostgreSQL server at random moments of a run, start it again, and go on."""
    tally, chance = Tally(), random.Random(seed)
    for number in range(rounds):
        tally.points += 1
        name, folder = bench.schedule()
        child = bench.start(name, folder)
        over = threading.Event()
        over.wait(chance.uniform(0.2, 4.0))
        kill_server(cluster)
        tally.killed += 1
        child.kill()
        child.join()
        cluster.start()
        if bench.run(name, folder) == 0:
            judge(tally, f"storm {number}", bench.standing(name), wanted)
        else:
            tally.stuck.append(f"storm {number}")
        bench.drop(name)
    return tally


def spread(points: int, most: int) -> list[tuple[int]]:
    """Return all points, or ``most`` of them from first to last."""
    every = max(points / most, 1)
    return [(1 + int(number * every),) for number in range(min(most, points))]


def pairs(points: int, count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of points at random; the second counts from the restart."""
    chance = random.Random(seed)
    for _ in range(count):
        first = chance.randint(1, points)
        yield first, chance.randint(1, max(points - first, 1))


def say(text: str) -> None:
    """Write one line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def bench_on(
    *, durable: bool, light: bool, people: int = 1, home: Path | None = None
) -> Iterator[tuple[Bench, supervisor.Cluster]]:
    """Lend a furnished bench on a server of its own. ``durable``: everything is forced to disk."""
    home = home or Path(tempfile.mkdtemp(prefix="closeout-crash-"))
    home.chmod(0o755)  # root's server is another user and must walk through
    cluster = supervisor.Cluster(home / "pg", durable=durable)
    try:
        bench = Bench(cluster.start(), home, light=light, people=people)
        bench.furnish()
        yield bench, cluster
    finally:
        cluster.stop(force=True)
        shutil.rmtree(places.settle(home / "pg").path, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Print the matrix; exit 1 if anything was lost, doubled or stuck."""
    wanted_by = argparse.ArgumentParser(description=__doc__)
    wanted_by.add_argument("--most", type=int, default=10**6, help="of all points, so many, spread evenly")
    wanted_by.add_argument("--pairs", type=int, default=20)
    wanted_by.add_argument("--storms", type=int, default=5, help="kills of the PostgreSQL server")
    wanted_by.add_argument("--seed", type=int, default=1)
    wanted_by.add_argument(
        "--light", action="store_true", help="note archive and certificate, do not make them"
    )
    asked = wanted_by.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped
    begun = CLOCK.monotonic()
    process.prepare()
    with bench_on(durable=False, light=asked.light) as (bench, _):
        wanted, points = undisturbed(bench)
        tallies = {
            "crash points": crash(bench, spread(points, asked.most), wanted),
            "pairs of crash points": crash(bench, list(pairs(points, asked.pairs, asked.seed)), wanted),
        }
    with bench_on(durable=True, light=asked.light) as (bench, cluster):
        tallies["kills of PostgreSQL"] = storms(bench, cluster, wanted, rounds=asked.storms, seed=asked.seed)
    for what, tally in tallies.items():
        say(tally.line(what))
        for problem in [*tally.lost, *tally.doubled, *tally.stuck]:
            say(f"  {problem}")
    say(f"{CLOCK.monotonic() - begun:.0f} s, seed {asked.seed}")
    return 0 if all(tally.sound for tally in tallies.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
