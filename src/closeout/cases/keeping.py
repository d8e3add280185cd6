"""Keeping what the law keeps longer than its date: one item of one case, asked for by one person, agreed by another.

The database holds to it too (``retention.extension``). A request that nobody agrees to changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from closeout.cases import retained, staff
from closeout.cases.models import Case, Staff
from closeout.cases.permissions import Right
from closeout.reasons import Reason, Refused, refuse
from closeout.records import retention
from closeout.records.retention import NotExtended

REASONS = ("court_order", "authority_order", "open_investigation", "open_dispute")
FAULTS: Mapping[str, str] = {
    "one_person": "four_eyes",
    "too_long": "extension_too_long",
    "unknown": "decision_ended",
    "over": "no_document",
}


@dataclass(frozen=True)
class Kept:
    """One item as compliance sees it, with the requests that wait for a second person."""

    item: retention.Item
    asked: Sequence[retention.Asked]


def of(case: Case) -> Sequence[Kept]:
    """Return what is kept of ``case``, by category."""
    waiting = retained.asked(case)
    return [
        Kept(item, [one for one in waiting if one.category == category])
        for category, item in sorted(retained.items(case).items())
    ]


def ask(person: Staff, case: Case, category: str, *, until: date | None, reason: str, now: datetime) -> int:
    """Ask to keep ``category`` of ``case`` until the end of a day; return the number of the request.

    Raises: Refused (no_right, own_account, no_document, extension_date, extension_reason, all that is wrong at once).
    """
    staff.demand(person, Right.EXTEND_KEPT, case)
    item = retained.items(case).get(category)
    if item is None or item.erased_at is not None:
        raise refuse("no_document")
    wrong = []
    if until is None or until <= item.until.date():
        wrong.append(Reason("extension_date", {"until": f"{item.until:%Y-%m-%d}"}))
    if reason not in REASONS:
        wrong.append(Reason("extension_reason"))
    if wrong or until is None:
        raise Refused(*wrong)
    return retained.ask_extension(
        case, category, until=datetime.combine(until, time(), UTC), reason=reason, by=_by(person), now=now
    )


def agree(person: Staff, case: Case, number: int, *, now: datetime) -> retention.Item:
    """Agree as the second person; the date is put off. Raises: Refused (no_right, four_eyes, extension_too_long …)."""
    staff.demand(person, Right.EXTEND_KEPT, case)
    if number not in {one.number for one in retained.asked(case)}:
        raise refuse("decision_ended")
    try:
        return retained.agree_extension(number, by=_by(person), now=now)
    except NotExtended as no:
        raise refuse(FAULTS[no.reason]) from no


def case_of(number: int) -> str:
    """Return the number of the case that a request is about. Raises: Refused (decision_ended)."""
    found = retained.case_of_extension(number)
    if found is None:
        raise refuse("decision_ended")
    return found


def _by(person: Staff) -> str:
    return str(staff.actor(person))
