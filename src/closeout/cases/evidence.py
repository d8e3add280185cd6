"""Proof of identity: asked for in the open, sealed under the person's key, seen by few, deleted in time (R-SUP-4).

Evidence never decides by itself and is no authenticator (OWASP ASVS V6.4.2): people look at it and other people
agree. Answers about the account's past have no weight in any automatic decision.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import IntegrityError, transaction

from closeout import cluster
from closeout.cases import audit, correspondence, desk, journal, policies, queries, staff, uploads, vaults
from closeout.cases.mandate_kinds import DOCUMENTS
from closeout.cases.models import Case, Evidence, EvidenceRequest, EvidenceView, StaffSession
from closeout.cases.permissions import Right
from closeout.lifecycle import Effect
from closeout.policy import laws
from closeout.reasons import refuse

CLASS, CONTEXT = "operational", "evidence"
KINDS = ("photo", "video", "questions")
ON_FILE = "on_file"  # what registration asked for, where the law forbids to ask for more
UPLOADED = ("photo", "video", *DOCUMENTS)  # documents of a mandate are photos or PDF
VERDICTS = ("matches", "differs", "unclear")
ANSWER_DAYS = timedelta(days=7)
SPEAK_WITHIN = timedelta(minutes=10)
RETENTION = timedelta(days=90)  # after the decision. Source: policy page, "ID selfies of the case 90 d"
DIGITS = 4
ASKED = {
    "photo": {"en": "a photo of you holding your document", "zh": "手持证件照"},
    "video": {"en": "a short video in which you read a sentence", "zh": "朗读一句话的短视频"},
    "questions": {"en": "answers to questions about this account", "zh": "回答几个关于账户的问题"},
}
REQUEST = {
    "en": 'For application {number} we ask for {what}. You find it on the page "Proof of identity" of this portal, '
    "nowhere else. We never ask for codes or passwords.",
    "zh": "申请 {number} 需要你提供：{what}。请只在本站“身份证明”页面提交，不要在其他地方提交。"
    "我们绝不会索要验证码或密码。",
}
SENTENCE = {
    "en": "I ask to close my account for good. Today's digits are {digits}.",
    "zh": "我申请永久注销我的账户，今天的数字是 {digits}。",
}


def directory() -> Path:
    """Return where sealed files lie: ``CLOSEOUT_EVIDENCE``, else ``evidence`` in the data directory."""
    return Path(os.environ.get("CLOSEOUT_EVIDENCE") or cluster.data_dir() / "evidence")


def offered(case: Case) -> Sequence[str]:
    """Return what may be asked for: nothing where the law forbids more than registration asked for."""
    packs = policies.of_version(case.policy_id).law_packs
    allowed = laws.strictest(packs, "more_evidence_allowed", most=False)
    return KINDS if allowed is None or allowed.value else ()


def compare(session: StaffSession, case: Case, verdict: str, *, now: datetime) -> Evidence:
    """Note how the applicant compares with what registration asked for: the way where the law allows no more.

    Nothing is asked of the holder. Every contact is written to, and a decision waits as long as a cooling-off does, so
    that the owner can stop it. Raises: Refused (no_right, own_account, verdict_unknown, evidence_asked, not_now).
    """
    if verdict not in VERDICTS:
        raise refuse("verdict_unknown")
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.JUDGE_EVIDENCE, case)
        if offered(case) or not queries.lost_factors(case):
            raise refuse("not_now")
        first = not Evidence.objects.filter(case=case, kind=ON_FILE).exists()
        request = EvidenceRequest.objects.create(
            case=case, kind=ON_FILE, asked_by=session.staff, asked_at=now, expires_at=now, state="received"
        )
        found = Evidence.objects.create(
            case=case, request=request, kind=ON_FILE, media_type="", size=0, sha256="", received_at=now,
            verdict=verdict, judged_by=session.staff, judged_at=now,
        )  # fmt: skip
        if first:
            journal.enqueue([(case.pk, Effect.NOTIFY, {"template": "compare"}, now)], lane=journal.AWAITED)
        details = {"evidence": found.pk, "verdict": verdict, "kind": ON_FILE}
        audit.append(
            [audit.Line(case.number, "evidence:judge", str(staff.actor(session.staff)), details)], now=now
        )
    return found


def decidable_at(case: Case) -> datetime | None:
    """Return from when a comparison with the documents on file can carry a decision; None if there is none."""
    first = Evidence.objects.filter(case=case, kind=ON_FILE).order_by("id").first()
    if first is None:
        return None
    return first.received_at + timedelta(days=policies.of_version(case.policy_id).cooling_off_days)


def ask(session: StaffSession, case: Case, kind: str, *, now: datetime) -> EvidenceRequest:
    """Ask the holder for evidence; the request stands in their portal until it is answered or lapses.

    Raises: Refused (no_right, own_account, evidence_forbidden, evidence_asked).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.ASK_EVIDENCE, case)
        if kind not in offered(case):
            raise refuse("evidence_forbidden")
        _lapse(case, now=now)
        try:
            with transaction.atomic():
                request = EvidenceRequest.objects.create(
                    case=case, kind=kind, asked_by=session.staff, asked_at=now, expires_at=now + ANSWER_DAYS
                )
        except IntegrityError as twice:
            raise refuse("evidence_asked") from twice
        text = REQUEST[case.language].format(number=case.number, what=ASKED[kind][case.language])
        correspondence.say(
            case.account_id, text, venue=case.venue, audience="holder", author=staff.actor(session.staff),
            case=case, kind="request", key=f"request-{request.pk}", now=now,
            values={"request": request.pk, "kind": kind},
        )  # fmt: skip
        desk.open_task(case, "identity", "evidence", now=now, waits_for="holder")
    return request


def _lapse(case: Case, *, now: datetime) -> None:
    EvidenceRequest.objects.filter(case=case, state="open", expires_at__lt=now).update(state="lapsed")


def requests(case: Case, *, now: datetime) -> Sequence[EvidenceRequest]:
    """Return what the holder is asked for now."""
    rows = EvidenceRequest.objects.filter(
        case=case, state="open", expires_at__gte=now, kind__in=("photo", "video"), signer=None
    )
    return list(rows.order_by("id"))


def sentence(request: EvidenceRequest, *, now: datetime) -> str:
    """Return what is to be spoken, with digits by chance; after ten minutes there are others."""
    case = request.case
    subject = vaults.subject_of(case.venue, case.account_id)
    fresh = request.challenged_at is not None and now - request.challenged_at < SPEAK_WITHIN
    if not fresh:
        digits = " ".join(str(secrets.randbelow(10)) for _ in range(DIGITS))
        words = SENTENCE[case.language].format(digits=digits)
        request.challenge = vaults.vault().seal(subject, CLASS, words.encode(), context=CONTEXT)
        request.challenged_at = now
        request.save(update_fields=["challenge", "challenged_at"])
    return vaults.vault().open(subject, CLASS, bytes(request.challenge), context=CONTEXT).decode()


def receive(request: EvidenceRequest, content: bytes, *, now: datetime) -> Evidence:
    """Take what the holder sent: read apart, made anew, sealed; then it waits for the identity team.

    Nothing is kept of what is refused. Raises: Refused (evidence_closed, sentence_expired, and what
    :func:`uploads.read` refuses).
    """
    _demand_open(request, now=now)
    return keep(request, read(request.kind, content), now=now)


def read(kind: str, content: bytes) -> uploads.Clean:
    """Return the clean form of what was sent as ``kind``. Raises: Refused (what :func:`uploads.read` refuses)."""
    return uploads.read(kind if kind in uploads.MOST else "document", content)


def keep(request: EvidenceRequest, clean: uploads.Clean, *, now: datetime) -> Evidence:
    """Seal what was read; it waits for the identity team. Raises: Refused (evidence_closed, sentence_expired)."""
    case = request.case
    subject = vaults.subject_of(case.venue, case.account_id)
    sealed = vaults.vault().seal(subject, CLASS, clean.content, context=CONTEXT)
    path = directory() / f"{case.number}-{request.pk}-{secrets.token_hex(8)}.sealed"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = False
    path.write_bytes(sealed)
    try:
        with transaction.atomic():
            queries.lock([case.pk], wait=True)
            request = EvidenceRequest.objects.select_for_update().get(pk=request.pk)
            _demand_open(request, now=now)
            EvidenceRequest.objects.filter(pk=request.pk).update(state="received")
            found = Evidence.objects.create(
                case=case, request=request, kind=request.kind, media_type=clean.media_type,
                size=len(clean.content), sha256=hashlib.sha256(clean.content).hexdigest(), path=path.name,
                sealed=bytes(request.challenge), received_at=now, parts=list(clean.parts),
            )  # fmt: skip
            desk.open_task(case, "identity", "evidence", now=now)
            details = {"evidence": found.pk, "kind": found.kind, "sha256": found.sha256}
            by = f"signer:{request.signer_id}" if request.signer_id else "holder"
            audit.append([audit.Line(case.number, "evidence:receive", by, details)], now=now)
        kept = True
    finally:
        if not kept:
            path.unlink(missing_ok=True)
    return found


def _demand_open(request: EvidenceRequest, *, now: datetime) -> None:
    if request.state != "open" or request.expires_at < now or request.kind not in UPLOADED:
        raise refuse("evidence_closed")
    if request.kind == "video":
        begun = request.challenged_at
        if begun is None or now - begun > SPEAK_WITHIN:
            raise refuse("sentence_expired")


def answer(
    session: StaffSession, request: EvidenceRequest, answers: Sequence[tuple[str, str]], *, now: datetime
) -> Evidence:
    """Record what the holder answered to an agent's questions; it is evidence and decides nothing by itself."""
    case = request.case
    if request.state != "open" or request.kind != "questions" or not answers:
        raise refuse("evidence_closed")
    words = json.dumps([list(pair) for pair in answers], ensure_ascii=False).encode()
    subject = vaults.subject_of(case.venue, case.account_id)
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.ASK_EVIDENCE, case)
        EvidenceRequest.objects.filter(pk=request.pk).update(state="received")
        found = Evidence.objects.create(
            case=case, request=request, kind="questions", media_type="application/json", size=len(words),
            sha256=hashlib.sha256(words).hexdigest(), received_at=now,
            sealed=vaults.vault().seal(subject, CLASS, words, context=CONTEXT),
        )  # fmt: skip
        details = {"evidence": found.pk, "kind": "questions"}
        line = audit.Line(case.number, "evidence:receive", str(staff.actor(session.staff)), details)
        audit.append([line], now=now)
    return found


def look(session: StaffSession, ident: int, *, now: datetime, page: int = 1) -> tuple[Evidence, bytes]:
    """Return a piece of evidence, opened; that it was looked at is written down first. ``page``: from 1, of a document.

    Raises: Refused (unknown_case, no_right, own_account, evidence_gone), KeyDestroyed.
    """
    found = Evidence.objects.filter(pk=ident, case__venue=session.staff.venue).select_related("case").first()
    if found is None:
        raise refuse("unknown_case")
    staff.demand(session.staff, Right.SEE_EVIDENCE, found.case)
    if found.deleted_at is not None or not 1 <= page <= max(len(found.parts), 1):
        raise refuse("evidence_gone")
    with transaction.atomic():
        EvidenceView.objects.create(evidence=found, staff=session.staff, session=session, at=now)
        details = {"evidence": found.pk, "session": session.pk.hex, "page": page}
        line = audit.Line(found.case.number, "evidence:view", str(staff.actor(session.staff)), details)
        audit.append([line], now=now)
    return found, _page(found, _opened(found), page)


def _page(found: Evidence, content: bytes, page: int) -> bytes:
    if not found.parts:
        return content
    begins = sum(found.parts[: page - 1])
    return content[begins : begins + found.parts[page - 1]]


def _opened(found: Evidence) -> bytes:
    sealed = (directory() / found.path).read_bytes() if found.path else bytes(found.sealed)
    subject = vaults.subject_of(found.case.venue, found.case.account_id)
    return vaults.vault().open(subject, CLASS, sealed, context=CONTEXT)


def spoken(found: Evidence) -> str:
    """Return the words that were to be spoken in a video; empty for anything else, or when it is gone."""
    if found.kind != "video" or not found.sealed or found.deleted_at:
        return ""
    subject = vaults.subject_of(found.case.venue, found.case.account_id)
    return vaults.vault().open(subject, CLASS, bytes(found.sealed), context=CONTEXT).decode()


def judge(session: StaffSession, ident: int, verdict: str, *, now: datetime) -> Evidence:
    """Note what the identity team sees in a piece of evidence. Who judges it does not approve what follows.

    Raises: Refused (unknown_case, no_right, own_account, evidence_gone, verdict_unknown).
    """
    if verdict not in VERDICTS:
        raise refuse("verdict_unknown")
    with transaction.atomic():
        found = Evidence.objects.filter(pk=ident, case__venue=session.staff.venue).first()
        if found is None:
            raise refuse("unknown_case")
        (case,) = queries.lock([found.case_id], wait=True)
        staff.demand(session.staff, Right.JUDGE_EVIDENCE, case)
        if found.deleted_at is not None:
            raise refuse("evidence_gone")
        found.verdict, found.judged_by, found.judged_at = verdict, session.staff, now
        found.save(update_fields=["verdict", "judged_by", "judged_at"])
        details = {"evidence": found.pk, "verdict": verdict}
        line = audit.Line(case.number, "evidence:judge", str(staff.actor(session.staff)), details)
        audit.append([line], now=now)
    return found


def decided(case: Case, *, now: datetime) -> None:
    """Begin the retention of a case's evidence: it was needed for a decision that is made."""
    Evidence.objects.filter(case=case, delete_at=None).update(delete_at=now + RETENTION)


def forget(*, now: datetime, most: int = 200) -> int:
    """Delete what is past its retention, and what belongs to cases that ended without a decision."""
    due = Evidence.objects.filter(delete_at__lte=now, deleted_at=None).order_by("delete_at")[:most]
    for found in due:
        _delete(found, now=now)
    return len(due)


def _delete(found: Evidence, *, now: datetime) -> None:
    if found.path:
        (directory() / found.path).unlink(missing_ok=True)
    with transaction.atomic():
        Evidence.objects.filter(pk=found.pk).update(deleted_at=now, sealed=b"", path="")
        line = audit.Line(found.case.number, "evidence:delete", "system", {"evidence": found.pk})
        audit.append([line], now=now)
