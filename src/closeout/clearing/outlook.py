"""What a run has learnt from its receipts: what the venue refused, which assets are too small. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from closeout.clearing.confirmed import Confirmed
from closeout.clearing.journal import Entry, RunState, refused
from closeout.clearing.plan import Outlook, Plan
from closeout.clearing.stages import Stage
from closeout.venues.base import Quote

TRIES_MAX = 3  # of one item
MONEY_TRIES_MAX = 12  # of one asset on one way: rewards and late fills bring more of it
MONEY = frozenset({Stage.SUB_SWEEP, Stage.GATHER, Stage.CONVERT, Stage.WITHDRAW, Stage.EXITS})
AGAIN = frozenset(
    {"insufficient", "not_found", "not_empty", "closed"}
)  # the next look tells what became of it
KEPT = frozenset({"small", "left_out", "no_destination", "still_needed", "negative", "early"})  # known before
UNSALEABLE = frozenset({"minimum", "no_price", "delisted"})
AGAIN_AFTER = timedelta(hours=1)
LATER = frozenset({"daily_limit", "limit"})  # the venue says: not today


def outlook_of(entries: Sequence[Entry], confirmed: Confirmed) -> Outlook:
    """Return what ``entries`` teach beyond what was shown; the same entries always teach the same."""
    small: set[str] = set()
    unsold, stopped = dict(confirmed.unsold), dict(confirmed.stopped)
    tries: Counter[str] = Counter()
    for entry in entries:
        stage, asset, reason = entry.line.stage, entry.line.command.asset or "", refused(entry.receipt)
        tries.update(entry.line.things)
        most = MONEY_TRIES_MAX if stage in MONEY else TRIES_MAX
        stopped |= {thing: "no_progress" for thing in entry.line.things if tries[thing] >= most}
        if reason is None or reason in AGAIN:
            continue
        if stage is Stage.WITHDRAW and reason == "minimum":
            small.add(asset)
        elif stage is Stage.CONVERT and reason != "slippage":
            unsold[asset] = reason
        else:
            stopped |= dict.fromkeys(entry.line.things, reason)
    return Outlook(small=frozenset(small), unsold=unsold, stopped=stopped, costs=confirmed.costs)


def limited_today(outlook: Outlook, quotes: Sequence[Quote]) -> Outlook:
    """Return ``outlook`` with what the venue's limits and minimums say about withdrawals now."""
    small, most, more_at = set(outlook.small), dict(outlook.most), dict(outlook.more_at)
    for quote in quotes:
        asset = quote.command.asset or ""
        if not quote.possible and quote.reason == "minimum":
            small.add(asset)
        elif not quote.possible and quote.most is not None:
            most[asset] = max(quote.most, Decimal(0))
            more_at |= {} if quote.more_at is None else {asset: quote.more_at}
    return dataclasses.replace(outlook, small=frozenset(small), most=most, more_at=more_at)


def resting_state(planned: Plan, *, asked: bool) -> RunState:
    """Return how a run stands when ``planned`` has no line left that may be sent."""
    reasons = {left.reason for left in planned.leftovers}
    if asked or "slippage" in reasons:
        return RunState.ASKING
    if reasons - KEPT - LATER - UNSALEABLE:
        return RunState.STOPPED
    if planned.unknown or planned.waits or not reasons.isdisjoint(LATER):
        return RunState.WAITING
    return RunState.REST if planned.manual or planned.leftovers else RunState.CLEARED


def wakes_at(planned: Plan, outlook: Outlook) -> datetime | None:
    """Return the earliest date on which a wait ends and the run can go on; None if it waits for nothing.

    A wait without a date, or one that should have ended, is looked at again after an hour.
    """
    waiting = bool(planned.waits or planned.unknown) or any(
        left.reason in LATER for left in planned.leftovers
    )
    if not waiting:
        return None
    dates = [wait.blocker.clears_at for wait in planned.waits] + list(outlook.more_at.values())
    coming = [date for date in dates if date is not None and date > planned.as_of]
    return min(coming, default=planned.as_of + AGAIN_AFTER)
