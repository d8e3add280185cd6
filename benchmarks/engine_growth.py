"""What a case costs beside many that wait: the same, if only rows that are due are touched."""

from __future__ import annotations

from typing import Any

from benchmarks.engine import engine, execute, floor, furnish, line, now, say, timed

GROWN = 20_000  # due cases at each size
WAITING = """
insert into cases_case (
    number, venue, account_id, state, due_at, held, language, policy_id, revision, opened_at, submitted_at, verified_at,
    action_digest, records_choice, looked_at, withdrawals
)
select
    'CW-' || n, 'sandbox', 10000000 + n, 'cooling_off', %(now)s + interval '1 day' + n * interval '1 second', false,
    'en', %(policy)s, 2, %(now)s, %(now)s, %(now)s, repeat('0', 64), 'declined', %(now)s, 0
from generate_series(%(first)s, %(last)s) as n
"""
GROWTH = (100_000, 1_000_000, 3_000_000, 10_000_000)
READ = """
select seq_scan, idx_tup_fetch + seq_tup_read, pg_total_relation_size(relid)
from pg_stat_user_tables where relid = 'cases_case'::regclass
"""
DUE = """
explain (analyze, costs off, timing off, summary off, buffers)
select id from cases_case where campaign_id is null and state = 'cooling_off' and due_at <= %(now)s
and (aside_until is null or aside_until <= %(now)s) order by due_at limit 1000 for no key update skip locked
"""


def wait(first: int, last: int) -> None:
    """Make cases that are not due, a million at a time."""
    from closeout.cases import policies, venues

    now = venues.now()
    policy = policies.keep(policies.in_force(), now=now).pk
    for begin in range(first, last, 1_000_000):
        execute(WAITING, now=now, policy=policy, first=begin + 1, last=min(begin + 1_000_000, last))
    execute("vacuum analyze cases_case")


def growth(waiting: int) -> None:
    """Compare few with many cases that are not due: what a case costs, and how many rows of cases are read for it.

    Each size is measured three times in turn with bare SQL, so that what else the machine does falls on both.
    """
    first, base = 0, 0.0
    for last in sorted({*(size for size in GROWTH if size < waiting), waiting}):
        wait(first, last)
        first, costs, bare, touched = last, [], [], 0
        for _ in range(3):
            furnish(GROWN)
            bare.append(timed(floor)[1].cpu / GROWN)
            furnish(GROWN)
            before = rows_read()
            done, meter = timed(engine)
            touched += rows_read()[1] - before[1]
            costs.append(line(f"beside {last:,} waiting cases", done, meter))
        ours, floors = sorted(costs)[1], sorted(bare)[1] * 1000
        base = base or ours
        scans, _, size = rows_read()
        say(
            f"    in the middle {ours / base:.2f} times the cost beside 100,000, {ours / floors:.2f} times bare SQL; "
            f"{touched / (3 * GROWN):.1f} rows of cases read for each; {size / 1e9:.1f} GB, {scans:,} scans of it all"
        )
    furnish(1)
    say("    how the due ones are found:")
    for (told,) in everything(DUE, now=now()):
        say(f"      {told}")


def rows_read() -> tuple[int, int, int]:
    """Return how often all cases were scanned, how many of their rows were read since the start, and their size."""
    execute("select pg_stat_force_next_flush()")
    found: tuple[int, int, int] = execute(READ)
    return found


def everything(text: str, **values: Any) -> list[Any]:
    """Run one statement on Django's connection and return all its rows."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return list(cursor.fetchall())
