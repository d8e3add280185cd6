"""The dry run: every command with price, fee, penalty, limits and date, under one digest. Moves nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from closeout.clearing import document, money
from closeout.clearing.choices import Choices
from closeout.clearing.exact import exact
from closeout.clearing.lines import Line
from closeout.clearing.look import look
from closeout.clearing.plan import Outlook, Plan, plan
from closeout.clearing.stages import Stage
from closeout.conditions.check import Blocker, Report
from closeout.policy import Policy
from closeout.venues import commands
from closeout.venues.base import Command, Quote, Remedy, Venue

PROBE = Decimal(1000)  # of the target: large enough that no minimum and no rounding matters
PASSES_MAX = 8  # quotes feed plans and plans need quotes; four passes settle every account seen so far
FREE = frozenset({
    Remedy.REVOKE_KEY, Remedy.CANCEL_ORDERS, Remedy.STOP_RENEWAL, Remedy.GATHER, Remedy.UNBIND,
})  # fmt: skip
BRINGING = frozenset({Stage.POSITIONS, Stage.BUY, Stage.REDEEM, Stage.CONVERT, Stage.LOANS})
FREED_LATER = frozenset({"earn_locked", "no_settlement_pending"})
Place = tuple[int, str, str]
SETTLED_BY_EARLIER = frozenset({"insufficient", "not_empty"})  # what a line before it will have changed


@dataclass(frozen=True)
class Offer:
    """One line with its limits and what the venue quoted for it."""

    line: Line
    quote: Quote


@dataclass(frozen=True)
class Slice:
    """A later part of a withdrawal that the venue's daily limit spreads over days."""

    asset: str
    amount: Decimal
    at: datetime


@dataclass(frozen=True)
class DryRun:
    """Exactly what the holder is shown and confirms. ``asking`` lines need a further yes of their own."""

    account_id: int
    shown_at: datetime
    policy_version: str
    slippage_max: Decimal
    choices: Choices
    offers: tuple[Offer, ...]
    asking: tuple[Offer, ...]  # beyond the slippage limit: not done unless chosen
    later: tuple[Offer, ...]  # what waits will free, and where it will go
    slices: tuple[Slice, ...]
    plan: Plan
    outlook: Outlook  # what the quotes taught: which conversions and items are impossible

    @cached_property
    def document(self) -> Mapping[str, object]:
        """Return what is shown as JSON values (``closeout.clear/1``), without its digest."""
        return document.shown(self)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of everything shown: the confirmation is bound to it."""
        said = json.dumps(self.document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(said.encode()).hexdigest()


@exact
def dry_run(
    venue: Venue,
    policy: Policy,
    account_id: int,
    *,
    choices: Choices,
    reports: Mapping[int, Report] | None = None,
    expected: Sequence[Command] = (),
) -> DryRun:
    """Say what clearing ``account_id`` would do, with every cost; a few round trips, nothing is moved.

    ``expected``: commands that were shown before and will probably be part of it: they are quoted in one
    round trip, and those that cost nothing are taken to be as possible as they were.
    Raises: Unreachable; Refused("unknown_account").
    """
    reports = look(venue, policy, account_id) if reports is None else reports
    asked = _Asked(venue, reports, account_id, choices, policy.slippage_max)
    asked.quotes = {command.digest(): Quote(command, True) for command in expected if command.kind in FREE}
    asked.ask(expected)
    outlook, planned = asked.settle()
    offers = tuple(asked.offer(line) for line in planned.lines)
    bare = dataclasses.replace(
        outlook, stopped={thing: why for thing, why in outlook.stopped.items() if why != "slippage"}
    )
    asking = tuple(
        asked.offer(line)
        for line in plan(reports, main=account_id, choices=choices, outlook=bare).lines
        if any(outlook.stopped.get(thing) == "slippage" for thing in line.things)
    )
    return DryRun(
        account_id, planned.as_of, policy.version, policy.slippage_max, choices, offers, asking,
        asked.later(planned, outlook), _slices(offers, outlook), planned, outlook,
    )  # fmt: skip


@dataclass
class _Asked:
    """Quotes feed plans and plans need quotes: this keeps both until they agree."""

    venue: Venue
    reports: Mapping[int, Report]
    main: int
    choices: Choices
    slippage: Decimal
    quotes: dict[str, Quote] = dataclasses.field(default_factory=dict)

    def ask(self, wanted: Sequence[Command]) -> bool:
        """Have every command quoted; say whether any was not quoted before."""
        fresh = [command for command in wanted if command.digest() not in self.quotes]
        if fresh:
            self.quotes |= {quote.command.digest(): quote for quote in self.venue.quote(fresh)}
        return bool(fresh)

    def quote(self, line: Line) -> Quote:
        return self.quotes[line.command.digest()]

    def offer(self, line: Line) -> Offer:
        self.ask([line.command])
        return Offer(_limited(line, self.quote(line), self.slippage), self.quote(line))

    def settle(self) -> tuple[Outlook, Plan]:
        """Quote and plan again until nothing new is learnt."""
        outlook = Outlook(projected=True)
        planned = plan(self.reports, main=self.main, choices=self.choices, outlook=outlook)
        for _ in range(PASSES_MAX):
            fresh = self.ask([line.command for line in planned.lines])
            learnt = self.learn(outlook, planned)
            if learnt == outlook and not fresh:
                break
            outlook = learnt
            planned = plan(self.reports, main=self.main, choices=self.choices, outlook=outlook)
        return outlook, planned

    def learn(self, outlook: Outlook, planned: Plan) -> Outlook:
        """Return what the quotes of ``planned`` teach: what comes in, and what does not work."""
        incoming: dict[Place, Decimal] = {}
        small, unsold = set(outlook.small), dict(outlook.unsold)
        stopped, most = dict(outlook.stopped), dict(outlook.most)
        daily, more_at = dict(outlook.daily), dict(outlook.more_at)
        supply: dict[Place, Decimal] = {}
        for line in planned.lines:
            quote, asset = self.quote(line), line.command.asset or ""
            why = self.stop(line, quote)
            if why is None:
                brought = self.brought(line, quote, late=False)
                incoming = dict(money.add(incoming, brought))
                supply = (
                    supply if line.stage in (Stage.BUY, Stage.LOANS) else dict(money.add(supply, brought))
                )
            elif line.stage is Stage.CONVERT and why != "slippage":
                unsold[asset] = why
            elif line.stage is Stage.WITHDRAW and why == "minimum":
                small.add(asset)
            elif line.stage is Stage.WITHDRAW and quote.most is not None:
                most[asset] = quote.most
                daily[asset] = quote.daily_max or quote.most
                more_at |= {} if quote.more_at is None else {asset: quote.more_at}
            else:
                stopped |= dict.fromkeys(line.things, why)
        return dataclasses.replace(
            outlook, incoming=incoming, small=frozenset(small), unsold=unsold, stopped=stopped, most=most,
            daily=daily, more_at=more_at, supply=supply, costs=self.costs(planned, outlook),
        )  # fmt: skip

    def costs(self, planned: Plan, outlook: Outlook) -> Mapping[str, Decimal]:
        """Return what one unit of each asset that is owed costs in the target, at the worst price accepted."""
        known, target = dict(outlook.costs), self.choices.target_asset
        owed = {line.command.asset or "" for line in planned.stage(Stage.LOANS)
                if line.command.account_id == self.main}  # fmt: skip
        for asset in sorted(owed - {target} - set(known)):
            probe = commands.convert(self.main, asset=target, amount=PROBE, to_asset=asset)
            self.ask([probe])
            quote = self.quotes[probe.digest()]
            unit = (quote.proceeds or Decimal(0)) / PROBE or quote.price
            if unit:
                known[asset] = (1 + self.slippage) / unit
        return known

    def stop(self, line: Line, quote: Quote) -> str | None:
        """Return why the line is not done, or None."""
        if quote.penalty and not self.choices.redeem_early:
            return "early"
        if beyond(quote, self.slippage) and self.choices.beyond_slippage.isdisjoint(line.things):
            return "slippage"
        if quote.possible or quote.reason in SETTLED_BY_EARLIER:
            return None
        if quote.reason == "penalty" and quote.penalty:
            return None  # the line will allow exactly this one
        return quote.reason or "impossible"

    def brought(self, line: Line, quote: Quote, *, late: bool) -> dict[Place, Decimal]:
        """Return what the line brings into the wallets, at once or ``late``."""
        if (quote.done_at is not None) is not late or line.stage is Stage.WITHDRAW:
            return {}
        account, found = line.command.account_id, dict[Place, Decimal]()
        if line.stage is Stage.CANCEL:
            for blocker in self.orders(account, line):
                place = (account, "trading", blocker.asset or "")
                found[place] = found.get(place, Decimal(0)) + (blocker.amount or Decimal(0))
        elif quote.proceeds and quote.proceeds_asset and line.stage in BRINGING:
            wallet = "trading" if line.stage is Stage.POSITIONS else money.FUNDING
            found[(account, quote.proceeds_wallet or wallet, quote.proceeds_asset)] = quote.proceeds
        if line.stage in (Stage.LOANS, Stage.BUY) and line.command.asset is not None:
            place = (account, money.FUNDING, line.command.asset)
            found[place] = found.get(place, Decimal(0)) - (line.about or Decimal(0))
        return found

    def orders(self, account: int, line: Line) -> Iterator[Blocker]:
        """Return the facts about the orders that ``line`` cancels."""
        for found in self.reports[account].findings:
            if found.condition.remedy == Remedy.CANCEL_ORDERS:
                yield from (blocker for blocker in found.blockers if blocker.item in line.command.items)

    def later(self, planned: Plan, outlook: Outlook) -> tuple[Offer, ...]:
        """Quote where money goes that only time frees, so that one confirmation covers it as well."""
        held: dict[Place, Decimal] = {}
        for wait in planned.waits:
            blocker = wait.blocker
            if blocker.code in FREED_LATER and blocker.asset is not None and (blocker.amount or 0) > 0:
                place = (planned.account_id, money.FUNDING, blocker.asset)
                held[place] = held.get(place, Decimal(0)) + (blocker.amount or Decimal(0))
        for line in planned.lines:
            for (_, _, asset), amount in self.brought(line, self.quote(line), late=True).items():
                place = (planned.account_id, money.FUNDING, asset)
                held[place] = held.get(place, Decimal(0)) + amount
        known = money.Known(unsold=outlook.unsold)
        for _ in range(PASSES_MAX):
            lines, _ = money.route(held, main=planned.account_id, choices=self.choices, known=known)
            self.ask([line.command for line in lines])
            small = {
                line.command.asset or "" for line in lines
                if line.stage is Stage.WITHDRAW and self.quote(line).reason == "minimum"
            }  # fmt: skip
            if not small:
                return tuple(self.offer(line) for line in lines if self.stop(line, self.quote(line)) is None)
            known = dataclasses.replace(known, small=known.small | small)
        return ()


def beyond(quote: Quote, slippage: Decimal) -> bool:
    """Say whether the quoted price is worse than ``slippage`` allows against the mark (R-CLR-7)."""
    if quote.price is None or quote.mark is None:
        return False
    if quote.quantity is not None and quote.quantity < 0:
        return quote.price > quote.mark * (1 + slippage)
    return quote.price < quote.mark * (1 - slippage)


def _limited(line: Line, quote: Quote, slippage: Decimal) -> Line:
    """Return the line with the limits that the holder confirms."""
    match line.stage:
        case Stage.CONVERT | Stage.BUY if quote.price is not None:
            return line.limited(price_least=quote.price * (1 - slippage))
        case Stage.POSITIONS if quote.price is not None:
            if quote.quantity is not None and quote.quantity < 0:
                return line.limited(price_most=quote.price * (1 + slippage))
            return line.limited(price_least=quote.price * (1 - slippage))
        case Stage.REDEEM if quote.penalty:
            return line.limited(penalty_most=quote.penalty * (1 + slippage))
        case Stage.WITHDRAW:
            return line.limited(fee_most=quote.fee)
        case _:
            return line


def _slices(offers: Sequence[Offer], outlook: Outlook) -> tuple[Slice, ...]:
    """Spread what the daily limit leaves over the following days."""
    slices = []
    for line in (offer.line for offer in offers if offer.line.stage is Stage.WITHDRAW):
        asset = line.command.asset or ""
        rest, at = (
            (line.about or Decimal(0)) - (line.command.amount or Decimal(0)),
            outlook.more_at.get(asset),
        )
        while rest > 0 and at is not None and outlook.daily.get(asset):
            part = min(rest, outlook.daily[asset])
            slices.append(Slice(asset, part, at))
            rest, at = rest - part, at + timedelta(days=1)
    return tuple(slices)
