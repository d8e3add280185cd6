"""A folder of Parquet files as facts: is it complete and true to the schema? Every fault is named precisely."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from closeout.facts.schema import RELATIONS, columns

ACCEPTED: Mapping[str, frozenset[str]] = {
    "TIMESTAMP": frozenset({"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"})
}
IGNORED = frozenset({"population.json", "_SUCCESS"})


class BadFacts(ValueError):
    """The folder cannot be used. ``problems`` holds every reason, never only the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Bounds:
    """What a file's footer says about a column: smallest and largest amount or time, and whether any is null.

    None is: it does not say.
    """

    least: Decimal | datetime | None
    most: Decimal | datetime | None
    nulls: int | None


@dataclass(frozen=True)
class Folder:
    """Files by relation, the smallest and largest account in each file, and the bounds of its other columns."""

    path: Path
    files: Mapping[str, Sequence[Path]]
    ranges: Mapping[Path, tuple[int, int]]
    accounts: int
    bounds: Mapping[Path, Mapping[str, Bounds]] = field(default_factory=dict)  # by column

    def reading(self, relation: str, least: int, most: int) -> list[Path]:
        """Return the files of ``relation`` that can hold accounts from ``least`` to ``most``."""
        return [
            path
            for path in self.files.get(relation, ())
            if path in self.ranges and self.ranges[path][0] <= most and self.ranges[path][1] >= least
        ]


def as_of(folder: Path) -> datetime:
    """Return the moment that the facts describe: as the folder says, else when its newest file was written."""
    marker = folder / "population.json"
    if marker.is_file():
        return datetime.fromisoformat(json.loads(marker.read_text(encoding="utf-8"))["as_of"])
    newest = max((path.stat().st_mtime for path in folder.rglob("*.parquet")), default=0.0)
    return datetime.fromtimestamp(int(newest), UTC).replace(tzinfo=None)


def opened(folder: Path) -> Folder:
    """Look at the footers of all files and say whether the folder can be screened.

    Reads no row. Raises: BadFacts naming file, column and row group.
    """
    files, problems = _files(folder)
    ranges: dict[Path, tuple[int, int]] = {}
    bounds: dict[Path, Mapping[str, Bounds]] = {}
    accounts = 0
    with duckdb.connect() as connection:
        for name, paths in files.items():
            for path in paths:
                found = list(_problems(connection, name, path))
                problems += found
                if not found:
                    rows, span = _span(connection, path)
                    accounts += rows if name == "account" else 0
                    if span is not None:
                        ranges[path] = span
                        bounds[path] = _bounds(connection, name, path)
    if problems:
        raise BadFacts(problems)
    return Folder(folder, files, ranges, accounts, bounds)


def _files(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    if not folder.is_dir():
        return {}, [f"{folder}: no such folder"]
    found: dict[str, list[Path]] = {}
    problems = []
    for entry in sorted(folder.iterdir()):
        if entry.name in IGNORED or entry.name.startswith("."):
            continue
        name = entry.name.removesuffix(".parquet")
        if name not in RELATIONS:
            problems.append(f"{entry}: unknown relation; known are {', '.join(RELATIONS)}")
            continue
        inside = [entry] if entry.is_file() else sorted(entry.rglob("*.parquet"))
        if not inside:
            problems.append(f"{entry}: no Parquet file in it")
        found.setdefault(name, []).extend(inside)
    if not found and not problems:
        problems.append(f"{folder}: nothing in it; expected <relation>.parquet or <relation>/*.parquet")
    elif "account" not in found:
        problems.append(f"{folder}: account is missing; without it nobody knows whom to screen")
    return found, problems


def _problems(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> Iterator[str]:
    if path.stat().st_size < 12:
        yield f"{path}: is empty or cut off; write it again"
        return
    try:
        there = dict(
            connection.execute(
                "select column_name, column_type from (describe select * from read_parquet(?))", [str(path)]
            ).fetchall()
        )
    except duckdb.Error as wrong:
        yield f"{path}: cannot be read, perhaps cut off: {str(wrong).splitlines()[0]}"
        return
    wanted = {one.name: one.type for one in columns(RELATIONS[name])}
    for column, kind in wanted.items():
        if column not in there:
            yield f"{path}: column {column} ({kind}) is missing"
        elif there[column] not in ACCEPTED.get(kind, {kind}):
            yield f"{path}: column {column} is {there[column]}, must be {kind}"
    for column in there:
        if column not in wanted:
            yield f"{path}: column {column} is unknown; known are {', '.join(wanted)}"
    if there.get("account_id") == "BIGINT":
        yield from _null_accounts(connection, path)


def _null_accounts(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[str]:
    rows = connection.execute(
        "select row_group_id, stats_null_count from parquet_metadata(?) "
        "where path_in_schema = 'account_id' and stats_null_count > 0",
        [str(path)],
    ).fetchall()
    for group, count in rows:
        yield f"{path}: column account_id, row group {group}: {count} rows without an account"


def _span(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[int, tuple[int, int] | None]:
    """Return the rows of a file and its smallest and largest account, by its footer or, failing that, its rows."""
    rows = connection.execute(
        "select row_group_num_rows, stats_min_value, stats_max_value from parquet_metadata(?) "
        "where path_in_schema = 'account_id'",
        [str(path)],
    ).fetchall()
    count = sum(int(row[0]) for row in rows)
    if not count:
        return 0, None
    if any(row[1] is None for row in rows):
        query = "select min(account_id), max(account_id) from read_parquet(?)"
        least, most = connection.execute(query, [str(path)]).fetchall()[0]
        return count, (int(least), int(most))
    return count, (min(int(row[1]) for row in rows), max(int(row[2]) for row in rows))


def _bounds(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> Mapping[str, Bounds]:
    groups: dict[str, list[tuple[str | None, str | None, int | None]]] = {}
    for column, *found in connection.execute(
        "select path_in_schema, stats_min_value, stats_max_value, stats_null_count from parquet_metadata(?)",
        [str(path)],
    ).fetchall():
        groups.setdefault(column, []).append((found[0], found[1], found[2]))
    return {
        one.name: Bounds(
            min(_values(one.type, [group[0] for group in groups[one.name]]), default=None),
            max(_values(one.type, [group[1] for group in groups[one.name]]), default=None),
            _total([group[2] for group in groups[one.name]]),
        )
        for one in columns(RELATIONS[name])
    }


def _values(kind: str, texts: Sequence[str | None]) -> list[Any]:
    """Return the values of a footer, or none if one is missing or has no order that we rely on."""
    known = [text for text in texts if text is not None]
    if len(known) < len(texts):
        return []
    try:
        if kind == "DECIMAL(36,18)":
            return [Decimal(text) for text in known]
        return [datetime.fromisoformat(text) for text in known] if kind == "TIMESTAMP" else []
    except (ArithmeticError, ValueError):
        return []


def _total(counts: Sequence[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)


def undecodable(folder: Folder) -> list[str]:
    """Return the first column of the first row group of each file that cannot be read, whatever its footer says.

    Reads everything; for when a screening has failed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    problems = []
    for path in (path for paths in folder.files.values() for path in paths):
        with parquet.ParquetFile(path) as file:
            for group, column in itertools.product(range(file.num_row_groups), file.schema_arrow.names):
                try:
                    file.read_row_group(group, columns=[column])
                except (pa.ArrowException, OSError) as wrong:
                    said = str(wrong).splitlines()[0]
                    problems.append(f"{path}: column {column}, row group {group}: cannot be read: {said}")
                    break
    return problems


def duplicates(
    connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path], *, least: int, most: int
) -> list[str]:
    """Return the first key of ``name`` from ``least`` to ``most`` that stands in ``paths`` twice, and where.

    A second identity is no duplicate row but a contradiction, which a data fault finds; a relation without a
    key of its own is left alone.
    """
    keys = [one.name for one in columns(RELATIONS[name]) if one.key]
    if not paths or name == "identity":
        return []
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    wanted = ", ".join(keys)
    row = connection.execute(
        f"select {wanted} from read_parquet([{listed}]) "
        f"where account_id between {least} and {most} group by {wanted} having count(*) > 1 "
        f"order by {wanted} limit 1"
    ).fetchall()
    if not row:
        return []
    where = " and ".join(f"{key} is not distinct from ?" for key in keys)
    found = connection.execute(
        f"select filename, file_row_number from read_parquet([{listed}], filename = true, "
        f"file_row_number = true) where {where} order by filename, file_row_number",
        list(row[0]),
    ).fetchall()
    path, number = found[-1]
    group = _row_group(connection, path, number)
    shown = ", ".join(f"{key} = {value}" for key, value in zip(keys, row[0], strict=True))
    return [f"{path}: columns {wanted}, row group {group}: {shown} stands there twice"]


def _row_group(connection: duckdb.DuckDBPyConnection, path: str, row: int) -> int:
    groups = connection.execute(
        "select row_group_id, row_group_num_rows from parquet_metadata(?) "
        "where path_in_schema = 'account_id' order by row_group_id",
        [path],
    ).fetchall()
    passed = 0
    for group, count in groups:
        passed += count
        if row < passed:
            return int(group)
    return len(groups)
