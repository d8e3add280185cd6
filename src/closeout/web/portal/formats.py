"""How amounts, times, and masked contacts are written for a holder, in Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from closeout.cases.dates import aware, day, iso, moment, offset

__all__ = ["aware", "day", "iso", "moment", "offset"]


def amount(value: Decimal, asset: str | None = None) -> str:
    """Write ``value`` in full precision with thousands separators and no trailing zeros, then its asset."""
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return f"{text} {asset}" if asset else text


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
