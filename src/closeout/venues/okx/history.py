"""Records of an account as far back as OKX tells by itself; older bills come as files (:mod:`archive`).

Each row has ``at`` (naive UTC), ``asset`` and ``amount`` where there is one, the path it came from and OKX's
own words in ``raw``. Reach by kind, source: OKX API v5 documentation: fills, orders and positions 3 months;
trading bills 1 year; funding bills, deposits and withdrawals everything since February 2021.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from closeout.venues.okx import bills
from closeout.venues.okx.endpoints import get
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.reading import ALGO_TYPES
from closeout.venues.okx.values import (
    EPOCH,
    Raw,
    Unreadable,
    amount_or_none,
    instant_or_none,
    moment,
    parts,
)
from closeout.venues.okx.wire import Wire, pages

Row = Mapping[str, Any]
ALGO_STATES = ("effective", "canceled", "order_failed")
TYPES = ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION")
WORKERS = 8
NUMBERS = ("billId", "tradeId", "ordId", "wdId", "depId")
BALANCE_CHANGE = "balChg"
TIMES = ("ts", "fillTime", "uTime", "cTime", "requestTime", "redeemedTime")


@dataclass(frozen=True)
class Shelf:
    """One list that holds records of a kind: where, how it is asked, and which fields matter."""

    path: str
    params: Mapping[str, str]
    asset: str = "ccy"
    amount: str = "amt"
    wallet: str = "funding"
    inside: str = ""  # the field whose parts are the rows, if the answer wraps them


def _each(path: str, name: str, values: Sequence[str], **fields: str) -> tuple[Shelf, ...]:
    return tuple(Shelf(path, {name: value}, **fields) for value in values)


SHELVES: Mapping[str, tuple[Shelf, ...]] = {
    "trades": _each("trade/fills-history", "instType", TYPES, asset="feeCcy", amount="fee", wallet="trading"),
    "orders": (
        *_each("trade/orders-history-archive", "instType", TYPES, amount="sz", wallet="trading"),
        *(
            Shelf(
                "trade/orders-algo-history", {"ordType": kind, "state": state}, amount="sz", wallet="trading"
            )
            for kind in ALGO_TYPES
            for state in ALGO_STATES
        ),
        Shelf("sprd/orders-history", {}, amount="sz", wallet="trading"),
    ),
    "deposits": (Shelf("asset/deposit-history", {}), Shelf("fiat/deposit-order-history", {})),
    "withdrawals": (Shelf("asset/withdrawal-history", {}), Shelf("fiat/withdrawal-order-history", {})),
    "earn": (
        Shelf("finance/savings/lending-history", {}),
        Shelf("finance/staking-defi/orders-history", {}),
        Shelf("finance/staking-defi/eth/purchase-redeem-history", {}),
        Shelf("finance/staking-defi/sol/purchase-redeem-history", {}),
        Shelf("finance/sfp/dcd/order-history", {}, asset="notionalCcy", amount="notionalSz"),
    ),
    "positions": (
        Shelf("account/positions-history", {}, amount="realizedPnl", wallet="trading"),
        Shelf("copytrading/subpositions-history", {}, amount="pnl", wallet="trading"),
    ),
    "loans": (
        Shelf("account/interest-accrued", {}, amount="interest"),
        Shelf("finance/flexible-loan/loan-history", {}),
        Shelf("account/spot-borrow-repay-history", {}),
    ),
    "conversions": (
        Shelf("asset/convert/history", {}, asset="baseCcy", amount="fillBaseSz"),
        Shelf("trade/easy-convert-history", {}, asset="fromCcy", amount="fillFromSz"),
        Shelf("trade/one-click-repay-history-v2", {}, asset="debtCcy", amount="debtFilled"),
        Shelf("fiat/buy-sell/history", {}, asset="fromCcy", amount="fillFromAmt"),
    ),
    "ledger": (
        Shelf("asset/bills-history", {"pagingType": "2"}, amount=BALANCE_CHANGE, wallet="funding"),
        Shelf("account/bills-archive", {}, amount=BALANCE_CHANGE, wallet="trading"),
    ),
    "balances": (
        Shelf("asset/balances", {}, amount="bal"),
        Shelf("account/balance", {}, amount="cashBal", wallet="trading", inside="details"),
        Shelf("finance/savings/balance", {}, amount="amt", wallet="earn"),
    ),
}
OPTIONAL = frozenset(
    {
        "fiat",
        "finance",
        "sprd",
        "copytrading",
        "asset/convert/history",
        "trade/easy-convert-history",
        "trade/one-click-repay-history-v2",
        "trade/orders-algo-history",
        "account/interest-accrued",
        "account/positions-history",
        "account/spot-borrow-repay-history",
    }
)


def stream(wire: Wire, kind: str) -> Iterator[Row]:
    """Yield the records of ``kind``, oldest first; a kind that OKX does not tell has none.

    Raises: Failure. A list of a product that was never used is empty; any other failure is not passed over.
    """
    lists = [_read(wire, shelf) for shelf in SHELVES.get(kind, ())]
    yield from heapq.merge(*lists, key=_moment_of)


def everything(wire: Wire) -> dict[str, list[Row]]:
    """Read the records of every kind, oldest first, all lists side by side as their limits allow. Raises: Failure."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="okx") as pool:
        reading = {
            kind: [pool.submit(_read, wire, shelf) for shelf in shelves] for kind, shelves in SHELVES.items()
        }
        return {
            kind: list(heapq.merge(*(one.result() for one in lists), key=_moment_of))
            for kind, lists in reading.items()
        }


def bill_words(wire: Wire) -> dict[str, str]:
    """Return what OKX calls the types of trading bills today; none if it does not say. Raises: Failure."""
    try:
        return bills.words(wire.call(get("account/subtypes")))
    except Failure as failed:
        if failed.kind is Kind.ABSENT:
            return {}
        raise


def unexplained(sums: Mapping[str, str], balances: Sequence[Row]) -> dict[str, Decimal]:
    """Return by how much the balances of funding and trading and the ledger's sums differ, per asset."""
    left = {asset: -Decimal(total) for asset, total in sums.items()}
    for one in balances:
        if one["wallet"] in ("funding", "trading") and one["amount"] is not None:
            left[one["asset"]] = left.get(one["asset"], Decimal(0)) + one["amount"]
    return {asset: value for asset, value in sorted(left.items()) if value}


def _read(wire: Wire, shelf: Shelf) -> list[Row]:
    endpoint = get(shelf.path)
    try:
        rows = pages(wire, endpoint, shelf.params)
        rows = [part for one in rows for part in parts(one, shelf.inside)] if shelf.inside else rows
    except Failure as failed:
        optional = shelf.path in OPTIONAL or shelf.path.partition("/")[0] in OPTIONAL
        if optional and failed.kind is Kind.ABSENT:
            return []
        raise
    except Unreadable as wrong:
        raise Failure(Kind.SHAPE, "", str(wrong)) from None
    try:
        return sorted((row(raw, shelf) for raw in rows), key=_moment_of)
    except Unreadable as wrong:
        raise Failure(Kind.SHAPE, "", str(wrong)) from None


def _moment_of(one: Row) -> tuple[datetime, int]:
    number = str(one["id"])
    return one["at"], int(number) if number.isascii() and number.isdigit() else 0


def row(raw: Raw, shelf: Shelf) -> Row:
    """Turn one raw row into a record; what cannot be read stays in ``raw`` and is never dropped.

    Raises: Unreadable for a bill without an amount: without it no sum would be true.
    """
    at = next((found for name in TIMES if (found := _quiet(instant_or_none, raw, name)) is not None), EPOCH)
    if shelf.amount == BALANCE_CHANGE and amount_or_none(raw, BALANCE_CHANGE) is None:
        raise Unreadable(f"{shelf.path}: a bill without {BALANCE_CHANGE}")
    return {
        "id": next((str(raw[name]) for name in NUMBERS if raw.get(name)), ""),
        "at": at,
        "wallet": shelf.wallet,
        "asset": str(raw.get(shelf.asset, "")),
        "amount": _quiet(amount_or_none, raw, shelf.amount),
        "code": "/".join(str(raw[name]) for name in ("type", "subType", "state") if raw.get(name)),
        "source": shelf.path,
        "raw": dict(raw),
    }


def _quiet(read: Callable[[Raw, str], Any], raw: Raw, name: str) -> Any:
    try:
        return read(raw, name)
    except Unreadable:
        return None


CSV_TIME, CSV_CHANGE, CSV_ID = "Time", "Balance Change", "id"


def from_file(lines: Sequence[Sequence[str]], source: str) -> Iterator[Row]:
    """Turn the rows of a quarterly file of trading bills into ledger records. Raises: Unreadable.

    The file names two columns ``Unit``; the last one is the asset of the balance.
    """
    if not lines:
        return
    names = [name.lstrip("\ufeff").strip() for name in lines[0]]
    if CSV_CHANGE not in names or CSV_TIME not in names or "Unit" not in names:
        raise Unreadable(f"{source}: the columns are {', '.join(names)}")
    unit = len(names) - 1 - names[::-1].index("Unit")
    for cells in lines[1:]:
        said = dict(zip(names, cells, strict=False))
        if len(cells) != len(names):
            raise Unreadable(f"{source}: a row has {len(cells)} of {len(names)} columns")
        yield {
            "id": said.get(CSV_ID, ""),
            "at": _file_time(said[CSV_TIME]),
            "wallet": "trading",
            "asset": cells[unit],
            "amount": _file_amount(said[CSV_CHANGE]),
            "code": said.get("Type", ""),
            "source": source,
            "raw": said,
        }


def _file_time(said: str) -> datetime:
    if said.isdigit():
        return moment(said)
    try:
        at = datetime.fromisoformat(said)
    except ValueError as wrong:
        raise Unreadable(f"{said!r} is not a time") from wrong
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _file_amount(said: str) -> Decimal:
    found = amount_or_none({CSV_CHANGE: said}, CSV_CHANGE)
    if found is None:
        raise Unreadable(f"a row without {CSV_CHANGE}")
    return found


def sums(ledger: Iterator[Row]) -> dict[str, Decimal]:
    """Add the ledger up by asset: an account that is empty must come to zero in each."""
    found: dict[str, Decimal] = {}
    for one in ledger:
        if isinstance(one["amount"], Decimal):
            found[one["asset"]] = found.get(one["asset"], Decimal(0)) + one["amount"]
    return dict(sorted(found.items()))
