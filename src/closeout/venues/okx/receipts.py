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

from closeout.venues.base import Command, Moved, Receipt, ReceiptState, Rejected

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
        said = json.dumps([str(command.kind), command.account_id, list(command.items), command.asset])
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

    def settled(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the known outcomes among ``keys``."""
        found = {key: self.find(key) for key in keys}
        return {key: one for key, one in found.items() if isinstance(one, Receipt)}
