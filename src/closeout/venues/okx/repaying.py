"""Repay what is owed, each kind of debt in its own way, and free what was pledged for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from closeout.venues.base import Command, Rejected
from closeout.venues.okx.desk import FUNDING, TRADING, Desk, Done
from closeout.venues.okx.values import ZERO, Raw, amount, amount_or_none, parts, text

SPOT, FUTURES = (
    "1",
    "2",
)  # account modes: borrowing by hand is of the first, the second repays no debt by converting
STABLE = ("USDT", "USDC")
AGAIN = {"detail": "already repaid"}


def repay_loan(desk: Desk, command: Command) -> Done:
    """Repay one debt. Raises: Rejected ("app_loans" for a kind that is not known), Failure."""
    (item,) = command.items
    kind, _, number = item.partition("-")
    repay = KINDS.get(kind)
    if repay is None:
        raise Rejected("app_loans")
    return repay(desk, number, command.asset or "", command.amount or ZERO)


def _flexible(desk: Desk, number: str, asset: str, most: Decimal) -> Done:
    order, _, place = number.partition("-")
    rows = desk.get("finance/flexible-loan/loan-info", ordId=order)
    lent = [part for row in rows for part in parts(row, "loanData") if text(part, "ccy") == asset]
    owed = sum((amount(part, "amt") for part in lent), start=ZERO)
    if not owed or place:
        _free(desk, order)
        return Done(notes=dict(AGAIN))
    paid = min(owed, most)
    body = {"ordId": order, "ccy": asset, "amt": f"{paid:f}", "clOrdId": desk.client_id}
    desk.post("finance/flexible-loan/repay", body)
    if paid == owed:
        _free(desk, order)
    return Done()


def _free(desk: Desk, order: str) -> None:
    """Take back what is still pledged for a loan of which nothing is owed any more. Raises: Failure."""
    for row in desk.get("finance/flexible-loan/loan-info", ordId=order):
        if any(amount(part, "amt") for part in parts(row, "loanData")):
            continue
        for part in parts(row, "collateralData"):
            pledged = amount(part, "amt")
            if pledged:
                desk.post(
                    "finance/flexible-loan/adjust-collateral",
                    {"ordId": order, "type": "reduce", "collateralCcy": text(part, "ccy"),
                     "collateralAmt": f"{pledged:f}"},
                )  # fmt: skip


def _vip(desk: Desk, number: str, asset: str, most: Decimal) -> Done:
    owed = _due(desk.get("account/vip-loan-order-list", ordId=number), number)
    if not owed:
        return Done(notes=dict(AGAIN))
    paid = min(_bring(desk, asset, min(owed, most)), owed)
    if paid <= 0:
        raise Rejected("insufficient")
    desk.post("account/borrow-repay", {"ordId": number, "ccy": asset, "side": "repay", "amt": f"{paid:f}"})
    return Done()


def _fixed(desk: Desk, number: str, asset: str, most: Decimal) -> Done:
    owed = _due(desk.get("account/fixed-loan/borrowing-orders-list", ordId=number), number)
    if not owed:
        return Done(notes=dict(AGAIN))
    _bring(desk, asset, min(owed, most))
    desk.post("account/fixed-loan/repay-borrowing-order", {"ordId": number})
    return Done()


def _due(rows: list[Raw], number: str) -> Decimal:
    owed = [
        amount(row, "dueAmt", "borrowAmt", "curAmt", "amt") for row in rows if text(row, "ordId") == number
    ]
    return sum(owed, start=ZERO)


def _liability(desk: Desk, asset: str, _: str, most: Decimal) -> Done:
    """Repay a debt of the trading account: what is brought there pays it, in spot mode by a call of its own."""
    rows = desk.get("account/balance", ccy=asset)
    details = [part for row in rows for part in parts(row, "details") if text(part, "ccy") == asset]
    owed = sum(
        (abs(amount(part, "liab")) + abs(amount_or_none(part, "interest") or ZERO) for part in details), ZERO
    )
    if not owed:
        return Done(notes=dict(AGAIN))
    brought = _bring(desk, asset, min(owed, most))
    mode = desk.looked.holder.account_mode
    if brought < owed:
        if mode == FUTURES:
            raise Rejected("insufficient")
        desk.post("trade/one-click-repay-v2", {"debtCcy": asset, "repayCcyList": _payers(desk, asset)})
    elif mode == SPOT:
        body = {"ccy": asset, "side": "repay", "amt": f"{owed:f}"}
        desk.post("account/spot-manual-borrow-repay", body)
    return Done()


def _payers(desk: Desk, asset: str) -> list[str]:
    """Return what OKX takes for the debt, stable coins first. Raises: Failure."""
    rows = desk.get("trade/one-click-repay-currency-list-v2")
    offered = {
        text(part, "repayCcy")
        for row in rows
        for part in parts(row, "repayData")
        if amount(part, "repayAmt") > 0
    }
    return sorted(offered - {asset}, key=lambda ccy: (ccy not in STABLE, ccy)) or [STABLE[0]]


def _bring(desk: Desk, asset: str, wanted: Decimal) -> Decimal:
    """Move up to ``wanted`` from funding to trading and return how much. Raises: Failure."""
    bring = min(desk.held(asset), wanted)
    if bring > 0:
        desk.transfer(asset, bring, source=FUNDING, target=TRADING)
    return bring


def repay_position(desk: Desk, row: Raw) -> None:
    """Repay what an isolated margin position still owes although its quantity is zero. Raises: Failure."""
    owed = abs(amount(row, "liab"))
    body = {"instId": text(row, "instId"), "ccy": text(row, "liabCcy"), "side": "repay", "amt": f"{owed:f}"}
    desk.post("account/quick-margin-borrow-repay", body)


KINDS: Mapping[str, Callable[[Desk, str, str, Decimal], Done]] = {
    "flexible": _flexible, "vip": _vip, "fixed": _fixed, "liab": _liability,
}  # fmt: skip
