"""What the holder decides beforehand; everything else in a clearing follows from the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from closeout.venues.base import Destination


class Way(StrEnum):
    """A way out for dust that can neither be withdrawn nor converted."""

    SEND = "send"
    DONATE = "donate"
    FORFEIT = "forfeit"


@dataclass(frozen=True, kw_only=True)
class Consent:
    """One line of consent: this asset, at most so much of it, leaves in this way (R-CLR-6).

    There is no consent for everything at once: dust is given up item by item or not at all.
    """

    asset: str
    way: Way
    amount_max: Decimal
    to_account: int | None = None  # for SEND: the other holder


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The holder's choices for one clearing; items are named as in the dry run (``redeem:7:e-2``)."""

    target_asset: str = "USDT"  # what dust is converted into
    destinations: tuple[Destination, ...] = ()  # one per asset; nothing leaves to any other address
    sell: frozenset[str] = frozenset()  # assets to sell for the target instead of withdrawing them
    sell_rest: bool = False  # sell whatever has no destination
    left_out: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()  # if any: these items and nothing else (the button beside one item)
    redeem_early: bool = True  # pay the penalties that the dry run shows; False waits for the maturity
    beyond_slippage: frozenset[str] = frozenset()  # items that may be sold below the limit, as shown
    consents: tuple[Consent, ...] = ()

    def leaves_out(self, thing: str) -> bool:
        """Say whether the holder wants ``thing`` left alone."""
        return thing in self.left_out or (bool(self.only) and thing not in self.only)

    def destination(self, asset: str) -> Destination | None:
        """Return where ``asset`` leaves to, if anywhere."""
        return next((found for found in self.destinations if found.asset == asset), None)

    def consent(self, asset: str) -> Consent | None:
        """Return the consent line for ``asset``, if there is one."""
        return next((found for found in self.consents if found.asset == asset), None)


def suggested(destinations: Sequence[Destination], *, now: datetime) -> Choices:
    """Return choices that send every asset to its first usable destination of the address book.

    A suggestion only: the dry run shows it and the holder confirms or changes it. ``now``: naive UTC.
    """
    first: dict[str, Destination] = {}
    for found in destinations:
        if found.usable_at is None or found.usable_at <= now:
            first.setdefault(found.asset, found)
    return Choices(destinations=tuple(first.values()))
