"""Proving on the web that a closed account was one's own: certificate, name, and a code to the mailbox of then.

Whoever tries gets the same answer whether anything fits or not: a round, and a page that asks for the code. Only a
round that fits sends one. Address and code lie sealed until the worker has sent the letter, then nowhere.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import subprocess
import sys
import uuid
from datetime import datetime, timedelta

from django.db import connection

from closeout.cases import claims, letters, limits, policies, senders, vaults
from closeout.cases.claims import Told
from closeout.cases.limits import Limit, masked
from closeout.cases.models import Case, ClaimRound
from closeout.reasons import Refused, refuse
from closeout.records import certificate, retention
from closeout.records.vault import KeyDestroyed

log = logging.getLogger(__name__)

PAPER_MAX = 2 << 20  # bytes; a certificate has a tenth of that
SECONDS = 60  # by the clock; the processor gives it five
HOUR = timedelta(hours=1)
DIGITS = 8
TEMPLATE, CONTEXT = "claim", "claimround.sealed"
DECOY = "claims:nobody"  # whose key seals what is told to nobody
BATCH = 50

COUNT_ATTEMPT = """
update cases_claimround set attempts = attempts + 1
where id = %s and attempts < attempts_max and used_at is null and expires_at > %s
returning digest, case_id
"""
USE_ONCE = "update cases_claimround set used_at = %s where id = %s and used_at is null returning id"


def needs_code() -> bool:
    """Say whether the policy asks for a code to the mailbox."""
    return "email" in policies.in_force().claim_proof


def begin(paper: bytes, told: Told, *, network: str, language: str, now: datetime) -> ClaimRound:
    """Begin a round with the certificate ``paper``; without a case it fits nobody, which the page must not show.

    ``network``: where the request came from. Must not be called inside a transaction. Raises: Refused (claim_waits).
    """
    _demand_patience(told, network, now=now)
    try:
        case = claims.of_number(number_of(paper, now=now), told, now=now)
    except Refused as why:
        if why.reasons[0].code != "claim_unproven":
            raise
        case = None
    policy, ident = policies.in_force(), uuid.uuid4()
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    sealed, case = _sealed(case, told.email, code)
    return ClaimRound.objects.create(
        id=ident, case=case, digest=_digest(ident, code) if case else secrets.token_bytes(32),
        sealed=sealed if case and needs_code() else b"", language=language, attempts_max=policy.code_tries,
        begun_at=now, expires_at=now + timedelta(minutes=policy.code_minutes),
    )  # fmt: skip


def _demand_patience(told: Told, network: str, *, now: datetime) -> None:
    asked = [Limit("claims:everybody", 600, HOUR)]
    if network:
        asked.append(Limit(f"claims-from:{masked('network', network)}", 10, HOUR))
    if told.email:
        asked.append(Limit(f"claims-to:{masked('email', told.email)}", 5, HOUR))
    if waits := limits.take(asked, now=now):
        raise refuse("claim_waits", minutes=1 + int(max(waits.values()).total_seconds() // 60))


def _sealed(case: Case | None, address: str, code: str) -> tuple[bytes, Case | None]:
    """Seal what the letter needs; the work is the same for a round that fits nobody."""
    key, cls = (DECOY, "operational")
    if case is not None:
        key, cls = _key(case), retention.CLASS
    said = json.dumps({"to": address, "code": code}, ensure_ascii=False).encode()
    try:
        return vaults.vault().seal(key, cls, said, context=CONTEXT), case
    except KeyDestroyed:
        return b"", None


def _key(case: Case) -> str:
    return retention.key_of(vaults.subject_of(case.venue, case.account_id), "identity")


def _digest(ident: uuid.UUID, code: str) -> bytes:
    return hmac.digest(vaults.pepper(), f"claim|{ident}|{code}".encode(), "sha256")


def number_of(paper: bytes, *, now: datetime) -> str:
    """Return the number of a genuine certificate, PDF or JSON; empty for anything else.

    A PDF is read in a process of its own with hard limits: it comes from a stranger.
    """
    keys = vaults.signing(now=now).public()
    if len(paper) > PAPER_MAX:
        return ""
    if not paper.startswith(b"%PDF-"):
        said = certificate.verify(paper, keys)
        return str((said.statement or {}).get("number", "")) if said.valid and said.form == "json" else ""
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-m", "closeout.cases.paper_reader"],
            input=json.dumps(keys.dumps()).encode() + b"\n" + paper, capture_output=True, timeout=SECONDS,
            check=False, env={"LC_ALL": "C.UTF-8"}, cwd="/",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ""
    return answer.stdout.decode(errors="replace").strip() if answer.returncode == 0 else ""


def confirm(ident: uuid.UUID, code: str, *, now: datetime) -> Case:
    """Return the case of a round whose code was typed; the attempt counts even if it is wrong. Good once.

    Must not be called inside a transaction. Raises: Refused (wrong_code, code_expired, code_used_up, code_replayed).
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNT_ATTEMPT, [ident, now])
        counted = cursor.fetchone()
        row = ClaimRound.objects.filter(pk=ident).select_related("case").first()
        if row is None:
            raise refuse("code_expired", factor="email")
        left = row.attempts_max - row.attempts
        if counted is None:
            void = "code_expired" if left and row.used_at is None else "code_used_up"
            raise refuse(void, factor="email", minutes=60)
        typed = "".join(code.split())
        if not hmac.compare_digest(bytes(counted[0]), _digest(ident, typed)) or row.case is None:
            raise refuse("wrong_code", factor="email", left=left)
        cursor.execute(USE_ONCE, [now, ident])
        if cursor.fetchone() is None:
            raise refuse("code_used_up", factor="email", minutes=60)
    claims.note(row.case, "claim:enter", {}, now=now)
    return row.case


def send_codes(*, now: datetime) -> int:
    """Send the codes of rounds that fit; return how many. One that could not be sent in time is forgotten.

    Two workers that take the same round send the same letter under the same key.
    """
    done = 0
    for row in ClaimRound.objects.exclude(sealed=b"").select_related("case").order_by("begun_at")[:BATCH]:
        try:
            done += _told(row, now=now)
        except OSError as why:
            log.warning("the way for claims is closed: %s", type(why).__name__)
            break
    return done


def _told(row: ClaimRound, *, now: datetime) -> int:
    if row.expires_at > now and row.case is not None:
        try:
            said = json.loads(
                vaults.vault().open(_key(row.case), retention.CLASS, bytes(row.sealed), context=CONTEXT)
            )
            letter = letters.write(TEMPLATE, "email", row.language, _values(row, said["code"]))
            senders.sender().send(
                key=f"claim-{row.pk.hex}", channel="email", address=said["to"], letter=letter
            )
        except (KeyDestroyed, senders.Undeliverable):
            log.warning("the code of claim %s cannot be sent", row.pk)
    return ClaimRound.objects.filter(pk=row.pk).exclude(sealed=b"").update(sealed=b"")


def _values(row: ClaimRound, code: str) -> dict[str, str]:
    policy = policies.in_force()
    return {
        "number": row.case.number if row.case else "",
        "code": code,
        "minutes": str(policy.code_minutes),
        "phrase": "—",  # erased with the account
        "domains": ", ".join(policy.own_domains),
    }


def forget(*, now: datetime) -> int:
    """Delete rounds that ended a day ago; return how many."""
    return ClaimRound.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()[0]
