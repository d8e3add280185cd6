"""Oracle, PostgreSQL and DuckDB agree, row by row, on hostile facts and on the boundary grid (R-CHK-20)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.conditions import hostile, oracle, world

from closeout.conditions.catalog import by_code
from closeout.conditions.check import statement
from closeout.facts.engine import Engine
from closeout.facts.postgres import PostgresFacts
from closeout.policy import Policy

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "12"))  # make test-hostile: 2000
EVERYTHING = statement(tuple(by_code()), present=False)
POLICIES = [
    Policy(),
    Policy(password_wait_days=0, factor_wait_days=0, ledger_quiet_minutes=0),
    Policy(password_wait_days=90, factor_wait_days=30, ledger_quiet_minutes=1440),
    Policy(password_wait_days=1, factor_wait_days=90, ledger_quiet_minutes=1),
]


def counted(rows: Sequence[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """Return the rows as a multiset; equal amounts are one, whatever zeros they are written with."""
    assert all(row[5] is None or isinstance(row[5], Decimal) for row in rows)
    return Counter(tuple(row) for row in rows)


def ask(engine: Engine, policy: Policy, now: datetime) -> Counter[tuple[Any, ...]]:
    return counted(engine.rows(EVERYTHING, policy=policy.row(now)))


def agree(answered: Counter[tuple[Any, ...]], expected: Counter[tuple[Any, ...]]) -> None:
    """Fail with the rows that only one side has."""
    assert (answered - expected, expected - answered) == (Counter(), Counter())


@pytest.fixture(scope="module")
def tables(cluster_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster_url) as connection:
        world.make_tables(connection, "hostile")
        yield connection
        connection.rollback()


def test_the_oracle_knows_every_condition() -> None:
    assert oracle.RULES.keys() == by_code().keys()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking three databases takes many minutes
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
@given(case=hostile.cases())
def test_engines_agree_on_hostile_facts(
    case: tuple[world.Facts, Policy, datetime], tables: psycopg.Connection[Any]
) -> None:
    facts, policy, now = case
    expected = oracle.answers(facts, policy, now)
    with world.in_duck(facts) as duck:
        agree(ask(duck, policy, now), expected)
    with tables.transaction(force_rollback=True):
        world.fill(tables, facts, {}, schema="hostile")
        agree(ask(PostgresFacts(tables, schema="hostile"), policy, now), expected)


@pytest.mark.parametrize("policy", POLICIES, ids=["default", "no windows", "longest", "mixed"])
def test_engines_agree_on_the_boundary_grid(policy: Policy, tables: psycopg.Connection[Any]) -> None:
    facts = hostile.grid(policy)
    expected = oracle.answers(facts, policy, world.NOW)
    assert {row[1] for row in expected} == by_code().keys()
    with world.in_duck(facts) as duck:
        agree(ask(duck, policy, world.NOW), expected)
    with tables.transaction(force_rollback=True):
        world.fill(tables, facts, {}, schema="hostile")
        agree(ask(PostgresFacts(tables, schema="hostile"), policy, world.NOW), expected)
