"""Exactly once: a receipt per key, written in the transaction that moves the money."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from closeout.venues.base import Command, Moved, Receipt, ReceiptState, Rejected
from closeout.venues.sandbox.ledger import Cursor, Work

COLUMNS = "key, digest, state, at, reason, moved, notes"


def claim(cursor: Cursor, key: str, command: Command) -> Receipt | datetime:
    """Take ``key`` for ``command`` and return the venue's time; or the receipt that exists already.

    Whoever comes second waits here until the first has committed or given up. Raises: Rejected("key_reused").
    """
    cursor.execute(
        "insert into sandbox.receipt (key, digest, account_id, kind, command) values (%s, %s, %s, %s, %s) "
        "on conflict (key) do nothing returning at",
        (key, command.digest(), command.account_id, str(command.kind), json.dumps(said(command))),
    )
    row = cursor.fetchone()
    if row is not None:
        taken: datetime = row[0]
        return taken
    cursor.execute(f"select {COLUMNS} from sandbox.receipt where key = %s", (key,))
    existing = cursor.fetchone()
    if existing is None or existing[1] != command.digest():
        raise Rejected("key_reused")
    return read(existing)


def said(command: Command) -> dict[str, Any]:
    """Return what ``command`` says, for the receipt."""
    amount = None if command.amount is None else f"{command.amount:f}"
    return {"items": command.items, "asset": command.asset, "amount": amount, "params": dict(command.params)}


def finish(cursor: Cursor, key: str, work: Work) -> Receipt:
    """Write the outcome of ``work`` into its receipt."""
    moved = json.dumps([[line.wallet, line.asset, f"{line.amount:f}"] for line in work.moved()])
    return _write(cursor, key, (str(work.state), None, moved, json.dumps(work.notes)))


def reject(cursor: Cursor, key: str, rejected: Rejected) -> Receipt:
    """Write a rejection: the same key gets the same answer, whatever happens later."""
    detail = str(rejected)
    notes = {} if detail == rejected.reason else {"detail": detail}
    return _write(cursor, key, (str(ReceiptState.REJECTED), rejected.reason, "[]", json.dumps(notes)))


def _write(cursor: Cursor, key: str, outcome: tuple[str, str | None, str, str]) -> Receipt:
    cursor.execute(
        "update sandbox.receipt set state = %s, reason = %s, moved = %s, notes = %s where key = %s "
        f"returning {COLUMNS}",
        (*outcome, key),
    )
    return read(cursor.fetchone())


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
