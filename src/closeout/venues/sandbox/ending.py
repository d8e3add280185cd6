"""The end of access and of accounts: keys, payment methods, freezing, closing, erasing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from closeout.venues.base import Command, Quote, ReceiptState, Rejected
from closeout.venues.sandbox.ledger import Cursor, Work, numbers, one, single

DAY = timedelta(hours=24)
GONE = "erased"


def revoke_keys(work: Work, command: Command) -> None:
    """Revoke keys, grants and bots; one that is revoked already is not an error. Raises: Rejected("not_found")."""
    wanted = numbers(command.items)
    work.cursor.execute(
        "with was as (select key_id, revoked_at from sandbox.api_key where account_id = %s and key_id = any(%s) "
        "for update), done as (update sandbox.api_key as k set revoked_at = %s from was "
        "where k.key_id = was.key_id and was.revoked_at is null returning k.key_id), "
        "told as (insert into sandbox.security_event (account_id, kind, happened_at) "
        "select %s, 'key_revoked', %s from done) select count(*) from was",
        (work.account_id, wanted, work.now, work.account_id, work.now),
    )
    if one(work.cursor)[0] != len(set(wanted)):
        raise Rejected("not_found")


def unbind(work: Work, command: Command) -> None:
    """Unbind payment methods; one that is unbound already is not an error. Raises: Rejected("not_found")."""
    wanted = numbers(command.items)
    work.cursor.execute(
        "with was as (select method_id, unbound_at from sandbox.payment_method where account_id = %s "
        "and method_id = any(%s) for update), done as (update sandbox.payment_method as m set unbound_at = %s from was "
        "where m.method_id = was.method_id and was.unbound_at is null returning m.method_id), "
        "told as (insert into sandbox.security_event (account_id, kind, happened_at) "
        "select %s, 'method_unbound', %s from done) select count(*) from was",
        (work.account_id, wanted, work.now, work.account_id, work.now),
    )
    if one(work.cursor)[0] != len(set(wanted)):
        raise Rejected("not_found")


def freeze(work: Work, _: Command) -> None:
    """Freeze the account and its sub-accounts for their holder, and end their sessions; again changes nothing."""
    work.cursor.execute(
        "update sandbox.account set state = 'frozen' where (account_id = %s or parent_id = %s) and state = 'open'",
        (work.account_id, work.account_id),
    )
    end_sessions(work)


def unfreeze(work: Work, _: Command) -> None:
    """Give the account and its sub-accounts back to their holder; again changes nothing."""
    work.cursor.execute(
        "update sandbox.account set state = 'open' where (account_id = %s or parent_id = %s) and state = 'frozen'",
        (work.account_id, work.account_id),
    )


def end_sessions(work: Work) -> None:
    """End every session of the account and its sub-accounts."""
    work.cursor.execute(
        "update sandbox.session set ended_at = %s where ended_at is null and account_id in "
        "(select account_id from sandbox.account where account_id = %s or parent_id = %s)",
        (work.now, work.account_id, work.account_id),
    )


def close(work: Work, _: Command) -> None:
    """Close for good: keys and sessions die first, then a closing entry blocks every posting, then all is re-checked.

    The account's row is locked by then, so that a deposit either was posted before and refuses the closing, or
    comes after and lands in suspense. Raises: Rejected("restricted", "not_empty").
    """
    work.cursor.execute(
        "update sandbox.api_key set revoked_at = %s where account_id = %s and revoked_at is null",
        (work.now, work.account_id),
    )
    end_sessions(work)
    if held(work.cursor, work.account_id, "closing"):
        raise Rejected("restricted")
    left = holdings(work.cursor, work.account_id)
    if left:
        raise Rejected("not_empty", ", ".join(left))
    shut(work, work.account_id)


def shut(work: Work, account_id: int) -> None:
    """Post the closing entry of an empty account. Raises: psycopg.Error by the ledger if it is not empty."""
    work.cursor.execute("select sandbox.begin_closing(%s, null)", (account_id,))
    work.cursor.execute("select sandbox.post_closing(%s)", one(work.cursor))


def held(cursor: Cursor, account_id: int, scope: str) -> bool:
    """Return whether a hold stands against ``scope``."""
    cursor.execute(
        "select 1 from sandbox.hold where account_id = %s and released_at is null and scope in (%s, 'both')",
        (account_id, scope),
    )
    return cursor.fetchone() is not None


HOLDINGS = """
select 'balance' where exists (
    select 1 from sandbox.ledger where account_id = %(a)s and owner = 'holder' and balance <> 0)
union all select 'open_order' where exists (
    select 1 from sandbox.trade_order where account_id = %(a)s and state = 'open')
union all select 'position' where exists (
    select 1 from sandbox.position where account_id = %(a)s and state <> 'settled')
union all select 'loan' where exists (select 1 from sandbox.loan where account_id = %(a)s and state = 'open')
union all select 'earn' where exists (select 1 from sandbox.earn where account_id = %(a)s and state <> 'paid')
union all select 'p2p_order' where exists (
    select 1 from sandbox.p2p_order where account_id = %(a)s and (state in ('open', 'paid') or appeal = 'open'))
union all select 'transfer' where exists (
    select 1 from sandbox.movement where account_id = %(a)s and (state = 'pending' or disputed))
union all select 'sub_account' where exists (
    select 1 from sandbox.account where parent_id = %(a)s and state <> 'closed')
"""


def holdings(cursor: Cursor, account_id: int) -> list[str]:
    """Return the names of the relations in which the account still has something."""
    cursor.execute(HOLDINGS, {"a": account_id})
    return [name for (name,) in cursor.fetchall()]


def close_sub_account(work: Work, command: Command) -> None:
    """Close an empty sub-account, or queue it where today's limit is used up; again changes nothing.

    Raises: Rejected("not_found", "not_empty").
    """
    sub_id, state, closable_at = sub_of(work.cursor, command, work.now)
    if state == "closed":
        return
    if holdings(work.cursor, sub_id):
        raise Rejected("not_empty")
    if closable_at is None:
        shut_sub(work, sub_id)
        return
    work.cursor.execute(
        "update sandbox.account set close_queued_at = coalesce(close_queued_at, %s), "
        "closable_at = coalesce(closable_at, %s) where account_id = %s returning closable_at",
        (work.now, closable_at, sub_id),
    )
    work.notes["closable_at"] = one(work.cursor)[0].isoformat()
    work.state = ReceiptState.PENDING


def shut_sub(work: Work, sub_id: int) -> None:
    """Close one sub-account with its keys and sessions."""
    work.cursor.execute(
        "update sandbox.api_key set revoked_at = %s where account_id = %s and revoked_at is null",
        (work.now, sub_id),
    )
    work.cursor.execute(
        "update sandbox.session set ended_at = %s where account_id = %s and ended_at is null",
        (work.now, sub_id),
    )
    shut(work, sub_id)


def sub_of(cursor: Cursor, command: Command, now: datetime) -> tuple[int, str, datetime | None]:
    """Return number and state of the sub-account, and when it can be closed if not now (the n-th in the queue)."""
    cursor.execute(
        "select s.account_id, s.state, m.sub_closes_daily_max, "
        "(select array_agg(x.closed_at order by x.closed_at) from sandbox.account as x "
        "where x.parent_id = m.account_id and x.closed_at > %s), "
        "(select count(*) from sandbox.account as x where x.parent_id = m.account_id and x.state <> 'closed' "
        "and x.close_queued_at is not null and x.account_id <> s.account_id) "
        "from sandbox.account as s join sandbox.account as m on m.account_id = s.parent_id "
        "where s.account_id = %s and m.account_id = %s",
        (now - DAY, single(command), command.account_id),
    )
    sub_id, state, most, recent, queued = one(cursor)
    closes = list(recent or [])
    if len(closes) + queued < most:
        return sub_id, state, None
    round_number, place = divmod(queued, most)
    first = closes[place] if place < len(closes) else now
    return sub_id, state, first + DAY * (round_number + 1)


def quote_sub_account(cursor: Cursor, command: Command, now: datetime) -> Quote:
    """Say when a sub-account can be closed; whether it is empty by then is another matter."""
    _, _, closable_at = sub_of(cursor, command, now)
    return Quote(command, True, done_at=closable_at)


PERSONAL = ("person", "contact", "payment_method", "api_key", "address", "login", "message", "session")


def erase(work: Work, _: Command) -> None:
    """Overwrite, then delete the personal data of a closed account; ledger and trades stay under the number.

    Raises: Rejected("not_closed", "restricted").
    """
    work.cursor.execute("select state from sandbox.account where account_id = %s", (work.account_id,))
    if one(work.cursor)[0] != "closed":
        raise Rejected("not_closed")
    if held(work.cursor, work.account_id, "erasure"):
        raise Rejected("restricted")
    forget(work.cursor, [work.account_id], now=work.now)
    work.notes["erased"] = ", ".join(PERSONAL)


def forget(cursor: Cursor, accounts: Sequence[int], *, now: datetime) -> None:
    """Overwrite, then delete what is personal of ``accounts`` and their sub-accounts, whatever their state.

    An exchange that was restored from a backup forgets again by this. Idempotent.
    """
    family = (
        "(select account_id from sandbox.account where account_id = any(%(a)s) or parent_id = any(%(a)s))"
    )
    bindings = {"a": list(accounts), "gone": GONE, "now": now}
    overwrite = (
        "person set sealed = ''",
        "payment_method set label = %(gone)s",
        "api_key set label = %(gone)s",
        "address set address = %(gone)s || address_id, memo = '', label = %(gone)s",
        "login set device = %(gone)s, place = %(gone)s",
        "message set subject = %(gone)s, body = %(gone)s",
        "movement set address = null, memo = null",
        "account set label = null, erased_at = coalesce(erased_at, %(now)s)",
    )
    for change in overwrite:
        cursor.execute(f"update sandbox.{change} where account_id in {family}", bindings)
    for table in PERSONAL:
        cursor.execute(f"delete from sandbox.{table} where account_id in {family}", bindings)
    cursor.execute(
        f"update sandbox.receipt set command = '{{}}', moved = '[]' where account_id in {family}", bindings
    )
