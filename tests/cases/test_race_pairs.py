"""R-CLO-10, R-CLO-11: each pair of what can meet on one case, in real parallel transactions, in both orders.

The first deed holds the row while the second is already waiting on a connection of its own. However it ends, the case
and the account say the same, nothing is lost, and whoever was refused left no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations
from threading import Thread
from typing import Any

from django.db import connection, connections, transaction
from tests.cases.exchange import Exchange, parallel

from closeout.cases import operations, policies, queries, worker
from closeout.cases.models import Case
from closeout.cases.operations import HOLDER, SYSTEM, Actor, advance
from closeout.lifecycle import Event, State
from closeout.reasons import Refused

AGENT = Actor("agent", "7")
STANDING = {
    State.WITHDRAWAL: "open", State.OBSERVATION: "closed", State.COOLING_OFF: "frozen", State.PAUSE: "frozen",
    State.CLOSING: "frozen",
}  # fmt: skip
WAITING = (
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)
PEOPLE = ("change of mind", "hold", "deposit", "closing")

Deed = Callable[[Case], Any]


def deeds(exchange: Exchange) -> Mapping[str, Deed]:
    """Return what can happen to a case whose cooling-off ends now."""
    return {
        "change of mind": lambda case: operations.withdraw(case, actor=HOLDER, now=exchange.now),
        "hold": lambda case: operations.hold(case, actor=AGENT, now=exchange.now),
        "deposit": lambda case: exchange.deposit(case.account_id),
        "closing": lambda case: _close(exchange, case),
    }


def _close(exchange: Exchange, case: Case) -> None:
    """Close as the sweep does: in the transaction that holds the row if there is one, else by a whole turn."""
    if connection.in_atomic_block:
        advance([case.pk], Event.CLOSE, actor=SYSTEM, now=exchange.now)
    else:
        worker.turn(now=exchange.now)


def one_before_the_other(case: Case, first: Deed, second: Deed) -> tuple[Any, Any]:
    """Let ``first`` hold the row until ``second`` waits for it or has passed it by; return both answers."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(second(case))
        except Exception as raised:  # noqa: BLE001 - it is the answer
            answers.append(raised)
        finally:
            connections.close_all()

    follower = Thread(target=run)
    with transaction.atomic():
        queries.lock([case.pk], wait=True)
        follower.start()
        while follower.is_alive() and not _somebody_waits():
            follower.join(0.01)
        try:
            answer: Any = first(case)
        except Refused as refused:
            answer = refused
    follower.join()
    return answer, answers[0]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_clear_snapshot()")  # a transaction sees the activity of its first look
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def assert_sound(exchange: Exchange, case: Case, said: Mapping[str, Any]) -> None:
    """Compare what everybody was told with what is."""
    history, stands = exchange.events(case), exchange.again(case)
    where = f"{dict(said)}: {history}"
    broken = [answer for answer in said.values() if isinstance(answer, Exception)]
    assert all(isinstance(answer, Refused) for answer in broken), where
    assert exchange.standing(case.account_id) == STANDING[State(stands.state)], where
    for deed, event in (("change of mind", "withdraw"), ("hold", "hold")):
        if deed in said:
            assert (event in history) == (not isinstance(said[deed], Refused)), where
    assert len(set(history) & {"withdraw", "confirm_closed"}) < 2, where
    if "hold" in history and "withdraw" not in history:
        assert stands.held, where
        assert stands.state != State.OBSERVATION or history.index("hold") > history.index("confirm_closed"), (
            where
        )
    if "deposit" in said:
        owner = "suspense" if stands.state == State.OBSERVATION else "holder"
        assert exchange.value(case.account_id) == {owner: 5}, where


def test_each_pair_of_deeds_in_both_orders(exchange: Exchange) -> None:
    """Six pairs, twelve accounts: who is first has the row, who is second waits, and both hear the truth."""
    todo = deeds(exchange)
    orders = [pair for one, other in combinations(PEOPLE, 2) for pair in ((one, other), (other, one))]
    cases = exchange.cooling(*exchange.accounts)
    exchange.later(days=7)
    told = []
    for case, (first, second) in zip(cases, orders, strict=True):
        answers = one_before_the_other(case, todo[first], todo[second])
        told.append(dict(zip((first, second), answers, strict=True)))
    exchange.work(minutes=20)
    for case, said in zip(cases, told, strict=True):
        assert_sound(exchange, case, said)


def test_all_four_deeds_at_once(exchange: Exchange) -> None:
    """Every account is met by everything at the same moment."""
    todo = deeds(exchange)
    cases = exchange.cooling(*exchange.accounts[:4])
    exchange.later(days=7)
    told = []
    for case in cases:
        answers = parallel(*[lambda do=do, case=case: do(case) for do in todo.values()])
        told.append(dict(zip(todo, answers, strict=True)))
    exchange.work(minutes=20)
    for case, said in zip(cases, told, strict=True):
        assert_sound(exchange, case, said)


def test_a_change_of_policy_meets_each_deed_in_both_orders(exchange: Exchange) -> None:
    """R-CLO-15: what is better reaches a case in the middle of anything, what is worse never does."""
    todo = deeds(exchange)
    old = policies.in_force()
    better = replace(
        old, observation_days=old.observation_days + 10, cooling_off_days=old.cooling_off_days + 20
    )
    cases = exchange.cooling(*exchange.accounts[:8])
    exchange.later(days=7)
    policies.draft(better, by="drafter", why="longer", now=exchange.now)
    policies.approve(better.version, by="approver", now=exchange.now)
    told = []
    for place, name in enumerate(PEOPLE):
        for case, first in ((cases[2 * place], True), (cases[2 * place + 1], False)):
            pair = (todo[name], lambda _: policies.favour(now=exchange.now))
            answers = one_before_the_other(case, *(pair if first else pair[::-1]))
            told.append({name: answers[0 if first else 1]})
            assert not isinstance(answers[1 if first else 0], Exception)
    exchange.work(minutes=20)
    for case, said in zip(cases, told, strict=True):
        assert_sound(exchange, case, said)
        kept = policies.of_version(exchange.again(case).policy_id)
        assert kept.cooling_off_days == old.cooling_off_days
