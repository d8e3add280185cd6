"""The doors into the portal: start page, sign-in, language, time zone, and what crawlers may read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from closeout.cases import policies, venues
from closeout.web.portal import errors, formats, holder, pages, people
from closeout.web.signin import entrances

YEAR = 365 * 24 * 3600


def there(request: HttpRequest, default: str) -> str:
    """Return the address in ``next`` if it is one of ours, else that of ``default``."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours else reverse(default)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the start page, open to everybody."""
    return pages.show(request, "home.html", _("Close your account"))


@require_http_methods(["GET", "POST"])
def signin(request: HttpRequest) -> HttpResponse:
    """Sign in: at the exchange, or as one of the generated people of the sandbox."""
    demo = bool(getattr(settings, "CLOSEOUT_DEMO", False))
    if request.method == "POST":
        account = people.account_of(request.POST.get("person", "")) if demo else None
        if account is None:
            return errors.forbidden(request)
        holder.sign_in(request, venue=venues.SANDBOX, account_id=account)
        return HttpResponseRedirect(there(request, "portal:check"))
    shown = people.people(pages.language()) if demo else ()
    return pages.show(
        request,
        "signin.html",
        _("Sign in"),
        people=shown,
        next=there(request, "portal:check"),
        oidc=entrances.holders() is not None,
    )


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End the session and let the browser forget the pages."""
    holder.sign_out(request)
    response = HttpResponseRedirect(reverse("portal:home"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember the language on this device."""
    try:
        chosen = get_supported_language_variant(request.POST.get("language", ""))
    except LookupError:
        return errors.bad(request)
    response = HttpResponseRedirect(there(request, "portal:home"))
    _remember(response, settings.LANGUAGE_COOKIE_NAME, chosen)
    return response


def _remember(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and remember the time zone."""
    if request.method == "POST":
        chosen = request.POST.get("zone", "")
        if chosen not in pages.ZONES:
            return errors.bad(request)
        response = HttpResponseRedirect(reverse("portal:preferences"))
        _remember(response, pages.ZONE_COOKIE, chosen)
        return response
    return pages.show(request, "preferences.html", _("Language and time zone"), zones=_zones(request))


def _zones(request: HttpRequest) -> Sequence[dict[str, object]]:
    from zoneinfo import ZoneInfo

    now, chosen = datetime.now(UTC), str(pages.zone_of(request))
    names = {
        "Asia/Shanghai": _("Beijing, Hong Kong"),
        "Asia/Tokyo": _("Tokyo"),
        "Asia/Singapore": _("Singapore"),
        "Asia/Dubai": _("Dubai"),
        "UTC": "UTC",
        "Europe/London": _("London"),
        "Europe/Berlin": _("Berlin, Paris"),
        "America/New_York": _("New York"),
        "America/Los_Angeles": _("Los Angeles"),
        "America/Sao_Paulo": _("São Paulo"),
        "Australia/Sydney": _("Sydney"),
    }
    return [
        {"key": key, "label": f"{names[key]} ({formats.offset(now, ZoneInfo(key))})", "chosen": key == chosen}
        for key in pages.ZONES
    ]


@require_GET
def domains(request: HttpRequest) -> HttpResponse:
    """List the true domains (R-SUP-9)."""
    own = policies.in_force().own_domains
    return pages.show(request, "domains.html", _("Our true addresses"), domains=own)


@require_GET
def robots(request: HttpRequest) -> HttpResponse:
    """Let crawlers read the public pages only."""
    closed = "".join(
        f"Disallow: {reverse(name)}\n" for name in ("portal:check", "portal:case", "portal:mailbox")
    )
    return HttpResponse(f"User-agent: *\n{closed}Allow: /\n", content_type="text/plain; charset=utf-8")
