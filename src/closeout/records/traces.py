"""Looking for what escaped: a person's identifiers in every table and file, and columns that look personal.

The sweep is told what to look for before the erasure and finds nothing after it. It knows no table by name: a table
that somebody forgot to list is searched like all others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

CHUNK = 1 << 20
SHORTEST = 4
SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
SUGGESTIVE = re.compile(
    r"(^|_)(name|first_name|last_name|surname|birth\w*|email|mail|phone|mobile|address|street|city|zip|postcode|"
    r"passport|id_number|ssn|tax_id|iban|card_number|ip|ip_address|user_agent|device|latitude|longitude|place|"
    r"photo|selfie|document|secret|totp)(_|$)"
)

CLEAR = {"text", "character varying", "character", "jsonb", "json", "inet", "date"}
LOOKS_PERSONAL = (
    r"[[:alnum:]._%+-]+@[[:alnum:]-]+\.[[:alpha:]]{2,}"  # a mailbox
    r"|\+[1-9][0-9 ()-]{7,}[0-9]"  # a phone number
    r"|(^|[^0-9.])([0-9]{1,3}\.){3}[0-9]{1,3}($|[^0-9.])"  # an address of the network
)


@dataclass(frozen=True)
class Trace:
    """A place where something was found: a table's column, or a file. Never the thing itself."""

    place: str
    count: int


def in_tables(connection: psycopg.Connection[Any], needles: Sequence[str]) -> list[Trace]:
    """Return every column of every table that holds one of ``needles``, also inside JSON and bytes.

    Reads whole tables: for a test, an audit, a single case. Raises: ValueError (a needle too short to mean anything).
    """
    _demand_telling(needles)
    found = []
    with connection.cursor(row_factory=tuple_row) as cursor:
        for schema, table, column, kind in _columns(cursor):
            statement = sql.SQL("select count(*) from {}.{} where {}").format(
                sql.Identifier(schema), sql.Identifier(table), _holds(column, kind)
            )
            cursor.execute(statement, {"needles": list(needles), "bytes": [one.encode() for one in needles]})
            (count,) = cursor.fetchone() or (0,)
            if count:
                found.append(Trace(f"{schema}.{table}.{column}", count))
    return found


def _columns(cursor: psycopg.Cursor[Any]) -> list[tuple[str, str, str, str]]:
    cursor.execute(
        "select n.nspname, c.relname, a.attname, a.atttypid::regtype::text"
        " from pg_attribute as a"
        " inner join pg_class as c on a.attrelid = c.oid"
        " inner join pg_namespace as n on c.relnamespace = n.oid"
        " where c.relkind in ('r', 'p', 'm') and not c.relispartition and a.attnum > 0 and not a.attisdropped"
        " and n.nspname <> all(%s) and n.nspname not like 'pg_temp%%'"
        " order by 1, 2, a.attnum",
        (list(SYSTEM),),
    )
    return cursor.fetchall()


def _holds(column: str, kind: str) -> sql.Composed:
    name = sql.Identifier(column)
    if kind == "bytea":
        return sql.SQL(
            "exists (select 1 from unnest(%(bytes)s::bytea[]) as b where position(b in {}) > 0)"
        ).format(name)
    return sql.SQL(
        "exists (select 1 from unnest(%(needles)s::text[]) as n where position(n in {}::text) > 0)"
    ).format(name)


def in_files(roots: Iterable[Path], needles: Sequence[str]) -> list[Trace]:
    """Return every file under ``roots`` whose bytes hold one of ``needles``: data files, log segments, archives.

    Files are read in pieces that overlap, so that nothing hides at a border. What vanishes meanwhile is skipped.
    """
    _demand_telling(needles)
    wanted = [needle.encode() for needle in needles]
    overlap = max(map(len, wanted)) - 1
    found = []
    for root in roots:
        for path in _files(root):
            count = _count(path, wanted, overlap)
            if count:
                found.append(Trace(str(path), count))
    return found


def _files(root: Path) -> Iterator[Path]:
    """Yield the files under ``root`` in their order; a folder that vanishes meanwhile has none."""
    if not root.is_dir():
        yield root
    for folder, names, files in os.walk(root, onerror=_unless_vanished):
        names.sort()
        yield from (Path(folder, name) for name in sorted(files))


def _unless_vanished(error: OSError) -> None:
    """Raise what keeps a folder from being searched. Raises: OSError, e.g. for lack of permission."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _count(path: Path, wanted: Sequence[bytes], overlap: int) -> int:
    try:
        if not path.is_file():
            return 0
        return sum(piece.count(needle) for piece in _pieces(path, overlap) for needle in wanted)
    except FileNotFoundError:
        return 0


def _pieces(path: Path, overlap: int) -> Iterator[bytes]:
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield rest + piece
            rest = piece[-overlap:] if overlap else b""


def _demand_telling(needles: Sequence[str]) -> None:
    if not needles or any(len(needle) < SHORTEST for needle in needles):
        raise ValueError(f"look for words of at least {SHORTEST} letters")


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    schema: str
    table: str
    name: str
    kind: str

    @property
    def place(self) -> str:
        """Return ``schema.table.column``."""
        return f"{self.schema}.{self.table}.{self.name}"

    @property
    def suspicious(self) -> bool:
        """Say whether name or type suggest personal data: sealed or not, bytes always do."""
        return self.kind == "bytea" or (self.kind in CLEAR and SUGGESTIVE.search(self.name) is not None)


def columns(connection: psycopg.Connection[Any]) -> list[Column]:
    """Return every column of every table, system tables left out."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [Column(*row) for row in _columns(cursor)]


def suggestions(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the columns whose names suggest personal data in the clear: text, JSON or network addresses."""
    return [one.place for one in columns(connection) if one.suspicious and one.kind != "bytea"]


def contents(connection: psycopg.Connection[Any], *, sample: int = 1000) -> list[Trace]:
    """Return the columns in which e-mail addresses, phone numbers or network addresses stand, whatever their names.

    Looks at the first ``sample`` rows of each table; the count is of those.
    """
    found = []
    with connection.cursor(row_factory=tuple_row) as cursor:
        for one in columns(connection):
            if one.kind not in CLEAR:
                continue
            statement = sql.SQL(
                "select count(*) from (select {}::text as said from {}.{} limit {}) as few where said ~ %s"
            ).format(
                sql.Identifier(one.name), sql.Identifier(one.schema), sql.Identifier(one.table), sql.Literal(sample)
            )  # fmt: skip
            cursor.execute(statement, (LOOKS_PERSONAL,))
            (count,) = cursor.fetchone() or (0,)
            if count:
                found.append(Trace(one.place, count))
    return found
