"""Realised gains by lot, in exact decimals: FIFO, LIFO, HIFO and average cost. Pure.

A basis is split so that its parts sum to it exactly: each part is rounded to 18 decimals, the last one takes the
rest. Nothing is guessed: without a price or a basis the gain is none, and the gap is listed.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from closeout.records.tax.events import INCOME, Event, Kind, Money

EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
STEP = Decimal(1).scaleb(-18)
ZERO = Decimal(0)

Prices = Callable[
    [str, datetime], Decimal | None
]  # asset, naive UTC -> value of one unit, or none if unknown


class Method(StrEnum):
    """Which lot is used first. AVERAGE pools all lots of one asset."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIFO = "hifo"
    AVERAGE = "average"


@dataclass
class Lot:
    """What is left of one acquisition. ``basis`` None: nobody knows what it cost."""

    reference: str
    at: datetime
    amount: Decimal
    basis: Decimal | None

    def take(self, amount: Decimal) -> Decimal | None:
        """Remove ``amount`` and return its share of the basis."""
        if self.basis is None:
            self.amount -= amount
            return None
        if amount == self.amount:
            share = self.basis
        else:
            share = EXACT.divide(EXACT.multiply(self.basis, amount), self.amount)
            share = EXACT.quantize(share, STEP)
        self.amount = EXACT.subtract(self.amount, amount)
        self.basis = EXACT.subtract(self.basis, share)
        return share


def _unit_cost(lot: Lot) -> Decimal:
    return Decimal(-1) if lot.basis is None else EXACT.divide(lot.basis, lot.amount)


@dataclass(frozen=True, kw_only=True)
class Match:
    """A part of one disposal and the lot it came from. ``gain`` None: a price or a basis is missing."""

    asset: str
    amount: Decimal
    disposed_at: datetime
    disposal: str
    acquired_at: datetime | None
    acquisition: str | None
    proceeds: Decimal | None
    basis: Decimal | None
    taxable: bool = True

    @property
    def gain(self) -> Decimal | None:
        """Return proceeds less basis."""
        if self.proceeds is None or self.basis is None:
            return None
        return EXACT.subtract(self.proceeds, self.basis)


@dataclass(frozen=True)
class Income:
    """What came in as income, at its value then."""

    at: datetime
    kind: Kind
    money: Money
    value: Decimal | None
    reference: str


@dataclass(frozen=True)
class Gap:
    """Why a figure is missing: ``price``, ``basis`` (coins of unknown cost) or ``lot`` (more sold than known)."""

    what: str
    at: datetime
    asset: str
    amount: Decimal
    reference: str


Finding = Match | Income | Gap


@dataclass
class Gains:
    """Everything that was realised, earned, and could not be told; what is left over is in ``open``."""

    currency: str
    method: Method
    matches: list[Match] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    open: dict[str, list[Lot]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep one finding."""
        if isinstance(finding, Match):
            self.matches.append(finding)
        elif isinstance(finding, Income):
            self.incomes.append(finding)
        else:
            self.gaps.append(finding)


def realise(
    events: Iterable[Event],
    *,
    currency: str,
    method: Method,
    prices: Prices = lambda _asset, _at: None,
    basis: Callable[[Event], Decimal | None] = lambda _event: None,
) -> Gains:
    """Return the gains of ``events`` (in order of time), valued in ``currency``.

    A fee of a trade lowers the proceeds of what was sold, or raises the basis of what was bought with ``currency``;
    paid in another asset it disposes of that asset too. Coins that leave or are lent keep their basis and make no
    gain; coins that come in from outside have the basis that ``basis`` tells.
    """
    gains = Gains(currency, method)
    books = Books(gains, emit=gains.add, prices=prices, basis=basis)
    for event in events:
        books.book(event)
    return gains


class Books:
    """The books of one method, event by event; each finding goes to ``emit``, memory holds open lots only."""

    def __init__(
        self,
        gains: Gains,
        *,
        emit: Callable[[Finding], None],
        prices: Prices,
        basis: Callable[[Event], Decimal | None] = lambda _event: None,
    ) -> None:
        self.gains = gains
        self._emit = emit
        self._prices = prices
        self._basis = basis

    def book(self, event: Event) -> None:
        """Enter one event."""
        if event.kind is Kind.TRADE and event.received and event.sent:
            self._trade(event, event.received, event.sent)
            return
        if event.received:
            self._receive(event, event.received)
        for money in (event.sent, event.fee):
            if money:
                self._part_with(event, money)

    def _trade(self, event: Event, received: Money, sent: Money) -> None:
        sides = (received, sent) if received.asset == self.gains.currency else (sent, received)
        value = self._value(event, sides[0], quiet=True)
        if value is None:
            value = self._value(event, sides[1])
        fee = self._value(event, event.fee) if event.fee else ZERO
        into_stock = sent.asset == self.gains.currency
        proceeds = None if value is None or fee is None else (value if into_stock else value - fee)
        self._dispose(event, sent, proceeds)
        cost = None if value is None or fee is None else (value + fee if into_stock else value)
        self._acquire(event, received, cost)
        if event.fee:
            self._dispose(event, event.fee, fee)

    def _receive(self, event: Event, money: Money) -> None:
        if event.kind in INCOME:
            value = self._value(event, money)
            self._emit(Income(event.at, event.kind, money, value, event.reference))
            self._acquire(event, money, value)
        elif event.kind is Kind.LOAN:
            self._acquire(event, money, self._value(event, money))
        elif money.asset != self.gains.currency:
            cost = self._basis(event)
            if cost is None:
                self._gap("basis", event, money)
            self._acquire(event, money, cost)

    def _part_with(self, event: Event, money: Money) -> None:
        costs = event.kind in {Kind.FEE, Kind.LOAN_INTEREST, Kind.LOSS} or money is event.fee
        self._dispose(event, money, self._value(event, money) if costs else None, taxable=costs)

    def _value(self, event: Event, money: Money, *, quiet: bool = False) -> Decimal | None:
        """Return what ``money`` is worth in the currency; a missing price is noted as a gap."""
        if money.asset == self.gains.currency:
            return money.amount
        price = self._prices(money.asset, event.at)
        if price is None:
            if not quiet:
                self._gap("price", event, money)
            return None
        return EXACT.multiply(money.amount, price)

    def _gap(self, what: str, event: Event, money: Money) -> None:
        self._emit(Gap(what, event.at, money.asset, money.amount, event.reference))

    def _acquire(self, event: Event, money: Money, cost: Decimal | None) -> None:
        if money.asset == self.gains.currency or money.amount == 0:
            return
        lots = self.gains.open.setdefault(money.asset, [])
        lot = Lot(event.reference, event.at, money.amount, cost)
        pool = next((one for one in lots if one.basis is not None), None)
        if self.gains.method is Method.AVERAGE and pool and pool.basis is not None and cost is not None:
            pool.amount, pool.basis = EXACT.add(pool.amount, lot.amount), EXACT.add(pool.basis, cost)
        elif self.gains.method is Method.HIFO:
            bisect.insort_left(lots, lot, key=_unit_cost)  # the dearest last; of equals the oldest last
        else:
            lots.append(lot)

    def _dispose(self, event: Event, money: Money, proceeds: Decimal | None, *, taxable: bool = True) -> None:
        if money.asset == self.gains.currency:
            return
        left, left_proceeds = money.amount, proceeds
        lots = self.gains.open.setdefault(money.asset, [])
        while left > 0:
            lot = self._next(lots)
            amount = left if lot is None else min(left, lot.amount)
            part = left_proceeds
            if left_proceeds is not None and amount != left:
                part = EXACT.quantize(EXACT.divide(EXACT.multiply(left_proceeds, amount), left), STEP)
            if left_proceeds is not None and part is not None:
                left_proceeds = EXACT.subtract(left_proceeds, part)
            left = EXACT.subtract(left, amount)
            self._match(event, Money(money.asset, amount), lot, part, taxable=taxable)
            if lot is not None and lot.amount == 0:
                lots.pop(-1 if lots[-1] is lot else 0)

    def _next(self, lots: list[Lot]) -> Lot | None:
        """Return the lot to use next. HIFO: the dearest per unit, unknown cost last; of equals the oldest."""
        if not lots:
            return None
        return lots[-1] if self.gains.method in {Method.LIFO, Method.HIFO} else lots[0]

    def _match(
        self, event: Event, money: Money, lot: Lot | None, proceeds: Decimal | None, *, taxable: bool
    ) -> None:
        if lot is None and taxable:
            self._gap("lot", event, money)
        self._emit(
            Match(
                asset=money.asset,
                amount=money.amount,
                disposed_at=event.at,
                disposal=event.reference,
                acquired_at=lot.at if lot else None,
                acquisition=lot.reference if lot else None,
                proceeds=proceeds,
                basis=lot.take(money.amount) if lot else None,
                taxable=taxable,
            )
        )
