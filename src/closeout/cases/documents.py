"""What the holder takes along: the archive of records, sealed in a file, and the certificates."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from closeout import cluster
from closeout.cases import audit, policies, queries, vaults, venues
from closeout.cases.models import Case, Consent, Document
from closeout.cases.stories import TITLES
from closeout.reasons import refuse
from closeout.records import certificate, export
from closeout.records.statement import Both, Closed, Exported, Fate, Happened, Statement
from closeout.venues.base import RECORD_KINDS

ARCHIVE, PDF, JSON = "archive", "certificate_pdf", "certificate_json"
SEALED_AS = "document.archive"
CLASS = "retention"  # statements stay readable after the operational data is erased


def archives() -> Path:
    """Return where sealed archives lie: CLOSEOUT_ARCHIVES, else ``archives`` in the data directory."""
    return Path(os.environ.get("CLOSEOUT_ARCHIVES") or cluster.data_dir() / "archives")


def masked(account_id: int) -> str:
    """Return the account number as documents show it: the last four digits."""
    return f"****{account_id % 10_000:04d}"


def build_archive(case: Case, *, now: datetime) -> Document:
    """Build the archive of the account as it is now and keep it sealed; a later one replaces an earlier one.

    Raises: OSError (a full disk; the earlier archive stays), Unreachable, KeyDestroyed.
    """
    venue = venues.venue(case.venue)
    folder = archives()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{case.number}-") as scratch:
        built = export.build(
            lambda kind: venue.records(case.account_id, kind),
            RECORD_KINDS,
            Path(scratch) / "archive.zip",
            account=masked(case.account_id),
            made_at=now.replace(tzinfo=None),
            keys=vaults.signing(now=now),
            venue=case.venue,
        )
        subject = vaults.subject_of(case.venue, case.account_id)
        sealed = vaults.vault().seal(subject, CLASS, built.path.read_bytes(), context=SEALED_AS)
        name = f"{case.number}-{built.sha256[:12]}.sealed"
        aside = Path(scratch) / name
        aside.write_bytes(sealed)
        aside.replace(folder / name)
    return _keep_archive(case, built, folder / name, now=now)


def sealed_since(case: Case, asked_at: str | None) -> Document | None:
    """Return the archive of ``case`` if it was sealed at or after ``asked_at`` (ISO, aware UTC)."""
    if asked_at is None:
        return None
    moment = datetime.fromisoformat(asked_at)
    return Document.objects.filter(case=case, kind=ARCHIVE, created_at__gte=moment).first()


def _keep_archive(case: Case, built: export.Archive, path: Path, *, now: datetime) -> Document:
    manifest = {
        "files": [[file.name, file.bytes, file.sha256] for file in built.files],
        "rows": dict(built.rows),
        "ledger_sums": [list(pair) for pair in built.ledger_sums],
    }
    with transaction.atomic():
        earlier = Document.objects.select_for_update().filter(case=case, kind=ARCHIVE).first()
        document, _ = Document.objects.update_or_create(
            case=case, kind=ARCHIVE,
            defaults={
                "name": f"{case.number}-records.zip", "sha256": built.sha256, "size": built.bytes,
                "path": path.name, "manifest": manifest, "created_at": now,
            },
        )  # fmt: skip
        details = {"sha256": built.sha256, "bytes": built.bytes}
        audit.append([audit.Line(case.number, "archive:build", "system", details)], now=now)
    if earlier is not None and earlier.path != path.name:
        path.with_name(earlier.path).unlink(missing_ok=True)
    return document


def read(document: Document) -> bytes:
    """Return the content of ``document``, opened. Raises: KeyDestroyed, OSError."""
    if document.content is not None:
        return bytes(document.content)
    case = document.case
    sealed = (archives() / document.path).read_bytes()
    return vaults.vault().open(
        vaults.subject_of(case.venue, case.account_id), CLASS, sealed, context=SEALED_AS
    )


def of(case: Case, kind: str) -> Document:
    """Return one document of ``case``. Raises: Refused (no_document)."""
    found = Document.objects.filter(case=case, kind=kind).first()
    if found is None:
        raise refuse("no_document")
    return found


def issue_certificate(case: Case, *, now: datetime) -> str:
    """Issue both certificates of closure once and return the digest of what was signed; idempotent."""
    standing = Document.objects.filter(case=case, kind=JSON).first()
    if standing is not None:
        return standing.sha256
    note = audit.seal(now=now) or ""
    issued = certificate.issue(_statement(case, note, now=now), vaults.signing(now=now))
    with transaction.atomic():
        for kind, name, content in (
            (PDF, "certificate.pdf", issued.pdf),
            (JSON, "certificate.json", issued.json),
        ):
            Document.objects.get_or_create(
                case=case, kind=kind,
                defaults={
                    "name": f"{case.number}-{name}", "sha256": hashlib.sha256(content).hexdigest(),
                    "size": len(content), "content": content, "created_at": now,
                },
            )  # fmt: skip
        audit.append(
            [audit.Line(case.number, "certificate:issue", "system", {"digest": issued.digest})], now=now
        )
    return issued.digest


def _statement(case: Case, note: str, *, now: datetime) -> Statement:
    given = Consent.objects.filter(case=case, given_at__isnull=False).order_by("-given_at").first()
    archive = Document.objects.filter(case=case, kind=ARCHIVE).first()
    manifest: Mapping[str, Sequence[Sequence[str]]] = archive.manifest if archive else {}
    files = tuple(Exported(str(name), int(size), str(sha)) for name, size, sha in manifest.get("files", ()))
    closed_at = case.closed_at or now
    return Statement(
        number=case.number,
        venue=case.venue,
        account=masked(case.account_id),
        applied_at=_naive(case.submitted_at or case.opened_at),
        closed_at=_naive(closed_at),
        issued_at=_naive(now),
        policy_version=case.policy_id,
        consent_sha256=given.text_hash if given else "",
        closed=_closed(archive),
        history=_history(case),
        files=files,
        fates=_fates(case, closed_at),
        ledger_sums=tuple((str(asset), str(total)) for asset, total in manifest.get("ledger_sums", ())),
        checkpoint=note,
    )


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _closed(archive: Document | None) -> tuple[Closed, ...]:
    rows = archive.manifest.get("rows", {}) if archive else {}
    account = Closed("account", Both(en="The account with all its wallets", zh="账户及其全部钱包"), 1)
    emptied = Closed(
        "movements",
        Both(en="Movements in the exported ledger", zh="导出账本中的变动"),
        int(rows.get("ledger", 0)),
    )
    return (account, emptied)


def _history(case: Case) -> tuple[Happened, ...]:
    opened = Happened(_naive(case.opened_at), "open", Both(**TITLES["open"]))
    return opened, *(
        Happened(_naive(line.at), line.event, Both(**TITLES[line.event])) for line in queries.history(case)
    )


def _fates(case: Case, closed_at: datetime) -> tuple[Fate, ...]:
    policy = policies.of_version(case.policy_id)
    observed = closed_at + timedelta(days=policy.observation_days)
    kept = _years_later(closed_at, policy.retention_years)
    return (
        Fate(
            Both(
                en="Profile, contacts, devices, messages, preferences",
                zh="个人资料、联系方式、设备、消息、偏好",
            ),
            _naive(observed),
            Both(
                en="erased at the end of the observation period by destroying their key",
                zh="观察期结束时通过销毁密钥删除",
            ),
        ),
        Fate(
            Both(en="Identity and transactions", zh="身份与交易记录"),
            _naive(kept),
            Both(
                en=f"kept for {policy.retention_years} years because the law demands it (FATF R.11), then erased",
                zh=f"依法保留 {policy.retention_years} 年（FATF 建议 11），到期删除",
            ),
        ),
    )


def _years_later(moment: datetime, years: int) -> datetime:
    """Return the same day ``years`` later; 29 February becomes 1 March."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)
