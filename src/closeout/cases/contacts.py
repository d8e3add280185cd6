"""The holder's contacts: masked on every page, in full only with a reason that is written down first."""

from __future__ import annotations

from datetime import datetime

from closeout.cases import audit, staff, venues
from closeout.cases.models import Case, StaffSession
from closeout.cases.permissions import Right
from closeout.reasons import refuse
from closeout.venues.base import Holder

REASONS = ("call_back", "letter_returned", "identity", "authority")


def unmask(session: StaffSession, case: Case, reason: str, *, now: datetime) -> Holder | None:
    """Return the holder with contacts in full; who looked and why stands in the log before anything is shown.

    Raises: Refused (no_right, own_account, unmask_reason).
    """
    staff.demand(session.staff, Right.UNMASK, case)
    if reason not in REASONS:
        raise refuse("unmask_reason")
    details = {"reason": reason, "session": session.pk.hex}
    audit.append(
        [audit.Line(case.number, "contact:unmask", str(staff.actor(session.staff)), details)], now=now
    )
    return venues.venue(case.venue).holder(case.account_id)
