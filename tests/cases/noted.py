"""Archive and certificate that are noted, not made: quick, and as idempotent as the real ones."""

from __future__ import annotations

import hashlib
from datetime import datetime

from closeout.cases import documents
from closeout.cases.models import Case, Document


def noted_archive(case: Case, *, now: datetime, **_: object) -> Document:
    """Note an archive; a later one replaces it."""
    digest = hashlib.sha256(case.number.encode()).hexdigest()
    document, _ = Document.objects.update_or_create(
        case=case, kind=documents.ARCHIVE,
        defaults={"name": "records.zip", "sha256": digest, "size": 1, "created_at": now},
    )  # fmt: skip
    return document


def noted_certificate(case: Case, *, now: datetime) -> str:
    """Note a certificate once."""
    digest = hashlib.sha256(case.number.encode()).hexdigest()
    Document.objects.get_or_create(
        case=case, kind=documents.JSON,
        defaults={"name": "certificate.json", "sha256": digest, "size": 1, "created_at": now},
    )  # fmt: skip
    return digest
