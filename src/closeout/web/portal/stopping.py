"""Change of mind from a message: the link shows, the button acts, no sign-in (R-CLO-12).

The token comes once, in the address that the message holds, and moves into a cookie for these two pages alone.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from closeout.cases import queries, venues, way_back
from closeout.cases.models import Case
from closeout.cases.way_back import Standing
from closeout.reasons import Refused
from closeout.web.portal import errors, holder, links, pages

COOKIE = "stop"
MINUTES = 30


@csrf_exempt
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Go on to the page that shows; whatever was asked, nothing else is done. No answer is an error to be logged."""
    return links.opened(reverse("portal:stop"), cookie=COOKIE, token=token, minutes=MINUTES)


@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest) -> HttpResponse:
    """Show what the link would do; on POST, do it. Twice is once."""
    token = request.COOKIES.get(COOKIE)
    case = way_back.case_of(token or "")
    if case is None:
        return _unknown(request, opened=token is not None)
    who = holder.of(request)
    if who is not None and (who.venue, who.account_id) != (case.venue, case.account_id):
        return _foreign(request)
    standing = way_back.standing(case)
    if request.method == "POST" and standing in (Standing.OPEN, Standing.USED):
        return _act(request, case)
    if standing in (Standing.OPEN, Standing.STRONG):
        strong = standing is Standing.STRONG
        status = 409 if request.method == "POST" else 200
        return pages.show(
            request, "stop.html", _("Keep the account?"), case=case, strong=strong, status=status
        )
    return _too_late(request, case, standing)


def _act(request: HttpRequest, case: Case) -> HttpResponse:
    try:
        way_back.take_back(case, now=venues.now())
    except Refused:
        (case,) = queries.cases([case.pk])
        return _too_late(request, case, way_back.standing(case))
    return pages.show(request, "stopped.html", _("The account stays"), case=case)


def _unknown(request: HttpRequest, *, opened: bool) -> HttpResponse:
    """Answer 404 to what we never made, or to a browser that keeps no cookie."""
    if not opened:
        return errors.page(
            request,
            404,
            _("Open the link from the message"),
            _("This page belongs to the link in our messages, and this browser came without it."),
            _(
                "Open the link again from the message, with cookies allowed. Or sign in: the button is there too."
            ),
            way=_case(),
        )
    return errors.page(
        request,
        404,
        _("This link is not one of ours"),
        _("It was not copied in full, or somebody else made it."),
        _("Nothing was changed. Open the link from the message itself, or sign in: the button is there too."),
        way=_case(),
    )


def _foreign(request: HttpRequest) -> HttpResponse:
    return errors.page(
        request,
        403,
        _("This link belongs to another account"),
        _("You are signed in to an account that the link was not made for."),
        _("Nothing was changed. Sign out, then open the link from the message once more."),
    )


def _case() -> errors.Way:
    return reverse("portal:case"), _("See where it stands")


def _too_late(request: HttpRequest, case: Case, standing: Standing) -> HttpResponse:
    """Answer 410 where nothing is left to take back, 409 while the account is being closed, and say what holds."""
    way: errors.Way | None = None
    if standing is Standing.USED:
        title = _("This link was used")
        what = _("Application %(number)s is withdrawn. The account works as before.")
        then = _("There is nothing more to do.")
    elif standing is Standing.CLOSING:
        title = _("The account is being closed")
        what = _("Application %(number)s is being carried out at this moment.")
        then, way = _("It is too late to take it back. Sign in to see how it ended."), _case()
    elif standing is Standing.CLOSED:
        title = _("This link has expired")
        what = _("The cooling-off period of application %(number)s is over and the account is closed.")
        then = _("It cannot be brought back. What arrives late can still be claimed.")
        way = reverse("portal:closed"), _("Claim what arrived late")
    else:
        title = _("This link has expired")
        what = _("Application %(number)s has ended without closing the account.")
        then = _("There is nothing to take back. The account works as before.")
    status = 409 if standing is Standing.CLOSING else 410
    return errors.page(request, status, title, what % {"number": case.number}, then, way=way)
