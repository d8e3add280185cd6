"""R-OPS-3: what an exit asks of many accounts at once is what it would be for each alone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.sandbox.conftest import Exchange

from closeout.venues.base import Act, Command, ReceiptState, Rejected
from closeout.venues.sandbox import world
from closeout.venues.sandbox.trading import Order


def closing(accounts: list[int], *, key: str = "x") -> list[tuple[str, Command]]:
    return [(f"{key}-{account}", Command(kind=Act.CLOSE, account_id=account)) for account in accounts]


def test_many_accounts_close_in_one_transaction_and_each_gets_its_own_answer(exchange: Exchange) -> None:
    """Empty ones close; one with money, one under a hold, one that is not there and one closed before do not."""
    empty = [exchange.room().account_id for _ in range(5)]
    rich, held, before = exchange.room().account_id, exchange.room().account_id, exchange.room().account_id
    world.deposit(exchange.connection, rich, asset="USDT", amount=Decimal(5))
    world.place_hold(exchange.connection, held)
    exchange.venue.submit(closing([before], key="first"))
    spent = exchange.venue.calls.transactions
    asked = closing([*empty, rich, held, 999_999_999, before])
    answers = {receipt.key: receipt for receipt in exchange.venue.submit(asked)}
    assert exchange.venue.calls.transactions == spent + 1
    assert [answers[f"x-{account}"].state for account in empty] == [ReceiptState.DONE] * 5
    said = {account: answers[f"x-{account}"].reason for account in (rich, held, 999_999_999, before)}
    assert said == {rich: "not_empty", held: "restricted", 999_999_999: "not_found", before: "closed"}
    assert answers[f"x-{rich}"].notes == {"detail": "balance"}
    closed = exchange.connection.execute(
        "select count(*), count(closed_at), count(closing_entry_id) from sandbox.account "
        "where account_id = any(%s) and state = 'closed'",
        (empty,),
    ).fetchone()
    assert closed == (5, 5, 5)


def test_the_same_keys_answer_the_same_and_do_nothing(exchange: Exchange) -> None:
    accounts = [exchange.room().account_id for _ in range(3)]
    first = exchange.venue.submit(closing(accounts))
    assert exchange.venue.submit(closing(accounts)) == first
    entries = exchange.one(
        "select count(*) from sandbox.entry where kind = 'closing' and account_id = any(%s)", accounts
    )
    assert entries == 3
    with pytest.raises(Rejected, match="key_reused"):
        exchange.venue.submit([(f"x-{accounts[0]}", Command(kind=Act.CLOSE, account_id=accounts[1])),
                               (f"x-{accounts[1]}", Command(kind=Act.CLOSE, account_id=accounts[0]))])  # fmt: skip


def test_keys_and_sessions_die_with_the_accounts(exchange: Exchange) -> None:
    """Hard case 56."""
    accounts = [exchange.room().account_id for _ in range(2)]
    for account in accounts:
        exchange.connection.execute("insert into sandbox.session (account_id) values (%s)", (account,))
        exchange.connection.execute(
            "insert into sandbox.api_key (account_id, kind, label, can_trade) values (%s, 'key', 'k', true)",
            (account,),
        )
    exchange.venue.submit(closing(accounts))
    alive = exchange.connection.execute(
        "select (select count(*) from sandbox.session where ended_at is null and account_id = any(%s)), "
        "(select count(*) from sandbox.api_key where revoked_at is null and account_id = any(%s))",
        (accounts, accounts),
    ).fetchone()
    assert alive == (0, 0)


def test_a_deposit_after_the_end_of_deposits_is_not_credited_and_not_lost(exchange: Exchange) -> None:
    """Modelled on a published exit: later deposits are not credited automatically; they can be claimed."""
    account = exchange.room().account_id
    exchange.venue.restrict([account], "no_deposits")
    world.deposit(exchange.connection, account, asset="USDT", amount=Decimal(7))
    owners = exchange.connection.execute(
        "select owner, balance from sandbox.ledger where account_id = %s and balance > 0", (account,)
    ).fetchall()
    assert owners == [("suspense", Decimal(7))]
    assert world.claim_suspense(exchange.connection, account, asset="USDT") == 7


def test_orders_may_only_reduce_and_later_not_be_placed_at_all(exchange: Exchange) -> None:
    account = exchange.room().account_id
    world.deposit(exchange.connection, account, asset="BTC", amount=Decimal(1))
    world.deposit(exchange.connection, account, asset="USDT", amount=Decimal(100))
    for asset, amount in (("BTC", Decimal(1)), ("USDT", Decimal(100))):
        world.move(
            exchange.connection, account, asset=asset, amount=amount, wallet="funding", to_wallet="trading"
        )
    sell, buy = (Order("BTC-USDT", side, Decimal("0.001"), Decimal(60000)) for side in ("sell", "buy"))
    exchange.venue.restrict([account], "reduce_only")
    world.place_order(exchange.connection, account, sell)
    with pytest.raises(Rejected, match="restricted"):
        world.place_order(exchange.connection, account, buy)
    exchange.venue.restrict([account], "withdraw_only")
    with pytest.raises(Rejected, match="restricted"):
        world.place_order(exchange.connection, account, sell)
    assert exchange.venue.restrict([account], "no_deposits") == 0
    exchange.venue.lift([account])
    world.place_order(exchange.connection, account, sell)


def test_what_nobody_claimed_goes_to_custody_unconverted_and_can_be_claimed(exchange: Exchange) -> None:
    """Hard case 54: no silent conversion, no fee; twice is once."""
    account = exchange.room().account_id
    for asset, amount in (("BTC", "0.5"), ("USDT", "3"), ("GHOST", "100")):
        world.deposit(exchange.connection, account, asset=asset, amount=Decimal(amount))
    moved = dict(exchange.venue.take_custody(account))
    assert moved == {"BTC": Decimal("0.5"), "USDT": Decimal(3), "GHOST": Decimal(100)}
    assert list(exchange.venue.take_custody(account)) == []
    assert world.claim_unclaimed(exchange.connection, account, asset="GHOST") == 100
    held = exchange.room().account_id
    world.deposit(exchange.connection, held, asset="USDT", amount=Decimal(3))
    world.place_hold(exchange.connection, held)
    assert list(exchange.venue.take_custody(held)) == []
