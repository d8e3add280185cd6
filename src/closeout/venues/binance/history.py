"""Records of a Binance account, and the ledger that follows from them: Binance tells events, not postings.

Each list is asked window by window, because Binance answers for at most 30, 90 or 180 days at a time; C2C orders reach
back six months, whatever the year. What lies between the account's own wallets (spot, earn, futures) is no posting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from closeout.facts.schema import Balance, Earn, Relation
from closeout.venues.binance.endpoints import Operation, operation
from closeout.venues.binance.errors import BinanceFailure
from closeout.venues.binance.reading import C2C_REACH_DAYS
from closeout.venues.binance.wire import BinanceWire
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.values import (
    ZERO,
    Raw,
    Unreadable,
    amount,
    amount_or_none,
    flag,
    instant_or_none,
    milliseconds,
    parts,
    text,
)

Row = Mapping[str, Any]
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Leg:
    """What one event does to one asset."""

    entry: str
    kind: str
    asset: str
    amount: Decimal


Legs = Callable[[Raw], Iterator[Leg]]


@dataclass(frozen=True)
class Shelf:
    """One list: how far one question reaches, how many rows it brings at most, and what a row means."""

    operation: Operation
    legs: Legs
    days: int = 90
    most: int = 0  # a window that is full is asked again in two halves; 0: the list is paged
    begins: str = "startTime"
    ends: str = "endTime"
    params: Mapping[str, str] = field(default_factory=dict)
    reach_days: int = 0  # 0: as far back as is asked for
    optional: bool = False


def at(row: Raw) -> datetime:
    """Return when a row happened. Raises: Unreadable."""
    for name in ("time", "insertTime", "createTime", "operateTime", "divTime"):
        if (found := instant_or_none(row, name)) is not None:
            return found
    said = text(row, "completeTime", "") or text(row, "applyTime")
    try:
        return datetime.fromisoformat(said)
    except ValueError as wrong:
        raise Unreadable("a row without a time") from wrong


def _deposit(row: Raw) -> Iterator[Leg]:
    if text(row, "status") in ("1", "6"):
        yield Leg(
            f"deposit {_number(row, 'id', 'txId')}", "deposit", text(row, "coin"), amount(row, "amount")
        )


def _withdrawal(row: Raw) -> Iterator[Leg]:
    if text(row, "status") == "6":
        gone = amount(row, "amount") + (amount_or_none(row, "transactionFee") or ZERO)
        yield Leg(f"withdrawal {text(row, 'id')}", "withdrawal", text(row, "coin"), -gone)


def _fiat(sign: int) -> Legs:
    def legs(row: Raw) -> Iterator[Leg]:
        if text(row, "status").lower() in ("successful", "finished", "completed"):
            moved = amount(row, "amount", "indicatedAmount")
            kind = "fiat_in" if sign > 0 else "fiat_out"
            yield Leg(f"fiat {text(row, 'orderNo')}", kind, text(row, "fiatCurrency"), sign * moved)

    return legs


def _payment(row: Raw) -> Iterator[Leg]:
    if text(row, "status") != "Completed":
        return
    entry = f"payment {text(row, 'orderNo')}"
    inside = text(row, "paymentMethod", "") == "Cash Balance"
    yield Leg(entry, "trade" if inside else "card", text(row, "cryptoCurrency"), amount(row, "obtainAmount"))
    if inside:
        yield Leg(entry, "trade", text(row, "fiatCurrency"), -amount(row, "sourceAmount"))


def _conversion(row: Raw) -> Iterator[Leg]:
    if text(row, "orderStatus") == "SUCCESS":
        entry = f"convert {_number(row, 'orderId', 'quoteId')}"
        yield Leg(entry, "convert", text(row, "fromAsset"), -amount(row, "fromAmount"))
        yield Leg(entry, "convert", text(row, "toAsset"), amount(row, "toAmount"))


def _dust(row: Raw) -> Iterator[Leg]:
    for part in parts(row, "userAssetDribbletDetails"):
        entry = f"dust {text(part, 'transId')} {text(part, 'fromAsset')}"
        yield Leg(entry, "convert", text(part, "fromAsset"), -amount(part, "amount"))
        yield Leg(entry, "convert", "BNB", amount(part, "transferedAmount"))


def _dividend(row: Raw) -> Iterator[Leg]:
    said = text(row, "enInfo", "").lower()
    kind = "reward"
    for word, meant in (("airdrop", "airdrop"), ("launchpool", "airdrop"), ("earn", "interest"), ("locked", "interest"),
                        ("flexible", "interest"), ("staking", "staking"), ("rebate", "rebate"), ("referral", "rebate"),
                        ("commission", "rebate")):  # fmt: skip
        if word in said:
            kind = meant
            break
    yield Leg(f"dividend {_number(row, 'tranId', 'id')}", kind, text(row, "asset"), amount(row, "amount"))


def _c2c(row: Raw) -> Iterator[Leg]:
    if text(row, "orderStatus") == "COMPLETED":
        sign = 1 if text(row, "tradeType") == "BUY" else -1
        moved = sign * amount(row, "amount") - (amount_or_none(row, "commission") or ZERO)
        yield Leg(f"c2c {text(row, 'orderNumber')}", "p2p", text(row, "asset"), moved)


INCOME = {
    "REALIZED_PNL": "position", "FUNDING_FEE": "funding_fee", "COMMISSION": "fee", "INSURANCE_CLEAR": "position",
    "REFERRAL_KICKBACK": "rebate", "COMMISSION_REBATE": "rebate", "API_REBATE": "rebate", "WELCOME_BONUS": "reward",
    "DELIVERED_SETTELMENT": "position", "OPTIONS_SETTLE_PROFIT": "position", "OPTIONS_PREMIUM_FEE": "fee",
}  # fmt: skip
INSIDE = frozenset(
    {"TRANSFER", "INTERNAL_TRANSFER", "CROSS_COLLATERAL_TRANSFER", "STRATEGY_UMFUTURES_TRANSFER"}
)


def _income(row: Raw) -> Iterator[Leg]:
    said = text(row, "incomeType")
    if said not in INSIDE:
        entry = f"income {said} {_number(row, 'tranId', 'time')} {text(row, 'tradeId', '')}".strip()
        yield Leg(entry, INCOME.get(said, said.lower()), text(row, "asset"), amount(row, "income"))


def _trade(row: Raw) -> Iterator[Leg]:
    entry, sign = f"trade {text(row, 'symbol')} {text(row, 'id')}", 1 if flag(row, "isBuyer") else -1
    yield Leg(entry, "trade", text(row, "base"), sign * amount(row, "qty"))
    yield Leg(entry, "trade", text(row, "quote"), -sign * amount(row, "quoteQty"))
    fee = amount(row, "commission")
    if fee:
        yield Leg(f"{entry} fee", "fee", text(row, "commissionAsset"), -fee)


def _number(row: Raw, *names: str) -> str:
    return next((text(row, name) for name in names if text(row, name, "")), "")


def _of_fiat(path: str, legs: Legs, kind: str) -> Shelf:
    return Shelf(
        operation("sapi", path), legs, days=3650, begins="beginTime", params={"transactionType": kind}
    )


SHELVES: Mapping[str, tuple[Shelf, ...]] = {
    "deposits": (Shelf(operation("sapi", "capital/deposit/hisrec"), _deposit, most=1000),),
    "withdrawals": (Shelf(operation("sapi", "capital/withdraw/history"), _withdrawal, most=1000),),
    "fiat": (
        _of_fiat("fiat/orders", _fiat(1), "0"),
        _of_fiat("fiat/orders", _fiat(-1), "1"),
        _of_fiat("fiat/payments", _payment, "0"),
    ),
    "conversions": (Shelf(operation("sapi", "convert/tradeFlow"), _conversion, days=30, most=1000),),
    "dust": (Shelf(operation("sapi", "asset/dribblet"), _dust, most=100),),
    "earn": (Shelf(operation("sapi", "asset/assetDividend"), _dividend, days=180, most=500),),
    "c2c": (
        Shelf(operation("sapi", "c2c/orderMatch/listUserOrderHistory"), _c2c, days=30, begins="startTimestamp",
              ends="endTimestamp", reach_days=C2C_REACH_DAYS),
    ),
    "futures": (
        Shelf(operation("fapiPrivate", "income"), _income, optional=True),
        Shelf(operation("dapiPrivate", "income"), _income, optional=True),
    ),
}  # fmt: skip
KINDS = (*SHELVES, "trades", "balances", "ledger")


def windows(shelf: Shelf, *, since: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows in which a list is asked, oldest first, without gap or overlap."""
    first = max(since, now - timedelta(days=shelf.reach_days)) if shelf.reach_days else since
    while first < now:
        last = min(first + timedelta(days=shelf.days), now)
        yield first, last - timedelta(milliseconds=1) if last < now else last
        first = last


def read(wire: BinanceWire, shelf: Shelf, first: datetime, last: datetime) -> list[Raw]:
    """Read one window whole; one that comes back full is read in two halves. Raises: Failure."""
    params: dict[str, Any] = dict(shelf.params) | {
        shelf.begins: milliseconds(first),
        shelf.ends: milliseconds(last),
    }
    rows = wire.call(shelf.operation, params | ({"limit": shelf.most} if shelf.most else {}))
    if not shelf.most or len(rows) < shelf.most:
        return rows
    if last - first < SECOND:
        raise BinanceFailure(Kind.SHAPE, "", f"{shelf.operation.path}: {len(rows)} rows within a second")
    middle = first + (last - first) / 2
    return read(wire, shelf, first, middle) + read(wire, shelf, middle + timedelta(milliseconds=1), last)


def shelf_rows(wire: BinanceWire, shelf: Shelf, *, since: datetime, now: datetime) -> list[Raw]:
    """Read one list from ``since`` to ``now``. Raises: Failure."""
    try:
        return [row for window in windows(shelf, since=since, now=now) for row in read(wire, shelf, *window)]
    except Failure as failed:
        if shelf.optional and failed.kind in (Kind.ABSENT, Kind.KEY):
            return []
        raise


def trades(wire: BinanceWire, assets: Sequence[str]) -> list[Raw]:
    """Read the spot trades of every pair that the account may have traded.

    Binance tells trades pair by pair: beginning with ``assets``, every pair of an asset that the account ever had is
    asked, and assets that appear in trades are looked at in turn. Raises: Failure.
    """
    pairs = {
        text(row, "symbol"): (text(row, "baseAsset"), text(row, "quoteAsset"))
        for row in wire.call(operation("public", "exchangeInfo"))
    }
    found: list[Raw] = []
    known, todo, seen = set(assets), list(assets), set()
    while todo:
        asset = todo.pop()
        for symbol in sorted(name for name, pair in pairs.items() if asset in pair and name not in seen):
            seen.add(symbol)
            rows = _trades_of(wire, symbol)
            base, quote = pairs[symbol]
            found += [{**row, "base": base, "quote": quote} for row in rows]
            for other in (base, quote) if rows else ():
                if other not in known:
                    known.add(other)
                    todo.append(other)
    return found


def _trades_of(wire: BinanceWire, symbol: str) -> list[Raw]:
    found: list[Raw] = []
    first = "0"
    while True:
        rows = wire.call(operation("private", "myTrades"), {"symbol": symbol, "limit": 1000, "fromId": first})
        found += rows
        if len(rows) < 1000:
            return found
        first = str(int(text(rows[-1], "id")) + 1)


def postings(rows: Sequence[Raw], legs: Legs, source: str) -> Iterator[Row]:
    """Turn rows into ledger records. Raises: Failure for a row that cannot be read: without it no sum would be true."""
    for row in rows:
        try:
            moment = at(row)
            for place, leg in enumerate(legs(row)):
                yield {
                    "transfer_id": f"{leg.entry} {place}", "entry_id": leg.entry, "kind": leg.kind, "wallet": "all",
                    "asset": leg.asset, "amount": leg.amount, "posted_at": moment, "source": source, "raw": dict(row),
                }  # fmt: skip
        except Unreadable as wrong:
            raise BinanceFailure(Kind.SHAPE, "", f"{source}: {wrong}") from None


def unexplained(sums: Mapping[str, str], facts: Mapping[str, Sequence[Relation]]) -> dict[str, Decimal]:
    """Return what the ledger's sums and the balances of now differ by, per asset; loans count as what is owed."""
    left = {asset: -Decimal(total) for asset, total in sums.items()}
    for row in (*facts["balance"], *facts["earn"]):
        if isinstance(row, Balance):
            left[row.asset] = left.get(row.asset, ZERO) + row.available + row.locked
        elif isinstance(row, Earn):
            left[row.asset] = left.get(row.asset, ZERO) + row.amount
    return {asset: value for asset, value in sorted(left.items()) if value}


class Records:
    """The records of one account, each list read once."""

    def __init__(self, wire: BinanceWire, *, since: int, now: datetime, held: Sequence[str] = ()) -> None:
        self._wire, self._since, self._now = wire, datetime(since, 1, 1), now
        self._held = held
        self._read: dict[str, list[list[Raw]]] = {}

    def stream(self, kind: str) -> Iterator[Row]:
        """Yield the records of one kind, oldest first. Raises: Failure."""
        if kind == "ledger":
            yield from sorted(self._ledger(), key=lambda row: row["posted_at"])
            return
        for rows in self._lists(kind):
            for row in rows:
                yield {"source": kind, "raw": dict(row)}

    def _lists(self, kind: str) -> list[list[Raw]]:
        if kind not in self._read:
            if kind == "trades":
                self._read[kind] = [trades(self._wire, sorted(self._assets()))]
            elif kind == "balances":
                self._read[kind] = [self._wire.call(operation("sapi", "capital/config/getall"))]
            else:
                self._read[kind] = [
                    shelf_rows(self._wire, shelf, since=self._since, now=self._now) for shelf in SHELVES[kind]
                ]
        return self._read[kind]

    def _assets(self) -> set[str]:
        return {row["asset"] for row in self._events()} | set(self._held)

    def _events(self) -> Iterator[Row]:
        for kind, shelves in SHELVES.items():
            for shelf, rows in zip(shelves, self._lists(kind), strict=True):
                yield from postings(rows, shelf.legs, kind)

    def _ledger(self) -> Iterator[Row]:
        yield from self._events()
        yield from postings(self._lists("trades")[0], _trade, "trades")
