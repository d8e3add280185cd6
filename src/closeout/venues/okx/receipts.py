"""Exactly once at a venue that keeps no receipts: intent and outcome of each key, in a file of our own."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from closeout.venues.base import Command, Moved, Receipt, ReceiptState, Rejected, Remedy

SCHEMA = """
create table if not exists receipt (
    key text primary key, digest text not null, command text not null, sent_at text not null, mark text not null,
    state text, at text, reason text, moved text not null default '[]', notes text not null default '{}'
)
"""


@dataclass(frozen=True)
class Intent:
    """A command that was written down before it was sent; its outcome is not known yet."""

    key: str
    sent_at: datetime
    mark: str = ""  # what the venue showed last before it was sent, where it keeps no number of ours


class Receipts:
    """The file of receipts. ``None`` keeps it in memory only (dry runs, tests)."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._file.execute("pragma synchronous = full")
        self._file.execute(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._file.close()

    def find(self, key: str, command: Command | None = None) -> Receipt | Intent | None:
        """Return what is known of ``key``. Raises: Rejected("key_reused") if it came with another command."""
        with self._lock:
            row = self._file.execute(
                "select digest, sent_at, mark, state, at, reason, moved, notes from receipt where key = ?",
                (key,),
            ).fetchone()
        if row is None:
            return None
        digest, sent_at, mark, state, at, reason, moved, notes = row
        if command is not None and command.digest() != digest:
            raise Rejected("key_reused")
        if state is None:
            return Intent(key, datetime.fromisoformat(sent_at), mark)
        lines = tuple(Moved(wallet, asset, Decimal(amount)) for wallet, asset, amount in json.loads(moved))
        return Receipt(key, ReceiptState(state), datetime.fromisoformat(at), reason, lines, json.loads(notes))

    def intend(self, key: str, command: Command, *, at: datetime, mark: str = "") -> None:
        """Write down that ``command`` is about to be sent; a known key keeps its first line."""
        said = json.dumps(
            {
                "kind": str(command.kind),
                "account_id": command.account_id,
                "items": list(command.items),
                "asset": command.asset,
                "amount": None if command.amount is None else f"{command.amount:f}",
                "params": dict(command.params),
            }
        )
        with self._lock:
            self._file.execute(
                "insert or ignore into receipt (key, digest, command, sent_at, mark) values (?, ?, ?, ?, ?)",
                (key, command.digest(), said, at.isoformat(), mark),
            )

    def settle(self, receipt: Receipt) -> Receipt:
        """Write down the outcome and return it."""
        moved = json.dumps([[line.wallet, line.asset, f"{line.amount:f}"] for line in receipt.moved])
        with self._lock:
            self._file.execute(
                "update receipt set state = ?, at = ?, reason = ?, moved = ?, notes = ? where key = ?",
                (
                    str(receipt.state),
                    receipt.at.isoformat(),
                    receipt.reason,
                    moved,
                    json.dumps(dict(receipt.notes)),
                    receipt.key,
                ),
            )
        return receipt

    def unsettled(self) -> list[tuple[str, Command]]:
        """Return the commands whose outcome is not known, oldest first: a process ended before it was."""
        with self._lock:
            rows = self._file.execute(
                "select key, command from receipt where state is null order by sent_at"
            ).fetchall()
        return [(key, _command(json.loads(said))) for key, said in rows]

    def settled(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the known outcomes among ``keys``."""
        found = {key: self.find(key) for key in keys}
        return {key: one for key, one in found.items() if isinstance(one, Receipt)}


def _command(said: Mapping[str, Any]) -> Command:
    return Command(
        kind=Remedy(said["kind"]),
        account_id=said["account_id"],
        items=tuple(said["items"]),
        asset=said["asset"],
        amount=None if said["amount"] is None else Decimal(said["amount"]),
        params=said["params"],
    )
