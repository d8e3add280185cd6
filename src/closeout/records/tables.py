"""Records as tables: a stream of rows becomes Parquet, then CSV and JSON; each reads back equal.

Amounts stay exact (18 decimals, as text in CSV and JSON), times are naive UTC. In CSV a text that a
spreadsheet would run as a formula is preceded by an apostrophe; the rule is reversible, see :func:`neutral`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

BATCH = 8192
ROW_GROUP = 65536
MEMORY = "128MB"
DECIMAL = pa.decimal128(38, 18)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
BLOCK = 1 << 22
POSTGRES = {
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    16: pa.bool_(),
    1700: DECIMAL,
    1114: pa.timestamp("us"),
}

Row = Mapping[str, Any]
Rows = Callable[[], Iterable[Row] | Iterable[pa.RecordBatch]]


class Surprise(Exception):
    """A later row does not fit the columns that the first rows showed; ``schema`` fits both."""

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__("the columns have to be wider")
        self.schema = schema


def neutral(text: str) -> str:
    """Return ``text`` as no spreadsheet runs it: an apostrophe before a sign that begins a formula.

    A text that is empty or begins with an apostrophe gets one too, so that :func:`plain` undoes it exactly.
    """
    return f"'{text}" if not text or text.startswith(DANGEROUS) else text


def plain(text: str) -> str:
    """Undo :func:`neutral`."""
    return text.removeprefix("'")


def write_parquet(rows: Rows, target: Path) -> int:
    """Write all rows to ``target`` in bounded memory and return their number.

    Columns are taken from the rows; when a later row does not fit, the stream is asked for again with wider
    columns. ``rows`` must give the same rows each time. Rows may come as Arrow batches (:func:`copied`): faster.
    """
    schema = pa.schema([])
    while True:
        try:
            return _write(rows(), target, schema)
        except Surprise as surprise:
            schema = surprise.schema


def _write(rows: Iterable[Row] | Iterable[pa.RecordBatch], target: Path, schema: pa.Schema) -> int:
    stream, count = iter(rows), 0
    first = list(islice(stream, BATCH))
    if first and isinstance(first[0], pa.RecordBatch):
        return _write_batches(chain(first, stream), target)
    batch: list[Row] = first
    schema = _widened(schema, batch)[0]
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=1) as writer:
        while batch:
            count += len(batch)
            wider, columns = _widened(schema, batch)
            if wider != schema:
                raise Surprise(wider)
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=ROW_GROUP)
            batch = list(islice(stream, BATCH))
    return count


def _write_batches(batches: Iterable[pa.RecordBatch], target: Path) -> int:
    """Write what comes in columns already; the columns are those of the first batch."""
    count, stream = 0, iter(batches)
    first = next(stream)
    with pq.ParquetWriter(target, first.schema, compression="zstd", compression_level=1) as writer:
        for batch in chain([first], stream):
            count += batch.num_rows
            writer.write_batch(batch, row_group_size=ROW_GROUP)
    return count


def _widened(schema: pa.Schema, batch: Sequence[Row]) -> tuple[pa.Schema, list[pa.Array]]:
    """Return columns that hold what ``schema`` held and ``batch`` too, and the batch in them; a new one comes last."""
    names = dict.fromkeys(schema.names) | dict.fromkeys(name for row in batch for name in row)
    fields, columns = [], []
    for name in names:
        values = [row.get(name) for row in batch]
        kind = schema.field(name).type if name in schema.names else pa.null()
        for one in map(_kind, set(map(type, values))):
            kind = _wider(kind, one)
        kind, column = _column(values, kind)
        fields.append(pa.field(name, kind))
        columns.append(column)
    return pa.schema(fields), columns


def _kind(kind: type) -> pa.DataType:
    if kind is type(None):
        return pa.null()
    if issubclass(kind, bool):
        return pa.bool_()
    if issubclass(kind, int):
        return pa.int64()
    if issubclass(kind, Decimal):
        return DECIMAL
    return pa.timestamp("us") if issubclass(kind, datetime) else pa.string()


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or other == pa.null():
        return one
    return other if one == pa.null() else pa.string()


def _column(values: list[Any], kind: pa.DataType) -> tuple[pa.DataType, pa.Array]:
    """Return the values as a column of ``kind``, or as text if a number has more digits than that holds."""
    if kind == pa.timestamp("us"):
        values = [
            value.astimezone(UTC).replace(tzinfo=None) if value and value.tzinfo else value
            for value in values
        ]
    if kind != pa.string():
        try:
            return kind, pa.array(values, type=kind)
        except (pa.ArrowInvalid, OverflowError):
            kind = pa.string()
    texts = [value if value is None or isinstance(value, str) else text_of(value) for value in values]
    return kind, pa.array(texts, type=kind)


def copied(cursor: psycopg.Cursor[Any], query: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``query`` in columns, as PostgreSQL's own COPY sends them: the fast way out.

    ``query`` comes from code, never from a person. Raises: psycopg.Error.
    """
    cursor.execute(f"select * from ({query}) as described limit 0".encode())  # noqa: S608
    described = cursor.description or []
    types = {column.name: _copied_as(column) for column in described}
    with cursor.copy(f"copy ({query}) to stdout (format csv)".encode()) as copy:
        reader = pa_csv.open_csv(
            _Pieces(copy),
            read_options=pa_csv.ReadOptions(column_names=list(types), block_size=BLOCK),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
                true_values=["t"], false_values=["f"],
            ),
        )  # fmt: skip
        yield from reader


def _copied_as(column: psycopg.Column) -> pa.DataType:
    """Return the type for a column; a number whose digits nobody limited stays text, so that none is lost."""
    kind = POSTGRES.get(column.type_code, pa.string())
    if kind == DECIMAL and (
        column.scale is None or column.scale > 18 or (column.precision or 99) - column.scale > 20
    ):
        return pa.string()
    return kind


class _Pieces(io.RawIOBase):
    """A COPY as a file to read from."""

    def __init__(self, copy: psycopg.Copy) -> None:
        super().__init__()
        self._copy = copy
        self._rest = bytearray()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes, fewer only at the end."""
        rest = self._rest
        while size < 0 or len(rest) < size:
            piece = self._copy.read()
            if not piece:
                break
            rest += piece
        cut = len(rest) if size < 0 else size
        found = bytes(rest[:cut])
        del rest[:cut]
        return found


def text_of(value: object) -> str:
    """Return a value as the text that stands for it in every file."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=text_of)
    return str(value)


@contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend an engine of bounded memory that keeps the order of rows. Starting one costs more than a small table."""
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2}) as opened:
        opened.execute("set preserve_insertion_order = true")
        yield opened


def derive(using: duckdb.DuckDBPyConnection, parquet: Path, *, csv_to: Path, json_to: Path) -> None:
    """Write the rows of ``parquet`` as CSV and as a JSON array, in bounded memory and in the same order."""
    schema = pq.read_schema(parquet)
    if len(schema) == 0:
        csv_to.write_bytes(b"")
        json_to.write_bytes(b"[]\n")
        return
    source = f"from read_parquet({_quoted(str(parquet))})"
    cells = ", ".join(_csv_cell(field) for field in schema)
    names = ", ".join(_json_cell(field) for field in schema)
    texts = ", ".join(_name(field.name) for field in schema if field.type == pa.string())
    force = f", force_quote ({texts})" if texts else ""
    using.execute(f"copy (select {cells} {source}) to {_quoted(str(csv_to))} (format csv, header{force})")
    using.execute(f"copy (select {names} {source}) to {_quoted(str(json_to))} (format json, array true)")


def _csv_cell(field: pa.Field) -> str:
    name = _name(field.name)
    if field.type == pa.string():
        signs = "".join(sign for sign in DANGEROUS)
        risky = f"{name} = '' or position(left({name}, 1) in {_quoted(signs)}) > 0"
        return f"case when {risky} then '''' || {name} else {name} end as {name}"
    return f"{_shown(field)} as {name}"


def _json_cell(field: pa.Field) -> str:
    exact = field.type == DECIMAL or pa.types.is_timestamp(field.type)
    return f"{_shown(field)} as {_name(field.name)}" if exact else _name(field.name)


def _shown(field: pa.Field) -> str:
    """Return SQL for the text of a value: plain decimals without trailing zeros, ISO times."""
    name = _name(field.name)
    if field.type == DECIMAL:
        return f"rtrim(rtrim(cast({name} as varchar), '0'), '.')"
    if pa.types.is_timestamp(field.type):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%f')"
    return name


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def sums(using: duckdb.DuckDBPyConnection, parquet: Path, *, by: str, amount: str) -> dict[str, Decimal]:
    """Return the exact sum of ``amount`` per value of ``by``; nothing if the columns are not there."""
    schema = pq.read_schema(parquet)
    if not {by, amount} <= set(schema.names):
        return {}
    rows = using.execute(
        f"select {_name(by)}, sum(cast({_name(amount)} as decimal(38, 18)))"  # noqa: S608
        f" from read_parquet({_quoted(str(parquet))}) group by 1 order by 1"
    ).fetchall()
    return {str(asset): total if total is not None else Decimal(0) for asset, total in rows}


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file of ours, in batches of memory."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            yield from batch.to_pylist()


def read_json(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON file of ours; exact values are text."""
    yield from json.loads(path.read_text(encoding="utf-8"))


def read_csv(path: Path) -> Iterator[dict[str, str | None]]:
    """Yield the rows of a CSV file of ours; every value is text, null is None, apostrophes are undone."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: plain(value) if value else None for name, value in row.items()}
