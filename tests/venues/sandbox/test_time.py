"""What the exchange does by itself as time passes, each thing at its time and once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.venues.sandbox.conftest import START, Exchange

from closeout.venues import commands
from closeout.venues.base import Act, Destination, Rejected
from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import invented_address


def test_a_deposit_is_a_fact_before_it_is_money(exchange: Exchange) -> None:
    """R-CHK-16: until it is final it is in flight; then it is a balance."""
    room = exchange.room()
    world.deposit(exchange.connection, room.account_id, asset="BTC", amount=Decimal("0.1"), minutes=40)
    found = exchange.connection.execute(
        "select kind, final, expected_at from facts.transfer where account_id = %s", (room.account_id,)
    ).fetchone()
    assert found == ("deposit", False, START + timedelta(minutes=40))
    exchange.later(minutes=39)
    assert exchange.available(room.account_id, "BTC") == 0
    exchange.later(minutes=1)
    assert exchange.available(room.account_id, "BTC") == Decimal("0.1")


def test_a_dropped_withdrawal_comes_back_whole(exchange: Exchange) -> None:
    """Hard case 13: fee included; the account has a balance again."""
    room = exchange.room()
    room.addresses()
    room.put("USDT", "50")
    to = Destination("USDT", "TRC20", invented_address("TRC20", str(room.account_id)))
    receipt = exchange.do(commands.withdraw(room.account_id, to=to, amount=Decimal(50)))
    world.drop_withdrawal(exchange.connection, int(receipt.notes["transfer"]))
    exchange.later(minutes=20)
    assert exchange.available(room.account_id, "USDT") == 50
    assert exchange.house(room.account_id, "outgoing", "USDT") == 0
    with pytest.raises(Rejected):
        world.drop_withdrawal(exchange.connection, int(receipt.notes["transfer"]))


def test_after_the_return_window_a_transfer_stays(exchange: Exchange) -> None:
    """A bank has thirty days to send money back."""
    room = exchange.room()
    room.methods("bank_account")
    room.put("EUR", "100")
    destination = exchange.venue.destinations(room.account_id)[0]
    receipt = exchange.do(commands.withdraw(room.account_id, to=destination, amount=Decimal(100)))
    exchange.later(days=2)
    exchange.later(days=31)
    with pytest.raises(Rejected):
        world.bank_return(exchange.connection, room.account_id, int(receipt.notes["transfer"]))


@pytest.mark.parametrize("closed", [False, True])
def test_a_bank_sends_money_back(exchange: Exchange, *, closed: bool) -> None:
    """Hard case 14: to the account while it is there, to suspense afterwards; once."""
    room = exchange.room()
    room.methods("bank_account")
    room.put("EUR", "100", "fiat")
    method = exchange.one(
        "select max(method_id) from sandbox.payment_method where account_id = %s", room.account_id
    )
    exchange.do(commands.gather(room.account_id, asset="EUR", wallet="fiat"))
    destination = exchange.venue.destinations(room.account_id)[0]
    assert destination == Destination("EUR", "bank", str(method), None, destination.label)
    receipt = exchange.do(commands.withdraw(room.account_id, to=destination, amount=Decimal(100)))
    number = int(receipt.notes["transfer"])
    with pytest.raises(Rejected):
        world.bank_return(exchange.connection, room.account_id, number)
    exchange.later(days=2)
    if closed:
        assert exchange.act(Act.CLOSE, room.account_id).reason is None
    world.bank_return(exchange.connection, room.account_id, number)
    with pytest.raises(Rejected):
        world.bank_return(exchange.connection, room.account_id, number)
    assert exchange.house(room.account_id, "suspense", "EUR", owner="suspense") == (99 if closed else 0)
    assert exchange.available(room.account_id, "EUR") == (0 if closed else 99)


def test_a_reward_arrives_each_day_until_the_product_is_redeemed(exchange: Exchange) -> None:
    """Hard case 11: whole days only; nothing after the redemption."""
    room = exchange.room()
    room.put("USDT", "1000")
    room.earn("Simple Earn USDT", "1000")
    for day in (1, 2, 3):
        exchange.later(days=1)
        assert exchange.available(room.account_id, "USDT", "earn") == Decimal("0.1") * day
    earn = exchange.one("select max(earn_id) from sandbox.earn where account_id = %s", room.account_id)
    exchange.do(commands.redeem(room.account_id, str(earn), asset="USDT"))
    exchange.later(days=3)
    assert exchange.available(room.account_id, "USDT", "earn") == Decimal("0.3")


def test_a_product_renews_itself_until_told_not_to(exchange: Exchange) -> None:
    """R-CHK-6: with renewal the date moves on; without it the product is paid out."""
    room = exchange.room()
    room.put("USDT", "100")
    room.earn("Fixed 30 USDT", "100", matures_in=1, auto_renew=True)
    exchange.later(days=1)
    earn, matures_at = exchange.connection.execute(
        "select earn_id, matures_at from facts.earn where account_id = %s", (room.account_id,)
    ).fetchone() or ("", None)
    assert matures_at == START + timedelta(days=31)
    exchange.do(commands.stop_renewal(room.account_id, earn))
    exchange.later(days=30)
    assert exchange.available(room.account_id, "USDT") > 100
    assert exchange.venue.settle() == 0


def test_an_unpaid_c2c_order_expires_but_not_under_appeal(exchange: Exchange) -> None:
    """R-CHK-7: what it locked is free again; an appeal waits for support."""
    room = exchange.room()
    room.put("USDT", "100")
    room.p2p("sell", "60", minutes=20)
    room.p2p("sell", "30", state="paid", appeal="open")
    exchange.later(minutes=20)
    assert exchange.available(room.account_id, "USDT") == 70
    world.end_dispute(exchange.connection, room.account_id)
    assert exchange.available(room.account_id, "USDT") == 100


def test_a_loss_takes_no_more_than_there_is(exchange: Exchange) -> None:
    """A position that lost more than its margin leaves the wallet at zero, never below."""
    room = exchange.room()
    room.put("USDT", "300", "trading")
    room.position("swap", "BTC-USDT-SWAP", "0.1", "90000", "300")
    position = exchange.one(
        "select max(position_id) from sandbox.position where account_id = %s", room.account_id
    )
    exchange.do(commands.close_position(room.account_id, str(position)))
    exchange.later(minutes=1)
    assert exchange.available(room.account_id, "USDT", "trading") == 0


def test_support_pays_the_commission_out(exchange: Exchange) -> None:
    """R-CHK-14: what is due goes to funding once; the contract ends."""
    room = exchange.room()
    room.row("rebate", kind="balance", state="open", asset="USDT", amount=Decimal("37.5"))
    room.row("rebate", kind="contract", state="open")
    for _ in range(2):
        world.settle_rebates(exchange.connection, room.account_id)
    assert exchange.available(room.account_id, "USDT") == Decimal("37.5")
    left = "select count(*) from facts.rebate where account_id = %s and state = 'open'"
    assert exchange.one(left, room.account_id) == 0
