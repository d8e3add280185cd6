"""People for the paper venue: rows that the tests of clearing start from."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from closeout.facts.schema import (
    Account,
    ApiKey,
    Contact,
    Earn,
    Hold,
    Identity,
    Loan,
    OpenOrder,
    PaymentMethod,
    Position,
    Relation,
)
from closeout.venues.base import Destination
from closeout.venues.paper import Paper
from closeout.venues.paper_book import Terms

AT = datetime(2026, 3, 1, 12, 0, 0)
LONG_AGO = AT - timedelta(days=900)
MESSY, SUB, OTHER = 7, 71, 8

TERMS = {
    "USDT": Terms(price=Decimal(1), withdraw_min=Decimal(10), fee=Decimal(1), scale=6),
    "BTC": Terms(price=Decimal(60000), withdraw_min=Decimal("0.001"), fee=Decimal("0.0002")),
    "ETH": Terms(price=Decimal(3000), withdraw_min=Decimal("0.01"), fee=Decimal("0.001")),
    "DOGE": Terms(price=Decimal("0.1"), withdraw_min=Decimal(50), fee=Decimal(5)),
    "LUNC": Terms(price=Decimal("0.0001"), withdraw_min=None, delisted=True),
    "GHOST": Terms(price=None, withdraw_min=Decimal(1000)),
    "XRP": Terms(price=Decimal("0.5"), withdraw_min=Decimal(20), fee=Decimal("0.25"), memo=True),
}
ADDRESSES = (
    Destination("USDT", "TRC20", "T-holder", label="cold wallet"),
    Destination("BTC", "Bitcoin", "bc1-holder"),
    Destination("ETH", "ERC20", "0x-holder"),
    Destination("XRP", "Ripple", "r-holder", memo="77"),
)


def person(account_id: int, *, parent: int | None = None, state: str = "open") -> list[Relation]:
    """Return the rows of a verified, reachable person who owns nothing."""
    rows: list[Relation] = [Account(account_id, parent, state, "", LONG_AGO, LONG_AGO)]
    if parent is None:
        rows.append(Identity(account_id, "verified", None, True, True))
        rows += [Contact(account_id, kind, True) for kind in ("email", "phone")]
    return rows


def messy_rows() -> list[Relation]:
    """Return nearly every blocker that a command can end, with a sub-account."""
    return [
        *person(MESSY),
        *person(SUB, parent=MESSY),
        *person(OTHER),
        ApiKey(MESSY, "k-1", "key", "tax tool", True),
        ApiKey(MESSY, "k-2", "bot", "grid", True),
        ApiKey(SUB, "k-3", "key", "sub", True),
        *(
            OpenOrder(MESSY, f"o-{n}", "limit", "BTC-USDT", "USDT", Decimal("10.5"), LONG_AGO)
            for n in range(45)
        ),
        OpenOrder(SUB, "o-sub", "limit", "ETH-USDT", "ETH", Decimal("0.4"), LONG_AGO),
        Position(MESSY, "p-1", "swap", "BTC-USDT-SWAP", Decimal("0.1"), False, None, "USDT", Decimal("12.5")),
        Position(MESSY, "p-2", "swap", "ETH-USDT-SWAP", Decimal(-2), False, None, "USDT", Decimal(-3)),
        Loan(MESSY, "l-1", "USDT", Decimal(100), Decimal("0.25"), "ETH", Decimal("1.5")),
        Earn(MESSY, "e-1", "flexible", "Simple", "BTC", Decimal("0.02"), True, None, False, False),
        Earn(MESSY, "e-2", "fixed", "Fixed", "USDT", Decimal(500), True, AT + timedelta(days=9), False, True),
        Earn(MESSY, "e-3", "staking", "Stake", "ETH", Decimal(2), False, AT + timedelta(days=30), False, True),
        PaymentMethod(MESSY, "m-1", "alipay", "a***"),
        PaymentMethod(MESSY, "m-2", "bank_card", "**** 4821"),
    ]  # fmt: skip


def messy() -> Paper:
    """Return a paper venue with the messy person in it."""
    venue = Paper.of(messy_rows(), at=AT, terms=TERMS)
    venue.book.early_penalty["e-2"] = Decimal("2.5")
    venue.book.addresses[MESSY] = list(ADDRESSES)
    for account, wallet, asset, amount in (
        (MESSY, "funding", "USDT", "900"), (MESSY, "trading", "USDT", "120"), (MESSY, "trading", "BTC", "0.5"),
        (MESSY, "funding", "DOGE", "3"), (MESSY, "trading", "XRP", "2"), (MESSY, "funding", "GHOST", "5"),
        (MESSY, "funding", "LUNC", "40"), (SUB, "trading", "USDT", "33"), (SUB, "funding", "BTC", "0.0001"),
    ):  # fmt: skip
        venue.deposit(account, wallet, asset, Decimal(amount))
    return venue


def held(account_id: int = MESSY) -> Hold:
    """Return a judicial freeze."""
    return Hold(account_id, "h-1", "judicial", "both", LONG_AGO, None)
