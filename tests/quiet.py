"""Waiting for the neighbours: transaction ids belong to the server, and several test processes share one."""

from __future__ import annotations

import psycopg

OTHERS = (
    "select pid, backend_xid::text from pg_stat_activity"
    " where datname <> current_database() and backend_xid is not null"
)


def neighbours_finished(url: str) -> None:
    """Return once the transactions that write in other databases now are over; sealing waits for them too."""
    with psycopg.connect(url, autocommit=True) as onlooker:
        waiting = set(onlooker.execute(OTHERS).fetchall())
        while waiting:
            waiting &= set(onlooker.execute(OTHERS).fetchall())
