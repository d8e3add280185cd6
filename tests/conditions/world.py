"""Facts for tests: rows with harmless defaults, a clean account, and engines that hold the same rows."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import psycopg

from closeout.facts import ddl
from closeout.facts.duck import DuckFacts
from closeout.facts.postgres import PostgresFacts
from closeout.facts.schema import RELATIONS, Relation, Source

NOW = datetime(2026, 11, 22, 3)
Facts = dict[str, list[Relation]]

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "account": {"parent_id": None, "state": "open", "jurisdiction": "CN",
                "opened_at": datetime(2020, 1, 1), "posted_at": None},
    "balance": {"wallet": "funding", "asset": "BTC", "available": Decimal(0), "locked": Decimal(0),
                "withdraw_min": Decimal("0.001"), "value": None},
    "open_order": {"order_id": "o1", "kind": "limit", "instrument": "BTC-USDT", "asset": "USDT",
                   "locked": Decimal(10), "placed_at": datetime(2026, 1, 1)},
    "position": {"position_id": "p1", "kind": "swap", "instrument": "BTC-USDT-SWAP", "quantity": Decimal(1),
                 "settlement_pending": False, "settles_at": None, "asset": "USDT",
                 "unrealised": Decimal(0)},
    "loan": {"loan_id": "l1", "asset": "USDT", "principal": Decimal(0), "interest": Decimal(0),
             "collateral_asset": "BTC", "collateral": Decimal(0)},
    "earn": {"earn_id": "e1", "kind": "flexible", "product": "USDT", "asset": "USDT", "amount": Decimal(5),
             "redeemable": True, "matures_at": None, "redeeming": False, "auto_renew": False},
    "p2p_order": {"p2p_id": "c1", "state": "completed", "appeal": "none", "asset": "USDT",
                  "amount": Decimal(100), "expires_at": None},
    "sub_account": {"sub_account_id": "s1", "label": "bot", "state": "closed", "holdings": 0,
                    "closable_at": None},
    "payment_method": {"method_id": "m1", "kind": "bank_card", "label": "**** 4821"},
    "api_key": {"key_id": "k1", "kind": "key", "label": "bot", "can_trade": True},
    "security_event": {"event_id": "v1", "kind": "password_changed", "happened_at": datetime(2020, 1, 1)},
    "identity": {"state": "verified", "valid_until": None, "is_applicant": True, "was_required": True},
    "contact": {"kind": "email", "reachable": True},
    "dispute": {"dispute_id": "d1", "kind": "complaint", "state": "open"},
    "hold": {"hold_id": "h1", "kind": "judicial", "scope": "closing",
             "placed_at": datetime(2026, 1, 1), "released_at": None},
    "rebate": {"rebate_id": "r1", "kind": "balance", "state": "closed", "asset": None, "amount": None},
    "transfer": {"transfer_id": "t1", "kind": "deposit", "asset": "BTC", "amount": Decimal(1),
                 "final": False, "disputed": False, "expected_at": None},
}  # fmt: skip


def row(relation: str, account_id: int = 1, **values: object) -> Relation:
    """Return one row of ``relation``; strings become decimals and times where the column is one."""
    kind = RELATIONS[relation]
    hints = _hints(kind)
    filled = {"account_id": account_id, **DEFAULTS[relation], **values}
    unknown = filled.keys() - {spec.name for spec in dataclasses.fields(kind)}
    assert not unknown, f"{relation} has no column {unknown}"
    return kind(**{name: _typed(hints[name], value) for name, value in filled.items()})


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _typed(hint: Any, value: object) -> Any:
    wanted = {hint, *typing.get_args(hint)}
    if value == "null":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool) and Decimal in wanted:
        return Decimal(value)
    if isinstance(value, str) and datetime in wanted:
        return datetime.fromisoformat(value)
    return value


def clean(*accounts: int) -> Facts:
    """Return the facts of accounts that can be closed: verified, reachable, empty."""
    facts: Facts = {name: [] for name in RELATIONS}
    for number in accounts or (1,):
        facts["account"].append(row("account", number))
        facts["identity"].append(row("identity", number))
        facts["contact"] += [row("contact", number), row("contact", number, kind="phone")]
    return facts


def complete(at: datetime = NOW) -> dict[str, Source]:
    """Return a complete and fresh source for every relation."""
    return {name: Source(name, "complete", at) for name in RELATIONS}


def in_duck(
    facts: Mapping[str, Sequence[Relation]], sources: Mapping[str, Source] | None = None
) -> DuckFacts:
    """Return a DuckDB engine that holds ``facts``."""
    return DuckFacts.of(facts, sources=complete() if sources is None else sources)


def in_postgres(
    connection: psycopg.Connection[Any],
    facts: Mapping[str, Sequence[Relation]],
    sources: Mapping[str, Source] | None = None,
    *,
    schema: str = "given",
) -> PostgresFacts:
    """Return a PostgreSQL engine over tables in a schema of their own that hold ``facts``."""
    make_tables(connection, schema)
    fill(connection, facts, sources, schema=schema)
    return PostgresFacts(connection, schema=schema)


def make_tables(connection: psycopg.Connection[Any], schema: str) -> None:
    """Create the relations as indexed tables, dropping what was there."""
    connection.execute(f"drop schema if exists {schema} cascade; create schema {schema}")
    statements = [*ddl.create_tables(schema=schema), *ddl.create_indexes(schema=schema)]
    connection.execute(";".join([*statements, ddl.create_source_state(schema=schema)]))


def fill(
    connection: psycopg.Connection[Any],
    facts: Mapping[str, Sequence[Relation]],
    sources: Mapping[str, Source] | None = None,
    *,
    schema: str = "given",
) -> None:
    """Replace the rows of the tables by ``facts``."""
    connection.execute(f"truncate {', '.join(f'{schema}.{name}' for name in (*RELATIONS, 'source_state'))}")
    for name, rows in facts.items():
        if rows:
            with connection.cursor().copy(f"copy {schema}.{name} from stdin") as copy:
                for one in rows:
                    copy.write_row(dataclasses.astuple(one))
    for source in (complete() if sources is None else sources).values():
        connection.execute(
            f"insert into {schema}.source_state values (%s, %s, %s)", dataclasses.astuple(source)
        )


def days_ago(days: float = 0, *, hours: float = 0, minutes: float = 0, microseconds: int = 0) -> datetime:
    """Return a moment before NOW."""
    return NOW - timedelta(days=days, hours=hours, minutes=minutes, microseconds=microseconds)
