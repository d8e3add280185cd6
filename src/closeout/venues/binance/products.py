"""Products that earn, loans, and money on its way at Binance, one pure function per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from closeout.facts.schema import Earn, Loan, Transfer
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import (
    ZERO,
    Raw,
    Unreadable,
    amount,
    amount_or_none,
    flag,
    instant_or_none,
    text,
)
from closeout.venues.okx.wallets import loan

LOCKED_REDEEMING = frozenset({"REDEEMING", "NEW_TRANSFERRING"})
LOCKED_OVER = frozenset({"PAID", "REDEEMED"})
REDEEMED = frozenset({"SUCCESS", "FAILED"})
DUAL_OVER = frozenset({"SETTLED", "PURCHASE_FAIL", "REFUND_SUCCESS"})
DEPOSIT_FINAL, DEPOSIT_REJECTED = "1", "2"
DEPOSIT_STATES = frozenset({"0", "1", "2", "6", "7", "8"})
DEPOSIT_STUCK = frozenset({"7"})  # a wrong deposit: support ends it
WITHDRAWAL_FINAL = frozenset({"1", "3", "5", "6"})  # cancelled, rejected, failed, completed
FIAT_FINAL = frozenset({
    "expired", "failed", "successful", "completed", "finished", "refunded", "rejected", "cancelled",
})  # fmt: skip


def _earn(
    seen: Seen, earn_id: str, *, kind: str, product: str, asset: str, value: Decimal, redeemable: bool = True,
    matures_at: datetime | None = None, redeeming: bool = False, auto_renew: bool = False,
) -> Earn:  # fmt: skip
    return Earn(
        account_id=seen.account_id, earn_id=earn_id, kind=kind, product=product, asset=asset, amount=value,
        redeemable=redeemable, matures_at=matures_at, redeeming=redeeming, auto_renew=auto_renew,
    )  # fmt: skip


def flexible(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``simple-earn/flexible/position``; what secures a loan cannot be redeemed."""
    for row in rows:
        whole, pledged = amount(row, "totalAmount"), amount_or_none(row, "collateralAmount") or ZERO
        if whole or pledged:
            yield _earn(
                seen, f"flexible-{text(row, 'productId')}", kind="flexible", product="Simple Earn Flexible",
                asset=text(row, "asset"), value=whole, redeemable=flag(row, "canRedeem", default=True),
            )  # fmt: skip


def locked(kind: str, product: str) -> Callable[[Sequence[Raw], Seen], Iterator[Earn]]:
    """Return the translation of ``simple-earn`` or ``onchain-yields/locked/position``: its day, and whether it renews.

    ``type`` says how the order came to be; ``autoSubscribe`` is what will happen on its day. A part that is being
    redeemed is a row of its own.
    """

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
        for row in rows:
            state = text(row, "status", "HOLDING")
            if state in LOCKED_OVER:
                continue
            number, asset, redeeming = text(row, "positionId"), text(row, "asset"), state in LOCKED_REDEEMING
            name = f"{product} {text(row, 'duration', '')} days"
            yield _earn(
                seen, f"{kind}-{number}", kind="fixed", product=name, asset=asset, value=amount(row, "amount"),
                redeemable=flag(row, "canRedeemEarly") and not redeeming,
                matures_at=instant_or_none(row, "deliverDate") or instant_or_none(row, "rewardsEndDate"),
                redeeming=redeeming, auto_renew=flag(row, "autoSubscribe"),
            )  # fmt: skip
            part = amount_or_none(row, "redeemingAmt") or ZERO
            if part and not redeeming:
                yield _earn(
                    seen, f"{kind}-{number}-part", kind="fixed", product=name, asset=asset, value=part,
                    redeemable=False, redeeming=True, matures_at=instant_or_none(row, "partialAmtDeliverDate"),
                )  # fmt: skip

    return translate


def unstaking(chain: str) -> Callable[[Sequence[Raw], Seen], Iterator[Earn]]:
    """Return the translation of redemptions of staked ETH or SOL that are on their way."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
        for row in rows:
            if text(row, "status") in REDEEMED:
                continue
            yield _earn(
                seen, f"{chain}-redeem-{text(row, 'redeemId', '') or text(row, 'time')}", kind="staking",
                product=f"{chain.upper()} staking", asset=text(row, "distributeAsset", "") or text(row, "asset"),
                value=amount(row, "distributeAmount", "amount"), redeemable=False, redeeming=True,
                matures_at=instant_or_none(row, "arrivalTime"),
            )  # fmt: skip

    return translate


def dual(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read ``dci/product/positions``: dual investment that has not ended."""
    for row in rows:
        state = text(row, "purchaseStatus")
        if state not in DUAL_OVER:
            yield _earn(
                seen, f"dual-{text(row, 'id')}", kind="structured", product="Dual Investment",
                asset=text(row, "investCoin"), value=amount(row, "subscriptionAmount"), redeemable=False,
                matures_at=instant_or_none(row, "settleDate"), redeeming=state in ("SETTLING", "REFUNDING"),
                auto_renew=text(row, "autoCompoundPlan", "NONE") not in ("NONE", "NULL", ""),
            )  # fmt: skip


def loans(kind: str) -> Callable[[Sequence[Raw], Seen], Iterator[Loan]]:
    """Return the translation of a list of crypto loans that run."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Loan]:
        for row in rows:
            asset, pledged = text(row, "loanCoin"), text(row, "collateralCoin", "")
            interest = amount_or_none(row, "residualInterest") or ZERO
            number = text(row, "orderId", "") or f"{asset}-{pledged}"
            pledge = amount_or_none(row, "collateralAmount")
            yield loan(
                seen, f"{kind}-{number}", asset, owed=max(amount(row, "totalDebt") - interest, ZERO), interest=interest,
                pledge=(pledged, pledge) if pledge else None,
            )  # fmt: skip

    return translate


def deposits(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``capital/deposit/hisrec``: what is not final; a wrong deposit only support ends.

    Raises: Unreadable for a state that is not documented.
    """
    for row in rows:
        state = text(row, "status")
        if state not in DEPOSIT_STATES:
            raise Unreadable(f"deposit in state {state!r}")
        if state not in (DEPOSIT_FINAL, DEPOSIT_REJECTED):
            yield _transfer(
                seen, f"deposit-{text(row, 'id', '') or text(row, 'txId')}", "deposit", text(row, "coin"),
                amount(row, "amount"), disputed=state in DEPOSIT_STUCK,
            )  # fmt: skip


def withdrawals(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``capital/withdraw/history``: every state that is not a documented end is in flight."""
    for row in rows:
        if text(row, "status") not in WITHDRAWAL_FINAL:
            yield _transfer(
                seen, f"withdrawal-{text(row, 'id')}", "withdrawal", text(row, "coin"), amount(row, "amount")
            )


def fiat(kind: str) -> Callable[[Sequence[Raw], Seen], Iterator[Transfer]]:
    """Return the translation of ``fiat/orders``; ``kind`` is fiat_in or fiat_out."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
        for row in rows:
            if text(row, "status").lower() not in FIAT_FINAL:
                yield _transfer(
                    seen, f"fiat-{text(row, 'orderNo')}", kind, text(row, "fiatCurrency"),
                    amount(row, "indicatedAmount", "amount"),
                )  # fmt: skip

    return translate


def _transfer(
    seen: Seen, number: str, kind: str, asset: str, value: Decimal, *, disputed: bool = False
) -> Transfer:
    return Transfer(
        account_id=seen.account_id, transfer_id=number, kind=kind, asset=asset, amount=value, final=False,
        disputed=disputed, expected_at=None,
    )  # fmt: skip
