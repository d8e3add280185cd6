"""Cooling-off to closed for many cases, against the bare SQL that writes the same rows.

Both run on the same server in the same run, everything forced to disk, a thousand cases a transaction. The engine
locks, checks every condition of every account, decides, and writes case, history, effects and audit entry; the floor
writes the same rows and checks nothing. Ratios, not seconds, are comparable between machines; on a machine that is
shared, ratios of processor time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import django
from benchmarks.meter import Meter

from closeout.cluster import databases, migrations, places, supervisor

PEOPLE = """
with made as (
    insert into sandbox.account (jurisdiction, opened_at)
    select 'DE', sandbox.now() - interval '700 days' from generate_series(1, %(count)s) returning account_id
), known as (
    insert into sandbox.identity (account_id, state, valid_until, verified_at)
    select account_id, 'verified', sandbox.now() + interval '900 days', sandbox.now() - interval '600 days' from made
), reached as (
    insert into sandbox.contact (account_id, kind, reachable, confirmed_at)
    select account_id, kind, true, sandbox.now() - interval '100 days'
    from made, unnest(array['email', 'phone']) as kind
)
insert into cases_case (
    number, venue, account_id, state, due_at, held, language, policy_id, revision, opened_at, submitted_at, verified_at,
    action_digest, records_choice, looked_at, withdrawals
)
select
    'CL-' || account_id, 'sandbox', account_id, 'cooling_off', %(due_at)s, false, 'en', %(policy)s, 2, %(now)s, %(now)s,
    %(now)s, repeat('0', 64), 'declined', %(now)s, 0
from made
"""
FLOOR = """
with due as (
    select id, number from cases_case
    where campaign_id is null and due_at is not null and state = 'cooling_off' and due_at <= %(now)s
    order by due_at limit 1000 for no key update skip locked
), moved as (
    update cases_case as c set state = 'closing', due_at = null, revision = c.revision + 1, looked_at = %(now)s
    from due where c.id = due.id returning c.id, c.revision, c.number
), told as (
    insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)
    select id, revision, 'close', 'cooling_off', 'closing', 'system', %(now)s, '{}' from moved
), asked as (
    insert into cases_effect (case_id, kind, data, state, lane, run_at, attempts, fault)
    select id, 'archive.build', '{"asked_at": "2026-01-05T08:00:00+00:00"}', 'ready', 1, %(now)s, 0, '' from moved
), kept as (
    insert into audit.entry (epoch, subject, event, rec)
    select (select max(number) from audit.epoch), number, 'case:close', convert_to(repeat('x', %(size)s), 'UTF8')
    from moved
)
select count(*) from moved
"""


@contextmanager
def bench() -> Iterator[None]:
    """Point the environment at a durable cluster of one's own with every table."""
    home = Path(tempfile.mkdtemp(prefix="closeout-bench-"))
    home.chmod(0o755)  # root's server is another user and must walk through
    cluster = supervisor.Cluster(home / "pg")
    try:
        url = cluster.start()
        os.environ |= {
            "CLOSEOUT_DATABASE_URL": url,
            "CLOSEOUT_DATA_DIR": str(home / "data"),
            "CLOSEOUT_SECRET_KEY": "only for a benchmark " + "x" * 40,
            "DJANGO_SETTINGS_MODULE": "closeout.web.settings",
        }
        databases.prepare(url)
        with databases.connect(url) as opened:
            migrations.apply_all(opened)
        with databases.connect(databases.keyring_url(url)) as opened:
            migrations.apply_keyring(opened)
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)
        yield
    finally:
        cluster.stop(force=True)
        shutil.rmtree(places.settle(home / "pg").path, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def execute(text: str, **values: Any) -> Any:
    """Run one statement on Django's connection and return its first row, if it has one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchone() if cursor.description else None


def furnish(count: int) -> None:
    """Make ``count`` accounts that can be closed, each with a case whose cooling-off is over."""
    from datetime import timedelta

    from closeout.cases import policies, venues

    now = venues.now()
    policy = policies.keep(policies.in_force(), now=now).pk
    execute(PEOPLE, count=count, now=now, due_at=now - timedelta(minutes=1), policy=policy)
    for table in ("cases_case", "sandbox.account", "sandbox.identity", "sandbox.contact"):
        execute(f"vacuum analyze {table}")


def timed(deed: Callable[[], int]) -> tuple[int, Meter]:
    """Do ``deed`` and return how much it did and what it took."""
    with Meter() as meter:
        done = deed()
    return done, meter


def engine() -> int:
    """Sweep until nothing is due."""
    from closeout.cases import venues, worker
    from closeout.lifecycle import State

    now, total = venues.now(), 0
    step = dict(worker.SWEEPS)[State.COOLING_OFF]
    while done := worker._sweep(State.COOLING_OFF, step, now=now):  # noqa: SLF001 - this very stage is measured
        total += done
    return total


def floor() -> int:
    """Write the same rows, checking nothing."""
    from closeout.cases import venues

    now, total = venues.now(), 0
    (size,) = execute(
        "select coalesce(avg(length(rec)), 160)::int from audit.entry where event = 'case:close'"
    )
    while done := execute(FLOOR, now=now, size=size)[0]:
        total += done
    return total


def check_alone(count: int) -> tuple[int, Meter]:
    """Check the conditions of due cases and write nothing."""
    from closeout.cases import queries

    cases = queries.cases(some(count))

    def check() -> int:
        for first in range(0, len(cases), 1000):
            queries.reports(cases[first : first + 1000], now=now())
        return len(cases)

    return timed(check)


def now() -> datetime:
    """Return the time of cases."""
    from closeout.cases import venues

    return venues.now()


def some(count: int) -> list[int]:
    """Return so many of the cases that are due."""
    from closeout.cases.models import Case

    due = Case.objects.filter(state="cooling_off", due_at__lte=now()).order_by("due_at", "id")
    return list(due.values_list("pk", flat=True)[:count])


def _second() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    engine()


def crowd(workers: int) -> int:
    """Sweep with so many processes at once; return how many cases left cooling-off."""
    from django.db import connections

    def left() -> int:
        return int(
            execute("select count(*) from cases_case where state = 'cooling_off' and number like 'CL-%%'")[0]
        )

    before = left()
    from closeout.cases import venues

    venues.forget()
    connections.close_all()
    context = get_context("fork")
    processes = [context.Process(target=_second) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return before - left()


def closed_at_the_venue(count: int) -> tuple[int, Meter]:
    """Let the worker close ``count`` cases at the sandbox and record it; archives and letters are set aside."""
    from closeout.cases import worker
    from closeout.lifecycle import Effect

    execute("delete from cases_effect")
    execute(
        "insert into cases_effect (case_id, kind, data, state, run_at, attempts, fault) "
        "select id, 'venue.close', '{}', 'ready', %(now)s, 0, '' from cases_case where state = 'closing' "
        "limit %(count)s",
        now=now(), count=count,
    )  # fmt: skip
    execute("vacuum analyze cases_effect")
    handlers = dict(worker.HANDLERS)
    worker.HANDLERS = {Effect.CLOSE.value: handlers[Effect.CLOSE.value]}

    def close() -> int:
        total = 0
        while done := worker._effects(now=now()):  # noqa: SLF001
            total += done
        return total

    try:
        return timed(close)
    finally:
        worker.HANDLERS = handlers


def counted(deed: Callable[[], int]) -> tuple[int, int, int]:
    """Return what ``deed`` did, its statements and its transactions, whichever cursor they went through."""
    import psycopg

    statements, run = 0, psycopg.Cursor.execute

    def note(*args: Any, **more: Any) -> Any:
        nonlocal statements
        statements += 1
        return run(*args, **more)

    def transactions() -> int:
        execute("select pg_stat_force_next_flush()")
        return int(execute("select xact_commit from pg_stat_database where datname = current_database()")[0])

    before = transactions()
    psycopg.Cursor.execute = note  # type: ignore[assignment, method-assign]
    try:
        done = deed()
    finally:
        psycopg.Cursor.execute = run  # type: ignore[method-assign]
    return done, statements, transactions() - before


def say(text: str) -> None:
    """Write one line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def line(what: str, done: int, meter: Meter) -> float:
    """Write one line of the table; return processor milliseconds a case."""
    each = 1000 / max(done, 1)
    say(f"{what:44} {done:>11,} {done / meter.wall:>10,.0f}/s {meter.client * each:>9.3f} "
        f"{meter.server * each:>9.3f} {meter.cpu * each:>9.3f}")  # fmt: skip
    return meter.cpu * each


def main() -> None:
    """Print the table."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--cases", type=int, default=1_000_000, help="due cases of the first comparison")
    wanted.add_argument(
        "--waiting", type=int, default=10_000_000, help="cases that are not due, for the growth"
    )
    wanted.add_argument("--venue", type=int, default=2_000, help="cases closed at the sandbox")
    wanted.add_argument("--peers", type=int, default=500, help="cases given to each job queue; 0 for none")
    asked = wanted.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped
    with bench():
        from benchmarks import engine_growth

        from closeout.cases import worker

        one_application()
        say(
            f"{'processor milliseconds a case':44} {'cases':>11} {'wall':>12} {'python':>9} {'server':>9} {'both':>9}"
        )
        furnish(2_000)
        worker.set_memory_apart()  # as a worker does when it starts
        engine()  # warms plans and caches
        ours = against_the_floor(asked.cases)
        furnish(10_000)
        line("of it the check of all conditions", *check_alone(10_000))
        done, statements, transactions = counted(engine)
        say(
            f"a closed case costs {statements / done:.4f} statements and {transactions / done:.4f} transactions"
        )
        if asked.peers:
            beside_peers(asked.peers, ours)
        for workers in (1, 2) * 2:
            furnish(min(asked.cases, 60_000) // 3)
            line(f"{workers} worker(s)", *timed(lambda count=workers: crowd(count)))
        line("closed at the sandbox and recorded", *closed_at_the_venue(asked.venue))
        engine_growth.growth(asked.waiting)


def against_the_floor(count: int) -> float:
    """Compare with bare SQL that writes the same rows, in turns; return what a case costs the engine."""
    rounds = 3 if count < 300_000 else 1
    spent = {}
    for what, deed in (("bare SQL", floor), ("engine", engine)) * rounds:
        furnish(count // rounds)
        before = rows()
        done, meter = timed(deed)
        written = [now - then for now, then in zip(rows(), before, strict=True)]
        assert written == [done] * 3, (
            f"{what} wrote {written} rows of history, effects and audit for {done} cases"
        )
        cost = line(f"cooling-off to closing: {what}", done, meter)
        spent.setdefault(what, []).append((cost, meter.wall / done))
    mean = {
        what: [sum(column) / rounds for column in zip(*costs, strict=True)] for what, costs in spent.items()
    }
    (ours, slow), (bare, quick) = mean["engine"], mean["bare SQL"]
    say(
        f"    the engine takes {ours / bare:.2f} times the processor of bare SQL, {slow / quick:.2f} times the time"
    )
    return float(ours)


def rows() -> tuple[int, int, int]:
    """Return how many rows of history, effects and audit there are: both must write the same."""
    found: tuple[int, int, int] = execute(
        "select (select count(*) from cases_caseevent), (select count(*) from cases_effect), "
        "(select count(*) from audit.entry)"
    )
    return found


def beside_peers(count: int, ours: float) -> None:
    """Compare with a job and with a workflow for each case."""
    from benchmarks import engine_peers

    for name, peer in (("Procrastinate", engine_peers.procrastinate), ("DBOS", engine_peers.dbos)):
        furnish(count)
        cases = some(count)
        cost = line(f"one case, one {name} job", count, peer(cases, now()))
        left = len(set(cases) & set(some(count * 2)))
        say(f"    {cost / ours:,.0f} times the processor of the engine; {left} of {count} cases left over")
        line(f"    {name} alone, the job does nothing", count, peer(cases, now(), work=False))


def one_application() -> None:
    """Let one of the sandbox's people apply on the pages, and count."""
    from benchmarks import application

    from closeout.cases import sandbox, venues

    sandbox.prepare(at=datetime(2026, 1, 5, 8))
    accounts = {person.handle: person.account_id for person in venues.sandbox().people()}
    cost = application.apply(accounts["clean"])
    say(
        f"one application on the pages: {cost.writing} writing transactions (bar: 12), {cost.transactions} with those "
        f"that only read, {cost.statements} statements"
    )


if __name__ == "__main__":
    main()
