"""An exchange of its own for one test: committed transactions, real connections, a clock that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from django.db import connection, connections

from closeout.cases import applications, policies, queries, sandbox, vaults, venues, verification, worker
from closeout.cases.models import Case, EffectRow
from closeout.cases.operations import HOLDER, advance
from closeout.lifecycle import Event
from closeout.policy import Policy
from closeout.venues.base import Holder
from closeout.venues.sandbox import people, seed, world
from closeout.venues.sandbox.building import Room
from closeout.venues.sandbox.ledger import Place

PEOPLE = 12


def furnish(opened: psycopg.Connection[Any], now: datetime, count: int = PEOPLE) -> None:
    """Make ``count`` holders whose accounts can be closed at once; the clock stands at ``now`` (naive UTC)."""
    with opened.transaction():
        opened.execute("update sandbox.clock set instant = %s", (now,))
        for number in range(count):
            row = opened.execute(
                "insert into sandbox.account (handle, jurisdiction, opened_at) values (%s, 'DE', %s) "
                "returning account_id",
                (f"holder{number}", now - timedelta(days=700)),
            ).fetchone()
            assert row is not None
            room = Room(opened, row[0], now)
            private = seed.private_of(f"holder{number}", "en", 1, now)
            with opened.cursor() as cursor:
                people.save(cursor, vaults.vault(), row[0], "en", private)
            room.row(
                "identity",
                state="verified",
                valid_until=room.later(days=1500),
                verified_at=room.ago(days=690),
            )
            for kind in ("email", "phone"):
                room.row("contact", kind=kind, reachable=True, confirmed_at=room.ago(days=100))


@dataclass
class Exchange:
    """What a test does to the world, and what it asks of it."""

    accounts: Sequence[int]

    @property
    def now(self) -> datetime:
        """The time of cases, aware UTC."""
        return venues.now()

    def later(self, **span: float) -> datetime:
        """Let time pass and nothing else happen; return the new time."""
        sandbox.pass_time(timedelta(**span))
        return venues.now()

    def set_clock(self, instant: datetime) -> None:
        """Put the clock anywhere, also back."""
        with venues.sandbox().connection() as opened:
            world.set_clock(opened, instant.replace(tzinfo=None))

    def work(self, **span: float) -> int:
        """Let time pass and the worker do all that is due; return how much was done."""
        return worker.run_until_idle(now=self.later(**span) if span else self.now)

    def apply(
        self, *accounts: int, policy: Policy | None = None, event: Event = Event.SUBMIT, **more: Any
    ) -> list[Case]:
        """Return submitted applications of ``accounts``, whatever was typed and ticked before."""
        cases = [self.open(account, policy=policy) for account in accounts]
        steps = advance([case.pk for case in cases], event, actor=HOLDER, now=self.now, **more)
        return [step.case for step in steps]

    def open(self, account: int, *, policy: Policy | None = None) -> Case:
        """Return an application that is ready to be submitted."""
        case = applications.open_case(account, venue=venues.SANDBOX, language="en", now=self.now)
        return self.ready(case, policy=policy)

    def ready(self, case: Case, *, policy: Policy | None = None) -> Case:
        """Return ``case`` as if everything were typed and ticked."""
        kept = policies.keep(policy or policies.in_force(), now=self.now)
        Case.objects.filter(pk=case.pk).update(verified_at=self.now, policy=kept)
        case.refresh_from_db()
        case.action_digest = verification.action_digest(case, "0" * 64)
        case.save(update_fields=["action_digest"])
        return case

    def cooling(self, *accounts: int, **more: Any) -> list[Case]:
        """Return cases in cooling-off whose accounts are frozen and whose letters are sent."""
        cases = self.apply(*accounts, **more)
        self.work()
        return [self.again(case) for case in cases]

    def again(self, case: Case) -> Case:
        """Return ``case`` as it is in the database now."""
        return Case.objects.get(pk=case.pk)

    def events(self, case: Case) -> list[str]:
        """Return what has happened to ``case``, oldest first."""
        return [line.event for line in queries.history(case)]

    def deposit(self, account: int, amount: str = "5", key: str = "late") -> None:
        """Let value arrive at the account."""
        with venues.sandbox().connection() as opened:
            world.deposit(opened, account, asset="USDT", amount=Decimal(amount), key=f"{key}-{account}")

    def take(self, account: int) -> None:
        """Pay the deposit out again, so that the account is empty."""
        with (
            venues.sandbox().connection() as opened,
            world.work_on(opened, account, "payout", origin="engine") as work,
        ):
            place = Place(account, "funding", "USDT")
            work.sweep(place, place.house("custody"))

    def value(self, account: int) -> dict[str, Decimal]:
        """Return what lies under the account's number, by owner; the house's own slice left out."""
        with venues.sandbox().connection() as opened:
            rows = opened.execute(
                "select owner, sum(balance) from sandbox.ledger where account_id = %s and owner <> 'house' "
                "and balance <> 0 group by owner",
                (account,),
            ).fetchall()
        return {str(owner): total for owner, total in rows}

    def hold(self, account: int, scope: str = "both") -> int:
        """Place a judicial hold at the venue; return its number."""
        with venues.sandbox().connection() as opened:
            return world.place_hold(opened, account, scope=scope)

    def release(self, number: int) -> None:
        """Release a hold of the venue."""
        with venues.sandbox().connection() as opened:
            world.release_hold(opened, number)

    def standing(self, account: int) -> str:
        """Return the state of the account at the venue."""
        with venues.sandbox().connection() as opened:
            row = opened.execute(
                "select state from sandbox.account where account_id = %s", (account,)
            ).fetchone()
        assert row is not None
        return str(row[0])

    def source(self, relation: str, state: str) -> None:
        """Let a source of facts fail (failed, partial) or recover (complete)."""
        with venues.sandbox().connection() as opened:
            world.set_source(opened, relation, state=state)

    def effects(self, case: Case) -> list[tuple[str, str]]:
        """Return kind and state of every effect of ``case``, oldest first."""
        return list(EffectRow.objects.filter(case=case).order_by("id").values_list("kind", "state"))

    def executed(self, account: int) -> list[tuple[str, str]]:
        """Return kind and state of every receipt that the venue has for the account, oldest first."""
        with venues.sandbox().connection() as opened:
            return opened.execute(
                "select kind, state from sandbox.receipt where account_id = %s order by at, kind", (account,)
            ).fetchall()


def closed(exchange: Exchange) -> tuple[Case, Holder]:
    """Return the first account's case after its closing, and who its holder was."""
    holder = venues.sandbox().holder(exchange.accounts[0])
    assert holder is not None
    (case,) = exchange.cooling(exchange.accounts[0])
    for _ in range(4):
        exchange.work(days=2)
    return exchange.again(case), holder


def parallel(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all ``deeds`` at once, each on a connection of its own; return results, or what was raised."""
    barrier = threading.Barrier(len(deeds))
    answers: list[Any] = [None] * len(deeds)

    def run(place: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            answers[place] = deeds[place]()
        except Exception as raised:  # noqa: BLE001 - it is the answer
            answers[place] = raised
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
