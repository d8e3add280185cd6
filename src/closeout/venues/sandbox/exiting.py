"""What an exit asks of many accounts at once: restrict, freeze, close, take into custody; a few statements for all.

The rules are those of one account (``ending.py``): the same locks in the same order, the same receipts, and the
ledger's own triggers have the last word. Where they refuse one of many, the caller asks for each alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg

from closeout.venues.base import Act, Command, Receipt, ReceiptState, Rejected
from closeout.venues.sandbox import ending, receipts
from closeout.venues.sandbox.ledger import Cursor, Place, Work, one

Connection = psycopg.Connection[Any]
Keyed = tuple[str, Command]
LEVELS: Mapping[str, int] = {"no_new_accounts": 1, "no_deposits": 2, "reduce_only": 3, "withdraw_only": 4}
TOGETHER = frozenset({Act.FREEZE, Act.CLOSE})  # acts that many accounts share a transaction for

# Where something is left: the names of the relations, as one account alone is told them.
LEFT = f"""
select a.account_id, array_agg(h.name)
from unnest(%(accounts)s::bigint[]) as a (account_id)
cross join lateral ({ending.HOLDINGS.replace("%(a)s", "a.account_id")}) as h (name)
group by a.account_id
"""
ORDER = re.findall(r"select '(\w+)'", ending.HOLDINGS)
FAMILY = "(select account_id from sandbox.account where account_id = any(%(a)s) or parent_id = any(%(a)s))"
CLOSE = """
with opened as (
    insert into sandbox.entry (kind, origin, account_id)
    select 'closing', 'engine', account_id from unnest(%(a)s::bigint[]) as account_id
    returning entry_id, account_id
)
update sandbox.account as a set closing_entry_id = o.entry_id from opened as o
where a.account_id = o.account_id and a.closing_entry_id is null and a.state <> 'closed'
returning a.account_id
"""
SHUT = """
update sandbox.account set state = 'closed', closed_at = %(now)s
where account_id = any(%(a)s) and closing_entry_id is not null and state <> 'closed' returning account_id
"""


def apart(commands: Sequence[Keyed]) -> bool:
    """Return whether ``commands`` can share statements: one kind of :data:`TOGETHER`, every account once."""
    kinds = {command.kind for _, command in commands}
    accounts = {command.account_id for _, command in commands}
    one_each = len(commands) > 1 and len(accounts) == len(commands)
    return one_each and len(kinds) == 1 and kinds <= TOGETHER


def attempt(connection: Connection, commands: Sequence[Keyed]) -> list[Receipt] | None:
    """Do ``commands`` together, or nothing: None where the database refuses one, so that each is asked for alone.

    Raises: Rejected("key_reused"), psycopg.OperationalError.
    """
    try:
        return submit(connection, commands)
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
        return None
    except psycopg.OperationalError:
        raise
    except psycopg.Error:
        return None


def submit(connection: Connection, commands: Sequence[Keyed]) -> list[Receipt]:
    """Do one act for many accounts in one transaction; a known key answers with its receipt.

    Raises: Rejected("key_reused"), psycopg.Error (nothing was done: ask for each alone).
    """
    kind = commands[0][1].kind
    accounts = sorted(command.account_id for _, command in commands)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            f"select account_id, state from sandbox.account where account_id in {FAMILY} "
            "order by account_id for no key update",
            {"a": accounts},
        )
        states: dict[int, str] = dict(cursor.fetchall())
        now, answers = receipts.claim(cursor, commands)
        new = [(key, command) for key, command in commands if key not in answers]
        if now is not None:
            refused = _refusals(cursor, kind, states, new)
            able = [command.account_id for key, command in new if key not in refused]
            (_close if kind is Act.CLOSE else _freeze)(cursor, able, now)
            for key, _ in new:
                no = refused.get(key)
                answers[key] = (
                    Receipt(key, ReceiptState.DONE, now) if no is None else receipts.rejected(key, now, no)
                )
            receipts.write(cursor, [answers[key] for key, _ in new])
        return [answers[key] for key, _ in commands]


def _refusals(
    cursor: Cursor, kind: object, states: Mapping[int, str], new: Sequence[Keyed]
) -> dict[str, Rejected]:
    """Return why each key that cannot be done is refused, as one account alone is told it."""
    accounts = [command.account_id for _, command in new]
    held, left = frozenset[int](), {}
    if kind is Act.CLOSE:
        cursor.execute(
            "select distinct account_id from sandbox.hold where account_id = any(%s) and released_at is null "
            "and scope in ('closing', 'both')",
            (accounts,),
        )
        held = frozenset(account for (account,) in cursor.fetchall())
        cursor.execute(LEFT, {"accounts": accounts})
        left = {account: ", ".join(sorted(names, key=ORDER.index)) for account, names in cursor.fetchall()}
    found = {}
    for key, command in new:
        account = command.account_id
        if account not in states:
            found[key] = Rejected("not_found", "no such account")
        elif states[account] == "closed":
            found[key] = Rejected("closed")
        elif account in held:
            found[key] = Rejected("restricted")
        elif account in left:
            found[key] = Rejected("not_empty", left[account])
    return found


def _close(cursor: Cursor, accounts: Sequence[int], now: datetime) -> None:
    """Keys and sessions die first, then the closing entries block every posting, then the accounts are shut."""
    values = {"a": list(accounts), "now": now}
    cursor.execute(
        "update sandbox.api_key set revoked_at = %(now)s where account_id = any(%(a)s) and revoked_at is null",
        values,
    )
    _end_sessions(cursor, values)
    cursor.execute(CLOSE, values)
    if len(cursor.fetchall()) != len(accounts):
        raise psycopg.errors.RaiseException("an account is closing already")
    cursor.execute(SHUT, values)


def _freeze(cursor: Cursor, accounts: Sequence[int], now: datetime) -> None:
    values = {"a": list(accounts), "now": now}
    cursor.execute(
        f"update sandbox.account set state = 'frozen' where account_id in {FAMILY} and state = 'open'", values
    )
    _end_sessions(cursor, values)


def _end_sessions(cursor: Cursor, values: Mapping[str, Any]) -> None:
    cursor.execute(
        f"update sandbox.session set ended_at = %(now)s where ended_at is null and account_id in {FAMILY}",
        values,
    )


def restrict(cursor: Cursor, accounts: Sequence[int], level: str) -> int:
    """Leave ``accounts`` no more than ``level`` allows; never more than before. Return how many changed."""
    cursor.execute(
        "insert into sandbox.restriction (account_id, level, since) "
        "select account_id, %s, sandbox.now() from sandbox.account where account_id = any(%s) and state <> 'closed' "
        "on conflict (account_id) do update set level = excluded.level, since = excluded.since "
        "where restriction.level < excluded.level returning account_id",
        (LEVELS[level], list(accounts)),
    )
    return len(cursor.fetchall())


def lift(cursor: Cursor, accounts: Sequence[int]) -> int:
    """Give ``accounts`` back everything; return how many changed."""
    cursor.execute("delete from sandbox.restriction where account_id = any(%s)", (list(accounts),))
    return int(cursor.rowcount)


def level_of(cursor: Cursor, account_id: int) -> int:
    """Return what is left to the account: 0 for everything."""
    cursor.execute("select level from sandbox.restriction where account_id = %s", (account_id,))
    row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def take_custody(connection: Connection, account_id: int) -> list[tuple[str, Decimal]]:
    """Move what nobody claimed to the ledger of unclaimed property, asset by asset, nothing converted.

    Only what is free moves: a frozen or judicially held balance stays where it is. Returns what was moved.
    Raises: Rejected.
    """
    moved = []
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "select sandbox.now() from sandbox.account where account_id = %s and state <> 'closed' "
            "for no key update",
            (account_id,),
        )
        work = Work(cursor, one(cursor)[0], account_id, "custody", "venue")
        if ending.held(cursor, account_id, "closing"):
            return []
        cursor.execute(
            "select wallet, asset from sandbox.ledger where account_id = %s and owner = 'holder' "
            "and bucket = 'available' and balance > 0 order by ledger_id",
            (account_id,),
        )
        for wallet, asset in cursor.fetchall():
            place = Place(account_id, wallet, asset)
            moved.append((asset, work.sweep(place, place.house("unclaimed"))))
    return moved


MEMBERS = """
select
    a.account_id,
    coalesce((select sum(b.value) from facts.balance as b where b.account_id = a.account_id), 0) as value,
    greatest(
        a.opened_at, (select max(l.happened_at) from sandbox.login as l where l.account_id = a.account_id)
    ) as active_at
from sandbox.account as a
where a.parent_id is null and a.state <> 'closed'
    and (%(jurisdictions)s::varchar[] is null or a.jurisdiction = any(%(jurisdictions)s))
    and (%(accounts)s::bigint[] is null or a.account_id = any(%(accounts)s))
    and (%(products)s::varchar[] is null or exists (
        select 1 from sandbox.earn as e join sandbox.product as p using (product)
        where e.account_id = a.account_id and e.state <> 'paid' and p.kind = any(%(products)s)
    ))
    and (%(inactive_since)s::timestamp is null or (a.opened_at < %(inactive_since)s and not exists (
        select 1 from sandbox.login as l where l.account_id = a.account_id and l.happened_at >= %(inactive_since)s
    )))
order by a.account_id
"""
Member = tuple[int, Decimal, datetime]


def population(
    cursor: Cursor,
    *,
    jurisdictions: Sequence[str] | None = None,
    inactive_since: datetime | None = None,
    products: Sequence[str] | None = None,
    accounts: Sequence[int] | None = None,
) -> list[Member]:
    """Return (account, value in USDT, last act of ownership) of every living main account that the filter means.

    Parts that are left out do not narrow it. An act of ownership is a login. ``inactive_since``: naive UTC.
    """
    cursor.execute(
        MEMBERS,
        {
            "jurisdictions": None if jurisdictions is None else list(jurisdictions),
            "inactive_since": inactive_since,
            "products": None if products is None else list(products),
            "accounts": None if accounts is None else list(accounts),
        },
    )
    return cursor.fetchall()


def living(cursor: Cursor) -> int:
    """Return how many main accounts are not closed."""
    cursor.execute("select count(*) from sandbox.account where parent_id is null and state <> 'closed'")
    return int(one(cursor)[0])


def reachable(cursor: Cursor, accounts: Sequence[int]) -> list[tuple[int, str]]:
    """Return (account, email or sms) for every contact of ``accounts`` that can be written to."""
    cursor.execute(
        "select account_id, case kind when 'phone' then 'sms' else kind end from sandbox.contact "
        "where account_id = any(%s) and reachable order by 1, 2",
        (list(accounts),),
    )
    return cursor.fetchall()


def open_business(cursor: Cursor, accounts: Sequence[int]) -> list[tuple[int, str, str]]:
    """Return (account, order or position, number) of what a settlement ends, by account."""
    cursor.execute(
        "select account_id, 'order', order_id::varchar from sandbox.trade_order "
        "where account_id = any(%(a)s) and state = 'open' union all "
        "select account_id, 'position', position_id::varchar from sandbox.position "
        "where account_id = any(%(a)s) and state = 'open' order by 1, 2, 3",
        {"a": list(accounts)},
    )
    return cursor.fetchall()
