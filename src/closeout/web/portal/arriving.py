"""Arriving from the exchange: its single sign-on, and the link that its app signs (issue 5, sign-in)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from closeout.cases import limits, venues
from closeout.web.portal import errors, holder
from closeout.web.signin import entrances, handover, network, oidc

MOST, PER = 60, timedelta(minutes=10)  # arrivals of one network
TAKEN = timedelta(minutes=5)  # longer than any link lives

Text = str | Promise
AGAIN = gettext_lazy(
    "Nothing was changed. Open the exchange's app again and choose “Close account”: it makes a new link."
)
LINKS: Mapping[str, tuple[int, Text, Text]] = {
    "forged": (
        403,
        gettext_lazy("This link was not made by the exchange"),
        gettext_lazy("It was changed on its way or not copied in full."),
    ),
    "foreign": (
        403,
        gettext_lazy("This link opens another place"),
        gettext_lazy("It was made for another site or another account."),
    ),
    "expired": (
        410,
        gettext_lazy("This link has expired"),
        gettext_lazy("A link from the app is good for one minute."),
    ),
    "used": (
        410,
        gettext_lazy("This link was used before"),
        gettext_lazy("A link from the app is good for one time."),
    ),
}


def _now() -> datetime:
    """Return the real time: tokens are about minutes of this world, not about the time of cases."""
    return datetime.now(UTC)


def _too_often(request: HttpRequest) -> HttpResponse | None:
    where = limits.masked("network", network.of(request))
    wait = limits.wait_for(f"arrive:{where}", count=MOST, per=PER, now=_now())
    return errors.too_often(request, max(int(wait.total_seconds()), 1)) if wait else None


def _callback(request: HttpRequest) -> str:
    return entrances.origin(request) + reverse("portal:oidc_callback")


@require_GET
def exchange(request: HttpRequest) -> HttpResponse:
    """Send the holder to the exchange's single sign-on; they come back to :func:`callback`."""
    from closeout.web.portal.entrance import there

    provider = entrances.holders()
    if provider is None:
        raise Http404
    refused = _too_often(request)
    if refused is not None:
        return refused
    try:
        address = oidc.begin(
            cast(Any, request.session), provider, redirect_uri=_callback(request),
            there=there(request, "portal:check"), now=_now(),
        )  # fmt: skip
    except oidc.Unreachable:
        return errors.unreachable(request)
    return HttpResponseRedirect(address)


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Take the answer of the exchange's single sign-on."""
    provider = entrances.holders()
    if provider is None:
        raise Http404
    refused = _too_often(request)
    if refused is not None:
        return refused
    try:
        found = oidc.finish(
            cast(Any, request.session),
            provider,
            request.GET.dict(),
            redirect_uri=_callback(request),
            now=_now(),
        )
    except oidc.Unreachable:
        return errors.unreachable(request)
    except oidc.Forged:
        return _not_confirmed(request)
    account = venues.account_of(found.named)
    if account is None:
        return _not_confirmed(request)
    holder.sign_in(request, venue=venues.SANDBOX, account_id=account)
    return HttpResponseRedirect(found.there)


def _not_confirmed(request: HttpRequest) -> HttpResponse:
    """Answer every failed sign-in alike, whether there is such an account or not."""
    return errors.page(
        request,
        403,
        _("The sign-in did not work"),
        _("The exchange did not confirm it, or it took too long."),
        _("Nothing was changed. Sign in again; it starts from the beginning."),
        way=(reverse("portal:signin"), _("Sign in")),
    )


@require_GET
def link(request: HttpRequest) -> HttpResponse:
    """Let in who comes by a link that the exchange's app has just signed; each link opens once."""
    from closeout.web.portal.entrance import there

    known = entrances.exchange()
    if known is None:
        raise Http404
    refused = _too_often(request)
    if refused is not None:
        return refused
    try:
        handed = handover.read(request.GET.get("token", ""), known, now=_now())
    except handover.NotAccepted as why:
        return _not_opened(request, why.reason)
    if not limits.once(handed.mark, within=TAKEN, now=_now()):
        return _not_opened(request, "used")
    account = venues.account_of(handed.named)
    if account is None:
        return _not_opened(request, "foreign")
    holder.sign_in(request, venue=venues.SANDBOX, account_id=account)
    return HttpResponseRedirect(there(request, "portal:check"))


def _not_opened(request: HttpRequest, reason: str) -> HttpResponse:
    status, title, what = LINKS[reason]
    way = (reverse("portal:signin"), _("Sign in another way"))
    return errors.page(request, status, str(title), str(what), str(AGAIN), way=way)
