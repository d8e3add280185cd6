"""What a holder keeps of the audit log: the entries of their case, each proven to be in the signed log.

Checked offline, with the operator's public keys only. Entries that were not sealed yet when it was made are not in it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from closeout.records import merkle, notes
from closeout.records.audit import latest, prove

SCHEMA = "closeout.audit-receipt/1"


class BadReceipt(Exception):
    """The receipt proves nothing: altered, cut, or of another log. The message says what does not fit."""


def make(connection: psycopg.Connection[Any], subject: str) -> bytes:
    """Return the receipt of ``subject``: its sealed entries under the newest checkpoint."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        note = latest(cursor)
        cursor.execute("select number from audit.entry where subject = %s order by number", (subject,))
        numbers = [number for (number,) in cursor.fetchall()]
        proofs = [proof for number in numbers if (proof := prove(cursor, number)) is not None]
    said = {
        "schema": SCHEMA,
        "note": note or "",
        "entries": [
            {
                "record": base64.b64encode(one.record).decode(),
                "index": one.index,
                "path": [base64.b64encode(part).decode() for part in one.path],
            }
            for one in proofs
            if one.note == note
        ],
    }
    return (json.dumps(said, indent=1, sort_keys=True) + "\n").encode()


def check(receipt: bytes, logs: Sequence[str]) -> list[dict[str, Any]]:
    """Return the entries that ``receipt`` proves, in their order. ``logs``: verifier keys. Raises: BadReceipt."""
    try:
        said = json.loads(receipt)
        if said["schema"] != SCHEMA:
            raise BadReceipt("not a receipt of the audit log")
        if not said["note"] and not said["entries"]:
            return []
        head = notes.read_checkpoint(notes.open_note(said["note"], dict(map(notes.read_public, logs)))[0])
        found = []
        for one in said["entries"]:
            record = base64.b64decode(one["record"], validate=True)
            path = [base64.b64decode(part, validate=True) for part in one["path"]]
            if not merkle.included(merkle.leaf_hash(record), one["index"], head.size, path, head.root):
                raise BadReceipt(f"entry {one['index']} is not in the log that was signed")
            found.append(json.loads(record))
    except (ValueError, KeyError, TypeError, notes.BadNote) as wrong:
        raise BadReceipt(f"altered, or of another log: {wrong}") from wrong
    return found
