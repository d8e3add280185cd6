"""Relations as Arrow tables: how many rows are loaded at once, and how Parquet files are written."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from closeout.facts.schema import Relation, columns

ARROW = {
    "BIGINT": pa.int64(),
    "VARCHAR": pa.string(),
    "DECIMAL(36,18)": pa.decimal128(36, 18),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
}


def schema(relation: type[Relation]) -> pa.Schema:
    """Return the Arrow schema of ``relation``; every column may be null, as in the tables."""
    return pa.schema([pa.field(column.name, ARROW[column.type]) for column in columns(relation)])


def table(relation: type[Relation], rows: Sequence[Relation]) -> pa.Table:
    """Return ``rows`` as one Arrow table. Raises: pyarrow.ArrowInvalid: a value does not fit its column."""
    fields = schema(relation)
    arrays = [pa.array([getattr(row, field.name) for row in rows], type=field.type) for field in fields]
    return pa.Table.from_arrays(arrays, schema=fields)
