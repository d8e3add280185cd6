"""The records of an account, streamed: what the holder takes along before closing (R-REC-1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from closeout.venues.base import RECORD_KINDS

ROWS_AT_ONCE = 1000

QUERIES: Mapping[str, str] = {
    "trades": """
        select account_id, trade_id, order_id, position_id, instrument, side, quantity, price, fee,
        fee_asset, traded_at
        from sandbox.trade
        where account_id = any(%(family)s)
        order by trade_id
    """,
    "orders": """
        select account_id, order_id, kind, instrument, side, quantity, filled, price, state, placed_at, ended_at
        from sandbox.trade_order
        where account_id = any(%(family)s)
        order by order_id
    """,
    "transfers": """
        select account_id, transfer_id, kind, origin, wallet, bucket, asset,
        cast(amount as numeric(36, 18)), posted_at
        from sandbox.line
        where account_id = any(%(family)s) and owner = 'holder'
        and kind in ('gather', 'send', 'donate', 'forfeit', 'move')
        order by transfer_id, amount
    """,
    "deposits": """
        select account_id, movement_id, kind, asset, amount, fee, state, disputed, network, address,
        started_at, final_at
        from sandbox.movement
        where account_id = any(%(family)s)
        and kind in ('deposit', 'fiat_in', 'card')
        order by movement_id
    """,
    "withdrawals": """
        select account_id, movement_id, kind, asset, amount, fee, state, network, address, memo, started_at, final_at
        from sandbox.movement
        where account_id = any(%(family)s)
        and kind in ('withdrawal', 'fiat_out')
        order by movement_id
    """,
    "earn": """
        select account_id, earn_id, product, asset, amount, auto_renew, subscribed_at, matures_at, state, paid_at
        from sandbox.earn
        where account_id = any(%(family)s)
        order by earn_id
    """,
    "loans": """
        select account_id, loan_id, asset, principal, hourly_rate, interest_paid, collateral_asset, collateral,
        borrowed_at, state, repaid_at
        from sandbox.loan
        where account_id = any(%(family)s)
        order by loan_id
    """,
    "fees": """
        select account_id, transfer_id, kind, wallet as ledger, asset, cast(amount as numeric(36, 18)), posted_at
        from sandbox.line
        where account_id = any(%(family)s) and owner = 'house'
        and wallet in ('fees', 'interest', 'penalties') and amount > 0
        order by transfer_id
    """,
    "conversions": """
        select account_id, conversion_id, from_asset, amount, to_asset, proceeds, price, fee, converted_at
        from sandbox.conversion
        where account_id = any(%(family)s)
        order by conversion_id
    """,
    "ledger": """
        select account_id, transfer_id, entry_id, kind, origin, wallet, bucket, asset,
        cast(amount as numeric(36, 18)), posted_at
        from sandbox.line
        where account_id = any(%(family)s) and owner in ('holder', 'suspense')
        order by transfer_id, amount
    """,
    "balances": """
        select account_id, wallet, bucket, asset, cast(balance as numeric(36, 18))
        from sandbox.ledger
        where account_id = any(%(family)s) and owner = 'holder'
        order by account_id, wallet, bucket, asset
    """,
    "logins": """
        select account_id, login_id, happened_at, device, place
        from sandbox.login
        where account_id = any(%(family)s)
        order by login_id
    """,
    "security_events": """
        select account_id, event_id, kind, happened_at
        from sandbox.security_event
        where account_id = any(%(family)s)
        order by happened_at nulls first, event_id
    """,
    "identity": """
        select a.account_id, i.state, i.valid_until, i.is_applicant, i.verified_at, a.jurisdiction, a.opened_at
        from sandbox.identity as i join sandbox.account as a using (account_id)
        where a.account_id = any(%(family)s)
    """,
    "messages": """
        select account_id, message_id, sent_at, subject, body
        from sandbox.message
        where account_id = any(%(family)s)
        order by message_id
    """,
}


def stream(connection: psycopg.Connection[Any], account_id: int, kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of one kind, oldest first, of the account and its sub-accounts; ``account_id`` says whose.

    They come over a cursor on the server: memory stays small for any history.

    Raises: ValueError for an unknown kind.
    """
    family = _family(connection, account_id, kind)
    with connection.transaction(), connection.cursor(f"records_{kind}", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(QUERIES[kind], {"family": family})
        yield from cursor


def columns(connection: psycopg.Connection[Any], account_id: int, kind: str) -> Iterator[Any]:
    """Yield the same as :func:`stream` in columns (Arrow batches), many times faster. Raises: ValueError."""
    from closeout.cluster.columns import copied  # heavy: pyarrow

    family = _family(connection, account_id, kind)
    with connection.cursor() as cursor:
        yield from copied(cursor, QUERIES[kind], {"family": family})


def _family(connection: psycopg.Connection[Any], account_id: int, kind: str) -> list[int]:
    """Return the account and its sub-accounts. Raises: ValueError for an unknown kind."""
    if kind not in RECORD_KINDS:
        raise ValueError(f"no such kind of record: {kind}; known are {', '.join(RECORD_KINDS)}")
    rows = connection.execute(
        "select account_id from sandbox.account where account_id = %(a)s or parent_id = %(a)s",
        {"a": account_id},
    ).fetchall()
    return [number for (number,) in rows]
