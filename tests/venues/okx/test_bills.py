"""R-REC-2: bills of OKX become entries of the books; nothing is dropped, unknown codes are for a person to look at."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from closeout.records.tax.events import MEANING, Event, Kind, Leg, balances, from_legs
from closeout.venues.okx import bills

DAY = datetime(2026, 2, 1)


def bill(
    number: int, kind: str, amount: str, asset: str = "USDT", wallet: str = "funding", **raw: Any
) -> Any:
    at = raw.pop("at", DAY + timedelta(days=number))
    return {
        "id": str(number), "at": at, "wallet": wallet, "asset": asset, "amount": Decimal(amount), "code": kind,
        "source": "test", "raw": {"type": kind, "billId": str(number), **raw},
    }  # fmt: skip


def told(*rows: Any) -> list[Event]:
    """Return the tax events of bills, as the archive makes them: legs of an entry, its last moment."""
    legs: dict[tuple[str, str], Leg] = {}
    for row in bills.entries(rows):
        key = (row["entry_id"], row["asset"])
        before = legs.get(key)
        total = row["amount"] + (before.amount if before else 0)
        legs[key] = Leg(row["entry_id"], row["posted_at"], row["kind"], row["asset"], "", total)
    last = {name: max(leg.at for (entry, _), leg in legs.items() if entry == name) for name, _ in legs}
    ended = [
        Leg(one.entry, last[one.entry], *list(vars(one).values())[2:]) for one in legs.values() if one.amount
    ]
    return list(from_legs(sorted(ended, key=lambda leg: (leg.at, leg.entry))))


def test_two_lines_of_a_trade_are_one_trade() -> None:
    spot = {"wallet": "trading", "instType": "SPOT", "tradeId": "9", "instId": "BTC-USDT", "at": DAY}
    (one,) = told(bill(1, "2", "0.5", "BTC", **spot), bill(2, "2", "-30000", **spot))
    assert (one.kind, one.received.asset, one.sent.amount) == (Kind.TRADE, "BTC", Decimal(30000))


def test_conversions_of_one_moment_stay_apart() -> None:
    rows = [bill(1, "61", "-3", "ADA", at=DAY), bill(2, "61", "1.5", at=DAY), bill(3, "61", "-7", "TRX", at=DAY),
            bill(4, "61", "2", at=DAY)]  # fmt: skip
    assert [(one.kind, one.sent.asset, one.received.amount) for one in told(*rows)] == [
        (Kind.TRADE, "ADA", Decimal("1.5")),
        (Kind.TRADE, "TRX", Decimal(2)),
    ]


def test_a_contract_is_profit_or_loss_and_interest_of_a_loan_is_a_cost() -> None:
    swap = {"wallet": "trading", "instType": "SWAP", "tradeId": "9"}
    kinds = [one.kind for one in told(bill(1, "2", "-5", **swap), bill(2, "7", "-1", wallet="trading"),
                                      bill(3, "8", "2", wallet="trading"))]  # fmt: skip
    assert kinds == [Kind.LOSS, Kind.LOAN_INTEREST, Kind.PROFIT]


def test_a_product_in_two_rounds_brings_interest_on_the_day_it_comes_back() -> None:
    first = [bill(1, "75", "-800"), bill(5, "76", "300"), bill(9, "76", "500.25")]
    second = [bill(12, "75", "-100")]
    interest, inside = told(*first, *second)
    assert (interest.kind, interest.received.amount) == (Kind.INTEREST, Decimal("0.25"))
    assert interest.at == DAY + timedelta(days=9)
    assert (inside.kind, inside.sent.amount) == (Kind.REVIEW_OUT, Decimal(100))


def test_money_between_wallets_is_no_event_and_a_missing_half_is_looked_at() -> None:
    there, back = bill(1, "131", "-10"), bill(2, "1", "10", wallet="trading")
    assert told(there, back) == []
    (one,) = told(there)
    assert one.kind is Kind.REVIEW_OUT


def test_an_unknown_code_keeps_its_number_and_is_for_a_person() -> None:
    (one,) = told(bill(1, "9999", "1"))
    assert (one.kind, one.origin) == (Kind.REVIEW_IN, "funding bill 9999")


def test_an_unknown_type_of_a_trading_bill_has_the_word_that_the_exchange_uses() -> None:
    words = bills.words([{"type": "977", "typeDesc": "Moon fee", "subTypeDetails": []}, {"type": "978"}, {}])
    assert words == {"977": "Moon fee"}
    rows = [
        bill(1, "977", "-1", wallet="trading"),
        bill(2, "978", "-1", wallet="trading"),
        bill(3, "977", "-1"),
    ]
    told = [row["kind"] for row in bills.entries(rows, words)]
    assert told == ["trading bill 977: Moon fee", "trading bill 978", "funding bill 977"]


def test_words_of_the_quarterly_files() -> None:
    row = bill(1, "", "1", wallet="trading")
    for trade, what, kind in (
        ("Spot", "Buy", "trade"), ("Transfer", "Transfer in", "internal"), ("Perpetual", "Funding fee", "funding_fee"),
        ("Margin", "Interest deduction", "interest"),
    ):  # fmt: skip
        assert bills.meaning(row | {"raw": {"Trade Type": trade, "Type": what}}).kind == kind
    assert (
        bills.meaning(row | {"raw": {"Type": "Close long", "Instrument": "BTC-USDT-SWAP"}}).kind == "position"
    )


def test_every_word_of_the_table_is_known_to_the_tax_files() -> None:
    assert {means.kind for means in bills.CODES.values()} - {"internal"} <= MEANING.keys()


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*sorted(bills.CODES), ("funding", "777"), ("trading", "778")]),
            st.sampled_from(["BTC", "USDT"]),
            st.decimals(min_value="-1000", max_value="1000", places=8),
        ),
        max_size=30,
    )
)
def test_the_events_sum_to_the_bills(drawn: list[tuple[tuple[str, str], str, Decimal]]) -> None:
    """Property: whatever the codes, per asset the tax events sum to exactly what the bills sum to."""
    rows = [
        bill(n, code, str(amount), asset, wallet) for n, ((wallet, code), asset, amount) in enumerate(drawn)
    ]
    assert [row["amount"] for row in bills.entries(rows)] == [row["amount"] for row in rows]
    total: dict[str, Decimal] = {}
    for row in rows:
        total[row["asset"]] = total.get(row["asset"], Decimal(0)) + row["amount"]
    found = balances(told(*rows))
    assert {asset: value for asset, value in total.items() if value} == {a: v for a, v in found.items() if v}
