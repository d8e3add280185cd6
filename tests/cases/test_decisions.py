"""Decisions of people: two of them, in two sessions, on what they saw, and held by the database. R-SUP-7, R-DIA-6."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from tests.cases.exchange import Exchange, parallel
from tests.cases.people import People, proven, referred, seeded

from closeout.cases import correspondence, decisions, desk, holds, operations, proving, queries, venues
from closeout.cases.models import Approval, Case, Decision, Task, Waiver
from closeout.cases.operations import HOLDER
from closeout.reasons import Refused
from closeout.venues.sandbox import world


def codes_of(raised: Any) -> list[str]:
    return [reason.code for reason in raised.value.reasons]


@pytest.fixture
def people(exchange: Exchange) -> People:
    """Everybody who is seeded."""
    return seeded()


@pytest.fixture
def case(exchange: Exchange) -> Case:
    """A case in review because its authenticator is lost."""
    return referred(exchange, exchange.accounts[0])


def asked(case: Case, people: People, exchange: Exchange, action: str = "proof", **more: Any) -> Decision:
    return decisions.ask(people.session("identity-1"), case, action, now=exchange.now, **more)


def agree(
    decision: Decision, name: str, people: People, exchange: Exchange, *, agrees: bool = True
) -> Decision:
    return decisions.answer(people.session(name), decision.pk, agrees=agrees, now=exchange.now)


def test_a_lost_authenticator_goes_through_proof_and_two_approvals_into_cooling_off(
    exchange: Exchange, people: People, case: Case
) -> None:
    """Hard case 23: no reset, no new waiting period, no dead end."""
    with pytest.raises(Refused) as why:
        asked(case, people, exchange)
    assert codes_of(why) == ["proof_missing"]
    proven(case, people)
    decision = asked(case, people, exchange)
    assert decision.detail == {"factors": ["totp"]}
    agree(decision, "approver-1", people, exchange)
    assert exchange.again(case).state == "review"
    assert agree(decision, "approver-2", people, exchange).state == "done"
    after = exchange.again(case)
    assert after.state == "cooling_off"
    assert after.verified_at is not None
    assert Waiver.objects.get().code == "totp"
    assert not Task.objects.filter(closed_at=None).exists()
    exchange.work(days=8)
    assert exchange.again(case).state in ("closing", "observation")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("identity-1", "no_right"),
        ("support-1", "no_right"),
        ("auditor-1", "no_right"),
        ("operator-1", "no_right"),
    ],
)
def test_who_may_not_agree(exchange: Exchange, people: People, case: Case, name: str, code: str) -> None:
    proven(case, people)
    decision = asked(case, people, exchange)
    with pytest.raises(Refused) as why:
        agree(decision, name, people, exchange)
    assert codes_of(why) == [code]
    assert not Approval.objects.exists()


def test_the_same_eyes_do_not_count_twice(exchange: Exchange, people: People, case: Case) -> None:
    proven(case, people)
    decision = asked(case, people, exchange)
    session = people.session("approver-1")
    decisions.answer(session, decision.pk, agrees=True, now=exchange.now)
    for again in (session, people.session("approver-1")):
        with pytest.raises(Refused) as why:
            decisions.answer(again, decision.pk, agrees=True, now=exchange.now)
        assert codes_of(why) == ["four_eyes"]
    assert exchange.again(case).state == "review"


def test_nobody_decides_on_their_own_account_or_on_what_they_changed(
    exchange: Exchange, people: People, case: Case
) -> None:
    proven(case, people)
    decision = asked(case, people, exchange)
    approver = people.by_name["approver-1"]
    approver.account_id = case.account_id
    approver.save()
    with pytest.raises(Refused) as why:
        agree(decision, "approver-1", people, exchange)
    assert codes_of(why) == ["own_account"]
    case.evidence.update(judged_by=people.by_name["approver-2"])
    with pytest.raises(Refused) as why:
        agree(decision, "approver-2", people, exchange)
    assert codes_of(why) == ["four_eyes"]


def test_a_request_expires_and_a_changed_case_voids_it(
    exchange: Exchange, people: People, case: Case
) -> None:
    """An expired approval does nothing, and says so."""
    proven(case, people)
    decision = asked(case, people, exchange)
    exchange.later(hours=25)
    with pytest.raises(Refused) as why:
        agree(decision, "approver-1", people, exchange)
    assert codes_of(why) == ["decision_expired"]
    decision = asked(case, people, exchange)
    agree(decision, "approver-1", people, exchange)
    case.evidence.update(verdict="differs")
    with pytest.raises(Refused) as why:
        agree(decision, "approver-2", people, exchange)
    assert codes_of(why) == ["decision_changed"]
    assert [one.state for one in Decision.objects.order_by("id")] == ["expired", "changed"]
    assert exchange.again(case).state == "review"


def test_a_refusal_says_every_reason_and_how_to_appeal(
    exchange: Exchange, people: People, case: Case
) -> None:
    with pytest.raises(Refused) as why:
        asked(case, people, exchange, "refuse")
    assert codes_of(why) == ["reasons_missing"]
    decision = asked(case, people, exchange, "refuse", reasons=["identity_not_proven", "evidence_unclear"])
    agree(decision, "approver-1", people, exchange)
    assert exchange.again(case).state == "refusal"
    said = correspondence.read(case.account_id, venue="sandbox", audience="holder")[-1].text
    assert "does not show that you are the person" in said
    assert "could not be read clearly" in said
    assert "30 days" in said


def test_a_no_ends_the_request(exchange: Exchange, people: People, case: Case) -> None:
    decision = asked(case, people, exchange, "refuse", reasons=["open_claim"])
    assert agree(decision, "approver-1", people, exchange, agrees=False).state == "denied"
    with pytest.raises(Refused) as why:
        agree(decision, "approver-2", people, exchange)
    assert codes_of(why) == ["decision_ended"]
    assert exchange.again(case).state == "review"


ATTACKS = (
    "update cases_decision set state = 'done', ended_at = asked_at",
    "update cases_decision set needed = 0",
    "update cases_decision set state = 'done', needed = 0, ended_at = asked_at",
    "delete from cases_decision",
    (
        "insert into cases_waiver (case_id, decision_id, kind, code, item, action_digest, at)"
        " select case_id, id, 'factor', 'totp', '', '', asked_at from cases_decision"
    ),
    (
        "insert into cases_approval (decision_id, staff_id, session_id, agrees, digest, at)"
        " select d.id, d.asked_by_id, s.id, true, d.digest, d.asked_at from cases_decision as d"
        " cross join cases_staffsession as s limit 1"
    ),
    (
        "insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)"
        " select case_id, 99, 'approve', 'review', 'cooling_off', 'agent:x', asked_at, '{}' from cases_decision"
    ),
    (
        "insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail)"
        " select case_id, 99, 'approve', 'review', 'cooling_off', 'agent:x', asked_at,"
        " jsonb_build_object('decision', id) from cases_decision"
    ),
)


def test_the_database_refuses_what_the_code_would_not_do(
    exchange: Exchange, people: People, case: Case
) -> None:
    """Four eyes hold against a wrong caller too."""
    proven(case, people)
    asked(case, people, exchange)
    for attack in ATTACKS:
        with (
            pytest.raises(DatabaseError, match="four eyes"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(attack)


def test_two_approvers_at_once_and_a_change_of_mind(exchange: Exchange, people: People, case: Case) -> None:
    """Exactly one ends it, and everybody is told the truth."""
    proven(case, people)
    decision = asked(case, people, exchange, "refuse", reasons=["open_claim"])
    one, two = people.session("approver-1"), people.session("approver-2")
    now = exchange.now
    answers = parallel(
        lambda: decisions.answer(one, decision.pk, agrees=True, now=now),
        lambda: decisions.answer(two, decision.pk, agrees=False, now=now),
        lambda: operations.withdraw(exchange.again(case), actor=HOLDER, now=now),
    )
    won = [answer for answer in answers if not isinstance(answer, Exception)]
    assert all(isinstance(answer, Refused) for answer in answers if answer not in won)
    state = exchange.again(case).state
    events = exchange.events(case)
    assert events.count("refuse") + events.count("withdraw") == (state in ("refusal", "withdrawal"))
    ended = Decision.objects.get()
    assert (ended.state == "done") == (state == "refusal")


def test_a_hold_and_the_last_approval_at_once(exchange: Exchange, people: People, case: Case) -> None:
    """Either the cooling-off began and is stopped, or the approval came too late; the hold always stands."""
    proven(case, people)
    decision = asked(case, people, exchange)
    agree(decision, "approver-1", people, exchange)
    last, compliance, now = people.session("approver-2"), people.session("compliance-1"), exchange.now
    order = {"kind": "judicial", "authority": "court", "reference": "12/26", "scope": "both"}
    answers = parallel(
        lambda: decisions.answer(last, decision.pk, agrees=True, now=now),
        lambda: holds.place(compliance, case, **order, ordered_on=now.date(), now=now),
    )
    after = exchange.again(case)
    assert after.held
    assert after.due_at is None
    if isinstance(answers[0], Refused):
        assert after.state == "review"
        assert [reason.code for reason in answers[0].reasons] == ["decision_changed"]
    else:
        assert after.state == "cooling_off"


def test_a_waiting_period_is_waived_for_one_case_and_one_change(exchange: Exchange, people: People) -> None:
    """R-CHK-11: proof and two agents; what changes later waits as always."""
    account = exchange.accounts[1]
    with venues.sandbox().connection() as opened:
        world.change_security(opened, account, "password_changed", happened_at=venues.sandbox().now())
    case = exchange.open(account)
    proven(case, people)
    decision = asked(case, people, exchange, "waive")
    assert [code for code, _ in decision.detail["items"]] == ["security_password_quiet"]
    for name in ("approver-1", "approver-2"):
        agree(decision, name, people, exchange)
    exchange.later(minutes=30)

    def waits() -> list[str]:
        report = queries.reports([case], now=exchange.now)[account]
        return [blocker.code for blocker in report.blockers]

    assert "security_password_quiet" not in waits()
    with venues.sandbox().connection() as opened:
        world.change_security(opened, account, "password_changed", happened_at=venues.sandbox().now())
    assert "security_password_quiet" in waits()


def test_an_outdated_identity_is_settled_inside_the_application(exchange: Exchange, people: People) -> None:
    """R-DIA-2: asked for by the holder, proven, agreed by two, for this case; another state is not covered by it."""
    account = exchange.accounts[1]

    def identity(state: str) -> None:
        with venues.sandbox().connection() as opened:
            opened.execute("update sandbox.identity set state = %s where account_id = %s", (state, account))

    def blocked() -> list[str]:
        return [one.code for one in queries.reports([case], now=exchange.now)[account].blockers]

    case = exchange.open(account)
    with pytest.raises(Refused):
        proving.renew(case, now=exchange.now)
    identity("incomplete")
    assert blocked() == ["identity_verified"]
    for _ in range(2):
        proving.renew(case, now=exchange.now)
    (task,) = desk.queue("sandbox", "identity")
    assert proving.renewed_by(case) == task.due_at
    notes = correspondence.read(account, venue="sandbox", audience="agents")
    assert [dict(note.values) for note in notes] == [{"code": "identity_outdated"}]
    proven(case, people)
    decision = asked(case, people, exchange, "waive")
    assert decision.detail["items"] == [["identity_verified", "incomplete"]]
    for name in ("approver-1", "approver-2"):
        agree(decision, name, people, exchange)
    assert blocked() == []
    identity("rejected")
    assert blocked() == ["identity_verified"]


def test_tasks_have_a_legal_clock(exchange: Exchange, people: People, case: Case) -> None:
    """R-SUP-6: the queue shows the case by its date, and escalates before it runs out."""
    exchange.work()
    (task,) = desk.queue("sandbox", "support")
    assert task.kind == "review"
    assert timedelta(days=14) < task.due_at - exchange.now <= timedelta(days=22)
    exchange.work(days=20)
    task.refresh_from_db()
    assert task.escalated_at is not None
