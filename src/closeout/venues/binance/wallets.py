"""Balances, debts and who the account is, one pure function per fact of Binance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from closeout.facts.schema import Account, Balance, Hold, Loan
from closeout.venues.okx.links import Holder
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import (
    EPOCH,
    ZERO,
    Raw,
    Unreadable,
    amount,
    amount_or_none,
    flag,
    instant_or_none,
    number,
    parts,
    text,
)
from closeout.venues.okx.wallets import loan

PERMISSIONS = {
    "trade": ("enableSpotAndMarginTrading", "enableMargin", "enableFutures", "enableVanillaOptions",
              "enablePortfolioMarginTrading", "enableFixApiTrade"),
    "withdraw": ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"),
}  # fmt: skip
CONTRACTS = ("coin_futures", "usd_futures")


def one(rows: Sequence[Raw]) -> Raw:
    """Return the only row of an answer that is one object. Raises: Unreadable."""
    if len(rows) != 1:
        raise Unreadable("the answer is not one object")
    return rows[0]


def holder(account: Sequence[Raw], restrictions: Sequence[Raw]) -> Holder:
    """Read ``api/v3/account`` and ``account/apiRestrictions``. Raises: Unreadable."""
    said = one(restrictions)
    allowed = [name for name, fields in PERMISSIONS.items() if any(flag(said, field) for field in fields)]
    return Holder(
        account_id=number(one(account), "uid"), parent_id=None, key_label="",
        permissions=("read_only", *allowed), ip_bound=flag(said, "ipRestrict"), kyc_level="", lead_trader=False,
    )  # fmt: skip


def account(rows: Sequence[Raw], seen: Seen) -> Iterator[Account | Hold]:
    """Read ``api/v3/account``: the account, its last posting in spot, and whether money may leave.

    Binance does not tell when it was opened: 1970 stands for that.
    """
    said = one(rows)
    yield Account(
        account_id=number(said, "uid"), parent_id=None, state="open", jurisdiction="", opened_at=EPOCH,
        posted_at=instant_or_none(said, "updateTime"),
    )  # fmt: skip
    if not flag(said, "canWithdraw", default=True):
        yield _hold(seen, "binance-withdrawals")


def _hold(seen: Seen, number_: str) -> Hold:
    return Hold(
        account_id=seen.account_id, hold_id=number_, kind="compliance", scope="closing", placed_at=seen.as_of,
        released_at=None,
    )  # fmt: skip


def account_status(rows: Sequence[Raw], seen: Seen) -> Iterator[Hold]:
    """Read ``account/status``: anything but Normal is a restriction."""
    if text(one(rows), "data") != "Normal":
        yield _hold(seen, "binance-status")


def trading_status(rows: Sequence[Raw], seen: Seen) -> Iterator[Hold]:
    """Read ``account/apiTradingStatus``: an account that is locked for trading."""
    said = one(rows).get("data")
    if not isinstance(said, dict):
        raise Unreadable("field data is not an object")
    if flag(said, "isLocked"):
        yield _hold(seen, "binance-trading-lock")


def minimums(rows: Sequence[Raw]) -> dict[str, Decimal | None]:
    """Read ``capital/config/getall``: the smallest withdrawal of each asset over its open networks, or ``None``."""
    found: dict[str, Decimal | None] = {}
    for row in rows:
        least = [
            amount(way, "withdrawMin") for way in parts(row, "networkList") if flag(way, "withdrawEnable")
        ]
        found[text(row, "coin")] = min(least) if least else None
    return found


def prices(rows: Sequence[Raw]) -> dict[str, Decimal]:
    """Read ``ticker/price``: the price of one unit in USDT where there is a pair with it."""
    found = {"USDT": Decimal(1)}
    for row in rows:
        symbol = text(row, "symbol")
        if symbol.endswith("USDT") and symbol != "USDT":
            found[symbol.removesuffix("USDT")] = amount(row, "price")
    return found


def balance(seen: Seen, wallet: str, asset: str, *, available: Decimal, locked: Decimal = ZERO) -> Balance:
    """Build one row of the relation balance."""
    return Balance(
        account_id=seen.account_id, wallet=wallet, asset=asset, available=available, locked=locked,
        withdraw_min=seen.withdraw_min.get(asset), value=seen.value(asset, available + locked),
    )  # fmt: skip


def _plain(rows: Sequence[Raw], seen: Seen, wallet: str) -> Iterator[Balance]:
    for row in rows:
        free = amount(row, "free")
        held = [amount_or_none(row, name) or ZERO for name in ("locked", "freeze", "withdrawing")]
        locked = sum(held, start=ZERO)
        if free or locked:
            yield balance(seen, wallet, text(row, "asset"), available=free, locked=locked)


def spot(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
    """Read the spot wallet in ``api/v3/account``. Earn receipts (``LD…``) are told by the earn lists."""
    rest = [row for row in parts(one(rows), "balances") if not text(row, "asset").startswith("LD")]
    return _plain(rest, seen, "spot")


def funding(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
    """Read ``asset/get-funding-asset``."""
    return _plain(rows, seen, "funding")


def storage(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
    """Read what ``capital/config/getall`` alone tells: money in a launchpool or kept in storage."""
    for row in rows:
        for name in ("ipoing", "storage"):
            held = amount_or_none(row, name) or ZERO
            if held:
                yield balance(seen, name, text(row, "coin"), available=ZERO, locked=held)


def margin(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance | Loan]:
    """Read ``margin/account``: balances and what is borrowed, interest apart."""
    for row in parts(one(rows), "userAssets"):
        yield from _margin(row, seen, "margin", f"margin-{text(row, 'asset')}")


def isolated(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance | Loan]:
    """Read ``margin/isolated/account``: each pair has a wallet of its own."""
    for pair in parts(one(rows), "assets"):
        symbol = text(pair, "symbol")
        for side in ("baseAsset", "quoteAsset"):
            part = pair.get(side)
            if not isinstance(part, dict):
                raise Unreadable(f"field {side} is not an object")
            yield from _margin(part, seen, f"isolated {symbol}", f"isolated-{symbol}-{text(part, 'asset')}")


def _margin(row: Raw, seen: Seen, wallet: str, number_: str) -> Iterator[Balance | Loan]:
    free, locked, asset = amount(row, "free"), amount(row, "locked"), text(row, "asset")
    if free or locked:
        yield balance(seen, wallet, asset, available=free, locked=locked)
    owed, interest = amount(row, "borrowed"), amount(row, "interest")
    if owed or interest:
        yield loan(seen, number_, asset, owed=owed, interest=interest)


def futures(wallet: str) -> Callable[[Sequence[Raw], Seen], Iterator[Balance]]:
    """Return the translation of the assets in a futures account; profit that is not posted is told by positions."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
        for row in parts(one(rows), "assets"):
            whole = amount(row, "walletBalance")
            if whole:
                free = min(amount_or_none(row, "availableBalance") or ZERO, whole)
                yield balance(seen, wallet, text(row, "asset"), available=free, locked=whole - free)

    return translate


def portfolio(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance | Loan]:
    """Read ``papi/v1/balance``: the account of portfolio margin."""
    for row in rows:
        whole, asset = amount(row, "totalWalletBalance"), text(row, "asset")
        if whole:
            yield balance(seen, "portfolio", asset, available=whole)
        owed = amount_or_none(row, "crossMarginBorrowed") or ZERO
        interest = amount_or_none(row, "crossMarginInterest") or ZERO
        if owed or interest:
            yield loan(seen, f"portfolio-{asset}", asset, owed=owed, interest=interest)
