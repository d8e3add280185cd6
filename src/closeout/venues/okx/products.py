"""Products that earn and loans that are not margin, one pure function per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from closeout.facts.schema import Earn, Loan
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import (
    ZERO,
    Raw,
    Unreadable,
    amount,
    amount_or_none,
    flag,
    instant,
    instant_or_none,
    parts,
    text,
)
from closeout.venues.okx.wallets import loan

FIXED_FINAL = frozenset({"settled", "cancelled", "canceled"})
DUAL_FINAL = frozenset({"settled", "redeemed", "rejected"})
CHAIN_PENDING, CHAIN_CANCELLING, CHAIN_REDEEMING = "8", "13", "2"
CHAIN_STATES = frozenset({"8", "13", "9", "1", "2"})


def _earn(
    seen: Seen,
    earn_id: str,
    *,
    kind: str,
    product: str,
    asset: str,
    value: Decimal,
    redeemable: bool = True,
    matures_at: datetime | None = None,
    redeeming: bool = False,
    auto_renew: bool = False,
) -> Earn:
    return Earn(
        account_id=seen.account_id,
        earn_id=earn_id,
        kind=kind,
        product=product,
        asset=asset,
        amount=value,
        redeemable=redeemable,
        matures_at=matures_at,
        redeeming=redeeming,
        auto_renew=auto_renew,
    )


def savings(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/savings/balance``: Simple Earn flexible, lent and pending parts included."""
    for row in rows:
        parts = (amount_or_none(row, "loanAmt") or ZERO) + (amount_or_none(row, "pendingAmt") or ZERO)
        whole, asset = max(amount(row, "amt"), parts), text(row, "ccy")
        if whole:
            yield _earn(
                seen,
                f"savings-{asset}",
                kind="flexible",
                product="Simple Earn Flexible",
                asset=asset,
                value=whole,
            )


def fixed(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/simple-earn-fixed/order-list``: only a pending order can be taken back.

    A state that is not documented counts as locked.
    """
    for row in rows:
        state = text(row, "state")
        if state in FIXED_FINAL:
            continue
        matures = next(
            (
                at
                for name in ("expiryTime", "settleTime", "endTime", "expireTime")
                if (at := instant_or_none(row, name)) is not None
            ),
            None,
        )
        number = text(row, "reqId", "") or text(row, "ordId")
        yield _earn(
            seen,
            f"fixed-{number}",
            kind="fixed",
            product=f"Simple Earn Fixed {text(row, 'term', '')}".strip(),
            asset=text(row, "ccy"),
            value=amount(row, "amt"),
            redeemable=state == "pending",
            matures_at=matures,
            redeeming=state == "expired",
            auto_renew=flag(row, "autoRenew"),
        )


def on_chain(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/staking-defi/orders-active``; one row for each invested asset of an order.

    Raises: Unreadable for a state that is not documented.
    """
    for row in rows:
        state, days = text(row, "state"), text(row, "term", "0") or "0"
        if state not in CHAIN_STATES:
            raise Unreadable(f"staking order in state {state!r}")
        if not days.isdigit():
            raise Unreadable("field term is not a number of days")
        invested = parts(row, "investData")
        matures = instant_or_none(row, "estSettlementTime")
        if matures is None and int(days):
            matures = instant(row, "purchasedTime") + timedelta(days=int(days))
        kind = "staking" if text(row, "protocolType", "") == "staking" else "defi"
        for place, part in enumerate(invested):
            number = f"chain-{text(row, 'ordId')}" + (f"-{place}" if place else "")
            yield _earn(
                seen,
                number,
                kind=kind,
                product=text(row, "protocol", "") or "On-chain Earn",
                asset=text(part, "ccy"),
                value=amount(part, "amt"),
                redeemable=state == CHAIN_PENDING
                or (not int(days) and state not in (CHAIN_CANCELLING, CHAIN_REDEEMING)),
                matures_at=matures,
                redeeming=state in (CHAIN_CANCELLING, CHAIN_REDEEMING),
            )


def liquid(chain: str, token: str) -> Callable[[Sequence[Raw], Seen], Iterator[Earn]]:
    """Return the translation of ``finance/staking-defi/eth|sol/balance`` for ``token``.

    The balance counts the token in every wallet and what is being redeemed, so it repeats a wallet's row.
    """

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
        for row in rows:
            whole = amount(row, "amt")
            if whole:
                yield _earn(
                    seen,
                    f"{chain}-stake",
                    kind="staking",
                    product=f"{chain.upper()} staking",
                    asset=text(row, "ccy", token) or token,
                    value=whole,
                )

    return translate


def unstaking(chain: str, token: str) -> Callable[[Sequence[Raw], Seen], Iterator[Earn]]:
    """Return the translation of pending redemptions in ``…/eth|sol/purchase-redeem-history``."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
        for row in rows:
            if text(row, "type") != "redeem" or text(row, "status") in ("success", "failed", "cancelled"):
                continue
            asked = text(row, "ordId", "") or text(row, "requestTime")
            yield _earn(
                seen,
                f"{chain}-redeem-{asked}",
                kind="staking",
                product=f"{chain.upper()} staking",
                asset=token,
                value=amount(row, "redeemingAmt", "amt"),
                redeemable=False,
                redeeming=True,
                matures_at=instant_or_none(row, "estCompletedTime"),
            )

    return translate


def okusd(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/okusd/account``."""
    for row in rows:
        whole = amount(row, "amt")
        if whole:
            yield _earn(
                seen, "okusd", kind="flexible", product="OKUSD", asset=text(row, "ccy", "OKUSD"), value=whole
            )


def okusd_redeeming(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/okusd/redeem/history``: redemptions that take some days and have not ended."""
    for row in rows:
        if text(row, "status") not in ("success", "failed", "canceled", "cancelled"):
            yield _earn(
                seen,
                f"okusd-redeem-{text(row, 'ordId')}",
                kind="flexible",
                product="OKUSD",
                asset=text(row, "ccy", "OKUSD"),
                value=amount(row, "amt"),
                redeemable=False,
                redeeming=True,
                matures_at=instant_or_none(row, "estSettlementTime"),
            )


def stable_rewards(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/stable-rewards/balance``: like staking it repeats what the wallets hold."""
    for row in rows:
        for part in parts(row, "details"):
            whole, asset = amount(part, "amt"), text(part, "ccy")
            if whole:
                yield _earn(
                    seen,
                    f"rewards-{asset}",
                    kind="flexible",
                    product="Stable Rewards",
                    asset=asset,
                    value=whole,
                )


def dual(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``finance/sfp/dcd/order-history``: what has not ended; a live one can end early, at a price."""
    for row in rows:
        state = text(row, "state")
        if state not in DUAL_FINAL:
            yield _earn(
                seen,
                f"dual-{text(row, 'ordId')}",
                kind="structured",
                product=f"Dual Investment {text(row, 'productId')}",
                asset=text(row, "notionalCcy"),
                value=amount(row, "notionalSz"),
                redeemable=state == "live",
                matures_at=instant_or_none(row, "expTime"),
                redeeming=state.startswith("pending"),
            )


def flexible_loans(rows: Sequence[Raw], seen: Seen) -> Iterator[Loan]:
    """Read ``finance/flexible-loan/loan-info``: one row for each borrowed or pledged asset of an order."""
    for row in rows:
        number = text(row, "ordId", "flexible")
        owed = [(text(part, "ccy"), amount(part, "amt")) for part in parts(row, "loanData")]
        pledged = [(text(part, "ccy"), amount(part, "amt")) for part in parts(row, "collateralData")]
        owed = [part for part in owed if part[1]] or ([(pledged[0][0], ZERO)] if pledged else [])
        for place in range(max(len(owed), len(pledged))):
            asset, due = owed[place] if place < len(owed) else (owed[0][0], ZERO)
            pledge = pledged[place] if place < len(pledged) else None
            suffix = f"-{place}" if place else ""
            yield loan(seen, f"flexible-{number}{suffix}", asset, owed=due, pledge=pledge)


def ordered_loans(kind: str) -> Callable[[Sequence[Raw], Seen], Iterator[Loan]]:
    """Return the translation of the older loan lists (VIP loans, fixed loans), which the documents drop.

    States 1, 2 and 5 (or an owed amount without a state) mean that money is owed.
    """

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Loan]:
        for row in rows:
            owed = amount(row, "dueAmt", "borrowAmt", "curAmt", "amt")
            if owed and text(row, "state", "") not in ("3", "4"):
                yield loan(seen, f"{kind}-{text(row, 'ordId')}", text(row, "ccy"), owed=owed)

    return translate
