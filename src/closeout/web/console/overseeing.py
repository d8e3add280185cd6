"""The log of one case for auditors, and contacts in full for those who say why."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from closeout.cases import audit, contacts, staff, venues
from closeout.cases.permissions import Right
from closeout.reasons import refuse
from closeout.web.console import guard, pages, words


@require_GET
@guard.required
def audit_page(request: HttpRequest, number: str) -> HttpResponse:
    """Show who did and who looked, as it stands in the sealed log; looking is no line of its own."""
    session = guard.who(request)
    case = staff.case_for(session.staff, number)
    staff.demand(session.staff, Right.SEE_AUDIT, case)
    said = request.GET.get("after", "")
    after = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0
    found = audit.entries(case.number, after=after)
    return pages.show(
        request,
        "audit.html",
        _("Audit log"),
        case=case,
        lines=[
            {
                "line": one,
                "at": datetime.fromisoformat(one.at),
                "what": words.EVENTS.get(one.event, one.event),
                "details": [f"{name}: {value}" for name, value in sorted(one.details.items()) if value != ""],
            }
            for one in found
        ],
        following=found[-1].number if len(found) == audit.PAGE else 0,
    )


@require_POST
@guard.required
def contacts_page(request: HttpRequest, number: str) -> HttpResponse:
    """Show the contacts in full, once, after the reason was written down."""
    session = guard.who(request)
    case = staff.case_for(session.staff, number)
    holder = contacts.unmask(session, case, request.POST.get("reason", ""), now=venues.now())
    if holder is None:
        raise refuse("unknown_case")
    return pages.show(request, "contacts.html", _("Contacts of the holder"), case=case, person=holder)
