"""No dead end: a lost factor or an outdated identity is settled inside the application (R-DIA-2, R-DIA-6, R-SUP-4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from closeout.cases import applications, asking, desk, policies, queries, verification
from closeout.cases.models import Case, Task
from closeout.cases.operations import HOLDER, Step, advance
from closeout.conditions.check import Report
from closeout.lifecycle import Event, State
from closeout.reasons import Reason, Refused, refuse

IDENTITY = "identity_verified"
TEAM, KIND = "identity", "evidence"


def is_outdated(report: Report | None) -> bool:
    """Say whether the identity verification stands in the way."""
    return report is not None and any(blocker.code == IDENTITY for blocker in report.blockers)


def renew(case: Case, *, now: datetime) -> None:
    """Put an outdated identity verification before people, inside the application (R-DIA-2). Twice is once.

    They ask for evidence in the portal, and two of them decide; nothing at the exchange is reset.
    Raises: Refused (not_now) where nothing is outdated or the case takes no application any more.
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        outdated = is_outdated(queries.reports([case], now=now).get(case.account_id))
        if case.state not in (State.APPLICATION, State.PAUSE) or not outdated:
            raise refuse("not_now")
        desk.open_task(case, TEAM, KIND, now=now)
        asking.tell_agents(case, "identity_outdated", now=now)


def renewed_by(case: Case) -> datetime | None:
    """Return by when people answer who wants to renew it; None if nothing of it is open."""
    rows = Task.objects.filter(
        venue=case.venue, account_id=case.account_id, team=TEAM, kind=KIND, closed_at=None
    )
    return rows.values_list("due_at", flat=True).first()


def refer(case: Case, *, lost: Collection[str], now: datetime) -> Step:
    """Submit the application for review because the factors ``lost`` cannot be confirmed; the others must be.

    Nothing is frozen yet; people decide whether proof replaces what is lost. All reasons at once.
    Raises: Refused (not_now, consent_missing, records_missing, not_verified, factor_unknown, blocked, unknown_facts).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        if case.state != State.APPLICATION:
            raise refuse("not_now")
        report = queries.reports([case], now=now).get(case.account_id)
        event, _, why = applications.judge(report, now=now)
        reasons = _unready(case, lost, now=now)
        if reasons or event is None:
            raise Refused(*reasons, *why)
        detail = {"lost": sorted(lost)}
        (step,) = advance([case.pk], Event.REFER, actor=HOLDER, now=now, detail=detail)
        desk.open_task(step.case, TEAM, KIND, now=now)
    return step


def _unready(case: Case, lost: Collection[str], *, now: datetime) -> list[Reason]:
    known = policies.of_version(case.policy_id).verification
    reasons = []
    if not case.action_digest:
        reasons.append(Reason("consent_missing", {"count": 1}))
    if not case.records_choice:
        reasons.append(Reason("records_missing"))
    if not lost or not set(lost) < set(known):
        reasons.append(Reason("factor_unknown"))
    lacking = [factor for factor in verification.missing(case, now=now) if factor not in lost]
    if case.action_digest and lacking:
        reasons.append(Reason("not_verified", {"factors": " ".join(lacking)}))
    return reasons
