"""The conversation of a case while it happens: a page asks for its changed part again with each message."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from closeout.cases import correspondence, staff
from closeout.cases.models import Case
from closeout.cases.permissions import Right
from closeout.web import live, talk
from closeout.web.console import casing, guard, pages


def _case(request: HttpRequest, number: str) -> tuple[Case, str]:
    session = guard.who(request)
    case = staff.case_for(session.staff, number)
    staff.demand(session.staff, Right.SEE_CASE, case)
    audience = casing.audience_of(session.staff)
    if not audience:
        raise staff.no_right()
    return case, audience


@require_GET
@guard.required
def events(request: HttpRequest, number: str) -> HttpResponseBase:
    """Stream the numbers of new messages that the reader may see."""
    case, audience = _case(request, number)
    key = correspondence.key_of(case.account_id, venue=case.venue, audience=audience)
    return live.stream(request, talk.said, key)


@require_GET
@guard.required
def thread(request: HttpRequest, number: str) -> HttpResponse:
    """Return the messages as the page of the case shows them."""
    case, _ = _case(request, number)
    shown = casing.thread(case, guard.who(request).staff)
    return render(request, "console/thread.html", {"thread": shown, "zone": pages.zone_of(request)})
