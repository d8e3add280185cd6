"""Row-level security: with every filter of the ORM gone, a holder's page still sees one account (threat 35)."""

from __future__ import annotations

from typing import Any, Self

import pytest
from django.conf import settings
from django.db import Error, connection
from tests.cases.exchange import Exchange, parallel
from tests.cases.test_doors import signed_in

from closeout.cases import codes, isolation, vaults, venues
from closeout.cases.models import Case, CaseEvent, Challenge, Consent, EffectRow, Message
from closeout.cluster.migrations import MigrationError
from closeout.facts.postgres import PostgresFacts
from closeout.venues.sandbox import seed


class Facts:
    """Counts the questions to the facts, which go past Django."""

    def __init__(self) -> None:
        self.count, self._genuine = 0, PostgresFacts._run

    def __enter__(self) -> Self:
        def counted(engine: Any, *said: Any) -> Any:
            self.count += 1
            return self._genuine(engine, *said)

        PostgresFacts._run = counted  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        PostgresFacts._run = self._genuine  # type: ignore[method-assign]


def rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        (found,) = cursor.fetchone()
    return int(found)


def now_as() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "select current_user || ' ' || coalesce(current_setting('closeout.account', true), '')"
        )
        (found,) = cursor.fetchone()
    return str(found)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["testserver"])


@pytest.fixture
def two(exchange: Exchange) -> list[Case]:
    """Two holders with cases in cooling-off, letters, codes, consents and clearings."""
    cases = exchange.cooling(*exchange.accounts[:2])
    third = [exchange.open(account) for account in exchange.accounts[2:4]]
    for case in third:
        codes.send(case, "email", now=exchange.now)
        Consent.objects.create(case=case, text_hash="0" * 64, language="en", points=[], shown_at=exchange.now)
    return cases + third


MODELS: tuple[Any, ...] = (Case, CaseEvent, Message, EffectRow, Challenge, Consent)


def test_without_any_filter_a_foreign_account_is_no_row(exchange: Exchange, two: list[Case]) -> None:
    """Issue 5: ``Model.objects.all()`` inside a holder's page is the holder's own."""
    everything = {model: model.objects.count() for model in MODELS}
    assert all(count > 1 for count in everything.values()), everything
    for case in two:
        with isolation.only(venues.SANDBOX, case.account_id):
            assert [found.account_id for found in Case.objects.all()] == [case.account_id]
            for model in MODELS[1:]:
                assert {found.case_id for found in model.objects.all()} <= {case.pk}
    assert {model: model.objects.count() for model in MODELS} == everything


def test_without_an_account_there_is_nothing(exchange: Exchange, two: list[Case]) -> None:
    """It fails closed: an empty or unknown account, or another venue, is 0 rows in every guarded table."""
    with connection.cursor() as cursor:
        cursor.execute(isolation.GUARDED)
        guarded = sorted(name for (name,) in cursor.fetchall())
    assert {"cases_case", "cases_caseevent", "cases_challenge", "cases_message", "cases_clearingrun"} <= set(
        guarded
    )
    for venue, account in ((venues.SANDBOX, 0), ("elsewhere", two[0].account_id)):
        with isolation.only(venue, account):
            assert {table: rows(table) for table in guarded} == dict.fromkeys(guarded, 0)
    with isolation.only(venues.SANDBOX, two[0].account_id), connection.cursor() as cursor:
        cursor.execute("select set_config('closeout.account', '', false)")
        assert rows("cases_case") == 0


def test_nothing_foreign_is_written_either(exchange: Exchange, two: list[Case]) -> None:
    """A row for another account is refused, and changing or deleting one finds nothing."""
    mine, other = two[2], two[3]
    with isolation.only(venues.SANDBOX, mine.account_id):
        assert Case.objects.filter(pk=other.pk).update(state="withdrawal") == 0
        assert Challenge.objects.filter(case_id=other.pk).update(attempts=5) == 0
        assert Challenge.objects.all().update(attempts=1) == 1
        with pytest.raises(Error, match="row-level security"):
            Consent.objects.create(
                case_id=other.pk, text_hash="1" * 64, language="en", points=[], shown_at=exchange.now
            )
        with pytest.raises(Error, match="row-level security"):
            Case.objects.filter(pk=mine.pk).update(account_id=other.account_id)
    assert exchange.again(other).state == "application"


def test_the_role_owns_nothing_and_bypasses_nothing(exchange: Exchange) -> None:
    """Issue 5: no login, no superuser, no BYPASSRLS; tables of the operator's people are closed to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = %s",
            [isolation.ROLE],
        )
        assert cursor.fetchone() == (False,) * 5
        cursor.execute("select count(*) from pg_class where relowner = %s::regrole", [isolation.ROLE])
        assert cursor.fetchone() == (0,)
        cursor.execute("select current_user")
        (worker,) = cursor.fetchone()
    assert worker != isolation.ROLE, "the worker works as somebody else"
    for table in ("cases_staff", "sandbox.person", "audit.checkpoint"):
        with (
            isolation.only(venues.SANDBOX, exchange.accounts[0]),
            pytest.raises(Error, match="permission denied"),
        ):
            rows(table)


def test_a_user_who_may_not_make_the_role_is_told_what_to_type(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's own server: the start stops with the two statements that are missing."""
    monkeypatch.setattr(isolation, "ROLE_MADE", isolation.ROLE_MADE.replace("closeout_portal", "absent_role"))
    monkeypatch.setattr(isolation, "ROLE", "absent_role")
    with (
        isolation.only(venues.SANDBOX, exchange.accounts[0]),
        pytest.raises(MigrationError, match="create role absent_role nologin; grant absent_role to"),
    ):
        isolation.prepare()


def test_nothing_of_it_is_left_behind(exchange: Exchange, two: list[Case]) -> None:
    """The next page on the same connection begins as nobody, also after an error."""
    before = now_as()

    def break_off() -> None:
        with isolation.only(venues.SANDBOX, two[0].account_id):
            assert now_as() == f"{isolation.ROLE} {two[0].account_id}"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert now_as() == before
    assert Case.objects.count() == 4


def test_a_connection_that_is_opened_anew_is_narrowed_too(exchange: Exchange, two: list[Case]) -> None:
    with isolation.only(venues.SANDBOX, two[0].account_id):
        connection.close()
        assert Case.objects.count() == 1
    assert Case.objects.count() == 4


def test_parallel_pages_do_not_see_each_other(exchange: Exchange, two: list[Case]) -> None:
    """Real parallel connections, each with an account of its own."""

    def page(case: Case) -> Any:
        def look() -> set[int]:
            with isolation.only(venues.SANDBOX, case.account_id):
                return {found.account_id for _ in range(20) for found in Case.objects.all()}

        return look

    assert parallel(*[page(case) for case in two]) == [{case.account_id} for case in two]


def test_every_table_that_tells_of_an_account_is_guarded(exchange: Exchange) -> None:
    """A table that somebody adds is guarded by its columns; one that tells of no account is closed or named."""
    with connection.cursor() as cursor:
        cursor.execute(isolation.COLUMNS)
        told = {name for name, columns in cursor.fetchall() if isolation.rule(name, columns)}
        cursor.execute(isolation.GUARDED)
        guarded = {name for (name,) in cursor.fetchall()}
        cursor.execute("select relname from pg_class where relrowsecurity and relkind in ('r', 'p')")
        enabled = {name for (name,) in cursor.fetchall()}
    assert told == guarded == enabled
    assert not guarded & isolation.OPEN.keys()


def test_the_pages_of_a_holder_work_so(exchange: Exchange, two: list[Case]) -> None:
    """The narrow role has what pages need: each answers, and the session of one never shows the other."""
    for case in two:
        client = signed_in(case.account_id)
        said = client.get("/case").content.decode()
        assert case.number in said
        assert not any(other.number in said for other in two if other != case)
        for path in (
            "/check",
            "/plan",
            "/records",
            "/application",
            "/verification",
            "/withdrawal",
            "/support",
        ):
            assert client.get(path).status_code in (200, 302), path
    assert Case.objects.count() == 4


def test_a_page_reads_facts_of_every_kind(exchange: Exchange) -> None:
    """Functions in views run with the rights of the page; somebody who has one of everything shows that they may."""
    with venues.sandbox().connection() as opened, opened.transaction():
        messy = seed._person(opened, vaults.vault(), "messy", exchange.now.replace(tzinfo=None))
    with isolation.only(venues.SANDBOX, messy), connection.cursor() as cursor:
        cursor.execute("select viewname from pg_views where schemaname = 'facts'")
        for (view,) in cursor.fetchall():
            cursor.execute(f"select * from facts.{view}")
            assert cursor.fetchall() is not None
    client = signed_in(messy)
    assert [client.get(path).status_code for path in ("/check", "/plan", "/records", "/case")] == [200] * 4


def test_the_self_check_asks_six_questions_at_most(exchange: Exchange, capture: Any) -> None:
    """Issue 5: session, case, policy, sources, the one big question, and one about decisions of people.

    Narrowing and widening the connection are no questions; they are counted apart.
    """
    client = signed_in(exchange.accounts[0])
    client.get("/check")
    with capture() as statements, Facts() as asked:
        assert client.get("/check").status_code == 200
    assert len([said for said in statements if "set_config" in said]) == 2, "narrow and widen"
    asking = [said.lstrip().lower() for said in statements if "set_config" not in said]
    questions = [said for said in asking if said.startswith("select")]
    assert len(questions) + asked.count <= 6, questions
