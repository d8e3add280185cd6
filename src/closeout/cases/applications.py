"""From the first click to "received": open, read and tick, choose about records, verify, submit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction

from closeout.cases import audit, consent, leaving, policies, queries, verification
from closeout.cases.models import Case, Consent, Mandate
from closeout.cases.operations import HOLDER, Actor, Step, advance
from closeout.conditions.catalog import Who
from closeout.conditions.check import Report, Result
from closeout.lifecycle import CLOSED, Event, State
from closeout.reasons import Reason, Refused, refuse

CHOICES = ("downloaded", "declined")


def open_case(account_id: int, *, venue: str, language: str, actor: Actor = HOLDER, now: datetime) -> Case:
    """Open an application for ``account_id``; nothing is frozen yet.

    Raises: Refused (unknown_account, already_applied, already_closed, unknown_language).
    """
    if language not in ("zh", "en"):
        raise refuse("unknown_language")
    policy = policies.in_force()
    if queries.report(account_id, policy, now=now) is None:
        raise refuse("unknown_account")
    before = queries.case_of(account_id, venue=venue)
    if before is not None and before.state in CLOSED:
        raise refuse("already_closed")
    try:
        with transaction.atomic():
            case = Case.objects.create(
                number=_number(now),
                venue=venue,
                account_id=account_id,
                state=State.APPLICATION,
                due_at=now + timedelta(days=policy.application_days),
                language=language,
                policy=policies.keep(policy, now=now),
                opened_at=now,
                withdrawals=_withdrawals(account_id, venue),
            )
            audit.append([audit.Line(case.number, "case:open", str(actor))], now=now)
    except IntegrityError as twice:
        standing = queries.open_case_of(account_id, venue=venue)
        if standing is None:
            raise
        raise refuse("already_applied", number=standing.number) from twice
    return case


def _number(now: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("select nextval('cases_number')")
        (serial,) = cursor.fetchone()
    return f"CL-{now:%Y%m%d}-{serial:04d}"


def _withdrawals(account_id: int, venue: str) -> int:
    """Count the submitted applications that were taken back; what was never submitted bothered nobody."""
    taken_back = Case.objects.filter(account_id=account_id, venue=venue, state=State.WITHDRAWAL)
    return taken_back.filter(submitted_at__isnull=False).count()


def begin(account_id: int, *, venue: str, language: str, now: datetime) -> Case:
    """Return the case of the account that stands, else a new application; its risk list is on the screen from now on.

    One transaction. Raises: Refused, as :func:`open_case`.
    """
    with transaction.atomic():
        case = queries.open_case_of(account_id, venue=venue)
        if case is None:
            case = open_case(account_id, venue=venue, language=language, now=now)
        if case.state == State.APPLICATION and not case.held:
            show_consent(case, language=language, now=now)
        return case


def show_consent(case: Case, *, language: str, now: datetime) -> Consent:
    """Note that the risk list is on the screen from ``now`` on; showing it again keeps the first time."""
    policy = policies.of_version(case.policy_id)
    shown = consent.text_hash(policy, language)
    row, _ = Consent.objects.get_or_create(
        case=case, text_hash=shown, given_at=None,
        defaults={"language": language, "points": [], "shown_at": now},
    )  # fmt: skip
    return row


def give_consent(case: Case, ticked: Collection[str], *, language: str, now: datetime) -> None:
    """Accept the risk list point by point (R-CLO-2); codes sent from now on are bound to this text.

    Raises: Refused (consent_missing, consent_too_fast, consent_changed).
    """
    policy = policies.of_version(case.policy_id)
    text_hash = consent.text_hash(policy, language)
    row = Consent.objects.filter(case=case, text_hash=text_hash).order_by("-shown_at").first()
    if row is None:
        raise refuse("consent_changed")
    reasons = []
    lacking = [point.code for point in consent.POINTS if point.code not in ticked]
    if lacking:
        reasons.append(Reason("consent_missing", {"count": len(lacking)}))
    early = row.shown_at + timedelta(seconds=policy.consent_reading_seconds) - now
    if early > timedelta(0):
        reasons.append(Reason("consent_too_fast", {"seconds": -(-int(early.total_seconds() * 1000) // 1000)}))
    if reasons:
        raise Refused(*reasons)
    with transaction.atomic():
        row.points, row.given_at = [point.code for point in consent.POINTS], now
        row.save(update_fields=["points", "given_at"])
        case.action_digest = verification.action_digest(case, text_hash)
        case.language = language
        case.save(update_fields=["action_digest", "language"])
        audit.append([audit.Line(case.number, "consent:give", str(HOLDER), {"text": text_hash})], now=now)


def choose_records(case: Case, choice: str, *, now: datetime) -> None:
    """Note that the holder downloaded the records or declined them in words (R-CLO-8). Raises: Refused."""
    if choice not in CHOICES:
        raise refuse("records_missing")
    with transaction.atomic():
        case.records_choice = choice
        case.save(update_fields=["records_choice"])
        audit.append([audit.Line(case.number, f"records:{choice}", str(HOLDER))], now=now)


def accept(
    case: Case, ticked: Collection[str], *, choice: str, why: str, language: str, now: datetime
) -> None:
    """Keep the risk list, the choice about records and why the holder leaves, all or nothing.

    Raises: Refused, as :func:`give_consent` and :func:`choose_records`; KeyDestroyed.
    """
    with transaction.atomic():
        leaving.state(case, why, now=now)
        give_consent(case, ticked, language=language, now=now)
        choose_records(case, choice, now=now)


def submit(case: Case, *, actor: Actor = HOLDER, now: datetime) -> Step:
    """Apply for closing: into cooling-off, or scheduled if only dates stand in the way (R-CLO-13).

    All reasons at once. Raises: Refused (consent_missing, records_missing, not_verified, blocked,
    unknown_facts, not_now).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        if Mandate.objects.filter(case=case).exists():
            raise refuse("mandate_stands")
        if case.state != State.APPLICATION:
            raise refuse("already_applied" if case.state in _RUNNING else "not_now", number=case.number)
        report = queries.reports([case], now=now).get(case.account_id)
        reasons = _unready(case, now=now)
        event, begins_at, why = judge(report, now=now)
        if reasons or event is None:
            raise Refused(*reasons, *why)
        Case.objects.filter(pk=case.pk).update(verified_at=now)
        begins = {case.pk: begins_at} if begins_at else None
        (step,) = advance([case.pk], event, actor=actor, now=now, begins_at=begins)
        return step


_RUNNING = frozenset({State.SCHEDULED, State.REVIEW, State.COOLING_OFF, State.PAUSE})


def _unready(case: Case, *, now: datetime) -> list[Reason]:
    reasons = []
    if not case.action_digest:
        reasons.append(Reason("consent_missing", {"count": len(consent.POINTS)}))
    if not case.records_choice:
        reasons.append(Reason("records_missing"))
    if case.action_digest:
        reasons += verification.not_verified(case, now=now)
    return reasons


def demand_possible(report: Report | None, *, now: datetime) -> None:
    """Refuse what :func:`submit` would refuse for its facts, before the holder is asked for anything.

    Raises: Refused (blocked, unknown_facts, unknown_account).
    """
    event, _, why = judge(report, now=now)
    if event is None:
        raise Refused(*why)


def judge(report: Report | None, *, now: datetime) -> tuple[Event | None, datetime | None, Sequence[Reason]]:
    """Return the event that a submitted application meets now, its date if it must wait, or why it cannot."""
    if report is None:
        return None, None, [Reason("unknown_account")]
    if report.result is Result.CLEAR:
        return Event.SUBMIT, None, []
    unmet = [finding for finding in report.findings if finding.result is Result.BLOCKED]
    if any(finding.result is Result.UNKNOWN for finding in report.findings):
        return None, None, [Reason("unknown_facts")]
    dates = [blocker.clears_at for blocker in report.blockers]
    waits = all(finding.condition.who is Who.NOBODY for finding in unmet)
    if waits and all(date is not None for date in dates):
        latest = max(date for date in dates if date is not None).replace(tzinfo=now.tzinfo)
        return Event.SCHEDULE, max(latest, now), []
    return None, None, [Reason("blocked", {"count": len(unmet)})]
