"""Facts in PostgreSQL: views or tables in a schema of their own, read over an open connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import psycopg
from psycopg.rows import tuple_row

from closeout.facts.ddl import blocker_shape_select, policy_select
from closeout.facts.engine import FactsUnreachable, Row
from closeout.facts.schema import POLICY_COLUMNS, RELATIONS, Source

_MENTIONED = re.compile(r"\b(?:from|join)\s+([a-z_0-9]+)", re.IGNORECASE)


class HasConnection(Protocol):
    """A cursor of psycopg 3, or anything that passes one on, as Django's cursors do."""

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The psycopg connection under the cursor."""


class PostgresFacts:
    """An engine over the schema ``facts`` of an open connection; it never commits and changes no setting.

    ``where`` is a psycopg 3 connection or one of its cursors (also as Django wraps it), so that a check sees
    exactly what the caller's transaction sees. The statement is prepared on the server from its first use.
    Every relation is inlined as ``schema.relation``: the account filter reaches its index.
    """

    def __init__(self, where: psycopg.Connection[Any] | HasConnection, *, schema: str = "facts") -> None:
        self._connection = where if isinstance(where, psycopg.Connection) else where.connection
        self._schema = schema

    def sources(self) -> Mapping[str, Source]:
        """Read the view ``source_state`` of the schema. Raises: FactsUnreachable."""
        rows = self._run(f"select relation, state, as_of from {self._schema}.source_state", {})
        return {relation: Source(relation, state, as_of) for relation, state, as_of in rows}

    def rows(
        self, sql: str, *, policy: Mapping[str, object], accounts: Sequence[int] | None = None
    ) -> Sequence[Row]:
        """Run ``sql`` for ``accounts``, or for all if None. Raises: FactsUnreachable."""
        wanted = "all" if accounts is None else "one" if len(accounts) == 1 else "some"
        values = dict(policy)
        if accounts is not None:
            values["accounts"] = accounts[0] if wanted == "one" else array(accounts)
        return self._run(complete(sql, schema=self._schema, accounts=wanted), values)

    def _run(self, sql: str, values: Mapping[str, object]) -> Sequence[Row]:
        try:
            with psycopg.Cursor(self._connection, row_factory=tuple_row) as cursor:
                return cursor.execute(sql, values, prepare=True).fetchall()
        except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable) as wrong:
            raise FactsUnreachable(str(wrong).strip()) from wrong


def array(numbers: Iterable[int]) -> str:
    """Return ``numbers`` as PostgreSQL reads an array; psycopg looks at each of a thousand alone."""
    return f"{{{','.join(map(str, numbers))}}}"


@lru_cache(maxsize=256)
def complete(sql: str, *, schema: str, accounts: str) -> str:
    """Return ``sql`` with what it stands on: policy as parameters, the empty shape, the relations it names.

    ``accounts`` is ``all``, ``one`` or ``some``. The common table expressions are not materialized: the
    planner folds them away, and policy becomes constants.
    """
    inlined = {
        "policy": policy_select(dict(POLICY_COLUMNS), "%({name})s"),
        "blocker_shape": blocker_shape_select(),
    }
    named = {name.lower() for name in _MENTIONED.findall(sql)}
    inlined |= {name: f"select * from {schema}.{name}" for name in RELATIONS if name in named}
    before = ",\n".join(f"{name} as not materialized ({text})" for name, text in inlined.items())
    text = sql.replace("%", "%%")
    where = {
        "all": "",
        "one": "\nwhere answer.account_id = %(accounts)s::bigint",
        "some": "\nwhere answer.account_id = any(%(accounts)s::bigint[])",
    }[accounts]
    return f"with {before}\nselect * from (\n{text}\n) as answer{where}"
