"""Orders and positions: placing, cancelling, filling, closing, settling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from closeout.venues.base import Command, Quote, ReceiptState, Rejected
from closeout.venues.sandbox import exiting
from closeout.venues.sandbox.ledger import (
    Cursor,
    Place,
    Work,
    ceiling,
    floor,
    limit,
    numbers,
    one,
    single,
    times,
)  # fmt: skip

MARGIN_RATE = Decimal("0.1")  # of the value of an order for a derivative
IMPACT_AT_DEPTH = Decimal("0.01")  # share of the price, for a quantity as large as the instrument's depth
ORDERS_MAX = 20


@dataclass(frozen=True)
class Order:
    """An order to be placed. ``key_id`` is the bot or key that places it."""

    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    kind: str = "limit"
    key_id: int | None = None


def place(work: Work, order: Order) -> int:
    """Place an order and lock what it needs in the trading wallet; return its number.

    Raises: Rejected("not_found", "restricted" by an exit), psycopg.Error by the ledger.
    """
    _demand_allowed(work, order)
    work.cursor.execute(
        "select i.base, i.quote, i.kind, a.scale from sandbox.instrument as i "
        "join sandbox.asset as a on a.asset = case when i.kind = 'spot' and %s = 'sell' then i.base else i.quote end "
        "where i.instrument = %s",
        (order.side, order.instrument),
    )
    base, quote, kind, scale = one(work.cursor)
    value = times(order.quantity, order.price)
    if kind != "spot":
        asset, locked = quote, ceiling(times(value, MARGIN_RATE), scale)
    elif order.side == "sell":
        asset, locked = base, order.quantity
    else:
        asset, locked = quote, ceiling(value, scale)
    trading = Place(work.account_id, "trading", asset)
    work.move(trading, Place(work.account_id, "trading", asset, "locked"), locked)
    work.cursor.execute(
        "insert into sandbox.trade_order (account_id, kind, instrument, side, asset, quantity, price, locked, "
        "key_id, placed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning order_id",
        (work.account_id, order.kind, order.instrument, order.side, asset, order.quantity, order.price, locked,
         order.key_id, work.now),
    )  # fmt: skip
    return int(one(work.cursor)[0])


def _demand_allowed(work: Work, order: Order) -> None:
    """Refuse what an exit has ended: every order, or those that do not reduce. Raises: Rejected("restricted")."""
    level = exiting.level_of(work.cursor, work.account_id)
    if level < exiting.LEVELS["reduce_only"]:
        return
    work.cursor.execute(
        "select i.kind = 'spot', coalesce((select sum(p.quantity) from sandbox.position as p "
        "where p.account_id = %s and p.instrument = i.instrument and p.state = 'open'), 0) "
        "from sandbox.instrument as i where i.instrument = %s",
        (work.account_id, order.instrument),
    )
    spot, quantity = one(work.cursor)
    against = quantity > 0 if order.side == "sell" else quantity < 0
    reduces = order.side == "sell" if spot else against and order.quantity <= abs(quantity)
    if level > exiting.LEVELS["reduce_only"] or not reduces:
        raise Rejected("restricted")


def cancel(work: Work, command: Command) -> None:
    """Cancel up to 20 orders; one that is gone already is not an error. Raises: Rejected("not_found")."""
    wanted = numbers(command.items)
    if len(wanted) > ORDERS_MAX:
        raise Rejected("limit", f"one command cancels {ORDERS_MAX} orders at most")
    work.cursor.execute(
        "select count(*) from sandbox.trade_order where account_id = %s and order_id = any(%s)",
        (work.account_id, wanted),
    )
    if one(work.cursor)[0] != len(set(wanted)):
        raise Rejected("not_found")
    cancelled = cancel_open(work, wanted)
    work.notes["cancelled"] = str(cancelled)


def cancel_open(work: Work, order_ids: list[int] | None = None) -> int:
    """Cancel those orders that are still open, or all; free what they lock; return how many they were."""
    work.cursor.execute(
        "with gone as (update sandbox.trade_order as o set state = 'cancelled', ended_at = %s, locked = 0 "
        "from (select order_id, locked from sandbox.trade_order where account_id = %s and state = 'open' "
        "and (%s::bigint[] is null or order_id = any(%s)) for update) as was "
        "where o.order_id = was.order_id returning o.asset, was.locked) "
        "select asset, sum(locked), count(*) from gone group by asset order by asset",
        (work.now, work.account_id, order_ids, order_ids),
    )
    freed = work.cursor.fetchall()
    for asset, locked, _ in freed:
        trading = Place(work.account_id, "trading", asset)
        work.move(Place(work.account_id, "trading", asset, "locked"), trading, locked)
    return sum(count for _, _, count in freed)


@dataclass(frozen=True)
class Closing:
    """What closing a position at the market means now."""

    position_id: int
    instrument: str
    kind: str
    quantity: Decimal
    asset: str
    mark: Decimal
    price: Decimal
    result: Decimal  # profit or loss, in ledger units
    margin: Decimal
    settles_at: datetime
    priced_at: datetime


def closing_of(cursor: Cursor, command: Command, now: datetime) -> Closing:
    """Price the closing of the position of ``command``. Raises: Rejected("not_found")."""
    cursor.execute(
        "select p.position_id, p.instrument, p.kind, p.quantity, p.entry_price, p.asset, p.margin, "
        "i.mark, i.spread, i.depth, i.settlement_minutes, a.scale, a.priced_at "
        "from sandbox.position as p join sandbox.instrument as i using (instrument) "
        "join sandbox.asset as a on a.asset = p.asset "
        "where p.account_id = %s and p.position_id = %s and p.state = 'open'",
        (command.account_id, single(command)),
    )
    (
        number,
        instrument,
        kind,
        quantity,
        entry,
        asset,
        margin,
        mark,
        spread,
        depth,
        minutes,
        scale,
        priced_at,
    ) = one(cursor)
    worse = spread + abs(quantity) / depth * IMPACT_AT_DEPTH
    price = floor(times(mark, 1 - worse if quantity > 0 else 1 + worse), 12)
    return Closing(
        number, instrument, kind, quantity, asset, mark, price, floor(times(price - entry, quantity), scale),
        margin, now + timedelta(minutes=minutes), priced_at,
    )  # fmt: skip


def slips(command: Command, price: Decimal, *, selling: bool) -> bool:
    """Return whether ``price`` is worse than ``command`` allows."""
    bound = limit(command, "price_least" if selling else "price_most")
    return bound is not None and (price < bound if selling else price > bound)


def close_position(work: Work, command: Command) -> None:
    """Close one position at the market; its result posts when it settles.

    Raises: Rejected("not_found", "slippage").
    """
    closing = closing_of(work.cursor, command, work.now)
    if slips(command, closing.price, selling=closing.quantity > 0):
        raise Rejected("slippage")
    work.cursor.execute(
        "update sandbox.position set quantity = 0, state = 'settling', pending = %s, settles_at = %s "
        "where position_id = %s",
        (closing.result, closing.settles_at, closing.position_id),
    )
    work.cursor.execute(
        "insert into sandbox.trade (account_id, position_id, instrument, side, quantity, price, fee_asset, traded_at) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (work.account_id, closing.position_id, closing.instrument, "sell" if closing.quantity > 0 else "buy",
         abs(closing.quantity), closing.price, closing.asset, work.now),
    )  # fmt: skip
    work.notes["price"] = f"{closing.price:f}"
    if closing.settles_at <= work.now:
        settle_position(work, closing.position_id)
    else:
        work.state = ReceiptState.PENDING
        work.notes["settles_at"] = closing.settles_at.isoformat()


def settle_position(work: Work, position_id: int) -> None:
    """Free the margin of a closed position and post its profit or loss; a loss never takes more than there is."""
    work.cursor.execute(
        "update sandbox.position as p set state = 'settled' where position_id = %s and state = 'settling' "
        "returning p.asset, p.margin, p.pending",
        (position_id,),
    )
    row: tuple[Any, ...] | None = work.cursor.fetchone()
    if row is None:
        return
    asset, margin, result = row
    trading = Place(work.account_id, "trading", asset)
    work.move(Place(work.account_id, "trading", asset, "locked"), trading, margin)
    if result > 0:
        work.move(trading.house("market"), trading, result)
    elif result < 0:
        work.sweep(trading, trading.house("market"), -result)


def quote_close(cursor: Cursor, command: Command, now: datetime) -> Quote:
    """Say what closing the position would bring."""
    closing = closing_of(cursor, command, now)
    slipping = slips(command, closing.price, selling=closing.quantity > 0)
    return Quote(
        command, not slipping, "slippage" if slipping else None, price=closing.price, price_at=closing.priced_at,
        proceeds=closing.result + closing.margin, proceeds_asset=closing.asset, mark=closing.mark,
        done_at=closing.settles_at if closing.settles_at > now else None, proceeds_wallet="trading",
        quantity=closing.quantity,
    )  # fmt: skip


def fill(work: Work, order_id: int, quantity: Decimal) -> None:
    """Execute part of a spot order at its price: what was locked goes out, what was bought comes in.

    Raises: Rejected("not_found") if so much is not open any more.
    """
    work.cursor.execute(
        "select o.side, o.quantity - o.filled, o.price, o.locked, o.asset, i.base, i.quote, i.instrument, a.scale "
        "from sandbox.trade_order as o join sandbox.instrument as i using (instrument) "
        "join sandbox.asset as a on a.asset = i.quote "
        "where o.account_id = %s and o.order_id = %s and o.state = 'open' and i.kind = 'spot' for update of o",
        (work.account_id, order_id),
    )
    side, left, price, locked, asset, base, quote, instrument, scale = one(work.cursor)
    if not 0 < quantity <= left:
        raise Rejected("not_found")
    value = floor(times(quantity, price), scale)
    spent, gained = (quantity, value) if side == "sell" else (min(locked, ceiling(value, scale)), quantity)
    trading = Place(work.account_id, "trading", base if side == "buy" else quote)
    work.move(
        Place(work.account_id, "trading", asset, "locked"),
        Place(work.account_id, "market", asset, owner="house"),
        spent,
    )
    work.move(trading.house("market"), trading, gained)
    whole = quantity == left
    if whole:  # what rounding left locked is free again
        rest = Place(work.account_id, "trading", asset, "locked")
        work.move(rest, Place(work.account_id, "trading", asset), locked - spent)
    work.cursor.execute(
        "update sandbox.trade_order set filled = filled + %s, locked = %s, state = %s, ended_at = %s "
        "where order_id = %s",
        (
            quantity,
            0 if whole else locked - spent,
            "filled" if whole else "open",
            work.now if whole else None,
            order_id,
        ),
    )
    work.cursor.execute(
        "insert into sandbox.trade (account_id, order_id, instrument, side, quantity, price, fee_asset, entry_id, "
        "traded_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            work.account_id,
            order_id,
            instrument,
            side,
            quantity,
            price,
            trading.asset,
            work.entry_id,
            work.now,
        ),
    )
