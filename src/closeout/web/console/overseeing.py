"""The log of one case for auditors, and contacts in full for those who say why."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from closeout.cases import audit, contacts, staff, stories, venues
from closeout.cases.permissions import Right
from closeout.reasons import refuse
from closeout.web.console import casing, guard, pages, words


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
                "what": what(one.event, pages.language()),
                "who": casing.named(one.actor),
                "details": [f"{name}: {value}" for name, value in sorted(one.details.items()) if value != ""],
            }
            for one in found
        ],
        following=found[-1].number if len(found) == audit.PAGE else 0,
    )


def what(event: str, language: str) -> object:
    """Say a line of the log in words: an event of the case as its history does, a question with what was asked."""
    room, _colon, name = event.partition(":")
    if room == "case" and name in stories.TITLES:
        return stories.TITLES[name][language]
    if room == "decision" and (action := name.removeprefix("ask_")) in words.ACTIONS:
        return _("Asked for: %(what)s") % {"what": words.ACTIONS[action]}
    return words.EVENTS.get(event, event)


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
