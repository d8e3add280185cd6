"""Writes to the audit log in the transaction of the verb. No personal data: case numbers and codes only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django.db import connection

from closeout.records import audit


def append(entries: Sequence[tuple[str, str, Mapping[str, object]]], *, now: datetime) -> None:
    """Append (case number, ``subject:action``, detail) entries. ``now``: aware UTC."""
    if not entries:
        return
    with connection.cursor() as cursor:
        audit.append(
            cast(Any, cursor.cursor),
            [
                audit.Entry(stream=number, action=action, body=dict(body), at=now.replace(tzinfo=None))
                for number, action, body in entries
            ],
        )
