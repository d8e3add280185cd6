"""Orders, positions, bots and C2C orders of Binance, one pure function per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from closeout.facts.schema import ApiKey, OpenOrder, P2pOrder, Position, Rebate
from closeout.venues.okx.seen import Seen, exact
from closeout.venues.okx.values import (
    ZERO,
    Raw,
    Unreadable,
    amount,
    amount_or_none,
    flag,
    instant,
    instant_or_none,
    text,
)

# The quote assets of Binance's pairs, longer names first; a symbol does not say where its base ends.
QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BIDR", "BUSD", "BTC", "ETH", "BNB", "TRY", "EUR", "BRL", "JPY", "MXN",
          "USD1", "PLN", "RON", "ARS", "ZAR", "IDR", "UAH", "COP", "CZK", "DAI", "XRP", "DOGE", "SOL",
          "USD")  # fmt: skip
C2C_OVER = frozenset({"COMPLETED", "CANCELLED", "CANCELLED_BY_SYSTEM"})
C2C_STATES = {
    "PENDING": "open", "TRADING": "open", "BUYER_PAYED": "paid", "DISTRIBUTING": "paid", "IN_APPEAL": "paid",
}  # fmt: skip


def split(symbol: str) -> tuple[str, str]:
    """Return base and quote of a symbol; the whole symbol as both if no known quote ends it."""
    pair = symbol.partition("_")[0]
    for quote in QUOTES:
        if pair.endswith(quote) and pair != quote:
            return pair.removesuffix(quote), quote
    return pair, pair


def orders(kind: str, prefix: str = "") -> Callable[[Sequence[Raw], Seen], Iterator[OpenOrder]]:
    """Return the translation of a list of open orders; ``prefix`` keeps the numbers of two books apart."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
        for row in rows:
            base, quote = split(text(row, "symbol"))
            left = max(amount(row, "origQty", "quantity", "totalQty")
                       - (amount_or_none(row, "executedQty") or ZERO), ZERO)  # fmt: skip
            price = amount_or_none(row, "price") or ZERO
            selling = text(row, "side").upper() == "SELL"
            spot = kind in ("limit", "margin")
            stop = bool(amount_or_none(row, "stopPrice"))
            yield OpenOrder(
                account_id=seen.account_id,
                order_id=prefix + text(row, "orderId"),
                kind="trigger" if kind == "limit" and stop else kind,
                instrument=text(row, "symbol"),
                asset=base if selling and spot else quote,
                locked=ZERO if not spot else left if selling else exact(left * price),
                placed_at=instant(row, "time", "createTime", "updateTime"),
            )

    return translate


def algo_orders(prefix: str) -> Callable[[Sequence[Raw], Seen], Iterator[OpenOrder]]:
    """Return the translation of algo orders: TWAP, VP and the conditional orders of futures."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
        for row in rows:
            base, quote = split(text(row, "symbol"))
            yield OpenOrder(
                account_id=seen.account_id,
                order_id=f"{prefix}-{text(row, 'algoId')}",
                kind="trigger",
                instrument=text(row, "symbol"),
                asset=base if text(row, "side").upper() == "SELL" else quote,
                locked=ZERO,
                placed_at=instant(row, "bookTime", "createTime", "time", "updateTime"),
            )

    return translate


def conditional_orders(rows: Sequence[Raw], seen: Seen) -> Iterator[OpenOrder]:
    """Read ``papi/v1/um/conditional/openOrders``: they are numbered by strategy."""
    return algo_orders("papi-conditional")([{**row, "algoId": text(row, "strategyId")} for row in rows], seen)


def positions(kind: str, prefix: str) -> Callable[[Sequence[Raw], Seen], Iterator[Position]]:
    """Return the translation of a list of positions; what is zero is no position."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Position]:
        for row in rows:
            quantity = amount(row, "positionAmt", "quantity")
            if not quantity:
                continue
            symbol = text(row, "symbol")
            side = text(row, "positionSide", "") or text(row, "side", "")
            if side == "SHORT" and quantity > 0:
                quantity = -quantity
            dated = "_" in symbol and not symbol.endswith("_PERP")
            yield Position(
                account_id=seen.account_id,
                position_id=f"{prefix}-{symbol}" + (f"-{side}" if side not in ("", "BOTH") else ""),
                kind="futures" if kind == "swap" and dated else kind,
                instrument=symbol,
                quantity=quantity,
                settlement_pending=False,
                settles_at=instant_or_none(row, "expiryDate"),
                asset=text(row, "marginAsset", "") or text(row, "quoteAsset", "") or split(symbol)[1],
                unrealised=_first(row, "unRealizedProfit", "unrealizedProfit", "unrealizedPNL"),
            )

    return translate


def _first(row: Raw, *names: str) -> Decimal:
    return next((value for name in names if (value := amount_or_none(row, name)) is not None), ZERO)


def plans(rows: Sequence[Raw], seen: Seen) -> Iterator[ApiKey]:
    """Read ``lending/auto-invest/plan/list``: a plan that is not paused or removed buys for the holder."""
    for row in rows:
        if text(row, "status") not in ("PAUSED", "REMOVED"):
            yield ApiKey(
                account_id=seen.account_id, key_id=f"plan-{text(row, 'planId')}", kind="bot",
                label=f"auto-invest {text(row, 'targetAsset', '')}".strip(), can_trade=True,
            )  # fmt: skip


def lead_trader(rows: Sequence[Raw], seen: Seen) -> Iterator[Rebate]:
    """Read ``copyTrading/futures/userStatus``: a lead trader has a profit-sharing contract."""
    for row in rows:
        said = row.get("data")
        if not isinstance(said, dict):
            raise Unreadable("field data is not an object")
        if flag(said, "isLeadTrader"):
            yield Rebate(
                account_id=seen.account_id, rebate_id="lead-futures", kind="contract", state="open", asset=None,
                amount=None,
            )  # fmt: skip


def c2c(rows: Sequence[Raw], seen: Seen) -> Iterator[P2pOrder]:
    """Read ``c2c/orderMatch/listUserOrderHistory``: orders that have not ended, appeals named as such.

    Raises: Unreadable for a state that is not documented: it may be an order that is open.
    """
    for row in rows:
        state = text(row, "orderStatus")
        if state in C2C_OVER:
            continue
        if state not in C2C_STATES:
            raise Unreadable(f"C2C order in state {state!r}")
        yield P2pOrder(
            account_id=seen.account_id, p2p_id=text(row, "orderNumber"), state=C2C_STATES[state],
            appeal="open" if state == "IN_APPEAL" else "none", asset=text(row, "asset"), amount=amount(row, "amount"),
            expires_at=None,
        )  # fmt: skip
