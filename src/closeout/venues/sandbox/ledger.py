"""The ledger as commands see it: places that hold money, and moves between them, all under one entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import psycopg

from closeout.venues.base import Command, Moved, ReceiptState, Rejected

Cursor = psycopg.Cursor[Any]

EXACT = Context(prec=80)
ENTRY = (
    "coalesce(%s::bigint, sandbox.open_entry(%s, %s, %s, %s))"  # the second half only where the first is null
)
REASONS = {
    "CO001": "closed",
    "CO002": "frozen",
    "CO003": "restricted",
    "CO006": "too_precise",
    "CO007": "not_empty",
}


@dataclass(frozen=True)
class Place:
    """Where money lies: whose it is, in which wallet and bucket, and which asset."""

    account_id: int
    wallet: str
    asset: str
    bucket: str = "available"
    owner: str = "holder"

    def house(self, ledger: str) -> Place:
        """Return the house's ledger of that name, in the slice of this account and asset."""
        return Place(self.account_id, ledger, self.asset, owner="house")

    def key(self) -> tuple[str, int, str, str, str]:
        """Return the arguments of ``sandbox.ledger_of``."""
        return self.owner, self.account_id, self.wallet, self.bucket, self.asset


@dataclass
class Work:
    """One piece of work in one transaction: its cursor and time, the entry it posts under, what it moved."""

    cursor: Cursor
    now: datetime
    account_id: int
    kind: str
    origin: str
    key: str | None = None
    entry_id: int | None = None
    state: ReceiptState = ReceiptState.DONE
    notes: dict[str, str] = field(default_factory=dict)
    sums: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def move(self, debit: Place, credit: Place, amount: Decimal) -> None:
        """Move ``amount`` from ``debit`` to ``credit``; nothing for zero. Raises: psycopg.Error by the ledger."""
        if amount == 0:
            return
        self.cursor.execute(
            f"insert into sandbox.transfer (entry_id, debit_id, credit_id, asset, amount) values ({ENTRY}, "
            "sandbox.ledger_of(%s, %s, %s, %s, %s), sandbox.ledger_of(%s, %s, %s, %s, %s), %s, %s) returning entry_id",
            (*self._entry(), *debit.key(), *credit.key(), debit.asset, amount),
        )
        self.entry_id = one(self.cursor)[0]
        self._count(debit, credit, amount)

    def sweep(self, debit: Place, credit: Place, most: Decimal | None = None) -> Decimal:
        """Move all that is above zero, at most ``most``, decided on the locked row; return what moved."""
        self.cursor.execute(
            f"with e as materialized (select {ENTRY} as entry_id) "
            "select e.entry_id, sandbox.sweep(e.entry_id, sandbox.ledger_of(%s, %s, %s, %s, %s), "
            "sandbox.ledger_of(%s, %s, %s, %s, %s), %s) from e",
            (*self._entry(), *debit.key(), *credit.key(), most),
        )
        self.entry_id, amount = one(self.cursor)
        self._count(debit, credit, amount)
        return Decimal(amount)

    def _entry(self) -> tuple[object, ...]:
        """Return the values for :data:`ENTRY`: the entry of this work is opened by its first movement."""
        return self.entry_id, self.kind, self.origin, self.account_id, self.key

    def moved(self) -> tuple[Moved, ...]:
        """Return what this work moved in the wallets of its account, signed, without zeros."""
        return tuple(Moved(*place, amount) for place, amount in sorted(self.sums.items()) if amount)

    def _count(self, debit: Place, credit: Place, amount: Decimal) -> None:
        for place, signed in ((debit, -amount), (credit, amount)):
            if place.owner == "holder" and place.account_id == self.account_id:
                at = (place.wallet, place.asset)
                self.sums[at] = self.sums.get(at, Decimal(0)) + signed


def one(cursor: Cursor) -> tuple[Any, ...]:
    """Return the next row. Raises: Rejected("not_found") if there is none."""
    row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise Rejected("not_found")
    return row


def single(command: Command) -> int:
    """Return the one item of ``command`` as a number. Raises: Rejected("not_found")."""
    return numbers(command.items)[0] if len(command.items) == 1 else missing()


def numbers(items: Iterable[str]) -> list[int]:
    """Return the venue's numbers as integers. Raises: Rejected("not_found") for anything else, or for none."""
    found = [
        int(item) if item.isascii() and item.isdigit() and len(item) < 19 else missing() for item in items
    ]
    return found or [missing()]


def missing() -> int:
    """Raise Rejected("not_found")."""
    raise Rejected("not_found")


def limit(command: Command, name: str) -> Decimal | None:
    """Return the number that ``params`` gives under ``name``. Raises: Rejected("not_found") if it is none."""
    text = command.params.get(name)
    if text is None:
        return None
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise Rejected("not_found", f"{name} is no number") from None
    return value if value.is_finite() else Decimal(missing())


def floor(amount: Decimal, scale: int) -> Decimal:
    """Round down to ``scale`` decimals."""
    return amount.quantize(Decimal(1).scaleb(-scale), ROUND_FLOOR, context=EXACT)


def ceiling(amount: Decimal, scale: int) -> Decimal:
    """Round up to ``scale`` decimals."""
    return amount.quantize(Decimal(1).scaleb(-scale), ROUND_CEILING, context=EXACT)


def times(left: Decimal, right: Decimal) -> Decimal:
    """Multiply exactly: two amounts of 36 digits have a product of at most 72."""
    return EXACT.multiply(left, right)


def rejection(error: psycopg.Error) -> Rejected | None:
    """Return the rejection that an error of the ledger stands for; none if it is a fault of another kind."""
    if error.sqlstate == "23514" and error.diag.constraint_name == "no_overdraft":
        return Rejected("insufficient")
    if error.sqlstate == "23514" and error.diag.constraint_name == "transfer_amount_check":
        return Rejected("minimum")
    if error.sqlstate == "23503" and error.diag.constraint_name == "ledger_asset_fkey":
        return Rejected("not_found", "no such asset")
    if error.sqlstate == "22003":
        return Rejected("insufficient", "a number out of range")
    reason = REASONS.get(error.sqlstate or "")
    return Rejected(reason) if reason else None
