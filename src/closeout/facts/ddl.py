"""Tables for the relations: for tests, benchmarks, and operators who load facts instead of mapping views."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from closeout.facts.schema import BLOCKER_COLUMNS, POLICY_COLUMNS, RELATIONS, Relation, columns


def create_tables(*, schema: str | None = None, relations: Collection[str] = tuple(RELATIONS)) -> list[str]:
    """Return one ``create table`` per relation, in the order of the schema; runs on PostgreSQL and DuckDB."""
    return [create_table(RELATIONS[name], schema=schema) for name in RELATIONS if name in relations]


def create_table(relation: type[Relation], *, schema: str | None = None) -> str:
    """Return ``create table`` of one relation.

    Nothing is declared not null or unique: facts are what a source says, and a source that contradicts
    itself must be found by the data faults, not refused while it is loaded.
    """
    lines = ", ".join(f"{column.name} {column.type}" for column in columns(relation))
    return f"create table {_qualified(relation.name, schema)} ({lines})"


def create_indexes(*, schema: str | None = None, relations: Collection[str] = tuple(RELATIONS)) -> list[str]:
    """Return one index on ``account_id`` per relation: with it the self-check of one account is quick."""
    return [
        f"create index on {_qualified(name, schema)} (account_id)" for name in RELATIONS if name in relations
    ]


def create_source_state(*, schema: str | None = None) -> str:
    """Return the table ``source_state``: freshness and completeness by relation."""
    name = _qualified("source_state", schema)
    return f"create table {name} (relation VARCHAR, state VARCHAR, as_of TIMESTAMP)"


def policy_select(row: Mapping[str, object], cell: str) -> str:
    """Return the one-row relation ``policy``; ``cell`` is a placeholder with ``{name}`` in it."""
    cells = (
        f"cast({cell.format(name=name)} as {kind}) as {name}" for name, kind in POLICY_COLUMNS if name in row
    )
    return "select " + ", ".join(cells)


def blocker_shape_select() -> str:
    """Return the empty relation ``blocker_shape`` that gives every union its types."""
    cells = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in BLOCKER_COLUMNS)
    return f"select {cells} where false"


def _qualified(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name
