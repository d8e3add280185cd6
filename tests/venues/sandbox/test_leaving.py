"""How money leaves: to verified addresses within the limits, and by the exits for what nobody takes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.venues.sandbox.conftest import START, Exchange

from closeout.venues import commands
from closeout.venues.base import Destination, Moved, ReceiptState
from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import Room, invented_address


def own(room: Room, asset: str, network: str, memo: str | None = None) -> Destination:
    return Destination(asset, network, invented_address(network, str(room.account_id)), memo)


def test_withdrawals_go_to_verified_addresses_only(exchange: Exchange) -> None:
    """Bad input of every kind is refused with its reason, and nothing has moved."""
    room = exchange.room()
    room.addresses()
    room.put("USDT", "100")
    room.put("XRP", "50")
    usdt, xrp = own(room, "USDT", "TRC20"), own(room, "XRP", "Ripple", str(100000 + room.account_id % 900000))
    elsewhere = Destination("USDT", "TRC20", invented_address("TRC20", "somebody else"))
    refused = [
        (elsewhere, "50", "address_not_verified"),
        (Destination("USDT", "TRC20", usdt.address[:-1]), "50", "wrong_network"),
        (Destination("USDT", "Bitcoin", usdt.address), "50", "wrong_network"),
        (Destination("XRP", "Ripple", xrp.address), "50", "memo_missing"),
        (Destination("XRP", "Ripple", xrp.address, "1"), "50", "address_not_verified"),
        (usdt, "1.5", "minimum"), (usdt, "1000", "insufficient"), (usdt, "50.0000001", "too_precise"),
    ]  # fmt: skip
    for destination, amount, reason in refused:
        command = commands.withdraw(room.account_id, to=destination, amount=Decimal(amount))
        assert exchange.do(command).reason == reason, destination
    dear = commands.withdraw(room.account_id, to=usdt, amount=Decimal(50), fee_most=Decimal("0.5"))
    assert exchange.do(dear).reason == "fee"
    assert exchange.available(room.account_id, "USDT") == 100
    for destination, amount in ((usdt, "100"), (xrp, "50")):
        receipt = exchange.do(commands.withdraw(room.account_id, to=destination, amount=Decimal(amount)))
        assert receipt.state is ReceiptState.PENDING
    exchange.later(minutes=20)
    assert exchange.one("select count(*) from facts.transfer where account_id = %s", room.account_id) == 0
    assert exchange.house(room.account_id, "fees", "USDT") == 1
    assert exchange.house(room.account_id, "custody", "USDT") == -1  # the fee stayed


def test_a_daily_limit_slices_a_withdrawal(exchange: Exchange) -> None:
    """A large balance leaves over days, each slice with its date."""
    room = exchange.room()
    room.addresses()
    room.put("BTC", "4.5")
    bitcoin = own(room, "BTC", "Bitcoin")
    whole = commands.withdraw(room.account_id, to=bitcoin, amount=Decimal("4.5"))
    quote = exchange.venue.quote([whole])[0]
    assert (quote.reason, quote.most, quote.more_at) == ("daily_limit", Decimal(2), START + timedelta(days=1))
    assert exchange.do(whole).reason == "daily_limit"
    for slice_ in ("2", "2", "0.5"):
        part = commands.withdraw(room.account_id, to=bitcoin, amount=Decimal(slice_))
        assert exchange.do(part).state is ReceiptState.PENDING
        if slice_ == "2":
            assert exchange.do(part).reason == "daily_limit"
        exchange.later(days=1)
    assert exchange.available(room.account_id, "BTC") == 0


def test_what_cannot_leave_has_exits(exchange: Exchange) -> None:
    """R-CLR-6: send, donate, give up within the limit; each says exactly what it takes."""
    room, friend = exchange.room(), exchange.room()
    for asset, amount in (("GHOST", "3"), ("LUNC", "9"), ("USDT", "9"), ("DOGE", "2")):
        room.put(asset, amount)
    assert exchange.do(
        commands.send(room.account_id, asset="LUNC", amount=Decimal(9), to_account=friend.account_id)
    ).moved == (Moved("funding", "LUNC", Decimal(-9)),)
    assert exchange.available(friend.account_id, "LUNC") == 9
    exchange.do(commands.donate(room.account_id, asset="DOGE", amount=Decimal(2)))
    assert exchange.house(room.account_id, "donations", "DOGE") == 2
    over = commands.forfeit(room.account_id, asset="USDT", amount=Decimal("5.000001"))
    assert exchange.venue.quote([over])[0].reason == exchange.do(over).reason == "over_limit"
    assert exchange.do(commands.forfeit(room.account_id, asset="GHOST", amount=Decimal(3))).reason is None
    assert exchange.house(room.account_id, "unclaimed", "GHOST") == 3
    for claimed in (3, 0):
        assert world.claim_unclaimed(exchange.connection, room.account_id, asset="GHOST") == claimed
    for wrong in (room.account_id, 10**15):
        command = commands.send(room.account_id, asset="USDT", amount=Decimal(1), to_account=wrong)
        assert exchange.do(command).reason == "not_found"
    nothing = commands.donate(room.account_id, asset="USDT", amount=Decimal(0))
    assert exchange.do(nothing).reason == "minimum"


def test_a_negative_fraction_is_written_off_by_a_booked_entry(exchange: Exchange) -> None:
    """Hard case 4: never more than is negative, never in silence."""
    room = exchange.room()
    room.negative("USDT", "0.00004")
    too_much = commands.write_off(
        room.account_id,
        asset="USDT",
        amount=Decimal("0.00005"),
        wallet="trading",
        reason="fee of margin trading",
    )
    assert exchange.do(too_much).reason == "over_limit"
    exact = commands.write_off(
        room.account_id,
        asset="USDT",
        amount=Decimal("0.00004"),
        wallet="trading",
        reason="fee of margin trading",
    )
    assert exchange.do(exact).moved == (Moved("trading", "USDT", Decimal("0.00004")),)
    assert exchange.one("select count(*) from facts.balance where account_id = %s", room.account_id) == 0
