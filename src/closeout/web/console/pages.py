"""How a page of the console is made: one template inside the frame, and refusals in the reader's language."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from closeout.cases import dates
from closeout.reasons import Refused
from closeout.web.console import words

ZONE_COOKIE, ZONE = "zone", "Asia/Shanghai"
MISSING = frozenset({"unknown_case"})
FORBIDDEN = frozenset({"no_right", "own_account"})


def language() -> str:
    """Return zh or en, the language that the reader sees."""
    return "zh" if (get_language() or "en").startswith("zh") else "en"


def zone_of(request: HttpRequest) -> tzinfo:
    """Return the time zone that the reader chose."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    return ZoneInfo(name if name in _zones() else ZONE)


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # opens a file for every zone: once


def show(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render ``template`` inside the frame."""
    session = getattr(request, "staff_session", None)
    zone = zone_of(request)
    frame = {
        "title": title,
        "brand": getattr(settings, "CLOSEOUT_BRAND", "closeout"),
        "demo": getattr(settings, "CLOSEOUT_DEMO", False),
        "lang": "zh-Hans" if language() == "zh" else "en",
        "here": request.path,
        "me": session.staff if session else None,
        "role": words.ROLES[session.staff.role] if session else "",
        "zone": zone,
        "offset": dates.offset(datetime.now(UTC), zone),
    }
    return render(request, f"console/{template}", {**frame, **context}, status=status)


def refused(request: HttpRequest, why: Refused) -> HttpResponse:
    """Answer with every reason: 404 for a case that is not of this tenant, 403 without the right, else 409."""
    codes = {reason.code for reason in why.reasons}
    status = 404 if codes & MISSING else 403 if codes & FORBIDDEN else 409
    problems = why.sentences(language())
    return show(request, "refused.html", _("That is not possible now"), status=status, problems=problems)
