"""The self-check page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from closeout.cases import policies, queries, venues
from closeout.lifecycle import CLOSED, FROZEN
from closeout.web.portal import errors, holder, pages, selfcheck


@require_GET
@holder.required
def check(request: HttpRequest) -> HttpResponse:
    """Show what stands in the way, grouped by what to do next; changes nothing (R-CHK-*).

    While the account is frozen or closed, only the page of the application opens (R-CLO-4).
    """
    who = holder.who(request)
    case = queries.case_of(who.account_id, venue=who.venue)
    if case is not None and (case.state in FROZEN or case.state in CLOSED):
        return HttpResponseRedirect(reverse("portal:case"))
    policy = policies.in_force()
    report = queries.report(who.account_id, policy, now=venues.now())
    if report is None:
        holder.sign_out(request)
        return errors.forbidden(request)
    overview = selfcheck.overview(report, policy, language=pages.language())
    return pages.show(
        request,
        "check.html",
        _("Close your account"),
        step=1,
        check=overview,
        policy=policy,
        changed="changed" in request.GET and not overview.ready,
    )
