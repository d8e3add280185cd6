"""What the holder takes along: the archive of records, sealed in a file, and the certificates."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from closeout.cases import audit, claims, journal, policies, queries, retained, transcript, vaults, venues
from closeout.cases.models import Case, Consent, Document, EffectRow
from closeout.cases.stories import TITLES
from closeout.failpoints import failpoint
from closeout.lifecycle import CLOSED, Effect, State
from closeout.reasons import refuse
from closeout.records import certificate, export, sealed_files
from closeout.records.statement import Both, Closed, Exported, Fate, Happened, Statement

ARCHIVE, PDF, JSON = "archive", "certificate_pdf", "certificate_json"
SEALED_AS = "document.archive"
RECEIPT = "audit-receipt.json"
CLASS = "operational"  # dies with the person's data; what the law keeps is in closeout.cases.retained
ALONE = "select pg_advisory_lock(hashtextextended('archive:' || %s, 0))"
RELEASE = ALONE.replace("pg_advisory_lock", "pg_advisory_unlock")
DAY_SECONDS = 86_400

Progress = Callable[[int, int, int], None]


def masked(account_id: int) -> str:
    """Return the account number as documents show it: the last four digits."""
    return f"****{account_id % 10_000:04d}"


def build_archive(
    case: Case, *, now: datetime, asked_at: datetime | None = None, progress: Progress | None = None
) -> Document:
    """Build the archive of the account as it is now and keep it sealed; a later one replaces an earlier one.

    ``asked_at``: since when an archive is wanted (aware UTC); one that was sealed since is the one. A build that was
    killed goes on where it stopped and gives the same bytes. One at a time for each case: a second waits.
    ``progress(kinds done, kinds, rows)`` is told after each kind. Raises: OSError (a full disk; the earlier archive
    stays), Unreachable, KeyDestroyed.
    """
    with _alone(case):
        standing = sealed_since(case, asked_at)
        return standing or _build(case, made_at=asked_at or now, now=now, progress=progress)


@contextmanager
def _alone(case: Case) -> Iterator[None]:
    """Keep others from building the archive of ``case``; freed by the database when this process dies."""
    with connection.cursor() as cursor:
        cursor.execute(ALONE, [case.number])
        try:
            yield
        finally:
            cursor.execute(RELEASE, [case.number])


def _build(case: Case, *, made_at: datetime, now: datetime, progress: Progress | None) -> Document:
    folder = vaults.archives()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = folder / f".{case.number}.work"
    work.mkdir(mode=0o700, exist_ok=True)
    seen = {"kinds": 0, "rows": 0}

    def tell(_kind: str, rows: int) -> None:
        seen["kinds"], seen["rows"] = seen["kinds"] + 1, seen["rows"] + rows
        failpoint("archive.part")
        if progress:
            progress(seen["kinds"], len(transcript.KINDS), seen["rows"])

    try:
        built = export.build(
            transcript.records(case.venue, case.account_id, until=made_at),
            transcript.KINDS,
            work / "archive.zip",
            account=masked(case.account_id),
            made_at=made_at.replace(tzinfo=None),
            keys=vaults.signing(now=now),
            venue=case.venue,
            extra={RECEIPT: _receipt(case, work, now=now)},
            progress=tell,
        )
        name = f"{case.number}-{built.sha256[:12]}.sealed"
        seal_file(case, built.path, folder / name)
        failpoint("archive.sealed")
        document = _keep_archive(case, built, folder / name, now=now)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)  # a full disk is not helped by what was begun
        raise
    shutil.rmtree(work)
    return document


def _receipt(case: Case, work: Path, *, now: datetime) -> Path:
    """Write what the audit log proves about ``case`` so far, once for each build, and return where."""
    path = work / RECEIPT
    if not path.exists():
        audit.seal(now=now)
        export.write_whole(path, audit.receipt(case.number))
    return path


def seal_file(case: Case, source: Path, target: Path) -> None:
    """Seal ``source`` for the holder of ``case``. Raises: OSError, KeyDestroyed."""
    subject = vaults.subject_of(case.venue, case.account_id)
    sealed_files.seal(vaults.vault(), subject, CLASS, source=source, target=target, context=SEALED_AS)


def ask_archive(case: Case, *, now: datetime) -> None:
    """Ask the worker for the archive of ``case``, unless it is asked for already."""
    with transaction.atomic():
        queries.lock([case.pk], wait=True)
        if preparing(case) is None:
            journal.enqueue(
                [(case.pk, Effect.RECORDS, {"asked_at": now.isoformat()}, now)], lane=journal.AWAITED
            )


def preparing(case: Case) -> Mapping[str, int] | None:
    """Return how far the archive that was asked for is (kinds, of, rows), or none if nothing is being built."""
    effect = EffectRow.objects.filter(
        case=case, kind=Effect.RECORDS.value, state__in=("ready", "running")
    ).first()
    if effect is None:
        return None
    done: Mapping[str, int] = effect.data.get("progress", {})
    return {"kinds": done.get("kinds", 0), "of": len(transcript.KINDS), "rows": done.get("rows", 0)}


def note_progress(effect: int, *, kinds: int, rows: int) -> None:
    """Note how far the build of an effect is, for the page that waits for it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update cases_effect set data = data || jsonb_build_object("
            "'progress', jsonb_build_object('kinds', %s::int, 'rows', %s::bigint)) where id = %s",
            [kinds, rows, effect],
        )


def sealed_since(case: Case, asked_at: datetime | None) -> Document | None:
    """Return the archive of ``case`` if it was sealed at or after ``asked_at`` (aware UTC)."""
    if asked_at is None:
        return None
    return Document.objects.filter(case=case, kind=ARCHIVE, created_at__gte=asked_at).first()


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
    """Return the content of ``document``, opened. Raises: KeyDestroyed, Unreadable, OSError."""
    return b"".join(stream(document))


def stream(document: Document) -> Iterator[bytes]:
    """Yield the content of ``document`` in pieces; a large archive is never in memory.

    Raises: KeyDestroyed, Unreadable, OSError.
    """
    if document.content is not None:
        return iter([bytes(document.content)])
    case = document.case
    subject = vaults.subject_of(case.venue, case.account_id)
    path = vaults.archives() / document.path
    return sealed_files.opened(vaults.vault(), subject, CLASS, sealed=path, context=SEALED_AS)


def note_download(document: Document, *, actor: str, way: str, now: datetime) -> None:
    """Write the download into the audit log, before the first byte leaves. ``way``: the door, such as ``portal``."""
    kind = document.kind.replace("_pdf", "").replace("_json", "")
    details = {"sha256": document.sha256, "way": way}
    with transaction.atomic():
        audit.append([audit.Line(document.case.number, f"{kind}:download", actor, details)], now=now)


def note_statements(case: Case, *, way: str, now: datetime) -> None:
    """Write into the audit log that statements of a closed account are handed out."""
    with transaction.atomic():
        audit.append([audit.Line(case.number, "statements:download", "holder", {"way": way})], now=now)


def of(case: Case, kind: str) -> Document:
    """Return one document of ``case``; that of an ordered one is made when asked for. Raises: Refused (no_document)."""
    found = Document.objects.filter(case=case, kind=kind).first()
    if found is None and case.campaign_id is not None and case.state in CLOSED:
        found = _made(case, kind)
    if found is None:
        raise refuse("no_document")
    return found


def _made(case: Case, kind: str) -> Document | None:
    if kind == ARCHIVE:
        return None if case.state == State.ERASED else build_archive(case, now=venues.now())
    issue_certificate(case, now=venues.now())
    return Document.objects.filter(case=case, kind=kind).first()


def issue_certificate(case: Case, *, now: datetime) -> str:
    """Issue both certificates of closure once and return the digest of what was signed; idempotent."""
    standing = Document.objects.filter(case=case, kind=JSON).first()
    if standing is not None:
        return standing.sha256
    claims.remember(case, now=now)
    retained.keep(case, now=now)
    note = audit.seal(now=now) or ""
    issued = certificate.issue(
        _statement(case, note, now=now), vaults.signing(now=now), timestamper=vaults.stamper()
    )
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
    kept = retained.years_later(closed_at, policy.retention_years)
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
            Both(en="Statements and tax files, for you to read", zh="对账单与税务文件（供你查阅）"),
            _naive(retained.readable_until(closed_at, policy)),
            Both(
                en=f"readable for {policy.statement_seasons} tax seasons with this certificate",
                zh=f"凭本证明在 {policy.statement_seasons} 个报税季内可查阅",
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


def sweep_files() -> int:
    """Remove sealed files that nothing names (any more), and scraps of builds that nobody continues; return how many.

    What is younger than a day may be in the making. Goes by the dates of the files, which are of the real time.
    """
    folder = vaults.archives()
    if not folder.is_dir():
        return 0
    named = set(Document.objects.exclude(path="").values_list("path", flat=True)) | retained.files()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".mark-") as mark:
        present = os.fstat(mark.fileno()).st_mtime
        free = [one for one in folder.iterdir() if one.name not in named]
        old = [one for one in free if one.lstat().st_mtime < present - DAY_SECONDS]
    for one in old:
        if one.is_dir():
            shutil.rmtree(one)
        else:
            one.unlink(missing_ok=True)
    return len(old)
