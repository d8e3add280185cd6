"""Writes to the audit log in the transaction of the verb. No personal data: case numbers and codes only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.db import connection, transaction

from closeout.cases import vaults
from closeout.records import audit, audit_receipt


@dataclass(frozen=True)
class Line:
    """One audited event of one case: ``event`` is ``subject:action``; values are codes, numbers, digests."""

    case: str
    event: str
    actor: str
    details: Mapping[str, object] = field(default_factory=dict)


def append(lines: Sequence[Line], *, now: datetime) -> None:
    """Append ``lines`` in the current transaction. ``now``: aware UTC."""
    if not lines:
        return
    at = now.replace(tzinfo=None)
    told = {id(line.details): line.details for line in lines}  # a batch shares them
    shared = {ident: _plain(details) for ident, details in told.items()}
    entries = [
        audit.Entry(
            subject=line.case, event=line.event, actor=line.actor, at=at, details=shared[id(line.details)]
        )
        for line in lines
    ]
    with connection.cursor() as cursor:
        audit.append(cast(Any, cursor), entries)


@dataclass(frozen=True)
class Entry:
    """One line of the log as it stands there. ``at``: ISO 8601, UTC."""

    number: int
    event: str
    actor: str
    at: str
    details: Mapping[str, Any]


ENTRIES = "select number, rec from audit.entry where subject = %s and number > %s order by number limit %s"
PAGE = 200


def entries(subject: str, *, after: int = 0) -> Sequence[Entry]:
    """Return the next lines of the log about ``subject``, a case number, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [subject, after, PAGE])
        rows = [(number, json.loads(bytes(rec))) for number, rec in cursor.fetchall()]
    return [Entry(number, said["event"], said["actor"], said["at"], said["details"]) for number, said in rows]


def _plain(details: Mapping[str, object]) -> Mapping[str, str | int | bool]:
    found: dict[str, str | int | bool] = {}
    for name, value in details.items():
        if isinstance(value, str | int | bool):
            found[name] = value
        elif isinstance(value, list | tuple):
            found[name] = "|".join(map(str, value))
        elif value is not None:
            raise TypeError(f"{name} is {type(value).__name__}; the audit log takes codes and numbers")
    return found


def seal(*, now: datetime) -> str | None:
    """Seal what was committed since the last checkpoint; return the newest signed note, None for an empty log."""
    name, key = vaults.signing(now=now).log_key()
    with transaction.atomic(), connection.cursor() as cursor:
        audit.seal(cast(Any, cursor), name=name, key=key, at=now.replace(tzinfo=None))
        return audit.latest(cast(Any, cursor))


def receipt(number: str) -> bytes:
    """Return what the sealed log proves about case ``number``, for its holder to keep."""
    with transaction.atomic():
        connection.ensure_connection()
        return audit_receipt.make(cast(Any, connection.connection), number)
