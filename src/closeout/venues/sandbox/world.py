"""The outside world: what chains, banks, holders, support and authorities do. For tests, the demo, and the seed.

Every function takes an open connection and does one thing in one transaction, or as part of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from closeout.venues.base import Rejected
from closeout.venues.sandbox import settling, trading
from closeout.venues.sandbox.ledger import Place, Work, one, rejection

Connection = psycopg.Connection[Any]

RETURN_WINDOW = timedelta(days=30)  # in which a bank can send a transfer back


@contextmanager
def work_on(connection: Connection, account_id: int, kind: str, *, origin: str = "holder") -> Iterator[Work]:
    """Begin a piece of work on one account, its row locked. Raises: Rejected, also for what the ledger refuses."""
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(
                "select sandbox.now() from sandbox.account where account_id = %s for no key update",
                (account_id,),
            )
            yield Work(cursor, one(cursor)[0], account_id, kind, origin)
    except psycopg.Error as error:
        refused = rejection(error)
        if refused is None:
            raise
        raise refused from error


def set_clock(connection: Connection, instant: datetime) -> None:
    """Stop the clock at ``instant`` (naive UTC); ``SandboxVenue.settle`` does what was due by then."""
    connection.execute("update sandbox.clock set instant = %s, runs_since = null", (instant,))


def run_clock(connection: Connection) -> datetime:
    """Let the exchange's clock show the machine's time and run with it; return it, naive UTC."""
    row = connection.execute(
        "update sandbox.clock set instant = clock_timestamp() at time zone 'UTC', "
        "runs_since = clock_timestamp() at time zone 'UTC' returning instant"
    ).fetchone()
    if row is None:
        raise Rejected("not_found", "the clock is missing")
    instant: datetime = row[0]
    return instant


def pass_time(connection: Connection, span: timedelta) -> datetime:
    """Let time pass; return the new time, naive UTC."""
    row = connection.execute(
        "update sandbox.clock set instant = instant + %s returning sandbox.now()", (span,)
    ).fetchone()
    if row is None:
        raise Rejected("not_found", "the clock is missing")
    instant: datetime = row[0]
    return instant


def deposit(
    connection: Connection,
    account_id: int,
    *,
    asset: str,
    amount: Decimal,
    key: str | None = None,
    minutes: int = 0,
    kind: str = "deposit",
) -> int:
    """Let a deposit arrive: final at once, or in ``minutes``; return its number. The same key arrives once.

    An account that is closed by then gets it in suspense. Raises: Rejected("not_found").
    """
    with work_on(connection, account_id, "deposit", origin="outside") as work:
        work.cursor.execute(
            "insert into sandbox.movement (account_id, kind, asset, amount, started_at, expected_at, key) "
            "values (%s, %s, %s, %s, %s, %s, %s) on conflict (key) do nothing returning movement_id",
            (account_id, kind, asset, amount, work.now, work.now + timedelta(minutes=minutes), key),
        )
        row = work.cursor.fetchone()
        if row is None:
            work.cursor.execute("select movement_id from sandbox.movement where key = %s", (key,))
            return int(one(work.cursor)[0])
        if minutes == 0:
            settling.movement(work, row[0])
        return int(row[0])


def drop_withdrawal(connection: Connection, movement_id: int) -> None:
    """Let a withdrawal that is on its way be dropped by its chain when it is due. Raises: Rejected("not_found")."""
    changed = connection.execute(
        "update sandbox.movement set drops = true where movement_id = %s and state = 'pending' returning 1",
        (movement_id,),
    )
    if changed.fetchone() is None:
        raise Rejected("not_found")


def bank_return(connection: Connection, account_id: int, movement_id: int) -> None:
    """Let a bank send a final fiat withdrawal back: to funding, or to suspense after closing; the fee stays.

    Raises: Rejected("not_found") also if it came back already, or was final more than 30 days ago.
    """
    with work_on(connection, account_id, "bank_return", origin="outside") as work:
        work.cursor.execute(
            "update sandbox.movement set state = 'returned' where movement_id = %s and account_id = %s "
            "and kind = 'fiat_out' and state = 'final' and final_at >= %s returning asset, amount",
            (movement_id, account_id, work.now - RETURN_WINDOW),
        )
        asset, amount = one(work.cursor)
        settling.arrive(work, Place(account_id, "custody", asset, owner="house"), amount, movement_id)


def claim_suspense(connection: Connection, account_id: int, *, asset: str) -> Decimal:
    """Pay out what arrived after closing, to the former holder's proven address; return how much that was."""
    with work_on(connection, account_id, "claim", origin="venue") as work:
        suspense = Place(account_id, "suspense", asset, owner="suspense")
        return work.sweep(suspense, suspense.house("custody"))


def claim_unclaimed(connection: Connection, account_id: int, *, asset: str) -> Decimal:
    """Pay out what was forfeited, to the former holder's proven address; return how much that was."""
    with work_on(connection, account_id, "claim", origin="venue") as work:
        unclaimed = Place(account_id, "unclaimed", asset, owner="house")
        return work.sweep(unclaimed, unclaimed.house("custody"))


def move(
    connection: Connection, account_id: int, *, asset: str, amount: Decimal, wallet: str, to_wallet: str
) -> None:
    """Let the holder move money between two of their wallets. Raises: Rejected."""
    with work_on(connection, account_id, "move") as work:
        work.move(Place(account_id, wallet, asset), Place(account_id, to_wallet, asset), amount)


def place_order(connection: Connection, account_id: int, order: trading.Order) -> int:
    """Let the holder place an order; return its number. Raises: Rejected("insufficient", "frozen", "closed")."""
    with work_on(connection, account_id, "order") as work:
        return trading.place(work, order)


def fill(connection: Connection, account_id: int, order_id: int, quantity: Decimal) -> None:
    """Let the market execute part of an order, or all of it. Raises: Rejected("not_found")."""
    with work_on(connection, account_id, "fill", origin="venue") as work:
        trading.fill(work, order_id, quantity)


def withdraw_by_holder(connection: Connection, account_id: int, *, asset: str, amount: Decimal) -> None:
    """Let the holder try to send money out on their own; a frozen account refuses. Raises: Rejected."""
    with work_on(connection, account_id, "withdraw") as work:
        funding = Place(account_id, "funding", asset)
        work.move(funding, funding.house("custody"), amount)


def reverse(connection: Connection, entry_id: int) -> int:
    """Reverse an entry by a new one; return its number. Raises: psycopg.Error if it was reversed before."""
    row = connection.execute("select sandbox.reverse_entry(%s, 'reversal', 'venue')", (entry_id,)).fetchone()
    if row is None:
        raise Rejected("not_found")
    return int(row[0])


def change_security(
    connection: Connection, account_id: int, kind: str, *, happened_at: datetime | None
) -> None:
    """Record a change of a security setting; ``happened_at`` None is a fault of the data."""
    connection.execute(
        "insert into sandbox.security_event (account_id, kind, happened_at) values (%s, %s, %s)",
        (account_id, kind, happened_at),
    )


def place_hold(
    connection: Connection, account_id: int, *, kind: str = "judicial", scope: str = "both"
) -> int:
    """Place a hold; return its number."""
    with work_on(connection, account_id, "hold", origin="outside") as work:
        work.cursor.execute(
            "insert into sandbox.hold (account_id, kind, scope, placed_at) values (%s, %s, %s, %s) returning hold_id",
            (account_id, kind, scope, work.now),
        )
        return int(one(work.cursor)[0])


def release_hold(connection: Connection, hold_id: int) -> None:
    """Release a hold."""
    connection.execute("update sandbox.hold set released_at = sandbox.now() where hold_id = %s", (hold_id,))


def verify_identity(connection: Connection, account_id: int, *, valid_until: datetime | None) -> None:
    """Let the holder's identity be verified anew."""
    connection.execute(
        "update sandbox.identity set state = 'verified', is_applicant = true, valid_until = %s, "
        "verified_at = sandbox.now() where account_id = %s",
        (valid_until, account_id),
    )


def reach(connection: Connection, account_id: int, kind: str, *, reachable: bool = True) -> None:
    """Set whether the holder can be reached by ``kind`` (email or phone)."""
    connection.execute(
        "update sandbox.contact set reachable = %s, confirmed_at = sandbox.now() where account_id = %s and kind = %s",
        (reachable, account_id, kind),
    )


def end_dispute(connection: Connection, account_id: int) -> None:
    """Let support end every dispute and appeal of the account; what a C2C order locked is free again."""
    with work_on(connection, account_id, "dispute_ended", origin="venue") as work:
        work.cursor.execute(
            "update sandbox.dispute set state = 'closed' where account_id = %s", (account_id,)
        )
        work.cursor.execute(
            "update sandbox.p2p_order set appeal = case when appeal = 'open' then 'closed' else appeal end, "
            "state = 'cancelled' where account_id = %s and state in ('open', 'paid') returning side, asset, amount",
            (account_id,),
        )
        for side, asset, amount in work.cursor.fetchall():
            if side == "sell":
                locked = Place(account_id, "funding", asset, "locked")
                work.move(locked, Place(account_id, "funding", asset), amount)
        work.cursor.execute(
            "update sandbox.movement set disputed = false where account_id = %s", (account_id,)
        )


def settle_rebates(connection: Connection, account_id: int) -> None:
    """Let support end affiliate contracts and pay what is due to funding."""
    with work_on(connection, account_id, "rebate", origin="venue") as work:
        work.cursor.execute(
            "with was as (select rebate_id, asset, amount from sandbox.rebate where account_id = %s and state = 'open' "
            "for update) update sandbox.rebate as r set state = 'closed', "
            "amount = case when r.amount is null then null else 0 end "
            "from was where r.rebate_id = was.rebate_id returning was.asset, was.amount",
            (account_id,),
        )
        for asset, amount in work.cursor.fetchall():
            if asset is not None:
                funding = Place(account_id, "funding", asset)
                work.move(funding.house("rebates"), funding, amount)


def set_price(connection: Connection, asset: str, price: Decimal | None) -> None:
    """Change the price of an asset, or let nobody quote it any more; the time of the price is now."""
    connection.execute(
        "update sandbox.asset set price = %s, priced_at = sandbox.now() where asset = %s", (price, asset)
    )


def set_mark(connection: Connection, instrument: str, mark: Decimal) -> None:
    """Move the market of an instrument."""
    connection.execute("update sandbox.instrument set mark = %s where instrument = %s", (mark, instrument))


def set_source(connection: Connection, relation: str, *, state: str, age: timedelta = timedelta(0)) -> None:
    """Let the source of a relation fail (``failed``), be incomplete (``partial``) or stale (by its ``age``)."""
    connection.execute(
        "update sandbox.source set state = %s, age = %s where relation = %s", (state, age, relation)
    )
