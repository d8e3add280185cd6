"""Coverage is a test: every table says what it holds of a person and what ends it. R-REC-3, R-REC-5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from closeout.cases import schedule
from closeout.facts import schema
from closeout.records import traces
from closeout.venues.sandbox import ending

Connection = psycopg.Connection[Any]


@pytest.fixture
def whole(db: None) -> Connection:
    """A connection to a database with the tables of every room, Django's included."""
    from django.db import connection

    connection.ensure_connection()
    opened: Connection = connection.connection
    return opened


def unscheduled(connection: Connection) -> Iterator[str]:
    """Yield what the schedule does not cover, and what it names that is not there."""
    found = traces.columns(connection)
    tables = {f"{one.schema}.{one.table}" for one in found}
    known = schedule.tables()
    yield from (f"{table} is in no schedule" for table in sorted(tables - known.keys()))
    yield from (f"{table} is scheduled and does not exist" for table in sorted(known.keys() - tables))
    for one in found:
        table = known.get(f"{one.schema}.{one.table}")
        if table and one.suspicious and one.name not in table.personal + table.harmless:
            yield f"{one.place} looks personal: name it in schedule.toml, as personal or as harmless"
    places = {one.place for one in found}
    for name, table in known.items():
        yield from (
            f"{name}.{column} is scheduled and does not exist"
            for column in table.personal + table.harmless
            if f"{name}.{column}" not in places
        )


def test_every_table_and_every_personal_column_is_scheduled(whole: Connection) -> None:
    problems = list(unscheduled(whole))
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("create table public.forgotten (id int)", "public.forgotten is in no schedule"),
        ("alter table sandbox.login add column ip_address inet", "sandbox.login.ip_address looks personal"),
        ("alter table public.cases_case add column email text", "public.cases_case.email looks personal"),
        ("alter table sandbox.trade add column kept bytea", "sandbox.trade.kept looks personal"),
        (
            "alter table sandbox.login drop column place",
            "sandbox.login.place is scheduled and does not exist",
        ),
    ],
)
def test_the_coverage_bites(whole: Connection, change: str, said: str) -> None:
    whole.execute(change.encode())
    assert any(problem.startswith(said) for problem in unscheduled(whole))


@pytest.mark.parametrize("name", schedule.tables())
def test_a_rule_says_what_it_must(name: str) -> None:
    table = schedule.tables()[name]
    assert table.rule in schedule.RULES
    assert table.why or table.rule not in {"keep", "expire"}, "say why nothing ends it"
    assert table.personal or table.rule not in {"shred", "retain"}, "say what is sealed"
    if table.rule == "delete" and name.startswith("sandbox."):
        wiped = {*ending.PERSONAL, "movement", "receipt", "account"}
        assert name.removeprefix("sandbox.") in wiped, "the exchange's erasure leaves it"


def test_a_personal_column_of_the_facts_has_an_end() -> None:
    """What a relation calls personal is deleted with the person or kept under a rule that says so."""
    for relation in schema.RELATIONS.values():
        if any(column.personal for column in schema.columns(relation)):
            assert relation.erasure in {"delete", "shred"}, relation.name


def test_the_erasures_run_on_this_database(whole: Connection) -> None:
    statements = schedule.erasures()
    assert len(statements) >= 5
    with whole.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.encode(), {"subjects": ["sandbox:1"]})


def test_a_scan_suggests_what_looks_personal(whole: Connection) -> None:
    """By name, by type, and by what stands in it: an e-mail address in a column of an innocent name."""
    whole.execute("create table public.notes (id int, remark text, day date)")
    whole.execute("insert into public.notes values (1, 'ask a.person@example.org about it', null)")
    whole.execute("insert into public.notes values (2, 'nothing', null)")
    found = {trace.place: trace.count for trace in traces.contents(whole)}
    assert found["public.notes.remark"] == 1
    assert "public.notes.day" not in found
    whole.execute("alter table public.notes add column birth_date date")
    assert "public.notes.birth_date" in traces.suggestions(whole)
