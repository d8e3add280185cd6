"""Holds of compliance: with authority, reference, scope and date; told to nobody who has no right (R-SUP-8).

In histories a hold and any other manual review look the same: the actor is ``review``. Who placed it and why is in
the sealed row and in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from closeout.cases import audit, desk, queries, staff, vaults
from closeout.cases.models import Case, CaseHold, StaffSession, Task
from closeout.cases.operations import Actor, advance
from closeout.cases.permissions import Right
from closeout.lifecycle import CLOSED, Event, State
from closeout.reasons import Reason, Refused, refuse

KINDS = ("judicial", "investigation", "dispute", "check")
SCOPES = ("closing", "erasure", "both")
CLASS, CONTEXT = "retention", "casehold.sealed"
NEUTRAL = Actor("review")
WORDS_MAX = 200


@dataclass(frozen=True)
class Standing:
    """One hold as compliance sees it."""

    id: int
    kind: str
    scope: str
    authority: str
    reference: str
    ordered_on: date
    placed_by: str
    placed_at: datetime
    released_at: datetime | None


def place(
    session: StaffSession,
    case: Case,
    *,
    kind: str,
    authority: str,
    reference: str,
    scope: str,
    ordered_on: date | None,
    now: datetime,
) -> CaseHold:
    """Place a hold: the clock stops at once, in any state. All that is missing is told at once.

    Raises: Refused (hold_kind, hold_authority, hold_reference, hold_scope, hold_date, no_right, not_holdable).
    """
    problems = _problems(kind, authority, reference, scope, ordered_on, now=now)
    if problems or ordered_on is None:
        raise Refused(*problems)
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.SEE_HOLDS, case)
        if case.state == State.ERASED:
            raise refuse("hold_too_late")
        staff.demand(session.staff, Right.PLACE_HOLD, case)
        sealed = {"authority": authority.strip(), "reference": reference.strip()}
        subject = vaults.subject_of(case.venue, case.account_id)
        hold = CaseHold.objects.create(
            case=case, kind=kind, scope=scope, ordered_on=ordered_on, placed_by=session.staff, placed_at=now,
            sealed=vaults.vault().seal(subject, CLASS, json.dumps(sealed).encode(), context=CONTEXT),
        )  # fmt: skip
        if _stops(case, scope) and not case.held:
            advance([case.pk], Event.HOLD, actor=NEUTRAL, now=now)
        desk.open_task(case, "compliance", "hold", now=now)
        details = {"kind": kind, "scope": scope, "hold": hold.pk}
        line = audit.Line(case.number, "hold:place", str(staff.actor(session.staff)), details)
        audit.append([line], now=now)
    return hold


def _problems(
    kind: str, authority: str, reference: str, scope: str, ordered_on: date | None, *, now: datetime
) -> list[Reason]:
    wrong = {
        "hold_kind": kind not in KINDS,
        "hold_authority": not 1 <= len(authority.strip()) <= WORDS_MAX,
        "hold_reference": not 1 <= len(reference.strip()) <= WORDS_MAX,
        "hold_scope": scope not in SCOPES,
        "hold_date": ordered_on is None or ordered_on > now.date(),
    }
    return [Reason(code) for code, is_wrong in wrong.items() if is_wrong]


def _stops(case: Case, scope: str) -> bool:
    return scope == "both" or scope == ("erasure" if State(case.state) in CLOSED else "closing")


def settle(case: Case, *, now: datetime) -> None:
    """Let the clock run on if no hold that stops it is left. Raises: Refused."""
    (case,) = queries.lock([case.pk], wait=True)
    left = CaseHold.objects.filter(case=case, released_at=None)
    if not left.exists():
        desk.close_tasks(case, now=now, team="compliance", kind="hold")
    protected = Task.objects.filter(
        venue=case.venue, account_id=case.account_id, kind="compromise", closed_at=None
    )
    stopped = protected.exists() or bool(queries.stopped_by_mandates([case.pk]))
    if case.held and not stopped and not any(_stops(case, hold.scope) for hold in left):
        advance([case.pk], Event.RELEASE, actor=NEUTRAL, now=now)


def of(case: Case) -> Sequence[Standing]:
    """Return the holds of ``case``, the newest first, for those who may see them."""
    subject = vaults.subject_of(case.venue, case.account_id)
    found = []
    for hold in CaseHold.objects.filter(case=case).select_related("placed_by").order_by("-id"):
        words = json.loads(vaults.vault().open(subject, CLASS, bytes(hold.sealed), context=CONTEXT))
        found.append(
            Standing(
                hold.pk, hold.kind, hold.scope, words["authority"], words["reference"], hold.ordered_on,
                hold.placed_by.name, hold.placed_at, hold.released_at,
            )
        )  # fmt: skip
    return found
