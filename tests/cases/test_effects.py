"""The outbox: leases, fences, order inside a case, bounded attempts, one broken effect (security §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.cases.exchange import Exchange, parallel

from closeout.cases import closing, effects, journal, queries, worker
from closeout.cases.effects import Claimed, Outcome
from closeout.cases.models import Case, EffectRow
from closeout.lifecycle import Effect, Event, State
from closeout.venues.base import Unreachable

KINDS = [effect.value for effect in Effect]
FREEZE = Effect.FREEZE.value
LETTER = Effect.NOTIFY.value


class RealTime:
    """The time that leases go by."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch) -> RealTime:
    clock = RealTime()
    monkeypatch.setattr(effects, "present", clock)
    return clock


def claim(exchange: Exchange, most: int = 100) -> list[Claimed]:
    return effects.claim(now=exchange.now, most=most, kinds=KINDS)


def states(case: Case) -> list[str]:
    return list(EffectRow.objects.filter(case=case).order_by("id").values_list("state", flat=True))


def test_an_effect_is_in_one_hand_at_a_time(exchange: Exchange) -> None:
    """R-CLR-4: six workers claim at once; each effect is claimed once, and only the first of its case."""
    exchange.apply(*exchange.accounts)
    now = exchange.now
    hands = parallel(*[lambda: effects.claim(now=now, most=3, kinds=KINDS)] * 6)
    taken = [effect.id for hand in hands for effect in hand]
    assert len(taken) == len(set(taken)) <= 12
    rest = claim(exchange)
    assert len(taken) + len(rest) == 12
    assert {effect.kind for hand in [*hands, rest] for effect in hand} == {FREEZE}


def test_the_letter_waits_for_the_freeze(exchange: Exchange) -> None:
    """Order inside a case: nobody is told of a freeze that has not happened."""
    (case,) = exchange.apply(exchange.accounts[0])
    (freeze,) = claim(exchange)
    assert claim(exchange) == []
    effects.complete([Outcome(freeze, fault="unreachable")], now=exchange.now)
    assert claim(exchange) == []
    exchange.later(seconds=2)
    (again,) = claim(exchange)
    assert (again.kind, again.attempts, again.key) == (FREEZE, 2, freeze.key)
    effects.complete([Outcome(again)], now=exchange.now)
    assert [effect.kind for effect in claim(exchange)] == [LETTER]
    assert states(case) == ["done", "running"]


def test_the_lease_of_a_dead_worker_ends_in_real_time(exchange: Exchange, real_time: RealTime) -> None:
    """Issue 8: a killed worker's cases go on elsewhere; the clock of the cases has no say in it."""
    exchange.apply(exchange.accounts[0])
    (effect,) = claim(exchange)
    exchange.later(days=3)
    assert effects.requeue() == 0
    real_time.at += effects.LEASE
    assert effects.requeue() == 1
    (again,) = claim(exchange)
    assert (again.id, again.attempts) == (effect.id, 2)


def test_who_lost_the_lease_writes_nothing(exchange: Exchange, real_time: RealTime) -> None:
    """Fencing: a worker that slept and woke up neither completes nor renews what another has."""
    (case,) = exchange.apply(exchange.accounts[0])
    (slow,) = claim(exchange)
    real_time.at += effects.LEASE
    effects.requeue()
    (quick,) = claim(exchange)
    late = Outcome(slow, event=Event.WITHDRAW, follow=((Effect.CLOSE, exchange.now),))
    effects.complete([late], now=exchange.now)
    assert effects.renew([slow]) == []
    assert effects.renew([quick]) == [quick]
    assert states(case) == ["running", "ready"]
    assert exchange.again(case).state == State.COOLING_OFF
    effects.complete([Outcome(quick)], now=exchange.now)
    assert states(case) == ["done", "ready"]


def test_a_long_batch_keeps_its_lease(exchange: Exchange, real_time: RealTime) -> None:
    """A lease is renewed before each part of a batch, so that slow work is not taken away and begun anew."""
    exchange.apply(*exchange.accounts[:2])
    batch = claim(exchange)
    real_time.at += effects.LEASE - timedelta(seconds=1)
    assert effects.renew(batch) == batch
    real_time.at += effects.LEASE - timedelta(seconds=1)
    assert effects.requeue() == 0


def test_what_a_person_waits_for_goes_first(exchange: Exchange) -> None:
    """Issue 8: a person never waits behind a campaign."""
    cases = [exchange.open(account) for account in exchange.accounts[:6]]
    journal.enqueue([(case.pk, Effect.NOTIFY, {"template": "remind"}, exchange.now) for case in cases[:5]])
    exchange.later(seconds=10)
    journal.enqueue(
        [(cases[5].pk, Effect.NOTIFY, {"template": "submit"}, exchange.now)], lane=journal.AWAITED
    )
    assert [effect.case_id for effect in claim(exchange, most=1)] == [cases[5].pk]


def test_a_worker_leaves_what_it_does_not_know(exchange: Exchange) -> None:
    """Rolling upgrade: effects of the next version wait for workers of the next version."""
    case = exchange.open(exchange.accounts[0])
    EffectRow.objects.create(case=case, kind="of.tomorrow", run_at=exchange.now)
    exchange.work()
    assert states(case) == ["ready"]


def broken_for(case: Case, handler: effects.Handler) -> effects.Handler:
    """Return ``handler`` with a bug that only ``case`` meets."""

    def handle(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
        if any(effect.case_id == case.pk for effect in batch):
            raise ZeroDivisionError
        return handler(batch, now)

    return handle


def test_a_bug_fails_its_own_effect_alone_and_not_for_ever(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security §4: attempts are bounded and visible; the others of the batch are done; a person lets it go on."""
    bad, *good = exchange.apply(*exchange.accounts[:4])
    monkeypatch.setitem(worker.HANDLERS, FREEZE, broken_for(bad, worker.HANDLERS[FREEZE]))
    exchange.work()
    assert [states(case) for case in good] == [["done", "done"]] * 3
    for _ in range(effects.BUGS_MAX):
        exchange.work(minutes=15)
    (failed,) = EffectRow.objects.filter(state="failed")
    assert (failed.case_id, failed.fault, failed.attempts) == (bad.pk, "bug", effects.BUGS_MAX)
    assert states(bad) == ["failed", "ready"], "nobody is told of a freeze that failed"
    monkeypatch.undo()
    assert effects.again([failed.pk], now=exchange.now) == 1
    exchange.work()
    assert exchange.standing(bad.account_id) == "frozen"


def test_a_letter_is_given_up_and_stops_nothing(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server that is gone for hours does not keep an account from being closed."""

    def gone(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
        return [Outcome(effect, fault="way_closed") for effect in batch]

    monkeypatch.setitem(worker.HANDLERS, LETTER, gone)
    (case,) = exchange.apply(exchange.accounts[0])
    for _ in range(24):
        exchange.work(hours=1)
    assert EffectRow.objects.get(case=case, kind=LETTER, state="failed").attempts == 20
    exchange.work(days=6)
    for _ in range(24):
        exchange.work(hours=1)
    assert exchange.standing(case.account_id) == "closed"


def test_a_venue_that_does_not_answer_is_asked_again_with_the_same_key(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CLR-4: a lost answer is not a lost freeze, and never a second one."""
    (case,) = exchange.apply(exchange.accounts[0])
    asked: list[str] = []
    freeze = worker.HANDLERS[FREEZE]

    def lossy(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
        asked.extend(effect.key for effect in batch)
        answers = freeze(batch, now)
        if len(asked) < 3:
            raise Unreachable("the answer was lost")
        return answers

    monkeypatch.setitem(worker.HANDLERS, FREEZE, lossy)
    for _ in range(4):
        exchange.work(minutes=1)
    assert len(asked) == 3
    assert len(set(asked)) == 1
    assert exchange.executed(case.account_id) == [("freeze", "done")]
    assert states(case)[:2] == ["done", "done"]


def test_what_breaks_while_it_is_written_fails_alone(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad case never blocks its batch, also in the transaction that completes."""
    bad, *good = exchange.cooling(*exchange.accounts[:4])
    genuine = effects.advance

    def advance(cases: Sequence[int], event: Event, **more: Any) -> Any:
        if bad.pk in cases and event is Event.CONFIRM_CLOSED:
            raise ZeroDivisionError
        return genuine(cases, event, **more)

    monkeypatch.setattr(effects, "advance", advance)
    exchange.work(days=7)
    assert {exchange.again(case).state for case in good} == {State.OBSERVATION}
    assert exchange.again(bad).state == State.CLOSING
    monkeypatch.undo()
    exchange.work(minutes=1)
    assert exchange.again(bad).state == State.OBSERVATION
    assert exchange.executed(bad.account_id).count(("close", "done")) == 1


def test_the_step_after_an_answer_waits_for_a_locked_case(exchange: Exchange) -> None:
    """The venue has closed: whoever holds the row at that moment, the case gets to know (0 stuck)."""
    (case,) = exchange.cooling(exchange.accounts[0])
    exchange.later(days=7)
    worker.turn(now=exchange.now)
    for effect in claim(exchange):
        effects.complete(closing.HANDLERS[effect.kind]([effect], exchange.now), now=exchange.now)
    (close,) = claim(exchange)
    (outcome,) = closing.HANDLERS[close.kind]([close], exchange.now)
    now = exchange.now
    held: list[str] = []

    def complete() -> None:
        effects.complete([outcome], now=now)

    def look() -> None:
        from django.db import transaction

        with transaction.atomic():
            queries.lock([case.pk], wait=True)
            held.append(exchange.again(case).state)

    assert parallel(complete, look, look, look) == [None] * 4
    assert len(held) == 3
    assert exchange.again(case).state == State.OBSERVATION
