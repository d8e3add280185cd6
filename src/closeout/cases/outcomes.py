"""What a decision does when the last approval is in: one function an action, called in its transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from closeout.cases import (
    audit,
    compromise,
    correspondence,
    desk,
    evidence,
    holds,
    mandates,
    queries,
    refusals,
)
from closeout.cases.models import Case, CaseHold, Decision, Mandate, Waiver
from closeout.cases.operations import SYSTEM, Actor, advance
from closeout.lifecycle import Event, State
from closeout.reasons import Refused, refuse

Outcome = Callable[..., None]


def approve(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """Let the cooling-off begin. Raises: Refused (blocked, under_review, not_verified, not_now)."""
    advance([case.pk], Event.APPROVE, actor=actor, now=now, detail={"decision": decision.pk})
    _reviewed(case, now=now)


def refuse_it(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """End the application; the holder reads every reason and how to appeal. Raises: Refused."""
    detail = {"decision": decision.pk, "reasons": list(decision.reasons)}
    advance([case.pk], Event.REFUSE, actor=actor, now=now, detail=detail)
    text = refusals.letter(case.number, decision.reasons, language=case.language)
    correspondence.say(
        case.account_id, text, venue=case.venue, audience="holder", author=SYSTEM, now=now, case=case,
        kind="decision", key=f"decision-{decision.pk}",
    )  # fmt: skip
    _reviewed(case, now=now)


def prove(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """Accept proof of identity in place of the lost factors (R-DIA-6), and let the cooling-off begin.

    Raises: Refused (blocked, under_review, not_now).
    """
    Waiver.objects.bulk_create(
        Waiver(
            case=case,
            decision=decision,
            kind="factor",
            code=factor,
            action_digest=case.action_digest,
            at=now,
        )
        for factor in decision.detail["factors"]
    )
    Case.objects.filter(pk=case.pk).update(verified_at=now)
    advance([case.pk], Event.APPROVE, actor=actor, now=now, detail={"decision": decision.pk})
    _reviewed(case, now=now)


def waive(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """Take the named waiting periods, or an outdated identity verification, out of the way of this case only."""
    items = decision.detail["items"]
    Waiver.objects.bulk_create(
        Waiver(case=case, decision=decision, kind="blocker", code=code, item=item, at=now)
        for code, item in items
    )
    audit.append([audit.Line(case.number, "waiver:grant", str(actor), {"items": len(items)})], now=now)


def release(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """End the holds that the decision names; the clock runs on when none is left. Raises: Refused."""
    named = CaseHold.objects.filter(pk__in=decision.detail["holds"], case=case, released_at=None)
    if not named.update(released_at=now, released_by=decision):
        raise refuse("not_held")
    line = audit.Line(case.number, "hold:release", str(actor), {"holds": len(decision.detail["holds"])})
    audit.append([line], now=now)
    holds.settle(case, now=now)


def recover(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """Give a protected account back to its owner (R-SUP-10). Raises: Refused (nothing_to_decide)."""
    if not compromise.recover(case, actor=actor, now=now):
        raise refuse("nothing_to_decide", decision=decision.pk)


def erase_early(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """Let the observation end now; the sweep erases as it always does. Raises: Refused (under_review, not_now)."""
    if case.held or queries.standing_holds([case.pk]):
        raise refuse("under_review")
    if case.state != State.OBSERVATION:
        raise refuse("not_now")
    Case.objects.filter(pk=case.pk).update(due_at=now)
    line = audit.Line(case.number, "erasure:early", str(actor), {"decision": decision.pk})
    audit.append([line], now=now)


def accept_mandate(case: Case, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """Accept that others than the holder may close the account: the cooling-off begins, or goes on (R-SUP-11).

    Raises: Refused (signatures_missing, objection_stands, documents_missing, blocked, under_review, not_now).
    """
    if lacking := mandates.lacking(case):
        raise Refused(*lacking)
    Mandate.objects.filter(case=case, state="open", accepted_by=None).update(accepted_by=decision)
    if case.state == State.REVIEW:
        Case.objects.filter(pk=case.pk).update(verified_at=now)
        advance([case.pk], Event.APPROVE, actor=actor, now=now, detail={"decision": decision.pk})
    else:
        holds.settle(case, now=now)
    desk.close_tasks(case, now=now, team=mandates.TEAM, kind=mandates.TASK)
    _reviewed(case, now=now)


def _reviewed(case: Case, *, now: datetime) -> None:
    desk.close_tasks(case, now=now, kind="review")
    desk.close_tasks(case, now=now, team="identity", kind="evidence")
    evidence.decided(case, now=now)


DO: Mapping[str, Outcome] = {
    "approve": approve,
    "refuse": refuse_it,
    "proof": prove,
    "waive": waive,
    "release": release,
    "recover": recover,
    "erase": erase_early,
    "mandate": accept_mandate,
}
