"""Sign-in of the operator's people: who they are, then the second factor; short sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from closeout.cases import staff, venues
from closeout.reasons import Refused
from closeout.web.console import guard, pages, words
from closeout.web.signin import entrances, oidc


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
        provider=entrances.staff() is not None,
    )


def _back(request: HttpRequest) -> str:
    return entrances.origin(request) + reverse("console:callback")


@require_GET
def provider(request: HttpRequest) -> HttpResponse:
    """Send somebody of the operator's people to their identity provider."""
    known = entrances.staff()
    if known is None:
        raise Http404
    try:
        address = oidc.begin(
            cast(Any, request.session), known, redirect_uri=_back(request), there="", now=datetime.now(UTC)
        )
    except oidc.Unreachable:
        return _not_in(
            request, [_("The identity provider does not answer. Try again in a few minutes.")], 503
        )
    return HttpResponseRedirect(address)


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Take the answer of the identity provider: one of ours, with a second factor, and one role."""
    known, duties, now = entrances.staff(), entrances.staff_duties(), datetime.now(UTC)
    if known is None or duties is None:
        raise Http404
    session = cast(Any, request.session)
    try:
        found = oidc.finish(session, known, request.GET.dict(), redirect_uri=_back(request), now=now)
        own = duties.account_of(found.claims)
        arrival = staff.Arrival(
            found.issuer, found.subject, found.named, duties.role_of(found.claims),
            venues.account_of(own) if own else None,
        )  # fmt: skip
        begun = staff.arrive(arrival, venue=venues.SANDBOX, now=now)
    except oidc.Unreachable:
        return _not_in(
            request, [_("The identity provider does not answer. Try again in a few minutes.")], 503
        )
    except oidc.Forged:
        return _not_in(
            request,
            [_("The sign-in was not confirmed: it needs a second factor and a recent sign-in there.")],
            403,
        )
    except Refused as why:
        return _not_in(request, why.sentences(pages.language()), 403)
    guard.begin(request, begun)
    return HttpResponseRedirect(reverse("console:queue"))


def _not_in(request: HttpRequest, problems: Sequence[str], status: int) -> HttpResponse:
    return pages.show(
        request, "signin.html", _("Sign in to the console"), status=status, problems=problems, provider=True
    )


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End the session and let the browser forget the pages."""
    guard.end(request)
    response = HttpResponseRedirect(reverse("console:signin"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
