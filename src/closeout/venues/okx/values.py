"""Read OKX's raw strings: amounts, instants, flags. What cannot be read is a fault, never a zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

EPOCH = datetime(1970, 1, 1)
ZERO = Decimal(0)
DIGITS_MAX = 36

Raw = Mapping[str, Any]


class Unreadable(ValueError):
    """An answer does not have the shape that the exchange documents; the reader of it has failed."""


def text(row: Raw, name: str, default: str | None = None) -> str:
    """Return a field as text. Raises: Unreadable if it is missing (and has no default) or not a scalar."""
    value = row.get(name)
    if value is None:
        if default is None:
            raise Unreadable(f"field {name} is missing")
        return default
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise Unreadable(f"field {name} is {type(value).__name__}, expected text")


def amount_or_none(row: Raw, name: str) -> Decimal | None:
    """Return a field as an exact decimal; ``""`` and a missing field are ``None`` (not applicable).

    Raises: Unreadable for anything that is not a finite decimal in plain or scientific notation.
    """
    said = text(row, name, "").strip()
    if said == "":
        return None
    try:
        value = Decimal(said)
    except InvalidOperation as wrong:
        raise Unreadable(f"field {name} is not a number") from wrong
    if not value.is_finite():
        raise Unreadable(f"field {name} is not a finite number")
    if value.adjusted() >= DIGITS_MAX or value.adjusted() < -DIGITS_MAX:
        raise Unreadable(f"field {name} is out of range")
    return value


def amount(row: Raw, *names: str) -> Decimal:
    """Return the first of ``names`` that has a value. Raises: Unreadable if none of them is present."""
    for name in names:
        value = amount_or_none(row, name)
        if value is not None:
            return value
    if not any(name in row for name in names):
        raise Unreadable(f"field {' or '.join(names)} is missing")
    return ZERO


def instant_or_none(row: Raw, name: str) -> datetime | None:
    """Return a field of milliseconds since 1970 as naive UTC; ``""``, ``"0"`` and missing are ``None``."""
    said = text(row, name, "").strip()
    if said in ("", "0"):
        return None
    return moment(said, name)


def instant(row: Raw, *names: str) -> datetime:
    """Return the first of ``names`` that holds an instant. Raises: Unreadable if none does."""
    for name in names:
        value = instant_or_none(row, name)
        if value is not None:
            return value
    raise Unreadable(f"field {' or '.join(names)} holds no time")


def moment(milliseconds: str, name: str = "ts") -> datetime:
    """Turn milliseconds since 1970 into naive UTC. Raises: Unreadable."""
    try:
        return EPOCH + timedelta(milliseconds=int(milliseconds))
    except (ValueError, OverflowError) as wrong:
        raise Unreadable(f"field {name} is not a time in milliseconds") from wrong


def milliseconds(at: datetime) -> str:
    """Turn naive UTC into milliseconds since 1970."""
    return str(int((at.replace(tzinfo=UTC) - EPOCH.replace(tzinfo=UTC)) / timedelta(milliseconds=1)))


def parts(row: Raw, name: str) -> list[Raw]:
    """Return a field that is a list of objects. Raises: Unreadable if it is missing or anything else."""
    value = row.get(name)
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise Unreadable(f"field {name} is not a list of objects")
    return value


def flag(row: Raw, name: str, *, default: bool = False) -> bool:
    """Return a field as a flag: true/false, "1"/"0". Raises: Unreadable for anything else."""
    said = text(row, name, "").lower()
    if said == "":
        return default
    if said in ("true", "1"):
        return True
    if said in ("false", "0"):
        return False
    raise Unreadable(f"field {name} is neither true nor false")


def number(row: Raw, name: str) -> int:
    """Return a numeric id. Raises: Unreadable if it is missing, not digits, or beyond BIGINT."""
    said = text(row, name)
    if not said.isascii() or not said.isdigit() or int(said) >= 2**63:
        raise Unreadable(f"field {name} is not a numeric id")
    return int(said)
