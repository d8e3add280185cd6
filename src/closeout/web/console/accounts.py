"""An account whose holder wrote before there was any application: what blocks it, the conversation, an answer."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import correspondence, desk, policies, queries, staff, venues
from closeout.cases.models import CaseMessage, StaffSession, Task
from closeout.cases.permissions import Right, may
from closeout.lifecycle import State
from closeout.reasons import refuse
from closeout.web.console import casing, guard, pages, words

ANSWERS = {"holder": Right.WRITE_HOLDER, "agents": Right.WRITE_NOTE}


@require_http_methods(["GET", "POST"])
@guard.required
def account_page(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show or answer the conversation; once there is an application, its own page is the place."""
    session, now = guard.who(request), venues.now()
    venue = session.staff.venue
    case = queries.case_of(account_id, venue=venue)
    if case is not None:
        return HttpResponseRedirect(casing.came_back(case.number, "thread"))
    if not CaseMessage.objects.filter(venue=venue, account_id=account_id).exists():
        raise refuse("unknown_case")
    if request.method == "POST":
        if "settled" in request.POST:
            _settle(session, account_id)
        else:
            _answer(request, session, account_id)
        return HttpResponseRedirect(reverse("console:account", args=[account_id]))
    report = queries.report(account_id, policies.in_force(), now=now)
    return pages.show(
        request,
        "account.html",
        _("Account"),
        account_id=account_id,
        holder=casing.masked(venues.venue(venue).holder(account_id)),
        groups=casing.groups(report, pages.language()),
        thread=casing.said_to(account_id, session.staff),
        audiences=[(code, words.AUDIENCES[code]) for code, right in ANSWERS.items() if _may(session, right)],
        key=secrets.token_hex(16),
    )


def _may(session: StaffSession, right: Right) -> bool:
    own = session.staff.account_id
    return own is None and may(session.staff.role, right, State.APPLICATION)


def _settle(session: StaffSession, account_id: int) -> None:
    if not _may(session, Right.ASSIGN):
        raise staff.no_right()
    actor = staff.actor(session.staff)
    if not desk.answered(session.staff.venue, account_id, by=actor, now=venues.now()):
        raise refuse("nothing_to_decide")


def _answer(request: HttpRequest, session: StaffSession, account_id: int) -> None:
    audience = request.POST.get("audience", "")
    right = ANSWERS.get(audience)
    if right is None or not _may(session, right):
        raise staff.no_right()
    venue = session.staff.venue
    correspondence.say(
        account_id, request.POST.get("text", ""), venue=venue, audience=audience, now=venues.now(),
        author=staff.actor(session.staff), kind="message" if audience == "holder" else "note",
        key=request.POST.get("key", "")[:64],
    )  # fmt: skip
    if audience == "holder":
        open_ones = Task.objects.filter(venue=venue, account_id=account_id, kind="message", closed_at=None)
        open_ones.update(waits_for="holder")
