"""How a page is made: one template, the frame around it, and refusals in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from closeout.cases import policies
from closeout.reasons import Refused
from closeout.web.portal import formats, holder
from closeout.web.portal.templatetags.portal import spoken

ZONES = (
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Asia/Singapore",
    "Asia/Dubai",
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Australia/Sydney",
)
ZONE_COOKIE = "zone"


@dataclass(frozen=True)
class Problem:
    """One thing to change in a form, and the field it stands beside."""

    text: str
    target: str = ""


def show(
    request: HttpRequest,
    template: str,
    title: str,
    *,
    status: int = 200,
    step: int = 0,
    refused: Refused | None = None,
    **context: Any,
) -> HttpResponse:
    """Render ``template`` inside the frame. ``step``: 1 to 4 shows the progress; 0 does not."""
    zone = zone_of(request)
    frame: Mapping[str, Any] = {
        "title": title,
        "brand": getattr(settings, "CLOSEOUT_BRAND", "closeout"),
        "demo": getattr(settings, "CLOSEOUT_DEMO", False),
        "lang": "zh-Hans" if spoken() == "zh" else "en",
        "here": request.path,
        "holder": holder.of(request) if hasattr(request, "session") else None,
        "policy": context.get("policy") or policies.in_force(),
        "zone": zone,
        "offset": formats.offset(datetime.now(UTC), zone),
        "step": step,
        "steps": steps(),
        "refused": refused.sentences(spoken()) if refused else (),
    }
    return render(request, f"portal/{template}", {**frame, **context}, status=status)


def part(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """Render a part of a page for the script that asked for it."""
    return render(request, f"portal/{template}", {"zone": zone_of(request), **context})


def main_of(response: HttpResponse) -> HttpResponse:
    """Return only the ``<main>`` of a page, for a script that puts it in the place of the old one."""
    page = response.content.decode()
    response.content = page[page.index("<main") : page.index("</main>") + len("</main>")].encode()
    return response


def steps() -> Sequence[tuple[int, str]]:
    """Return the four steps with their numbers."""
    names = (_("Self-check"), _("Apply"), _("Cooling-off"), pgettext("step", "Closed"))
    return tuple(enumerate(names, start=1))


def zone_of(request: HttpRequest) -> tzinfo:
    """Return the time zone that the reader chose, or that of the operator's first audience."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    return ZoneInfo(name if name in ZONES else ZONES[0])


def language() -> str:
    """Return zh or en, the language that the reader sees."""
    return spoken()
