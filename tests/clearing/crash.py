"""A worker that dies: a forked process clears the messy person and is killed with SIGKILL at one point.

Points are the moments just before and just after each call that commits: the only moments between which what
the database keeps differs. Statements inside a transaction that is not committed leave nothing, whichever of
them was the last; so these points stand for a crash between any two statements.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection as django_connection
from psycopg.pq import TransactionStatus

from closeout.cases import clearing_journal
from closeout.cases.clearing_journal import DatabaseJournal
from closeout.clearing import run, send
from closeout.clearing.choices import suggested
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.sandbox import world
from closeout.venues.sandbox.venue import SandboxVenue

HOURS = (0, 1, 30, 80)  # after the start: settlements, unbonding and confirmations, the end of the stake
WRITES = ("insert", "update", "delete", "with", "create")


@dataclass
class Killer:
    """Counts the calls to the database of this process; ends the process before or after one of them."""

    at: int | None = None
    after: bool = False
    calls: int = 0
    commits: list[int] = field(default_factory=list)
    last: str = ""

    def wait(self, real: Callable[..., Any], connection: Any, *args: Any, **more: Any) -> Any:
        """Stand around one call."""
        self.calls += 1
        number, began = self.calls, connection.pgconn.transaction_status
        if number == self.at and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(connection, *args, **more)
        if number == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        ended = connection.pgconn.transaction_status
        alone = began == TransactionStatus.IDLE and self.last.lstrip().lower().startswith(WRITES)
        if ended == TransactionStatus.IDLE and (began != TransactionStatus.IDLE or alone):
            self.commits.append(number)
        self.last = ""
        return result


@contextmanager
def watched(killer: Killer) -> Iterator[None]:
    """Let every call of this process to the database pass by ``killer``."""
    wait, execute = psycopg.Connection.wait, psycopg.Cursor.execute

    def waiting(connection: Any, *args: Any, **more: Any) -> Any:
        return killer.wait(wait, connection, *args, **more)

    def executing(cursor: Any, query: Any, *args: Any, **more: Any) -> Any:
        killer.last = str(query)
        return execute(cursor, query, *args, **more)

    psycopg.Connection.wait = waiting  # type: ignore[method-assign, assignment]
    psycopg.Cursor.execute = executing  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        psycopg.Connection.wait = wait  # type: ignore[method-assign]
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def clear_to_the_end(url: str, account_id: int) -> None:
    """Clear the account, let time pass in steps, and go on, until the last step; continues where it stopped."""
    _at(url)
    journal = DatabaseJournal("sandbox")
    with SandboxVenue(url) as venue:
        with venue.connection() as connection:
            row = connection.execute(
                "select opened_at from sandbox.account where account_id = %s", (account_id,)
            )
            began = row.fetchone()[0] + timedelta(days=700)  # type: ignore[index]
        for hours in HOURS:
            with venue.connection() as connection:
                world.set_clock(connection, max(venue.now(), began + timedelta(hours=hours)))
            venue.settle()
            _drive(venue, journal, account_id)
    django_connection.close()


def _drive(venue: SandboxVenue, journal: DatabaseJournal, account_id: int) -> None:
    standing = journal.unfinished(account_id)
    if standing is None:
        choices = suggested(venue.destinations(account_id), now=venue.now())
        shown = run.show(venue, journal, Policy(), account_id, choices=choices)
        try:
            standing = run.start(venue, journal, Policy(), account_id=account_id, digest=shown.digest)
        except Refused:
            return  # nothing to clear
    for _ in run.proceed(venue, journal, Policy(), standing, worker="w"):
        pass


def _at(url: str) -> None:
    """Point Django of this process to ``url``."""
    django_connection.close()
    django_connection.settings_dict["NAME"] = psycopg.conninfo.conninfo_to_dict(url)["dbname"]


def die_at(url: str, account_id: int, point: str) -> None:
    """Clear the account and die the first time that ``point`` is passed."""

    def failpoint(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    send.failpoint = failpoint
    clear_to_the_end(url, account_id)


def confirm(url: str, account_id: int) -> None:
    """Show a dry run and confirm it; nothing is sent yet."""
    _at(url)
    with SandboxVenue(url) as venue:
        choices = suggested(venue.destinations(account_id), now=venue.now())
        journal = DatabaseJournal("sandbox")
        shown = run.show(venue, journal, Policy(), account_id, choices=choices)
        run.start(venue, journal, Policy(), account_id=account_id, digest=shown.digest)
    django_connection.close()


def drive_confirmed(url: str, account_id: int, worker: str) -> None:
    """Drive the open run without respect for anybody's lease."""
    _at(url)
    clearing_journal.LEASE = timedelta(0)
    with SandboxVenue(url) as venue:
        journal = DatabaseJournal("sandbox")
        standing = journal.unfinished(account_id)
        if standing is not None:
            for _ in run.proceed(venue, journal, Policy(), standing, worker=worker):
                pass
    django_connection.close()


def in_a_process(work: Callable[[], None]) -> int:
    """Run ``work`` in a forked process; return its exit status as :func:`os.waitpid` tells it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - a forked child must not return into the test runner
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


STATE = {
    "money": "select owner, account_id, wallet, bucket, asset, balance from sandbox.ledger where balance <> 0",
    "sums": "select asset, sum(balance) from sandbox.ledger group by asset having sum(balance) <> 0",
    "leaving": "select kind, asset, amount, fee, network, address, memo, state from sandbox.movement",
    "sold": "select from_asset, amount, to_asset, proceeds, price, fee from sandbox.conversion",
    "orders": "select order_id, state, filled, locked from sandbox.trade_order",
    "positions": "select position_id, state, quantity, pending from sandbox.position",
    "loans": "select loan_id, state, principal, collateral, interest_paid from sandbox.loan",
    "earn": "select earn_id, state, amount, auto_renew from sandbox.earn",
    "keys": "select key_id, revoked_at is not null from sandbox.api_key",
    "methods": "select method_id, unbound_at is not null from sandbox.payment_method",
    "accounts": "select account_id, state from sandbox.account",
    "done": "select kind, digest, state, count(*) from sandbox.receipt group by 1, 2, 3",
    "runs": "select account_id, state from cases_clearingrun",
    "unanswered": "select key from cases_clearingentry where receipt is null",
    "invented": "select key from cases_clearingentry where receipt is not null "
    "and key not in (select key from sandbox.receipt)",
    "unwritten": "select key from sandbox.receipt where key not in (select key from cases_clearingentry)",
}
TOLD = """
select e.run_id, e.body ->> 'kind', e.body ->> 'command', e.body ->> 'round', count(*)
from cases_clearingevent as e where e.body ->> 'kind' in ('done', 'pending', 'rejected')
group by 1, 2, 3, 4 having count(*) <> 1
union all
select c.run_id, 'untold', c.key, c.round::text, 0 from cases_clearingentry as c
where c.receipt is not null and not exists (
    select 1 from cases_clearingevent as e where e.run_id = c.run_id and e.body ->> 'round' = c.round::text
    and e.body ->> 'kind' in ('done', 'pending', 'rejected'))
"""


def state_of(url: str, *, told: bool = False) -> dict[str, list[str]]:
    """Return everything that matters in the database, without numbers and times of its own.

    ``told``: also what was told more or less than once; two workers at the same time may both tell.
    """
    queries = STATE | ({"told": TOLD} if told else {})
    with psycopg.connect(url, autocommit=True) as connection:
        return {
            name: sorted(repr(row) for row in connection.execute(query).fetchall())  # type: ignore[arg-type]
            for name, query in queries.items()
        }


def points_of(url: str, account_id: int, scratch: Path) -> list[tuple[int, bool]]:
    """Clear the account undisturbed; return every (call, before or after it) at which a process could die."""

    def undisturbed() -> None:
        killer = Killer()
        with watched(killer):
            clear_to_the_end(url, account_id)
        scratch.write_text(json.dumps(killer.commits))

    assert in_a_process(undisturbed) == 0
    return [(call, after) for call in json.loads(scratch.read_text()) for after in (False, True)]


def end_after(url: str, account_id: int, point: tuple[int, bool]) -> dict[str, list[str]]:
    """Let a process die at ``point``, start another, and return how it ends."""
    killer = Killer(at=point[0], after=point[1])

    def dying() -> None:
        with watched(killer):
            clear_to_the_end(url, account_id)

    assert os.WTERMSIG(in_a_process(dying)) == 9, f"point {point} was not reached"
    assert in_a_process(lambda: clear_to_the_end(url, account_id)) == 0
    return state_of(url, told=True)
