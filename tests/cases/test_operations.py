"""Verbs on sets, and what the database itself refuses (R-CLO-4, R-CLO-6, R-CLO-7, R-CLO-15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from tests.cases.exchange import Exchange, parallel

from closeout.cases import applications, operations, policies, queries
from closeout.cases.models import Case, CaseEvent, EffectRow
from closeout.cases.operations import HOLDER, SYSTEM, Actor, advance
from closeout.lifecycle import Event, State
from closeout.policy import Policy
from closeout.reasons import Refused

AGENT = Actor("agent", "7")


def reasons(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in refused.value.reasons]


def test_a_set_moves_in_one_transaction_with_history_effects_and_audit(exchange: Exchange) -> None:
    """Architecture, idea 4: a set of many and a set of one are the same verb."""
    cases = [exchange.open(account) for account in exchange.accounts]
    steps = advance([case.pk for case in cases], Event.SUBMIT, actor=HOLDER, now=exchange.now)
    assert len(steps) == len(cases)
    for case in cases:
        now = exchange.again(case)
        assert (now.state, now.revision) == (State.COOLING_OFF, 2)
        assert now.due_at == exchange.now + timedelta(days=policies.in_force().cooling_off_days)
        assert exchange.events(case) == ["submit"]
        assert exchange.effects(case) == [("venue.freeze", "ready"), ("message.send", "ready")]
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.entry where event = 'case:submit'")
        assert cursor.fetchone() == (len(cases),)


def test_the_number_of_statements_does_not_grow_with_the_set(exchange: Exchange, capture: Any) -> None:
    """Architecture, idea 4: checked in one query, written in a few statements."""
    one, many = exchange.open(exchange.accounts[0]), [exchange.open(a) for a in exchange.accounts[1:]]
    policies.of_version(one.policy_id)  # read once in a process, whoever is first
    with capture() as few:
        advance([one.pk], Event.SUBMIT, actor=HOLDER, now=exchange.now)
    with capture() as more:
        advance([case.pk for case in many], Event.SUBMIT, actor=HOLDER, now=exchange.now)
    assert len(few) == len(more) <= 12


def test_a_person_is_told_why_and_the_system_goes_on(exchange: Exchange) -> None:
    """One blocked case refuses a person's click whole; a sweep takes the others."""
    cases = [exchange.open(account) for account in exchange.accounts[:3]]
    exchange.deposit(cases[1].account_id)
    with pytest.raises(Refused) as refused:
        advance([cases[1].pk], Event.SUBMIT, actor=HOLDER, now=exchange.now)
    assert "blocked" in reasons(refused)
    moved = advance([case.pk for case in cases], Event.SUBMIT, actor=SYSTEM, now=exchange.now)
    assert [step.case.pk for step in moved] == [cases[0].pk, cases[2].pk]
    assert exchange.again(cases[1]).state == State.APPLICATION


def test_a_sweep_leaves_a_locked_row_and_a_person_waits_for_it(exchange: Exchange) -> None:
    """R-CLO-11: the row decides; nobody overtakes who holds it."""
    (case,) = exchange.cooling(exchange.accounts[0])
    from django.db import transaction

    with transaction.atomic():
        queries.lock([case.pk], wait=True)
        (swept,) = parallel(lambda: advance([case.pk], Event.HOLD, actor=SYSTEM, now=exchange.now))
        assert swept == []


def test_one_open_case_per_account(exchange: Exchange) -> None:
    """Hard case: a double click opens one application; the second is told its number (R-CLO-11)."""
    account = exchange.accounts[0]
    now = exchange.now

    def opened() -> Case:
        return applications.open_case(account, venue="sandbox", language="en", now=now)

    answers = parallel(*[opened] * 6)
    assert sum(isinstance(answer, Case) for answer in answers) == 1
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [reason.code for answer in refused for reason in answer.reasons] == ["already_applied"] * 5
    assert Case.objects.filter(account_id=account).count() == 1


def test_two_submissions_at_once_freeze_once(exchange: Exchange) -> None:
    """R-CLO-11: two clicks on the last button are one application, and the second is told the truth."""
    case = exchange.open(exchange.accounts[0])
    now = exchange.now
    answers = parallel(*[lambda: advance([case.pk], Event.SUBMIT, actor=HOLDER, now=now)] * 4)
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert {reason.code for a in answers if isinstance(a, Refused) for reason in a.reasons} == {"not_now"}
    assert exchange.events(case) == ["submit"]
    assert EffectRow.objects.filter(case=case, kind="venue.freeze").count() == 1


@pytest.mark.parametrize(
    "change",
    [
        "update cases_caseevent set actor = 'nobody'",
        "delete from cases_caseevent",
        "truncate cases_caseevent",
    ],
)
def test_history_cannot_be_changed(exchange: Exchange, change: str) -> None:
    """R-REC-6: the database refuses to rewrite what happened."""
    exchange.cooling(exchange.accounts[0])
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(change)
    assert CaseEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("verified_at = null", "nothing_is_closed_unverified"),
        ("held = true", "a_hold_stops_the_clock"),
        ("state = 'pause'", "a_pause_stops_the_clock"),
    ],
)
def test_the_database_refuses_impossible_cases(exchange: Exchange, change: str, constraint: str) -> None:
    """Model check at the last gate: no code path can leave a case unverified or running under a hold."""
    (case,) = exchange.cooling(exchange.accounts[0])
    with pytest.raises(DatabaseError, match=constraint), connection.cursor() as cursor:
        cursor.execute(f"update cases_case set {change} where id = %s", [case.pk])


def test_one_line_of_history_per_revision(exchange: Exchange) -> None:
    """R-REC-6: what happened once is written once."""
    (case,) = exchange.cooling(exchange.accounts[0])
    with pytest.raises(DatabaseError, match="one_line_per_revision"), connection.cursor() as cursor:
        cursor.execute(
            "insert into cases_caseevent (case_id, revision, event, from_state, to_state, actor, at, detail) "
            "select case_id, revision, event, from_state, to_state, actor, at, detail from cases_caseevent"
        )
    assert exchange.events(case) == ["submit"]


def test_a_case_keeps_the_policy_it_was_opened_under(exchange: Exchange) -> None:
    """R-CLO-15: another policy comes into force; the date and the rules of an open case stay."""
    longer = Policy(cooling_off_days=9, observation_days=200)
    one, other = exchange.apply(exchange.accounts[0], policy=longer) + exchange.apply(exchange.accounts[1])
    assert exchange.again(one).due_at == exchange.now + timedelta(days=9)
    assert exchange.again(other).due_at == exchange.now + timedelta(days=7)
    exchange.work(days=8)
    assert exchange.again(one).state == State.COOLING_OFF
    assert exchange.again(other).state == State.OBSERVATION
    exchange.work(days=2)
    closed = exchange.again(one)
    assert closed.closed_at is not None
    assert closed.due_at == closed.closed_at + timedelta(days=200)


def test_a_hold_of_an_agent_stops_the_clock_where_it_stands(exchange: Exchange) -> None:
    """R-SUP-8: nothing closes under a hold; released, the clock runs on with what was left."""
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=5)
    held = operations.hold(exchange.again(case), actor=AGENT, now=exchange.now).case
    assert (held.held, held.due_at) == (True, None)
    exchange.work(days=40)
    assert exchange.again(case).state == State.COOLING_OFF
    with pytest.raises(Refused) as refused:
        operations.hold(exchange.again(case), actor=AGENT, now=exchange.now)
    assert reasons(refused) == ["not_holdable"]
    operations.release(exchange.again(case), actor=AGENT, now=exchange.now)
    assert exchange.again(case).due_at == exchange.now + timedelta(days=2)
    exchange.work(days=2)
    assert exchange.again(case).state == State.OBSERVATION
