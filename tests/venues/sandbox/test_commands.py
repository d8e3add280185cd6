"""Every command: what it moves, and every reason for which it is refused, after which nothing has moved."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.venues.sandbox.conftest import START, Exchange

from closeout.venues import commands
from closeout.venues.base import Act, Command, Moved, ReceiptState, Remedy
from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import Room

TO_USDT = {"to_asset": "USDT"}


def number_of(exchange: Exchange, table: str, column: str, room: Room) -> int:
    return int(
        exchange.one(f"select max({column}) from sandbox.{table} where account_id = %s", room.account_id)
    )


def test_orders_are_cancelled_and_free_what_they_lock(exchange: Exchange) -> None:
    """R-CHK-3, R-CLR-1: twenty in one command; one that is gone already is no error, a foreign one is."""
    room = exchange.room()
    room.put("USDT", "1000", "trading")
    orders = [str(room.order("BTC-USDT", "buy", "0.001", "50000")) for _ in range(3)]
    world.fill(exchange.connection, room.account_id, int(orders[0]), Decimal("0.0004"))
    assert exchange.available(room.account_id, "USDT", "trading") == 850
    receipt = exchange.do(commands.cancel_orders(room.account_id, orders))
    assert (receipt.state, receipt.notes) == (ReceiptState.DONE, {"cancelled": "3"})
    assert exchange.available(room.account_id, "USDT", "trading") == 980  # 20 were spent by the partial fill
    assert exchange.available(room.account_id, "BTC", "trading") == Decimal("0.0004")
    assert exchange.do(commands.cancel_orders(room.account_id, orders)).notes == {"cancelled": "0"}
    stranger = exchange.room()
    assert exchange.do(commands.cancel_orders(stranger.account_id, orders)).reason == "not_found"
    many = Command(kind=Remedy.CANCEL_ORDERS, account_id=room.account_id, items=tuple(map(str, range(1, 22))))
    assert exchange.do(many).reason == "limit"


@pytest.mark.parametrize("item", ["", "x", "1e3", "-1", "9" * 30, "１２", "1; drop table x"])
def test_an_item_that_is_no_number_is_not_found(exchange: Exchange, item: str) -> None:
    """Whatever comes from outside is refused with a code, never with a fault of the database."""
    room = exchange.room()
    for kind in (
        Remedy.CANCEL_ORDERS,
        Remedy.REDEEM,
        Remedy.CLOSE_POSITION,
        Remedy.REPAY_LOAN,
        Remedy.REVOKE_KEY,
    ):
        command = Command(kind=kind, account_id=room.account_id, items=(item,))
        assert exchange.do(command).reason == "not_found"
        assert exchange.venue.quote([command])[0].possible in (
            False,
            kind in (Remedy.CANCEL_ORDERS, Remedy.REVOKE_KEY),
        )


def test_a_position_settles_after_it_is_closed(exchange: Exchange) -> None:
    """R-CHK-4, hard cases 7 and 8: its result posts a minute later, and until then it is a fact."""
    room = exchange.room()
    room.put("USDT", "1000", "trading")
    room.position("swap", "BTC-USDT-SWAP", "0.1", "59000", "900")
    position = str(number_of(exchange, "position", "position_id", room))
    quote = exchange.venue.quote([commands.close_position(room.account_id, position)])[0]
    assert quote.price is not None
    assert quote.mark == 60000
    assert quote.price < quote.mark
    receipt = exchange.do(commands.close_position(room.account_id, position, price_least=quote.price))
    assert receipt.state is ReceiptState.PENDING
    pending = exchange.one(
        "select settlement_pending from facts.position where account_id = %s", room.account_id
    )
    assert pending is True
    exchange.later(minutes=1)
    result = (quote.price - 59000) * Decimal("0.1")
    assert exchange.available(room.account_id, "USDT", "trading") == 1000 + result.quantize(
        Decimal("0.000001")
    )
    assert exchange.do(commands.close_position(room.account_id, position)).reason == "not_found"


def test_a_sale_beyond_the_limit_stops(exchange: Exchange) -> None:
    """R-CLR-7, hard case 9: nothing is sold, and the quote says so before."""
    room = exchange.room()
    room.put("USDT", "2000", "trading")
    room.position("swap", "SHIB-USDT-SWAP", "5000000", "0.000011", "1500")
    position = str(number_of(exchange, "position", "position_id", room))
    command = commands.close_position(room.account_id, position, price_least=Decimal("0.0000098"))
    assert exchange.venue.quote([command])[0].reason == "slippage"
    assert exchange.do(command).reason == "slippage"
    assert (
        exchange.one("select quantity from facts.position where account_id = %s", room.account_id)
        == 5_000_000
    )
    short = exchange.room()
    short.put("USDT", "500", "trading")
    short.position("margin", "ETH-USDT-MARGIN", "-1", "3100", "300")
    position = str(number_of(exchange, "position", "position_id", short))
    command = commands.close_position(short.account_id, position, price_most=Decimal(3000))
    assert exchange.do(command).reason == "slippage"


def test_a_loan_is_repaid_with_interest_to_the_second(exchange: Exchange) -> None:
    """R-CHK-5, hard case 12: interest grows while one looks; only what is owed is taken; the collateral is free."""
    room = exchange.room()
    room.put("BTC", "0.1")
    room.loan("USDT", "1000", "BTC", "0.05", days=10)
    loan = str(number_of(exchange, "loan", "loan_id", room))
    assert exchange.one("select interest from facts.loan where account_id = %s", room.account_id) == Decimal(
        "2.4"
    )
    world.pass_time(exchange.connection, timedelta(seconds=1800))
    assert exchange.one("select interest from facts.loan where account_id = %s", room.account_id) == Decimal(
        "2.405"
    )
    repay = commands.repay_loan(room.account_id, loan, asset="USDT", most=Decimal(1002))
    assert exchange.do(repay).reason == "over_limit"
    repay = commands.repay_loan(room.account_id, loan, asset="USDT", most=Decimal(1003))
    assert exchange.do(repay).reason == "insufficient"
    room.put("USDT", "3", "trading")
    receipt = exchange.do(repay)
    assert receipt.moved == (
        Moved("funding", "USDT", Decimal(-1000)), Moved("trading", "USDT", Decimal("-2.405")),
    )  # fmt: skip
    assert exchange.available(room.account_id, "BTC") == Decimal("0.1")
    assert exchange.do(repay).reason == "not_found"


def test_products_are_redeemed_with_their_rewards(exchange: Exchange) -> None:
    """R-CHK-6, hard cases 10 and 11: at once, with a penalty, after unbonding, or not before the date."""
    room = exchange.room()
    room.put("USDT", "1000")
    room.put("SOL", "5")
    room.earn("Simple Earn USDT", "300")
    room.earn("Fixed 30 USDT", "200", matures_in=10, auto_renew=True)
    room.earn("DeFi USDT", "100")
    room.earn("Stake SOL", "5", matures_in=9)
    rows = exchange.connection.execute(
        "select earn_id::varchar, asset from sandbox.earn where account_id = %s order by earn_id",
        (room.account_id,),
    ).fetchall()
    flexible, fixed, unbonding, locked = [
        commands.redeem(room.account_id, number, asset=asset) for number, asset in rows
    ]
    assert exchange.do(locked).reason == "no_early_redemption"
    assert exchange.do(fixed).reason == "penalty"
    assert exchange.venue.quote([fixed])[0].penalty == 1
    world.pass_time(exchange.connection, timedelta(days=2))
    assert exchange.do(flexible).moved == (
        Moved("earn", "USDT", Decimal(-300)),
        Moved("funding", "USDT", Decimal("300.06")),
    )
    assert exchange.do(commands.stop_renewal(room.account_id, rows[1][0])).reason is None
    paid = exchange.do(commands.redeem(room.account_id, rows[1][0], asset="USDT", penalty_most=Decimal(1)))
    assert paid.notes == {"penalty": "1.000000"}
    assert exchange.do(unbonding).state is ReceiptState.PENDING
    assert exchange.do(unbonding).reason == "not_found"
    exchange.later(days=1)
    assert exchange.one("select count(*) from facts.earn where account_id = %s", room.account_id) == 1
    exchange.later(days=6)
    assert exchange.one("select count(*) from facts.earn where account_id = %s", room.account_id) == 0
    assert exchange.available(room.account_id, "SOL") > 5


def test_gathering_sweeps_without_reading_first(exchange: Exchange) -> None:
    """R-CLR-1: one asset, all of a wallet, a sub-account to its main account; never to a stranger."""
    room, stranger = exchange.room(), exchange.room()
    room.put("USDT", "5", "trading")
    room.put("BTC", "0.1", "trading")
    sub = room.sub("one")
    sub.put("USDT", "7", "trading")
    assert exchange.do(commands.gather(room.account_id, asset="USDT", wallet="trading")).moved == (
        Moved("funding", "USDT", Decimal(5)), Moved("trading", "USDT", Decimal(-5)),
    )  # fmt: skip
    assert exchange.do(commands.gather(room.account_id, asset="USDT", wallet="trading")).moved == ()
    everything = Command(kind=Remedy.GATHER, account_id=room.account_id, params={"wallet": "trading"})
    assert exchange.do(everything).reason is None
    assert exchange.available(room.account_id, "BTC") == Decimal("0.1")
    away = commands.gather(sub.account_id, asset="USDT", wallet="trading", to_account=stranger.account_id)
    assert exchange.do(away).reason == "not_found"
    home = commands.gather(sub.account_id, asset="USDT", wallet="trading", to_account=room.account_id)
    assert exchange.do(home).moved == (Moved("trading", "USDT", Decimal(-7)),)
    assert exchange.available(room.account_id, "USDT") == 12
    part = commands.gather(room.account_id, asset="USDT", wallet="trading", amount=Decimal(1))
    assert exchange.do(part).reason == "insufficient"


def test_dust_is_converted_at_the_price_of_the_table(exchange: Exchange) -> None:
    """R-CLR-2, hard cases 5 and 6: unpriced and delisted have no price, and no price is not zero."""
    room = exchange.room()
    for asset, amount in (("DOGE", "3.5"), ("GHOST", "3"), ("LUNC", "9"), ("TRX", "0.000001")):
        room.put(asset, amount)
    command = commands.convert(
        room.account_id, asset="DOGE", amount=None, to_asset="USDT", price_least=Decimal("0.07")
    )
    quote = exchange.venue.quote([command])[0]
    assert (quote.price, quote.proceeds, quote.fee) == (
        Decimal("0.08"),
        Decimal("0.27944"),
        Decimal("0.00056"),
    )
    assert exchange.do(command).moved == (
        Moved("funding", "DOGE", Decimal("-3.5")), Moved("funding", "USDT", Decimal("0.27944")),
    )  # fmt: skip
    assert exchange.do(command).moved == ()
    for asset, reason in (
        ("GHOST", "no_price"),
        ("LUNC", "delisted"),
        ("TRX", "minimum"),
        ("NONE", "not_found"),
    ):
        command = commands.convert(room.account_id, asset=asset, amount=None, to_asset="USDT")
        assert exchange.do(command).reason == reason
        assert exchange.venue.quote([command])[0].reason == reason
    room.put("XRP", "10")
    world.set_price(exchange.connection, "XRP", Decimal("0.4"))
    dear = commands.convert(
        room.account_id, asset="XRP", amount=None, to_asset="USDT", price_least=Decimal("0.5")
    )
    assert exchange.do(dear).reason == "slippage"
    world.set_price(exchange.connection, "XRP", Decimal("0.5"))


def test_a_bot_places_its_order_again_until_its_key_is_revoked(exchange: Exchange) -> None:
    """Hard case 34: cancelling first achieves nothing."""
    room = exchange.room()
    room.put("USDT", "1000", "trading")
    room.bot("grid", "BTC-USDT", "buy", "0.01", "50000")
    key = number_of(exchange, "api_key", "key_id", room)
    for _ in range(2):
        order = number_of(exchange, "trade_order", "order_id", room)
        exchange.do(commands.cancel_orders(room.account_id, [str(order)]))
        assert number_of(exchange, "trade_order", "order_id", room) > order
    exchange.do(commands.revoke_key(room.account_id, str(key)))
    order = number_of(exchange, "trade_order", "order_id", room)
    exchange.do(commands.cancel_orders(room.account_id, [str(order)]))
    exchange.later(minutes=5)
    assert exchange.one("select count(*) from facts.open_order where account_id = %s", room.account_id) == 0
    kinds = exchange.connection.execute(
        "select kind from facts.security_event where account_id = %s", (room.account_id,)
    ).fetchall()
    assert kinds == [("key_revoked",)]


def test_payment_methods_are_unbound(exchange: Exchange) -> None:
    """R-CHK-9: unbinding is recorded and is no security change that starts a window."""
    room = exchange.room()
    room.methods("alipay", "bank_account")
    first = number_of(exchange, "payment_method", "method_id", room)
    assert exchange.do(commands.unbind(room.account_id, str(first))).reason is None
    assert exchange.do(commands.unbind(room.account_id, str(first))).reason is None
    assert exchange.do(commands.unbind(exchange.room().account_id, str(first))).reason == "not_found"
    assert (
        exchange.one("select count(*) from facts.payment_method where account_id = %s", room.account_id) == 1
    )


def test_sub_accounts_close_by_the_day(exchange: Exchange) -> None:
    """R-CHK-8, hard case 33: two a day here; the others wait in a queue that says when."""
    room = exchange.room()
    exchange.connection.execute(
        "update sandbox.account set sub_closes_daily_max = 2 where account_id = %s", (room.account_id,)
    )
    subs = [room.sub(f"s{number}") for number in range(5)]
    subs[0].put("USDT", "1")
    closing = [commands.close_sub_account(room.account_id, str(sub.account_id)) for sub in subs]
    assert exchange.do(closing[0]).reason == "not_empty"
    home = commands.gather(subs[0].account_id, asset="USDT", wallet="funding", to_account=room.account_id)
    assert exchange.do(home).reason is None
    receipts = [exchange.do(command) for command in closing]
    assert [receipt.state for receipt in receipts] == [*[ReceiptState.DONE] * 2, *[ReceiptState.PENDING] * 3]
    dates = [receipt.notes["closable_at"] for receipt in receipts[2:]]
    assert dates == [(START + timedelta(days=day)).isoformat() for day in (1, 1, 2)]
    exchange.later(days=1)
    assert exchange.one("select count(*) from facts.sub_account where account_id = %s and state <> 'closed'",
                        room.account_id) == 1  # fmt: skip
    exchange.later(days=1)
    assert exchange.one("select count(*) from facts.sub_account where account_id = %s and state <> 'closed'",
                        room.account_id) == 0  # fmt: skip
    assert (
        exchange.do(commands.close_sub_account(exchange.room().account_id, closing[0].items[0])).reason
        == "not_found"
    )


def test_closing_looks_at_everything_again(exchange: Exchange) -> None:
    """R-CLO-10: whatever is left refuses the closing and is named; keys die only with the account."""
    room = exchange.room()
    room.put("USDT", "1000", "trading")
    room.order("BTC-USDT", "buy", "0.001", "50000")
    room.sub("one")
    room.key("key", "k")
    receipt = exchange.act(Act.CLOSE, room.account_id)
    assert receipt.reason == "not_empty"
    assert receipt.notes["detail"] == "balance, open_order, sub_account"
    assert exchange.one("select count(*) from facts.api_key where account_id = %s", room.account_id) == 1
    assert exchange.act(Act.ERASE, room.account_id).reason == "not_closed"


def test_a_closed_account_does_nothing_any_more(exchange: Exchange) -> None:
    """R-CLO-6: every command is refused, keys and sessions are dead."""
    room = exchange.room()
    room.key("key", "k")
    room.row("session")
    assert exchange.act(Act.CLOSE, room.account_id).state is ReceiptState.DONE
    for kind in [*Remedy, Act.FREEZE, Act.UNFREEZE, Act.CLOSE]:
        assert exchange.act(kind, room.account_id).reason == "closed"
    assert exchange.one("select count(*) from facts.api_key where account_id = %s", room.account_id) == 0
    open_sessions = "select count(*) from sandbox.session where account_id = %s and ended_at is null"
    assert exchange.one(open_sessions, room.account_id) == 0
    assert exchange.act(Act.CLOSE, 10**12).reason == "not_found"
