"""A crew on one database: a process that applies and some that work; whoever dies is replaced."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg
from tests.crash import process
from tests.crash.closing import CLOCK, FORK

from closeout.venues.sandbox import world

WORKERS = 2
STEP_SECONDS = 0.05
STUCK_SECONDS = 300
SHORT = timedelta(hours=6)  # the clock's step while people apply: an application lapses after days
LONG = timedelta(days=1)
LEASE = timedelta(seconds=1)  # the machine's clock decides how long a dead worker is waited for

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


def wait_for(what: Callable[[], bool], *, most: float = STUCK_SECONDS) -> bool:
    """Ask again and again; return whether it became true within ``most`` seconds."""
    begun, pause = CLOCK.monotonic(), threading.Event()
    while not what():
        if CLOCK.monotonic() - begun > most:
            return False
        pause.wait(STEP_SECONDS)
    return True


class Crew:
    """One process that applies and some that work, on one database; whoever dies is replaced.

    ``mutant``: the bug that is planted in the workers. What the processes say goes to a file of ``folder``.
    """

    def __init__(self, name: str, environment: Mapping[str, str], folder: Path, mutant: str = "") -> None:
        self._name, self._mutant = name, mutant
        self._environment = {**environment, "CRASH_SAID": str(folder / "said")}
        self.acknowledged = folder / "acknowledged"
        self.acknowledged.touch()
        self.applicant = self._fork(process.apply_all, self.acknowledged)
        self.workers = [self._worker() for _ in range(WORKERS)]

    def _worker(self) -> BaseProcess:
        return self._fork(process.work, LEASE, "", self._mutant)

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
            self.workers[place % WORKERS] = self._worker()

    def replace_the_dead(self) -> None:
        """Start those again that ended with an error."""
        if self.applicant.exitcode:
            self.applicant = self._fork(process.apply_all, self.acknowledged)
        self.workers = [one if one.is_alive() else self._worker() for one in self.workers]

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


def all_erased(url: str, people: int, step: timedelta) -> bool:
    """Move the clock on and say whether everybody's data are erased."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as opened:
        row = opened.execute("select count(*) from cases_case where state = 'erased'").fetchone()
        now = opened.execute("select instant from sandbox.clock").fetchone()
        assert row is not None
        assert now is not None
        world.set_clock(opened, now[0] + step)
        return bool(row[0] == people)
    return False


def finish(crew: Crew, url: str, people: int) -> bool:
    """Let everybody work until all is done; return whether it was."""

    def done() -> bool:
        crew.replace_the_dead()
        return len(crew.accepted()) == people and all_erased(url, people, LONG)

    return wait_for(done)
