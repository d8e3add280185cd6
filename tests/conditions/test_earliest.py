"""The earliest date and the way to it: whoever follows the route is never later than announced (R-CHK-19)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conditions import world

from closeout.conditions.check import Report, Result, check
from closeout.conditions.earliest import ORDER, Route, route
from closeout.facts.schema import Relation
from closeout.policy import Policy

POLICY = Policy()
SETTLING = timedelta(hours=1)


def _report(facts: world.Facts, at: datetime = world.NOW) -> Report:
    with world.in_duck(facts, world.complete(at)) as engine:
        return check(engine, POLICY, as_of=at, accounts=[1])[1]


later = st.none() | st.integers(0, 400).map(lambda hours: world.NOW + timedelta(hours=hours))
amount = st.decimals("0.000000000000000001", "1000", places=18)
earlier = st.integers(0, 100 * 24).map(lambda hours: world.NOW - timedelta(hours=hours))


@st.composite
def lives(draw: st.DrawFn) -> world.Facts:
    """Facts of one account that do not contradict themselves, with any mixture of blockers."""
    facts = world.clean()

    def some(relation: str, **columns: st.SearchStrategy[Any]) -> None:
        kind = st.fixed_dictionaries(columns)
        facts[relation] += [world.row(relation, **one) for one in draw(st.lists(kind, max_size=2))]

    some("balance", wallet=st.sampled_from(["funding", "trading"]), available=amount)
    some("open_order", locked=amount)
    some("position", quantity=st.just(Decimal(0)), settlement_pending=st.booleans(), settles_at=later)
    some("position", quantity=amount, unrealised=amount)
    some("loan", principal=amount, collateral=amount)
    some(
        "earn", redeemable=st.booleans(), redeeming=st.booleans(), auto_renew=st.booleans(), matures_at=later
    )
    some("p2p_order", state=st.sampled_from(["open", "paid", "completed"]), expires_at=later)
    some("sub_account", state=st.sampled_from(["open", "closed"]), closable_at=later)
    some("payment_method")
    some("api_key")
    kinds = ["password_changed", "phone_changed", "factor_added"]
    some("security_event", kind=st.sampled_from(kinds), happened_at=earlier)
    some("dispute", state=st.sampled_from(["open", "closed"]))
    some("rebate", state=st.sampled_from(["open", "closed"]))
    some("transfer", final=st.booleans(), expected_at=later)
    if draw(st.booleans()):
        facts["contact"] = [world.row("contact", reachable=False)]
    return facts


class Life:
    """One account that lives on while its holder follows a route as fast as it allows."""

    def __init__(self, facts: world.Facts) -> None:
        self.facts = {name: list(rows) for name, rows in facts.items()}

    def pass_until(self, now: datetime, begun: datetime) -> None:
        """Let everything happen that happens by itself; what has no date happens at once."""

        def due(moment: datetime | None) -> bool:
            return (moment or begun) <= now

        for one in list(self._all("earn")):
            if (one.redeeming or not one.redeemable) and due(one.matures_at):
                assert not one.auto_renew, "renewed: the route stops renewals first"
                self._leave("earn", one, now)
        self._change("position", lambda one: one.settlement_pending and due(one.settles_at),
                     now, settlement_pending=False)  # fmt: skip
        self._change("transfer", lambda one: not one.final and due(one.expected_at), now, final=True)
        self._change("p2p_order", lambda one: one.state == "open" and due(one.expires_at),
                     now, state="cancelled")  # fmt: skip

    def do(self, deed: str, now: datetime) -> None:  # noqa: C901, PLR0912 - one branch a step
        """Do one step of the route, as the venue, support or the holder would."""
        match deed:
            case "revoke_key" | "unbind":
                self.facts["api_key" if deed == "revoke_key" else "payment_method"] = []
            case "stop_renewal":
                self._change("earn", lambda one: one.auto_renew, None, auto_renew=False)
            case "cancel_orders":
                for one in list(self._all("open_order")):
                    self._leave("open_order", one, now)
            case "close_position":
                self._change("position", lambda one: one.quantity != 0, now, quantity=Decimal(0))
            case "repay_loan":
                self._change("loan", lambda _: True, now, principal=Decimal(0), interest=Decimal(0),
                             collateral=Decimal(0))  # fmt: skip
            case "redeem":
                for one in list(self._all("earn")):
                    if one.redeemable and not one.redeeming:
                        self._leave("earn", one, now)
            case "close_sub_account":
                self._change("sub_account", lambda one: (one.closable_at or now) <= now, now, state="closed")
            case "convert" | "withdraw":
                self._change("balance", lambda one: one.available > 0, now, available=Decimal(0))
            case "support":
                self._change("dispute", lambda _: True, None, state="closed")
                self._change("rebate", lambda _: True, now, state="closed")
            case "holder_elsewhere":
                self._change("p2p_order", lambda one: one.state != "open", now, state="completed")
                self._change("contact", lambda _: True, None, reachable=True)
            case _:
                assert deed in ORDER

    def _all(self, relation: str) -> list[Any]:
        return self.facts[relation]

    def _change(
        self, relation: str, which: Callable[[Any], bool], posted_at: datetime | None, **new: object
    ) -> None:
        changed = False
        rows: list[Relation] = []
        for one in self.facts[relation]:
            after = dataclasses.replace(one, **new) if which(one) else one  # type: ignore[arg-type]
            changed |= after != one
            rows.append(after)
        self.facts[relation] = rows
        if changed and posted_at is not None:
            self._post(posted_at)

    def _leave(self, relation: str, one: Relation, now: datetime) -> None:
        self.facts[relation].remove(one)
        self.facts["balance"].append(world.row("balance", available="5"))
        self._post(now)

    def _post(self, now: datetime) -> None:
        self.facts["account"] = [replace(self._all("account")[0], posted_at=now)]


def _follow(facts: world.Facts, way: Route) -> Life:
    """Do every step at the moment that the route names, and let time pass between them."""
    life = Life(facts)
    moments = {way.as_of} | {step.starts_at for step in way.steps}
    moments |= {blocker.clears_at for step in way.steps for blocker in step.blockers if blocker.clears_at}
    for now in sorted(moment for moment in moments if moment >= way.as_of):
        deeds = [step.do for step in way.steps if step.starts_at <= now]
        if "stop_renewal" in deeds:
            life.do("stop_renewal", now)
        life.pass_until(now, way.as_of)
        for deed in deeds:
            life.do(deed, now)
    return life


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives())
def test_following_the_route_is_never_later_than_announced(facts: world.Facts) -> None:
    """Everybody acts when the route says; nobody acts otherwise; then the account is clear on the date."""
    way = route(_report(facts), POLICY)
    assert way.possible_at is not None
    life = _follow(facts, way)
    report = _report(life.facts, way.possible_at)
    assert report.result is Result.CLEAR, [one for one in report.findings if one.blockers]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives())
def test_the_date_is_neither_before_a_wait_nor_without_need_after_it(facts: world.Facts) -> None:
    report = _report(facts)
    way = route(report, POLICY, settling=SETTLING)
    assert way.possible_at is not None
    waits = [one.clears_at for one in report.blockers if one.clears_at is not None]
    assert all(way.possible_at >= moment for moment in waits)
    latest = max([world.NOW, *waits]) + SETTLING + timedelta(minutes=POLICY.ledger_quiet_minutes)
    assert way.possible_at <= latest
    assert [step.do for step in way.steps] == sorted((step.do for step in way.steps), key=ORDER.index)
    assert {code for step in way.steps for code in step.codes} >= {
        one.condition.code
        for one in report.findings
        if one.result is Result.BLOCKED and one.condition.code not in {"balances_unlocked", "no_collateral"}
    }


def test_a_clean_account_needs_no_step() -> None:
    way = route(_report(world.clean()), POLICY)
    assert (way.steps, way.traps, way.possible_at, way.certain) == ((), (), world.NOW, True)


def test_windows_are_waited_out_in_parallel() -> None:
    """Hard case 20: password and e-mail changed on one day: 90 days, not 120."""
    facts = world.clean()
    facts["security_event"] = [
        world.row("security_event", happened_at=world.NOW),
        world.row("security_event", event_id="v2", kind="email_changed", happened_at=world.NOW),
    ]
    assert route(_report(facts), POLICY).possible_at == world.NOW + timedelta(days=90)


def test_keys_go_before_orders_and_payment_methods_last() -> None:
    """Hard case 34: a bot would place the orders again."""
    facts = world.clean()
    for relation in ("api_key", "open_order", "payment_method"):
        facts[relation] = [world.row(relation)]
    facts["balance"] = [world.row("balance", available=5, locked=10)]
    way = route(_report(facts), POLICY)
    deeds = [step.do for step in way.steps]
    assert deeds == ["revoke_key", "cancel_orders", "withdraw", "unbind", "quiet"]
    assert {"keep_factors", "keys_before_orders", "unlink_last"} <= {trap.code for trap in way.traps}


def test_a_step_that_would_start_a_new_window_is_marked_as_a_trap() -> None:
    facts = world.clean()
    facts["contact"] = [world.row("contact", reachable=False)]
    (step,) = route(_report(facts), POLICY).steps
    assert (step.do, step.trap) == ("holder_elsewhere", "contacts_reachable_inside")


def test_who_walks_into_the_trap_is_later_than_announced() -> None:
    facts = world.clean()
    facts["security_event"] = [world.row("security_event", happened_at=world.days_ago(29))]
    way = route(_report(facts), POLICY)
    assert way.possible_at is not None
    changed = world.row("security_event", event_id="v2", kind="authenticator_removed", happened_at=world.NOW)
    facts["security_event"].append(changed)
    assert _report(facts, way.possible_at).result is Result.BLOCKED


def test_a_wait_that_nobody_can_date_makes_the_date_uncertain() -> None:
    facts = world.clean()
    facts["hold"] = [world.row("hold")]
    way = route(_report(facts), POLICY)
    assert (way.possible_at, way.certain) == (world.NOW, False)


def test_money_that_arrives_late_leaves_late() -> None:
    """Hard case 10: maturity, then withdrawal, then settling, then quiet."""
    facts = world.clean()
    matures_at = world.NOW + timedelta(days=21)
    facts["earn"] = [world.row("earn", kind="staking", redeemable=False, matures_at=matures_at)]
    way = route(_report(facts), POLICY, settling=SETTLING)
    assert way.possible_at == matures_at + SETTLING + timedelta(minutes=10)


def test_locked_money_that_nothing_explains_is_for_support() -> None:
    facts = world.clean()
    facts["balance"] = [world.row("balance", locked=1)]
    way = route(_report(facts), POLICY)
    assert [step.do for step in way.steps] == ["support", "quiet"]
    assert not way.certain
