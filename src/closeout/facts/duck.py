"""Facts in DuckDB: from Python rows (fetched through an API, in memory) or from a folder of Parquet files."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from closeout.facts.ddl import blocker_shape_select, create_table, policy_select
from closeout.facts.engine import FactsUnreachable, Row
from closeout.facts.schema import RELATIONS, Relation, Source, columns

MANY = 300  # rows of one relation from which a columnar load is faster than an insert


class DuckFacts:
    """An engine over facts that are held by this process; close it, or use it in ``with``."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Source], empty: frozenset[str]
    ) -> None:
        self._connection = connection
        self._sources = dict(sources)
        self._empty = empty

    @classmethod
    def of(
        cls,
        facts: Mapping[str, Sequence[Relation]],
        *,
        as_of: datetime | None = None,
        sources: Mapping[str, Source] | None = None,
    ) -> Self:
        """Load rows by relation. A relation that is not a key was not fetched; an empty one has no rows.

        Give ``as_of`` when every relation in ``facts`` is complete at that moment, or ``sources`` to say so
        one by one. Raises: ValueError for an unknown relation or neither of the two.
        """
        unknown = facts.keys() - RELATIONS.keys()
        if unknown:
            raise ValueError(f"unknown relation {', '.join(sorted(unknown))}")
        if sources is None:
            if as_of is None:
                raise ValueError("give as_of or sources")
            sources = {name: Source(name, "complete", as_of) for name in facts}
        connection = _prepared().cursor()
        connection.execute("begin transaction")
        for name in RELATIONS:
            if facts.get(name):
                _load(connection, RELATIONS[name], facts[name])
        return cls(connection, sources, frozenset(name for name in RELATIONS if not facts.get(name)))

    @classmethod
    def folder(cls, folder: Path, *, as_of: datetime) -> Self:
        """Open ``<relation>.parquet`` in ``folder``, each a file or a folder of part files.

        Every relation that is there counts as complete at ``as_of``; one that is not there was not fetched.
        The files are read where they are. Raises: FactsUnreachable.
        """
        connection = _open()
        found = parquet_files(folder)
        for name, paths in found.items():
            try:
                connection.execute(f"create view {name} as select * from read_parquet({file_list(paths)})")
            except duckdb.Error as wrong:
                raise FactsUnreachable(f"{folder / name}: {wrong}") from wrong
        absent = RELATIONS.keys() - found.keys()
        _create_empty(connection, absent)
        return cls(connection, {name: Source(name, "complete", as_of) for name in found}, frozenset(absent))

    def sources(self) -> Mapping[str, Source]:
        """Return what was said about the sources when the facts were loaded."""
        return self._sources

    def empty(self) -> frozenset[str]:
        """Return the relations without a row."""
        return self._empty

    def rows(
        self, sql: str, *, policy: Mapping[str, object], accounts: Sequence[int] | None = None
    ) -> Sequence[Row]:
        """Run ``sql`` for ``accounts``, or for all if None. Raises: FactsUnreachable."""
        if accounts is not None:
            numbers = ", ".join(str(int(number)) for number in accounts) or "null"
            sql = f"select * from (\n{sql}\n) as answer where answer.account_id in ({numbers})"
        try:
            set_policy(self._connection, policy)
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as wrong:
            raise FactsUnreachable(str(wrong)) from wrong

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def set_policy(connection: duckdb.DuckDBPyConnection, row: Mapping[str, object]) -> None:
    """(Re)place the one-row relation ``policy``: constants, so that they reach the files' statistics."""
    literals = {
        name: f"timestamp {_quoted(value.isoformat(sep=' '))}" if isinstance(value, datetime) else str(value)
        for name, value in row.items()
    }
    text = policy_select(row, "{name}")
    for name, literal in literals.items():
        text = text.replace(f"cast({name} as", f"cast({literal} as")
    connection.execute(f"create or replace temp view policy as {text}")


def parquet_files(folder: Path) -> Mapping[str, Sequence[Path]]:
    """Return the Parquet files of each relation in ``folder``, in the order of the schema."""
    found: dict[str, Sequence[Path]] = {}
    for name in RELATIONS:
        one, parts = folder / f"{name}.parquet", folder / name
        if one.is_file():
            found[name] = [one]
        elif parts.is_dir():
            inside = sorted(path for path in parts.rglob("*.parquet") if path.is_file())
            if inside:
                found[name] = inside
        elif one.is_dir():
            found[name] = sorted(path for path in one.rglob("*.parquet") if path.is_file())
    return found


@contextlib.contextmanager
def bounded(memory: str, *, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a database of at most ``memory`` that puts what does not fit into a folder of its own, not beside us."""
    with tempfile.TemporaryDirectory(prefix="closeout-") as scratch:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads, "memory_limit": memory, "temp_directory": scratch,
        }  # fmt: skip
        with duckdb.connect(config=config) as connection:
            yield connection


@cache
def _prepared() -> duckdb.DuckDBPyConnection:
    """Return this process's database of empty tables.

    Whoever has facts gets a cursor of it inside a transaction that never commits: creating tables costs more
    than asking them, and nobody sees anybody else's rows.
    """
    connection = _open()
    _create_empty(connection, frozenset(RELATIONS))
    return connection


def _open() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute(f"create view blocker_shape as {blocker_shape_select()}")
    return connection


def _create_empty(connection: duckdb.DuckDBPyConnection, names: set[str] | frozenset[str]) -> None:
    for name in sorted(names):
        connection.execute(create_table(RELATIONS[name]))


def _load(connection: duckdb.DuckDBPyConnection, relation: type[Relation], rows: Sequence[Relation]) -> None:
    names = [column.name for column in columns(relation)]
    values = [[getattr(row, name) for name in names] for row in rows]
    if len(rows) < MANY:
        cells = ", ".join(["(" + ", ".join("?" * len(names)) + ")"] * len(rows))
        flat = [_plain(value) for row in values for value in row]
        connection.execute(f"insert into {relation.name} values {cells}", flat)
        return
    from closeout.facts.arrow import table

    loaded = table(relation, rows)
    connection.register("loading", loaded)
    connection.execute(f"insert into {relation.name} select * from loading")
    connection.unregister("loading")


def _plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def file_list(paths: Sequence[Path]) -> str:
    """Return ``paths`` as ``read_parquet`` takes them."""
    return "[" + ", ".join(_quoted(str(path)) for path in paths) + "]"


def as_tuple(row: Relation) -> tuple[object, ...]:
    """Return the values of one row in the order of the columns."""
    return tuple(getattr(row, spec.name) for spec in dataclasses.fields(row))
