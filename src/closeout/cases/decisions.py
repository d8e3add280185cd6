"""Decisions of people: asked for by one, approved by others, done in the transaction of the last approval (R-SUP-7).

The database holds the rules as well: see the migration ``four_eyes``. What is decided is bound by a digest over the
case, its evidence and what was asked; when any of it changes, the request is void.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction

from closeout.cases import audit, compromise, desk, evidence, mandates, outcomes, queries, staff
from closeout.cases.corrections import WAIVABLE, name_of
from closeout.cases.models import Approval, Case, CaseHold, Decision, Evidence, Finding, Staff, StaffSession
from closeout.cases.permissions import Right
from closeout.cases.refusals import REFUSALS
from closeout.reasons import Reason, Refused, refuse

VALID = timedelta(hours=24)


@dataclass(frozen=True)
class Rule:
    """Who asks for it, how many others must agree, and which team they are."""

    right: Right
    needed: int
    team: str = "approval"


RULES: Mapping[str, Rule] = {
    "approve": Rule(Right.ASK_APPROVE, 1),
    "refuse": Rule(Right.ASK_REFUSE, 1),
    "proof": Rule(Right.ASK_PROOF, 2),
    "waive": Rule(Right.ASK_WAIVE, 2),
    "release": Rule(Right.ASK_RELEASE, 1, "compliance"),  # approvers need not know that a hold stands
    "recover": Rule(Right.ASK_RECOVER, 1),
    "erase": Rule(Right.ASK_ERASE, 2),
    "mandate": Rule(Right.ASK_MANDATE, 2),
}
FAULTS = {
    "expired": "decision_expired", "changed": "decision_changed", "same person": "four_eyes",
    "own account": "own_account", "changed by": "four_eyes", "no right": "no_right", "ended": "decision_ended",
}  # fmt: skip


def ask(
    session: StaffSession,
    case: Case,
    action: str,
    *,
    now: datetime,
    reasons: Sequence[str] = (),
    detail: Mapping[str, object] | None = None,
) -> Decision:
    """Ask for a decision; others have a day to agree. ``detail``: codes only. ``now``: aware UTC.

    Raises: Refused (no_right, own_account, decision_open, and what the action itself lacks, all at once).
    """
    rule, person = RULES[action], session.staff
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(person, rule.right, case)
        _lapse(case, now=now)
        said = {**_standing(case, action, now=now), **(detail or {})}
        if lacking := _lacking(case, action, reasons, said, now=now):
            raise Refused(*lacking)
        try:
            with transaction.atomic():
                decision = Decision.objects.create(
                    case=case, action=action, reasons=list(reasons), detail=said, needed=rule.needed,
                    digest=digest(case, action, reasons, said), asked_by=person, asked_session=session,
                    asked_at=now, expires_at=now + VALID,
                )  # fmt: skip
        except IntegrityError as twice:
            raise refuse("decision_open") from twice
        desk.open_task(case, rule.team, "decision", now=now, due=decision.expires_at)
        _audit(decision, f"decision:ask_{action}", session, now=now)
    return decision


def answer(session: StaffSession, ident: int, *, agrees: bool, now: datetime) -> Decision:
    """Say yes or no to what somebody else asked for; the last yes that is needed does it, in this transaction.

    An expired or changed request stays on record as such. Raises: Refused (unknown_case, no_right, own_account,
    four_eyes, decision_expired, decision_changed, decision_ended, and why the case does not allow it).
    """
    with transaction.atomic():
        decision, void = _answered(session, ident, agrees=agrees, now=now)
    if void:
        raise refuse(void)
    return decision


def _answered(session: StaffSession, ident: int, *, agrees: bool, now: datetime) -> tuple[Decision, str]:
    found = Decision.objects.filter(pk=ident, case__venue=session.staff.venue).first()
    if found is None:
        raise refuse("unknown_case")
    (case,) = queries.lock([found.case_id], wait=True)
    decision = Decision.objects.select_for_update().get(pk=ident)
    staff.demand(session.staff, Right.DECIDE, case)
    if RULES[decision.action].team == "compliance":
        staff.demand(session.staff, Right.SEE_HOLDS, case)
    if decision.state != "open":
        return decision, "decision_ended"
    if now > decision.expires_at:
        return _end(decision, "expired", session, now=now), "decision_expired"
    today = digest(case, decision.action, decision.reasons, decision.detail)
    if today != decision.digest:
        return _end(decision, "changed", session, now=now), "decision_changed"
    _approve(decision, session, today, agrees=agrees, now=now)
    if not agrees:
        return _end(decision, "denied", session, now=now), ""
    if decision.approvals.filter(agrees=True).count() >= decision.needed:
        _end(decision, "done", session, now=now)
        outcomes.DO[decision.action](case, decision, actor=staff.actor(session.staff), now=now)
    return decision, ""


def _approve(decision: Decision, session: StaffSession, today: str, *, agrees: bool, now: datetime) -> None:
    try:
        with transaction.atomic():
            Approval.objects.create(
                decision=decision, staff=session.staff, session=session, agrees=agrees, digest=today, at=now
            )
    except IntegrityError as twice:
        raise refuse("four_eyes") from twice
    except DatabaseError as wrong:
        said = str(wrong)
        code = next((code for words, code in FAULTS.items() if f"four eyes: {words}" in said), None)
        if code is None:
            raise
        raise refuse(code) from wrong
    _audit(decision, "decision:agree" if agrees else "decision:deny", session, now=now)


def _end(decision: Decision, state: str, session: StaffSession, *, now: datetime) -> Decision:
    decision.state, decision.ended_at = state, now
    decision.save(update_fields=["state", "ended_at"])
    team = RULES[decision.action].team
    if not Decision.objects.filter(case=decision.case_id, state="open").exists():
        desk.close_tasks(decision.case, now=now, team=team, kind="decision")
    _audit(decision, f"decision:{state}", session, now=now)
    return decision


def _lapse(case: Case, *, now: datetime) -> None:
    Decision.objects.filter(case=case, state="open", expires_at__lt=now).update(state="expired", ended_at=now)


def digest(case: Case, action: str, reasons: Sequence[str], detail: Mapping[str, Any]) -> str:
    """Return SHA-256 over everything that is decided on: the case as it stands, evidence, findings, the request."""
    shown = Evidence.objects.filter(case=case).order_by("id").values_list("id", "sha256", "verdict")
    found = Finding.objects.filter(case=case).order_by("id").values_list("id", "resolved_at")
    said = [
        case.number, case.revision, case.state, case.held, case.action_digest, action, list(reasons), detail,
        list(shown), [(ident, at is None) for ident, at in found], _signatures(case),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _signatures(case: Case) -> list[object]:
    mandate = mandates.of(case)
    if mandate is None:
        return []
    return [
        mandate.digest,
        [(one.pk, one.signed_digest, one.objected_at is None) for one in mandates.signers(mandate)],
    ]


def _standing(case: Case, action: str, *, now: datetime) -> Mapping[str, object]:
    """Return what the action would act on, as it stands: the lost factors, the blockers, the hold."""
    if action == "proof":
        return {"factors": queries.lost_factors(case)}
    if action == "waive":
        report = queries.reports([case], now=now).get(case.account_id)
        blockers = report.blockers if report else ()
        return {"items": [[one.code, name_of(one)] for one in blockers if one.code in WAIVABLE]}
    if action == "release":
        holds = CaseHold.objects.filter(case=case, released_at=None).order_by("id")
        return {"holds": list(holds.values_list("id", flat=True))}
    return {}


def _lacking(
    case: Case, action: str, reasons: Sequence[str], detail: Mapping[str, object], *, now: datetime
) -> list[Reason]:
    found = []
    if action == "refuse" and not (reasons and set(reasons) <= REFUSALS.keys()):
        found.append(Reason("reasons_missing"))
    if action in ("proof", "waive"):
        found += _unproven(case, action, now=now)
    named = {"proof": "factors", "waive": "items", "release": "holds"}.get(action)
    if named and not detail[named]:
        found.append(Reason("nothing_to_decide"))
    if action == "mandate":
        found += mandates.lacking(case)
    if action in ("approve", "proof") and mandates.of(case) is not None:
        found.append(Reason("mandate_stands"))
    if action in ("approve", "proof", "mandate") and _unresolved(case):
        found.append(Reason("finding_open"))
    if action == "recover" and not compromise.stands(case.account_id, venue=case.venue):
        found.append(Reason("nothing_to_decide"))
    if action == "erase" and (case.held or queries.standing_holds([case.pk])):
        found.append(Reason("under_review"))
    return found


def _unproven(case: Case, action: str, *, now: datetime) -> list[Reason]:
    """Say what proof lacks: a photo or video that matches, or, where the law forbids both, the documents on file."""
    if Evidence.objects.filter(case=case, verdict="matches", kind__in=["photo", "video"]).exists():
        return []
    compared = Evidence.objects.filter(case=case, kind=evidence.ON_FILE).order_by("id").last()
    from_ = evidence.decidable_at(case)
    if action != "proof" or compared is None or from_ is None or compared.verdict != "matches":
        return [Reason("proof_missing")]
    left = from_ - now
    return (
        [Reason("proof_waits", {"days": max(-(-left // timedelta(days=1)), 1)})]
        if left > timedelta(0)
        else []
    )


def _unresolved(case: Case) -> bool:
    return Finding.objects.filter(case=case, resolved_at=None).exclude(kind="nothing").exists()


def open_decisions(case: Case, *, with_holds: bool) -> Sequence[Decision]:
    """Return what waits for an answer about ``case``, and what was answered; the newest first.

    ``with_holds``: also what would tell that a hold stands.
    """
    rows = Decision.objects.filter(case=case).order_by("-id")
    rows = rows if with_holds else rows.exclude(action="release")
    return list(rows.select_related("asked_by").prefetch_related("approvals__staff"))


def may_answer(decision: Decision, person: Staff) -> bool:
    """Say whether ``person`` could still be one of the other eyes; the database decides in the end."""
    answered = {approval.staff_id for approval in decision.approvals.all()}
    return decision.state == "open" and person.pk != decision.asked_by_id and person.pk not in answered


def _audit(decision: Decision, event: str, session: StaffSession, *, now: datetime) -> None:
    details = {
        "decision": decision.pk,
        "digest": decision.digest,
        "session": session.pk.hex,
        "reasons": decision.reasons,
    }
    line = audit.Line(decision.case.number, event, str(staff.actor(session.staff)), details)
    audit.append([line], now=now)
