"""The path of an account that somebody else may be in: stop everything, recover, and close only then (R-SUP-10)."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import applications, asking, compromise, leaving, queries, venues
from closeout.cases.models import Case
from closeout.cases.office import office
from closeout.lifecycle import CLOSED, FINAL
from closeout.reasons import Refused, refuse
from closeout.venues.base import Unreachable
from closeout.web.portal import errors, holder, pages

KEPT = ("points", "records", "phrase", "reason")  # what was filled in on the page before


def first(request: HttpRequest, case: Case, reason: str, *, now: datetime) -> HttpResponse:
    """Stop an application whose reason speaks of theft, and offer help before anything else happens."""
    leaving.state(case, reason, now=now)
    filled = [(name, value) for name in KEPT for value in request.POST.getlist(name)]
    return _offer(request, filled=filled)


def _offer(request: HttpRequest, *, filled: list[tuple[str, str]]) -> HttpResponse:
    return pages.show(
        request,
        "protection.html",
        _("Protect the account first"),
        filled=filled,
        answer_by=office().answer_by(venues.now()),
    )


@require_http_methods(["GET", "POST"])
@holder.required
def protection(request: HttpRequest) -> HttpResponse:
    """Show what protecting means, or that it is done; on POST, do it."""
    who = holder.who(request)
    if request.method == "POST":
        return _protect(request, who)
    if compromise.stands(who.account_id, venue=who.venue):
        answer_by = office().answer_by(venues.now())
        return pages.show(request, "protected.html", _("The account is protected"), answer_by=answer_by)
    return _offer(request, filled=[])


def _protect(request: HttpRequest, who: holder.Holder) -> HttpResponse:
    now = venues.now()
    case = queries.case_of(who.account_id, venue=who.venue)
    if case is not None and case.state in CLOSED:
        return errors.refused(request, refuse("already_closed"))
    try:
        if case is None or case.state in FINAL:
            case = applications.open_case(who.account_id, venue=who.venue, language=pages.language(), now=now)
        done = compromise.protect(case, now=now)
    except Refused as why:
        return errors.refused(request, why)
    if done:
        _end_others(request, who)
        _revoke(who, case, now=now)
    return HttpResponseRedirect(reverse("portal:protection"))


def _end_others(request: HttpRequest, who: holder.Holder) -> None:
    """End every other session of this account; this one goes on under another key."""
    for row in Session.objects.exclude(session_key=request.session.session_key).iterator():
        said = row.get_decoded()
        if (said.get("venue"), said.get("account")) == (who.venue, who.account_id):
            row.delete()
    request.session.cycle_key()


def _revoke(who: holder.Holder, case: Case, *, now: datetime) -> None:
    """Begin to revoke keys; where that cannot begin now, the people who look after the case are told."""
    try:
        compromise.revoke_keys(who.account_id, venue=who.venue)
    except (Unreachable, Refused):
        asking.tell_agents(case, "keys_not_revoked", now=now)
