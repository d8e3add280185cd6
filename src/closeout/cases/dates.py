"""How dates are written for a person, in Chinese and English: on pages and in letters alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

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
