"""History and the audit log in partitions: keys, guards and what a page sees are as in one table. R-OPS-3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from tests.cases.conftest import _at, _drop
from tests.cases.exchange import Exchange

from closeout.cases import isolation, upkeep
from closeout.cluster import databases, migrations

ENTRY = "insert into audit.entry (epoch, subject, event, rec)"
FRESH, FRESH_KEYRING = "before_partitions", "before_partitions_keyring"


def one(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return row[0]


CHANGES = (
    "update history.caseevent_0 set actor = 'nobody'",
    "delete from history.caseevent_0",
    "truncate history.caseevent_0",
    "truncate history.caseevent_1",
    "update audit.entry_0 set subject = 'x'",
    "truncate audit.entry_0 cascade",
    "truncate audit.entry_1 cascade",
)


def test_a_partition_is_append_only_by_its_own_name(exchange: Exchange) -> None:
    exchange.apply(exchange.accounts[0])
    assert one("select count(*) from history.caseevent_0") == one("select count(*) from cases_caseevent") == 1
    for change in CHANGES:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            one(change)


def test_the_key_holds_and_no_page_enters_a_partition(exchange: Exchange) -> None:
    """One line per revision; the role of the pages sees its own lines in the table and nothing in the partition."""
    case, other = exchange.apply(*exchange.accounts[:2])
    again = "insert into {} select * from cases_caseevent where case_id = %s"
    for table in ("cases_caseevent", "history.caseevent_0"):
        with pytest.raises(DatabaseError, match="one_line_per_revision"), connection.cursor() as cursor:
            cursor.execute(again.format(table), [case.pk])
    with isolation.only(case.venue, case.account_id):
        assert one("select array_agg(distinct case_id) from cases_caseevent") == [case.pk] != [other.pk]
        for table in ("history.caseevent_0", "audit.entry_0"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                one(f"select count(*) from {table}")
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            one("select audit.add_partitions()")


def test_room_is_made_far_ahead_of_what_is_written(exchange: Exchange) -> None:
    """The duty makes partitions before a number needs one, once; what is written then lies in the right one."""
    assert upkeep._partitions(exchange.now) == ""
    with connection.cursor() as cursor:
        cursor.execute("alter sequence cases_case_id_seq restart with 10000001")
        cursor.execute("alter sequence audit.entry_number restart with 100000001")
    assert upkeep._partitions(exchange.now) == "made 3"
    assert upkeep._partitions(exchange.now) == ""
    (case,) = exchange.apply(exchange.accounts[0])
    assert case.pk >= 10_000_001
    assert one("select tableoid::regclass::text from cases_caseevent limit 1") == "history.caseevent_1"
    assert (
        one("select tableoid::regclass::text from audit.entry order by number desc limit 1")
        == "audit.entry_2"
    )
    assert exchange.work(days=8) > 0
    assert exchange.again(case).state == "observation"


@pytest.fixture
def fresh(cluster_url: str, django_db_blocker: Any) -> Iterator[str]:
    """An empty database that Django works on."""
    _drop(cluster_url, FRESH, FRESH_KEYRING)
    with databases.connect(cluster_url, autocommit=True) as opened:
        opened.execute(f"create database {FRESH}")
    with django_db_blocker.unblock(), _at(FRESH, FRESH_KEYRING):
        yield databases.with_name(cluster_url, FRESH)
    _drop(cluster_url, FRESH)


def test_what_was_there_before_becomes_the_first_partition(
    fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is copied, nothing is lost, numbers go on where they were."""
    whole = migrations.files
    with monkeypatch.context() as before:
        before.setattr(migrations, "files", lambda package: tuple(
            one for one in whole(package) if "records" not in package or one.number < 9
        ))  # fmt: skip
        with databases.connect(fresh) as opened:
            migrations.apply_all(opened)
    call_command("migrate", "sessions", verbosity=0)
    call_command("migrate", "cases", "0016", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(f"{ENTRY} values (1, 's', 'case:open', 'x'), (1, 's', 'case:open', 'y')")
        cursor.execute("insert into cases_policyversion values ('v', '', now())")
        cursor.execute(
            "insert into cases_case (number, venue, account_id, state, held, language, policy_id, revision, opened_at,"
            " action_digest, records_choice, withdrawals)"
            " values ('N', 'sandbox', 1, 'application', false, 'en', 'v', 1, now(), '', '', 0)"
        )
        cursor.execute(
            "insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)"
            " select id, n, 'schedule', '', '', 'system', now(), '{}' from cases_case, generate_series(1, 3) as n"
        )
        before_file = one("select pg_relation_filenode('audit.entry')")
    with databases.connect(fresh) as opened:
        migrations.apply_all(opened)
    call_command("migrate", verbosity=0)
    assert one("select pg_relation_filenode('audit.entry_0')") == before_file
    assert one("select array_agg(convert_from(rec, 'UTF8') order by number) from audit.entry") == ["x", "y"]
    assert one("select count(*) from cases_caseevent") == 3
    with connection.cursor() as cursor:
        cursor.execute(f"{ENTRY} values (1, 's', 'case:open', 'z') returning number")
        assert cursor.fetchone() == (3,)
        cursor.execute(
            "insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)"
            " select id, 4, 'schedule', '', '', 'system', now(), '{}' from cases_case returning id"
        )
        assert cursor.fetchone() == (4,)
