"""Blockers as a Parquet file: the columns that every screening writes, whichever engine found them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from closeout.facts.arrow import ARROW
from closeout.facts.schema import BLOCKER_COLUMNS

NAMES = ("account_id", "code", *(name for name, _ in BLOCKER_COLUMNS[1:]))
TYPES = dict(BLOCKER_COLUMNS) | {"code": "VARCHAR"}


def write(path: Path, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write ``rows`` (account_id, code, subject, item, asset, amount, clears_at) to ``path``."""
    fields = pa.schema([pa.field(name, ARROW[TYPES[name]]) for name in NAMES])
    arrays = [pa.array([row[n] for row in rows], type=field.type) for n, field in enumerate(fields)]
    parquet.write_table(pa.Table.from_arrays(arrays, schema=fields), path, compression="zstd")
