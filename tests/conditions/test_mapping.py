"""An operator's own tables: what is missing, mistyped or slow is named before anything is concluded (R-OPS-5)."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tests.conditions import world

from closeout.facts import mapping


@pytest.fixture
def mapped(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    world.make_tables(connection, "given")
    return connection


def _kinds(connection: psycopg.Connection[Any]) -> list[tuple[str, str | None, str]]:
    return [(one.relation, one.column, one.kind) for one in mapping.problems(connection, schema="given")]


def test_complete_tables_have_no_problem(mapped: psycopg.Connection[Any]) -> None:
    assert _kinds(mapped) == []


def test_the_sandbox_maps_its_tables_completely(connection: psycopg.Connection[Any]) -> None:
    assert mapping.problems(connection, schema="facts") == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("drop table given.hold", ("hold", None, "missing_view")),
        ("drop table given.source_state", ("source_state", None, "missing_view")),
        ("alter table given.loan drop column interest", ("loan", "interest", "missing_column")),
        ("alter table given.loan add column rate numeric", ("loan", "rate", "extra_column")),
        (
            "alter table given.balance alter column available type double precision",
            ("balance", "available", "wrong_type"),
        ),
        (
            "alter table given.security_event alter column happened_at type timestamptz",
            ("security_event", "happened_at", "wrong_type"),
        ),
        ("drop index given.earn_account_id_idx", ("earn", "account_id", "no_push_down")),
    ],
)
def test_a_problem_is_named(
    change: str, problem: tuple[str, str | None, str], mapped: psycopg.Connection[Any]
) -> None:
    mapped.execute(change)
    assert _kinds(mapped) == [problem]


def test_a_view_over_ones_own_names_is_fine(mapped: psycopg.Connection[Any]) -> None:
    """The filter must reach the operator's own column, whatever it is called."""
    mapped.execute(
        "create table users_keys (uid bigint, id bigint primary key, kind text); "
        "create index on users_keys (uid); drop table given.api_key; "
        "create view given.api_key as select uid as account_id, id::text as key_id, kind, ''::text as label, "
        "false as can_trade from users_keys"
    )
    assert _kinds(mapped) == []
    mapped.execute("drop index users_keys_uid_idx")
    assert _kinds(mapped) == [("api_key", "account_id", "no_push_down")]
