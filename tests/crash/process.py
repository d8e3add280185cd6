"""The process that is killed: forked from one that has imported everything and holds no connection."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import django

BEGINS = datetime(2026, 1, 5, 8)  # naive UTC


def prepare() -> None:
    """Import everything once, in the parent."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "closeout.web.settings"
    os.environ.setdefault("CLOSEOUT_SECRET_KEY", "only for tests " + "x" * 40)
    django.setup()
    from closeout.cases import worker  # noqa: F401


def _begin(name: str, environment: Mapping[str, str]) -> None:
    """Let this process work on the database called ``name``."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment)
    if said := environment.get("CRASH_SAID"):  # what a killed server makes them say is no part of the matrix
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    from django.db import connection

    from closeout.cluster import databases
    from closeout.web.settings import database

    connection.settings_dict.update(
        database(databases.with_name(environment["CLOSEOUT_DATABASE_URL"], name), pool=0)
    )


def live(
    name: str,
    environment: Mapping[str, str],
    *,
    at: int = 0,
    furnish: bool = False,
    mutant: str = "",
    point: str = "",
) -> None:
    """Live through a closing in the database called ``name``; die at the ``at``-th point, 0 for never.

    ``mutant``: the bug that is planted in this process. ``point``: where to die instead, as ``name:pass``.
    """
    _begin(name, environment)
    from django.core.management import call_command
    from tests.cases import exchange
    from tests.crash import holder, mutants

    from closeout.cases import venues

    with venues.sandbox().connection() as opened:
        if furnish:
            call_command("migrate", verbosity=0, interactive=False)
            exchange.furnish(opened, BEGINS, int(environment["CRASH_PEOPLE"]))
            os._exit(0)
        row = opened.execute("select min(account_id) from sandbox.account").fetchone()
    assert row is not None
    if mutant:
        mutants.MUTANTS[mutant]()
    light, count = bool(environment["CRASH_LIGHT"]), Path(environment["CRASH_COUNT"])
    holder.live(row[0], at=at, light=light, count=count, point=point)
    os._exit(0)  # what else the parent has imported need not be wound up


def apply_all(name: str, environment: Mapping[str, str], acknowledged: Path) -> None:
    """Apply for one account after the other; note each number, forced to disk, once the application is accepted.

    What an earlier process has submitted is left alone.
    """
    _begin(name, environment)
    from tests.cases.exchange import Exchange

    from closeout.cases import queries, venues
    from closeout.cases.operations import HOLDER, advance
    from closeout.lifecycle import Event, State

    with venues.sandbox().connection() as opened:
        rows = opened.execute("select account_id from sandbox.account order by account_id").fetchall()
    exchange = Exchange([account for (account,) in rows])
    with acknowledged.open("a", encoding="ascii") as file:
        for account in exchange.accounts:
            case = queries.case_of(account, venue=venues.SANDBOX)
            if case is None or case.state == State.APPLICATION:
                # Killed after it was opened, an application stands and is gone on with.
                case = exchange.open(account) if case is None else exchange.ready(case)
                advance([case.pk], Event.SUBMIT, actor=HOLDER, now=exchange.now)
                file.write(f"{account}\n")
                file.flush()
                os.fsync(file.fileno())
    os._exit(0)


def work(
    name: str,
    environment: Mapping[str, str],
    lease: timedelta | None = None,
    at: str = "",
    mutant: str = "",
) -> None:
    """Be a worker until killed.

    ``lease``: of its effects; ``at``: the named point at which it dies; ``mutant``: the bug that is planted in it.
    """
    _begin(name, environment)
    from tests.crash import holder, mutants

    from closeout import failpoints
    from closeout.cases import effects, worker

    holder.note_documents()
    if mutant:
        mutants.MUTANTS[mutant]()
    effects.LEASE = lease or effects.LEASE
    worker.IDLE_SECONDS = 0.05
    failpoints._named, failpoints._nth, failpoints._passes = at, "1", itertools.count(1)
    worker.run(threading.Event())
