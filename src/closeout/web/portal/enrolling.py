"""Adding a passkey at the sandbox exchange: what an exchange does in its own security settings. Demonstration only."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from closeout.cases import sandbox
from closeout.cases.passkeys import Site
from closeout.reasons import Refused
from closeout.web.portal import holder, pages
from closeout.web.portal.pages import Problem
from closeout.web.signin import entrances

KEPT = "enrolment"  # in the session: the challenge of the page that is open


@require_http_methods(["GET", "POST"])
@holder.required
def enrolment(request: HttpRequest) -> HttpResponse:
    """Make a passkey on this device and register it at the sandbox exchange."""
    if not settings.CLOSEOUT_DEMO:
        raise Http404
    site = Site(entrances.passkey_domain(request), entrances.origin(request))
    account = holder.who(request).account_id
    if request.method != "POST":
        return _page(request, account, site)
    challenge = str(request.session.pop(KEPT, ""))
    try:
        sandbox.enrol(account, request.POST.get("passkey", ""), challenge=challenge, site=site)
    except Refused as why:
        return _page(request, account, site, problems=why.sentences(pages.language()), status=422)
    return HttpResponseRedirect(reverse("portal:check"))


def _page(
    request: HttpRequest, account: int, site: Site, *, problems: list[str] | None = None, status: int = 200
) -> HttpResponse:
    options, challenge = sandbox.enrolment(account, site=site)
    request.session[KEPT] = challenge
    return pages.show(
        request,
        "enrolment.html",
        _("Add a passkey"),
        status=status,
        options=options,
        problems=[Problem(text, "passkey") for text in problems or ()],
    )
