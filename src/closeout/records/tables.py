"""Records as tables: a stream of rows becomes Parquet, then CSV and JSON; each reads back equal.

Amounts stay exact (18 decimals, as text in CSV and JSON), times are naive UTC. In CSV a text that a
spreadsheet would run as a formula is preceded by an apostrophe; the rule is reversible, see :func:`neutral`.
"""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from closeout.cluster.columns import DECIMAL

BATCH = 8192
ROW_GROUP = 65536
MEMORY = "128MB"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
TEXTS = 32_768
LINE = "\n  "
APOSTROPHE = "'\"'''"  # in SQL: a quotation mark and an apostrophe

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
    columns. ``rows`` must give the same rows each time. Rows may come as Arrow batches (``cluster.columns``): faster.
    """
    schema = pa.schema([])
    while True:
        try:
            return _write(rows(), target, schema)
        except Surprise as surprise:
            schema = surprise.schema


def _write(rows: Iterable[Row] | Iterable[pa.RecordBatch], target: Path, schema: pa.Schema) -> int:
    stream, count = iter(rows), 0
    first = list(islice(stream, 1))
    if first and isinstance(first[0], pa.RecordBatch):
        return _write_batches(first.pop(), stream, target)
    batch: list[Row] = [*first, *islice(stream, BATCH - 1)]
    schema = _widened(schema, batch)[0]
    with _writer(target, schema) as writer:
        while batch:
            count += len(batch)
            wider, columns = _widened(schema, batch)
            if wider != schema:
                raise Surprise(wider)
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=ROW_GROUP)
            batch = list(islice(stream, BATCH))
    return count


def _write_batches(batch: pa.RecordBatch | None, stream: Iterator[pa.RecordBatch], target: Path) -> int:
    """Write what comes in columns already, one batch at a time; the columns are those of the first."""
    assert batch is not None
    count = 0
    with _writer(target, batch.schema) as writer:
        while batch is not None:
            count += batch.num_rows
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            batch = next(stream, None)
    return count


def _writer(target: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Return a writer of ``target``. Only texts repeat themselves: a dictionary of numbers costs time and size."""
    texts = [field.name for field in schema if field.type == pa.string()]
    return pq.ParquetWriter(
        target, schema, compression="zstd", compression_level=1, use_dictionary=texts or False
    )


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
    """Write the rows of ``parquet`` as CSV and as a JSON array, in bounded memory and in the same order.

    The engine makes the text of every value once; a line is joined from them for each form.
    """
    schema = pq.read_schema(parquet)
    with csv_to.open("wb") as as_csv, json_to.open("wb") as as_json:
        as_csv.write(_csv_header(schema.names))
        begun = False
        for batch in _texts(using, parquet, schema) if len(schema) else ():
            texts = [_trimmed(batch.column(at), field) for at, field in enumerate(schema)]
            as_csv.write(_csv_lines(texts))
            lines = _json_lines(schema, texts, iter(batch.columns[len(schema) :]))
            as_json.write(lines if begun else b"[" + lines[1:])
            begun = True
        as_json.write(b"\n]\n" if begun else b"[]\n")


def _texts(using: duckdb.DuckDBPyConnection, parquet: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows with every value as text; texts come as CSV cells, and after all columns as JSON."""
    shown = [f"{_shown(field)} as {_name(field.name)}" for field in schema]
    shown += [f"to_json({_name(field.name)})::varchar" for field in schema if field.type == pa.string()]
    source = f"select {', '.join(shown)} from read_parquet({_quoted(str(parquet))})"  # noqa: S608
    yield from using.sql(source).to_arrow_reader(TEXTS)


def _shown(field: pa.Field) -> str:
    """Return SQL for the text of a value: quoted and harmless, or a plain number, or an ISO time."""
    name = _name(field.name)
    if field.type == pa.string():
        risky = f"{name} = '' or position(left({name}, 1) in {_quoted(''.join(DANGEROUS))}) > 0"
        return f"""case when {risky} then {APOSTROPHE} else '"' end || replace({name}, '"', '""') || '"'"""
    if pa.types.is_timestamp(field.type):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%f')"
    return f"cast({name} as varchar)"


def _trimmed(texts: pa.Array, field: pa.Field) -> pa.Array:
    """Return decimals without trailing zeros, anything else as it is. The engine's own trimming is the slow one."""
    if field.type != DECIMAL:
        return texts
    return pc.ascii_rtrim(pc.ascii_rtrim(texts, "0"), ".")


def _csv_header(names: Sequence[str]) -> bytes:
    if not names:
        return b""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()


def _csv_lines(texts: Sequence[pa.Array]) -> bytes:
    nothing = "" if len(texts) > 1 else '""'  # an empty line would be no row at all
    cells = [pc.coalesce(column, nothing) if column.null_count else column for column in texts]
    cells[-1] = pc.binary_join_element_wise(cells[-1], "\n", "")
    return _joined(pc.binary_join_element_wise(*cells, ","))


def _json_lines(schema: pa.Schema, texts: Sequence[pa.Array], written: Iterator[pa.Array]) -> bytes:
    pieces: list[Any] = []
    close = f",{LINE}{{"
    for field, cells in zip(schema, texts, strict=True):
        begin, close = close + f"{json.dumps(field.name, ensure_ascii=False)}:", ","
        if field.type == pa.string():
            values = next(written)
        elif field.type != DECIMAL and not pa.types.is_timestamp(field.type):
            values = cells
        elif cells.null_count:
            values = pc.binary_join_element_wise('"', cells, '"', "")
        else:  # quotation marks that stand around every value go along with the names
            begin, values, close = begin + '"', cells, '",'
        pieces += [begin, pc.coalesce(values, "null") if values.null_count else values]
    return _joined(pc.binary_join_element_wise(*pieces, close.removesuffix(",") + "}", ""))


def _joined(rows: pa.Array) -> bytes:
    """Return the rows one after another."""
    _, offsets, data = rows.buffers()
    (end,) = struct.unpack_from("=i", offsets, 4 * len(rows))
    return bytes(data[:end])


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
