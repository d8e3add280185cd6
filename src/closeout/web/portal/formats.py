"""How amounts, times, and masked contacts are written for a holder, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def amount(value: Decimal, asset: str | None = None) -> str:
    """Write ``value`` in full precision with thousands separators and no trailing zeros, then its asset."""
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return f"{text} {asset}" if asset else text


def aware(at: datetime) -> datetime:
    """Return ``at`` as aware UTC; a naive time is UTC already."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def offset(at: datetime, zone: tzinfo) -> str:
    """Name the offset that ``zone`` has at ``at``: UTC+8, UTC-3:30, UTC."""
    shift = aware(at).astimezone(zone).utcoffset() or timedelta(0)
    minutes = int(shift.total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")


def moment(at: datetime, *, language: str, zone: tzinfo) -> str:
    """Write date, hour and zone: ``2026年12月12日 09:30（UTC+8）`` or ``12 December 2026, 09:30 (UTC+8)``."""
    local = aware(at).astimezone(zone)
    name = offset(at, zone)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}（{name}）"
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}, {local:%H:%M} ({name})"


def day(at: datetime, *, language: str, zone: tzinfo) -> str:
    """Write the date alone: ``2026年12月12日`` or ``12 December 2026``."""
    local = aware(at).astimezone(zone)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日"
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def iso(at: datetime) -> str:
    """Write ``at`` for ``<time datetime>``: ISO 8601 with offset, to the second."""
    return aware(at).isoformat(timespec="seconds")


def countdown(left: timedelta) -> tuple[int, str]:
    """Split what is left into whole days and ``hh:mm:ss``; never negative."""
    seconds = max(int(left.total_seconds()), 0)
    days, rest = divmod(seconds, 86400)
    return days, f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"


def whole_days(left: timedelta) -> int:
    """Round what is left up to whole days; never negative."""
    return max(-(-int(left.total_seconds()) // 86400), 0)


def listed(parts: Sequence[str], *, language: str) -> str:
    """Join ``parts`` the way the language lists things: ``甲、乙`` or ``a, b``."""
    return ("、" if language == "zh" else ", ").join(parts)


def mask_phone(number: str) -> str:
    """Hide the middle of a phone number: ``138****5678``; a country code stays readable."""
    digits = number.strip()
    if len(digits) < 7:
        return "****"
    return f"{digits[:-8]}****{digits[-4:]}" if len(digits) >= 11 else f"{digits[:2]}****{digits[-2:]}"


def mask_email(address: str) -> str:
    """Hide the middle of a mailbox: ``a***n@mail.com``; a short one keeps its first letter."""
    name, at, domain = address.partition("@")
    if not at or not name:
        return "***"
    return f"{name[0]}***{name[-1] if len(name) > 2 else ''}@{domain}"


def mask_contact(contact: str) -> str:
    """Mask an e-mail address or a phone number."""
    return mask_email(contact) if "@" in contact else mask_phone(contact)


def uid(account_id: int) -> str:
    """Group the digits of an account number by four: ``7702 4415``."""
    digits = str(account_id)
    head = len(digits) % 4
    parts = ([digits[:head]] if head else []) + [digits[at : at + 4] for at in range(head, len(digits), 4)]
    return " ".join(parts)
