"""The naive oracle: every condition once more, in plain Python, from the requirements, apart from the SQL.

It is slow, it is never shipped, and its only job is to disagree. A comparison with nothing (None) is not true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tests.conditions import oracle_faults
from tests.conditions.oracle_world import RULES, Found, World, add, rule

from closeout.facts.schema import Relation
from closeout.policy import Policy

assert oracle_faults


def answers(facts: Mapping[str, Sequence[Relation]], policy: Policy, now: datetime) -> Counter[Found]:
    """Return every row that the conditions and data faults must find, with how often."""
    world = World(facts, policy, now)
    return Counter(found for check in RULES.values() for found in check(world))


@rule
def balances_zero(world: World) -> Iterator[Found]:
    for one in world.all("balance"):
        if one.available is None or one.available == 0:
            continue
        dust = one.available > 0 and (one.withdraw_min is None or one.available < one.withdraw_min)
        if not dust:
            yield (one.account_id, "balances_zero", one.wallet, None, one.asset, one.available, None)


@rule
def no_dust(world: World) -> Iterator[Found]:
    for one in world.all("balance"):
        if one.available is not None and one.available > 0:
            if one.withdraw_min is not None and one.withdraw_min <= one.available:
                continue
            yield (one.account_id, "no_dust", one.wallet, None, one.asset, one.available, None)


@rule
def balances_unlocked(world: World) -> Iterator[Found]:
    for one in world.all("balance"):
        if one.locked:
            yield (one.account_id, "balances_unlocked", one.wallet, None, one.asset, one.locked, None)


@rule
def no_open_orders(world: World) -> Iterator[Found]:
    for one in world.all("open_order"):
        yield (one.account_id, "no_open_orders", one.instrument, one.order_id, one.asset, one.locked, None)


@rule
def no_positions(world: World) -> Iterator[Found]:
    for one in world.all("position"):
        if one.quantity:
            yield (
                one.account_id, "no_positions", one.instrument, one.position_id, one.asset, one.unrealised, None,
            )  # fmt: skip


@rule
def no_settlement_pending(world: World) -> Iterator[Found]:
    for one in world.all("position"):
        if one.settlement_pending:
            yield (
                one.account_id, "no_settlement_pending", one.instrument, one.position_id, one.asset,
                one.unrealised, one.settles_at,
            )  # fmt: skip


@rule
def no_loans(world: World) -> Iterator[Found]:
    for one in world.all("loan"):
        if one.principal or one.interest:
            owed = add(one.principal, one.interest)
            yield (one.account_id, "no_loans", "loan", one.loan_id, one.asset, owed, None)


@rule
def no_collateral(world: World) -> Iterator[Found]:
    for one in world.all("loan"):
        if one.collateral:
            asset = one.collateral_asset
            yield (one.account_id, "no_collateral", "collateral", one.loan_id, asset, one.collateral, None)


@rule
def earn_redeemable(world: World) -> Iterator[Found]:
    for one in world.all("earn"):
        if one.redeemable is True and one.redeeming is False:
            yield (one.account_id, "earn_redeemable", one.kind, one.earn_id, one.asset, one.amount, None)


@rule
def earn_locked(world: World) -> Iterator[Found]:
    for one in world.all("earn"):
        if one.redeemable is False or one.redeeming is True:
            yield (
                one.account_id, "earn_locked", one.kind, one.earn_id, one.asset, one.amount, one.matures_at,
            )  # fmt: skip


@rule
def earn_no_renewal(world: World) -> Iterator[Found]:
    for one in world.all("earn"):
        if one.auto_renew:
            yield (one.account_id, "earn_no_renewal", one.kind, one.earn_id, one.asset, one.amount, None)


@rule
def no_p2p_orders(world: World) -> Iterator[Found]:
    for one in world.all("p2p_order"):
        if one.state not in {None, "completed", "cancelled"}:
            ends_at = one.expires_at if one.state == "open" else None
            yield (one.account_id, "no_p2p_orders", one.state, one.p2p_id, one.asset, one.amount, ends_at)


@rule
def no_p2p_appeals(world: World) -> Iterator[Found]:
    for one in world.all("p2p_order"):
        if one.appeal not in {None, "none", "closed"}:
            yield (one.account_id, "no_p2p_appeals", one.appeal, one.p2p_id, one.asset, one.amount, None)


@rule
def sub_accounts_closed(world: World) -> Iterator[Found]:
    for one in world.all("sub_account"):
        if one.state is not None and one.state != "closed":
            yield (
                one.account_id, "sub_accounts_closed", one.state, one.sub_account_id, None, None,
                one.closable_at,
            )  # fmt: skip


@rule
def no_payment_methods(world: World) -> Iterator[Found]:
    for one in world.all("payment_method"):
        yield (one.account_id, "no_payment_methods", one.kind, one.method_id, None, None, None)


@rule
def no_api_keys(world: World) -> Iterator[Found]:
    for one in world.all("api_key"):
        yield (one.account_id, "no_api_keys", one.kind, one.key_id, None, None, None)


@rule
def security_password_quiet(world: World) -> Iterator[Found]:
    window = timedelta(days=world.policy.password_wait_days)
    for one in world.all("security_event"):
        if one.kind == "password_changed" and one.happened_at is not None:
            ends_at = one.happened_at + window
            if ends_at > world.now:
                yield (one.account_id, "security_password_quiet", one.kind, one.event_id, None, None, ends_at)


@rule
def security_factors_quiet(world: World) -> Iterator[Found]:
    harmless = {None, "password_changed", "factor_added", "key_revoked", "method_unbound"}
    window = timedelta(days=world.policy.factor_wait_days)
    for one in world.all("security_event"):
        if one.kind not in harmless and one.happened_at is not None and one.happened_at + window > world.now:
            ends_at = one.happened_at + window
            yield (one.account_id, "security_factors_quiet", one.kind, one.event_id, None, None, ends_at)


@rule
def identity_verified(world: World) -> Iterator[Found]:
    for one in world.all("identity"):
        never_needed = one.was_required is not True and one.state in {None, "unverified"}
        if one.was_required is None and one.state is None:
            never_needed = True
        wrong = one.state not in {None, "verified"}
        expired = one.valid_until is not None and one.valid_until <= world.now
        if not never_needed and (wrong or expired or one.is_applicant is False):
            yield (one.account_id, "identity_verified", one.state, None, None, None, None)


@rule
def no_holds(world: World) -> Iterator[Found]:
    for one in world.all("hold"):
        stands = one.released_at is None or one.released_at > world.now
        if stands and one.scope is not None and one.scope != "erasure":
            yield (one.account_id, "no_holds", None, None, None, None, None)


@rule
def no_disputes(world: World) -> Iterator[Found]:
    for one in world.all("dispute"):
        if one.state is not None and one.state != "closed":
            yield (one.account_id, "no_disputes", one.kind, one.dispute_id, None, None, None)


@rule
def no_rebates(world: World) -> Iterator[Found]:
    for one in world.all("rebate"):
        running = one.kind not in {None, "referral"} and one.state not in {None, "closed"}
        if running or one.amount:
            yield (one.account_id, "no_rebates", one.kind, one.rebate_id, one.asset, one.amount, None)


@rule
def contacts_reachable(world: World) -> Iterator[Found]:
    for account in world.all("account"):
        if account.parent_id is not None:
            continue
        contacts = world.of("contact", account.account_id)
        if not contacts:
            yield (account.account_id, "contacts_reachable", "none", None, None, None, None)
        for one in contacts:
            if one.reachable is False:
                subject = "none" if one.kind is None else one.kind
                yield (account.account_id, "contacts_reachable", subject, None, None, None, None)


@rule
def nothing_in_flight(world: World) -> Iterator[Found]:
    for one in world.all("transfer"):
        if one.disputed is True or one.final is False:
            ends_at = one.expected_at if one.disputed is False else None
            yield (
                one.account_id, "nothing_in_flight", one.kind, one.transfer_id, one.asset, one.amount, ends_at,
            )  # fmt: skip


@rule
def ledger_quiet(world: World) -> Iterator[Found]:
    quiet = timedelta(minutes=world.policy.ledger_quiet_minutes)
    for one in world.all("account"):
        if one.posted_at is not None and one.posted_at + quiet > world.now:
            yield (one.account_id, "ledger_quiet", None, None, None, None, one.posted_at + quiet)
