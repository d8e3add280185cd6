"""What a translation may know beside the rows that it translates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Seen:
    """The account, the moment, and the tables of minimums and prices that OKX publishes."""

    account_id: int
    as_of: datetime  # naive UTC
    parent_id: int | None = None
    withdraw_min: Mapping[str, Decimal | None] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)  # USDT for one unit
    arrivals: Mapping[str, datetime] = field(default_factory=dict)  # expected, by number of the transfer

    def value(self, asset: str, amount: Decimal) -> Decimal | None:
        """Value ``amount`` in USDT, or ``None`` if nobody quotes the asset."""
        price = self.prices.get(asset)
        return None if price is None else exact(amount * price)


def exact(value: Decimal) -> Decimal:
    """Cut a computed amount to the 18 decimals that facts have; what OKX says itself is never cut."""
    return value.quantize(Decimal("1e-18")) if value.as_tuple().exponent < -18 else value  # type: ignore[operator]
