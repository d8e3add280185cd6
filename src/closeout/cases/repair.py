"""What was given up and waits for a person: effects of a case that failed, its erasure among them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from closeout.cases import audit, effects, queries, staff
from closeout.cases.models import Case, EffectRow, StaffSession
from closeout.cases.permissions import Right
from closeout.reasons import refuse


def stuck(case: Case) -> Sequence[EffectRow]:
    """Return the effects of ``case`` that nobody tries any more, oldest first."""
    return list(EffectRow.objects.filter(case=case, state="failed").order_by("id"))


def retry(session: StaffSession, case: Case, *, now: datetime) -> int:
    """Let everything of ``case`` that was given up be tried again, in its order and with its old keys.

    Returns how much it is. Raises: Refused (no_right, own_account, nothing_stuck).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.RETRY, case)
        given_up = stuck(case)
        if not effects.again([row.pk for row in given_up], now=now):
            raise refuse("nothing_stuck")
        details = {"effects": [row.pk for row in given_up], "kinds": sorted({row.kind for row in given_up})}
        audit.append(
            [audit.Line(case.number, "effect:retry", str(staff.actor(session.staff)), details)], now=now
        )
    return len(given_up)
