"""What a certificate of closure says. Values only; how it looks and how it is signed is elsewhere."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SCHEMA = "closeout.certificate/1"


@dataclass(frozen=True, kw_only=True)
class Both:
    """One text in both languages. Never one alone."""

    en: str
    zh: str

    def __post_init__(self) -> None:
        if not self.en.strip() or not self.zh.strip():
            raise ValueError("a text needs en and zh")


@dataclass(frozen=True)
class Closed:
    """One thing that was closed or emptied, and how many of it."""

    code: str
    title: Both
    count: int
    amounts: tuple[str, ...] = ()  # "12.5 USDT", already exact decimal text


@dataclass(frozen=True)
class Happened:
    """One line of the case's history. ``at``: naive UTC."""

    at: datetime
    event: str
    title: Both


@dataclass(frozen=True)
class Exported:
    """One file that was handed over."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Fate:
    """What becomes of one class of data. ``until`` None: erased, as ``receipt`` proves."""

    title: Both
    until: datetime | None
    reason: Both
    receipt: str | None = None


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Everything that one certificate says. Times are naive UTC; the account and its holder are masked."""

    number: str
    venue: str
    account: str
    applied_at: datetime
    closed_at: datetime
    issued_at: datetime
    policy_version: str
    consent_sha256: str
    closed: tuple[Closed, ...] = ()
    history: tuple[Happened, ...] = ()
    files: tuple[Exported, ...] = ()
    fates: tuple[Fate, ...] = ()
    ledger_sums: tuple[tuple[str, str], ...] = ()  # asset, sum as decimal text
    verify_url: str = ""
    checkpoint: str = ""  # signed note of the audit log at the time of issue

    def __post_init__(self) -> None:
        """Raises: ValueError (an aware time, an empty number)."""
        moments = [self.applied_at, self.closed_at, self.issued_at, *(line.at for line in self.history)]
        moments += [fate.until for fate in self.fates if fate.until is not None]
        if any(moment.tzinfo is not None for moment in moments):
            raise ValueError("times of a statement are naive UTC")
        if not self.number or not self.account:
            raise ValueError("a statement needs a number and an account")

    def plain(self) -> dict[str, Any]:
        """Return the statement as JSON values; times end in Z."""
        return {"schema": SCHEMA, **_plain(self)}

    def dumps(self) -> bytes:
        """Return the canonical bytes that are signed: sorted keys, no spaces, UTF-8."""
        return canonical(self.plain())


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys, without spaces, in UTF-8: equal values give equal bytes."""
    said = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return said.encode()


def moment(at: datetime) -> str:
    """Return a naive UTC time as it stands in every document: ISO 8601 with Z."""
    return at.isoformat(timespec="microseconds" if at.microsecond else "seconds") + "Z"


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {spec.name: _plain(getattr(value, spec.name)) for spec in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return moment(value)
    return value
