"""Exact rate limits in PostgreSQL: one statement per question, right under any concurrency."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django.db import connection

ADMIT = """
insert into cases_ratelimit as held (key, arrives_at) values (%(key)s, %(now)s + %(grain)s)
on conflict (key) do update set arrives_at = greatest(held.arrives_at, %(now)s) + %(grain)s
where greatest(held.arrives_at, %(now)s) + %(grain)s <= %(now)s + %(burst)s
returning arrives_at
"""


def wait_for(key: str, *, count: int, per: timedelta, now: datetime) -> timedelta:
    """Take one of ``count`` per ``per`` for ``key``; return zero if admitted, else how long to wait.

    Generic cell rate algorithm: admits exactly ``count`` at once and then one per ``per / count``; a refused
    question costs nothing. The row is updated in the caller's transaction.
    """
    grain = per / count
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"key": key, "now": now, "grain": grain, "burst": per}
        cursor.execute(ADMIT, values)
        if cursor.fetchone() is not None:
            return timedelta(0)
        cursor.execute("select arrives_at from cases_ratelimit where key = %s", [key])
        (arrives_at,) = cast(tuple[datetime], cursor.fetchone())
    return max(arrives_at + grain - per - now, timedelta(seconds=1))
