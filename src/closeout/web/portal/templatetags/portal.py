"""Tags that the portal's templates use: times, amounts, icons, and the language in which to speak."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from closeout.web.portal import formats

register = template.Library()


def spoken() -> str:
    """Return zh or en, the language of the page that is being made."""
    return "zh" if (get_language() or "en").startswith("zh") else "en"


def zone_of(context: Mapping[str, object]) -> tzinfo:
    """Return the holder's time zone."""
    zone = context.get("zone")
    return zone if isinstance(zone, tzinfo) else ZoneInfo("Asia/Shanghai")


@register.simple_tag(takes_context=True)
def moment(context: Mapping[str, object], at: datetime) -> SafeString:
    """Write date, hour and zone as a ``<time>`` element."""
    words = formats.moment(at, language=spoken(), zone=zone_of(context))
    return format_html('<time datetime="{}">{}</time>', formats.iso(at), words)


@register.simple_tag(takes_context=True)
def day(context: Mapping[str, object], at: datetime) -> SafeString:
    """Write the date as a ``<time>`` element."""
    words = formats.day(at, language=spoken(), zone=zone_of(context))
    return format_html('<time datetime="{}">{}</time>', formats.iso(at), words)


@register.filter
def amount(value: Decimal, asset: str | None = None) -> str:
    """Write an amount in full precision with its asset."""
    return formats.amount(value, asset)


@register.simple_tag
def icon(name: str, kind: str = "") -> SafeString:
    """Draw one of the icons that the page carries; it is decoration, the words beside it say the same."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true"><use href="#i-{}"/></svg>',
        kind or name,
        name,
    )
