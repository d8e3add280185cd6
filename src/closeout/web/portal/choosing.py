"""What the holder chooses beside the plan: leave out, one kind only, pay early, and a way out for dust (R-CLR-6).

Choices travel in the address; what is confirmed is the digest of the plan that they lead to.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest
from django.utils.translation import gettext as _

from closeout.clearing.choices import Choices, Consent, Way
from closeout.clearing.dry_run import DryRun
from closeout.clearing.lines import Leftover, named
from closeout.clearing.money import FUNDING
from closeout.clearing.stages import Stage
from closeout.venues.base import Destination, Remedy
from closeout.web.portal import formats, planning

TICKED = ("beyond", "early", "leave", "for")  # ticked once, they stay for the next showing of the plan
CHOSEN = ("give", "sell", "into")  # shown again with what is chosen, so that it can be changed
EXITS = frozenset({"small", "no_price", "delisted", "minimum"})  # what may be given up, item by item
ASSET = re.compile(r"[A-Za-z0-9._-]{1,32}")
AMOUNT = re.compile(r"\d{1,18}(\.\d{1,18})?")
SAID_MAX = 50
MONEY = frozenset({Stage.GATHER, Stage.CONVERT, Stage.WITHDRAW, Stage.EXITS})
ONLY: Mapping[str, frozenset[Stage]] = {  # what the button beside one condition does, by its remedy
    Remedy.REVOKE_KEY: frozenset({Stage.REVOKE}),
    Remedy.CANCEL_ORDERS: frozenset({Stage.CANCEL}),
    Remedy.CLOSE_POSITION: frozenset({Stage.POSITIONS}),
    Remedy.REPAY_LOAN: frozenset({Stage.BUY, Stage.LOANS}),
    Remedy.STOP_RENEWAL: frozenset({Stage.RENEWAL}),
    Remedy.REDEEM: frozenset({Stage.REDEEM}),
    Remedy.CLOSE_SUB_ACCOUNT: frozenset({Stage.SUB_SWEEP, Stage.SUB_CLOSE}),
    Remedy.GATHER: MONEY,
    Remedy.CONVERT: MONEY,
    Remedy.WITHDRAW: MONEY,
    Remedy.UNBIND: frozenset({Stage.UNBIND}),
}


def said(request: HttpRequest, name: str) -> Sequence[str]:
    """Return what was chosen under ``name``, now or on an earlier showing of the plan."""
    return list(dict.fromkeys(request.GET.getlist(name) + request.POST.getlist(name)))[:SAID_MAX]


def stages(request: HttpRequest) -> frozenset[Stage] | None:
    """Return what the plan is narrowed to by the button beside one condition; None for the whole account."""
    return next((ONLY[name] for name in said(request, "for") if name in ONLY), None)


def chosen(request: HttpRequest, base: Choices) -> Choices:
    """Return the holder's choices so far, on top of ``base``."""
    into = next((asset for asset in said(request, "into") if asset in pools(base.destinations)), None)
    return dataclasses.replace(
        base,
        target_asset=into or base.target_asset,
        beyond_slippage=frozenset(said(request, "beyond")),
        left_out=frozenset(thing for things in said(request, "leave") for thing in things.split()),
        sell=frozenset(asset for asset in said(request, "sell") if ASSET.fullmatch(asset)),
        consents=tuple(_consents(said(request, "give"))),
    )


def _consents(gives: Sequence[str]) -> Iterator[Consent]:
    """Read ``WAY:ASSET:AMOUNT[:ACCOUNT]``, as the terminal writes it; what cannot be read is not agreed to."""
    for give in gives:
        way, asset, amount, account = [*give.split(":"), "", "", "", ""][:4]
        if way in set(Way) and ASSET.fullmatch(asset) and AMOUNT.fullmatch(amount):
            to = int(account) if account.isascii() and account.isdigit() and len(account) < 19 else None
            yield Consent(asset=asset, way=Way(way), amount_max=Decimal(amount), to_account=to)


def address(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the choices of a form as parts of an address."""
    parts = [(name, value) for name in TICKED for value in said(request, name)]
    parts += [("into", value) for value in request.POST.getlist("into")[:1]]
    for name in list(request.POST)[: 4 * SAID_MAX]:
        way, asset = request.POST.get(name, ""), name.removeprefix("way-")
        if not name.startswith("way-") or way == "keep":
            continue
        if way == "convert":
            parts.append(("sell", asset))
        else:
            to = request.POST.get(f"to-{asset}", "").strip() if way == Way.SEND else ""
            parts.append(("give", ":".join((way, asset, request.POST.get(f"most-{asset}", ""), to[:18]))))
    return parts


def pools(destinations: Sequence[Destination]) -> tuple[str, ...]:
    """Return the coins in which small balances can be pooled: the default, and what has an address."""
    named_ = sorted({way.asset for way in destinations if way.network != "bank"} - {Choices().target_asset})
    return (Choices().target_asset, *named_)


@dataclass(frozen=True)
class Exit:
    """One small balance that no command takes out, and its ways; each has a line of consent of its own."""

    asset: str
    most: str
    what: str
    why: str
    chosen: str
    ways: tuple[tuple[str, str, str], ...]  # value, name, what the holder agrees to
    to: str = ""
    problem: str = ""


def exits(shown: DryRun, *, language: str) -> Sequence[Exit]:
    """Return every small balance for which the holder may choose, those already chosen included."""
    left = {
        one.asset or "": _exit(one, shown, language=language)
        for one in shown.plan.leftovers if choosable(one, shown)
    }  # fmt: skip
    for offer in shown.offers:
        command = offer.line.command
        sold = offer.line.stage is Stage.CONVERT and command.asset in shown.choices.sell
        if command.asset and (offer.line.stage is Stage.EXITS or sold):
            amount = offer.line.about or command.amount or Decimal(0)
            was = Leftover(offer.line.things[0], "", shown.account_id, FUNDING, command.asset, amount)
            way = "convert" if sold else str(command.kind)
            left[command.asset] = dataclasses.replace(_exit(was, shown, language=language), chosen=way)
    return [left[asset] for asset in sorted(left)]


def choosable(left: Leftover, shown: DryRun) -> bool:
    """Say whether the holder may choose a way out for ``left``: no debt, and nothing of a sub-account."""
    if left.account_id != shown.account_id or left.subject != FUNDING or not left.asset:
        return False
    known = left.reason in EXITS or (left.reason == "no_destination" and _sellable(left.asset, shown))
    return known and left.amount is not None and left.amount > 0


def _sellable(asset: str, shown: DryRun) -> bool:
    return asset != shown.choices.target_asset and asset not in shown.outlook.unsold


def _exit(left: Leftover, shown: DryRun, *, language: str) -> Exit:
    asset, amount = left.asset or "", left.amount or Decimal(0)
    item = planning.kept(left, language=language)
    consent = shown.choices.consent(asset)
    to = "" if consent is None or consent.to_account is None else str(consent.to_account)
    stopped = shown.outlook.stopped.get(named(Remedy.SEND, shown.account_id, asset))
    return Exit(
        asset, f"{amount:f}", item.what, item.notes[0] if left.reason else "",
        "keep" if consent is None else str(consent.way),
        tuple(_ways(left, shown)), to,
        _("No account with this number can receive it.") if stopped == "not_found" else "",
    )  # fmt: skip


def _ways(left: Leftover, shown: DryRun) -> Iterator[tuple[str, str, str]]:
    asset = left.asset or ""
    values = {"much": formats.amount(left.amount or Decimal(0), asset), "into": shown.choices.target_asset}
    yield "keep", _("Leave it where it is"), _("As long as it is there, the account cannot be closed.")
    if _sellable(asset, shown):
        agree = _("I agree to sell up to %(much)s at the price that the plan shows next.") % values
        yield "convert", _("Convert it into %(into)s") % values, agree
    if left.reason == "no_destination":
        return  # enough to withdraw: an address or a sale, not a gift
    agree = _("I agree to give up to %(much)s to the account below. It cannot be taken back.") % values
    yield "send", _("Send it to another user"), agree
    agree = _("I agree to give up to %(much)s to the charity that the exchange names.") % values
    yield "donate", _("Donate it"), agree
    agree = _(
        "I agree to give up to %(much)s for good; it goes to a ledger of unclaimed property, not to us."
    )
    yield "forfeit", _("Give it up"), agree % values
