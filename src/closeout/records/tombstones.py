"""What is remembered of the identifiers of closed accounts: a keyed hash, until its date (R-CLO-7).

It tells whether an e-mail address or a phone number may be used for a new account, and whether who claims late value
is who the account belonged to. The identifier itself is nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.records.vault import Vault

KINDS = ("email", "phone", "claimant", "document")
TOGETHER = ("claimant", "document")  # already in their normal form: two things as one

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Mark:
    """One identifier to remember until ``purge_at`` (naive UTC)."""

    kind: str
    value: str
    purge_at: datetime


def normal(kind: str, value: str) -> str:
    """Return the normal form: digits of a number, no case in an address, no case and one space in a name."""
    if kind == "phone":
        return re.sub(r"\D", "", value)
    folded = unicodedata.normalize("NFKC", value).casefold()
    if kind == "document":
        return re.sub(r"[\W_]", "", folded)
    return folded.strip() if kind == "email" else " ".join(folded.split())


def document(name: str, number: str) -> str:
    """Return what identifies a claimant by a document: name and number together."""
    return f"{normal('claimant', name)}|{normal('document', number)}"


def claimant(name: str, email: str) -> str:
    """Return what identifies a claimant: name and address together."""
    return f"{normal('claimant', name)}|{normal('email', email)}"


def _hash(vault: Vault, kind: str, value: str) -> bytes:
    said = value if kind in TOGETHER else normal(kind, value)
    return vault.tombstone(said, field=f"closed.{kind}")


def keep(
    connection: Connection, vault: Vault, subject: str, marks: list[Mark], *, closed_at: datetime
) -> None:
    """Remember ``marks`` of the closed account of ``subject``. Idempotent. ``closed_at``: naive UTC."""
    rows = [
        (one.kind, _hash(vault, one.kind, one.value), subject, closed_at, one.purge_at)
        for one in marks
        if one.value and one.purge_at > closed_at
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into retention.tombstone (kind, hash, subject, closed_at, purge_at)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            rows,
        )


def usable_from(
    connection: Connection,
    vault: Vault,
    kind: str,
    value: str,
    *,
    wait: timedelta,
    same_person: bool,
    now: datetime,
) -> datetime | None:
    """Return when ``value`` may be used for a new account, or none if it may be used now. ``now``: naive UTC.

    Only the same person waits: a number that its carrier gave to somebody else never blocks its new owner (R-CLO-7).
    """
    if not same_person:
        return None
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select max(closed_at) from retention.tombstone where kind = %s and hash = %s",
            (kind, _hash(vault, kind, value)),
        )
        (closed_at,) = cursor.fetchone() or (None,)
    free: datetime | None = None if closed_at is None else closed_at + wait
    return free if free is not None and free > now else None


def is_claimant(
    connection: Connection, vault: Vault, subject: str, *, kind: str, value: str, now: datetime
) -> bool:
    """Say whether ``value`` (:func:`claimant` or :func:`document`) is that of the former holder of ``subject``."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select 1 from retention.tombstone where kind = %s and hash = %s and subject = %s and purge_at > %s",
            (kind, _hash(vault, kind, value), subject, now),
        )
        return cursor.fetchone() is not None


def subjects(connection: Connection, vault: Vault, kind: str, value: str, *, now: datetime) -> list[str]:
    """Return whose closed accounts had the identifier ``value``, as far as it is remembered. ``now``: naive UTC."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select subject from retention.tombstone where kind = %s and hash = %s and purge_at > %s order by subject",
            (kind, _hash(vault, kind, value), now),
        )
        return [subject for (subject,) in cursor.fetchall()]


def purge(connection: Connection, now: datetime) -> int:
    """Delete what its date has come for; return how many. ``now``: naive UTC."""
    with connection.cursor() as cursor:
        cursor.execute("delete from retention.tombstone where purge_at <= %s", (now,))
        return cursor.rowcount
