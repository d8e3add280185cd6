"""Tax events, lots and import files. R-REC-2."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeout.records import tables
from closeout.records.tax import events, formats, lots, report
from closeout.records.tax.events import Event, Kind, Leg, Money
from closeout.records.tax.lots import Method

NOW = datetime(2026, 1, 1)
D = Decimal


def buy(day: int, amount: str, cost: str, *, fee: str | None = None, asset: str = "BTC") -> Event:
    return Event(
        at=NOW + timedelta(days=day), kind=Kind.TRADE, reference=f"b{day}", received=Money(asset, D(amount)),
        sent=Money("USDT", D(cost)), fee=Money("USDT", D(fee)) if fee else None,
    )  # fmt: skip


def sell(day: int, amount: str, price: str, *, fee: str | None = None, asset: str = "BTC") -> Event:
    return Event(
        at=NOW + timedelta(days=day), kind=Kind.TRADE, reference=f"s{day}", sent=Money(asset, D(amount)),
        received=Money("USDT", D(price)), fee=Money("USDT", D(fee)) if fee else None,
    )  # fmt: skip


HISTORY = [buy(1, "1", "100"), buy(2, "1", "300"), buy(3, "1", "200"), sell(4, "1.5", "600")]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.FIFO, [("b1", "1", "400", "100"), ("b2", "0.5", "200", "150")]),
        (Method.LIFO, [("b3", "1", "400", "200"), ("b2", "0.5", "200", "150")]),
        (Method.HIFO, [("b2", "1", "400", "300"), ("b3", "0.5", "200", "100")]),
        (Method.AVERAGE, [("b1", "1.5", "600", "300")]),
    ],
)
def test_each_method_uses_its_lots(method: Method, expected: list[tuple[str, str, str, str]]) -> None:
    """Worked by hand: three lots of one coin at 100, 300, 200; one and a half sold for 600."""
    gains = lots.realise(HISTORY, currency="USDT", method=method)
    found = [(one.acquisition, one.amount, one.proceeds, one.basis) for one in gains.matches]
    assert found == [(ref, D(amount), D(proceeds), D(basis)) for ref, amount, proceeds, basis in expected]
    assert not gains.gaps


def test_of_equally_dear_lots_the_oldest_goes_first() -> None:
    history = [buy(1, "1", "100"), buy(2, "2", "200"), buy(3, "1", "50"), sell(4, "1.5", "600")]
    gains = lots.realise(history, currency="USDT", method=Method.HIFO)
    assert [(one.acquisition, one.amount) for one in gains.matches] == [("b1", D(1)), ("b2", D("0.5"))]


def test_fees_lower_proceeds_and_raise_basis() -> None:
    gains = lots.realise(
        [buy(1, "1", "100", fee="2"), sell(2, "1", "150", fee="3")], currency="USDT", method=Method.FIFO
    )
    (match,) = gains.matches
    assert (match.proceeds, match.basis, match.gain) == (D(147), D(102), D(45))


def test_a_fee_in_another_coin_disposes_of_that_coin_too() -> None:
    fee = Event(
        at=NOW + timedelta(days=3), kind=Kind.TRADE, reference="t", received=Money("ETH", D(1)),
        sent=Money("USDT", D(50)), fee=Money("BTC", D("0.1")),
    )  # fmt: skip
    prices = {"BTC": D(120)}
    gains = lots.realise(
        [buy(1, "1", "100"), fee],
        currency="USDT",
        method=Method.FIFO,
        prices=lambda asset, _: prices.get(asset),
    )
    (match,) = gains.matches
    assert (match.asset, match.proceeds, match.basis) == ("BTC", D(12), D(10))
    (eth,) = gains.open["ETH"]
    assert eth.basis == D(62)


def test_income_is_valued_and_becomes_a_lot() -> None:
    interest = Event(at=NOW, kind=Kind.INTEREST, reference="i", received=Money("BTC", D("0.5")))
    gains = lots.realise(
        [interest, sell(5, "0.5", "90")], currency="USDT", method=Method.FIFO, prices=lambda *_: D(100)
    )
    assert gains.incomes[0].value == D(50)
    assert gains.matches[0].gain == D(40)


def test_what_is_not_known_is_named_and_never_guessed() -> None:
    """Bad input: no price for an income, no cost for a deposit, more sold than was ever there."""
    history = [
        Event(at=NOW, kind=Kind.AIRDROP, reference="a", received=Money("NEW", D(1))),
        Event(at=NOW, kind=Kind.DEPOSIT, reference="d", received=Money("BTC", D(1))),
        sell(1, "3", "300"),
    ]
    gains = lots.realise(history, currency="USDT", method=Method.FIFO)
    assert {(gap.what, gap.asset, gap.reference) for gap in gains.gaps} == {
        ("price", "NEW", "a"), ("basis", "BTC", "d"), ("lot", "BTC", "s1"),
    }  # fmt: skip
    assert [match.gain for match in gains.matches] == [None, None]
    assert [match.proceeds for match in gains.matches] == [D(100), D(200)]
    assert report.years(gains)["2026"]["gains"]["BTC"]["unknown"] == 2


def test_coins_that_leave_keep_their_basis_and_make_no_gain() -> None:
    out = Event(at=NOW + timedelta(days=2), kind=Kind.WITHDRAWAL, reference="w", sent=Money("BTC", D("0.4")))
    gains = lots.realise([buy(1, "1", "100"), out], currency="USDT", method=Method.FIFO)
    (match,) = gains.matches
    assert (match.taxable, match.basis, match.proceeds) == (False, D(40), None)
    assert gains.open["BTC"][0].basis == D(60)


AMOUNTS = st.decimals(min_value=D("0.000000000000000001"), max_value=D(10**9), places=18)
STEPS = st.lists(st.tuples(st.booleans(), AMOUNTS, AMOUNTS), min_size=1, max_size=25)


@settings(max_examples=80, deadline=None)
@given(STEPS, st.sampled_from(list(Method)))
def test_lots_conserve_quantity_basis_and_proceeds(steps: list[tuple[bool, D, D]], method: Method) -> None:
    """Whatever is bought and sold: nothing is lost in rounding, to the last of 18 decimals."""
    history = [
        (buy if bought else sell)(day, str(amount), str(value))
        for day, (bought, amount, value) in enumerate(steps)
    ]
    gains = lots.realise(history, currency="USDT", method=method)
    exact = lots.EXACT

    def total(values: Iterable[D | None]) -> D:
        result = D(0)
        for value in values:
            result = exact.add(result, value or D(0))
        return result

    bought = total(amount for is_buy, amount, _ in steps if is_buy)
    sold = total(amount for is_buy, amount, _ in steps if not is_buy)
    matched = total(match.amount for match in gains.matches)
    from_lots = total(match.amount for match in gains.matches if match.acquisition)
    left = [lot for kept in gains.open.values() for lot in kept]
    assert matched == sold
    assert exact.add(from_lots, total(lot.amount for lot in left)) == bought
    basis = exact.add(total(match.basis for match in gains.matches), total(lot.basis for lot in left))
    assert basis == total(value for is_buy, _, value in steps if is_buy)
    assert total(match.proceeds for match in gains.matches) == total(
        v for is_buy, _, v in steps if not is_buy
    )
    assert all(lot.amount > 0 for lot in left)


KINDS = st.sampled_from([*events.MEANING, "something_new"])
LEDGERS = st.sampled_from(["", "", "", "fees", "interest", "penalties", "other"])
SIGNED = st.decimals(min_value=D(-(10**9)), max_value=D(10**9), places=18).filter(bool)
ENTRIES = st.lists(
    st.tuples(KINDS, st.lists(st.tuples(st.sampled_from("ABC"), LEDGERS, SIGNED), min_size=1, max_size=5)),
    max_size=12,
)


def as_legs(entries: list[tuple[str, list[tuple[str, str, D]]]]) -> list[Leg]:
    return [
        Leg(str(number), NOW + timedelta(minutes=number), kind, asset, ledger, amount)
        for number, (kind, parts) in enumerate(entries)
        for asset, ledger, amount in parts
    ]


def tool_sums(name: str, written: str) -> dict[str, D]:
    """Return what a tool that reads this file would believe the balances to be."""
    totals: dict[str, D] = defaultdict(D)
    columns: dict[str, list[tuple[int, int, int]]] = {
        "koinly": [(-1, 1, 2), (1, 3, 4), (-1, 5, 6)],
        "cointracking": [(1, 1, 2), (-1, 3, 4), (-1, 5, 6)],
        "bittytax": [(1, 1, 2), (-1, 4, 5), (-1, 7, 8)],
        "cointracker_awaken": [(1, 1, 2), (-1, 3, 4), (-1, 5, 6)],
    }
    for row in list(csv.reader(io.StringIO(written, newline="")))[1:]:
        for sign, amount, asset in columns[name]:
            if row[amount]:
                totals[row[asset]] += sign * D(row[amount])
    return {asset: total for asset, total in totals.items() if total}


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
def test_every_file_sums_to_the_ledger(entries: list[tuple[str, list[tuple[str, str, D]]]]) -> None:
    """Nothing is dropped, whatever the venue calls it; this is also the proof that the account is empty."""
    stream = as_legs(entries)
    expected: dict[str, D] = defaultdict(D)
    for leg in stream:
        expected[leg.asset] += leg.amount
    nonzero = {asset: total for asset, total in expected.items() if total}
    found = list(events.from_legs(stream))
    assert {asset: total for asset, total in events.balances(found).items() if total} == nonzero
    for name in ("koinly", "cointracking", "bittytax", "cointracker_awaken"):
        file = io.StringIO(newline="")
        formats.write(name, found, file, venue="okx")
        assert tool_sums(name, file.getvalue()) == nonzero, name


HEADERS = {
    "koinly": "Date,Sent Amount,Sent Currency,Received Amount,Received Currency,Fee Amount,Fee Currency,"
    "Net Worth Amount,Net Worth Currency,Label,Description,TxHash",
    "cointracking": "Type,Buy Amount,Buy Currency,Sell Amount,Sell Currency,Fee,Fee Currency,Exchange,Trade-Group,"
    "Comment,Date,Tx-ID,Buy Value in Account Currency,Sell Value in Account Currency,Liquidity pool",
    "rotki_trades": "Location,Spend Currency,Receive Currency,Receive Amount,Spend Amount,Fee,Fee Currency,"
    "Description,Timestamp",
    "rotki_events": "Type,Location,Currency,Amount,Fee,Fee Currency,Description,Timestamp",
    "bittytax": "Type,Buy Quantity,Buy Asset,Buy Value in GBP,Sell Quantity,Sell Asset,Sell Value in GBP,"
    "Fee Quantity,Fee Asset,Fee Value in GBP,Wallet,Timestamp,Note",
    "cointracker_awaken": "Date,Received Quantity,Received Currency,Sent Quantity,Sent Currency,Fee Amount,"
    "Fee Currency,Tag",
    "cryptotaxcalculator": "Timestamp (UTC),Type,Base Currency,Base Amount,Quote Currency,Quote Amount,"
    "Fee Currency,Fee Amount,From,To,Blockchain,ID,Description",
}
ROWS = {
    "koinly": "2026-01-02 00:00:00 UTC,100,USDT,1,BTC,2,USDT,,,,,b1",
    "cointracking": "Trade,1,BTC,100,USDT,2,USDT,okx,,,02.01.2026 00:00:00,b1,,,",
    "rotki_trades": "okx,USDT,BTC,1,100,2,USDT,,1767312000000",
    "rotki_events": None,
    "bittytax": "Trade,1,BTC,,100,USDT,,2,USDT,,okx,2026-01-02 00:00:00 UTC,",
    "cointracker_awaken": "01/02/2026 00:00:00,1,BTC,100,USDT,2,USDT,",
    "cryptotaxcalculator": "2026-01-02 00:00:00,buy,BTC,1,USDT,100,USDT,2,,,,b1,",
}


@pytest.mark.parametrize("name", list(formats.FORMATS))
def test_headers_and_a_trade_are_exact(name: str) -> None:
    file = io.StringIO(newline="")
    formats.write(name, [buy(1, "1", "100", fee="2")], file, venue="okx")
    header, *rows = file.getvalue().splitlines()
    assert header == HEADERS[name]
    assert rows == ([ROWS[name]] if ROWS[name] else [])


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", list(formats.FORMATS))
def test_every_kind_has_a_word_in_every_format(name: str, kind: Kind) -> None:
    incoming = kind in {*events.INCOME, Kind.DEPOSIT, Kind.LOAN, Kind.REVIEW_IN, Kind.TRADE}
    outgoing = not incoming or kind is Kind.TRADE
    event = Event(
        at=NOW, kind=kind, reference="1", received=Money("A", D(1)) if incoming else None,
        sent=Money("B", D(1)) if outgoing else None, origin="=x",
    )  # fmt: skip
    file = io.StringIO(newline="")
    count = formats.write(name, [event], file, venue="okx")
    expected = 0 if (name, kind is Kind.TRADE) in {("rotki_trades", False), ("rotki_events", True)} else 1
    assert count == expected
    assert ",=x" not in file.getvalue(), "the venue's word cannot become a formula"


def test_records_become_files(tmp_path: Path) -> None:
    """From the exported ledger and fees: a trade whose two wallets and fee are one entry, a deposit, a move."""
    at = NOW

    def line(entry: int, transfer: int, kind: str, asset: str, amount: str) -> dict[str, Any]:
        return {
            "entry_id": entry, "transfer_id": transfer, "kind": kind, "asset": asset, "amount": D(amount),
            "posted_at": at + timedelta(minutes=entry),
        }  # fmt: skip

    ledger = [
        line(1, 1, "deposit", "USDT", "1000"),
        line(2, 2, "trade", "USDT", "-100"),
        line(2, 3, "trade", "BTC", "0.01"),
        line(2, 4, "trade", "USDT", "-0.1"),
        line(3, 5, "gather", "BTC", "-0.01"),
        line(3, 5, "gather", "BTC", "0.01"),
        line(4, 6, "withdraw", "USDT", "-899.9"),
        line(4, 7, "withdraw", "BTC", "-0.01"),
    ]
    fees = [{"transfer_id": 4, "ledger": "fees", "asset": "USDT", "amount": D("0.1")}]
    tables.write_parquet(lambda: ledger, tmp_path / "ledger.parquet")
    tables.write_parquet(lambda: fees, tmp_path / "fees.parquet")
    report.write(tmp_path / "ledger.parquet", tmp_path / "fees.parquet", tmp_path / "tax", venue="okx")
    found = list(events.from_legs(events.legs(tmp_path / "ledger.parquet", tmp_path / "fees.parquet")))
    assert [event.kind for event in found] == [Kind.DEPOSIT, Kind.TRADE, Kind.WITHDRAWAL, Kind.WITHDRAWAL]
    assert found[1].fee == Money("USDT", D("0.1"))
    assert not any(events.balances(found).values())
    names = {path.name for path in (tmp_path / "tax").iterdir()}
    assert names == {
        *(f"{name}.csv" for name in formats.FORMATS), *(f"gains_{method}.csv" for method in Method),
        "income.csv", "gaps.csv", "summary.json", "README.txt",
    }  # fmt: skip
    assert "not tax advice" in (tmp_path / "tax" / "README.txt").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "tax" / "summary.json").read_text())["schema"] == "closeout.tax/1"


def test_records_without_the_needed_columns_are_refused(tmp_path: Path) -> None:
    tables.write_parquet(lambda: [{"asset": "BTC"}], tmp_path / "ledger.parquet")
    with pytest.raises(KeyError, match="amount, entry_id"):
        list(events.legs(tmp_path / "ledger.parquet", None))


def test_an_account_without_a_ledger_has_empty_files(tmp_path: Path) -> None:
    tables.write_parquet(list, tmp_path / "ledger.parquet")
    report.write(tmp_path / "ledger.parquet", None, tmp_path / "tax", venue="okx")
    assert len((tmp_path / "tax" / "koinly.csv").read_text().splitlines()) == 1
