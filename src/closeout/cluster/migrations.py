"""The tables of the core rooms: numbered SQL files, each applied once, in order, in one transaction.

A room keeps its files beside its code, ``schema/0001_name.sql``. What was applied stands in the table
``closeout_schema`` with its SHA-256; a file that was applied is never changed again, a new one is added.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import re
from dataclasses import dataclass
from typing import Any

import psycopg

ROOMS: dict[str, str] = {
    "sandbox": "closeout.venues.sandbox.schema",
    "audit": "closeout.records.schema",
}
"""Room → package of its SQL files, in the order in which they are applied to the main database."""

KEYRING: dict[str, str] = {"keyring": "closeout.records.schema_keyring"}
"""The same for the keyring, which is a database of its own."""

LOCK = 0x636C6F73  # "clos"
NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
RECORD = """
create table if not exists public.closeout_schema (
    room text not null,
    number integer not null,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now(),
    primary key (room, number)
)
"""


class MigrationError(Exception):
    """The files and the database do not fit together. The message says which file and what to do."""


@dataclass(frozen=True)
class Migration:
    """One file of SQL."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hex digest of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def files(package: str) -> tuple[Migration, ...]:
    """Read the SQL files of ``package`` in order.

    Raises: MigrationError if one is misnamed or a number is missing.
    """
    found = []
    for entry in importlib.resources.files(package).iterdir():
        if not entry.name.endswith(".sql"):
            continue
        named = NAME.fullmatch(entry.name)
        if named is None:
            raise MigrationError(f"{package}/{entry.name} is not named like 0001_name.sql; rename it.")
        found.append(Migration(int(named.group(1)), entry.name, entry.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: (migration.number, migration.name))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"{package} has the numbers {numbers}; they must be 1, 2, 3, … without a gap.")
    return tuple(found)


def apply(connection: psycopg.Connection[Any], *, room: str, package: str) -> tuple[str, ...]:
    """Apply what is missing of ``room`` and return the names of those files; all of it or none.

    Waits while another process does the same. In a transaction of the caller it becomes part of that;
    otherwise it commits. Raises: MigrationError; psycopg.Error from the SQL itself.
    """
    wanted = files(package)
    with connection.transaction(), connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        cursor.execute(RECORD)
        cursor.execute("select number, name, sha256 from public.closeout_schema where room = %s", (room,))
        applied = {number: (name, sha256) for number, name, sha256 in cursor.fetchall()}
        _refuse_differences(room, wanted, applied)
        missing = [migration for migration in wanted if migration.number not in applied]
        for migration in missing:
            cursor.execute(migration.text.encode())
            cursor.execute(
                "insert into public.closeout_schema (room, number, name, sha256) values (%s, %s, %s, %s)",
                (room, migration.number, migration.name, migration.sha256),
            )
    return tuple(migration.name for migration in missing)


def _refuse_differences(
    room: str, wanted: tuple[Migration, ...], applied: dict[int, tuple[str, str]]
) -> None:
    for migration in wanted:
        if migration.number in applied and applied[migration.number][1] != migration.sha256:
            raise MigrationError(
                f"{migration.name} of {room} was changed after it was applied; put it back and "
                "add a new file instead."
            )
    newer = sorted(set(applied) - {migration.number for migration in wanted})
    if newer:
        name = applied[newer[0]][0]
        raise MigrationError(
            f"The database has {name} of {room}, which this closeout does not know; install a newer one."
        )


def apply_all(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Apply every room of the main database, in order; return ``room/file`` of each that was applied.

    Raises: MigrationError; psycopg.Error.
    """
    return _apply_rooms(connection, ROOMS)


def apply_keyring(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Apply every room of the keyring database. Raises: MigrationError; psycopg.Error."""
    return _apply_rooms(connection, KEYRING)


def _apply_rooms(connection: psycopg.Connection[Any], rooms: dict[str, str]) -> tuple[str, ...]:
    with connection.transaction():
        return tuple(
            f"{room}/{name}"
            for room, package in rooms.items()
            for name in apply(connection, room=room, package=package)
        )
