"""The guard: does the account filter reach an index of every relation? Works on an empty database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.facts.schema import POLICY_COLUMNS

_PARAMETER = re.compile(r"%\((?P<name>\w+)\)s")
SCANS = frozenset(
    {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Function Scan", "CTE Scan"}
)


def scans(connection: psycopg.Connection[Any], sql: str) -> list[str]:
    """Return every scan of ``sql`` that would read rows of other accounts; an empty list if there is none.

    ``sql`` has psycopg's named parameters. Asks for the generic plan with sequential scans made dear, which
    needs no rows; leaves no setting and no statement behind.
    """
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found["name"] not in names:
            names.append(found["name"])
        return f"${names.index(found['name']) + 1}"

    numbered = _PARAMETER.sub(number, sql).replace("%%", "%")
    with (
        connection.transaction(force_rollback=True),
        psycopg.Cursor(connection, row_factory=tuple_row) as cursor,
    ):
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("set local plan_cache_mode = force_generic_plan")
        cursor.execute(f"prepare guarded as {numbered}")
        values = ", ".join(_example(name, numbered) for name in names)
        called = f"({values})" if values else ""
        cursor.execute(f"explain (format json) execute guarded{called}")
        row = cursor.fetchone()
        cursor.execute("deallocate guarded")
    assert row is not None
    return list(_uncovered(row[0][0]["Plan"]))


def _example(name: str, sql: str) -> str:
    if name in dict(POLICY_COLUMNS):
        return "timestamp '2026-01-01'"
    return "'{1}'" if "bigint[]" in sql else "1"


def _uncovered(plan: Mapping[str, Any]) -> Iterator[str]:
    kind = plan["Node Type"]
    condition = str(plan.get("Recheck Cond" if kind == "Bitmap Heap Scan" else "Index Cond", ""))
    if kind in SCANS and "account_id =" not in condition:
        yield f"{kind} of {plan.get('Relation Name', plan.get('Alias', '?'))}"
    for child in plan.get("Plans", ()):
        yield from _uncovered(child)
