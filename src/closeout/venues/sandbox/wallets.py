"""Moving money inside the exchange: gathering in funding, converting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from closeout.venues.base import Command, Quote, Rejected
from closeout.venues.sandbox.ledger import (
    EXACT,
    Cursor,
    Place,
    Work,
    ceiling,
    floor,
    limit,
    one,
    times,
)  # fmt: skip

CONVERT_FEE = Decimal("0.002")  # share of the proceeds


def gather(work: Work, command: Command) -> None:
    """Move one asset, or all, from a wallet to funding, of the same account or of its main account.

    Without an amount everything that is available moves, decided on the locked row. ``params``: ``wallet``;
    ``to_wallet`` (default funding); ``to_account``. Raises: Rejected("not_found", "insufficient").
    """
    wallet = command.params.get("wallet", command.params.get("from_wallet", "funding"))
    target = recipient(work.cursor, command, work.account_id)
    to_wallet = command.params.get("to_wallet", "funding")
    if (wallet, work.account_id) == (to_wallet, target):
        raise Rejected("not_found", "from a wallet to itself")
    for asset in [command.asset] if command.asset is not None else assets_in(work, wallet):
        debit, credit = Place(work.account_id, wallet, asset), Place(target, to_wallet, asset)
        if command.amount is None:
            work.sweep(debit, credit)
        else:
            work.move(debit, credit, positive(command.amount))


def positive(amount: Decimal) -> Decimal:
    """Return ``amount``. Raises: Rejected("minimum") unless it is above zero."""
    if not amount > 0:
        raise Rejected("minimum")
    return amount


def recipient(cursor: Cursor, command: Command, account_id: int) -> int:
    """Return ``params.to_account`` if it is the account itself or its main account. Raises: Rejected("not_found")."""
    text = command.params.get("to_account", str(account_id))
    if text == str(account_id):
        return account_id
    cursor.execute(
        "select account_id from sandbox.account where account_id = %s and (account_id = %s or "
        "account_id = (select parent_id from sandbox.account where account_id = %s))",
        (int(text) if text.isascii() and text.isdigit() else 0, account_id, account_id),
    )
    return int(one(cursor)[0])


def assets_in(work: Work, wallet: str) -> list[str]:
    """Return the assets that are available in ``wallet``."""
    work.cursor.execute(
        "select asset from sandbox.ledger where account_id = %s and owner = 'holder' and wallet = %s "
        "and bucket = 'available' and balance > 0 order by ledger_id",
        (work.account_id, wallet),
    )
    return [asset for (asset,) in work.cursor.fetchall()]


@dataclass(frozen=True)
class Rate:
    """What one asset fetches in another now."""

    asset: str
    to_asset: str
    price: Decimal  # of one unit, in to_asset, before the fee
    to_scale: int
    minimum: Decimal
    priced_at: datetime
    refused: str | None

    def proceeds(self, amount: Decimal) -> tuple[Decimal, Decimal, Decimal]:
        """Return proceeds after the fee, fee, and the residue below one smallest unit, for ``amount``."""
        exact = times(amount, self.price)
        gross = floor(exact, self.to_scale)
        fee = min(ceiling(times(gross, CONVERT_FEE), self.to_scale), gross)
        return gross - fee, fee, EXACT.subtract(exact, gross)


def rate_of(cursor: Cursor, command: Command) -> Rate:
    """Return the rate of a conversion, with the reason if it is impossible. Raises: Rejected("not_found")."""
    to_asset = command.params.get("to_asset", "USDT")
    cursor.execute(
        "select f.delisted or t.delisted, f.price is null or t.price is null, f.convertible and t.convertible, "
        "f.price, t.price, t.scale, f.convert_min, greatest(f.priced_at, t.priced_at) "
        "from sandbox.asset as f, sandbox.asset as t where f.asset = %s and t.asset = %s and f.asset <> t.asset",
        (command.asset, to_asset),
    )
    delisted, unpriced, convertible, from_price, to_price, scale, minimum, priced_at = one(cursor)
    refused = "delisted" if delisted else "no_price" if unpriced or not convertible else None
    price = Decimal(0) if unpriced else floor(EXACT.divide(from_price, to_price), 18)
    least = limit(command, "price_least")
    if refused is None and least is not None and price < least:
        refused = "slippage"
    return Rate(command.asset or "", to_asset, price, scale, minimum, priced_at, refused)


def convert(work: Work, command: Command) -> None:
    """Sell an asset of funding for another at the table price less the fee, dust included.

    Raises: Rejected("not_found", "delisted", "no_price", "slippage", "minimum", "insufficient").
    """
    rate = rate_of(work.cursor, command)
    if rate.refused is not None:
        raise Rejected(rate.refused)
    funding = Place(work.account_id, "funding", rate.asset)
    sold = work.sweep(funding, funding.house("conversion"), command.amount)
    if command.amount is not None and sold < positive(command.amount):
        raise Rejected("insufficient")
    proceeds, fee, residue = rate.proceeds(sold)
    if sold == 0:
        return
    if sold < rate.minimum or proceeds == 0:
        raise Rejected("minimum")
    target = Place(work.account_id, "funding", rate.to_asset)
    work.move(target.house("conversion"), target, proceeds)
    work.move(target.house("conversion"), target.house("fees"), fee)
    work.cursor.execute(
        "insert into sandbox.conversion (account_id, from_asset, amount, to_asset, proceeds, price, fee, residue, "
        "entry_id, converted_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            work.account_id,
            rate.asset,
            sold,
            rate.to_asset,
            proceeds,
            rate.price,
            fee,
            residue,
            work.entry_id,
            work.now,
        ),
    )
    work.notes["price"], work.notes["fee"] = f"{rate.price:f}", f"{fee:f}"


def quote_convert(cursor: Cursor, command: Command) -> Quote:
    """Say what a conversion would bring; for all that is available if the command names no amount."""
    rate = rate_of(cursor, command)
    amount = command.amount if command.amount is not None else available(cursor, command)
    proceeds, fee, _ = rate.proceeds(amount)
    refused = rate.refused or ("minimum" if amount < rate.minimum or proceeds == 0 else None)
    priced = rate.refused in (None, "slippage")
    return Quote(
        command, refused is None, refused, price=rate.price if priced else None, price_at=rate.priced_at,
        proceeds=proceeds if priced else None, proceeds_asset=rate.to_asset, fee=fee if priced else None,
        fee_asset=rate.to_asset, proceeds_wallet="funding",
    )  # fmt: skip


def available(cursor: Cursor, command: Command, wallet: str = "funding") -> Decimal:
    """Return what is available of the command's asset; a look, never the base of a movement."""
    cursor.execute(
        "select coalesce(sum(balance), 0) from sandbox.ledger where account_id = %s and owner = 'holder' "
        "and wallet = %s and bucket = 'available' and asset = %s",
        (command.account_id, wallet, command.asset),
    )
    return Decimal(one(cursor)[0])
