"""Sign-in of the operator's people: who they are, then the second factor; short sessions."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from closeout.cases import staff, venues
from closeout.reasons import Refused
from closeout.web.console import guard, pages, words


@require_http_methods(["GET", "POST"])
def signin(request: HttpRequest) -> HttpResponse:
    """Ask who, then for the code of the authenticator. In a demonstration the seeded agents can be chosen."""
    demo = bool(getattr(settings, "CLOSEOUT_DEMO", False))
    now = datetime.now(UTC)
    seeded = staff.seed(venue=venues.SANDBOX, now=now) if demo else ()
    chosen = staff.named(request.POST.get("name", "")) if demo else None
    problems: list[str] = []
    if request.method == "POST" and chosen is not None and "code" in request.POST:
        try:
            session = staff.sign_in(chosen, request.POST["code"], now=now)
        except Refused as why:
            problems = why.sentences(pages.language())
        else:
            guard.begin(request, session)
            return HttpResponseRedirect(reverse("console:queue"))
    shows = staff.authenticator(chosen, now=now) if chosen is not None else ""
    return pages.show(
        request,
        "signin.html",
        _("Sign in to the console"),
        status=403 if problems else 200,
        people=[{"name": one.name, "role_name": words.ROLES[one.role]} for one in seeded],
        chosen=chosen,
        shows=shows,
        problems=problems,
    )


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End the session and let the browser forget the pages."""
    guard.end(request)
    response = HttpResponseRedirect(reverse("console:signin"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
