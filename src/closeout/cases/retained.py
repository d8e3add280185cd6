"""What the law keeps of a closed account, and what its former holder may still read of it.

At the certificate two things are sealed under keys of their own: who the holder was, and the transactions with
statement and tax files. Nothing else of the archive outlives the observation. The statements stay readable for some
tax seasons; what is kept is erased when its date comes, unless a hold stands (R-REC-4, R-SUP-8).
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from django.db import connection, transaction

from closeout.cases import audit, policies, queries, vaults, venues
from closeout.cases.models import Case, Document
from closeout.policy import Policy
from closeout.reasons import refuse
from closeout.records import erasure, export, retention, sealed_files
from closeout.records.vault import KeyDestroyed

TRANSACTIONS = frozenset({
    "trades", "orders", "transfers", "deposits", "withdrawals", "earn", "loans", "fees", "conversions", "ledger",
    "balances",
})  # fmt: skip
ALSO = ("statement.pdf", "public-keys.json", "manifest.json", "manifest.sig.json", "audit-receipt.json")
ARCHIVED_AS = ("operational", "document.archive")  # class and context of the archive that this is taken from
BATCH = 500


def years_later(moment: datetime, years: int) -> datetime:
    """Return the same day ``years`` later; 29 February becomes 1 March."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)


def readable_until(closed_at: datetime, policy: Policy) -> datetime:
    """Return when the statements stop being readable: after so many years beyond the one of the closing."""
    return closed_at.replace(
        year=closed_at.year + policy.statement_seasons + 1,
        month=1,
        day=1,
        hour=0,
        minute=0,
        second=0,
        microsecond=0,
    )


def keep(case: Case, *, now: datetime) -> None:
    """Seal what the law keeps of ``case``: identity, and transactions from its archive. Idempotent.

    Raises: KeyDestroyed, Unreachable, OSError (a full disk: nothing half written).
    """
    subject = vaults.subject_of(case.venue, case.account_id)
    standing = retention.find(_own(), subject)
    closed_at = case.closed_at or now
    policy = policies.of_version(case.policy_id)
    kept = functools.partial(
        retention.Kept,
        subject=subject,
        case_number=case.number,
        law=" ".join(policy.law_packs) or "FATF R.11",
        kept_from=closed_at.replace(tzinfo=None),
        until=years_later(closed_at, policy.retention_years).replace(tzinfo=None),
    )
    if "identity" not in standing and (who := _identity(case)) is not None:
        _keep(case, kept(category="identity", content=who), now=now)
    archive = Document.objects.filter(case=case, kind="archive").first()
    if "transactions" not in standing and archive is not None and archive.path:
        name, sha256 = _seal_transactions(case, archive)
        _keep(case, kept(category="transactions", path=name, sha256=sha256), now=now)


def _own() -> Any:
    """Return the driver's connection under Django's."""
    connection.ensure_connection()
    return cast(Any, connection.connection)


def _keep(case: Case, kept: retention.Kept, *, now: datetime) -> None:
    with transaction.atomic():
        item = retention.keep(_own(), vaults.vault(), kept)
        details = {"category": item.category, "until": f"{item.until:%Y-%m-%d}", "sha256": item.sha256}
        audit.append([audit.Line(case.number, "retention:keep", "system", details)], now=now)


def _identity(case: Case) -> bytes | None:
    venue = venues.venue(case.venue)
    holder = venue.holder(case.account_id)
    if holder is None:
        return None
    said = {
        "schema": "closeout.identity/1",
        "account_id": case.account_id,
        "name": holder.name,
        "email": holder.email,
        "phone": holder.phone,
        "identity": [dict(row) for row in venue.records(case.account_id, "identity")],
    }
    return json.dumps(said, ensure_ascii=False, default=str).encode()


def _seal_transactions(case: Case, archive: Document) -> tuple[str, str]:
    """Seal the transactions of the archive as a file; return its name and the SHA-256 of the content."""
    subject = vaults.subject_of(case.venue, case.account_id)
    folder = vaults.archives()
    cls, context = ARCHIVED_AS
    name = f"{case.number}-transactions.kept"
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{case.number}-kept-") as scratch:
        whole, part = Path(scratch) / "archive.zip", Path(scratch) / "transactions.zip"
        pieces = sealed_files.opened(
            vaults.vault(), subject, cls, sealed=folder / archive.path, context=context
        )
        with whole.open("wb") as file:
            file.writelines(pieces)
        _take(whole, part)
        key = retention.key_of(subject, "transactions")
        sealed_files.seal(
            vaults.vault(),
            key,
            retention.CLASS,
            source=part,
            target=folder / name,
            context=retention.SEALED_AS,
        )
        with part.open("rb") as file:
            return name, hashlib.file_digest(file, "sha256").hexdigest()


def _take(whole: Path, part: Path) -> None:
    """Copy what the law keeps, and the holder's statements, from the archive into one of their own."""
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in archive.namelist():
            folder, _, rest = name.rpartition("/")
            stem = rest.partition(".")[0]
            if name in ALSO or folder.startswith("tax") or (folder == "csv" and stem in TRANSACTIONS):
                with (
                    archive.open(name) as source,
                    kept.open(zipfile.ZipInfo(name, export.EPOCH), "w") as into,
                ):
                    shutil.copyfileobj(source, into, export.CHUNK)


def items(case: Case) -> Mapping[str, retention.Item]:
    """Return what is or was kept of ``case``, by category."""
    return retention.find(_own(), vaults.subject_of(case.venue, case.account_id))


def statements_until(case: Case) -> datetime | None:
    """Return until when its statements can be read; none if they were never kept or are erased."""
    item = items(case).get("transactions")
    if item is None or item.erased_at is not None or case.closed_at is None:
        return None
    return readable_until(case.closed_at, policies.of_version(case.policy_id))


def statements(case: Case, *, now: datetime) -> Iterator[bytes]:
    """Yield the transactions, statement and tax files of a closed account as one archive, in pieces.

    Raises: Refused (no_document: never kept, or its seasons are over), OSError.
    """
    until, item = statements_until(case), items(case).get("transactions")
    if until is None or item is None or now >= until:
        raise refuse("no_document")
    try:
        return sealed_files.opened(
            vaults.vault(), item.key, retention.CLASS, sealed=vaults.archives() / item.path,
            context=retention.SEALED_AS,
        )  # fmt: skip
    except KeyDestroyed as gone:
        raise refuse("no_document") from gone


def files() -> set[str]:
    """Return the names of the sealed files of what is still kept."""
    return {
        path
        for (path,) in _own().execute(
            "select path from retention.item where erased_at is null and path <> ''"
        )
    }


def end_due(*, now: datetime) -> int:
    """Erase what is kept and whose date has come, unless a hold stops it; return how much. ``now``: aware UTC.

    Nobody has to do anything for it. Idempotent; killed anywhere, the next call goes on.
    """
    naive = now.replace(tzinfo=None)
    items = retention.due(_own(), naive, most=BATCH)
    cases = {
        case.number: case for case in Case.objects.filter(number__in=[item.case_number for item in items])
    }
    stopped = queries.erasure_stopped(list(cases.values()), now=now)
    free = [
        item for item in items if item.case_number not in cases or cases[item.case_number].pk not in stopped
    ]
    if not free:
        return 0
    with transaction.atomic():
        retention.begin_end(_own(), free, naive)
    with transaction.atomic():
        receipts = retention.end(_own(), vaults.vault(), free, naive)
        erasure.mark_applied(_own().cursor(), receipts, naive)
        audit.append(
            [
                audit.Line(
                    item.case_number,
                    "retention:end",
                    "system",
                    {"category": item.category, "digest": gone.digest},
                )
                for item, gone in zip(free, receipts, strict=True)
            ],
            now=now,
        )
    for item in free:
        if item.path:
            (vaults.archives() / item.path).unlink(missing_ok=True)
    return len(free)


def ask_extension(case: Case, category: str, *, until: datetime, reason: str, by: str, now: datetime) -> int:
    """Ask to keep one category of one case longer; return the number that a second person agrees to.

    Raises: Refused (no_document), NotExtended.
    """
    item = items(case).get(category)
    if item is None:
        raise refuse("no_document")
    with transaction.atomic():
        number = retention.ask(
            _own(), item, until=until.replace(tzinfo=None), reason=reason, by=by, at=now.replace(tzinfo=None)
        )
        details = {"number": number, "category": category, "until": f"{until:%Y-%m-%d}", "reason": reason}
        audit.append([audit.Line(case.number, "retention:ask", by, details)], now=now)
    return number


def asked(case: Case) -> Sequence[retention.Asked]:
    """Return the requests about ``case`` that wait for a second person."""
    return retention.waiting(_own(), subject=vaults.subject_of(case.venue, case.account_id))


def case_of_extension(number: int) -> str | None:
    """Return the number of the case that a waiting request is about."""
    found = retention.waiting(_own(), number=number)
    return found[0].case_number if found else None


def agree_extension(number: int, *, by: str, now: datetime) -> retention.Item:
    """Agree as the second person, and put the date off. Raises: NotExtended (one_person, too_long, unknown)."""
    with transaction.atomic():
        item = retention.agree(_own(), number, by=by, at=now.replace(tzinfo=None))
        details = {"number": number, "category": item.category, "until": f"{item.until:%Y-%m-%d}"}
        audit.append([audit.Line(item.case_number, "retention:extend", by, details)], now=now)
    return item
