"""Does an operator's own database give the facts? Names, types, freshness, and the account filter.

Reads catalogues and plans only, never a row of an account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.facts.schema import RELATIONS, columns

SOURCE_STATE: Mapping[str, str] = {"relation": "VARCHAR", "state": "VARCHAR", "as_of": "TIMESTAMP"}
ACCEPTED: Mapping[str, frozenset[str]] = {
    "BIGINT": frozenset({"bigint", "integer", "smallint"}),
    "VARCHAR": frozenset({"text", "character varying", "character", "name"}),
    "DECIMAL(36,18)": frozenset({"numeric"}),
    "TIMESTAMP": frozenset({"timestamp without time zone"}),
    "BOOLEAN": frozenset({"boolean"}),
}
SMALL = 1000  # rows of a table that may be read whole: a list of assets, not of accounts


@dataclass(frozen=True)
class Problem:
    """One thing that must change before the facts can be used."""

    relation: str
    column: str | None
    kind: str  # missing_view, missing_column, extra_column, wrong_type, no_push_down, wrong_order
    text: str


def problems(connection: psycopg.Connection[Any], *, schema: str = "facts") -> list[Problem]:
    """Return everything that is wrong with the views in ``schema``; changes nothing in the database."""
    found: list[Problem] = []
    there = _described(connection, schema)
    wanted = {
        name: {one.name: one.type for one in columns(relation)} for name, relation in RELATIONS.items()
    } | {"source_state": dict(SOURCE_STATE)}
    for name, types in wanted.items():
        if name not in there:
            found.append(
                Problem(name, None, "missing_view", f"view {schema}.{name} is missing: its facts are unknown")
            )
            continue
        found += _columns(schema, name, types, there[name])
        if name in RELATIONS and "account_id" in there[name]:
            found += _push_down(connection, schema, name)
    return found


def _described(connection: psycopg.Connection[Any], schema: str) -> dict[str, dict[str, str]]:
    with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute(
            "select c.relname, a.attname, format_type(a.atttypid, null) from pg_attribute as a "
            "join pg_class as c on c.oid = a.attrelid join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname = %s and a.attnum > 0 and not a.attisdropped "
            "and c.relkind in ('r', 'v', 'm', 'p', 'f') order by c.relname, a.attnum",
            [schema],
        )
        found: dict[str, dict[str, str]] = {}
        for relation, column, kind in cursor.fetchall():
            found.setdefault(relation, {})[column] = kind
        return found


def _columns(
    schema: str, name: str, wanted: Mapping[str, str], there: Mapping[str, str]
) -> Iterator[Problem]:
    for column, kind in wanted.items():
        if column not in there:
            yield Problem(name, column, "missing_column", f"{schema}.{name} has no column {column} ({kind})")
        elif there[column] not in ACCEPTED[kind]:
            why = " (use: at time zone 'UTC')" if there[column].endswith("with time zone") else ""
            text = f"{schema}.{name}.{column} is {there[column]}, must be {kind}{why}"
            yield Problem(name, column, "wrong_type", text)
    for column in there:
        if column not in wanted:
            text = f"{schema}.{name} has a column {column} that no condition knows; remove it"
            yield Problem(name, column, "extra_column", text)


def _push_down(connection: psycopg.Connection[Any], schema: str, name: str) -> Iterator[Problem]:
    with (
        connection.transaction(force_rollback=True),
        psycopg.Cursor(connection, row_factory=tuple_row) as cursor,
    ):
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("set local plan_cache_mode = force_generic_plan")
        cursor.execute(
            f"prepare mapped as select * from {schema}.{name} as t where t.account_id = $1::bigint"
        )
        cursor.execute("explain (format json) execute mapped(1)")
        row = cursor.fetchone()
        cursor.execute("deallocate mapped")
        cursor.execute(
            "select c.relname from pg_index as i join pg_class as c on c.oid = i.indexrelid "
            "where i.indpred is not null"
        )
        partial = {index for (index,) in cursor.fetchall()}
        cursor.execute(
            "select c.oid::regclass::text, c.reltuples from pg_class as c where c.relkind in ('r', 'p')"
        )
        sizes = {str(table).rpartition(".")[2]: rows for table, rows in cursor.fetchall()}
    assert row is not None
    for table in _whole(row[0][0]["Plan"], partial):
        if not 0 <= sizes.get(table, -1) <= SMALL:
            text = f"{schema}.{name} reads all of {table} for one account: index the account's column"
            yield Problem(name, "account_id", "no_push_down", text)


def _whole(plan: Mapping[str, Any], partial: Collection[str]) -> Iterator[str]:
    """Yield the tables that the plan reads without an index condition.

    An index over a part of the table may be read whole: without rows the planner cannot prefer another.
    """
    kind = plan["Node Type"]
    indexed = kind in {"Index Scan", "Index Only Scan"} and plan["Index Name"] not in partial
    if kind == "Seq Scan" or (indexed and "Index Cond" not in plan):
        yield str(plan["Relation Name"])
    for child in plan.get("Plans", ()):
        yield from _whole(child, partial)
