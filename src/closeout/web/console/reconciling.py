"""The reconciliation of one account: what explains its ledger (R-SUP-3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from closeout.cases import findings, inquiries, staff, venues
from closeout.cases.permissions import Right, rights
from closeout.web.console import guard, pages, words


@require_GET
@guard.required
def reconciliation(request: HttpRequest, number: str) -> HttpResponse:
    """Show, asset by asset, what the ledger holds, what each product explains, and the rest."""
    session = guard.who(request)
    case = staff.case_for(session.staff, number)
    staff.demand(session.staff, Right.SEE_CASE, case)
    lines = [
        {"line": line, "parts": [(words.PARTS[name], value) for name, value in line.parts]}
        for line in findings.reconciliation(case, now=venues.now())
    ]
    may = rights(session.staff.role, case.state)
    return pages.show(
        request,
        "reconciliation.html",
        _("Reconciliation"),
        case=case,
        lines=lines,
        may={right.value for right in may},
        inquiries=[
            {"asked": one, "by": one.asked_by.name, "places": inquiries.answer_of(one)}
            for one in inquiries.of(case)
        ],
        finding_kinds=words.FINDINGS,
    )
