"""What the law keeps: sealed under keys of its own, one for each category of each person, until its date.

When the date comes the key is destroyed without anybody's doing. It can be put off for one item at a time, by two
people, by five years at most; the database holds to that. Source: EU AMLR 2024/1624 Art. 77.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import tuple_row

from closeout.records.vault import Destroyed, Vault

CLASS = "retention"
SEALED_AS = "retention.item"
CATEGORIES = ("identity", "transactions")

Connection = psycopg.Connection[Any]


class NotExtended(Exception):
    """The date cannot be put off like that. ``reason``: one_person, too_long, unknown, over."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Item:
    """One category of one person. ``path`` names a sealed file; without one the content lies in the row."""

    item_id: int
    subject: str
    category: str
    case_number: str
    law: str
    until: datetime
    sha256: str
    path: str
    erased_at: datetime | None

    @property
    def key(self) -> str:
        """Return the name under which the vault keeps the key of this item."""
        return key_of(self.subject, self.category)


COLUMNS = "item_id, subject, category, case_number, law, until, sha256, path, erased_at"


def key_of(subject: str, category: str) -> str:
    """Return the name of the key: a category that ends earlier takes no other with it."""
    return f"{subject}/{category}"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is to be kept: ``content`` in the row, or a sealed file at ``path`` whose plain content has ``sha256``."""

    subject: str
    category: str
    case_number: str
    law: str
    kept_from: datetime
    until: datetime
    content: bytes | None = None
    path: str = ""
    sha256: str = ""


def keep(connection: Connection, vault: Vault, kept: Kept) -> Item:
    """Keep one item and return it; what is kept already stays as it is. Raises: KeyDestroyed, ValueError."""
    if kept.category not in CATEGORIES or (kept.content is None) == (not kept.path):
        raise ValueError("an item is one of the categories, with content or with a path")
    sealed, sha256 = None, kept.sha256
    if kept.content is not None:
        key = key_of(kept.subject, kept.category)
        sealed = vault.seal(key, CLASS, kept.content, context=SEALED_AS)
        sha256 = hashlib.sha256(kept.content).hexdigest()
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "insert into retention.item (subject, category, case_number, law, kept_from, first_until, until,"
            " sha256, sealed, path) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            (
                kept.subject, kept.category, kept.case_number, kept.law, kept.kept_from, kept.until, kept.until,
                sha256, sealed, kept.path,
            ),
        )  # fmt: skip
    return find(connection, kept.subject)[kept.category]


def find(connection: Connection, subject: str) -> dict[str, Item]:
    """Return what is or was kept of ``subject``, by category."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(f"select {COLUMNS} from retention.item where subject = %s".encode(), (subject,))  # noqa: S608
        return {row[2]: Item(*row) for row in cursor.fetchall()}


def read(connection: Connection, vault: Vault, item: Item) -> bytes:
    """Return the content that lies in the row. Raises: KeyDestroyed, LookupError (erased, or in a file)."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("select sealed from retention.item where item_id = %s", (item.item_id,))
        row = cursor.fetchone()
    if row is None or row[0] is None:
        raise LookupError(f"{item.key} has no content here")
    return vault.open(item.key, CLASS, bytes(row[0]), context=SEALED_AS)


def due(connection: Connection, now: datetime, *, most: int) -> list[Item]:
    """Return items whose date has come, the longest due first, and those whose end was begun. ``now``: naive UTC."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            f"select {COLUMNS} from retention.item"  # noqa: S608
            " where erased_at is null and until <= %s order by until limit %s".encode(),
            (now, most),
        )
        return [Item(*row) for row in cursor.fetchall()]


def begin_end(connection: Connection, items: Sequence[Item], now: datetime) -> None:
    """Note that the end of ``items`` begins, before their keys are destroyed: a crash in between is no restore."""
    connection.execute(
        "update retention.item set ending_at = coalesce(ending_at, %s) where item_id = any(%s)",
        (now, [item.item_id for item in items]),
    )


def end(connection: Connection, vault: Vault, items: Sequence[Item], now: datetime) -> list[Destroyed]:
    """Destroy the keys of ``items`` and empty their rows; return the receipts. Idempotent. ``now``: naive UTC."""
    receipts = vault.destroy_all([item.key for item in items], CLASS, now)
    connection.execute(
        "update retention.item set sealed = null, erased_at = coalesce(erased_at, %s) where item_id = any(%s)",
        (now, [item.item_id for item in items]),
    )
    return receipts


def ask(connection: Connection, item: Item, *, until: datetime, reason: str, by: str, at: datetime) -> int:
    """Ask to put the date of one item off; return the number of the request. ``reason`` is a code.

    Raises: NotExtended (over).
    """
    if item.erased_at is not None:
        raise NotExtended("over")
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "insert into retention.extension (item_id, until, reason, asked_by, asked_at)"
            " values (%s, %s, %s, %s, %s) returning extension_id",
            (item.item_id, until, reason, by, at),
        )
        (number,) = cursor.fetchone() or (0,)
    return int(number)


@dataclass(frozen=True)
class Asked:
    """A request that waits for a second person. ``until``, ``asked_at``: naive UTC."""

    number: int
    category: str
    case_number: str
    until: datetime
    reason: str
    asked_by: str
    asked_at: datetime


def waiting(connection: Connection, *, subject: str = "", number: int = 0) -> list[Asked]:
    """Return requests that nobody has agreed to: those of ``subject``, or the one of that ``number``."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "select e.extension_id, i.category, i.case_number, e.until, e.reason, e.asked_by, e.asked_at"
            " from retention.extension as e join retention.item as i using (item_id)"
            " where e.agreed_by is null and i.erased_at is null and (i.subject = %s or e.extension_id = %s)"
            " order by e.extension_id",
            (subject, number),
        )
        return [Asked(*row) for row in cursor.fetchall()]


def agree(connection: Connection, number: int, *, by: str, at: datetime) -> Item:
    """Agree to request ``number`` as the second person, and put the date off.

    Raises: NotExtended (one_person, too_long, unknown).
    """
    try:
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(
                "update retention.extension set agreed_by = %s, agreed_at = %s"
                " where extension_id = %s and agreed_by is null returning item_id, until",
                (by, at, number),
            )
            found = cursor.fetchone()
            if found is None:
                raise NotExtended("unknown")
            cursor.execute(
                f"update retention.item set until = %s where item_id = %s returning {COLUMNS}".encode(),  # noqa: S608
                (found[1], found[0]),
            )
            row = cursor.fetchone()
    except errors.CheckViolation as alone:
        raise NotExtended("one_person") from alone
    except errors.RestrictViolation as too_long:
        raise NotExtended("too_long") from too_long
    if row is None:
        raise NotExtended("unknown")
    return Item(*row)
