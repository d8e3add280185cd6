"""Import files of common tax tools: exact headers, their own words, their own dates. Written from tax events.

Source: the tools' import templates and help pages, as noted beside each format. A tool that has no word for an
event gets its nearest neutral one and the venue's own word in the comment; no event is left out.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO

from closeout.records.tables import neutral
from closeout.records.tax.events import Event, Kind, Money

Row = Sequence[str]


@dataclass(frozen=True)
class Format:
    """One import format: the name of its file, its exact header, and how an event becomes rows."""

    name: str
    header: tuple[str, ...]
    rows: Callable[[Event, str], Iterable[Row]]  # event, name of the venue


def amount(money: Money | None) -> str:
    """Return an amount as every tool reads it: plain decimal, never an exponent."""
    return "" if money is None else number(money.amount)


def number(value: Decimal) -> str:
    """Return a plain decimal without trailing zeros."""
    shown = f"{value:f}"
    return (shown.rstrip("0").rstrip(".") or "0") if "." in shown else shown


def asset(money: Money | None) -> str:
    """Return the asset's code, or nothing."""
    return "" if money is None else money.asset


def _comment(event: Event) -> str:
    review = "review: " if event.kind in {Kind.REVIEW_IN, Kind.REVIEW_OUT} else ""
    return f"{review}{event.origin}"


# Koinly, universal template. A deposit may not carry a fee: fees are rows of their own here anyway.
KOINLY = {
    Kind.INTEREST: "lending interest", Kind.REWARD: "reward", Kind.AIRDROP: "airdrop", Kind.REBATE: "cashback",
    Kind.PROFIT: "realized P&L", Kind.LOAN: "loan", Kind.FEE: "cost", Kind.LOAN_INTEREST: "loan fee",
    Kind.REPAYMENT: "loan repayment", Kind.LOSS: "realized P&L", Kind.GIFT: "gift", Kind.DONATION: "donation",
    Kind.FORFEIT: "lost",
}  # fmt: skip


def _koinly(event: Event, _venue: str) -> Iterable[Row]:
    yield (
        f"{event.at:%Y-%m-%d %H:%M:%S} UTC", amount(event.sent), asset(event.sent), amount(event.received),
        asset(event.received), amount(event.fee), asset(event.fee), "", "", KOINLY.get(event.kind, ""),
        _comment(event), event.reference,
    )  # fmt: skip


COINTRACKING = {
    Kind.TRADE: "Trade", Kind.DEPOSIT: "Deposit", Kind.INTEREST: "Lending Income", Kind.REWARD: "Staking",
    Kind.AIRDROP: "Airdrop", Kind.REBATE: "Income", Kind.PROFIT: "Derivatives / Futures Profit",
    Kind.LOAN: "Deposit", Kind.REVIEW_IN: "Deposit", Kind.WITHDRAWAL: "Withdrawal", Kind.FEE: "Other Fee",
    Kind.LOAN_INTEREST: "Other Fee", Kind.REPAYMENT: "Withdrawal", Kind.LOSS: "Derivatives / Futures Loss",
    Kind.GIFT: "Gift", Kind.DONATION: "Donation", Kind.FORFEIT: "Lost", Kind.REVIEW_OUT: "Withdrawal",
}  # fmt: skip


def _cointracking(event: Event, venue: str) -> Iterable[Row]:
    yield (
        COINTRACKING[event.kind], amount(event.received), asset(event.received), amount(event.sent),
        asset(event.sent), amount(event.fee), asset(event.fee), venue, "", _comment(event),
        f"{event.at:%d.%m.%Y %H:%M:%S}", event.reference, "", "", "",
    )  # fmt: skip


ROTKI = {
    Kind.DEPOSIT: "Deposit", Kind.INTEREST: "Income", Kind.REWARD: "Staking", Kind.AIRDROP: "Income",
    Kind.REBATE: "Income", Kind.PROFIT: "Income", Kind.LOAN: "Deposit", Kind.REVIEW_IN: "Deposit",
    Kind.WITHDRAWAL: "Withdrawal", Kind.FEE: "Spend", Kind.LOAN_INTEREST: "Spend", Kind.REPAYMENT: "Withdrawal",
    Kind.LOSS: "Loss", Kind.GIFT: "Spend", Kind.DONATION: "Spend", Kind.FORFEIT: "Loss",
    Kind.REVIEW_OUT: "Withdrawal",
}  # fmt: skip


def _milliseconds(at: datetime) -> str:
    return str(int(at.replace(tzinfo=UTC).timestamp() * 1000))


def _rotki_trades(event: Event, venue: str) -> Iterable[Row]:
    if event.kind is not Kind.TRADE:
        return
    yield (
        venue, asset(event.sent), asset(event.received), amount(event.received), amount(event.sent),
        amount(event.fee), asset(event.fee), _comment(event), _milliseconds(event.at),
    )  # fmt: skip


def _rotki_events(event: Event, venue: str) -> Iterable[Row]:
    money = event.received or event.sent
    if event.kind is Kind.TRADE or money is None:
        return
    yield (
        ROTKI[event.kind], venue, money.asset, amount(money), amount(event.fee), asset(event.fee),
        _comment(event), _milliseconds(event.at),
    )  # fmt: skip


BITTYTAX = {
    Kind.TRADE: "Trade", Kind.DEPOSIT: "Deposit", Kind.INTEREST: "Interest", Kind.REWARD: "Staking-Reward",
    Kind.AIRDROP: "Airdrop", Kind.REBATE: "Cashback", Kind.PROFIT: "Margin-Gain", Kind.LOAN: "Loan",
    Kind.REVIEW_IN: "Deposit", Kind.WITHDRAWAL: "Withdrawal", Kind.FEE: "Spend",
    Kind.LOAN_INTEREST: "Loan-Interest", Kind.REPAYMENT: "Loan-Repayment", Kind.LOSS: "Margin-Loss",
    Kind.GIFT: "Gift-Sent", Kind.DONATION: "Charity-Sent", Kind.FORFEIT: "Lost", Kind.REVIEW_OUT: "Withdrawal",
}  # fmt: skip


def _bittytax(event: Event, venue: str) -> Iterable[Row]:
    yield (
        BITTYTAX[event.kind], amount(event.received), asset(event.received), "", amount(event.sent),
        asset(event.sent), "", amount(event.fee), asset(event.fee), "", venue,
        f"{event.at:%Y-%m-%d %H:%M:%S} UTC", _comment(event),
    )  # fmt: skip


COINTRACKER = {
    Kind.INTEREST: "interest_payment", Kind.REWARD: "staked", Kind.AIRDROP: "airdrop", Kind.REBATE: "payment",
    Kind.GIFT: "gift", Kind.DONATION: "donation", Kind.FORFEIT: "lost",
}  # fmt: skip


def _cointracker(event: Event, _venue: str) -> Iterable[Row]:
    yield (
        f"{event.at:%m/%d/%Y %H:%M:%S}", amount(event.received), asset(event.received), amount(event.sent),
        asset(event.sent), amount(event.fee), asset(event.fee), COINTRACKER.get(event.kind, ""),
    )  # fmt: skip


CRYPTOTAXCALCULATOR = {
    Kind.DEPOSIT: "transfer-in", Kind.INTEREST: "interest", Kind.REWARD: "staking", Kind.AIRDROP: "airdrop",
    Kind.REBATE: "cash-back", Kind.PROFIT: "realized-profit", Kind.LOAN: "loan", Kind.REVIEW_IN: "transfer-in",
    Kind.WITHDRAWAL: "transfer-out", Kind.FEE: "fee", Kind.LOAN_INTEREST: "fee",
    Kind.REPAYMENT: "loan-repayment", Kind.LOSS: "realized-loss", Kind.GIFT: "gift", Kind.DONATION: "donation",
    Kind.FORFEIT: "lost", Kind.REVIEW_OUT: "transfer-out",
}  # fmt: skip


def _cryptotaxcalculator(event: Event, venue: str) -> Iterable[Row]:
    money, quote = event.received or event.sent, None
    kind, places = CRYPTOTAXCALCULATOR.get(event.kind, ""), ("", "")
    if event.kind is Kind.TRADE:
        kind, money, quote = "buy", event.received, event.sent
    elif money is event.received:
        places = ("", venue)
    else:
        places = (venue, "")
    yield (
        f"{event.at:%Y-%m-%d %H:%M:%S}", kind, asset(money), amount(money), asset(quote), amount(quote),
        asset(event.fee), amount(event.fee), *places, "", event.reference, _comment(event),
    )  # fmt: skip


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            "koinly",
            (
                "Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount",
                "Fee Currency", "Net Worth Amount", "Net Worth Currency", "Label", "Description", "TxHash",
            ),
            _koinly,
        ),
        Format(
            "cointracking",
            (
                "Type", "Buy Amount", "Buy Currency", "Sell Amount", "Sell Currency", "Fee", "Fee Currency",
                "Exchange", "Trade-Group", "Comment", "Date", "Tx-ID", "Buy Value in Account Currency",
                "Sell Value in Account Currency", "Liquidity pool",
            ),
            _cointracking,
        ),
        Format(
            "rotki_trades",
            (
                "Location", "Spend Currency", "Receive Currency", "Receive Amount", "Spend Amount", "Fee",
                "Fee Currency", "Description", "Timestamp",
            ),
            _rotki_trades,
        ),
        Format(
            "rotki_events",
            ("Type", "Location", "Currency", "Amount", "Fee", "Fee Currency", "Description", "Timestamp"),
            _rotki_events,
        ),
        Format(
            "bittytax",
            (
                "Type", "Buy Quantity", "Buy Asset", "Buy Value in GBP", "Sell Quantity", "Sell Asset",
                "Sell Value in GBP", "Fee Quantity", "Fee Asset", "Fee Value in GBP", "Wallet", "Timestamp",
                "Note",
            ),
            _bittytax,
        ),
        Format(
            "cointracker_awaken",
            (
                "Date", "Received Quantity", "Received Currency", "Sent Quantity", "Sent Currency",
                "Fee Amount", "Fee Currency", "Tag",
            ),
            _cointracker,
        ),
        Format(
            "cryptotaxcalculator",
            (
                "Timestamp (UTC)", "Type", "Base Currency", "Base Amount", "Quote Currency", "Quote Amount",
                "Fee Currency", "Fee Amount", "From", "To", "Blockchain", "ID", "Description",
            ),
            _cryptotaxcalculator,
        ),
    )
}  # fmt: skip


def cells(form: Format, event: Event, venue: str) -> Iterator[Row]:
    """Yield the rows of ``event``; no cell can become a formula."""
    for row in form.rows(event, venue):
        yield [neutral(cell) if cell else "" for cell in row]


def write(name: str, events: Iterable[Event], file: IO[str], *, venue: str) -> int:
    """Write ``events`` in the format ``name``; return the number of rows. Raises: KeyError (no such format)."""
    form = FORMATS[name]
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(form.header)
    count = 0
    for event in events:
        for row in cells(form, event, venue):
            writer.writerow(row)
            count += 1
    return count
