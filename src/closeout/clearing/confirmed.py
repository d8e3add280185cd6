"""What a confirmation covers, and what needs another one (docs/adr/0030).

The holder confirms one dry run. A clearing then meets a world that moves: an order fills, a reward arrives,
converted dust becomes large enough to withdraw. The confirmation covers what follows from it without a new
decision:

* always: revoking, cancelling, switching renewal off, and moving money between the holder's own wallets;
* items that were shown (positions, loans, products, sub-accounts, payment methods), within their limits;
* a purchase of what a shown loan lacks, for no more than was shown;
* a conversion of an asset into another that was shown as such, at no worse than the price limit shown;
* a withdrawal of an asset that was shown to leave, to the one address shown for it, at no more than the fee
  shown, whatever the amount has become;
* an exit of dust for which there is a line of consent, up to its amount.

Everything else stops and asks: a new position, loan or product, an asset nobody spoke of, a worse price.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from closeout.clearing.choices import Choices
from closeout.clearing.dry_run import DryRun, Offer
from closeout.clearing.exact import exact
from closeout.clearing.lines import Line
from closeout.clearing.stages import Stage
from closeout.venues.base import Command, Remedy

ALWAYS = frozenset({Stage.REVOKE, Stage.CANCEL, Stage.RENEWAL, Stage.SUB_SWEEP, Stage.GATHER})
LATER_MAX = timedelta(days=1)  # a date that slips further is shown again
LIMITS = ("price_least", "price_most", "penalty_most", "fee_most")


@dataclass(frozen=True)
class Term:
    """One command that was shown, with its limits."""

    stage: Stage
    command: Command
    things: tuple[str, ...]
    done_at: datetime | None = None


@dataclass(frozen=True)
class Confirmed:
    """A dry run as it binds a clearing; small enough to be stored with the run."""

    account_id: int
    digest: str
    shown_at: datetime
    policy_version: str
    choices: Choices
    terms: tuple[Term, ...]
    unsold: Mapping[str, str] = field(default_factory=dict)  # shown as impossible to convert, with the reason
    stopped: Mapping[str, str] = field(default_factory=dict)  # shown as not being done, with the reason
    costs: Mapping[str, Decimal] = field(default_factory=dict)  # what one unit that a loan lacks may cost

    @property
    def commands(self) -> tuple[Command, ...]:
        """Return the commands as they were quoted, before their limits were added."""
        return tuple(bare(term.command) for term in self.terms)

    @exact
    def bind(self, line: Line) -> Line | str:
        """Return ``line`` under the limits that were shown, or the reason why it is not covered."""
        if line.stage in ALWAYS:
            return line
        if line.stage is Stage.EXITS:
            consent = self.choices.consent(line.command.asset or "")
            covered = consent is not None and (line.command.amount or Decimal(0)) <= consent.amount_max
            return line if covered else "no_consent"
        term = next((term for term in self.terms if _same(term, line)), None)
        if term is None:
            return "new_item"
        if line.stage is Stage.LOANS:
            most = term.command.amount or Decimal(0)
            if (line.about or Decimal(0)) > most:
                return "more_owed"
            return line.saying(dataclasses.replace(line.command, amount=most))
        if line.stage is Stage.BUY:  # never more of it than was shown
            most = term.command.amount or Decimal(0)
            line = line.saying(
                dataclasses.replace(line.command, amount=min(line.command.amount or most, most))
            )
        limits = {name: Decimal(term.command.params[name]) for name in LIMITS if name in term.command.params}
        return line.limited(**limits)


def _same(term: Term, line: Line) -> bool:
    """Say whether ``line`` is what ``term`` showed: the same item, or the same asset on the same way."""
    if term.stage is not line.stage or term.command.account_id != line.command.account_id:
        return False
    if line.command.kind not in (Remedy.CONVERT, Remedy.WITHDRAW):
        return not set(term.things).isdisjoint(line.things)
    ways = ("to_asset", "network", "address", "memo")
    mine, theirs = line.command.params, term.command.params
    return term.command.asset == line.command.asset and all(mine.get(way) == theirs.get(way) for way in ways)


def confirmable(shown: DryRun) -> Confirmed:
    """Return ``shown`` as what a confirmation of it binds."""
    offers = (*shown.offers, *shown.later)
    terms = tuple(
        Term(offer.line.stage, offer.line.command, offer.line.things, offer.quote.done_at) for offer in offers
    )
    return Confirmed(
        shown.account_id, shown.digest, shown.shown_at, shown.policy_version, shown.choices, terms,
        shown.outlook.unsold, shown.outlook.stopped, shown.outlook.costs,
    )  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One way in which the world moved beyond what was confirmed."""

    thing: str
    reason: str  # new_item, no_consent, more_owed, slippage, penalty, fee, later


@exact
def changed_beyond(old: Confirmed, new: DryRun) -> tuple[Change, ...]:
    """Return every way in which ``new`` is worse than what ``old`` covers; empty means: go ahead."""
    return tuple(_changes(old, new.offers))


def _changes(old: Confirmed, offers: Iterable[Offer]) -> Iterator[Change]:
    for offer in offers:
        thing = offer.line.things[0]
        bound = old.bind(_bare(offer.line))
        if isinstance(bound, str):
            yield Change(thing, bound)
            continue
        term = next((term for term in old.terms if _same(term, offer.line)), None)
        said, quote = bound.command.params, offer.quote
        limits = {name: Decimal(said[name]) for name in LIMITS if name in said}
        price = Decimal(0) if quote.price is None else quote.price
        if not limits.get("price_least", price) <= price <= limits.get("price_most", price):
            yield Change(thing, "slippage")
        if quote.penalty and quote.penalty > limits.get("penalty_most", Decimal(0)):
            yield Change(thing, "penalty")
        if quote.fee is not None and quote.fee > limits.get("fee_most", quote.fee):
            yield Change(thing, "fee")
        if _slipped(quote.done_at, term, old.shown_at):
            yield Change(thing, "later")


def _bare(line: Line) -> Line:
    """Return the line without its own limits."""
    return line.saying(bare(line.command))


def bare(command: Command) -> Command:
    """Return the command without limits."""
    params = {name: value for name, value in command.params.items() if name not in LIMITS}
    return dataclasses.replace(command, params=params)


def _slipped(done_at: datetime | None, term: Term | None, shown_at: datetime) -> bool:
    if done_at is None or term is None:
        return False
    return done_at > (term.done_at or shown_at) + LATER_MAX
