"""Where money goes: out of sub-accounts, into funding, converted when it is dust, and out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal

from closeout.clearing.choices import Choices, Consent, Way
from closeout.clearing.lines import Leftover, Line, named
from closeout.clearing.stages import Stage
from closeout.conditions.check import Finding
from closeout.venues import commands
from closeout.venues.base import Remedy

FUNDING = "funding"
SMALLEST_PAY = Decimal("0.000001")  # decimals that every asset has that others are bought with
Purse = Mapping[tuple[int, str, str], Decimal]  # (account, wallet, asset) → available

_BALANCES = frozenset({Remedy.GATHER.value, Remedy.CONVERT.value, Remedy.WITHDRAW.value})
_HELD_IN = frozenset({"earn_locked", "earn_redeemable", "balances_unlocked", "no_settlement_pending",
                      "nothing_in_flight", "no_collateral"})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Known:
    """What :class:`closeout.clearing.plan.Outlook` says about money."""

    projected: bool = False
    small: frozenset[str] = frozenset()
    unsold: Mapping[str, str] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)
    most: Mapping[str, Decimal] = field(default_factory=dict)
    owed: frozenset[str] = frozenset()  # assets of loans that are about to be repaid, and what buys them


def purse(findings: Sequence[tuple[int, Finding]]) -> Purse:
    """Return what is available by account, wallet and asset, negative amounts included."""
    found: dict[tuple[int, str, str], Decimal] = {}
    for account, finding in findings:
        if finding.condition.remedy in _BALANCES:
            for blocker in finding.blockers:
                place = (account, str(blocker.subject), str(blocker.asset))
                found[place] = found.get(place, Decimal(0)) + (blocker.amount or Decimal(0))
    return found


def add(left: Purse, right: Purse) -> Purse:
    """Return the sum of two purses."""
    return {place: left.get(place, Decimal(0)) + right.get(place, Decimal(0)) for place in {**left, **right}}


def covers(held: Purse, loan: Line) -> bool:
    """Say whether funding and trading hold what ``loan`` owes; if not, other money is moved and sold first."""
    account, asset = loan.command.account_id, loan.command.asset or ""
    there = (held.get((account, wallet, asset), Decimal(0)) for wallet in (FUNDING, "trading"))
    return sum((max(amount, Decimal(0)) for amount in there), Decimal(0)) >= (loan.about or Decimal(0))


@dataclass(frozen=True)
class Lack:
    """What the main account is short of for its loans in one asset, and the purchase that ends it."""

    asset: str
    amount: Decimal
    line: Line


def lacks(
    loans: Sequence[Line], held: Purse, *, main: int, target: str, costs: Mapping[str, Decimal]
) -> list[Lack]:
    """Return a purchase with ``target`` for each asset that loans of the main account lack and ``costs`` prices.

    ``costs``: what one unit costs in ``target``, at the worst price that is accepted. The target itself is never
    bought: coins are sold for it instead.
    """
    owed: dict[str, Decimal] = {}
    for loan in loans:
        asset = loan.command.asset or ""
        if loan.command.account_id == main and asset in costs and asset != target:
            owed[asset] = owed.get(asset, Decimal(0)) + (loan.command.amount or Decimal(0))
    found = []
    for asset, most in sorted(owed.items()):
        there = sum((max(held.get((main, wallet, asset), Decimal(0)), Decimal(0))
                     for wallet in (FUNDING, "trading")), Decimal(0))  # fmt: skip
        if most > there:
            pay = ((most - there) * costs[asset]).quantize(SMALLEST_PAY, rounding=ROUND_UP)
            command = commands.convert(main, asset=target, amount=pay, to_asset=asset)
            line = Line(Stage.BUY, command, (named("buy", main, asset),), FUNDING, pay, target)
            found.append(Lack(asset, most - there, line))
    return found


def dust(findings: Sequence[tuple[int, Finding]], *, main: int) -> frozenset[str]:
    """Return the assets of which the main account's funding holds less than the smallest withdrawal."""
    return frozenset(
        str(blocker.asset)
        for account, finding in findings
        if account == main and finding.condition.remedy == Remedy.CONVERT
        for blocker in finding.blockers
        if blocker.subject == FUNDING
    )


def held_assets(findings: Sequence[tuple[int, Finding]]) -> set[str]:
    """Return every asset that the accounts hold or that is on its way to them."""
    return {
        blocker.asset
        for _, finding in findings
        if finding.condition.remedy in _BALANCES or finding.condition.code in _HELD_IN
        for blocker in finding.blockers
        if blocker.asset is not None
    }


def route(held: Purse, *, main: int, choices: Choices, known: Known) -> tuple[list[Line], list[Leftover]]:
    """Return the lines that lead all of ``held`` out, and what has no way out.

    Negative amounts are never swept or hidden: only the operator writes them off (hard case 4).
    """
    lines: list[Line] = []
    kept: list[Leftover] = []
    funding: dict[str, Decimal] = {}
    for (account, wallet, asset), amount in sorted(held.items()):
        if account == main and wallet == FUNDING:
            funding[asset] = funding.get(asset, Decimal(0)) + amount
            continue
        thing = named(Remedy.GATHER, account, wallet, asset)
        reason = _out(thing, choices, known) or ("negative" if amount < 0 else None)
        if reason is not None:
            kept.append(Leftover(thing, reason, account, wallet, asset, amount))
        elif amount > 0:
            lines.append(_sweep(thing, account, wallet, asset, amount, main=main))
            if known.projected:
                funding[asset] = funding.get(asset, Decimal(0)) + amount
    for asset, amount in sorted(funding.items()):
        if amount == 0:
            continue
        line, reason = _leave(asset, amount, main=main, choices=choices, known=known)
        if line is not None:
            lines.append(line)
        elif reason is not None:
            thing = named(Remedy.WITHDRAW, main, asset)
            kept.append(Leftover(thing, reason, main, FUNDING, asset, amount))
    return lines, kept


def _out(thing: str, choices: Choices, known: Known) -> str | None:
    return "left_out" if choices.leaves_out(thing) else known.stopped.get(thing)


def _sweep(thing: str, account: int, wallet: str, asset: str, amount: Decimal, *, main: int) -> Line:
    to_account = None if account == main else main
    stage = Stage.GATHER if account == main else Stage.SUB_SWEEP
    command = commands.gather(account, asset=asset, wallet=wallet, to_account=to_account)
    return Line(stage, command, (thing,), subject=wallet, about=amount, about_asset=asset)


def _leave(
    asset: str, amount: Decimal, *, main: int, choices: Choices, known: Known
) -> tuple[Line | None, str | None]:
    """Find the way out for what funding holds of one asset: withdraw, else convert, else a consented exit."""
    if amount < 0:
        return None, "insufficient" if asset in known.owed else "negative"
    if asset in known.owed and not known.projected:
        return None, None  # kept for the loan; what it leaves goes out on the next look
    to = choices.destination(asset)
    small = asset in known.small
    sell = asset != choices.target_asset and (
        asset in choices.sell or small or (to is None and choices.sell_rest)
    )
    reason = "small" if small else "no_destination"
    if sell:
        thing = named(Remedy.CONVERT, main, asset)
        why_not = _out(thing, choices, known) or known.unsold.get(asset)
        if why_not is None:
            command = commands.convert(main, asset=asset, amount=amount, to_asset=choices.target_asset)
            return Line(Stage.CONVERT, command, (thing,), FUNDING, amount, asset), None
        reason = why_not
    elif to is not None and not small:
        thing = named(Remedy.WITHDRAW, main, asset)
        why_not = _out(thing, choices, known)
        most = min(amount, known.most.get(asset, amount))
        if why_not is None and most > 0:
            command = commands.withdraw(main, to=to, amount=most)
            return Line(Stage.WITHDRAW, command, (thing,), FUNDING, amount, asset), None
        reason = why_not or "daily_limit"
    exit_line = _exit(asset, amount, main=main, consent=choices.consent(asset), known=known, choices=choices)
    return (exit_line, None) if exit_line is not None else (None, reason)


def _exit(
    asset: str, amount: Decimal, *, main: int, consent: Consent | None, known: Known, choices: Choices
) -> Line | None:
    if consent is None or amount > consent.amount_max:
        return None
    thing = named(consent.way, main, asset)
    if _out(thing, choices, known) is not None:
        return None
    if consent.way is Way.SEND:
        if consent.to_account is None:
            return None
        command = commands.send(main, asset=asset, amount=amount, to_account=consent.to_account)
    elif consent.way is Way.DONATE:
        command = commands.donate(main, asset=asset, amount=amount)
    else:
        command = commands.forfeit(main, asset=asset, amount=amount)
    return Line(Stage.EXITS, command, (thing,), FUNDING, amount, asset)
