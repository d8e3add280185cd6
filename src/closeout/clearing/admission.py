"""Which choices are refused before anything is shown: unknown items, foreign addresses, too much given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from closeout.clearing.choices import Choices, Consent, Way
from closeout.clearing.exact import exact
from closeout.clearing.lines import named
from closeout.clearing.plan import Outlook, plan
from closeout.clearing.stored import amount
from closeout.conditions.check import Report
from closeout.facts.engine import FactsUnreachable
from closeout.policy import Policy
from closeout.reasons import Reason, Refused
from closeout.venues.base import Destination, Remedy, Unreachable, Venue, plain

DIGITS_MAX = 36  # of an amount in the facts
DECIMALS_MAX = 18  # of the ledger; an asset may know fewer, which the venue checks
MONEY = (Remedy.CONVERT, Remedy.WITHDRAW, Remedy.SEND, Remedy.DONATE, Remedy.FORFEIT, "buy")
WORTH = "select account_id, asset, available + locked as held, value from balance"


@exact
def admit(
    venue: Venue, policy: Policy, choices: Choices, *, account_id: int, reports: Mapping[int, Report]
) -> None:
    """Hold ``choices`` against what the account has and what the policy allows.

    Raises: Refused with every reason at once; Unreachable.
    """
    reasons = [
        *_unknown_items(choices, reports, main=account_id),
        *_addresses(choices, venue.destinations(account_id)),
        *_consents(choices.consents, account_id=account_id),
    ]
    writable = all(_writable(consent.amount_max) for consent in choices.consents)
    if writable and any(consent.way is Way.FORFEIT for consent in choices.consents):
        reasons += _over_limit(choices, policy, _worth(venue, policy, account_id))
    if reasons:
        raise Refused(*reasons)


def _unknown_items(choices: Choices, reports: Mapping[int, Report], *, main: int) -> Iterator[Reason]:
    said = choices.left_out | choices.only | choices.beyond_slippage
    if said:
        known = _things(choices, reports, main=main)
        yield from (Reason("unknown_item", {"item": thing}) for thing in sorted(said - known))


def _things(choices: Choices, reports: Mapping[int, Report], *, main: int) -> frozenset[str]:
    """Return the name of everything that a plan of these facts could be about."""
    everything = Choices(target_asset=choices.target_asset, destinations=choices.destinations)
    whole = plan(reports, main=main, choices=everything, outlook=Outlook(projected=True))
    known = {thing for line in whole.lines for thing in line.things}
    known |= {left.thing for left in whole.leftovers}
    assets = {blocker.asset for report in reports.values() for blocker in report.blockers if blocker.asset}
    money = {named(kind, main, asset) for kind in MONEY for asset in assets | {choices.target_asset}}
    return frozenset(known | money)


def _addresses(choices: Choices, book: Sequence[Destination]) -> Iterator[Reason]:
    verified = {(way.asset, way.network, way.address, way.memo or "") for way in book}
    for way in choices.destinations:
        if (way.asset, way.network, way.address, way.memo or "") in verified:
            continue
        same = [known for known in book if (known.asset, known.address) == (way.asset, way.address)]
        values = {"asset": way.asset, "network": way.network, "address": way.address}
        if any(known.network == way.network and known.memo for known in same) and not way.memo:
            yield Reason("memo_missing", {"asset": way.asset, "network": way.network})
        elif same and all(known.network != way.network for known in same):
            yield Reason("wrong_network", values)
        else:
            yield Reason("address_not_verified", {"address": way.address})


def _consents(consents: Sequence[Consent], *, account_id: int) -> Iterator[Reason]:
    for asset, times in Counter(consent.asset for consent in consents).items():
        if times > 1:
            yield Reason("consent_twice", {"asset": asset})
    for consent in consents:
        if not _writable(consent.amount_max):
            yield Reason("too_precise", {"amount": str(consent.amount_max), "asset": consent.asset})
        if consent.way is Way.SEND and consent.to_account in (None, account_id):
            yield Reason("receiver_unknown", {"asset": consent.asset})


def _writable(much: Decimal) -> bool:
    """Say whether ``much`` is an amount that a ledger can hold: above zero, at most 36 digits, 18 of them decimals."""
    if not much.is_finite() or much <= 0 or much.adjusted() >= DIGITS_MAX - DECIMALS_MAX:
        return False
    return len(plain(much).partition(".")[2]) <= DECIMALS_MAX


def _worth(venue: Venue, policy: Policy, account_id: int) -> Mapping[str, Decimal]:
    """Return the price of one unit in USDT for every asset of the account that has one."""
    try:
        rows = venue.engine([account_id]).rows(WORTH, policy=policy.row(venue.now()), accounts=[account_id])
    except FactsUnreachable as silent:
        raise Unreachable(str(silent)) from silent
    return {asset: value / held for _, asset, held, value in rows if value is not None and held}


def _over_limit(choices: Choices, policy: Policy, worth: Mapping[str, Decimal]) -> Iterator[Reason]:
    """Refuse to let more be given up than the policy says; what has no price has no such limit (hard case 6)."""
    given = [consent for consent in choices.consents if consent.way is Way.FORFEIT]
    total = sum((worth.get(consent.asset, Decimal(0)) * consent.amount_max for consent in given), Decimal(0))
    if total > policy.dust_forfeit_max:
        largest = max(given, key=lambda consent: worth.get(consent.asset, Decimal(0)) * consent.amount_max)
        limit = f"{amount(policy.dust_forfeit_max)} USDT"
        yield Reason(
            "over_limit", {"amount": amount(largest.amount_max) or "", "asset": largest.asset, "limit": limit}
        )
