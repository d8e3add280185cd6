"""The paper venue: a whole venue in memory, with a clock and faults that a test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from closeout.facts.duck import DuckFacts
from closeout.facts.engine import Engine
from closeout.facts.schema import Earn, Loan, OpenOrder, Position, Relation, Transfer
from closeout.venues.base import (
    RECORD_KINDS,
    Act,
    Command,
    Destination,
    Holder,
    Quote,
    Receipt,
    ReceiptState,
    Rejected,
    Remedy,
    Unreachable,
)  # fmt: skip
from closeout.venues.paper_book import EXACT, ZERO, Book, Terms, facts_of, floor
from closeout.venues.paper_doing import DO, Doing, penalty_of, price_of, rate_of


class Fault(StrEnum):
    """What goes wrong with one call."""

    BEFORE = "before"  # the call is lost on its way: nothing happens
    AFTER = "after"  # everything happens, the answer is lost
    HALF = "half"  # the first half of a batch happens, the answer is lost
    SLOW = "slow"  # nobody waits so long; it happens all the same
    TWICE = "twice"  # the call is delivered twice


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time, naive UTC."""
        return self.at

    def pass_time(self, span: timedelta) -> None:
        """Go on by ``span``."""
        self.at += span


@dataclass
class Calls:
    """How often the venue was asked, for counting round trips."""

    engine: int = 0
    quote: int = 0
    submit: int = 0
    receipts: int = 0
    commands: int = 0


@dataclass
class Paper:
    """A venue in memory. ``faults`` gives a fault, or None, for each call by its name."""

    clock: Clock
    book: Book
    name: str = "paper"
    faults: Callable[[str], Fault | None] = lambda _: None
    before_submit: Callable[[], None] = lambda: None  # the world moves while a command is on its way
    calls: Calls = field(default_factory=Calls)
    done: dict[str, tuple[str, Receipt]] = field(default_factory=dict)  # key → digest, receipt
    effects: list[tuple[str, Command]] = field(default_factory=list)  # what really happened, in order

    @classmethod
    def of(cls, rows: Sequence[Relation], *, at: datetime, terms: Mapping[str, Terms] | None = None) -> Paper:
        """Return a venue that holds ``rows``; balances are added with :meth:`deposit`."""
        book = Book({"USDT": Terms(), **(terms or {})})
        for row in rows:
            book.rows[row.name].append(row)
        for row in rows:  # what an item locks, its wallet holds
            if isinstance(row, OpenOrder):
                book.post(row.account_id, "trading", row.asset, ZERO, locked=row.locked)
            if isinstance(row, Loan) and row.collateral_asset is not None:
                book.post(row.account_id, "funding", row.collateral_asset, ZERO, locked=row.collateral)
        return cls(Clock(at), book)

    def deposit(self, account_id: int, wallet: str, asset: str, amount: Decimal) -> None:
        """Credit (or, with a negative amount, debit below zero) a wallet from outside."""
        pair = self.book.money.setdefault((account_id, wallet, asset), [ZERO, ZERO])
        pair[0] = EXACT.add(pair[0], amount)
        self.book.outside[asset] = EXACT.subtract(self.book.outside[asset], amount)

    def now(self) -> datetime:
        """Return the venue's time, naive UTC; what is due by then has happened."""
        self._settle()
        return self.clock()

    def engine(self, accounts: Sequence[int]) -> Engine:
        """Return an engine over the facts of ``accounts``. Raises: Unreachable."""
        self.calls.engine += 1
        self._fault("engine")
        self._settle()
        return DuckFacts.of(facts_of(self.book, accounts), as_of=self.clock())

    def quote(self, commands: Sequence[Command]) -> Sequence[Quote]:
        """Say what each command would do now; moves nothing. Raises: Unreachable."""
        self.calls.quote += 1
        self._fault("quote")
        return [self._quote(command) for command in commands]

    def submit(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Receipt]:
        """Do each command once per key. Raises: Unreachable, Rejected("key_reused")."""
        self.calls.submit += 1
        self.before_submit()
        self._settle()
        fault = self.faults("submit")
        if fault is Fault.BEFORE:
            raise Unreachable("lost on its way")
        some = commands[: len(commands) // 2] if fault is Fault.HALF else commands
        answers = [self._once(key, command) for key, command in some]
        if fault is Fault.TWICE:
            answers = [self._once(key, command) for key, command in some]
        if fault in (Fault.AFTER, Fault.HALF, Fault.SLOW):
            raise Unreachable("the answer was lost")
        return answers

    def receipts(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the receipts that exist for ``keys``. Raises: Unreachable."""
        self.calls.receipts += 1
        self._fault("receipts")
        return {key: self.done[key][1] for key in keys if key in self.done}

    def holder(self, account_id: int) -> Holder | None:  # noqa: ARG002 - nobody is behind paper
        """Return ``None``: nobody is behind an account on paper."""
        return None

    def destinations(self, account_id: int) -> Sequence[Destination]:
        """Return the verified address book."""
        return tuple(self.book.addresses.get(account_id, ()))

    def records(self, account_id: int, kind: str) -> Iterator[Mapping[str, Any]]:
        """Stream the balances and withdrawals that the paper venue keeps. Raises: ValueError."""
        if kind not in RECORD_KINDS:
            raise ValueError(f"unknown kind of record: {kind}")
        if kind == "balances":
            for (account, wallet, asset), (available, locked) in sorted(self.book.money.items()):
                if account == account_id:
                    yield {"wallet": wallet, "asset": asset, "available": available, "locked": locked}
        if kind == "withdrawals":
            for account, asset, address, amount in self.book.sent:
                if account == account_id:
                    yield {"asset": asset, "address": address, "amount": amount}

    def total(self, asset: str) -> Decimal:
        """Return the sum over every wallet and the outside: zero, always."""
        held = sum((sum(pair, ZERO) for (_, _, code), pair in self.book.money.items() if code == asset), ZERO)
        return held + self.book.outside[asset]

    def _fault(self, call: str) -> None:
        if self.faults(call) not in (None, Fault.TWICE):
            raise Unreachable(f"{call} was not answered")

    def _settle(self) -> None:
        now, book = self.clock(), self.book
        for row in list(book.rows["transfer"]):
            if isinstance(row, Transfer) and row.expected_at is not None and row.expected_at <= now:
                book.drop(row)
        for row in list(book.rows["position"]):
            if (
                isinstance(row, Position)
                and row.settlement_pending
                and row.settles_at
                and row.settles_at <= now
            ):
                book.drop(row)
                book.post(row.account_id, "trading", row.asset, row.unrealised)
        for row in list(book.rows["earn"]):
            due = isinstance(row, Earn) and row.matures_at is not None and row.matures_at <= now
            if isinstance(row, Earn) and due and (row.redeeming or not row.redeemable) and not row.auto_renew:
                book.drop(row)
                book.post(row.account_id, "funding", row.asset, row.amount)

    def _once(self, key: str, command: Command) -> Receipt:
        if key in self.done:
            digest, receipt = self.done[key]
            if digest != command.digest():
                raise Rejected("key_reused")
            return receipt
        doing, kept = Doing(self.book, command, self.clock()), self.book.copy()
        try:
            self._admit(command)
            DO[command.kind](doing)
        except Rejected as no:
            self.book = kept
            receipt = Receipt(key, ReceiptState.REJECTED, self.clock(), no.reason)
        else:
            state = ReceiptState.PENDING if doing.pending else ReceiptState.DONE
            receipt = Receipt(key, state, self.clock(), moved=tuple(doing.moved))
            self.effects.append((key, command))
        self.done[key] = (command.digest(), receipt)
        return receipt

    def _admit(self, command: Command) -> None:
        state = self.book.account(command.account_id).state
        if state == "closed" and command.kind is not Act.ERASE:
            raise Rejected("closed")

    def _quote(self, command: Command) -> Quote:
        doing = Doing(self.book.copy(), command, self.clock())
        try:
            self._admit(command)
            quote = _priced(doing)
            if command.kind in (Remedy.GATHER, Remedy.REPAY_LOAN, Remedy.CLOSE_SUB_ACCOUNT):
                return quote  # earlier commands decide whether the money is there
            if command.asset is not None and command.amount is not None:
                doing.book.money[command.account_id, "funding", command.asset] = [command.amount, ZERO]
            DO[command.kind](doing)
        except Rejected as no:
            return _refused(doing, no.reason)
        return quote


def _priced(doing: Doing) -> Quote:
    book, command, at = doing.book, doing.command, doing.now
    later = None if book.settle_after is None else at + book.settle_after
    match command.kind:
        case Remedy.CLOSE_POSITION:
            position = book.find(Position, command.account_id, "position_id", command.items[0])
            mark, price = price_of(doing, position.instrument.partition("-")[0], position.quantity)
            return Quote(command, True, price=price, price_at=at, mark=mark, quantity=position.quantity,
                         proceeds=position.unrealised, proceeds_asset=position.asset,
                         done_at=later)  # fmt: skip
        case Remedy.REDEEM:
            earn = book.find(Earn, command.account_id, "earn_id", command.items[0])
            penalty = penalty_of(doing, earn)
            return Quote(command, True, proceeds=earn.amount - penalty, proceeds_asset=earn.asset,
                         penalty=penalty or None, done_at=later)  # fmt: skip
        case Remedy.REPAY_LOAN:
            loan = book.find(Loan, command.account_id, "loan_id", command.items[0])
            return Quote(command, True, proceeds=loan.collateral, proceeds_asset=loan.collateral_asset,
                         fee=loan.interest, fee_asset=loan.asset)  # fmt: skip
        case Remedy.CONVERT:
            asset, amount = doing.taken()
            to_asset = command.params.get("to_asset", "USDT")
            mark, price = rate_of(doing, asset, amount, to_asset)
            return Quote(command, True, price=price, price_at=at, mark=mark, proceeds_asset=to_asset,
                         proceeds=floor(amount * price, book.terms[to_asset].scale))  # fmt: skip
        case Remedy.WITHDRAW:
            asset, amount = doing.taken()
            fee = book.terms[asset].fee
            return Quote(command, True, proceeds=amount - fee, proceeds_asset=asset, fee=fee, fee_asset=asset,
                         done_at=later)  # fmt: skip
        case _:
            return Quote(command, True)


def _refused(doing: Doing, reason: str) -> Quote:
    command, book = doing.command, doing.book
    if reason == "penalty":
        return _with(_priced(doing), reason)
    if reason == "daily_limit":
        most = book.terms[command.asset or ""].daily_max
        at = doing.now + timedelta(days=1)
        return Quote(
            command,
            False,
            reason,
            most=most,
            more_at=at,
            daily_max=most,
            fee=book.terms[command.asset or ""].fee,
        )
    return Quote(command, False, reason)


def _with(quote: Quote, reason: str) -> Quote:
    return Quote(quote.command, False, reason, proceeds=quote.proceeds, proceeds_asset=quote.proceeds_asset,
                 penalty=quote.penalty, done_at=quote.done_at)  # fmt: skip
