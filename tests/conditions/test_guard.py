"""The account filter reaches an index in every condition: proven on an empty database (R-CHK-20)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.conditions import world

from closeout.conditions.catalog import Condition, catalog, data_faults
from closeout.conditions.check import labelled, statement
from closeout.facts import pushdown
from closeout.facts.postgres import complete


@pytest.fixture
def empty(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    world.make_tables(connection, "given")
    return connection


@pytest.mark.parametrize("accounts", ["one", "some"])
@pytest.mark.parametrize("condition", [*catalog(), *data_faults()], ids=lambda condition: condition.code)
def test_condition_reads_one_account_through_the_index(
    condition: Condition, accounts: str, empty: psycopg.Connection[Any]
) -> None:
    assert pushdown.scans(empty, complete(labelled(condition), schema="given", accounts=accounts)) == []


@pytest.mark.parametrize("accounts", ["one", "some"])
def test_the_whole_check_reads_one_account_through_the_index(
    accounts: str, empty: psycopg.Connection[Any]
) -> None:
    codes = tuple(condition.code for condition in (*catalog(), *data_faults()))
    sql = complete(statement(codes, present=True), schema="given", accounts=accounts)
    assert pushdown.scans(empty, sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "select l.account_id from loan as l where l.asset in (select asset from balance)",
        "select l.account_id from loan as l inner join balance as b on b.asset = l.asset",
        "select max(l.account_id) as account_id from loan as l",
    ],
)
def test_the_guard_bites(sql: str, empty: psycopg.Connection[Any]) -> None:
    assert pushdown.scans(empty, complete(sql, schema="given", accounts="one")) != []


def test_without_the_index_the_guard_bites(empty: psycopg.Connection[Any]) -> None:
    for (name,) in empty.execute("select indexname from pg_indexes where schemaname = 'given'").fetchall():
        empty.execute(f"drop index given.{name}")
    sql = complete(labelled(catalog()[0]), schema="given", accounts="one")
    assert "balance" in json.dumps(pushdown.scans(empty, sql))


def test_settings_are_left_as_they_were(empty: psycopg.Connection[Any]) -> None:
    def settings() -> Iterator[object]:
        for name in ("enable_seqscan", "plan_cache_mode"):
            yield empty.execute(f"show {name}").fetchone()

    before = list(settings())
    pushdown.scans(empty, complete(labelled(catalog()[0]), schema="given", accounts="one"))
    assert list(settings()) == before
