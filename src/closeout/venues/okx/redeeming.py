"""Redeem what earns, each product in its own way; an early end of dual investment has a price, asked for first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from closeout.facts.schema import Earn
from closeout.venues.base import Command, Moved, Quote, ReceiptState, Rejected
from closeout.venues.okx.desk import Desk, Done
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.products import CHAIN_CANCELLING, CHAIN_PENDING, CHAIN_REDEEMING, FIXED_FINAL
from closeout.venues.okx.values import ZERO, amount, text

DUAL_REDEEMED = frozenset({"pending_redeem", "redeemed"})
TOKENS = {"eth": "BETH", "sol": "OKSOL"}
OKUSD_LEAST, OKUSD_STEP = Decimal(1), Decimal("1e-8")
AT_ONCE, IN_DAYS = "1", "2"  # how OKUSD is redeemed; the first has a limit a day


def redeem(desk: Desk, command: Command) -> Done:
    """Redeem one product. Raises: Rejected ("app_products" where OKX offers no call), Failure."""
    (item,) = command.items
    kind, _, number = item.partition("-")
    way = KINDS.get(kind)
    if way is None:
        raise Rejected("app_products")
    return way(desk, number, command)


def _savings(desk: Desk, asset: str, _: Command) -> Done:
    whole = sum((amount(row, "amt") for row in desk.get("finance/savings/balance", ccy=asset)), ZERO)
    if whole:
        body = {"ccy": asset, "amt": f"{whole:f}", "side": "redempt"}
        desk.post("finance/savings/purchase-redempt", body)
    return Done(moved=(Moved("funding", asset, whole),))


def _fixed(desk: Desk, number: str, _: Command) -> Done:
    orders = desk.get("finance/simple-earn-fixed/order-list")
    states = {text(row, "state") for row in orders if text(row, "reqId", "") == number} - FIXED_FINAL
    if not states:
        return Done(notes={"detail": "already redeemed"})
    if states != {"pending"}:
        raise Rejected("no_early_redemption")
    desk.post("finance/simple-earn-fixed/redeem", {"reqId": number})
    return Done()


def _on_chain(desk: Desk, number: str, _: Command) -> Done:
    order = number.partition("-")[0]
    rows = [row for row in desk.get("finance/staking-defi/orders-active") if text(row, "ordId") == order]
    if not rows or text(rows[0], "state") in (CHAIN_REDEEMING, CHAIN_CANCELLING):
        return Done(ReceiptState.PENDING if rows else ReceiptState.DONE)
    path = "cancel" if text(rows[0], "state") == CHAIN_PENDING else "redeem"
    body = {"ordId": order, "protocolType": text(rows[0], "protocolType", "defi")}
    desk.post(f"finance/staking-defi/{path}", body)
    return Done(ReceiptState.PENDING)


def _liquid(chain: str) -> Callable[[Desk, str, Command], Done]:
    def way(desk: Desk, _: str, __: Command) -> Done:
        held = desk.held(TOKENS[chain])
        if held:
            desk.post(f"finance/staking-defi/{chain}/redeem", {"amt": f"{held:f}"})
        return Done(ReceiptState.PENDING)

    return way


def _auto_earn(desk: Desk, number: str, _: Command) -> Done:
    what, _dash, asset = number.partition("-")
    earn_type = "0" if what == "lending" else "1"
    desk.post("account/set-auto-earn", {"ccy": asset, "action": "turn_off", "earnType": earn_type})
    return Done()


def _okusd(desk: Desk, _: str, __: Command) -> Done:
    """Redeem at once; if today's limit for that is used up, in some days."""
    whole = sum((amount(row, "amt") for row in desk.get("finance/okusd/account")), ZERO)
    whole = whole.quantize(OKUSD_STEP, rounding=ROUND_DOWN)
    if whole < OKUSD_LEAST:
        raise Rejected("minimum")
    body = {"amt": f"{whole:f}", "redeemType": AT_ONCE, "clOrdId": desk.client_id}
    try:
        rows = desk.post("finance/okusd/redeem", body)
    except Failure as failed:
        if failed.kind is not Kind.OTHER:
            raise
        again = desk.client_id[:-1] + "d"  # OKX would only repeat its answer to a known number
        rows = desk.post("finance/okusd/redeem", body | {"redeemType": IN_DAYS, "clOrdId": again})
    settled = bool(rows) and text(rows[0], "state", "") == "success"
    return Done(ReceiptState.DONE if settled else ReceiptState.PENDING)


@dataclass(frozen=True)
class Price:
    """What an early end of dual investment would bring now, and what of the invested amount it costs."""

    number: str
    proceeds: Decimal
    penalty: Decimal


def _early(desk: Desk, item: str, asset: str) -> Price:
    """Ask what ending a dual investment now brings. Raises: Rejected("no_early_redemption"), Failure."""
    invested = sum(
        (row.amount for row in desk.looked.facts["earn"] if isinstance(row, Earn) and row.earn_id == item),
        ZERO,
    )
    try:
        rows = desk.post("finance/sfp/dcd/redeem-quote", {"ordId": item.partition("-")[2]})
    except Failure as failed:
        if failed.kind in (Kind.OTHER, Kind.ABSENT, Kind.REGION):
            raise Rejected("no_early_redemption", failed.detail) from failed
        raise
    if not rows or text(rows[0], "redeemCcy") != asset:
        raise Rejected("no_early_redemption")
    got = amount(rows[0], "redeemSz")
    return Price(text(rows[0], "quoteId"), got, max(invested - got, ZERO))


def _dual(desk: Desk, number: str, command: Command) -> Done:
    orders = desk.get("finance/sfp/dcd/order-history", ordId=number)
    if any(text(row, "ordId") == number and text(row, "state") in DUAL_REDEEMED for row in orders):
        return Done(ReceiptState.PENDING, notes={"detail": "already redeemed"})
    price = _early(desk, command.items[0], command.asset or "")
    if price.penalty > Decimal(command.params.get("penalty_most", "0")):
        raise Rejected("penalty")
    desk.post("finance/sfp/dcd/redeem", {"ordId": number, "quoteId": price.number})
    return Done(ReceiptState.PENDING, notes={"penalty": f"{price.penalty:f}"})


def quote(desk: Desk, command: Command) -> Quote:
    """Say what redeeming would do now; only dual investment has a price. Raises: Failure."""
    (item,) = command.items
    if not item.startswith("dual-"):
        return Quote(command, possible=True)
    try:
        price = _early(desk, item, command.asset or "")
    except Rejected as no:
        return Quote(command, possible=False, reason=no.reason)
    allowed = Decimal(command.params.get("penalty_most", "0"))
    return Quote(
        command, possible=price.penalty <= allowed, reason=None if price.penalty <= allowed else "penalty",
        proceeds=price.proceeds, proceeds_asset=command.asset, penalty=price.penalty, proceeds_wallet="funding",
    )  # fmt: skip


KINDS: Mapping[str, Callable[[Desk, str, Command], Done]] = {
    "savings": _savings, "fixed": _fixed, "chain": _on_chain, "eth": _liquid("eth"), "sol": _liquid("sol"),
    "auto": _auto_earn, "okusd": _okusd, "dual": _dual,
}  # fmt: skip
