"""Cases that a campaign opened: closed by order of two people instead of by the holder.

The same states, conditions and commands as for a person. What differs is written here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from closeout.cases.models import Case
from closeout.conditions.check import Report, Result
from closeout.lifecycle import Effect, Event

# These keep a thief from closing somebody's account in their name; nobody's name is used here. Keys die with the
# closing, payment methods with the erasure. Money, business, disputes and holds block as they do for everybody.
SPREAD_MINUTES = 30 * 24 * 60
WAIVED = frozenset(
    {
        "identity_verified",
        "contacts_reachable",
        "security_factors_quiet",
        "security_password_quiet",
        "no_api_keys",
        "no_payment_methods",
    }
)  # fmt: skipSPREAD_MINUTES = 30 * 24 * 60


def effects_of(case: Case, event: Event, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Return what a transition asks of the outside for ``case``.

    The campaign writes to its people in bulk, and counts what it sent. Archive and certificate are made when the
    former holder asks for them, the certificate at the latest within a month, the archive before the erasure: a
    million of them on one day would keep everybody waiting.
    """
    if case.campaign_id is None:
        return effects
    if event is Event.CLOSE:
        return (Effect.CLOSE,)
    if event is Event.ERASE:
        return (Effect.NOTIFY, Effect.ARCHIVE)
    return tuple(effect for effect in effects if effect is not Effect.NOTIFY)


def run_at(case: Case, effect: Effect, now: datetime) -> datetime:
    """Return when ``effect`` may run: the certificates of an exit are spread over a month."""
    if case.campaign_id is None or effect is not Effect.CERTIFY:
        return now
    return now + timedelta(minutes=case.account_id % SPREAD_MINUTES)


def waived(cases: Collection[Case], reports: Mapping[int, Report]) -> Mapping[int, Report]:
    """Return ``reports`` by account, without what is waived for those of ``cases`` that were ordered."""
    ordered = {case.account_id for case in cases if case.campaign_id is not None}
    if not ordered:
        return reports
    return {account: _waived(report) if account in ordered else report for account, report in reports.items()}


def _waived(report: Report) -> Report:
    if report.result is Result.CLEAR:
        return report
    findings = tuple(
        replace(finding, result=Result.CLEAR, blockers=())
        if finding.result is Result.BLOCKED and finding.condition.code in WAIVED
        else finding
        for finding in report.findings
    )
    return replace(report, findings=findings)
