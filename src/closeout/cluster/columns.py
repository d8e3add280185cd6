"""Rows of PostgreSQL in columns, by its own COPY: the fast way out of a database, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv

DECIMAL = pa.decimal128(38, 18)
BLOCK = 1 << 22
POSTGRES = {
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    16: pa.bool_(),
    1700: DECIMAL,
    1114: pa.timestamp("us"),
}


def copied(
    cursor: psycopg.Cursor[Any], query: str, values: Mapping[str, object] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``query`` in columns, as PostgreSQL's own COPY sends them: the fast way out.

    ``query`` comes from code, never from a person. Raises: psycopg.Error.
    """
    cursor.execute(f"select * from ({query}) as described limit 0".encode(), values)  # noqa: S608
    described = cursor.description or []
    types = {column.name: _copied_as(column) for column in described}
    with cursor.copy(f"copy ({query}) to stdout (format csv)".encode(), values) as copy:
        rows = _Pieces(copy)
        if not rows.begun():
            yield pa.RecordBatch.from_pylist([], schema=pa.schema(list(types.items())))
            return
        yield from pa_csv.open_csv(
            rows,
            read_options=pa_csv.ReadOptions(column_names=list(types), block_size=BLOCK),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
                true_values=["t"], false_values=["f"],
            ),
        )  # fmt: skip


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

    def begun(self) -> bool:
        """Wait for the first row and say whether there is one."""
        self._rest += self._copy.read()
        return bool(self._rest)

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
