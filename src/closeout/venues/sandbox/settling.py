"""What the exchange does by itself as time passes: settling, maturing, confirming, rewarding, expiring, bots.

Each step locks its account, looks again and does what is due, in a transaction of its own; done twice or by two
at once, it happens once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg

from closeout.venues.base import Rejected
from closeout.venues.sandbox import ending, exiting, products, trading
from closeout.venues.sandbox.ledger import Cursor, Place, Work, one, rejection

Step = Callable[[Work, int], None]
ROUNDS_MAX = 20  # one thing that is done can make another due; nothing makes more than a few rounds

DUE: tuple[tuple[str, str], ...] = (
    (
        "settlement",
        """
        select account_id, position_id from sandbox.position where state = 'settling' and settles_at <= sandbox.now()
    """,
    ),
    (
        "maturity",
        """
        select account_id, earn_id from sandbox.earn where state = 'active' and matures_at <= sandbox.now()
    """,
    ),
    (
        "redemption",
        """
        select account_id, earn_id from sandbox.earn where state = 'redeeming' and redeem_at <= sandbox.now()
    """,
    ),
    (
        "reward",
        """
        select e.account_id, e.earn_id from sandbox.earn as e join sandbox.product as p using (product)
        where e.state = 'active' and p.daily_rate > 0 and p.term_days is null
        and e.rewarded_at <= sandbox.now() - interval '1 day'
    """,
    ),
    (
        "p2p_expiry",
        """
        select account_id, p2p_id from sandbox.p2p_order where state = 'open' and appeal <> 'open'
        and expires_at <= sandbox.now()
    """,
    ),
    (
        "movement",
        """
        select account_id, movement_id from sandbox.movement where state = 'pending' and expected_at <= sandbox.now()
    """,
    ),
    (
        "sub_closing",
        """
        select parent_id, account_id from sandbox.account where state <> 'closed' and closable_at <= sandbox.now()
    """,
    ),
    (
        "bot",
        """
        select k.account_id, k.key_id from sandbox.api_key as k join sandbox.account as a using (account_id)
        where k.revoked_at is null and k.instrument is not null and a.state = 'open' and not exists (
        select 1 from sandbox.trade_order as o where o.account_id = k.account_id and o.key_id = k.key_id
        and o.state = 'open')
    """,
    ),
)


def now(cursor: Cursor) -> datetime:
    """Return the exchange's time, naive UTC."""
    cursor.execute("select sandbox.now()")
    instant: datetime = one(cursor)[0]
    return instant


def due(cursor: Cursor, *, account_id: int | None = None, bots: bool = False) -> list[tuple[str, int, int]]:
    """Return what is due as (kind, account, number), of one account or of all: of bots, or of everything else."""
    found = []
    for kind, query in DUE:
        if (kind == "bot") == bots:
            cursor.execute(
                f"select * from ({query}) as due (account_id, number) "
                "where %s::bigint is null or account_id = %s order by 1, 2",
                (account_id, account_id),
            )
            found += [(kind, account, number) for account, number in cursor.fetchall()]
    return found


def do(connection: psycopg.Connection[Any], kind: str, account_id: int, number: int) -> bool:
    """Do one thing that is due, in a transaction; return whether it was still due and possible."""
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(
                "select sandbox.now() from sandbox.account where account_id = %s or parent_id = %s "
                "order by account_id for no key update",
                (account_id, account_id if kind == "sub_closing" else None),
            )
            row = cursor.fetchone()
            if row is None:
                return False
            origin = "holder" if kind == "bot" else "outside" if kind == "movement" else "venue"
            STEPS[kind](Work(cursor, row[0], account_id, kind, origin), number)
            return True
    except Rejected:
        return False
    except psycopg.Error as error:
        if rejection(error) is None:
            raise
        return False


def settle(connection: psycopg.Connection[Any]) -> int:
    """Do all that is due now, until nothing is; return how much it was. Idempotent."""
    total = 0
    for _ in range(ROUNDS_MAX):
        with connection.transaction(), connection.cursor() as cursor:
            waiting = due(cursor)
        done = sum(do(connection, *item) for item in waiting)
        total += done
        if not done:
            break
    return total + bots_answer(connection)


def bots_answer(connection: psycopg.Connection[Any], account_id: int | None = None) -> int:
    """Let bots place again what was cancelled, as long as their keys live: they are outside, and faster than we."""
    with connection.transaction(), connection.cursor() as cursor:
        waiting = due(cursor, account_id=account_id, bots=True)
    return sum(do(connection, *item) for item in waiting)


def _position(work: Work, number: int) -> None:
    trading.settle_position(work, number)


def _mature(work: Work, number: int) -> None:
    products.mature(work, number)


def _redemption(work: Work, number: int) -> None:
    work.cursor.execute("select 1 from sandbox.earn where earn_id = %s and state = 'redeeming'", (number,))
    if work.cursor.fetchone():
        products.pay_out(work, number)


def _reward(work: Work, number: int) -> None:
    work.cursor.execute("select asset from sandbox.earn where earn_id = %s and state = 'active'", (number,))
    row = work.cursor.fetchone()
    if row is not None:
        products.reward(work, number, Place(work.account_id, "earn", row[0]))


def _p2p(work: Work, number: int) -> None:
    work.cursor.execute(
        "update sandbox.p2p_order set state = 'cancelled' where p2p_id = %s and state = 'open' and appeal <> 'open' "
        "returning side, asset, amount",
        (number,),
    )
    row = work.cursor.fetchone()
    if row is not None and row[0] == "sell":
        locked = Place(work.account_id, "funding", row[1], "locked")
        work.move(locked, Place(work.account_id, "funding", row[1]), row[2])


def _sub_closing(work: Work, number: int) -> None:
    work.cursor.execute(
        "update sandbox.account set closable_at = null, close_queued_at = null "
        "where account_id = %s and parent_id = %s and state <> 'closed' and closable_at <= %s returning account_id",
        (number, work.account_id, work.now),
    )
    if work.cursor.fetchone() and not ending.holdings(work.cursor, number):
        ending.shut_sub(work, number)


def movement(work: Work, number: int) -> None:
    """Let a deposit, withdrawal or fiat transfer become final; or undone, where it was told to drop."""
    work.cursor.execute(
        "update sandbox.movement set state = case when drops then 'undone' else 'final' end, final_at = %s "
        "where movement_id = %s and state = 'pending' returning kind, asset, amount, fee, drops, entry_id",
        (work.now, number),
    )
    row = work.cursor.fetchone()
    if row is None:
        return
    kind, asset, amount, fee, drops, entry_id = row
    custody = Place(work.account_id, "custody", asset, owner="house")
    outgoing = Place(work.account_id, "outgoing", asset, owner="house")
    if kind in ("withdrawal", "fiat_out"):
        if drops and entry_id is not None:
            work.cursor.execute(
                "select sandbox.reverse_entry(%s, 'withdrawal_dropped', 'outside')", (entry_id,)
            )
        else:
            work.move(outgoing, outgoing.house("fees"), fee)
            work.move(outgoing, custody, amount)
    elif kind != "card" and not drops:
        arrive(work, custody, amount, number, deposit=True)


def arrive(work: Work, custody: Place, amount: Decimal, number: int, *, deposit: bool = False) -> None:
    """Credit value from outside: to funding, or, once the account is closed, to suspense for its holder.

    A deposit is not credited either where an exit has ended deposits.
    """
    work.cursor.execute(
        "select state = 'closed' or closing_entry_id is not null from sandbox.account where account_id = %s",
        (work.account_id,),
    )
    row = work.cursor.fetchone()
    ended = deposit and exiting.level_of(work.cursor, work.account_id) >= exiting.LEVELS["no_deposits"]
    if ended or (row is not None and row[0]):
        work.move(custody, Place(work.account_id, "suspense", custody.asset, owner="suspense"), amount)
        work.cursor.execute(
            "update sandbox.movement set state = 'suspense' where movement_id = %s", (number,)
        )
    else:
        work.move(custody, Place(work.account_id, "funding", custody.asset), amount)


def _bot(work: Work, number: int) -> None:
    work.cursor.execute(
        "select k.instrument, k.side, k.quantity, k.price from sandbox.api_key as k join sandbox.account as a "
        "using (account_id) where k.key_id = %s and k.revoked_at is null and a.state = 'open' and not exists ("
        "select 1 from sandbox.trade_order as o where o.account_id = k.account_id and o.key_id = k.key_id "
        "and o.state = 'open')",
        (number,),
    )
    row = work.cursor.fetchone()
    if row is not None:
        instrument, side, quantity, price = row
        trading.place(work, trading.Order(instrument, side, quantity, price, key_id=number))


STEPS: dict[str, Step] = {
    "settlement": _position,
    "maturity": _mature,
    "redemption": _redemption,
    "reward": _reward,
    "p2p_expiry": _p2p,
    "movement": movement,
    "sub_closing": _sub_closing,
    "bot": _bot,
}
