"""What the paper venue holds: accounts, money and items in memory."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TypeVar

from closeout.facts.schema import RELATIONS, Account, Balance, Relation, SubAccount
from closeout.venues.base import Destination, Rejected

EXACT = Context(prec=76)
ZERO = Decimal(0)
R = TypeVar("R", bound=Relation)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How the paper venue treats one asset. ``price`` in USDT; None: nobody quotes it."""

    price: Decimal | None = Decimal(1)
    withdraw_min: Decimal | None = Decimal("0.001")
    fee: Decimal = ZERO
    scale: int = 8
    convert_min: Decimal = ZERO
    delisted: bool = False
    daily_max: Decimal | None = None
    memo: bool = False
    slippage: Decimal = ZERO  # how far a sale falls below the mark


@dataclass
class Book:
    """Everything that is true at the venue. ``outside`` is the other side of every movement."""

    terms: dict[str, Terms]
    rows: dict[str, list[Relation]] = field(default_factory=lambda: {name: [] for name in RELATIONS})
    money: dict[tuple[int, str, str], list[Decimal]] = field(default_factory=dict)  # available, locked
    outside: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unclaimed: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    addresses: dict[int, list[Destination]] = field(default_factory=dict)
    early_penalty: dict[str, Decimal | None] = field(default_factory=dict)  # by earn_id; None: impossible
    sent: list[tuple[int, str, str, Decimal]] = field(default_factory=list)  # account, asset, address, amount
    settle_after: timedelta | None = None  # withdrawals, positions and redemptions take so long

    def copy(self) -> Book:
        """Return a copy that changes without this one; rows are frozen and shared."""
        return dataclasses.replace(
            self,
            rows={name: list(rows) for name, rows in self.rows.items()},
            money={place: list(pair) for place, pair in self.money.items()},
            outside=defaultdict(Decimal, self.outside),
            unclaimed=defaultdict(Decimal, self.unclaimed),
            addresses={account: list(ways) for account, ways in self.addresses.items()},
            sent=list(self.sent),
        )

    def find(self, kind: type[R], account_id: int, column: str, item: str) -> R:
        """Return one row. Raises: Rejected("not_found")."""
        for row in self.rows[kind.name]:
            if isinstance(row, kind) and row.account_id == account_id and getattr(row, column) == item:
                return row
        raise Rejected("not_found")

    def drop(self, row: Relation) -> None:
        """Remove one row."""
        self.rows[row.name].remove(row)

    def swap(self, row: R, **changes: object) -> R:
        """Change one row and return it as it is now."""
        changed = dataclasses.replace(row, **changes)  # type: ignore[arg-type]
        self.rows[row.name][self.rows[row.name].index(row)] = changed
        return changed

    def account(self, account_id: int) -> Account:
        """Return the account's row. Raises: Rejected("not_found")."""
        for row in self.rows["account"]:
            if isinstance(row, Account) and row.account_id == account_id:
                return row
        raise Rejected("not_found")

    def available(self, account_id: int, wallet: str, asset: str) -> Decimal:
        """Return what is available."""
        return self.money.get((account_id, wallet, asset), [ZERO, ZERO])[0]

    def post(
        self, account_id: int, wallet: str, asset: str, amount: Decimal, *, locked: Decimal = ZERO
    ) -> None:
        """Change what is available and locked; the other side is outside. Raises: Rejected."""
        pair = self.money.setdefault((account_id, wallet, asset), [ZERO, ZERO])
        if amount < 0 and pair[0] + amount < 0:
            raise Rejected("insufficient")
        pair[0] = EXACT.add(pair[0], amount)
        pair[1] = EXACT.add(pair[1], locked)
        self.outside[asset] = EXACT.subtract(self.outside[asset], EXACT.add(amount, locked))

    def balances(self) -> list[Relation]:
        """Return the relation ``balance``."""
        found: list[Relation] = []
        for (account_id, wallet, asset), (available, locked) in sorted(self.money.items()):
            if available or locked:
                terms = self.terms[asset]
                price = terms.price
                value = None if price is None else (available + locked) * price
                found.append(Balance(account_id, wallet, asset, available, locked, terms.withdraw_min, value))
        return found

    def sub_accounts(self) -> list[Relation]:
        """Return the relation ``sub_account``."""
        found: list[Relation] = []
        for row in self.rows["account"]:
            if isinstance(row, Account) and row.parent_id is not None:
                held = len(holdings(self, row.account_id))
                found.append(SubAccount(row.parent_id, str(row.account_id), "", row.state, held, None))
        return found


def floor(amount: Decimal, scale: int) -> Decimal:
    """Return ``amount`` cut to ``scale`` decimals."""
    return amount.quantize(Decimal(1).scaleb(-scale), ROUND_FLOOR, EXACT)


def holdings(book: Book, account_id: int) -> list[str]:
    """Return the names of the relations in which the account still has something."""
    found = [name for name in ("open_order", "position", "loan", "earn", "transfer")
             if any(row.account_id == account_id for row in book.rows[name])]  # fmt: skip
    if any(account == account_id and any(pair) for (account, _, _), pair in book.money.items()):
        found.append("balance")
    subs = (row for row in book.rows["account"] if isinstance(row, Account) and row.parent_id == account_id)
    return found + ["sub_account" for sub in subs if sub.state != "closed"]


def facts_of(book: Book, accounts: Sequence[int]) -> dict[str, list[Relation]]:
    """Return the rows of ``accounts`` by relation."""
    wanted = set(accounts)
    rows = {**book.rows, "balance": book.balances(), "sub_account": book.sub_accounts()}
    return {name: [row for row in found if row.account_id in wanted] for name, found in rows.items()}
