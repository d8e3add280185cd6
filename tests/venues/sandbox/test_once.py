"""Exactly once: whatever is repeated, doubled, late or lost, money moves once per key (R-CLR-4, cases 15 and 16)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from tests.venues.sandbox.conftest import Exchange

from closeout.venues import commands
from closeout.venues.base import Act, Command, Receipt, ReceiptState, Rejected, Remedy, Unreachable
from closeout.venues.sandbox import world
from closeout.venues.sandbox.faults import Fault, Faulty
from closeout.venues.sandbox.venue import SandboxVenue

THREADS = 8


def together(each: Callable[[int], Receipt]) -> list[Receipt]:
    """Call ``each`` from eight threads that start at the same moment."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> Receipt:
        barrier.wait()
        return each(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_the_same_key_gets_the_same_answer(exchange: Exchange) -> None:
    """A second delivery changes nothing; another command under the key is refused."""
    room, friend = exchange.room(), exchange.room()
    room.put("USDT", "100")
    gift = commands.send(room.account_id, asset="USDT", amount=Decimal(10), to_account=friend.account_id)
    first = exchange.do(gift, key=f"gift-{room.account_id}")
    assert exchange.do(gift, key=f"gift-{room.account_id}") == first
    assert exchange.venue.receipts([first.key, "never sent"]) == {first.key: first}
    assert exchange.available(friend.account_id, "USDT") == 10
    other = commands.send(room.account_id, asset="USDT", amount=Decimal(11), to_account=friend.account_id)
    with pytest.raises(Rejected, match="key_reused"):
        exchange.do(other, key=first.key)
    assert exchange.available(friend.account_id, "USDT") == 10


def test_a_rejection_stays_a_rejection(exchange: Exchange) -> None:
    """The answer to a key does not change because the world did: a new attempt is a new key."""
    room = exchange.room()
    send = commands.donate(room.account_id, asset="USDT", amount=Decimal(10))
    refused = exchange.do(send, key=f"donate-{room.account_id}")
    room.put("USDT", "100")
    assert exchange.do(send, key=f"donate-{room.account_id}") == refused
    assert exchange.available(room.account_id, "USDT") == 100
    assert exchange.do(send).state is ReceiptState.DONE


def test_one_failure_leaves_the_rest_of_a_batch_standing(exchange: Exchange) -> None:
    """R-CLR-5: every command of a batch is done or refused by itself."""
    room = exchange.room()
    room.put("USDT", "10")
    batch = [
        (
            f"batch-{room.account_id}-{amount}",
            commands.donate(room.account_id, asset="USDT", amount=Decimal(amount)),
        )
        for amount in (4, 7, 6)
    ]
    receipts = exchange.venue.submit(batch)
    assert [receipt.reason for receipt in receipts] == [None, "insufficient", None]
    assert exchange.house(room.account_id, "donations", "USDT") == 10


def test_concurrent_deliveries_of_one_key_move_money_once(exchange: Exchange) -> None:
    """Eight threads deliver the same keys in different orders at the same time."""
    room, friend = exchange.room(), exchange.room()
    room.put("USDT", "1000")
    gifts = [
        (f"many-{room.account_id}-{n}", commands.send(
            room.account_id, asset="USDT", amount=Decimal(n + 1), to_account=friend.account_id))
        for n in range(12)
    ]  # fmt: skip

    def deliver(number: int) -> Receipt:
        order = gifts[number:] + gifts[:number]
        answers = {receipt.key: receipt for receipt in exchange.venue.submit(order)}
        assert len(answers) == len(gifts)
        return answers[gifts[0][0]]

    assert len(set(map(str, together(deliver)))) == 1
    assert exchange.available(friend.account_id, "USDT") == sum(range(13))
    assert (
        exchange.one(
            "select count(*) from sandbox.entry where kind = 'send' and account_id = %s", room.account_id
        )
        == 12
    )


def test_different_keys_compete_for_one_balance(exchange: Exchange) -> None:
    """Two clearings at once: one takes the money, the others are told, and nothing is overdrawn."""
    room = exchange.room()
    room.put("USDT", "10")
    receipts = together(
        lambda n: exchange.do(
            commands.donate(room.account_id, asset="USDT", amount=Decimal(10)),
            key=f"race-{room.account_id}-{n}",
        )
    )
    assert sorted(str(receipt.reason) for receipt in receipts) == ["None", *["insufficient"] * (THREADS - 1)]


def test_opposite_gifts_do_not_block_each_other(exchange: Exchange) -> None:
    """Accounts are locked in the order of their numbers, so that nobody waits in a circle."""
    rooms = [exchange.room(), exchange.room()]
    for room in rooms:
        room.put("USDT", "100")

    def give(number: int) -> Receipt:
        giver, taker = rooms[number % 2], rooms[1 - number % 2]
        batch = [
            (f"cross-{giver.account_id}-{number}-{n}", commands.send(
                giver.account_id, asset="USDT", amount=Decimal(1), to_account=taker.account_id))
            for n in range(10)
        ]  # fmt: skip
        return exchange.venue.submit(batch)[-1]

    assert {receipt.state for receipt in together(give)} == {ReceiptState.DONE}
    assert [exchange.available(room.account_id, "USDT") for room in rooms] == [100, 100]


def test_a_deposit_and_the_closing_race_on_one_lock(exchange: Exchange) -> None:
    """Hard case 3: the deposit is first and refuses the closing, or second and lands in suspense; no third way."""
    for _ in range(6):
        room = exchange.room()

        def run(number: int, account: int = room.account_id) -> Receipt:
            if number % 2:
                return exchange.do(
                    Command(kind=Act.CLOSE, account_id=account), key=f"close-{account}-{number}"
                )
            with SandboxVenue(exchange.url) as other, other.connection() as connection:
                world.deposit(connection, account, asset="USDT", amount=Decimal(3), key=f"deposit-{account}")
            return exchange.venue.submit(
                [(f"idle-{account}-{number}", Command(kind=Act.FREEZE, account_id=account))]
            )[0]

        closed = [
            receipt for receipt in together(run) if receipt.key.startswith("close") and receipt.reason is None
        ]
        state = exchange.one("select state from sandbox.account where account_id = %s", room.account_id)
        held = exchange.available(room.account_id, "USDT")
        late = exchange.house(room.account_id, "suspense", "USDT", owner="suspense")
        assert (state == "closed", held, late, len(closed)) in {(True, 0, 3, 1), (False, 3, 0, 0)}


@pytest.mark.parametrize("fault", list(Fault))
def test_a_lost_answer_is_looked_up_and_not_repeated(exchange: Exchange, fault: Fault) -> None:
    """Hard case 16: after any fault the receipt says what happened; sending again with the key is harmless."""
    room = exchange.room()
    room.put("USDT", "100")
    pending = [fault, None]
    line = Faulty(exchange.venue, lambda call: pending.pop(0) if call == "submit" and pending else None)
    batch = [
        (f"{fault}-{room.account_id}-{n}", commands.donate(room.account_id, asset="USDT", amount=Decimal(30)))
        for n in range(2)
    ]
    try:
        line.submit(batch)
    except Unreachable:
        known = line.receipts([key for key, _ in batch])
        expected = {Fault.BEFORE: 0, Fault.LATE: 0, Fault.HALF: 1, Fault.AFTER: 2, Fault.SLOW: 2}
        assert len(known) == expected[fault]
        line.submit([keyed for keyed in batch if keyed[0] not in known])
    line.deliver()
    assert exchange.available(room.account_id, "USDT") == 40
    assert len(exchange.venue.receipts([key for key, _ in batch])) == 2


def test_settling_twice_at_once_happens_once(exchange: Exchange) -> None:
    """What is due is done by one of two exchanges that look at the same moment."""
    room = exchange.room()
    room.put("USDT", "500")
    room.earn("Simple Earn USDT", "300")
    room.put("USDT", "100", "trading")
    room.position("swap", "BTC-USDT-SWAP", "0.001", "59000", "50")
    position = exchange.one(
        "select max(position_id) from sandbox.position where account_id = %s", room.account_id
    )
    exchange.do(commands.close_position(room.account_id, str(position)))
    world.pass_time(exchange.connection, room.later(days=3) - room.now)

    def settle(_: int) -> Receipt:
        exchange.venue.settle()
        return exchange.do(Command(kind=Remedy.GATHER, account_id=room.account_id, params={"wallet": "x"}))

    together(settle)
    assert exchange.available(room.account_id, "USDT", "earn") == Decimal("0.09")
    assert exchange.available(room.account_id, "USDT", "trading", "locked") == 0
    settlements = "select count(*) from sandbox.entry where account_id = %s and kind = 'settlement'"
    assert exchange.one(settlements, room.account_id) == 1
    assert exchange.venue.settle() == 0


def test_an_unreachable_database_says_so() -> None:
    """Whoever asks a venue that is not there learns that, and nothing else."""
    with SandboxVenue("postgresql:///nowhere?host=/nonexistent", wait_seconds=0.2) as venue:
        with pytest.raises(Unreachable):
            venue.now()
        with pytest.raises(Unreachable):
            venue.submit([("k", Command(kind=Act.CLOSE, account_id=1))])
