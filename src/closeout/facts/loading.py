"""A folder of Parquet files loaded into PostgreSQL, for the length of one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from closeout.facts import ddl
from closeout.facts.duck import bounded, file_list
from closeout.facts.parquet import Folder
from closeout.facts.postgres import PostgresFacts
from closeout.facts.schema import RELATIONS, columns

BLOCK = 1 << 20


def load(
    connection: psycopg.Connection[Any], folder: Folder, *, schema: str, as_of: datetime
) -> PostgresFacts:
    """Fill a new ``schema`` with the rows of ``folder`` and return the engine over it; commits nothing.

    Roll back, and nothing was ever there. Raises: duckdb.Error: a file cannot be read after all.
    """
    connection.execute(f"create schema {schema}")
    for statement in (*ddl.create_tables(schema=schema), ddl.create_source_state(schema=schema)):
        connection.execute(statement)
    with bounded("120MB") as files, tempfile.TemporaryDirectory(prefix="closeout-") as scratch:
        for name, paths in folder.files.items():
            _copy(connection, files, name, paths=paths, into=schema, scratch=Path(scratch))
            query = f"insert into {schema}.source_state values (%s, 'complete', %s)"
            connection.execute(query, [name, as_of])
    for statement in ddl.create_indexes(schema=schema, relations=folder.files.keys()):
        connection.execute(statement)
    for name in RELATIONS:
        connection.execute(f"analyze {schema}.{name}")
    return PostgresFacts(connection, schema=schema)


def _copy(
    connection: psycopg.Connection[Any],
    files: duckdb.DuckDBPyConnection,
    name: str,
    *,
    paths: Sequence[Path],
    into: str,
    scratch: Path,
) -> None:
    listed = ", ".join(one.name for one in columns(RELATIONS[name]))
    text = scratch / f"{name}.csv"
    files.execute(
        f"copy (select {listed} from read_parquet({file_list(paths)})) to '{text}' (format csv, header false)"
    )
    filling = f"copy {into}.{name} ({listed}) from stdin (format csv)"
    with connection.cursor().copy(filling) as copy, text.open("rb") as rows:
        while block := rows.read(BLOCK):
            copy.write(block)
    text.unlink()
