"""What a plan is made of: lines, leftovers and traps, and how the things they are about are named."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from closeout.clearing.stages import Stage
from closeout.conditions.check import Blocker
from closeout.venues.base import Command


def named(kind: str, account_id: int, *parts: str) -> str:
    """Return the stable name of one thing to clear, for example ``gather:7:trading:BTC``."""
    return ":".join((kind, str(account_id), *parts))


@dataclass(frozen=True)
class Line:
    """One command of a plan and the things it is about. ``about`` is the amount that the fact names."""

    stage: Stage
    command: Command
    things: tuple[str, ...]
    subject: str | None = None  # an instrument, a product, a wallet
    about: Decimal | None = None
    about_asset: str | None = None

    @property
    def id(self) -> str:
        """Return a short name of exactly this command: the first 16 hex digits of its digest."""
        return self.command.digest()[:16]

    def saying(self, command: Command) -> Line:
        """Return the same line with another command."""
        return dataclasses.replace(self, command=command)

    def limited(self, **limits: Decimal | None) -> Line:
        """Return the line with limits (price_least, penalty_most, …) added; None adds nothing."""
        said = {name: f"{value:f}" for name, value in limits.items() if value is not None}
        params = {**self.command.params, **said}
        return self.saying(dataclasses.replace(self.command, params=params))


@dataclass(frozen=True)
class Leftover:
    """What stays where it is, and why: left_out, no_destination, small, no_price, negative and so on."""

    thing: str
    reason: str
    account_id: int
    subject: str | None
    asset: str | None
    amount: Decimal | None

    @classmethod
    def of(cls, thing: str, blocker: Blocker, reason: str) -> Leftover:
        """Return the leftover that ``blocker`` becomes for ``reason``."""
        return cls(thing, reason, blocker.account_id, blocker.subject, blocker.asset, blocker.amount)


@dataclass(frozen=True)
class Trap:
    """A step that would make closing later, with its warning by language."""

    code: str
    text: Mapping[str, str]
