"""What people know better than the facts: a blocker that was waived, a finding that stands in the way (R-SUP-3, 7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from django.db import connection

from closeout.cases.models import Finding, Waiver
from closeout.conditions.check import Blocker, Report, Result
from closeout.conditions.check import Finding as Answer
from closeout.lifecycle import FINAL

ANY = """
select exists (select from cases_waiver where kind = 'blocker')
    or exists (select from cases_finding where resolved_at is null)
"""
WAIVABLE = frozenset({"security_factors_quiet", "security_password_quiet", "identity_verified"})
REVIEW = "no_holds"  # the condition that says: a person looks at this account. It never says why


def applied(reports: Mapping[int, Report], *, accounts: Collection[int]) -> Mapping[int, Report]:
    """Return ``reports`` with what was decided and found about the open cases of ``accounts``.

    A waiver names one blocker; what comes later is not waived. An unresolved finding blocks as a review does.
    """
    with connection.cursor() as cursor:
        cursor.execute(ANY)
        if cursor.fetchone() == (False,):
            return (
                reports  # the common case of a batch: one look instead of two joins over a thousand accounts
            )
    running = {"case__account_id__in": list(accounts)}
    waived: dict[int, set[tuple[str, str]]] = {}
    rows = Waiver.objects.filter(kind="blocker", **running).exclude(case__state__in=FINAL)
    for account, code, item in rows.values_list("case__account_id", "code", "item"):
        waived.setdefault(account, set()).add((code, item))
    found: dict[int, list[Blocker]] = {}
    stand = Finding.objects.filter(resolved_at=None, **running).exclude(case__state__in=FINAL)
    for account, ident in stand.exclude(kind="nothing").values_list("case__account_id", "id"):
        blocker = Blocker(REVIEW, account, None, f"finding-{ident}", None, None, None)
        found.setdefault(account, []).append(blocker)
    if not waived and not found:
        return reports
    return {
        account: _corrected(report, waived.get(account, set()), found.get(account, []))
        for account, report in reports.items()
    }


def _corrected(report: Report, waived: set[tuple[str, str]], found: list[Blocker]) -> Report:
    if not waived and not found:
        return report
    return replace(report, findings=tuple(_answer(one, waived, found) for one in report.findings))


def _answer(answer: Answer, waived: set[tuple[str, str]], found: list[Blocker]) -> Answer:
    code = answer.condition.code
    if code == REVIEW and found and answer.result is not Result.UNKNOWN:
        return replace(answer, result=Result.BLOCKED, blockers=(*answer.blockers, *found))
    if answer.result is not Result.BLOCKED or code not in WAIVABLE:
        return answer
    left = tuple(blocker for blocker in answer.blockers if (code, name_of(blocker)) not in waived)
    return replace(answer, result=Result.BLOCKED if left else Result.CLEAR, blockers=left)


def name_of(blocker: Blocker) -> str:
    """Return what a waiver calls ``blocker``: its item, else its state, so that another state is not waived."""
    return blocker.item or blocker.subject or ""
