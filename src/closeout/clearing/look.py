"""One look: the self-check of an account and of its sub-accounts, as they are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from closeout.conditions import check
from closeout.conditions.check import Report
from closeout.facts.engine import FactsUnreachable
from closeout.policy import Policy
from closeout.reasons import refuse
from closeout.venues.base import Unreachable, Venue

SUB_ACCOUNTS = "sub_accounts_closed"


def look(
    venue: Venue, policy: Policy, account_id: int, *, subs: Collection[int] = ()
) -> Mapping[int, Report]:
    """Check ``account_id`` and every sub-account that is not closed; one query, two for new sub-accounts.

    ``subs``: the sub-accounts known from an earlier look. Raises: Unreachable; Refused("unknown_account").
    """
    try:
        known = sorted(set(subs))
        as_of = venue.now()
        family = [account_id, *known]
        reports = dict(check.check(venue.engine(family), policy, as_of=as_of, accounts=family))
        if account_id not in reports:
            raise refuse("unknown_account")
        more = sorted(sub_accounts(reports[account_id]) - set(known))
        if more:
            reports |= check.check(venue.engine(more), policy, as_of=as_of, accounts=more)
    except FactsUnreachable as silent:
        raise Unreachable(str(silent)) from silent
    return reports


def sub_accounts(report: Report) -> set[int]:
    """Return the numbers of the sub-accounts that stand in the way of ``report``'s account."""
    return {
        int(str(blocker.item))
        for found in report.findings
        if found.condition.code == SUB_ACCOUNTS
        for blocker in found.blockers
    }
