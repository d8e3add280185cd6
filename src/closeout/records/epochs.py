"""Epochs of key-encryption keys: weekly a new one, the living keys wrapped again, the old one destroyed.

After that no backup and no log segment holds anything that opens a destroyed key: that is the horizon of an
erasure. A pass can be killed at any moment and called again; it goes on where it stopped. Each function works in the
caller's transaction on the keyring.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.records.keys import KeyPort
from closeout.records.vault import wrapped_as

ROTATE_EVERY = timedelta(days=7)
HORIZON = timedelta(days=15)  # rotation, the pass itself, and the days a key service takes to destroy a key
BATCH = 10_000

Connection = psycopg.Connection[Any]


def open_next(connection: Connection, kek: KeyPort, at: datetime) -> int:
    """Close the open epoch and open the next; return its number. ``at``: naive UTC."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("lock table keyring.epoch in share row exclusive mode")
        cursor.execute("select coalesce(max(number), 0) + 1 from keyring.epoch")
        number = int((cursor.fetchone() or (1,))[0])
        kek.create(f"epoch-{number}")
        cursor.execute("update keyring.epoch set closed_at = %s where closed_at is null", (at,))
        cursor.execute(
            "insert into keyring.epoch (number, kek_id, opened_at) values (%s, %s, %s)",
            (number, f"epoch-{number}", at),
        )
    return number


def rewrap(connection: Connection, kek: KeyPort, *, limit: int = BATCH) -> int:
    """Wrap up to ``limit`` keys of closed epochs by the open one; return how many. Call until it returns 0.

    Several may run at once: each takes rows that no other holds. Raises: KeyGone.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("select number, kek_id from keyring.epoch where closed_at is null for share")
        opened = cursor.fetchone()
        if opened is None:
            return 0
        cursor.execute(
            "select k.subject, k.class, k.version, e.kek_id, k.wrapped"
            " from keyring.key as k inner join keyring.epoch as e on k.epoch = e.number"
            " where e.closed_at is not null limit %s for update of k skip locked",
            (limit,),
        )
        rows = cursor.fetchall()
        again = []
        for subject, cls, version, old, wrapped in rows:
            context = wrapped_as(subject, cls, version)
            key = kek.unwrap(old, bytes(wrapped), context=context)
            again.append((kek.wrap(opened[1], key, context=context), opened[0], subject, cls, version))
        cursor.executemany(
            "update keyring.key set wrapped = %s, epoch = %s where subject = %s and class = %s and version = %s",
            again,
        )
    return len(rows)


def destroy_closed(connection: Connection, kek: KeyPort, at: datetime) -> list[int]:
    """Destroy the key of every closed epoch that wraps no living key; return the numbers. Idempotent."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select number, kek_id from keyring.epoch as e where closed_at is not null and destroyed_at is null"
            " and not exists (select 1 from keyring.key as k where k.epoch = e.number) order by number for update"
        )
        done = cursor.fetchall()
        for _, kek_id in done:
            kek.destroy(kek_id)
        numbers = [number for number, _ in done]
        cursor.execute("update keyring.epoch set destroyed_at = %s where number = any(%s)", (at, numbers))
    return numbers


def date(connection: Connection, now: datetime) -> None:
    """Note ``now`` (naive UTC) for an epoch that was opened before anybody noted when."""
    connection.execute(
        "update keyring.epoch set opened_at = %s where opened_at is null and closed_at is null", (now,)
    )


def due(connection: Connection, now: datetime) -> bool:
    """Say whether the open epoch is older than a week, or was opened before anybody noted when."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("select opened_at from keyring.epoch where closed_at is null")
        row = cursor.fetchone()
    return row is not None and (row[0] is None or row[0] + ROTATE_EVERY <= now)
