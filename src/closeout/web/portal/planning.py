"""A clearing in words: what each command does, what it costs, what stays and why (R-CLR-3, R-CLR-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from closeout.clearing.journal import Entry
from closeout.clearing.lines import Leftover, Line
from closeout.clearing.stages import Stage
from closeout.conditions import words
from closeout.venues.base import Quote, ReceiptState, Remedy
from closeout.web.portal import formats

REASONS: Mapping[str, str | Promise] = {
    "left_out": gettext_lazy("You left it out."),
    "no_destination": gettext_lazy("No verified address is known for it. Add one in the address book first."),
    "small": gettext_lazy("Too little to withdraw, even together."),
    "minimum": gettext_lazy("Below the smallest amount for this step."),
    "no_price": gettext_lazy("Nobody quotes a price for it. That does not make it worth nothing."),
    "delisted": gettext_lazy("It is not traded any more."),
    "negative": gettext_lazy("A negative balance is a debt. Pay it in, or ask support."),
    "slippage": gettext_lazy("The price fell below your limit, so nothing was sold."),
    "early": gettext_lazy("Redeeming it now would cost a penalty; it pays out by itself on its date."),
    "penalty": gettext_lazy("Redeeming it early would cost more than you agreed to."),
    "no_early_redemption": gettext_lazy("It can only be redeemed on its date."),
    "still_needed": gettext_lazy("It is needed until the money has left."),
    "address_not_verified": gettext_lazy("The address is not verified yet."),
    "daily_limit": gettext_lazy("More than can leave today; the rest follows by itself."),
    "limit": gettext_lazy("The exchange does only so many a day; it goes on by itself."),
    "insufficient": gettext_lazy("The money was not there when its turn came; it is looked at again."),
    "not_empty": gettext_lazy("It still holds something; it is looked at again."),
    "not_found": gettext_lazy("It was gone already."),
    "frozen": gettext_lazy("The account is frozen."),
    "fee": gettext_lazy("The fee rose above what you agreed to."),
    "being_closed": gettext_lazy("The account is being closed at this moment; it is too late for this."),
    "closed": gettext_lazy("The account is closed."),
    "wrong_network": gettext_lazy("The address belongs to another network."),
    "memo_missing": gettext_lazy("The network needs a memo or tag; without it the money would be lost."),
    "too_precise": gettext_lazy("It has more decimals than the asset knows."),
    "over_limit": gettext_lazy("More than the policy or your consent allows."),
    "restricted": gettext_lazy("Support will help you with this."),
    "more_owed": gettext_lazy("More is owed by now than you agreed to pay."),
    "new_item": gettext_lazy("It came after you confirmed."),
    "no_consent": gettext_lazy("You have not agreed to so much of it."),
    "later": gettext_lazy("It would end later than shown."),
    "not_done": gettext_lazy(
        "The exchange did not do it and will not say why. Nothing was moved; try it again."
    ),
    "app_only": gettext_lazy("Only the exchange's app can do this. Do it there, then look again."),
    "key_permission": gettext_lazy(
        "The key you gave may not do this. Do it in the app, or give a key that may."
    ),
    "no_progress": gettext_lazy("It would not move after several tries. Support looks at it."),
}


def reason(code: str | None) -> str:
    """Say why something stays or was refused; an unknown code is shown as it is, for support."""
    return str(REASONS.get(code or "", _("The exchange refused it (%(code)s).") % {"code": code}))


@dataclass(frozen=True)
class Item:
    """One line of a plan or of its progress, in words."""

    id: str
    what: str
    notes: tuple[str, ...] = ()
    icon: str = "todo"
    state: str = ""
    things: str = ""  # what to leave out, by the names that the dry run gave


def what(line: Line, language: str, *, main: int | None = None) -> str:
    """Say what a command does, with amount and place; ``main``: name the sub-account if it is another."""
    said = _what(line, language)
    if main is None or line.command.account_id == main or line.command.kind == Remedy.CLOSE_SUB_ACCOUNT:
        return said
    return _("%(what)s · sub-account %(number)s") % {"what": said, "number": line.command.account_id}


def _what(line: Line, language: str) -> str:
    command = line.command
    amount = line.about if line.about is not None else command.amount
    asset = (line.about_asset if line.about is not None else None) or command.asset or ""
    values = {
        "subject": words.subject(line.subject, language),
        "item": ", ".join(command.items),
        "amount": "" if amount is None else formats.amount(amount),
        "asset": asset,
        "to": command.params.get("to_asset", ""),
        "place": _place(command.params),
    }
    if command.kind == Remedy.CANCEL_ORDERS:
        number = len(command.items)
        return ngettext("Cancel %(number)d open order", "Cancel %(number)d open orders", number) % {
            "number": number
        }
    return " ".join((_sentences()[str(command.kind)] % values).split())


def _sentences() -> Mapping[str, str]:
    return {
        Remedy.REVOKE_KEY: _("Revoke access %(item)s"),
        Remedy.CLOSE_POSITION: _("Close the position %(subject)s"),
        Remedy.REPAY_LOAN: _("Repay %(amount)s %(asset)s with interest"),
        Remedy.STOP_RENEWAL: _("Stop the renewal: %(subject)s %(amount)s %(asset)s"),
        Remedy.REDEEM: _("Redeem %(amount)s %(asset)s from %(subject)s"),
        Remedy.CLOSE_SUB_ACCOUNT: _("Close the sub-account %(item)s"),
        Remedy.GATHER: _("Move %(amount)s %(asset)s to the funding account"),
        Remedy.CONVERT: _("Convert %(amount)s %(asset)s into %(to)s"),
        Remedy.WITHDRAW: _("Withdraw %(amount)s %(asset)s to %(place)s"),
        Remedy.SEND: _("Send %(amount)s %(asset)s to another holder"),
        Remedy.DONATE: _("Donate %(amount)s %(asset)s"),
        Remedy.FORFEIT: _("Give up %(amount)s %(asset)s for good"),
        Remedy.UNBIND: _("Unlink %(subject)s"),
    }


def _place(params: Mapping[str, str]) -> str:
    address = params.get("address", "")
    if params.get("network") == "bank":
        return _("the linked bank account")
    short = f"{address[:6]}…{address[-6:]}" if len(address) > 16 else address
    return f"{short} ({params['network']})" if params.get("network") else short


def costs(line: Line, quote: Quote, *, language: str) -> tuple[str, ...]:
    """Say price, fee, penalty, proceeds and limit of a quoted command."""
    notes: list[str] = []
    if quote.price is not None:
        price = formats.amount(quote.price, quote.proceeds_asset)
        notes.append(_("Price now %(price)s") % {"price": price})
    for name in ("price_least", "price_most"):
        if name in line.command.params:
            limit = formats.amount(Decimal(line.command.params[name]), quote.proceeds_asset)
            notes.append(_("Not done at a worse price than %(limit)s") % {"limit": limit})
    if quote.fee:
        notes.append(_("Fee %(fee)s") % {"fee": formats.amount(quote.fee, quote.fee_asset)})
    if quote.penalty:
        notes.append(
            _("Penalty %(penalty)s") % {"penalty": formats.amount(quote.penalty, line.command.asset)}
        )
    if quote.proceeds and quote.proceeds_asset:
        notes.append(
            _("Brings about %(proceeds)s")
            % {"proceeds": formats.amount(quote.proceeds, quote.proceeds_asset)}
        )
    if not quote.possible and not (quote.penalty and quote.reason == "penalty"):
        notes.append(reason(quote.reason))
    return (" · ".join(notes),) if notes else ()


STAGES: Mapping[Stage, str | Promise] = {
    Stage.REVOKE: gettext_lazy("Revoke keys, access and bots"),
    Stage.CANCEL: gettext_lazy("Cancel open orders"),
    Stage.POSITIONS: gettext_lazy("Close positions"),
    Stage.BUY: gettext_lazy("Buy what a loan needs"),
    Stage.LOANS: gettext_lazy("Repay loans"),
    Stage.RENEWAL: gettext_lazy("Stop renewals"),
    Stage.REDEEM: gettext_lazy("Redeem from Earn"),
    Stage.SUB_SWEEP: gettext_lazy("Empty sub-accounts"),
    Stage.SUB_CLOSE: gettext_lazy("Close sub-accounts"),
    Stage.GATHER: gettext_lazy("Gather in the funding account"),
    Stage.CONVERT: gettext_lazy("Convert small balances"),
    Stage.WITHDRAW: gettext_lazy("Withdraw to your addresses"),
    Stage.EXITS: gettext_lazy("Give up what cannot leave"),
    Stage.UNBIND: gettext_lazy("Unlink payment methods"),
}


@dataclass(frozen=True)
class Group:
    """The items of one stage, under its name."""

    title: str
    items: tuple[Item, ...]


def grouped(pairs: Sequence[tuple[Stage, Item]]) -> tuple[Group, ...]:
    """Put items under their stages, in the order in which a clearing walks through them."""
    return tuple(
        Group(str(STAGES[stage]), tuple(item for place, item in pairs if place is stage))
        for stage in Stage
        if any(place is stage for place, _item in pairs)
    )


def offered(line: Line, quote: Quote, *, language: str, main: int | None = None) -> Item:
    """Return a line of the dry run."""
    said = what(line, language, main=main)
    return Item(line.id, said, costs(line, quote, language=language), things=" ".join(line.things))


def early(line: Line, quote: Quote, *, matures_at: datetime | None, language: str, zone: tzinfo) -> Item:
    """Return what may be redeemed before its date, with its price and with what happens without."""
    notes = costs(line, quote, language=language)
    if matures_at is not None:
        when = formats.moment(matures_at, language=language, zone=zone)
        notes += (_("Without your tick it pays out in full by itself on %(when)s.") % {"when": when},)
    return Item(line.things[0], what(line, language), notes, icon="wait")


def kept(left: Leftover, *, language: str) -> Item:
    """Return what stays, and why."""
    amount = "" if left.amount is None else formats.amount(left.amount, left.asset)
    place = words.subject(left.subject, language)
    name = f"{amount} · {place}" if amount and place else amount or place or left.thing
    return Item(left.thing, name, (reason(left.reason),), icon="stop")


def progress(entry: Entry, *, language: str, main: int | None = None) -> Item:
    """Return one command of a run and how it went."""
    receipt = entry.receipt
    said = what(entry.line, language, main=main)
    if receipt is None:
        return Item(entry.key, said, icon="wait", state="sent")
    if receipt.state is ReceiptState.REJECTED:
        return Item(entry.key, said, (reason(receipt.reason),), icon="stop", state="rejected")
    notes: Sequence[str] = ()
    if receipt.state is ReceiptState.PENDING:
        notes = (_("On its way; it finishes by itself."),)
    return Item(entry.key, said, tuple(notes), icon="go", state=receipt.state.value)
