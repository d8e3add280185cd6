"""Exactly once: a receipt per key, written in the transaction that moves the money."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from closeout.venues.base import Command, Moved, Receipt, ReceiptState, Rejected
from closeout.venues.sandbox.ledger import Cursor, Work

Keyed = tuple[str, Command]

COLUMNS = "key, digest, state, at, reason, moved, notes"
CLAIM = """
insert into sandbox.receipt (key, digest, account_id, kind, command)
select s.key, s.digest, s.account_id, s.kind, s.command
from jsonb_to_recordset(%s::jsonb) as s (key varchar, digest varchar, account_id bigint, kind varchar, command jsonb)
on conflict (key) do nothing returning key, at
"""
ANSWER = """
update sandbox.receipt as r set state = s.state, reason = s.reason, moved = s.moved, notes = s.notes
from jsonb_to_recordset(%s::jsonb) as s (key varchar, state varchar, reason varchar, moved jsonb, notes jsonb)
where r.key = s.key
"""


def claim(cursor: Cursor, commands: Sequence[Keyed]) -> tuple[datetime | None, dict[str, Receipt]]:
    """Take the keys of ``commands`` in one statement; return the venue's time and the receipts that exist already.

    The time is None if every key was known. Whoever comes second waits here until the first has committed or given
    up. Raises: Rejected("key_reused").
    """
    rows = [
        {"key": key, "digest": command.digest(), "account_id": command.account_id, "kind": str(command.kind),
         "command": said(command)}
        for key, command in commands
    ]  # fmt: skip
    cursor.execute(CLAIM, (json.dumps(rows),))
    taken: dict[str, datetime] = dict(cursor.fetchall())
    digests = {key: command.digest() for key, command in reversed(commands) if key in taken}
    known: dict[str, Receipt] = {}
    before = [key for key, _ in commands if key not in taken]
    if before:
        cursor.execute(f"select {COLUMNS} from sandbox.receipt where key = any(%s)", (before,))
        for row in cursor.fetchall():
            digests[row[0]], known[row[0]] = row[1], read(row)
    if any(digests.get(key) != command.digest() for key, command in commands):
        raise Rejected("key_reused")
    return next(iter(taken.values()), None), known


def said(command: Command) -> dict[str, Any]:
    """Return what ``command`` says, for the receipt."""
    amount = None if command.amount is None else f"{command.amount:f}"
    return {"items": command.items, "asset": command.asset, "amount": amount, "params": dict(command.params)}


def done(key: str, at: datetime, work: Work) -> Receipt:
    """Return the receipt of ``work``."""
    return Receipt(key, work.state, at, None, work.moved(), work.notes)


def rejected(key: str, at: datetime, why: Rejected) -> Receipt:
    """Return the receipt of a rejection: the same key gets the same answer, whatever happens later."""
    detail = str(why)
    return Receipt(
        key, ReceiptState.REJECTED, at, why.reason, notes={} if detail == why.reason else {"detail": detail}
    )


def write(cursor: Cursor, answers: Sequence[Receipt]) -> None:
    """Write the outcomes of claimed keys in one statement."""
    rows = [
        {"key": one.key, "state": str(one.state), "reason": one.reason, "notes": dict(one.notes),
         "moved": [[line.wallet, line.asset, f"{line.amount:f}"] for line in one.moved]}
        for one in answers
    ]  # fmt: skip
    if rows:
        cursor.execute(ANSWER, (json.dumps(rows),))


def read(row: Any) -> Receipt:
    """Read a receipt from a row of :data:`COLUMNS`."""
    key, _, state, at, reason, moved, notes = row
    lines = tuple(Moved(wallet, asset, Decimal(amount)) for wallet, asset, amount in moved)
    return Receipt(key, ReceiptState(state), at, reason, lines, notes)


def find(cursor: Cursor, keys: Sequence[str]) -> Mapping[str, Receipt]:
    """Return the receipts that exist for ``keys``."""
    cursor.execute(
        f"select {COLUMNS} from sandbox.receipt where key = any(%s) and state <> 'working'", (list(keys),)
    )
    return {row[0]: read(row) for row in cursor.fetchall()}
