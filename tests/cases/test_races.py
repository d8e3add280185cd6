"""Change of mind, hold, deposit and closing on one row, in real parallel transactions, both orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from tests.cases.exchange import Exchange, parallel

from closeout.cases import effects, operations, queries, worker
from closeout.cases.models import Case, Message
from closeout.cases.operations import HOLDER, SYSTEM, Actor, advance
from closeout.lifecycle import Effect, Event, State
from closeout.reasons import Refused

AGENT = Actor("agent", "7")
CLOSE = Effect.CLOSE.value


def letters_of(case: Case) -> list[str]:
    sent = Message.objects.filter(case=case, channel="email", sent_at__isnull=False).order_by("id")
    return list(sent.values_list("template", flat=True))


def why(answer: Any) -> str:
    return answer.reasons[0].code if isinstance(answer, Refused) else "done"


def due(exchange: Exchange, number: int = 0) -> Case:
    """Return a case whose cooling-off ends now."""
    (case,) = exchange.cooling(exchange.accounts[number])
    exchange.later(days=7)
    return case


@pytest.mark.parametrize("first", ["withdraw", "close"])
def test_change_of_mind_and_closing_one_wins_and_both_hear_the_truth(exchange: Exchange, first: str) -> None:
    """R-CLO-11: whoever holds the row first wins; the other waits or is left out, and is told why."""
    case = due(exchange)
    now = exchange.now
    with transaction.atomic():
        queries.lock([case.pk], wait=True)
        if first == "withdraw":
            operations.withdraw(case, actor=HOLDER, now=now)
            (loser,) = parallel(lambda: worker.turn(now=now))
            assert not isinstance(loser, Exception)
        else:
            advance([case.pk], Event.CLOSE, actor=SYSTEM, now=now)
    if first == "close":
        with pytest.raises(Refused) as refused:
            operations.withdraw(exchange.again(case), actor=HOLDER, now=now)
        assert why(refused.value) == "being_closed"
    exchange.work()
    ended, standing = (State.WITHDRAWAL, "open") if first == "withdraw" else (State.OBSERVATION, "closed")
    assert exchange.again(case).state == ended
    assert exchange.standing(case.account_id) == standing


def test_change_of_mind_against_closing_twelve_times_at_once(exchange: Exchange) -> None:
    """R-CLO-11, bar B4: never both, never neither, and the answer to the holder is what happened."""
    cases = exchange.cooling(*exchange.accounts)
    now = exchange.later(days=7)

    def change_mind(case: Case) -> Any:
        return lambda: operations.withdraw(case, actor=HOLDER, now=now)

    sweeps = [lambda: worker.turn(now=now)] * 2
    answers = parallel(*[change_mind(case) for case in cases], *sweeps)
    assert not [
        answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, Refused)
    ]
    exchange.work()
    for case, answer in zip(cases, answers, strict=False):
        history = exchange.events(case)
        if isinstance(answer, Refused):
            assert why(answer) in {"being_closed", "already_closed"}
            assert history == ["submit", "close", "confirm_closed"]
            assert exchange.standing(case.account_id) == "closed"
        else:
            assert history == ["submit", "withdraw"]
            assert exchange.standing(case.account_id) == "open"


def test_four_clicks_on_withdraw_are_one(exchange: Exchange) -> None:
    """R-CLO-12: twice is once; the later clicks hear that it has ended."""
    (case,) = exchange.cooling(exchange.accounts[0])
    now = exchange.now
    answers = parallel(*[lambda: operations.withdraw(case, actor=HOLDER, now=now)] * 4)
    assert sorted(map(why, answers)) == ["already_ended"] * 3 + ["done"]
    exchange.work()
    assert exchange.executed(case.account_id) == [("freeze", "done"), ("unfreeze", "done")]
    assert letters_of(case) == ["submit", "withdraw"]


@pytest.mark.parametrize("first", ["hold", "close"])
def test_hold_and_closing(exchange: Exchange, first: str) -> None:
    """R-SUP-8, R-CLO-11: a hold before the last check stops it; after it, it stops the venue's closing."""
    case = due(exchange)
    now = exchange.now
    if first == "hold":
        operations.hold(case, actor=AGENT, now=now)
    else:
        advance([case.pk], Event.CLOSE, actor=SYSTEM, now=now)
        operations.hold(exchange.again(case), actor=AGENT, now=now)
    exchange.work()
    exchange.work(minutes=20)
    assert exchange.standing(case.account_id) == "frozen"
    operations.release(exchange.again(case), actor=AGENT, now=exchange.now)
    exchange.work(minutes=20)
    exchange.work(minutes=20)
    assert exchange.again(case).state == State.OBSERVATION
    assert exchange.standing(case.account_id) == "closed"


def test_hold_against_closing_at_once(exchange: Exchange) -> None:
    """R-CLO-11: in real parallel transactions a held case is never closed behind the agent's back."""
    cases = exchange.cooling(*exchange.accounts[:8])
    now = exchange.later(days=7)

    def stop(case: Case) -> Any:
        return lambda: operations.hold(case, actor=AGENT, now=now)

    parallel(*map(stop, cases), *[lambda: worker.turn(now=now)] * 2)
    exchange.work()
    for case in cases:
        stands = exchange.again(case)
        assert stands.held
        assert stands.state in {State.COOLING_OFF, State.CLOSING}
        assert exchange.standing(case.account_id) == "frozen"


@pytest.mark.parametrize("moment", ["before the check", "after the check", "after the closing"])
def test_deposit_and_closing(exchange: Exchange, moment: str) -> None:
    """R-CLO-10, R-CLO-7: a deposit pauses, or the venue refuses to close, or it lands in suspense; never lost."""
    case = due(exchange)
    if moment == "before the check":
        exchange.deposit(case.account_id)
    elif moment == "after the check":
        advance([case.pk], Event.CLOSE, actor=SYSTEM, now=exchange.now)
        exchange.deposit(case.account_id)
    exchange.work()
    if moment == "after the closing":
        exchange.deposit(case.account_id)
        assert exchange.again(case).state == State.OBSERVATION
        assert exchange.standing(case.account_id) == "closed"
        return
    assert exchange.again(case).state == State.PAUSE
    assert letters_of(case)[-1] == ("interrupt" if moment == "before the check" else "reopen")
    exchange.take(case.account_id)
    exchange.work(minutes=11)
    resumed = exchange.again(case)
    assert resumed.state == State.COOLING_OFF
    assert resumed.due_at == exchange.now + timedelta(hours=24), "time to read the notice"
    exchange.work(days=1)
    assert exchange.standing(case.account_id) == "closed"


def test_deposit_against_closing_at_the_venue(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-CLO-10, R-CLO-11: both at once, six accounts; every unit is found again, in the account or in suspense."""
    cases = exchange.cooling(*exchange.accounts[:6])
    now = exchange.later(days=7)
    handler = worker.HANDLERS[CLOSE]

    def racing(batch: Sequence[effects.Claimed], at: datetime) -> Sequence[effects.Outcome]:
        arrive = [lambda account=case.account_id: exchange.deposit(account) for case in cases]
        outcomes, *_ = parallel(lambda: handler(batch, at), *arrive)
        assert not isinstance(outcomes, Exception)
        answered: Sequence[effects.Outcome] = outcomes
        return answered

    monkeypatch.setitem(worker.HANDLERS, CLOSE, racing)
    worker.run_until_idle(now=now)
    for case in cases:
        state, standing = exchange.again(case).state, exchange.standing(case.account_id)
        owner = {"closed": "suspense", "frozen": "holder"}[standing]
        assert state == {"closed": State.OBSERVATION, "frozen": State.PAUSE}[standing]
        assert exchange.value(case.account_id) == {owner: 5}


def test_a_change_of_policy_and_closing(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-CLO-15: a stricter policy that comes into force while the case closes does not change its rules."""
    case = due(exchange)
    from closeout.cases import policies
    from closeout.policy import Policy

    monkeypatch.setattr(policies, "in_force", lambda: Policy(cooling_off_days=30))
    exchange.work()
    assert exchange.again(case).state == State.OBSERVATION


# -- the watch: what appears while the account is frozen


def test_a_deposit_stops_the_clock_and_its_end_lets_it_run_on(exchange: Exchange) -> None:
    """R-CLO-10: paused with what was left, told once, and at least a day to read the notice."""
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=2)
    exchange.deposit(case.account_id)
    exchange.work(minutes=2)
    paused = exchange.again(case)
    assert (paused.state, paused.due_at) == (State.PAUSE, None)
    assert paused.clock_left is not None
    left = paused.clock_left
    (line,) = [line for line in queries.history(case) if line.event == "interrupt"]
    assert line.detail == {"conditions": ["balances_zero", "ledger_quiet"]}
    exchange.work(days=9)
    assert exchange.again(case).state == State.PAUSE
    exchange.take(case.account_id)
    exchange.work(minutes=11)
    assert exchange.again(case).due_at == exchange.now + left
    assert [letter for letter in letters_of(case) if letter != "remind"] == ["submit", "interrupt", "resume"]


def test_a_judicial_hold_is_seen_and_not_told(exchange: Exchange) -> None:
    """R-SUP-8: the clock stops, no letter leaves, and history holds the neutral word only."""
    (case,) = exchange.cooling(exchange.accounts[0])
    number = exchange.hold(case.account_id)
    exchange.work(minutes=2)
    assert exchange.again(case).held
    exchange.work(days=30)
    assert letters_of(case) == ["submit"]
    assert [(line.event, line.detail) for line in queries.history(case)] == [("submit", {}), ("hold", {})]
    exchange.release(number)
    exchange.work(minutes=2)
    assert exchange.events(case) == ["submit", "hold", "release"]
    exchange.work(days=7)
    assert exchange.standing(case.account_id) == "closed"


def test_a_hold_and_a_deposit_are_told_apart(exchange: Exchange) -> None:
    """R-SUP-8: the letter about the deposit says nothing of the hold, and the hold ends with its own facts."""
    (case,) = exchange.cooling(exchange.accounts[0])
    number = exchange.hold(case.account_id)
    exchange.deposit(case.account_id)
    exchange.work(minutes=2)
    exchange.work(minutes=2)
    assert (exchange.again(case).held, exchange.again(case).state) == (True, State.PAUSE)
    (line,) = [line for line in queries.history(case) if line.event == "interrupt"]
    assert "no_holds" not in line.detail["conditions"]
    exchange.release(number)
    exchange.work(minutes=2)
    assert not exchange.again(case).held
    assert exchange.again(case).state == State.PAUSE


def test_the_watch_does_not_release_an_agents_hold(exchange: Exchange) -> None:
    """R-SUP-7, R-SUP-8: what a person stopped only a person lets go."""
    (case,) = exchange.cooling(exchange.accounts[0])
    operations.hold(case, actor=AGENT, now=exchange.now)
    number = exchange.hold(case.account_id)
    exchange.work(minutes=2)
    exchange.release(number)
    exchange.work(minutes=2)
    exchange.work(days=3)
    assert exchange.again(case).held
    operations.release(exchange.again(case), actor=AGENT, now=exchange.now)
    assert not exchange.again(case).held


@pytest.mark.parametrize("scope", ["both", "erasure"])
def test_nothing_is_erased_under_a_hold_of_the_venue(exchange: Exchange, keyring: str, scope: str) -> None:
    """R-SUP-8: a hold placed during observation keeps person and keys until it is released."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=7)
    number = exchange.hold(case.account_id, scope=scope)
    exchange.work(days=200)
    assert (exchange.again(case).state, exchange.again(case).held) == (State.OBSERVATION, True)
    assert letters_of(case)[-1] == "confirm_closed"
    exchange.release(number)
    exchange.work(minutes=2)
    exchange.work(minutes=2)
    assert exchange.again(case).state == State.ERASED


def test_a_hold_that_comes_while_erasing_keeps_the_keys(exchange: Exchange, keyring: str) -> None:
    """R-SUP-8: the venue refuses to erase; the keys live, and the venue is asked again the next day."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=7)
    exchange.later(days=180)
    queries_before = exchange.now
    advance([case.pk], Event.ERASE, actor=SYSTEM, now=queries_before)
    number = exchange.hold(case.account_id, scope="erasure")
    exchange.work()
    assert exchange.again(case).state == State.ERASURE
    assert ("vault.destroy", "done") not in exchange.effects(case)
    assert letters_of(case)[-1] == "erase"
    exchange.work(days=1)
    exchange.release(number)
    exchange.work(days=1)
    assert exchange.again(case).state == State.ERASED


def test_an_agents_hold_while_erasing_keeps_the_keys(exchange: Exchange, keyring: str) -> None:
    """R-SUP-8: erasure impossible, also when it has begun."""
    assert keyring
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.work(days=7)
    exchange.later(days=180)
    advance([case.pk], Event.ERASE, actor=SYSTEM, now=exchange.now)
    operations.hold(exchange.again(case), actor=AGENT, now=exchange.now)
    exchange.work()
    exchange.work(days=30)
    assert exchange.again(case).state == State.ERASURE
    assert exchange.executed(case.account_id)[-1] == ("close", "done")
    operations.release(exchange.again(case), actor=AGENT, now=exchange.now)
    exchange.work(minutes=16)
    assert exchange.again(case).state == State.ERASED
