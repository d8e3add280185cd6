"""The ledger as tax events: one canonical list, from which every file is written.

Each event says what came in, what went out and what the fee was. Per asset the events sum to the ledger, always:
what cannot be understood becomes an event marked ``review``; nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

ZERO = Decimal(0)


class Kind(StrEnum):
    """What an event is for a tax office. The first half comes in, the second goes out."""

    TRADE = "trade"
    DEPOSIT = "deposit"
    INTEREST = "interest"
    REWARD = "reward"
    AIRDROP = "airdrop"
    REBATE = "rebate"
    PROFIT = "profit"
    LOAN = "loan"
    WITHDRAWAL = "withdrawal"
    FEE = "fee"
    LOAN_INTEREST = "loan_interest"
    REPAYMENT = "repayment"
    LOSS = "loss"
    GIFT = "gift"
    DONATION = "donation"
    FORFEIT = "forfeit"
    REVIEW_IN = "review_in"
    REVIEW_OUT = "review_out"


INCOME = frozenset({Kind.INTEREST, Kind.REWARD, Kind.AIRDROP, Kind.REBATE, Kind.PROFIT})

# What a ledger entry of one kind is when it only brings in, or only takes out. Names that a venue uses in its
# records; a name that is not here is marked for review.
MEANING: Mapping[str, tuple[Kind, Kind]] = {
    "deposit": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "fiat_in": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "card": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "movement": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "p2p": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "claim": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "opening": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "seed": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "withdrawal": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "withdraw": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "fiat_out": (Kind.DEPOSIT, Kind.WITHDRAWAL),
    "redeem": (Kind.INTEREST, Kind.FEE),
    "earn": (Kind.INTEREST, Kind.FEE),
    "interest": (Kind.INTEREST, Kind.LOAN_INTEREST),
    "maturity": (Kind.INTEREST, Kind.FEE),
    "redemption": (Kind.INTEREST, Kind.FEE),
    "stake": (Kind.REWARD, Kind.FEE),
    "staking": (Kind.REWARD, Kind.FEE),
    "product": (Kind.INTEREST, Kind.REVIEW_OUT),  # what came back beyond what went in; what is still inside
    "reward": (Kind.REWARD, Kind.FEE),
    "airdrop": (Kind.AIRDROP, Kind.FEE),
    "rebate": (Kind.REBATE, Kind.FEE),
    "borrow": (Kind.LOAN, Kind.REPAYMENT),
    "loan": (Kind.LOAN, Kind.REPAYMENT),
    "repay_loan": (Kind.LOAN, Kind.REPAYMENT),
    "close_position": (Kind.PROFIT, Kind.LOSS),
    "position": (Kind.PROFIT, Kind.LOSS),
    "settlement": (Kind.PROFIT, Kind.LOSS),
    "funding_fee": (Kind.PROFIT, Kind.LOSS),
    "settle": (Kind.PROFIT, Kind.LOSS),
    "funding": (Kind.PROFIT, Kind.LOSS),
    "send": (Kind.DEPOSIT, Kind.GIFT),
    "donate": (Kind.REVIEW_IN, Kind.DONATION),
    "forfeit": (Kind.REVIEW_IN, Kind.FORFEIT),
    "fee": (Kind.REBATE, Kind.FEE),
    "trade": (Kind.REVIEW_IN, Kind.FEE),
    "convert": (Kind.REVIEW_IN, Kind.FEE),
}
LEDGERS: Mapping[str, Kind] = {"fees": Kind.FEE, "penalties": Kind.FEE, "interest": Kind.LOAN_INTEREST}


@dataclass(frozen=True)
class Money:
    """An amount with its asset; never negative here."""

    asset: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of tax history. ``at``: naive UTC; ``reference``: the venue's number of the entry."""

    at: datetime
    kind: Kind
    reference: str
    received: Money | None = None
    sent: Money | None = None
    fee: Money | None = None
    origin: str = ""  # the venue's own word for it

    def changes(self) -> Iterator[tuple[str, Decimal]]:
        """Yield what the event does to the balance of each asset, signed."""
        if self.received:
            yield self.received.asset, self.received.amount
        if self.sent:
            yield self.sent.asset, -self.sent.amount
        if self.fee:
            yield self.fee.asset, -self.fee.amount


@dataclass(frozen=True)
class Leg:
    """One ledger entry's effect on one asset. ``ledger``: of the house if it was a fee or interest, else empty."""

    entry: str
    at: datetime
    kind: str
    asset: str
    ledger: str
    amount: Decimal


def legs(ledger: Path, fees: Path | None) -> Iterator[Leg]:
    """Yield the legs of each entry, in order, from the ``ledger`` and ``fees`` records (Parquet), bounded memory.

    ``ledger`` has entry_id, transfer_id, kind, asset, amount, posted_at; moves inside the account cancel out. An
    entry has the date of its last line.
    Raises: KeyError (a column is missing).
    """
    import duckdb
    import pyarrow.parquet as pq

    names = set(pq.read_schema(ledger).names)
    if not names:
        return
    if missing := {"entry_id", "transfer_id", "kind", "asset", "amount", "posted_at"} - names:
        raise KeyError(f"the ledger records lack {', '.join(sorted(missing))}")
    taken = fees is not None and {"transfer_id", "ledger"} <= set(pq.read_schema(fees).names)
    marks = "read_parquet($fees)" if taken else "(select null as transfer_id, null as ledger where false)"
    with duckdb.connect(config={"memory_limit": "128MB", "threads": 2}) as engine:
        rows = engine.execute(
            f"""
            select l.entry_id, max(l.posted_at), min(l.kind), l.asset, coalesce(f.ledger, ''), sum(l.amount)
            from read_parquet($ledger) as l
            left join (select distinct transfer_id, ledger from {marks}) as f using (transfer_id)
            group by l.entry_id, l.asset, coalesce(f.ledger, '')
            having sum(l.amount) <> 0
            order by 2, 1, 4, 5
            """,  # noqa: S608 - both alternatives stand above
            {"ledger": str(ledger)} | ({"fees": str(fees)} if taken else {}),
        )
        while batch := rows.fetchmany(4096):
            for entry, at, kind, asset, house, amount in batch:
                yield Leg(str(entry), at, kind, asset, house, amount)


def from_legs(stream: Iterable[Leg]) -> Iterator[Event]:
    """Yield the events of the legs; per asset they sum to exactly the same."""
    for _, entry in groupby(stream, key=lambda leg: (leg.at, leg.entry)):
        yield from _events(list(entry))


def _events(entry: Sequence[Leg]) -> Iterator[Event]:
    plain = [leg for leg in entry if not leg.ledger]
    paid = [leg for leg in entry if leg.ledger]
    came, went = [leg for leg in plain if leg.amount > 0], [leg for leg in plain if leg.amount < 0]
    if len(came) == len(went) == 1:
        fee = next((leg for leg in paid if LEDGERS.get(leg.ledger) is Kind.FEE and leg.amount < 0), None)
        paid = [leg for leg in paid if leg is not fee]
        yield _event(Kind.TRADE, came[0], received=came[0], sent=went[0], fee=fee)
    else:
        mixed = bool(came and went)
        for leg in came:
            yield _event(Kind.REVIEW_IN if mixed else _meaning(leg)[0], leg, received=leg)
        for leg in went:
            yield _event(Kind.REVIEW_OUT if mixed else _meaning(leg)[1], leg, sent=leg)
    for leg in paid:
        if leg.amount < 0:
            yield _event(LEDGERS.get(leg.ledger, Kind.REVIEW_OUT), leg, sent=leg)
        else:
            yield _event(Kind.REBATE, leg, received=leg)


def _meaning(leg: Leg) -> tuple[Kind, Kind]:
    return MEANING.get(leg.kind, (Kind.REVIEW_IN, Kind.REVIEW_OUT))


def _event(
    kind: Kind, leg: Leg, *, received: Leg | None = None, sent: Leg | None = None, fee: Leg | None = None
) -> Event:
    return Event(
        at=leg.at,
        kind=kind,
        reference=leg.entry,
        received=_money(received),
        sent=_money(sent),
        fee=_money(fee),
        origin=leg.kind,
    )


def _money(leg: Leg | None) -> Money | None:
    return None if leg is None else Money(leg.asset, abs(leg.amount))


def balances(events: Iterable[Event]) -> dict[str, Decimal]:
    """Return what the events leave of each asset: after closing, zero."""
    totals: dict[str, Decimal] = {}
    for event in events:
        for asset, change in event.changes():
            totals[asset] = totals.get(asset, ZERO) + change
    return totals


def as_row(event: Event) -> dict[str, Any]:
    """Return the event as a flat row."""
    row: dict[str, Any] = {"at": event.at, "kind": event.kind.value, "reference": event.reference}
    for name in ("received", "sent", "fee"):
        money: Money | None = getattr(event, name)
        row[f"{name}_asset"] = money.asset if money else None
        row[f"{name}_amount"] = money.amount if money else None
    return {**row, "origin": event.origin}
