"""The page of one case: what the holder sees, and beside it what people need to decide."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from closeout.cases import (
    correspondence,
    dates,
    decisions,
    desk,
    evidence,
    findings,
    holds,
    keeping,
    mandates,
    phrases,
    policies,
    queries,
    repair,
    staff,
    stories,
    venues,
)
from closeout.cases.models import Case, Decision, Evidence, EvidenceRequest, Finding, Staff, Task
from closeout.cases.permissions import Right, rights
from closeout.cases.permissions import may as permitted
from closeout.cases.refusals import REFUSALS
from closeout.conditions import document
from closeout.conditions.check import Report, Result
from closeout.venues.base import Holder
from closeout.web.console import guard, mandating, pages, words

ASKS = ("approve", "refuse", "proof", "waive", "release", "recover", "erase", "mandate")
NEUTRAL = frozenset({"hold", "release"})


@require_GET
@csp_update({"media-src": [SELF]})
@guard.required
def case_page(request: HttpRequest, number: str) -> HttpResponse:
    """Show one case of the own tenant. Raises nothing: a case of another tenant is not there."""
    session, now = guard.who(request), venues.now()
    case = staff.case_for(session.staff, number)
    staff.demand(session.staff, Right.SEE_CASE, case)
    language = pages.language()
    may = rights(session.staff.role, case.state)
    report = queries.reports([case], now=now).get(case.account_id)
    return pages.show(
        request,
        "case.html",
        case.number,
        case=case,
        now=now,
        may={right.value for right in may},
        state=stories.STATES["review" if case.held else case.state][language],
        spoken=words.LANGUAGES.get(case.language, case.language),
        holder=masked(venues.venue(case.venue).holder(case.account_id)),
        groups=groups(report, language),
        thread=thread(case, session.staff),
        audience=audience_of(session.staff),
        after=correspondence.last(
            case.account_id, venue=case.venue, audience=audience_of(session.staff) or "holder"
        ),
        audiences=_audiences(may),
        phrases=phrases_of(case, request),
        history=history(case, language),
        tasks=[
            _task(task) for task in desk.tasks_of(case) if Right.SEE_HOLDS in may or task.team != "compliance"
        ],
        colleagues=Staff.objects.filter(venue=case.venue, active=True).order_by("name"),
        evidence=_evidence(case, may),
        requests=[
            {"what": words.EVIDENCE[one.kind], "until": one.expires_at}
            for one in EvidenceRequest.objects.filter(case=case, state="open", expires_at__gte=now)
        ],
        offered=[(kind, words.EVIDENCE[kind]) for kind in evidence.offered(case)],
        on_file=not evidence.offered(case) and bool(queries.lost_factors(case)),
        decidable_at=evidence.decidable_at(case),
        verdicts=[(code, words.VERDICTS[code]) for code in evidence.VERDICTS],
        decisions=[_decision(one, session.staff, language) for one in _decided(case, may)],
        asks=[(action, words.ACTIONS[action]) for action in asks_of(case) if f"ask_{action}" in may],
        refusals=[(code, text[language]) for code, text in REFUSALS.items()],
        mandate=mandating.shown(case),
        unmask_reasons=words.UNMASK,
        stuck=[(one.kind, words.EFFECTS.get(one.kind, one.kind), one.fault) for one in repair.stuck(case)]
        if Right.RETRY in may or Right.SEE_AUDIT in may
        else (),
        holds=[_hold(one) for one in holds.of(case)] if Right.SEE_HOLDS in may else (),
        hold_kinds=words.HOLD_KINDS,
        scopes=words.SCOPES,
        kept=_kept(case, session.staff) if Right.SEE_HOLDS in may else (),
        extension_reasons=tuple(words.EXTENSIONS.items()),
        findings=_findings(case) if audience_of(session.staff) else (),
        finding_kinds=words.FINDINGS,
        asking_questions=EvidenceRequest.objects.filter(case=case, kind="questions", state="open").exists(),
        key=secrets.token_hex(16),
    )


def asks_of(case: Case) -> Sequence[str]:
    """Return what can be asked for about ``case``: signers are accepted only where there are any."""
    return [action for action in ASKS if action != "mandate" or mandates.of(case) is not None]


def masked(holder: Holder | None) -> str:
    """Return how the holder can be reached, with the middle hidden."""
    if holder is None:
        return "—"
    contact = holder.email or holder.phone or ""
    name, at, domain = contact.partition("@")
    return f"{name[:1]}***{at}{domain}" if at else f"****{contact[-4:]}"


def groups(report: Report | None, language: str) -> Sequence[tuple[str, str, list[dict[str, object]]]]:
    """Return the self-check in the holder's own words: what blocks, what is unknown, what is met."""
    found: dict[str, list[dict[str, object]]] = {"blocked": [], "unknown": [], "clear": []}
    for finding in report.findings if report else ():
        blockers = finding.blockers if finding.result is Result.BLOCKED else finding.evidence
        several = [document.blocker_sentence(one, language) for one in blockers]
        ends = [one.clears_at for one in blockers if one.clears_at]
        found[finding.result.value].append(
            {
                "title": document.sentence(finding, language),
                "lines": several if len(several) > 1 else [],
                "when": max(ends) if ends else None,
                "reason": finding.condition.reason[language],
            }
        )
    return [(result, str(words.GROUPS[result]), rows) for result, rows in found.items() if rows]


def audience_of(person: Staff) -> str:
    """Return what somebody may read of a thread; an empty text for nothing."""
    if person.role == "operator":
        return ""
    return "compliance" if person.role in ("compliance", "auditor") else "agents"


def thread(case: Case, person: Staff) -> Sequence[dict[str, object]]:
    """Return the messages that ``person`` may read; foreign hosts are named beside each."""
    return said_to(case.account_id, person)


def said_to(account_id: int, person: Staff) -> Sequence[dict[str, object]]:
    """Return the messages about an account of the own tenant that ``person`` may read."""
    audience = audience_of(person)
    if not audience:
        return ()
    return [
        {
            "said": one,
            "author": words.AUTHORS[one.author_kind] if one.author_kind != "agent" else one.author,
            "audience": words.AUDIENCES[one.audience],
        }
        for one in correspondence.read(account_id, venue=person.venue, audience=audience)
    ]


def _audiences(may: frozenset[Right]) -> Sequence[tuple[str, object]]:
    named = (
        ("holder", Right.WRITE_HOLDER),
        ("agents", Right.WRITE_NOTE),
        ("compliance", Right.WRITE_COMPLIANCE),
    )
    return [(audience, words.AUDIENCES[audience]) for audience, right in named if right in may]


def phrases_of(case: Case, request: HttpRequest) -> Sequence[tuple[str, str]]:
    """Return the templates for one case, filled in, in the language of its holder."""
    due = desk.due_at(policies.of_version(case.policy_id), case.submitted_at or case.opened_at)
    shown = dates.day(due, language=case.language, zone=pages.zone_of(request))
    return [
        (code, phrases.filled(code, language=case.language, number=case.number, due=shown))
        for code in phrases.PHRASES
    ]


def history(case: Case, language: str) -> Sequence[dict[str, object]]:
    """Return what happened; who began or ended a manual review is not told here."""
    mandate = mandates.of(case)
    by_agent = mandate is not None and mandate.opened_at <= case.opened_at
    opened = {
        "title": stories.TITLES["open"][language],
        "at": case.opened_at,
        "actor": mandates.opener(mandate).name if mandate and by_agent else words.AUTHORS["holder"],
    }
    return [
        opened,
        *(
            {
                "title": stories.TITLES[line.event][language],
                "at": line.at,
                "actor": "" if line.event in NEUTRAL else named(line.actor),
            }
            for line in queries.history(case)
        ),
    ]


def named(said: str) -> object:
    """Say who did something: an agent by name, everybody else by what they are."""
    kind, _, name = said.partition(":")
    return name if kind == "agent" else words.AUTHORS.get(kind, said)


def _task(task: Task) -> dict[str, object]:
    return {
        "id": task.pk,
        "team": words.TEAMS[task.team],
        "kind": words.TASKS.get(task.kind, task.kind),
        "is_message": task.kind == "message",
        "due_at": task.due_at,
        "waits": words.WAITS[task.waits_for],
        "assignee": task.assignee,
    }


def _evidence(case: Case, may: frozenset[Right]) -> Sequence[dict[str, object]]:
    if Right.SEE_EVIDENCE not in may:
        return ()
    return [
        {
            "id": one.pk,
            "kind": one.kind,
            "what": words.EVIDENCE[one.kind],
            "verdict": words.VERDICTS[one.verdict],
            "judged_by": one.judged_by.name if one.judged_by else "",
            "received_at": one.received_at,
            "delete_at": one.delete_at,
            "gone": one.deleted_at is not None,
            "spoken": evidence.spoken(one),
            "url": reverse("console:evidence", args=[one.pk]),
            "pages": range(1, max(len(one.parts), 1) + 1),
            "has_file": bool(one.path),
        }
        for one in Evidence.objects.filter(case=case).select_related("judged_by", "case").order_by("-id")
    ]


def _decided(case: Case, may: frozenset[Right]) -> Sequence[Decision]:
    return decisions.open_decisions(case, with_holds=Right.SEE_HOLDS in may)


def _decision(one: Decision, me: Staff, language: str) -> dict[str, object]:
    agreed = [approval.staff.name for approval in one.approvals.all() if approval.agrees]
    return {
        "id": one.pk,
        "action": words.ACTIONS[one.action],
        "state": words.DECISION_STATES[one.state],
        "open": one.state == "open",
        "asked_by": one.asked_by.name,
        "asked_at": one.asked_at,
        "expires_at": one.expires_at,
        "reasons": [REFUSALS[code][language] for code in one.reasons],
        "agreed": agreed,
        "needed": one.needed,
        "mine": decisions.may_answer(one, me),
    }


def _findings(case: Case) -> Sequence[dict[str, object]]:
    return [
        {
            "id": one.pk,
            "kind": words.FINDINGS[one.kind],
            "asset": one.asset,
            "amount": one.amount,
            "text": findings.text_of(one),
            "by": one.recorded_by.name,
            "at": one.recorded_at,
            "resolved": one.resolved_at is not None,
            "evidence": one.cleared_by_id or one.inquiry_id,
        }
        for one in Finding.objects.filter(case=case).select_related("recorded_by", "case").order_by("-id")
    ]


def _hold(one: holds.Standing) -> dict[str, object]:
    return {"hold": one, "kind": words.HOLD_KINDS[one.kind], "scope": words.SCOPES[one.scope]}


def _kept(case: Case, me: Staff) -> Sequence[dict[str, object]]:
    return [
        {
            "category": one.item.category,
            "name": words.KEPT[one.item.category],
            "until": one.item.until,
            "law": one.item.law,
            "erased": one.item.erased_at is not None,
            "asked": [
                {
                    "number": asked.number,
                    "until": asked.until,
                    "reason": words.EXTENSIONS.get(asked.reason, asked.reason),
                    "by": asked.asked_by.removeprefix("agent:"),
                    "mine": asked.asked_by != str(staff.actor(me))
                    and permitted(me.role, Right.EXTEND_KEPT, case.state),
                }
                for asked in one.asked
            ],
        }
        for one in keeping.of(case)
    ]


def came_back(number: str, anchor: str = "") -> str:
    """Return the address of the case page, at the part that was worked on."""
    return reverse("console:case", args=[number]) + (f"#{anchor}" if anchor else "")


def moment_of(said: str) -> datetime | None:
    """Read a date as people type it; None if it is none."""
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None
