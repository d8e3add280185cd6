"""Records as tables: a stream of rows becomes Parquet, then CSV and JSON; each reads back equal.

Amounts stay exact (18 decimals, as text in CSV and JSON), times are naive UTC. In CSV a text that a
spreadsheet would run as a formula is preceded by an apostrophe; the rule is reversible, see :func:`neutral`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 8192
ROW_GROUP = 65536
MEMORY = "128MB"
DECIMAL = pa.decimal128(38, 18)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
LARGEST = Decimal(10) ** 20
SMALLEST_EXPONENT = -18
INTEGER = 2**63

Row = Mapping[str, Any]
Rows = Callable[[], Iterable[Row]]


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
    columns. ``rows`` must give the same rows each time.
    """
    schema = pa.schema([])
    while True:
        try:
            return _write(rows(), target, schema)
        except Surprise as surprise:
            schema = surprise.schema


def _write(rows: Iterable[Row], target: Path, schema: pa.Schema) -> int:
    stream, count = iter(rows), 0
    batch = list(islice(stream, BATCH))
    schema = _widened(schema, batch)
    with pq.ParquetWriter(target, schema, compression="zstd", store_schema=True) as writer:
        while batch:
            count += len(batch)
            wider = _widened(schema, batch)
            if wider != schema:
                raise Surprise(wider)
            columns = [_column([row.get(field.name) for row in batch], field.type) for field in schema]
            writer.write_batch(pa.record_batch(columns, schema=schema), row_group_size=ROW_GROUP)
            batch = list(islice(stream, BATCH))
    return count


def _widened(schema: pa.Schema, batch: Sequence[Row]) -> pa.Schema:
    """Return columns that hold what ``schema`` held and ``batch`` too; a new column comes last."""
    kinds: dict[str, pa.DataType] = {field.name: field.type for field in schema}
    for name in dict.fromkeys(name for row in batch for name in row):
        kind = kinds.get(name, pa.null())
        for value in {_kind(row.get(name)) for row in batch}:
            kind = _wider(kind, value)
        kinds[name] = kind
    return pa.schema([pa.field(name, kind) for name, kind in kinds.items()])


def _kind(value: object) -> pa.DataType:
    if value is None:
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64() if -INTEGER <= value < INTEGER else pa.string()
    if isinstance(value, Decimal):
        return DECIMAL if _fits(value) else pa.string()
    if isinstance(value, datetime):
        return pa.timestamp("us")
    return pa.string()


def _fits(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= SMALLEST_EXPONENT and abs(value) < LARGEST


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or other == pa.null():
        return one
    return other if one == pa.null() else pa.string()


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        values = [value if value is None or isinstance(value, str) else text_of(value) for value in values]
    elif kind == pa.timestamp("us"):
        values = [
            value.astimezone(UTC).replace(tzinfo=None) if value and value.tzinfo else value
            for value in values
        ]
    return pa.array(values, type=kind)


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


def derive(parquet: Path, *, csv_to: Path, json_to: Path) -> None:
    """Write the rows of ``parquet`` as CSV and as a JSON array, in bounded memory and in the same order."""
    schema = pq.read_schema(parquet)
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2}) as engine:
        engine.execute("set preserve_insertion_order = true")
        source = f"from read_parquet({_quoted(str(parquet))})"
        if len(schema) == 0:
            csv_to.write_bytes(b"")
            json_to.write_bytes(b"[]\n")
            return
        cells = ", ".join(_csv_cell(field) for field in schema)
        names = ", ".join(_json_cell(field) for field in schema)
        texts = ", ".join(_name(field.name) for field in schema if field.type == pa.string())
        force = f", force_quote ({texts})" if texts else ""
        engine.execute(
            f"copy (select {cells} {source}) to {_quoted(str(csv_to))} (format csv, header{force})"
        )
        engine.execute(f"copy (select {names} {source}) to {_quoted(str(json_to))} (format json, array true)")


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


def sums(parquet: Path, *, by: str, amount: str) -> dict[str, Decimal]:
    """Return the exact sum of ``amount`` per value of ``by``; nothing if the columns are not there."""
    schema = pq.read_schema(parquet)
    if not {by, amount} <= set(schema.names):
        return {}
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2}) as engine:
        rows = engine.execute(
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
