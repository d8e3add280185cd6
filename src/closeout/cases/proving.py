"""A lost factor is no dead end: the holder asks for proof of identity inside the application (R-DIA-6, R-SUP-4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from closeout.cases import applications, desk, policies, queries, verification
from closeout.cases.models import Case
from closeout.cases.operations import HOLDER, Step, advance
from closeout.lifecycle import Event, State
from closeout.reasons import Reason, Refused, refuse


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
        desk.open_task(step.case, "identity", "evidence", now=now)
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
