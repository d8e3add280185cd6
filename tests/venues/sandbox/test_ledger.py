"""Rules that the database itself keeps, whoever writes: money cannot appear, vanish, or move where it may not."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest
from tests.venues.sandbox.conftest import Exchange

from closeout.venues.base import Act, Rejected, Remedy
from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import Room, overdrawn
from closeout.venues.sandbox.ledger import Place

GIFT = (
    "insert into sandbox.ledger (owner, account_id, wallet, asset, balance) "
    "select 'holder', account_id, 'gift', 'BTC', 1 from sandbox.account"
)


def ledgers(exchange: Exchange, room: Room) -> tuple[int, int, int]:
    """Return funding USDT, trading USDT and funding BTC of the account, and an open entry behind them."""
    found = [
        exchange.one(
            "select sandbox.ledger_of('holder', %s, %s, 'available', %s)", room.account_id, wallet, asset
        )
        for wallet, asset in (("funding", "USDT"), ("trading", "USDT"), ("funding", "BTC"))
    ]
    return found[0], found[1], found[2]


def transfer(exchange: Exchange, room: Room, debit: int, credit: int, *, asset: str, amount: object) -> None:
    """Write a transfer by hand."""
    with exchange.connection.transaction():
        entry = exchange.one("select sandbox.open_entry('test', 'holder', %s)", room.account_id)
        exchange.connection.execute(
            "insert into sandbox.transfer (entry_id, debit_id, credit_id, asset, amount) values (%s, %s, %s, %s, %s)",
            (entry, debit, credit, asset, amount),
        )


@pytest.mark.parametrize(
    ("debit", "credit", "asset", "amount"),
    [
        (0, 2, "USDT", 1),
        (0, 2, "BTC", 1),
        (0, 1, "BTC", 1),
        (0, 1, "USDT", 0),
        (0, 1, "USDT", -1),
        (0, 0, "USDT", 1),
    ],
    ids=["credit of another asset", "debit of another asset", "both", "nothing", "negative", "to itself"],
)
def test_an_imbalance_cannot_be_written(
    exchange: Exchange, *, debit: int, credit: int, asset: str, amount: int
) -> None:
    """One transfer is one debit and one credit of one asset above zero (R-CLR-4)."""
    room = exchange.room()
    room.put("USDT", "10")
    numbers = ledgers(exchange, room)
    with pytest.raises(psycopg.errors.IntegrityError):
        transfer(exchange, room, numbers[debit], numbers[credit], asset=asset, amount=amount)
    assert exchange.available(room.account_id, "USDT") == 10


def test_nothing_is_overdrawn(exchange: Exchange) -> None:
    """Only a flagged ledger of margin trading can be negative, and then the exact figure is a fact (R-CHK-1, 4)."""
    room = exchange.room()
    funding, trading, _ = ledgers(exchange, room)
    with pytest.raises(psycopg.errors.CheckViolation, match="no_overdraft"):
        transfer(exchange, room, funding, trading, asset="USDT", amount="0.000001")
    with world.work_on(exchange.connection, room.account_id, "fee", origin="venue") as work:
        overdrawn(work, Place(room.account_id, "trading", "USDT"), Decimal("0.00004"))
    available = exchange.one("select available from facts.balance where account_id = %s", room.account_id)
    assert available == Decimal("-0.00004")


@pytest.mark.parametrize(
    "attack",
    [
        "update sandbox.transfer set amount = amount + 1",
        "delete from sandbox.transfer",
        "truncate sandbox.transfer cascade",
        "update sandbox.entry set kind = 'other'",
        "delete from sandbox.entry",
        "truncate sandbox.entry cascade",
        "update sandbox.ledger set balance = balance + 1",
        "update sandbox.ledger set account_id = account_id + 1",
        "delete from sandbox.ledger",
        "truncate sandbox.ledger cascade",
        GIFT,
        "update sandbox.account set state = 'closed', closed_at = sandbox.now()",
        "insert into sandbox.account (opened_at, state, closed_at) values (sandbox.now(), 'closed', sandbox.now())",
    ],
)
def test_what_is_posted_stays(exchange: Exchange, attack: str) -> None:
    """Postings are immutable, balances follow from them, and no account closes but through a closing entry."""
    room = exchange.room()
    room.put("USDT", "10")
    with pytest.raises(psycopg.Error) as refused:
        exchange.connection.execute(attack)
    assert (refused.value.sqlstate or "").startswith(("CO0", "23", "0A")), refused.value
    assert exchange.available(room.account_id, "USDT") == 10


def test_a_reversal_is_a_new_entry_and_happens_once(exchange: Exchange) -> None:
    """An entry is undone by its opposite, never by a change."""
    room = exchange.room()
    room.put("USDT", "10")
    world.move(
        exchange.connection,
        room.account_id,
        asset="USDT",
        amount=Decimal(4),
        wallet="funding",
        to_wallet="trading",
    )
    entry = exchange.one("select max(entry_id) from sandbox.entry where account_id = %s", room.account_id)
    world.reverse(exchange.connection, entry)
    assert exchange.available(room.account_id, "USDT") == 10
    with pytest.raises(psycopg.errors.UniqueViolation):
        world.reverse(exchange.connection, entry)
    assert exchange.available(room.account_id, "USDT") == 10


def test_too_many_decimals_are_refused(exchange: Exchange) -> None:
    """USDT has six decimals, not seven."""
    room = exchange.room()
    room.put("USDT", "10")
    funding, trading, _ = ledgers(exchange, room)
    with pytest.raises(psycopg.Error, match="6 decimals"):
        transfer(exchange, room, funding, trading, asset="USDT", amount="0.0000001")


def test_a_frozen_account_refuses_its_holder_only(exchange: Exchange) -> None:
    """R-CLO-4: frozen means no doing of the holder's own; deposits are credited, the engine may clear (case 1)."""
    room = exchange.room()
    room.put("USDT", "10")
    exchange.act(Act.FREEZE, room.account_id)
    for attempt in (
        lambda: world.withdraw_by_holder(
            exchange.connection, room.account_id, asset="USDT", amount=Decimal(1)
        ),
        lambda: room.order("BTC-USDT", "buy", "0.0001", "100"),
    ):
        with pytest.raises(Rejected, match="frozen"):
            attempt()
    world.deposit(exchange.connection, room.account_id, asset="USDT", amount=Decimal(5))
    assert exchange.act(Remedy.GATHER, room.account_id, params={"wallet": "trading"}).reason is None
    exchange.act(Act.UNFREEZE, room.account_id)
    world.move(
        exchange.connection,
        room.account_id,
        asset="USDT",
        amount=Decimal(15),
        wallet="funding",
        to_wallet="trading",
    )


def test_under_a_judicial_freeze_nothing_leaves(exchange: Exchange) -> None:
    """Hard cases 31 and 38: the engine cannot move the money out either; inside the account it may be gathered."""
    room = exchange.room()
    other = exchange.room()
    room.put("USDT", "10", "trading")
    hold = world.place_hold(exchange.connection, room.account_id)
    assert exchange.act(Remedy.GATHER, room.account_id, params={"wallet": "trading"}).reason is None
    sending = {"asset": "USDT", "params": {"to_account": str(other.account_id)}}
    assert exchange.act(Remedy.SEND, room.account_id, **sending).reason == "restricted"
    assert exchange.act(Act.CLOSE, room.account_id).reason == "restricted"
    world.release_hold(exchange.connection, hold)
    assert exchange.act(Remedy.SEND, room.account_id, **sending).reason is None


def test_a_pending_closing_blocks_every_other_posting_and_can_be_undone(exchange: Exchange) -> None:
    """Closing is a reversible pending entry: posted it is for good, voided everything is as before."""
    room = exchange.room()
    room.put("USDT", "10")
    pending = exchange.one("select sandbox.begin_closing(%s)", room.account_id)
    with pytest.raises(Rejected, match="closed"):
        world.move(
            exchange.connection,
            room.account_id,
            asset="USDT",
            amount=Decimal(1),
            wallet="funding",
            to_wallet="earn",
        )
    with pytest.raises(psycopg.Error, match="not empty"):
        exchange.connection.execute("select sandbox.post_closing(%s)", (pending,))
    with pytest.raises(psycopg.Error, match="closing"):
        exchange.connection.execute("select sandbox.begin_closing(%s)", (room.account_id,))
    exchange.connection.execute("select sandbox.void_closing(%s)", (pending,))
    world.move(
        exchange.connection,
        room.account_id,
        asset="USDT",
        amount=Decimal(1),
        wallet="funding",
        to_wallet="earn",
    )
    with pytest.raises(psycopg.Error, match="not pending"):
        exchange.connection.execute("select sandbox.post_closing(%s)", (pending,))


def test_what_arrives_after_closing_waits_in_suspense(exchange: Exchange) -> None:
    """Hard cases 2, 3 and 14 (R-CLO-7): never to the closed account, never lost, claimed once."""
    room = exchange.room()
    late = world.deposit(exchange.connection, room.account_id, asset="BTC", amount=Decimal("0.5"), minutes=30)
    assert exchange.act(Act.CLOSE, room.account_id).reason == "not_empty"
    exchange.connection.execute(
        "update sandbox.movement set state = 'undone' where movement_id = %s", (late,)
    )
    assert exchange.act(Act.CLOSE, room.account_id).reason is None
    world.deposit(
        exchange.connection, room.account_id, asset="USDT", amount=Decimal(7), key=f"late-{room.account_id}"
    )
    world.deposit(
        exchange.connection, room.account_id, asset="USDT", amount=Decimal(7), key=f"late-{room.account_id}"
    )
    assert exchange.house(room.account_id, "suspense", "USDT", owner="suspense") == 7
    assert exchange.available(room.account_id, "USDT") == 0
    assert world.claim_suspense(exchange.connection, room.account_id, asset="USDT") == 7
    assert world.claim_suspense(exchange.connection, room.account_id, asset="USDT") == 0
