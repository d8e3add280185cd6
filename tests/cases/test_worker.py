"""Sweeps: due once, after a day of downtime, under a jumping clock, with a broken case among them (R-CLO-13)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.cases.exchange import Exchange, parallel

from closeout.cases import dates, letters, messages, operations, policies, queries, reminders, worker
from closeout.cases.models import Case, Message
from closeout.cases.operations import HOLDER, Actor
from closeout.lifecycle import TABLE, Effect, Event, Life, State
from closeout.policy import Policy
from closeout.venues.sandbox import world

AGENT = Actor("agent", "7")


def letters_of(case: Case) -> list[str]:
    """Return the letters by e-mail that were sent for ``case``, oldest first."""
    sent = Message.objects.filter(case=case, channel="email", sent_at__isnull=False).order_by("id")
    return list(sent.values_list("template", flat=True))


def test_every_letter_that_a_step_asks_for_exists(exchange: Exchange) -> None:
    """R-DIA-1: no event leaves the holder without words, in either language, on either channel."""
    templates = {event.value for (_, event), step in TABLE.items() if Effect.NOTIFY in step.effects}
    values = {"number": "CL-1", "due_at": "x", "phrase": "y", "domains": "z", "code": "1", "minutes": "9"}
    for template in templates | {"remind", "stuck", "code"}:
        for language in ("en", "zh"):
            for channel in ("email", "sms"):
                assert "CL-1" in letters.write(template, channel, language, values).body
    assert exchange.accounts


def test_from_submitted_to_erased_each_thing_happens_once(exchange: Exchange, keyring: str) -> None:
    """R-CLO-4 … R-CLO-7: the whole life, with what the venue did and what the holder was told."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    for _ in range(4):
        exchange.work(days=2)
    exchange.work(days=180)
    assert exchange.events(case) == ["submit", "close", "confirm_closed", "erase", "confirm_erased"]
    assert exchange.executed(case.account_id) == [("freeze", "done"), ("close", "done"), ("erase", "done")]
    assert letters_of(case) == ["submit", "remind", "remind", "remind", "confirm_closed", "erase"]
    assert {state for _, state in exchange.effects(case)} == {"done"}


def test_a_day_of_downtime_is_caught_up_once_with_true_dates(exchange: Exchange) -> None:
    """Issue 8: what was due while nobody worked is done once; the observation runs from the true closing."""
    cases = exchange.cooling(*exchange.accounts[:4])
    exchange.work(days=8, hours=3)
    exchange.work()
    for case in cases:
        now = exchange.again(case)
        assert exchange.events(case) == ["submit", "close", "confirm_closed"]
        assert now.closed_at == exchange.now
        assert now.due_at == exchange.now + timedelta(days=180)
        assert letters_of(case) == ["submit", "confirm_closed"], "reminders of dates that passed are not sent"


def test_four_workers_do_what_is_due_once(exchange: Exchange) -> None:
    """Issue 8: several workers on one database; no case is closed twice and none is left."""
    cases = exchange.cooling(*exchange.accounts)
    now = exchange.later(days=7)
    assert not [
        a for a in parallel(*[lambda: worker.run_until_idle(now=now)] * 4) if isinstance(a, Exception)
    ]
    worker.run_until_idle(now=now)
    for case in cases:
        assert exchange.events(case) == ["submit", "close", "confirm_closed"]
        assert exchange.executed(case.account_id).count(("close", "done")) == 1


def test_two_workers_take_different_cases(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second worker helps: it does not ask for what the first one holds."""
    exchange.cooling(*exchange.accounts)
    now = exchange.later(days=7)
    monkeypatch.setattr(worker, "BATCH", 6)
    from django.db import transaction

    with transaction.atomic():
        mine = queries.due(State.COOLING_OFF, now=now, most=6)

        def take() -> list[int]:
            with transaction.atomic():
                return queries.due(State.COOLING_OFF, now=now, most=6)

        (theirs,) = parallel(take)
    assert len(mine) == len(theirs) == 6
    assert not set(mine) & set(theirs)


def test_a_clock_that_jumps_back_does_nothing_twice(exchange: Exchange) -> None:
    """Issue 8: forward a month and back again; nothing that is done is done anew."""
    early, late = exchange.cooling(*exchange.accounts[:2])
    begun = exchange.now
    operations.hold(late, actor=AGENT, now=exchange.now)
    exchange.work(days=30)
    assert exchange.again(early).state == State.OBSERVATION
    exchange.set_clock(begun)
    exchange.work()
    exchange.work(days=1)
    operations.release(exchange.again(late), actor=AGENT, now=exchange.now)
    exchange.work(days=8)
    assert exchange.events(early) == ["submit", "close", "confirm_closed"]
    assert exchange.events(late) == ["submit", "hold", "release", "close", "confirm_closed"]


def test_a_broken_case_is_set_aside_and_the_others_go_on(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 8: one bad case never blocks its batch; it is visible, and tried again later."""
    cases = exchange.cooling(*exchange.accounts[:7])
    bad = cases[3]
    genuine = operations.lifecycle.decide

    def decide(life: Life, event: Event, policy: Policy, **more: Any) -> Any:
        if event is Event.CLOSE and policy.cooling_off_days == 6:
            raise ZeroDivisionError
        return genuine(life, event, policy, **more)

    other = policies.keep(Policy(cooling_off_days=6), now=exchange.now)
    Case.objects.filter(pk=bad.pk).update(policy=other)
    monkeypatch.setattr(operations.lifecycle, "decide", decide)
    with caplog.at_level(logging.ERROR):
        exchange.work(days=7)
    assert [exchange.again(case).state for case in cases].count(State.OBSERVATION) == 6
    assert [case.pk for case in queries.aside(now=exchange.now)] == [bad.pk]
    assert f"case {bad.pk} is set aside" in caplog.text
    monkeypatch.undo()
    exchange.work(hours=1, minutes=1)
    assert exchange.again(bad).state == State.CLOSING or exchange.again(bad).state == State.OBSERVATION
    assert queries.aside(now=exchange.now) == []


def test_a_stage_that_breaks_stops_itself_alone(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 8: a bug in the reminders closes no door to the effects."""
    (case,) = exchange.apply(exchange.accounts[0])

    def broken(**_: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(messages, "remind", broken)
    with caplog.at_level(logging.ERROR):
        exchange.work()
    assert "a stage of the worker failed" in caplog.text
    assert exchange.standing(case.account_id) == "frozen"


@pytest.mark.parametrize("unknown", [True, False])
def test_a_case_whose_facts_are_unknown_is_not_closed_and_not_alarmed(
    exchange: Exchange, *, unknown: bool
) -> None:
    """R-CHK-17, R-CLO-10: a source that is down lets nothing through, and the case goes on when it is back."""
    (case,) = exchange.cooling(exchange.accounts[0])
    if unknown:
        exchange.source("balance", "failed")
    exchange.work(days=7)
    assert exchange.again(case).state == (State.COOLING_OFF if unknown else State.OBSERVATION)
    exchange.source("balance", "complete")
    exchange.work(minutes=2)
    assert exchange.events(case) == ["submit", "close", "confirm_closed"]


# -- scheduled start (R-CLO-13)


def scheduled(exchange: Exchange, **wait: float) -> Case:
    """Return an application that waits for the end of a security window."""
    account = exchange.accounts[0]
    with exchange_connection() as opened:
        changed = exchange.now.replace(tzinfo=None) - timedelta(days=30) + timedelta(**wait)
        world.change_security(opened, account, "password_changed", happened_at=changed)
    begins = exchange.now + timedelta(**wait)
    case = exchange.open(account)
    operations.advance([case.pk], Event.SCHEDULE, actor=HOLDER, now=exchange.now, begins_at={case.pk: begins})
    exchange.work()
    return exchange.again(case)


def exchange_connection() -> Any:
    from closeout.cases import venues

    return venues.sandbox().connection()


def test_a_scheduled_application_begins_by_itself(exchange: Exchange) -> None:
    """R-CLO-13: the account works until the date, and is frozen on it."""
    case = scheduled(exchange, days=3)
    exchange.work(days=2)
    assert exchange.standing(case.account_id) == "open"
    exchange.work(days=1, minutes=1)
    assert exchange.events(case) == ["schedule", "begin"]
    assert exchange.standing(case.account_id) == "frozen"
    assert letters_of(case) == ["schedule", "begin"]


def test_a_new_window_gives_a_new_date_and_the_holder_is_told_it(exchange: Exchange) -> None:
    """R-CLO-13: another change of password while waiting moves the date to the true one."""
    case = scheduled(exchange, days=3)
    exchange.later(days=1)
    with exchange_connection() as opened:
        world.change_security(
            opened, case.account_id, "password_changed", happened_at=exchange.now.replace(tzinfo=None)
        )
    changed = exchange.now
    exchange.work(days=2, minutes=1)
    assert exchange.again(case).due_at == changed + timedelta(days=30)
    assert letters_of(case) == ["schedule", "schedule"]


def test_what_does_not_pass_by_itself_is_told_once_and_looked_at_daily(exchange: Exchange) -> None:
    """R-CLO-13, R-DIA-1: a deposit while waiting; one letter that says so, none every day."""
    case = scheduled(exchange, days=3)
    exchange.deposit(case.account_id)
    for _ in range(6):
        exchange.work(days=1)
    assert letters_of(case) == ["schedule", "stuck"]
    exchange.take(case.account_id)
    exchange.work(days=1)
    exchange.work(days=1)
    assert exchange.again(case).state == State.COOLING_OFF


def test_a_scheduled_application_under_a_judicial_hold_says_nothing(exchange: Exchange) -> None:
    """R-SUP-8: the hold stops the clock; neither letter nor history name it; released, it begins."""
    case = scheduled(exchange, days=3)
    number = exchange.hold(case.account_id)
    exchange.work(days=4)
    exchange.work(days=4)
    assert exchange.again(case).held
    assert letters_of(case) == ["schedule"]
    assert [line.detail for line in queries.history(case)] == [{}, {}]
    exchange.release(number)
    exchange.work(minutes=2)
    exchange.work(minutes=2)
    assert exchange.events(case) == ["schedule", "hold", "release", "begin"]


# -- reminders


def test_reminders_lie_where_the_policy_page_puts_them() -> None:
    """R-CLO-5: 24 hours in, 72 and 24 hours before the end; none after it, none in another state."""
    begun = datetime.fromisoformat("2026-01-05T08:00:00+00:00")
    policy = Policy()
    life = Life(State.COOLING_OFF, begun + timedelta(days=7))
    moments, at = [], begun
    while (coming := reminders.next_at(life, policy, after=at)) is not None:
        moments.append((coming - begun).total_seconds() / 3600)
        at = coming
    assert moments == [24, 96, 144]
    assert reminders.next_at(Life(State.PAUSE, None, timedelta(days=1)), policy, after=begun) is None


@pytest.mark.parametrize("stopped", ["withdrawn", "held"])
def test_nobody_is_reminded_of_what_no_longer_runs(exchange: Exchange, stopped: str) -> None:
    """R-CLO-5: a reminder of a withdrawn or held application would be untrue."""
    (case,) = exchange.cooling(exchange.accounts[0])
    stop: Callable[..., object] = operations.withdraw if stopped == "withdrawn" else operations.hold
    stop(case, actor=HOLDER if stopped == "withdrawn" else AGENT, now=exchange.now)
    exchange.work(days=2)
    assert "remind" not in letters_of(case)


def test_a_letter_says_the_date_that_was_decided(exchange: Exchange) -> None:
    """A letter that leaves late tells what was true of its event, not an empty date."""
    (case,) = exchange.apply(exchange.accounts[0])
    due_at = case.due_at
    assert due_at is not None
    operations.withdraw(case, actor=HOLDER, now=exchange.now)
    exchange.work()
    first, *_ = [m for m in messages.inbox(exchange.again(case)) if m["template"] == "submit"]
    assert dates.moment(due_at, language="en", zone=messages.zone()) in first["body"]
