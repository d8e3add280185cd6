"""The naive oracle's view of contradictions: the data faults once more, in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.conditions.oracle_world import Found, World, rule


@rule
def account_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("account"):
        future = one.posted_at is not None and one.posted_at > world.now
        if future or one.state not in {"open", "frozen", "closed"}:
            yield (one.account_id, "account_contradictory", one.state, None, None, None, None)


@rule
def balance_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("balance"):
        numbers = [one.locked, one.withdraw_min]
        if one.available is None or one.locked is None or any(n is not None and n < 0 for n in numbers):
            yield (one.account_id, "balance_contradictory", one.wallet, None, one.asset, one.locked, None)


@rule
def balance_negative(world: World) -> Iterator[Found]:
    for one in world.all("balance"):
        loans = world.of("loan", one.account_id)
        if (
            one.available is not None
            and one.available < 0
            and not any(loan.principal or loan.interest for loan in loans)
        ):
            yield (one.account_id, "balance_negative", one.wallet, None, one.asset, one.available, None)


@rule
def position_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("position"):
        if one.quantity is None or one.settlement_pending is None:
            yield (
                one.account_id, "position_contradictory", one.instrument, one.position_id, None, None, None,
            )  # fmt: skip


@rule
def loan_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("loan"):
        numbers = [one.principal, one.interest, one.collateral]
        nameless = bool(one.collateral) and one.collateral_asset is None
        if nameless or any(number is None or number < 0 for number in numbers):
            yield (one.account_id, "loan_contradictory", None, one.loan_id, one.asset, one.principal, None)


@rule
def earn_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("earn"):
        if None in {one.amount, one.redeemable, one.redeeming, one.auto_renew} or one.amount < 0:
            yield (one.account_id, "earn_contradictory", one.kind, one.earn_id, one.asset, one.amount, None)


@rule
def p2p_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("p2p_order"):
        if one.state is None or one.appeal is None:
            yield (one.account_id, "p2p_contradictory", None, one.p2p_id, None, None, None)


@rule
def sub_account_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("sub_account"):
        if one.state is None:
            yield (one.account_id, "sub_account_contradictory", None, one.sub_account_id, None, None, None)


@rule
def security_event_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("security_event"):
        if one.kind is None or one.happened_at is None or one.happened_at > world.now:
            yield (
                one.account_id, "security_event_contradictory", one.kind, one.event_id, None, None, None,
            )  # fmt: skip


@rule
def identity_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("identity"):
        if None in {one.state, one.is_applicant, one.was_required}:
            yield (one.account_id, "identity_contradictory", one.state, None, None, None, None)


@rule
def identity_duplicate(world: World) -> Iterator[Found]:
    for number, times in Counter(one.account_id for one in world.all("identity")).items():
        if times > 1:
            yield (number, "identity_duplicate", None, None, None, None, None)


@rule
def identity_missing(world: World) -> Iterator[Found]:
    for one in world.all("account"):
        if one.parent_id is None and not world.of("identity", one.account_id):
            yield (one.account_id, "identity_missing", None, None, None, None, None)


@rule
def contact_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("contact"):
        if one.kind is None or one.reachable is None:
            yield (one.account_id, "contact_contradictory", one.kind, None, None, None, None)


@rule
def dispute_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("dispute"):
        if one.state is None:
            yield (one.account_id, "dispute_contradictory", None, one.dispute_id, None, None, None)


@rule
def hold_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("hold"):
        backwards = None not in {one.released_at, one.placed_at} and one.released_at < one.placed_at
        if backwards or one.scope is None or one.placed_at is None:
            yield (one.account_id, "hold_contradictory", None, None, None, None, None)


@rule
def rebate_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("rebate"):
        nameless = bool(one.amount) and one.asset is None
        below = one.amount is not None and one.amount < 0
        if nameless or below or one.kind is None or one.state is None:
            yield (
                one.account_id, "rebate_contradictory", one.kind, one.rebate_id, one.asset, one.amount, None,
            )  # fmt: skip


@rule
def transfer_contradictory(world: World) -> Iterator[Found]:
    for one in world.all("transfer"):
        if one.final is None or one.disputed is None:
            yield (
                one.account_id, "transfer_contradictory", one.kind, one.transfer_id, one.asset, one.amount, None,
            )  # fmt: skip
